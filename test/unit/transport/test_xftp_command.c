/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP commands, responses and errors: what does not parse, which credentials go with what, what versions are told. */
#include "test/unit/transport/test_helpers.h"
#include "transport/xftp/command.h"
#include "transport/xftp/limits.h"
#include "transport/xftp/response.h"

static struct key_pair ed25519, ed448, x25519, x448;

static int set_up(void **state) {
    int result = set_up_crypto(state);
    ed25519 = fresh_pair(KEY_ED25519);
    ed448 = fresh_pair(KEY_ED448);
    x25519 = fresh_pair(KEY_X25519);
    x448 = fresh_pair(KEY_X448);
    return result;
}

/* ---- parsing ---- */

static void assert_command_error(struct slice bytes, enum command_error expected) {
    uint8_t *exact = heap_copy(bytes.bytes, bytes.length);
    struct xftp_command command;
    struct xftp_error error;
    assert_int_equal(xftp_command_parse(slice_of(exact, bytes.length), &command, &error), SMQ_ERR_SYNTAX);
    assert_int_equal(error.code, XFTP_ERROR_COMMAND);
    assert_int_equal(error.command, expected);
    free(exact);
}

static void test_unknown_tags_are_UNKNOWN_whatever_follows(void **state) {
    (void)state;
    static const char *const texts[] = {"", " ", "FNE", "FNEWX", "fnew", "SEND x", "PING\n", "F", "OK"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_command_error(slice_of_text(texts[i]), COMMAND_UNKNOWN);
    assert_command_error(slice_of("FPUT\0", 5), COMMAND_UNKNOWN);
}

static void test_parameters_where_none_may_be_are_SYNTAX(void **state) {
    (void)state;
    static const char *const texts[] = {"PING ", "PING x", "FPUT ", "FDEL x", "FACK  ",
                                        "FNEW",  "FADD",   "FGET",  "FGET "};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_command_error(slice_of_text(texts[i]), COMMAND_SYNTAX);
}

static struct slice new_command(const struct public_key *sender, const struct public_key *recipient, uint8_t count,
                                const char *password, uint8_t *bytes, size_t capacity) {
    struct writer writer = writer_of(bytes, capacity);
    write_text(&writer, "FNEW ");
    write_public_key(&writer, sender);
    write_u32(&writer, 65536);
    write_short(&writer, slice_of_text("digest"));
    write_u8(&writer, count);
    for (uint8_t i = 0; i < count; i++)
        write_public_key(&writer, recipient);
    write_maybe(&writer, password != NULL);
    if (password != NULL)
        write_short(&writer, slice_of_text(password));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

static void test_every_key_that_authorizes_is_taken_and_no_other(void **state) {
    (void)state;
    const struct public_key *good[] = {&ed25519.public_key, &ed448.public_key, &x25519.public_key};
    uint8_t bytes[1024];
    struct xftp_command command;
    struct xftp_error error;
    for (size_t i = 0; i < 3; i++) {
        struct slice text = new_command(good[i], good[2 - i], 2, NULL, bytes, sizeof bytes);
        assert_int_equal(xftp_command_parse(text, &command, &error), SMQ_OK);
        assert_true(public_key_equal(&command.create.sender_key, good[i]));
        assert_int_equal(command.create.recipient_keys.count, 2);
        assert_slice_text(command.create.digest, "digest");
    }
    assert_command_error(new_command(&x448.public_key, good[0], 1, NULL, bytes, sizeof bytes), COMMAND_SYNTAX);
    assert_command_error(new_command(good[0], &x448.public_key, 1, NULL, bytes, sizeof bytes), COMMAND_SYNTAX);
    assert_command_error(new_command(good[0], good[0], 0, NULL, bytes, sizeof bytes), COMMAND_SYNTAX);
}

static void test_FGET_takes_X25519_only(void **state) {
    (void)state;
    const struct public_key *bad[] = {&ed25519.public_key, &ed448.public_key, &x448.public_key};
    for (size_t i = 0; i < 3; i++) {
        uint8_t bytes[128];
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_text(&writer, "FGET ");
        write_public_key(&writer, bad[i]);
        assert_command_error(slice_of(bytes, writer_length(&writer)), COMMAND_SYNTAX);
    }
}

static void test_passwords_have_allowed_characters_only(void **state) {
    (void)state;
    static const char *const bad[] = {"a b", "a@b", "a:b", "a/b", "a\x7f", "\xc3\xa9", "\n"};
    uint8_t bytes[1024];
    struct xftp_command command;
    struct xftp_error error;
    struct slice text = new_command(&ed25519.public_key, &ed25519.public_key, 1, "pwd!", bytes, sizeof bytes);
    assert_int_equal(xftp_command_parse(text, &command, &error), SMQ_OK);
    assert_true(command.create.has_password);
    assert_slice_text(command.create.password, "pwd!");
    text = new_command(&ed25519.public_key, &ed25519.public_key, 1, "", bytes, sizeof bytes);
    assert_int_equal(xftp_command_parse(text, &command, &error), SMQ_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_command_error(new_command(&ed25519.public_key, &ed25519.public_key, 1, bad[i], bytes, sizeof bytes),
                             COMMAND_SYNTAX);
}

static void test_a_command_cut_anywhere_is_SYNTAX(void **state) {
    (void)state;
    uint8_t bytes[1024];
    struct slice whole = new_command(&ed25519.public_key, &ed448.public_key, 3, "pwd", bytes, sizeof bytes - 1);
    for (size_t length = strlen("FNEW"); length < whole.length; length++)
        assert_command_error(slice_of(bytes, length), COMMAND_SYNTAX);
    bytes[whole.length] = 0;
    assert_command_error(slice_of(bytes, whole.length + 1), COMMAND_SYNTAX);
}

static void test_a_list_that_promises_more_keys_than_it_has_is_SYNTAX(void **state) {
    (void)state;
    uint8_t bytes[1024];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_text(&writer, "FADD ");
    write_u8(&writer, 255);
    for (int i = 0; i < 3; i++)
        write_public_key(&writer, &ed25519.public_key);
    assert_command_error(slice_of(bytes, writer_length(&writer)), COMMAND_SYNTAX);
}

static void test_responses_that_are_none(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        enum command_error error;
    } rows[] = {
        {"", COMMAND_UNKNOWN},
        {"4f4b58", COMMAND_UNKNOWN},             /* OKX */
        {"4f4b20", COMMAND_SYNTAX},              /* OK and a space */
        {"53494453", COMMAND_SYNTAX},            /* SIDS */
        {"534944532000", COMMAND_SYNTAX},        /* no list */
        {"53494453200000", COMMAND_SYNTAX},      /* empty list */
        {"5349445320000200", COMMAND_SYNTAX},    /* one id of two */
        {"524944532001056162", COMMAND_SYNTAX},  /* cut id */
        {"46494c4520", COMMAND_SYNTAX},          /* FILE */
        {"45525220", COMMAND_SYNTAX},            /* ERR */
        {"45525220434d44", COMMAND_SYNTAX},      /* ERR CMD */
        {"4552522041555448 20", COMMAND_SYNTAX}, /* ERR AUTH and a space */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[64];
        struct slice text = from_hex(rows[i].hex, bytes, sizeof bytes);
        uint8_t *exact = heap_copy(text.bytes, text.length);
        struct xftp_response response;
        struct xftp_error error;
        assert_int_equal(xftp_response_parse(slice_of(exact, text.length), &response, &error), SMQ_ERR_SYNTAX);
        assert_int_equal(error.code, XFTP_ERROR_COMMAND);
        assert_int_equal(error.command, rows[i].error);
        free(exact);
    }
}

/* ---- credentials ---- */

static void test_credentials(void **state) {
    (void)state;
    enum { FINE = -1 };
    static const struct {
        enum xftp_command_tag tag;
        int nothing, authorization, entity, both;
    } rows[] = {
        {XFTP_FNEW, COMMAND_NO_AUTH, FINE, COMMAND_NO_AUTH, COMMAND_HAS_AUTH},
        {XFTP_FADD, COMMAND_NO_AUTH, COMMAND_NO_AUTH, COMMAND_NO_AUTH, FINE},
        {XFTP_FPUT, COMMAND_NO_AUTH, COMMAND_NO_AUTH, COMMAND_NO_AUTH, FINE},
        {XFTP_FDEL, COMMAND_NO_AUTH, COMMAND_NO_AUTH, COMMAND_NO_AUTH, FINE},
        {XFTP_FGET, COMMAND_NO_AUTH, COMMAND_NO_AUTH, COMMAND_NO_AUTH, FINE},
        {XFTP_FACK, COMMAND_NO_AUTH, COMMAND_NO_AUTH, COMMAND_NO_AUTH, FINE},
        {XFTP_PING, FINE, COMMAND_HAS_AUTH, COMMAND_HAS_AUTH, COMMAND_HAS_AUTH},
    };
    assert_int_equal(sizeof rows / sizeof rows[0], XFTP_COMMAND_COUNT);
    for (size_t i = 0; i < XFTP_COMMAND_COUNT; i++) {
        const int expected[] = {rows[i].nothing, rows[i].authorization, rows[i].entity, rows[i].both};
        struct xftp_command command = {.tag = rows[i].tag};
        for (unsigned given = 0; given < 4; given++) {
            struct xftp_error error;
            enum smq_result result = xftp_command_check_credentials(&command, given & 1, given & 2, &error);
            assert_int_equal(result, expected[given] == FINE ? SMQ_OK : SMQ_ERR_AUTH);
            assert_int_equal(error.code, expected[given] == FINE ? XFTP_ERROR_NONE : XFTP_ERROR_COMMAND);
            if (expected[given] != FINE)
                assert_int_equal(error.command, expected[given]);
        }
    }
}

static void test_only_FPUT_has_a_body(void **state) {
    (void)state;
    for (enum xftp_command_tag tag = 0; tag < XFTP_COMMAND_COUNT; tag++)
        assert_int_equal(xftp_command_info(tag)->has_body, tag == XFTP_FPUT);
}

static void test_entities_of_responses(void **state) {
    (void)state;
    for (enum xftp_response_tag tag = 0; tag < XFTP_RESPONSE_COUNT; tag++) {
        struct xftp_response response = {.tag = tag};
        struct xftp_error error;
        bool with = tag != XFTP_SIDS && tag != XFTP_PONG, without = !with || tag == XFTP_ERR;
        assert_int_equal(xftp_response_check_entity(&response, true, &error), with ? SMQ_OK : SMQ_ERR_PROTOCOL);
        assert_true(with || error.command == COMMAND_HAS_AUTH);
        assert_int_equal(xftp_response_check_entity(&response, false, &error), without ? SMQ_OK : SMQ_ERR_PROTOCOL);
        assert_true(without || error.command == COMMAND_NO_ENTITY);
    }
}

/* ---- errors ---- */

static void assert_error_text(const struct xftp_error *error, const char *expected) {
    char text[128];
    assert_string_equal(xftp_error_text(error, text, sizeof text), expected);
}

static void test_old_sessions_are_told_AUTH_for_BLOCKED(void **state) {
    (void)state;
    struct xftp_error blocked = xftp_error_blocked((struct smp_blocking_info){.reason = SMP_BLOCKED_CONTENT});
    for (uint16_t version = XFTP_VERSION_MIN; version <= XFTP_VERSION_MAX; version++) {
        struct xftp_error told = xftp_error_for_version(version, &blocked);
        assert_error_text(&told, version < 3 ? "AUTH" : "BLOCKED reason=content");
    }
}

static void test_the_old_name_of_NO_ENTITY_is_read(void **state) {
    (void)state;
    struct reader reader = reader_of(slice_of_text("CMD NO_QUEUE"));
    struct xftp_error error;
    xftp_error_read(&reader, &error);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    assert_error_text(&error, "CMD NO_ENTITY");
}

static void test_errors_that_are_none(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "NONE",
                                        "auth",
                                        "CMD",
                                        "CMD ",
                                        "CMD X",
                                        "BLOCKED",
                                        "BLOCKED reason=other",
                                        "REDIRECT",
                                        "LARGE_MSG",
                                        "BLOCKED reason=spam,notice=[]",
                                        "BLOCKED reason=spam,notice={\"ttl\":\"x\"}",
                                        "BLOCKED reason=spam,x"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct reader reader = reader_of(slice_of_text(texts[i]));
        struct xftp_error error;
        xftp_error_read(&reader, &error);
        assert_int_not_equal(reader_finish(&reader), SMQ_OK);
    }
}

static void test_no_error_cannot_be_written(void **state) {
    (void)state;
    uint8_t bytes[64];
    struct xftp_error none = xftp_error_of(XFTP_ERROR_NONE);
    struct writer writer = writer_of(bytes, sizeof bytes);
    xftp_error_write(&writer, &none);
    assert_int_not_equal(writer_finish(&writer), SMQ_OK);
    writer = writer_of(bytes, sizeof bytes);
    xftp_error_write_json(&writer, &none);
    assert_int_not_equal(writer_finish(&writer), SMQ_OK);
}

static void test_a_notice_without_an_end_is_an_empty_object_in_json(void **state) {
    (void)state;
    char json[128];
    struct writer writer = writer_of(json, sizeof json);
    struct xftp_error error =
        xftp_error_blocked((struct smp_blocking_info){.reason = SMP_BLOCKED_SPAM, .has_notice = true});
    xftp_error_write_json(&writer, &error);
    assert_slice_text(slice_of(json, writer_length(&writer)),
                      "{\"type\":\"BLOCKED\",\"blockInfo\":{\"notice\":{},\"reason\":\"spam\"}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_tags_are_UNKNOWN_whatever_follows),
        cmocka_unit_test(test_parameters_where_none_may_be_are_SYNTAX),
        cmocka_unit_test(test_every_key_that_authorizes_is_taken_and_no_other),
        cmocka_unit_test(test_FGET_takes_X25519_only),
        cmocka_unit_test(test_passwords_have_allowed_characters_only),
        cmocka_unit_test(test_a_command_cut_anywhere_is_SYNTAX),
        cmocka_unit_test(test_a_list_that_promises_more_keys_than_it_has_is_SYNTAX),
        cmocka_unit_test(test_responses_that_are_none),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_only_FPUT_has_a_body),
        cmocka_unit_test(test_entities_of_responses),
        cmocka_unit_test(test_old_sessions_are_told_AUTH_for_BLOCKED),
        cmocka_unit_test(test_the_old_name_of_NO_ENTITY_is_read),
        cmocka_unit_test(test_errors_that_are_none),
        cmocka_unit_test(test_no_error_cannot_be_written),
        cmocka_unit_test(test_a_notice_without_an_end_is_an_empty_object_in_json),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
