/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of NTF commands and responses: what is refused, with which error, and their credentials. Their encodings are
 * in test_ntf_captures.c. */
#include "test/support/capture.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/ntf/command.h"
#include "transport/ntf/response.h"

static struct capture capture;

static int open_vectors(void **state) {
    capture_open(&capture, "test/vectors/ntf/encodings.txt");
    return set_up_crypto(state);
}

static int close_vectors(void **state) {
    (void)state;
    capture_close(&capture);
    return 0;
}

/* The bytes of the capture's first line of this tag. */
static struct slice sample(const char *tag, uint8_t *bytes, size_t capacity) {
    char start[32];
    snprintf(start, sizeof start, "v3 %s", tag);
    const struct capture_line *line = capture_find(&capture, start);
    assert_non_null(line);
    return capture_hex_of(line, slice_of_text(strrchr(line->text, ' ') + 1), bytes, capacity);
}

/* On the heap, so that a sanitizer sees reads behind the end. */
static enum smq_result parse_command(struct slice bytes, struct ntf_command *command, struct smp_error *error) {
    uint8_t *copy = heap_copy(bytes.bytes, bytes.length);
    enum smq_result result = ntf_command_parse(slice_of(copy, bytes.length), command, error);
    free(copy);
    return result;
}

static void assert_syntax(struct slice bytes) {
    struct ntf_command command;
    struct smp_error error;
    assert_int_equal(parse_command(bytes, &command, &error), SMQ_ERR_SYNTAX);
    assert_int_equal(error.code, SMP_ERROR_COMMAND);
    assert_int_equal(error.command, COMMAND_SYNTAX);
}

static void test_unknown_tags_are_told_as_unknown(void **state) {
    (void)state;
    static const char *const texts[] = {"", " ", "tnew", "TNEWX", "TNE", "SUB", "NSUB x", "PINGPING", "TNEW\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ntf_command command;
        struct smp_error error;
        assert_int_equal(parse_command(slice_of_text(texts[i]), &command, &error), SMQ_ERR_SYNTAX);
        assert_int_equal(error.command, COMMAND_UNKNOWN);
    }
}

static void test_every_cut_or_longer_command_is_a_syntax_error(void **state) {
    (void)state;
    static const char *const tags[] = {"TNEW", "TVFY", "TCHK", "TRPL", "TDEL", "TCRN", "SNEW", "SCHK", "SDEL", "PING"};
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct slice whole = sample(tags[i], bytes, sizeof bytes - 1);
        for (size_t length = 4; length < whole.length; length++)
            assert_syntax(slice_of(bytes, length));
        bytes[whole.length] = 0;
        if (whole.length > 4) {
            assert_syntax(slice_of(bytes, whole.length + 1));
        } else {
            bytes[whole.length] = ' ';
            assert_syntax(slice_of(bytes, whole.length + 1));
        }
    }
}

static void test_a_new_thing_of_the_other_kind_is_a_syntax_error(void **state) {
    (void)state;
    uint8_t bytes[512];
    struct slice token = sample("TNEW", bytes, sizeof bytes);
    bytes[5] = 'S';
    assert_syntax(token);
    struct slice subscription = sample("SNEW", bytes, sizeof bytes);
    bytes[5] = 'T';
    assert_syntax(subscription);
}

static void test_a_token_key_that_cannot_authorize_is_a_syntax_error(void **state) {
    (void)state;
    uint8_t bytes[512];
    struct ntf_command command;
    struct smp_error error;
    struct key_pair x448 = fresh_pair(KEY_X448), ed448 = fresh_pair(KEY_ED448);
    assert_int_equal(ntf_command_parse(sample("TNEW", bytes, sizeof bytes), &command, &error), SMQ_OK);
    uint8_t other[512];
    struct writer writer = writer_of(other, sizeof other);
    command.token_new.verify_key = ed448.public_key;
    ntf_command_write(&command, &writer);
    assert_int_equal(ntf_command_parse(slice_of(other, writer_length(&writer)), &command, &error), SMQ_OK);
    writer = writer_of(other, sizeof other);
    command.token_new.verify_key = x448.public_key;
    ntf_command_write(&command, &writer);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_syntax(slice_of(other, writer_length(&writer)));
}

static void test_a_server_without_key_hash_is_a_syntax_error(void **state) {
    (void)state;
    uint8_t bytes[512], other[512];
    struct ntf_command command;
    struct smp_error error;
    assert_int_equal(ntf_command_parse(sample("SNEW", bytes, sizeof bytes), &command, &error), SMQ_OK);
    command.subscription_new.queue.server.has_key_hash = false;
    struct writer writer = writer_of(other, sizeof other);
    ntf_command_write(&command, &writer);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_syntax(slice_of(other, writer_length(&writer)));
}

/* One queue has one identity, whether its address names the historic onion host or not. */
static void test_a_historic_server_gets_its_onion_host(void **state) {
    (void)state;
    static const char with[] = "smp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@smp8.simplex.im,"
                               "beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion/AQID";
    static const char without[] = "smp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@smp8.simplex.im/AQID";
    struct ntf_queue a, b, c;
    uint8_t bytes[512];
    struct reader reader = reader_of(slice_of_text(with));
    read_ntf_queue_text(&reader, &a);
    reader = reader_of(slice_of_text(without));
    read_ntf_queue_text(&reader, &b);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    assert_int_equal(b.server.host_count, 2);
    assert_true(ntf_queue_equal(&a, &b));
    a.server.host_count = 1;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_ntf_queue(&writer, &a);
    reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_ntf_queue(&reader, &c);
    assert_true(ntf_queue_equal(&c, &b));
    c.notifier_id[0] ^= 1;
    assert_false(ntf_queue_equal(&c, &b));
}

static void test_the_notifier_key_is_wiped(void **state) {
    (void)state;
    static const uint8_t zeroes[KEY_BYTES_MAX];
    uint8_t bytes[512];
    struct ntf_command command;
    struct smp_error error;
    struct slice whole = sample("SNEW", bytes, sizeof bytes - 1);
    assert_int_equal(ntf_command_parse(whole, &command, &error), SMQ_OK);
    assert_memory_not_equal(command.subscription_new.notifier_key.bytes, zeroes, 32);
    ntf_command_wipe(&command);
    assert_memory_equal(command.subscription_new.notifier_key.bytes, zeroes, 32);
    assert_int_equal(ntf_command_parse(slice_of(bytes, whole.length + 1), &command, &error), SMQ_ERR_SYNTAX);
    assert_memory_equal(command.subscription_new.notifier_key.bytes, zeroes, 32);
}

/* -1: accepted. */
static int check_credentials(enum ntf_command_tag tag, bool has_authorization, bool has_entity) {
    struct ntf_command command = {.tag = tag};
    struct smp_error error;
    enum smq_result result = ntf_command_check_credentials(&command, has_authorization, has_entity, &error);
    assert_true(result == SMQ_OK || result == SMQ_ERR_AUTH);
    return result == SMQ_OK ? -1 : (int)error.command;
}

static void test_credentials(void **state) {
    (void)state;
    for (int i = 0; i < NTF_COMMAND_COUNT; i++) {
        enum ntf_command_tag tag = (enum ntf_command_tag)i;
        bool is_new = tag == NTF_TNEW || tag == NTF_SNEW, is_ping = tag == NTF_PING;
        assert_int_equal(check_credentials(tag, false, false), is_ping ? -1 : (int)COMMAND_NO_AUTH);
        assert_int_equal(check_credentials(tag, false, true), is_ping ? (int)COMMAND_HAS_AUTH : (int)COMMAND_NO_AUTH);
        assert_int_equal(check_credentials(tag, true, false), is_ping  ? (int)COMMAND_HAS_AUTH
                                                              : is_new ? -1
                                                                       : (int)COMMAND_NO_AUTH);
        assert_int_equal(check_credentials(tag, true, true), is_ping || is_new ? (int)COMMAND_HAS_AUTH : -1);
    }
}

/* ---- responses ---- */

static void assert_response_syntax(struct slice bytes, enum command_error expected) {
    uint8_t *copy = heap_copy(bytes.bytes, bytes.length);
    struct ntf_response response;
    struct smp_error error;
    assert_int_equal(ntf_response_parse(slice_of(copy, bytes.length), &response, &error), SMQ_ERR_SYNTAX);
    assert_int_equal(error.command, expected);
    free(copy);
}

static void test_responses_that_are_none(void **state) {
    (void)state;
    static const char *const syntax[] = {
        "IDTKN",
        "IDSUB",
        "ERR",
        "ERR ",
        "ERR NOTHING",
        "TKN",
        "TKN ",
        "TKN ACTIVE,BAD",
        "SUB",
        "SUB x",
        "TKN INVALID,",
        "TKN INVALID,WHY",
        "TKN INVALID,BAD,",
        "TKN ACTIVE ",
        "OK ",
        "PONG PONG",
        "SUB ERR",
        "SUB ACTIVE x",
    };
    for (size_t i = 0; i < sizeof syntax / sizeof syntax[0]; i++)
        assert_response_syntax(slice_of_text(syntax[i]), COMMAND_SYNTAX);
    assert_response_syntax(slice_of_text("IDS"), COMMAND_UNKNOWN);
    assert_response_syntax(slice_of_text(""), COMMAND_UNKNOWN);
    uint8_t bytes[256];
    struct slice whole = sample("IDTKN", bytes, sizeof bytes);
    for (size_t length = 5; length < whole.length; length++)
        assert_response_syntax(slice_of(bytes, length), COMMAND_SYNTAX);
}

static void test_entities_of_responses(void **state) {
    (void)state;
    for (int i = 0; i < NTF_RESPONSE_COUNT; i++) {
        struct ntf_response response = {.tag = (enum ntf_response_tag)i};
        struct smp_error error;
        bool must_not = i == NTF_IDTKN || i == NTF_IDSUB || i == NTF_PONG;
        bool must = i == NTF_OK || i == NTF_TKN || i == NTF_SUB;
        assert_int_equal(ntf_response_check_entity(&response, true, &error), must_not ? SMQ_ERR_PROTOCOL : SMQ_OK);
        assert_int_equal(error.code, must_not ? SMP_ERROR_COMMAND : SMP_ERROR_NONE);
        assert_int_equal(ntf_response_check_entity(&response, false, &error), must ? SMQ_ERR_PROTOCOL : SMQ_OK);
        assert_int_equal(error.code, must ? SMP_ERROR_COMMAND : SMP_ERROR_NONE);
    }
}

static void test_states_and_what_they_allow(void **state) {
    (void)state;
    static const bool may_verify[] = {[NTF_TOKEN_REGISTERED] = true,
                                      [NTF_TOKEN_CONFIRMED] = true,
                                      [NTF_TOKEN_ACTIVE] = true,
                                      [NTF_TOKEN_EXPIRED] = false};
    static const bool may_subscribe[] = {
        [NTF_TOKEN_INVALID] = true, [NTF_TOKEN_ACTIVE] = true, [NTF_TOKEN_EXPIRED] = true};
    for (int i = NTF_TOKEN_NEW; i <= NTF_TOKEN_EXPIRED; i++) {
        assert_int_equal(ntf_token_may_verify((enum ntf_token_state)i), may_verify[i]);
        assert_int_equal(ntf_token_may_subscribe((enum ntf_token_state)i), may_subscribe[i]);
    }
    for (int i = NTF_SUBSCRIPTION_NEW; i <= NTF_SUBSCRIPTION_ERROR; i++) {
        bool resumes = i == NTF_SUBSCRIPTION_NEW || i == NTF_SUBSCRIPTION_PENDING || i == NTF_SUBSCRIPTION_ACTIVE ||
                       i == NTF_SUBSCRIPTION_INACTIVE;
        assert_int_equal(ntf_subscription_resumes((enum ntf_subscription_state)i), resumes);
        assert_int_equal(ntf_subscription_alive((enum ntf_subscription_state)i),
                         resumes || i == NTF_SUBSCRIPTION_SERVICE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_tags_are_told_as_unknown),
        cmocka_unit_test(test_every_cut_or_longer_command_is_a_syntax_error),
        cmocka_unit_test(test_a_new_thing_of_the_other_kind_is_a_syntax_error),
        cmocka_unit_test(test_a_token_key_that_cannot_authorize_is_a_syntax_error),
        cmocka_unit_test(test_a_server_without_key_hash_is_a_syntax_error),
        cmocka_unit_test(test_a_historic_server_gets_its_onion_host),
        cmocka_unit_test(test_the_notifier_key_is_wiped),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_responses_that_are_none),
        cmocka_unit_test(test_entities_of_responses),
        cmocka_unit_test(test_states_and_what_they_allow),
    };
    return cmocka_run_group_tests(tests, open_vectors, close_vectors);
}
