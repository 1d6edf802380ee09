/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Every NTF command, response and status as the reference encodes it in each version, and the text of pushed messages:
 * parsed, and written again byte for byte. A line is "vFROM-TO TAG what hex". */
#include "test/support/capture.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/ntf/command.h"
#include "transport/ntf/message.h"
#include "transport/ntf/response.h"

enum { VALUE_MAX = 1024, TEXT_MAX = 4096 };

struct encoding {
    uint16_t from, to;
    struct slice bytes;
    uint8_t buffer[VALUE_MAX];
};

static void encoding_of(const struct capture_line *line, struct encoding *encoding) {
    char *end = NULL;
    const char *hex = strrchr(line->text, ' ');
    capture_check(line, line->text[0] == 'v' && hex != NULL);
    encoding->from = (uint16_t)strtoul(line->text + 1, &end, 10);
    encoding->to = *end == '-' ? (uint16_t)strtoul(end + 1, NULL, 10) : encoding->from;
    capture_check(line, encoding->from >= NTF_VERSION_MIN && encoding->to <= NTF_VERSION_MAX);
    encoding->bytes = capture_hex_of(line, slice_of_text(hex + 1), encoding->buffer, sizeof encoding->buffer);
    capture_check(line, 2 * encoding->bytes.length == strlen(hex + 1));
}

static void check_command(const struct capture_line *line, const struct encoding *encoding) {
    static uint8_t again[VALUE_MAX];
    struct ntf_command command;
    struct smp_error error;
    struct writer writer = writer_of(again, sizeof again);
    capture_check(line, ntf_command_parse(encoding->bytes, &command, &error) == SMQ_OK);
    capture_check(line, slice_equal(capture_word(line, 1), slice_of_text(ntf_command_info(command.tag)->text)));
    ntf_command_write(&command, &writer);
    capture_check(line, writer_finish(&writer) == SMQ_OK);
    capture_check(line, slice_equal(slice_of(again, writer_length(&writer)), encoding->bytes));
}

/* `fullest`: the same value in the highest version, which tells the most. */
static void check_response(const struct capture_line *line, const struct encoding *encoding, struct slice fullest) {
    static uint8_t again[VALUE_MAX];
    const struct slice sources[] = {encoding->bytes, fullest};
    for (uint16_t version = encoding->from; version <= encoding->to; version++) {
        for (size_t i = 0; i < 2; i++) {
            struct ntf_response response;
            struct smp_error error;
            struct writer writer = writer_of(again, sizeof again);
            capture_check(line, ntf_response_parse(sources[i], &response, &error) == SMQ_OK);
            capture_check(line, slice_equal(capture_word(line, 1), slice_of_text(ntf_response_tag_text(response.tag))));
            ntf_response_write(version, &response, &writer);
            capture_check(line, writer_finish(&writer) == SMQ_OK);
            capture_check(line, slice_equal(slice_of(again, writer_length(&writer)), encoding->bytes));
        }
    }
}

/* The words between version and bytes. */
static struct slice what_of(const struct capture_line *line) {
    const char *start = strchr(line->text, ' '), *end = strrchr(line->text, ' ');
    return slice_of(start, (size_t)(end - start));
}

static struct slice fullest_of(const struct capture *capture, const struct capture_line *line, uint8_t *buffer) {
    static struct encoding encoding;
    for (const struct capture_line *other = line; other < capture->lines + capture->count; other++) {
        if (other->text[0] != 'v' || !slice_equal(what_of(other), what_of(line)))
            continue;
        encoding_of(other, &encoding);
        if (encoding.to == NTF_VERSION_MAX) {
            memcpy(buffer, encoding.buffer, encoding.bytes.length);
            return slice_of(buffer, encoding.bytes.length);
        }
    }
    capture_check(line, !"an encoding in the highest version");
    return (struct slice){0};
}

static bool is_response(const struct capture_line *line) {
    for (int tag = 0; tag < NTF_RESPONSE_COUNT; tag++)
        if (slice_equal(capture_word(line, 1), slice_of_text(ntf_response_tag_text((enum ntf_response_tag)tag))))
            return true;
    return false;
}

/* The lines from `line` on that begin with a version; returns how many there were. */
static unsigned check_lines(const struct capture *capture, const struct capture_line *line) {
    static struct encoding encoding;
    static uint8_t fullest[VALUE_MAX];
    unsigned count = 0;
    for (; line < capture->lines + capture->count && line->text[0] == 'v'; line++, count++) {
        encoding_of(line, &encoding);
        if (is_response(line))
            check_response(line, &encoding, fullest_of(capture, line, fullest));
        else
            check_command(line, &encoding);
    }
    return count;
}

static void test_every_encoding_of_versions_1_to_3(void **state) {
    (void)state;
    struct capture capture;
    capture_open(&capture, "test/vectors/ntf/encodings.txt");
    assert_int_equal(check_lines(&capture, capture_find(&capture, "v1 TNEW")), 126);
    capture_close(&capture);
}

static void test_every_encoding_by_ranges_of_versions(void **state) {
    (void)state;
    struct capture capture;
    capture_open(&capture, "test/vectors/codecs/encodings.txt");
    assert_int_equal(check_lines(&capture, capture_find(&capture, "# NTF commands and responses") + 1), 48);
    capture_close(&capture);
}

static void test_a_queue_in_binary_and_in_text(void **state) {
    (void)state;
    static uint8_t bytes[VALUE_MAX], again[VALUE_MAX];
    struct capture capture;
    struct ntf_queue queue, queue_of_text;
    capture_open(&capture, "test/vectors/ntf/encodings.txt");
    const struct capture_line *line = capture_find(&capture, "smp-queue-ntf ");
    struct slice binary = capture_hex_of(line, capture_word(line, 1), bytes, sizeof bytes);
    struct reader reader = reader_of(binary);
    read_ntf_queue(&reader, &queue);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    struct writer writer = writer_of(again, sizeof again);
    write_ntf_queue(&writer, &queue);
    assert_slice_equal(slice_of(again, writer_length(&writer)), binary);

    struct slice text = capture_word(capture_find(&capture, "smp-queue-ntf-text "), 1);
    reader = reader_of(text);
    read_ntf_queue_text(&reader, &queue_of_text);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    assert_true(ntf_queue_equal(&queue, &queue_of_text));
    writer = writer_of(again, sizeof again);
    write_ntf_queue_text(&writer, &queue);
    assert_slice_equal(slice_of(again, writer_length(&writer)), text);
    capture_close(&capture);
}

static void check_messages(const struct capture *capture, const char *name, unsigned count) {
    static uint8_t again[TEXT_MAX];
    const struct capture_line *line = capture_find(capture, name);
    struct slice text = slice_of_text(line->text + strlen(name));
    struct reader reader = reader_of(text);
    struct writer writer = writer_of(again, sizeof again);
    struct ntf_message message;
    unsigned found = 0;
    for (; ntf_messages_next(&reader, &message); found++) {
        capture_check(line, message.timestamp == 1795910400);
        write_ntf_messages_item(&writer, &message);
    }
    capture_check(line, reader_finish(&reader) == SMQ_OK && found == count);
    capture_check(line, slice_equal(slice_of(again, writer_length(&writer)), text));
}

static void test_the_text_of_pushed_messages(void **state) {
    (void)state;
    struct capture capture;
    capture_open(&capture, "test/vectors/ntf/encodings.txt");
    check_messages(&capture, "pn-message-text ", 1);
    check_messages(&capture, "pn-two-messages-text ", 2);
    capture_close(&capture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_encoding_of_versions_1_to_3),
        cmocka_unit_test(test_every_encoding_by_ranges_of_versions),
        cmocka_unit_test(test_a_queue_in_binary_and_in_text),
        cmocka_unit_test(test_the_text_of_pushed_messages),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
