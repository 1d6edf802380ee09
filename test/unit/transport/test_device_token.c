/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of device tokens: both forms of every provider, and tokens with tricks in them. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/p256.h"
#include "transport/ntf/device_token.h"
#include "transport/wire/text.h"

/* The key of RFC 8291, appendix A. */
#define WEB_KEY  "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define WEB_AUTH "AQ3VfRX3_F38J3ltcmMVRg"

static const char *text_of(const struct device_token *token) {
    static char text[DEVICE_TOKEN_TEXT_MAX + 1];
    struct writer writer = writer_of(text, DEVICE_TOKEN_TEXT_MAX);
    write_device_token_text(&writer, token);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    text[writer_length(&writer)] = '\0';
    return text;
}

static void test_tokens_in_text_and_in_binary(void **state) {
    (void)state;
    static const struct {
        const char *text, *binary_start;
    } tokens[] = {
        {"apns_dev 00ff", "AD\x04"},
        {"apns_prod 0123456789abcdef", "AP\x10"},
        {"apns_test abcd", "AT\x04"},
        {"apns_null test_ntf_token", "AN\x0etest_ntf_token"},
        {"apns_null aa", "AN\2aa"},
        {"webpush https://localhost/secret " WEB_AUTH " " WEB_KEY, "WP\x09localhost\0\7/secret\x10"},
        {"webpush https://push.example.org:8443/a/b?c=%20 " WEB_AUTH " " WEB_KEY, "WP\x10push.example.org\x04"
                                                                                  "8443"},
        {"webpush https://[2001:db8::1]:1/ " WEB_AUTH " " WEB_KEY, "WP\x0b"
                                                                   "2001:db8::1\1"
                                                                   "1\1/\x10"},
    };
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        struct device_token token, again;
        uint8_t bytes[1024];
        struct writer writer = writer_of(bytes, sizeof bytes);
        assert_int_equal(device_token_parse(slice_of_text(tokens[i].text), &token), SMQ_OK);
        assert_string_equal(text_of(&token), tokens[i].text);
        write_device_token(&writer, &token);
        assert_memory_equal(bytes, tokens[i].binary_start, strlen(tokens[i].binary_start));
        struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
        read_device_token(&reader, &again);
        assert_int_equal(reader_finish(&reader), SMQ_OK);
        assert_true(device_token_equal(&token, &again));
        for (size_t length = 0; length < writer_length(&writer); length++) {
            uint8_t *cut = heap_copy(bytes, length);
            reader = reader_of(slice_of(cut, length));
            read_device_token(&reader, &again);
            assert_int_equal(reader_status(&reader), SMQ_ERR_SYNTAX);
            free(cut);
        }
    }
}

static void test_texts_that_are_no_tokens(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "apns_prod",
        "apns_prod ",
        "apns_prod abc",
        "apns_prod ABCD",
        "apns_prod abcd ",
        "apns_prod ../..",
        "apns_prod test_ntf_token",
        "apns_live abcd",
        " apns_prod abcd",
        "webpush http://localhost/ " WEB_AUTH " " WEB_KEY,
        "webpush https:///secret " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost:0/ " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost:65536/ " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost:/ " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost/ AQ3VfRX3_F38J3ltcmMV " WEB_KEY,
        "webpush https://localhost/ " WEB_AUTH "AA " WEB_KEY,
        "webpush https://localhost/ " WEB_AUTH,
        "webpush https://localhost/ " WEB_AUTH " " WEB_KEY " ",
        "webpush https://localhost/\r\nHost:x " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost/ " WEB_AUTH " BKuw4Wx", /* no whole point */
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct device_token token;
        assert_int_equal(device_token_parse(slice_of_text(texts[i]), &token), SMQ_ERR_SYNTAX);
    }
}

/* The key must be a point of the curve: any other would make the agreement a gift to whoever sent it. */
static void test_a_web_key_off_the_curve_is_refused(void **state) {
    (void)state;
    struct device_token token, again;
    uint8_t bytes[512];
    assert_int_equal(device_token_parse(slice_of_text("webpush https://localhost/ " WEB_AUTH " " WEB_KEY), &token),
                     SMQ_OK);
    assert_true(p256_point_valid(token.web.receiver.point));
    for (size_t bit = 0; bit < 8 * P256_POINT_SIZE; bit += 7) {
        struct device_token bent = token;
        struct writer writer = writer_of(bytes, sizeof bytes);
        bent.web.receiver.point[bit / 8] ^= (uint8_t)(1U << bit % 8);
        write_device_token(&writer, &bent);
        struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
        read_device_token(&reader, &again);
        assert_int_equal(reader_status(&reader), SMQ_ERR_SYNTAX);
    }
    uint8_t infinity[P256_POINT_SIZE] = {0};
    assert_false(p256_point_valid(infinity));
}

static void test_only_tokens_without_tricks_go_into_a_path(void **state) {
    (void)state;
    static const struct {
        const char *token;
        size_t length;
        bool allowed;
    } tokens[] = {
        {"abcd", 4, true},
        {"0123456789abcdefABCDEF", 22, true},
        {"test_ntf-token", 14, true},
        {"", 0, false},
        {"../3/device/ab", 14, false},
        {"ab/cd", 5, false},
        {"ab?x=1", 6, false},
        {"ab#", 3, false},
        {"%2e%2e", 6, false},
        {"ab\r\nx: y", 8, false},
        {"ab\0cd", 5, false},
        {"ab cd", 5, false},
        {"\xc3\xa9", 2, false},
        {"..", 2, false},
    };
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        struct device_token token = {.provider = PUSH_APNS_PROD, .token = slice_of(tokens[i].token, tokens[i].length)};
        assert_int_equal(device_token_in_path(&token), tokens[i].allowed);
        token.provider = PUSH_WEB;
        assert_false(device_token_in_path(&token));
    }
}

static void test_tokens_in_json(void **state) {
    (void)state;
    static const struct {
        const char *token;
        bool written;
    } tokens[] = {{"00ff", true}, {"00f", false}, {"a\"}", false}, {"", false}, {"ABCD", false}};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        char json[128];
        struct device_token token = {.provider = PUSH_APNS_PROD, .token = slice_of_text(tokens[i].token)};
        struct writer writer = writer_of(json, sizeof json);
        write_device_token_json(&writer, &token);
        assert_int_equal(writer_finish(&writer) == SMQ_OK, tokens[i].written);
        if (tokens[i].written)
            assert_slice_text(slice_of(json, writer_length(&writer)),
                              "{\"pushProvider\":\"apns_prod\",\"token\":\"00ff\"}");
        token.provider = PUSH_WEB;
        writer = writer_of(json, sizeof json);
        write_device_token_json(&writer, &token);
        assert_true(writer.failed);
    }
}

static void test_tokens_differ_in_every_part(void **state) {
    (void)state;
    static const char *const texts[] = {
        "apns_dev abcd",
        "apns_prod abcd",
        "apns_prod abce",
        "webpush https://localhost/ " WEB_AUTH " " WEB_KEY,
        "webpush https://localhosT/ " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost:1/ " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost/x " WEB_AUTH " " WEB_KEY,
        "webpush https://localhost/ BTBZMqHH6r4Tts7J_aSIgg " WEB_KEY,
    };
    enum { COUNT = sizeof texts / sizeof texts[0] };
    static struct device_token tokens[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(device_token_parse(slice_of_text(texts[i]), &tokens[i]), SMQ_OK);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < COUNT; j++)
            assert_int_equal(device_token_equal(&tokens[i], &tokens[j]), i == j);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_in_text_and_in_binary),
        cmocka_unit_test(test_texts_that_are_no_tokens),
        cmocka_unit_test(test_a_web_key_off_the_curve_is_refused),
        cmocka_unit_test(test_only_tokens_without_tricks_go_into_a_path),
        cmocka_unit_test(test_tokens_in_json),
        cmocka_unit_test(test_tokens_differ_in_every_part),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
