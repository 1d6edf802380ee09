/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of the agent's stored commands, and of the words for states. */
#include "test/unit/transport/test_helpers.h"
#include "transport/agent/command.h"
#include "transport/agent/status.h"

#define ID  "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY"
#define KEY "MCowBQYDK2VwAyEArCkyYPlh1LOdpCgdPy20A4B0Jm7XeKErvLQD2EANme8="

/* Texts that are written as they are read. */
static const struct {
    const char *text;
    size_t length;
    enum agent_command_tag tag;
} commands[] = {
#define TEXT(text) text, sizeof text - 1
    {TEXT("CLIENT NEW T INV pq=invitation subscribe"), AGENT_COMMAND_NEW},
    {TEXT("CLIENT NEW F CON pq=disable only-create"), AGENT_COMMAND_NEW},
    {TEXT("CLIENT LSET I\x05hello"), AGENT_COMMAND_LSET},
    {TEXT("CLIENT LSET I\x05hello {\"data\":1} and more"), AGENT_COMMAND_LSET},
    {TEXT("CLIENT LSET CT\0\0\0"), AGENT_COMMAND_LSET},
    {TEXT("CLIENT LSET CF\0\0\2\x20\x20 \n"), AGENT_COMMAND_LSET},
    {TEXT("CLIENT LGET https://smp.simplex.im/a#key"), AGENT_COMMAND_LGET},
    {TEXT("CLIENT JOIN T simplex:/invitation#/?v=2 pq=enable subscribe 5\nhello"), AGENT_COMMAND_JOIN},
    {TEXT("CLIENT JOIN F simplex:/contact#/?v=2 pq=disable only-create 3\n\0 \n"), AGENT_COMMAND_JOIN},
    {TEXT("CLIENT LET conf-id 0\n"), AGENT_COMMAND_LET},
    {TEXT("CLIENT ACK 9223372036854775807"), AGENT_COMMAND_ACK},
    {TEXT("CLIENT ACK 12 4\nrcpt"), AGENT_COMMAND_ACK},
    {TEXT("CLIENT SWCH"), AGENT_COMMAND_SWCH},
    {TEXT("CLIENT DEL"), AGENT_COMMAND_DEL},
    {TEXT("INTERNAL ACK " ID " " ID), AGENT_INTERNAL_ACK},
    {TEXT("INTERNAL ACK_DEL " ID " " ID " 7"), AGENT_INTERNAL_ACK_DEL},
    {TEXT("INTERNAL ALLOW_SECURE " ID " "), AGENT_INTERNAL_ALLOW_SECURE},
    {TEXT("INTERNAL ALLOW_SECURE " ID " " KEY), AGENT_INTERNAL_ALLOW_SECURE},
    {TEXT("INTERNAL DUPLEX_SECURE " ID " " KEY), AGENT_INTERNAL_DUPLEX_SECURE},
    {TEXT("INTERNAL DELETE_CONN"), AGENT_INTERNAL_DELETE_CONN},
    {TEXT("INTERNAL DELETE_RCV_QUEUE " ID), AGENT_INTERNAL_DELETE_RCV_QUEUE},
    {TEXT("INTERNAL QSECURE " ID " " KEY), AGENT_INTERNAL_QSECURE},
    {TEXT("INTERNAL QDELETE " ID), AGENT_INTERNAL_QDELETE},
};

static void test_commands_come_back(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char again[512];
        struct agent_command command;
        struct slice text = slice_of(commands[i].text, commands[i].length);
        assert_int_equal(agent_command_parse(text, &command), SMQ_OK);
        assert_int_equal(command.tag, commands[i].tag);
        struct writer writer = writer_of(again, sizeof again);
        write_agent_command(&writer, &command);
        assert_int_equal(writer_finish(&writer), SMQ_OK);
        assert_slice_equal(slice_of(again, writer_length(&writer)), text);
        for (size_t length = 0; length < text.length; length++) {
            uint8_t *cut = heap_copy(text.bytes, length);
            (void)agent_command_parse(slice_of(cut, length), &command); /* some are other commands */
            free(cut);
        }
    }
}

static struct agent_command parsed(const char *text) {
    struct agent_command command;
    assert_int_equal(agent_command_parse(slice_of_text(text), &command), SMQ_OK);
    return command;
}

static void test_what_commands_say(void **state) {
    (void)state;
    struct agent_command command = parsed("CLIENT NEW T CON pq=enable only-create");
    assert_true(command.notifications && command.mode == CONNECTION_CONTACT && command.pq == AGENT_PQ_ENABLE &&
                command.subscribe == AGENT_ONLY_CREATE);
    command = parsed("CLIENT JOIN T simplex:/x pq=enable subscribe 5\nhello");
    assert_slice_text(command.link, "simplex:/x");
    assert_slice_text(command.body, "hello");
    command = parsed("CLIENT LSET I\x05hello data");
    assert_slice_text(command.user.user_data, "hello");
    assert_true(command.has_client_data);
    assert_slice_text(command.client_data, "data");
    command = parsed("CLIENT ACK 12 4\nrcpt");
    assert_int_equal(command.message_id, 12);
    assert_slice_text(command.body, "rcpt");
    command = parsed("INTERNAL ACK_DEL " ID " AQID 7");
    assert_int_equal(command.queue_id.length, 24);
    assert_int_equal(command.router_message_id.length, 3);
    assert_int_equal(command.message_id, 7);
    assert_false(parsed("INTERNAL ALLOW_SECURE " ID " ").has_key);
    assert_int_equal(parsed("INTERNAL QSECURE " ID " " KEY).key.algorithm, KEY_ED25519);
}

static void test_texts_that_are_no_commands(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "CLIENT",
        "CLIENT ",
        "NEW T INV pq=enable subscribe",
        "CLIENT QDELETE " ID,
        "INTERNAL NEW T INV pq=enable subscribe",
        "INTERNAL DEL",
        "client DEL",
        "CLIENT DEL ",
        "CLIENT NEW X INV pq=enable subscribe",
        "CLIENT NEW T ALL pq=enable subscribe",
        "CLIENT NEW T INV pq=maybe subscribe",
        "CLIENT NEW T INV pq=enable subscribe ",
        "CLIENT JOIN T simplex:/x pq=invitation subscribe 5\nhello",
        "CLIENT JOIN T  pq=enable subscribe 5\nhello",
        "CLIENT JOIN T simplex:/x pq=enable subscribe 6\nhello",
        "CLIENT JOIN T simplex:/x pq=enable subscribe 4\nhello",
        "CLIENT JOIN T simplex:/x pq=enable subscribe 99999999999999999999999\nhello",
        "CLIENT JOIN T simplex:/x pq=enable subscribe 18446744073709551615\nhello",
        "CLIENT JOIN T simplex:/x pq=enable subscribe \nhello",
        "CLIENT LET  5\nhello",
        "CLIENT LSET Xhello",
        "CLIENT LSET I\x06hello",
        "CLIENT LSET I\x05hello!",
        "CLIENT LGET ",
        "CLIENT LGET a b",
        "CLIENT ACK -1",
        "CLIENT ACK 9223372036854775808",
        "CLIENT ACK 1 ",
        "INTERNAL ACK " ID,
        "INTERNAL ACK  " ID,
        "INTERNAL ACK " ID " " ID " ",
        "INTERNAL ALLOW_SECURE " ID,
        "INTERNAL QSECURE " ID " ",
        "INTERNAL QSECURE " ID " AAAA",
        "INTERNAL QSECURE " ID
        " MEIwBQYDK2VvAzkAmKuSYeQ_m0SixPDS8Wq8VBaTS1cW-Lp0n0h4Diu-kUpR-qXx4SDJ32YGEFoGFGSbGPry5Ychr6U=",
        "INTERNAL DELETE_CONN ",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct agent_command command;
        assert_int_equal(agent_command_parse(slice_of_text(texts[i]), &command), SMQ_ERR_SYNTAX);
    }
}

static void test_words_for_states(void **state) {
    (void)state;
    static const unsigned counts[AGENT_WORD_COUNT] = {
        [WORD_RATCHET_SYNC] = RATCHET_SYNC_COUNT,     [WORD_QUEUE_STATUS] = QUEUE_STATUS_COUNT,
        [WORD_RECEIVE_SWITCH] = RECEIVE_SWITCH_COUNT, [WORD_SEND_SWITCH] = SEND_SWITCH_COUNT,
        [WORD_RECEIPT] = RECEIPT_STATUS_COUNT,        [WORD_NOTIFICATIONS] = NOTIFICATIONS_MODE_COUNT,
    };
    for (int i = 0; i < AGENT_WORD_COUNT; i++) {
        enum agent_word word = (enum agent_word)i;
        unsigned value;
        for (unsigned expected = 0; expected < counts[i]; expected++) {
            const char *text = agent_word_text(word, expected);
            assert_non_null(text);
            assert_int_equal(agent_word_parse(word, slice_of_text(text), &value), SMQ_OK);
            assert_int_equal(value, expected);
        }
        assert_null(agent_word_text(word, counts[i]));
        assert_int_equal(agent_word_parse(word, slice_of_text("other"), &value), SMQ_ERR_SYNTAX);
        assert_int_equal(agent_word_parse(word, slice_of_text(""), &value), SMQ_ERR_SYNTAX);
        assert_int_equal(agent_word_parse(word, slice_of_text("ok "), &value), SMQ_ERR_SYNTAX);
    }
    assert_string_equal(agent_word_text(WORD_RECEIPT, RECEIPT_BAD_HASH), "badMsgHash");
    assert_string_equal(agent_word_text(WORD_RECEIVE_SWITCH, RECEIVE_SWITCH_RECEIVED), "received_message");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_come_back),
        cmocka_unit_test(test_what_commands_say),
        cmocka_unit_test(test_texts_that_are_no_commands),
        cmocka_unit_test(test_words_for_states),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
