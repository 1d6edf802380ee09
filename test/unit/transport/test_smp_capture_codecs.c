/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Every SMP command, response and error as the reference encodes it in each version. A line is "vFROM-TO TAG what hex";
 * lines that begin with the same tag and words are one value, which later versions tell more of. */
#include "test/support/capture.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/smp/command.h"
#include "transport/smp/response.h"

enum { VALUE_MAX = 2048 };

struct encoding {
    const struct capture_line *line;
    uint16_t from, to;
    struct slice what; /* tag and words */
    struct slice bytes;
    uint8_t buffer[VALUE_MAX];
};

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

static void encoding_of(const struct capture_line *line, struct encoding *encoding) {
    char *end = NULL;
    const char *words = strchr(line->text, ' '), *hex = strrchr(line->text, ' ');
    capture_check(line, words != NULL && hex != NULL && hex > words);
    encoding->line = line;
    encoding->from = (uint16_t)strtoul(line->text + 1, &end, 10);
    encoding->to = *end == '-' ? (uint16_t)strtoul(end + 1, NULL, 10) : encoding->from;
    capture_check(line, encoding->from >= SMP_VERSION_MIN && encoding->to <= SMP_VERSION_MAX);
    encoding->what = slice_of(words + 1, (size_t)(hex - words - 1));
    encoding->bytes = capture_hex_of(line, slice_of_text(hex + 1), encoding->buffer, sizeof encoding->buffer);
    capture_check(line, 2 * encoding->bytes.length == strlen(hex + 1));
}

/* The value in the highest version, which tells the most. */
static void fullest_of(const struct encoding *encoding, struct encoding *fullest) {
    for (const struct capture_line *line = encoding->line; line->text[0] == 'v'; line++) {
        encoding_of(line, fullest);
        if (fullest->to == SMP_VERSION_MAX && slice_equal(fullest->what, encoding->what))
            return;
    }
    capture_check(encoding->line, !"an encoding in the highest version");
}

/* Calls `check` for the lines between the comment `heading` and the next one; returns how many there were. */
static unsigned each_line(const char *heading, void (*check)(const struct capture_line *line)) {
    unsigned count = 0;
    const struct capture_line *line = capture_find(&encodings, heading);
    assert_non_null(line);
    for (line++; line < encodings.lines + encodings.count && line->text[0] != '#'; line++, count++)
        check(line);
    return count;
}

static struct slice command_in(const struct capture_line *line, uint16_t version, const struct smp_command *command,
                               uint8_t *buffer) {
    struct writer writer = writer_of(buffer, VALUE_MAX);
    smp_command_write(version, command, &writer);
    capture_check(line, writer_finish(&writer) == SMQ_OK);
    return slice_of(buffer, writer_length(&writer));
}

static void check_command(const struct capture_line *line) {
    static struct encoding encoding, fullest;
    uint8_t again[VALUE_MAX];
    struct smp_command command, full;
    struct smp_error error;
    encoding_of(line, &encoding);
    fullest_of(&encoding, &fullest);
    capture_check(line, smp_command_parse(SMP_VERSION_MAX, fullest.bytes, &full, &error) == SMQ_OK);
    for (uint16_t version = encoding.from; version <= encoding.to; version++) {
        capture_check(line, smp_command_parse(version, encoding.bytes, &command, &error) == SMQ_OK);
        capture_check(line, slice_equal(capture_word(line, 1), slice_of_text(smp_command_info(command.tag)->text)));
        capture_check(line, slice_equal(command_in(line, version, &command, again), encoding.bytes));
        capture_check(line, slice_equal(command_in(line, version, &full, again), encoding.bytes));
    }
}

static struct slice response_in(const struct capture_line *line, uint16_t version, const struct smp_response *response,
                                uint8_t *buffer) {
    struct writer writer = writer_of(buffer, VALUE_MAX);
    smp_response_write(version, response, &writer);
    capture_check(line, writer_finish(&writer) == SMQ_OK);
    capture_check(line, smp_response_size(version, response) == writer_length(&writer));
    return slice_of(buffer, writer_length(&writer));
}

static void check_response(const struct capture_line *line) {
    static struct encoding encoding, fullest;
    uint8_t again[VALUE_MAX];
    struct smp_response response, full;
    struct smp_error error;
    encoding_of(line, &encoding);
    fullest_of(&encoding, &fullest);
    capture_check(line, smp_response_parse(SMP_VERSION_MAX, fullest.bytes, &full, &error) == SMQ_OK);
    capture_check(line, slice_equal(capture_word(line, 1), slice_of_text(smp_response_tag_text(full.tag))));
    for (uint16_t version = encoding.from; version <= encoding.to; version++) {
        capture_check(line, smp_response_parse(version, encoding.bytes, &response, &error) == SMQ_OK);
        capture_check(line, slice_equal(response_in(line, version, &response, again), encoding.bytes));
        capture_check(line, slice_equal(response_in(line, version, &full, again), encoding.bytes));
    }
}

/* "VALUE | text | JSON": the text of the error that stands above as "ERR {VALUE}". */
static void check_error_text(const struct capture_line *line) {
    static struct encoding encoding;
    char start[256], text[256];
    const char *value_end = strstr(line->text, " | ");
    capture_check(line, value_end != NULL);
    const char *json = strstr(value_end + 3, " | ");
    capture_check(line, json != NULL);
    snprintf(start, sizeof start, "ERR {%.*s} ", (int)(value_end - line->text), line->text);
    for (size_t i = 0; i < encodings.count; i++) {
        struct smp_response response;
        struct smp_error error;
        if (encodings.lines[i].text[0] != 'v' || strstr(encodings.lines[i].text, start) == NULL)
            continue;
        encoding_of(&encodings.lines[i], &encoding);
        if (encoding.to != SMP_VERSION_MAX)
            continue;
        capture_check(line, smp_response_parse(SMP_VERSION_MAX, encoding.bytes, &response, &error) == SMQ_OK);
        capture_check(line, slice_equal(slice_of_text(smp_error_text(&response.error, text, sizeof text)),
                                        slice_of(value_end + 3, (size_t)(json - value_end - 3))));
        return;
    }
    capture_check(line, !"the bytes of this error");
}

static void test_commands(void **state) {
    (void)state;
    assert_int_equal(each_line("# commands (tag", check_command), 51);
}

static void test_responses(void **state) {
    (void)state;
    assert_int_equal(each_line("# responses", check_response), 37);
}

static void test_errors(void **state) {
    (void)state;
    assert_int_equal(each_line("# errors: ERR responses", check_response), 53);
}

static void test_texts_of_errors(void **state) {
    (void)state;
    assert_int_equal(each_line("# errors: text form", check_error_text), 47);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_texts_of_errors),
    };
    return cmocka_run_group_tests(tests, open_encodings, close_encodings);
}
