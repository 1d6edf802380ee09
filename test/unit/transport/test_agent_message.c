/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of messages between agents and of their chain: what the reference's library encodes, known answers, lists of
 * every kind, and messages that are cut or lie about what they hold. */
#include "test/support/capture.h"
#include "test/unit/transport/agent_samples.h"
#include "transport/agent/message.h"
#include "transport/agent/message_chain.h"

enum { MESSAGE_MAX = 16384 };

static uint8_t bytes[MESSAGE_MAX];

static struct slice written(const struct agent_message *message) {
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_agent_message(&writer, message);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

/* On the heap, so that a sanitizer sees reads behind the end. */
static enum smq_result parse(struct slice input, struct agent_message *message) {
    uint8_t *copy = heap_copy(input.bytes, input.length);
    enum smq_result result = agent_message_parse(slice_of(copy, input.length), message);
    free(copy);
    return result;
}

/* ---- the capture ---- */

static struct capture capture;

static int open_capture(void **state) {
    capture_open(&capture, "test/vectors/agent/messages.txt");
    return set_up_crypto(state);
}

static int close_capture(void **state) {
    (void)state;
    capture_close(&capture);
    return 0;
}

static void test_every_captured_message(void **state) {
    (void)state;
    static const enum agent_message_kind kinds[] = {
        AGENT_CONNECTION_INFO, AGENT_HELLO,    AGENT_HELLO,     AGENT_BODY,       AGENT_RECEIPTS,
        AGENT_RECEIPTS,        AGENT_CONTINUE, AGENT_QUEUE_USE, AGENT_QUEUE_TEST, AGENT_RATCHET_READY,
    };
    size_t count = 0;
    for (const struct capture_line *line = capture.lines; line < capture.lines + capture.count; line++) {
        uint8_t buffer[1024];
        struct agent_message message;
        const char *hex = strrchr(line->text, ' ');
        if (line->text[0] == '#')
            continue;
        struct slice input = capture_hex_of(line, slice_of_text(hex + 1), buffer, sizeof buffer);
        capture_check(line, 2 * input.length == strlen(hex + 1));
        capture_check(line, agent_message_parse(input, &message) == SMQ_OK);
        capture_check(line, count < sizeof kinds / sizeof kinds[0] && message.kind == kinds[count]);
        capture_check(line, slice_equal(written(&message), input));
        /* Kinds without a tail end where their last field does; cut anywhere, they are refused. */
        bool has_tail = message.kind == AGENT_CONNECTION_INFO || message.kind == AGENT_BODY;
        for (size_t length = 0; length < input.length && !has_tail; length++)
            capture_check(line, parse(slice_of(buffer, length), &message) == SMQ_ERR_SYNTAX);
        buffer[input.length] = 0;
        capture_check(line, has_tail || parse(slice_of(buffer, input.length + 1), &message) == SMQ_ERR_SYNTAX);
        count++;
    }
    assert_int_equal(count, sizeof kinds / sizeof kinds[0]);
}

static void captured(const char *start, uint8_t *buffer, size_t capacity, struct agent_message *message) {
    const struct capture_line *line = capture_find(&capture, start);
    assert_non_null(line);
    struct slice input = capture_hex_of(line, slice_of_text(strrchr(line->text, ' ') + 1), buffer, capacity);
    assert_int_equal(agent_message_parse(input, message), SMQ_OK);
}

static void test_what_the_captured_messages_say(void **state) {
    (void)state;
    uint8_t buffer[1024];
    struct agent_message message;
    struct agent_receipt receipt;
    struct agent_queue_use use;
    captured("A_RCVD 5 6", buffer, sizeof buffer, &message);
    assert_int_equal(message.id, 7);
    assert_int_equal(message.previous_hash.length, 32);
    assert_int_equal(message.list.count, 2);
    struct reader reader = reader_of(message.list.items);
    read_agent_receipt(&reader, &receipt);
    assert_int_equal(receipt.message_id, 5);
    assert_int_equal(receipt.info.length, 0);
    read_agent_receipt(&reader, &receipt);
    assert_int_equal(receipt.message_id, 6);
    assert_slice_text(receipt.info, "i");
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    captured("QUSE primary", buffer, sizeof buffer, &message);
    reader = reader_of(message.list.items);
    read_agent_queue_use(&reader, &use);
    assert_true(use.primary);
    assert_string_equal(server_address_host(&use.address.server, 0), "smp1.example.org");
    assert_int_equal(use.address.sender_id_length, 24);
    captured("EREADY 9", buffer, sizeof buffer, &message);
    assert_int_equal(message.last_id, 9);
    captured("I info", buffer, sizeof buffer, &message);
    assert_slice_text(message.content, "own info");
}

static void test_the_known_messages(void **state) {
    (void)state;
    uint8_t hash[HASH_SHA256_SIZE];
    struct agent_message hello = {.kind = AGENT_HELLO, .id = 1};
    struct slice input = written(&hello);
    assert_sha256(input.bytes, input.length, "4aadcc81f029b03efc4187b1a69d4f35014171c5d32aa9eb78130e5547d1fdca");
    assert_int_equal(hash_slice(HASH_SHA256, input, hash), SMQ_OK);
    struct agent_message body = {
        .kind = AGENT_BODY, .id = 2, .previous_hash = slice_of(hash, sizeof hash), .content = slice_of_text("hello")};
    input = written(&body);
    assert_int_equal(input.length, 48);
    assert_sha256(input.bytes, input.length, "1af619158095757d5f2bf43398e2bb0666811557be44d5db04460169197f377d");
}

/* ---- lists that the capture does not have ---- */

static void test_connection_info_with_reply_queues(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint8_t items[512];
        struct queue_uri queue = sample_queue(SAMPLE_QUEUE("4")), back;
        queue.mode = i == 0 ? QUEUE_MODE_MESSAGING : i == 1 ? QUEUE_MODE_CONTACT : QUEUE_MODE_NONE;
        struct writer writer = writer_of(items, sizeof items);
        write_queue_info(&writer, &queue);
        struct agent_message message = {.kind = AGENT_CONNECTION_INFO_REPLY,
                                        .reply_queues = {1, slice_of(items, writer_length(&writer))},
                                        .content = slice_of_text("{\"profile\":1}")};
        struct slice input = written(&message);
        assert_int_equal(agent_message_parse(input, &message), SMQ_OK);
        assert_slice_text(message.content, "{\"profile\":1}");
        struct reader reader = reader_of(message.reply_queues.items);
        read_queue_info(&reader, &back);
        assert_int_equal(reader_finish(&reader), SMQ_OK);
        assert_int_equal(back.mode, queue.mode);
        assert_true(queue_uri_same_queue(&back, &queue));
    }
}

static void test_the_known_queue_info(void **state) {
    (void)state;
    uint8_t info[256], uri[256];
    struct queue_uri queue = sample_queue(SAMPLE_QUEUE("1-4") "&q=m&k=s");
    struct writer writer = writer_of(uri, sizeof uri);
    write_queue_uri(&writer, &queue);
    size_t length = known_form(uri, writer_length(&writer));
    static const char known[] =
        "00010004 01 0e736d702e73696d706c65782e696d 0435323233 04d76df8fb 04df8e7afb "
        "2c302a300506032b656e0321008e2b30c08dcefcd952f059371c9516f3bd046366c0c26b6d301b2f441f5e577a"
        " 54";
    uint8_t expected[128];
    assert_slice_equal(slice_of(uri, length), from_hex(known, expected, sizeof expected));
    queue.versions = (struct version_range){4, 4};
    writer = writer_of(info, sizeof info);
    write_queue_info(&writer, &queue);
    assert_int_equal(known_form(info, writer_length(&writer)), 79);
    assert_memory_equal(info, "\0\4", 2);
    assert_memory_equal(info + 2, expected + 4, 76);
    assert_int_equal(info[78], 'M');
}

static struct queue_address sample_address(void) {
    struct queue_uri queue = sample_queue(SAMPLE_QUEUE("4"));
    struct queue_address address = {.server = queue.server, .sender_id_length = queue.sender_id_length};
    memcpy(address.sender_id, queue.sender_id, queue.sender_id_length);
    return address;
}

static void check_list(enum agent_message_kind kind, const struct writer *items, uint8_t count) {
    struct agent_message message = {
        .kind = kind, .id = 3, .list = {count, slice_of(items->start, writer_length(items))}};
    struct slice input = written(&message);
    struct agent_message back;
    assert_int_equal(agent_message_parse(input, &back), SMQ_OK);
    assert_int_equal(back.list.count, count);
    assert_slice_equal(back.list.items, message.list.items);
    for (size_t length = 0; length < input.length; length++)
        assert_int_equal(parse(slice_of(bytes, length), &back), SMQ_ERR_SYNTAX);
    size_t count_at = input.length - message.list.items.length - 1;
    bytes[count_at]++;
    assert_int_equal(parse(input, &back), SMQ_ERR_SYNTAX);
    bytes[count_at] = 0;
    assert_int_equal(parse(input, &back), SMQ_ERR_SYNTAX);
    bytes[count_at] = 0xff;
    assert_int_equal(parse(input, &back), SMQ_ERR_SYNTAX);
}

static void test_rotation_lists(void **state) {
    (void)state;
    uint8_t items[2048];
    struct key_pair key = fresh_pair(KEY_ED25519);
    struct agent_queue_add add = {.queue = sample_queue(SAMPLE_QUEUE("4") "&q=m"),
                                  .has_replaced = true,
                                  .replaced = sample_address()},
                           back;
    struct writer writer = writer_of(items, sizeof items);
    write_agent_queue_add(&writer, &add);
    add.has_replaced = false;
    write_agent_queue_add(&writer, &add);
    check_list(AGENT_QUEUE_ADD, &writer, 2);
    struct reader reader = reader_of(slice_of(items, writer_length(&writer)));
    read_agent_queue_add(&reader, &back);
    assert_true(back.has_replaced && back.queue.mode == QUEUE_MODE_MESSAGING);
    assert_int_equal(back.replaced.sender_id_length, add.replaced.sender_id_length);

    struct agent_queue_key queue_key = {.queue = sample_queue(SAMPLE_QUEUE("4")), .sender_key = key.public_key};
    writer = writer_of(items, sizeof items);
    write_agent_queue_key(&writer, &queue_key);
    check_list(AGENT_QUEUE_KEY, &writer, 1);

    struct queue_address address = sample_address();
    writer = writer_of(items, sizeof items);
    write_queue_address(&writer, &address);
    write_queue_address(&writer, &address);
    check_list(AGENT_QUEUE_TEST, &writer, 2);
}

static void test_a_rotation_key_that_cannot_authorize_is_refused(void **state) {
    (void)state;
    uint8_t items[1024];
    struct agent_queue_key key = {.queue = sample_queue(SAMPLE_QUEUE("4")), .sender_key = sample_x448()};
    struct writer writer = writer_of(items, sizeof items);
    write_agent_queue_key(&writer, &key);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    struct agent_message message = {.kind = AGENT_QUEUE_KEY, .list = {1, slice_of(items, writer_length(&writer))}};
    assert_int_equal(parse(written(&message), &message), SMQ_ERR_SYNTAX);
}

/* 255 receipts, of which each says that it is larger than the message. */
static void test_receipts_that_lie_about_their_size(void **state) {
    (void)state;
    struct agent_message message;
    uint8_t input[1 + 8 + 1 + 1 + 1 + 8 + 1 + 2] = {'M', 0, 0, 0, 0, 0, 0, 0, 1, 0, 'V', 255};
    input[sizeof input - 2] = 0xff;
    assert_int_equal(parse(slice_of(input, sizeof input), &message), SMQ_ERR_SYNTAX);
    input[11] = 1;
    assert_int_equal(parse(slice_of(input, sizeof input), &message), SMQ_ERR_SYNTAX);
    input[sizeof input - 2] = 0;
    assert_int_equal(parse(slice_of(input, sizeof input), &message), SMQ_OK);
}

static void test_foreign_kinds_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } inputs[] = {{"", 0},
                  {"H", 1},
                  {"V", 1},
                  {"X", 1},
                  {"M", 1},
                  {"M\0\0\0\0\0\0\0\1\0", 10},
                  {"M\0\0\0\0\0\0\0\1\0I", 11},
                  {"M\0\0\0\0\0\0\0\1\0Q", 11},
                  {"M\0\0\0\0\0\0\0\1\0QX", 12},
                  {"M\0\0\0\0\0\0\0\1\0HH", 12},
                  {"M\0\0\0\0\0\0\0\1\x20H", 11},
                  {"D", 1},
                  {"D\0", 2},
                  {"D\1", 2}};
    struct agent_message message;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        assert_int_equal(parse(slice_of(inputs[i].text, inputs[i].length), &message), SMQ_ERR_SYNTAX);
    message.kind = AGENT_MESSAGE_KIND_COUNT;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_agent_message(&writer, &message);
    assert_true(writer.failed);
}

static void test_words_and_flags_of_kinds(void **state) {
    (void)state;
    static const char *const words[] = {"C", "D", "S", "H", "M", "V", "QC", "QA", "QK", "QU", "QT", "E"};
    static const bool notifies[] = {true, true, true, true, true, false, false, false, false, false, false, true};
    for (int kind = 0; kind < AGENT_MESSAGE_KIND_COUNT; kind++) {
        assert_string_equal(agent_message_kind_text((enum agent_message_kind)kind), words[kind]);
        assert_int_equal(agent_message_notifies((enum agent_message_kind)kind), notifies[kind]);
    }
}

/* ---- the chain ---- */

static const char *integrity_text(const struct message_integrity_result *result, bool json) {
    static char text[160];
    struct writer writer = writer_of(text, sizeof text - 1);
    (json ? write_message_integrity_json : write_message_integrity)(&writer, result);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    text[writer_length(&writer)] = '\0';
    return text;
}

static void test_the_chain_tells_what_is_missing(void **state) {
    (void)state;
    struct message_chain chain = {0};
    uint8_t hash[HASH_SHA256_SIZE], other[HASH_SHA256_SIZE] = {1};
    assert_int_equal(message_chain_hash(&chain).length, 0);
    assert_int_equal(message_chain_check(&chain, 1, (struct slice){0}).integrity, MESSAGE_OK);
    assert_int_equal(message_chain_take(&chain, 5, slice_of_text("the fifth")), SMQ_OK);
    assert_int_equal(hash_slice(HASH_SHA256, slice_of_text("the fifth"), hash), SMQ_OK);
    struct slice good = slice_of(hash, sizeof hash), bad = slice_of(other, sizeof other);
    const struct {
        int64_t id;
        struct slice hash;
        const char *text, *json;
    } cases[] = {
        {6, good, "OK", "{\"type\":\"msgOk\"}"},
        {6, bad, "ERR HASH", "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"msgBadHash\"}}"},
        {6, {0}, "ERR HASH", "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"msgBadHash\"}}"},
        {5, good, "ERR DUPLICATE", "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"msgDuplicate\"}}"},
        {4, bad, "ERR ID 4", "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"msgBadId\",\"msgId\":4}}"},
        {-1, good, "ERR ID -1", "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"msgBadId\",\"msgId\":-1}}"},
        {9, bad, "ERR NO_ID 6 8",
         "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"msgSkipped\",\"fromMsgId\":6,\"toMsgId\":8}}"},
        {INT64_MAX, good, "ERR NO_ID 6 9223372036854775806",
         "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"msgSkipped\",\"fromMsgId\":6,\"toMsgId\":"
         "9223372036854775806}}"},
        {INT64_MIN, good, "ERR ID -9223372036854775808",
         "{\"type\":\"msgError\",\"errorInfo\":{\"type\":\"msgBadId\",\"msgId\":-9223372036854775808}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message_integrity_result result = message_chain_check(&chain, cases[i].id, cases[i].hash), back;
        assert_string_equal(integrity_text(&result, true), cases[i].json);
        assert_string_equal(integrity_text(&result, false), cases[i].text);
        assert_int_equal(message_integrity_parse(slice_of_text(cases[i].text), &back), SMQ_OK);
        assert_true(back.integrity == result.integrity && back.id == result.id && back.from == result.from &&
                    back.to == result.to);
    }
}

/* What a peer at the very end of the numbers sends must not overflow. */
static void test_the_last_number_of_all(void **state) {
    (void)state;
    struct message_chain chain = {0};
    assert_int_equal(message_chain_take(&chain, INT64_MAX, slice_of_text("last")), SMQ_OK);
    assert_int_equal(message_chain_check(&chain, INT64_MAX, (struct slice){0}).integrity, MESSAGE_DUPLICATE);
    assert_int_equal(message_chain_check(&chain, INT64_MIN, (struct slice){0}).integrity, MESSAGE_BAD_ID);
    assert_int_equal(message_chain_take(&chain, INT64_MIN, slice_of_text("first")), SMQ_OK);
    assert_int_equal(message_chain_check(&chain, INT64_MAX, (struct slice){0}).integrity, MESSAGE_SKIPPED);
    assert_int_equal(message_chain_check(&chain, INT64_MIN + 1, message_chain_hash(&chain)).integrity, MESSAGE_OK);
}

static void test_texts_that_are_no_integrity(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "OK ", "ERR", "ERR ", "ERR ID", "ERR ID x", "ERR NO_ID 1", "ERR NO_ID 1 ", "ERR NO_ID 1 2 3", "HASH"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct message_integrity_result result;
        assert_int_equal(message_integrity_parse(slice_of_text(texts[i]), &result), SMQ_ERR_SYNTAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_captured_message),
        cmocka_unit_test(test_what_the_captured_messages_say),
        cmocka_unit_test(test_the_known_messages),
        cmocka_unit_test(test_connection_info_with_reply_queues),
        cmocka_unit_test(test_the_known_queue_info),
        cmocka_unit_test(test_rotation_lists),
        cmocka_unit_test(test_a_rotation_key_that_cannot_authorize_is_refused),
        cmocka_unit_test(test_receipts_that_lie_about_their_size),
        cmocka_unit_test(test_foreign_kinds_are_refused),
        cmocka_unit_test(test_words_and_flags_of_kinds),
        cmocka_unit_test(test_the_chain_tells_what_is_missing),
        cmocka_unit_test(test_the_last_number_of_all),
        cmocka_unit_test(test_texts_that_are_no_integrity),
    };
    return cmocka_run_group_tests(tests, open_capture, close_capture);
}
