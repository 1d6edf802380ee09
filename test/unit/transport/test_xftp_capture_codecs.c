/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Every XFTP command, response and error as the reference encodes it in each version, and the text and JSON of errors.
 * A line is "vFROM-TO TAG what hex", or "json VALUE | text | JSON". */
#include "test/support/capture.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/xftp/command.h"
#include "transport/xftp/limits.h"
#include "transport/xftp/response.h"

enum { VALUE_MAX = 1024 };

static struct capture encodings;

static int open_encodings(void **state) {
    capture_open(&encodings, "test/vectors/codecs/encodings.txt");
    return set_up_crypto(state);
}

static int close_encodings(void **state) {
    (void)state;
    capture_close(&encodings);
    return 0;
}

static struct slice bytes_of(const struct capture_line *line, uint8_t *buffer) {
    const char *hex = strrchr(line->text, ' ');
    capture_check(line, hex != NULL);
    struct slice bytes = capture_hex_of(line, slice_of_text(hex + 1), buffer, VALUE_MAX);
    capture_check(line, 2 * bytes.length == strlen(hex + 1));
    return bytes;
}

static void check_command(const struct capture_line *line, struct slice bytes) {
    uint8_t again[VALUE_MAX];
    struct writer writer = writer_of(again, sizeof again);
    struct xftp_command command;
    struct xftp_error error;
    capture_check(line, xftp_command_parse(bytes, &command, &error) == SMQ_OK);
    capture_check(line, slice_equal(capture_word(line, 1), slice_of_text(xftp_command_info(command.tag)->text)));
    xftp_command_write(&writer, &command);
    capture_check(line, writer_finish(&writer) == SMQ_OK);
    capture_check(line, slice_equal(slice_of(again, writer_length(&writer)), bytes));
}

static void check_written(const struct capture_line *line, uint16_t version, const struct xftp_response *response,
                          struct slice bytes) {
    uint8_t again[VALUE_MAX];
    struct writer writer = writer_of(again, sizeof again);
    xftp_response_write(version, &writer, response);
    capture_check(line, writer_finish(&writer) == SMQ_OK);
    capture_check(line, slice_equal(slice_of(again, writer_length(&writer)), bytes));
}

/* What a version is told less of stands, whole, in the next line. */
static void check_response(const struct capture_line *line, struct slice bytes) {
    uint8_t buffer[VALUE_MAX];
    struct xftp_response response, full;
    struct xftp_error error;
    const struct capture_line *fullest = capture_begins(line, "v1-2 ") ? line + 1 : line;
    char *end = NULL;
    unsigned long from = strtoul(line->text + 1, &end, 10);
    unsigned long to = *end == '-' ? strtoul(end + 1, NULL, 10) : from;

    capture_check(line, xftp_response_parse(bytes, &response, &error) == SMQ_OK);
    capture_check(line, slice_equal(capture_word(line, 1), slice_of_text(xftp_response_tag_text(response.tag))));
    capture_check(line, xftp_response_parse(bytes_of(fullest, buffer), &full, &error) == SMQ_OK);
    capture_check(line, from >= XFTP_VERSION_MIN && from <= to && to <= XFTP_VERSION_MAX);
    for (unsigned long version = from; version <= to; version++) {
        check_written(line, (uint16_t)version, &response, bytes);
        check_written(line, (uint16_t)version, &full, bytes);
    }
}

/* The error whose ERR response stands above as "ERR {VALUE}", in the highest version. */
static void error_called(const struct capture_line *line, struct slice value, struct xftp_error *named) {
    char start[256];
    uint8_t buffer[VALUE_MAX];
    snprintf(start, sizeof start, " ERR {%.*s} ", (int)value.length, (const char *)value.bytes);
    for (const struct capture_line *above = line - 1; above->text[0] != '#'; above--) {
        struct xftp_response response;
        struct xftp_error error;
        if (strstr(above->text, start) == NULL || capture_begins(above, "v1-2 "))
            continue;
        capture_check(line, xftp_response_parse(bytes_of(above, buffer), &response, &error) == SMQ_OK);
        *named = response.error;
        return;
    }
    capture_check(line, !"the bytes of this error");
}

static void check_texts(const struct capture_line *line) {
    char text[256], json[256];
    const char *value = line->text + strlen("json "), *value_end = strstr(value, " | ");
    capture_check(line, value_end != NULL);
    const char *json_start = strstr(value_end + 3, " | ");
    capture_check(line, json_start != NULL);
    struct xftp_error error, read;
    error_called(line, slice_of(value, (size_t)(value_end - value)), &error);

    struct slice expected = slice_of(value_end + 3, (size_t)(json_start - value_end - 3));
    capture_check(line, slice_equal(slice_of_text(xftp_error_text(&error, text, sizeof text)), expected));
    struct reader reader = reader_of(expected);
    xftp_error_read(&reader, &read);
    capture_check(line, reader_finish(&reader) == SMQ_OK && xftp_error_equal(&read, &error));
    struct writer writer = writer_of(json, sizeof json);
    xftp_error_write_json(&writer, &error);
    capture_check(line, slice_equal(slice_of(json, writer_length(&writer)), slice_of_text(json_start + 3)));
}

static bool is_command(const struct capture_line *line) {
    for (enum xftp_command_tag tag = 0; tag < XFTP_COMMAND_COUNT; tag++)
        if (slice_equal(capture_word(line, 1), slice_of_text(xftp_command_info(tag)->text)))
            return true;
    return false;
}

static void test_everything_comes_out_as_the_reference_writes_it(void **state) {
    (void)state;
    uint8_t buffer[VALUE_MAX];
    unsigned commands = 0, responses = 0, texts = 0;
    const struct capture_line *line = capture_find(&encodings, "# XFTP commands and responses");
    assert_non_null(line);
    for (line++; line < encodings.lines + encodings.count && line->text[0] != '#'; line++) {
        if (capture_begins(line, "json ")) {
            check_texts(line);
            texts++;
        } else if (is_command(line)) {
            check_command(line, bytes_of(line, buffer));
            commands++;
        } else {
            check_response(line, bytes_of(line, buffer));
            responses++;
        }
    }
    assert_int_equal(commands, 8);
    assert_int_equal(responses, 23);
    assert_int_equal(texts, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_comes_out_as_the_reference_writes_it),
    };
    return cmocka_run_group_tests(tests, open_encodings, close_encodings);
}
