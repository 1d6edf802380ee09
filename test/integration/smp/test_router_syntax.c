/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command text that is not understood: CMD UNKNOWN, CMD SYNTAX, and what comes before credentials are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/support/raw_transmission.h"
#include "test/support/router_fixture.h"

static struct router_fixture fixture;
static struct peer peer;
static struct peer_answer answer;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    router_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&fixture, 0, &peer);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&peer);
    return 0;
}

/* The error of a command without credentials, whose ids must be echoed. */
static void expect_command_error(struct slice command, enum command_error error) {
    struct raw_transmission transmission = {.correlation_id = slice_of_text("any length will do"),
                                            .entity_id = slice_of_text("some entity"),
                                            .command = command};
    raw_transmission_ask(&peer, &transmission, &answer);
    peer_check_error(&answer, smp_error_command(error));
    assert_true(slice_equal(transmission.correlation_id, answer.correlation_id));
    assert_true(slice_equal(transmission.entity_id, answer.entity_id));
}

static void test_unknown_tags_are_cmd_unknown_whatever_follows(void **state) {
    (void)state;
    static const char *const texts[] = {"",    " ",  "HELLO", "sub",    "SUB2 1", "NEWS",
                                        "PIN", "OK", "MSG",   "SENDT ", "SUB\t"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_command_error(slice_of_text(texts[i]), COMMAND_UNKNOWN);
}

static void test_commands_without_parameters_take_none_not_even_a_space(void **state) {
    (void)state;
    static const char *const tags[] = {"SUB", "SUBS", "LDEL", "NDEL", "GET",   "OFF",
                                       "DEL", "QUE",  "LGET", "NSUB", "NSUBS", "PING"};
    char text[16];
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        size_t length = strlen(tags[i]);
        memcpy(text, tags[i], length);
        memcpy(text + length, " x", 2);
        expect_command_error(slice_of(text, length + 1), COMMAND_SYNTAX);
        expect_command_error(slice_of(text, length + 2), COMMAND_SYNTAX);
    }
}

static void test_commands_with_parameters_need_them(void **state) {
    (void)state;
    static const char *const tags[] = {"NEW",  "KEY",  "RKEY", "LSET", "NKEY", "ACK",
                                       "SKEY", "SEND", "LKEY", "PRXY", "PFWD", "RFWD"};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        expect_command_error(slice_of_text(tags[i]), COMMAND_SYNTAX);
}

static void test_bytes_left_over_are_cmd_syntax(void **state) {
    (void)state;
    static const enum smp_command_tag tags[] = {SMP_KEY, SMP_SKEY, SMP_LKEY, SMP_NKEY, SMP_ACK, SMP_LSET, SMP_NEW};
    uint8_t bytes[1024];
    struct peer_queue queue;
    const struct smp_command create = peer_new_command(PEER_WITH_NOTIFIER, &queue);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct smp_command command = {.tag = tags[i]};
        struct writer writer = writer_of(bytes, sizeof bytes);
        if (tags[i] == SMP_NEW)
            command = create;
        else if (tags[i] == SMP_NKEY)
            command.notifier.key = queue.sender_key.public_key, command.notifier.dh_key = queue.dh_key.public_key;
        else if (tags[i] != SMP_ACK && tags[i] != SMP_LSET)
            command.key = queue.sender_key.public_key;
        smp_command_write(18, &command, &writer);
        assert_int_equal(SMQ_OK, writer_finish(&writer));
        expect_command_error(slice_of(bytes, writer_length(&writer)), COMMAND_NO_AUTH);
        write_u8(&writer, 'x');
        expect_command_error(slice_of(bytes, writer_length(&writer)), COMMAND_SYNTAX);
    }
}

static void test_send_flags_are_t_or_f_and_may_grow(void **state) {
    (void)state;
    expect_command_error(slice_of_text("SEND x body"), COMMAND_SYNTAX);
    expect_command_error(slice_of_text("SEND T"), COMMAND_SYNTAX);
    struct raw_transmission transmission = {.correlation_id = slice_of_text("flags"),
                                            .entity_id = slice_of_text("unknown"),
                                            .command = slice_of_text("SEND TFTF body")};
    raw_transmission_ask(&peer, &transmission, &answer);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
}

static void test_x448_keys_for_authorization_are_cmd_syntax(void **state) {
    (void)state;
    static const enum smp_command_tag tags[] = {SMP_KEY, SMP_SKEY, SMP_LKEY, SMP_NKEY, SMP_RKEY, SMP_NEW};
    struct key_pair x448;
    struct peer_queue queue;
    uint8_t bytes[1024];
    uint8_t list[1 + KEY_SPKI_MAX];
    struct writer keys = writer_of(list, sizeof list);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X448, &x448));
    write_public_key(&keys, &x448.public_key);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct writer writer = writer_of(bytes, sizeof bytes);
        struct smp_command command = tags[i] == SMP_NEW ? peer_new_command(0, &queue) : peer_command(tags[i]);
        if (tags[i] == SMP_NEW)
            command.create.recipient_key = x448.public_key;
        else if (tags[i] == SMP_NKEY)
            command.notifier.key = x448.public_key, command.notifier.dh_key = queue.dh_key.public_key;
        else if (tags[i] == SMP_RKEY)
            command.key_list = (struct key_list){1, slice_of(list, writer_length(&keys))};
        else
            command.key = x448.public_key;
        (void)peer_new_command(0, &queue);
        smp_command_write(18, &command, &writer);
        assert_int_equal(SMQ_OK, writer_finish(&writer));
        expect_command_error(slice_of(bytes, writer_length(&writer)), COMMAND_SYNTAX);
    }
}

static void test_message_keys_must_be_x25519(void **state) {
    (void)state;
    struct peer_queue queue;
    uint8_t bytes[1024];
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct smp_command create = peer_new_command(0, &queue);
    create.create.recipient_dh_key = queue.recipient_key.public_key;
    smp_command_write(18, &create, &writer);
    expect_command_error(slice_of(bytes, writer_length(&writer)), COMMAND_SYNTAX);
}

static void test_parsing_comes_before_the_presence_check(void **state) {
    (void)state;
    struct raw_transmission transmission = {.correlation_id = slice_of_text("order"),
                                            .command = slice_of_text("SUB x")};
    raw_transmission_ask(&peer, &transmission, &answer);
    peer_check_error(&answer, smp_error_command(COMMAND_SYNTAX));
    transmission.command = slice_of_text("SUB");
    raw_transmission_ask(&peer, &transmission, &answer);
    peer_check_error(&answer, smp_error_command(COMMAND_NO_AUTH));
}

static void test_correlation_and_entity_ids_of_any_length_are_echoed(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 23, 25, 100, 255};
    uint8_t id[255];
    memset(id, 0xa5, sizeof id);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct raw_transmission transmission = {.correlation_id = slice_of(id, lengths[i]),
                                                .entity_id =
                                                    slice_of(id, lengths[sizeof lengths / sizeof lengths[0] - 1 - i]),
                                                .command = slice_of_text("WHAT")};
        raw_transmission_ask(&peer, &transmission, &answer);
        peer_check_error(&answer, smp_error_command(COMMAND_UNKNOWN));
        assert_true(slice_equal(transmission.correlation_id, answer.correlation_id));
        assert_true(slice_equal(transmission.entity_id, answer.entity_id));
    }
}

static void test_later_commands_are_understood_in_early_versions(void **state) {
    (void)state;
    static const char *const texts[] = {"LDEL", "SUBS", "NSUBS", "LGET"};
    peer_close(&peer);
    router_fixture_connect(&fixture, 6, &peer);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct raw_transmission transmission = {.correlation_id = slice_of_text("early"),
                                                .command = slice_of_text(texts[i])};
        raw_transmission_ask(&peer, &transmission, &answer);
        peer_check_error(&answer,
                         smp_error_command(strcmp(texts[i], "LGET") == 0 ? COMMAND_NO_ENTITY : COMMAND_NO_AUTH));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_unknown_tags_are_cmd_unknown_whatever_follows),
        TEST(test_commands_without_parameters_take_none_not_even_a_space),
        TEST(test_commands_with_parameters_need_them),
        TEST(test_bytes_left_over_are_cmd_syntax),
        TEST(test_send_flags_are_t_or_f_and_may_grow),
        TEST(test_x448_keys_for_authorization_are_cmd_syntax),
        TEST(test_message_keys_must_be_x25519),
        TEST(test_parsing_comes_before_the_presence_check),
        TEST(test_correlation_and_entity_ids_of_any_length_are_echoed),
        TEST(test_later_commands_are_understood_in_early_versions),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
