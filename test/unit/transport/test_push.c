/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of what is shown to push services: bodies, web tokens, and what is made of their answers. */
#include "test/unit/transport/test_helpers.h"
#include "transport/push/answer.h"
#include "transport/push/jwt.h"
#include "transport/push/payload.h"
#include "transport/push/web_encryption.h"
#include "transport/wire/text.h"

/* ---- bodies ---- */

static const char *apns_body(enum push_kind kind, size_t padded, size_t *length) {
    static char body[PUSH_BODY_MAX + 1];
    static const uint8_t nonce[BOX_NONCE_SIZE], sealed[NTF_SEALED_MAX];
    struct writer writer = writer_of(body, PUSH_BODY_MAX);
    push_apns_body_write(&writer, kind, nonce, slice_of(sealed, padded + BOX_TAG_SIZE));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    *length = writer_length(&writer);
    body[*length] = '\0';
    return body;
}

static void test_bodies_for_apple(void **state) {
    (void)state;
    static const char alert[] = "{\"aps\":{\"mutable-content\":1,\"alert\":\"Encrypted message or another app event\","
                                "\"category\":\"NTF_CAT_CHECK_MESSAGE\"},\"notificationData\":{\"message\":\"AAAA";
    size_t length;
    (void)apns_body(PUSH_VERIFICATION, NTF_PADDED_DEFAULT, &length);
    assert_int_equal(length, 4233);
    assert_memory_equal(apns_body(PUSH_MESSAGE, NTF_PADDED_DEFAULT, &length), alert, strlen(alert));
    assert_int_equal(length, 4310);
    (void)apns_body(PUSH_MESSAGE, 2816, &length);
    assert_int_equal(length, 3966);
    assert_string_equal(apns_body(PUSH_CHECK_MESSAGES, 0, &length),
                        "{\"aps\":{\"content-available\":1},\"notificationData\":{\"checkMessages\":true}}");
    assert_int_equal(length, 73);
    (void)apns_body(PUSH_MESSAGE, NTF_PADDED_MAX, &length); /* fits PUSH_BODY_MAX */
    assert_string_equal(push_apns_type(PUSH_MESSAGE), "alert");
    assert_string_equal(push_apns_type(PUSH_VERIFICATION), "background");
    assert_string_equal(push_apns_type(PUSH_CHECK_MESSAGES), "background");
}

static const char *web_body(enum push_kind kind) {
    static char body[256];
    static const uint8_t nonce[BOX_NONCE_SIZE], sealed[3];
    struct writer writer = writer_of(body, sizeof body - 1);
    push_web_body_write(&writer, kind, nonce, slice_of(sealed, sizeof sealed));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    body[writer_length(&writer)] = '\0';
    return body;
}

static void test_bodies_for_web_push(void **state) {
    (void)state;
    assert_string_equal(web_body(PUSH_VERIFICATION),
                        "{\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"verification\":\"AAAA\"}");
    assert_string_equal(web_body(PUSH_MESSAGE),
                        "{\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"message\":\"AAAA\"}");
    assert_string_equal(web_body(PUSH_CHECK_MESSAGES), "{\"checkMessages\":true}");
}

static void test_a_web_body_of_the_default_size_fits_what_services_take(void **state) {
    (void)state;
    static char body[PUSH_BODY_MAX];
    static const uint8_t nonce[BOX_NONCE_SIZE], sealed[NTF_PADDED_DEFAULT + BOX_TAG_SIZE];
    struct writer writer = writer_of(body, sizeof body);
    push_web_body_write(&writer, PUSH_VERIFICATION, nonce, slice_of(sealed, NTF_PADDED_WEB_DEFAULT + BOX_TAG_SIZE));
    assert_true(writer_length(&writer) <= WEB_PUSH_PLAINTEXT_MAX);
    writer = writer_of(body, sizeof body);
    push_web_body_write(&writer, PUSH_VERIFICATION, nonce, slice_of(sealed, sizeof sealed));
    assert_true(writer_length(&writer) > WEB_PUSH_PLAINTEXT_MAX);
}

/* ---- web tokens ---- */

/* Splits off the part up to `stop` and decodes it. */
static struct slice part_of(struct reader *reader, uint8_t stop, uint8_t *bytes, size_t capacity) {
    size_t length = 0;
    assert_int_equal(base64url_parse(read_until(reader, stop), bytes, capacity, &length), SMQ_OK);
    if (reader_left(reader) > 0)
        (void)read_u8(reader);
    return slice_of(bytes, length);
}

static void assert_token(const char *text, const struct p256_key *key, const char *header, const char *claims) {
    uint8_t bytes[1024], point[P256_POINT_SIZE];
    struct reader reader = reader_of(slice_of_text(text));
    assert_slice_text(part_of(&reader, '.', bytes, sizeof bytes), header);
    assert_slice_text(part_of(&reader, '.', bytes, sizeof bytes), claims);
    struct slice signed_text = slice_of(text, (size_t)(reader.position - (const uint8_t *)text) - 1);
    struct slice signature = part_of(&reader, '.', bytes, sizeof bytes);
    assert_int_equal(signature.length, P256_SIGNATURE_SIZE);
    p256_key_point(key, point);
    assert_int_equal(p256_verify(point, signed_text, signature.bytes), SMQ_OK);
    signed_text.length--;
    assert_int_equal(p256_verify(point, signed_text, signature.bytes), SMQ_ERR_CRYPTO);
}

static void test_apples_token(void **state) {
    (void)state;
    char text[JWT_TEXT_MAX + 1];
    struct p256_key *key = NULL;
    struct writer writer = writer_of(text, sizeof text - 1);
    assert_int_equal(p256_key_generate(&key), SMQ_OK);
    assert_int_equal(jwt_apns_write(&writer, key, slice_of_text("H82WD9K9AQ"), slice_of_text("5NN7GUYB6T"), 1761904506),
                     SMQ_OK);
    text[writer_length(&writer)] = '\0';
    assert_token(text, key, "{\"alg\":\"ES256\",\"kid\":\"H82WD9K9AQ\"}",
                 "{\"iss\":\"5NN7GUYB6T\",\"iat\":1761904506}");
    p256_key_free(&key);
}

static void test_the_token_of_web_push_is_the_known_one(void **state) {
    (void)state;
    static const char start[] = "vapid t="
                                "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJleHAiOjE3NjE5MDQ1MDYsImF1ZCI6Imh0dHBzOi8vbG9jY"
                                "Wxob3N0Iiwic3ViIjoiaHR0cHM6Ly9naXRodWIuY29tL3NpbXBsZXgtY2hhdC9zaW1wbGV4bXEvIn0.";
    char text[JWT_TEXT_MAX + 1], point_text[128] = "";
    struct p256_key *key = NULL;
    struct writer writer = writer_of(text, sizeof text - 1);
    struct writer point_writer = writer_of(point_text, sizeof point_text - 1);
    assert_int_equal(p256_key_generate(&key), SMQ_OK);
    assert_int_equal(jwt_vapid_write(&writer, key, slice_of_text("https://localhost"),
                                     slice_of_text("https://github.com/simplex-chat/simplexmq/"),
                                     1761904506 - JWT_VAPID_LIFE),
                     SMQ_OK);
    text[writer_length(&writer)] = '\0';
    assert_memory_equal(text, start, strlen(start));
    char *end = strstr(text, ",k=");
    assert_non_null(end);
    jwt_vapid_key_write(&point_writer, key);
    assert_string_equal(end + 3, point_text);
    assert_int_equal(strlen(point_text), 87);
    *end = '\0';
    assert_token(text + strlen("vapid t="), key, "{\"typ\":\"JWT\",\"alg\":\"ES256\"}",
                 "{\"exp\":1761904506,\"aud\":\"https://localhost\","
                 "\"sub\":\"https://github.com/simplex-chat/simplexmq/\"}");
    p256_key_free(&key);
}

static void test_texts_that_could_break_out_of_a_token_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"", "a\"b", "a\\b", "a b", "a\nb", "\x7f", "\xc3\xa9"};
    char text[JWT_TEXT_MAX];
    struct slice good = slice_of_text("good");
    struct p256_key *key = NULL;
    assert_int_equal(p256_key_generate(&key), SMQ_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct writer writer = writer_of(text, sizeof text);
        struct slice value = slice_of_text(bad[i]);
        assert_int_equal(jwt_apns_write(&writer, key, value, good, 1), SMQ_ERR_INVALID);
        assert_int_equal(jwt_apns_write(&writer, key, good, value, 1), SMQ_ERR_INVALID);
        assert_int_equal(jwt_vapid_write(&writer, key, value, good, 1), SMQ_ERR_INVALID);
        assert_int_equal(jwt_vapid_write(&writer, key, good, value, 1), SMQ_ERR_INVALID);
    }
    static char large[JWT_PART_MAX + 1];
    memset(large, 'a', sizeof large - 1);
    struct writer writer = writer_of(text, sizeof text);
    assert_int_equal(jwt_apns_write(&writer, key, slice_of_text(large), good, 1), SMQ_ERR_TOO_LARGE);
    assert_int_equal(jwt_vapid_write(&writer, key, slice_of_text(large), good, 1), SMQ_ERR_TOO_LARGE);
    for (size_t room = 0; room < 150; room += 11) {
        writer = writer_of(text, room);
        assert_int_equal(jwt_apns_write(&writer, key, good, good, 1), SMQ_ERR_TOO_LARGE);
    }
    p256_key_free(&key);
}

/* ---- answers ---- */

static void test_apples_answers(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *body;
        enum push_outcome outcome;
        enum ntf_invalid_reason reason;
    } answers[] = {
        {200, "", PUSH_DELIVERED, NTF_INVALID_UNKNOWN},
        {200, "{\"reason\":\"BadDeviceToken\"}", PUSH_DELIVERED, NTF_INVALID_UNKNOWN},
        {400, "{\"reason\":\"BadDeviceToken\"}", PUSH_TOKEN_INVALID, NTF_INVALID_BAD},
        {400, "{\"reason\":\"DeviceTokenNotForTopic\",\"more\":[1]}", PUSH_TOKEN_INVALID, NTF_INVALID_TOPIC},
        {400, "{\"reason\":\"TopicDisallowed\"}", PUSH_REFUSED, NTF_INVALID_UNKNOWN},
        {400, "{\"reason\":\"BadTopic\"}", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {400, "{\"reason\":17}", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {400, "[\"reason\"]", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {400, "not JSON", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {403, "{\"reason\":\"ExpiredProviderToken\"}", PUSH_REFUSED, NTF_INVALID_UNKNOWN},
        {403, "{\"reason\":\"InvalidProviderToken\"}", PUSH_REFUSED, NTF_INVALID_UNKNOWN},
        {403, "{\"reason\":\"BadDeviceToken\"}", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {404, "", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {405, "", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {410, "{\"reason\":\"ExpiredToken\"}", PUSH_TOKEN_INVALID, NTF_INVALID_EXPIRED},
        {410, "{\"reason\":\"Unregistered\",\"timestamp\":1}", PUSH_TOKEN_INVALID, NTF_INVALID_UNREGISTERED},
        {410, "", PUSH_RETRY_LATER, NTF_INVALID_UNKNOWN},
        {413, "", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {429, "", PUSH_RETRY_LATER, NTF_INVALID_UNKNOWN},
        {500, "{\"reason\":\"InternalServerError\"}", PUSH_RETRY_LATER, NTF_INVALID_UNKNOWN},
        {503, "", PUSH_RETRY_LATER, NTF_INVALID_UNKNOWN},
        {600, "", PUSH_ODD, NTF_INVALID_UNKNOWN},
        {0, "", PUSH_ODD, NTF_INVALID_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct push_answer answer = push_apns_answer(answers[i].status, slice_of_text(answers[i].body));
        assert_int_equal(answer.outcome, answers[i].outcome);
        assert_int_equal(answer.reason, answers[i].reason);
    }
}

static void test_a_body_of_any_size_or_depth_is_borne(void **state) {
    (void)state;
    enum { SIZE = 10000000 };
    char *body = malloc(SIZE);
    assert_non_null(body);
    memset(body, '[', SIZE);
    assert_int_equal(push_apns_answer(400, slice_of(body, SIZE)).outcome, PUSH_ODD);
    assert_int_equal(push_apns_answer(400, slice_of(body, PUSH_ANSWER_BODY_MAX)).outcome, PUSH_ODD);
    free(body);
}

static void test_answers_of_web_push(void **state) {
    (void)state;
    assert_int_equal(push_web_answer(201).outcome, PUSH_DELIVERED);
    assert_int_equal(push_web_answer(299).outcome, PUSH_DELIVERED);
    assert_int_equal(push_web_answer(301).outcome, PUSH_ODD);
    assert_int_equal(push_web_answer(404).outcome, PUSH_TOKEN_INVALID);
    assert_int_equal(push_web_answer(410).reason, NTF_INVALID_UNREGISTERED);
    assert_int_equal(push_web_answer(413).outcome, PUSH_REFUSED);
    assert_int_equal(push_web_answer(429).outcome, PUSH_RETRY_LATER);
    assert_int_equal(push_web_answer(502).outcome, PUSH_RETRY_LATER);
    assert_int_equal(push_web_answer(100).outcome, PUSH_ODD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_for_apple),
        cmocka_unit_test(test_bodies_for_web_push),
        cmocka_unit_test(test_a_web_body_of_the_default_size_fits_what_services_take),
        cmocka_unit_test(test_apples_token),
        cmocka_unit_test(test_the_token_of_web_push_is_the_known_one),
        cmocka_unit_test(test_texts_that_could_break_out_of_a_token_are_refused),
        cmocka_unit_test(test_apples_answers),
        cmocka_unit_test(test_a_body_of_any_size_or_depth_is_borne),
        cmocka_unit_test(test_answers_of_web_push),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
