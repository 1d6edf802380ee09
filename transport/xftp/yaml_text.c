/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Single values of YAML. */
#include "transport/xftp/yaml_text.h"

#include <string.h>

#include "transport/wire/text.h"

/* ---- kinds ---- */

static bool is_word(struct slice value) {
    static const char words[][6] = {"y",    "Y",    "yes",  "Yes",   "YES",   "n",     "N",  "no", "No", "NO",
                                    "true", "True", "TRUE", "false", "False", "FALSE", "on", "On", "ON", "off",
                                    "Off",  "OFF",  "null", "Null",  "NULL",  "~",     "*",  ""};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (value.length == strnlen(words[i], sizeof words[i]) &&
            (value.length == 0 || memcmp(words[i], value.bytes, value.length) == 0))
            return true;
    return false;
}

static size_t skip_digits(struct reader *reader, unsigned base) {
    size_t count = 0;
    while (reader_left(reader) > 0) {
        uint8_t byte = reader_peek(reader);
        uint8_t lower = byte | 0x20;
        bool decimal = byte >= '0' && byte <= '9' && (unsigned)(byte - '0') < base;
        if (!decimal && !(base == 16 && lower >= 'a' && lower <= 'f'))
            break;
        (void)read_u8(reader);
        count++;
    }
    return count;
}

static void skip_sign(struct reader *reader) {
    if (!read_if(reader, "-"))
        (void)read_if(reader, "+");
}

static bool is_prefixed_number(struct slice value, const char *prefix, unsigned base) {
    struct reader reader = reader_of(value);
    return read_if(&reader, prefix) && skip_digits(&reader, base) > 0 && reader_finish(&reader) == SMQ_OK;
}

/* Digits with a sign, a fraction and an exponent; the last two may be missing, and so may the fraction's digits. */
static bool is_decimal_number(struct slice value) {
    struct reader reader = reader_of(value);
    skip_sign(&reader);
    if (skip_digits(&reader, 10) == 0)
        return false;
    if (read_if(&reader, "."))
        (void)skip_digits(&reader, 10);
    if (read_if(&reader, "e") || read_if(&reader, "E")) {
        skip_sign(&reader);
        if (skip_digits(&reader, 10) == 0)
            return false;
    }
    return reader_finish(&reader) == SMQ_OK;
}

enum yaml_kind yaml_kind_of_plain(struct slice value) {
    if (is_word(value))
        return YAML_KIND_WORD;
    if (is_decimal_number(value) || is_prefixed_number(value, "0x", 16) || is_prefixed_number(value, "0o", 8))
        return YAML_KIND_NUMBER;
    return YAML_KIND_TEXT;
}

/* ---- writing ---- */

static bool begins_with(struct slice text, const char *start) {
    size_t length = strlen(start);
    return text.length >= length && memcmp(text.bytes, start, length) == 0;
}

static bool needs_quotes(struct slice text) {
    return yaml_kind_of_plain(text) != YAML_KIND_TEXT || begins_with(text, "---") || begins_with(text, "...") ||
           text.bytes[text.length - 1] == ':';
}

void write_yaml_text(struct writer *writer, struct slice text) {
    if (text.length == 0)
        writer_fail(writer);
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] <= ' ' || text.bytes[i] >= 0x7f)
            writer_fail(writer);
    if (writer->failed)
        return;
    if (!needs_quotes(text)) {
        write_slice(writer, text);
        return;
    }
    write_u8(writer, '\'');
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '\'')
            write_u8(writer, '\'');
        write_u8(writer, text.bytes[i]);
    }
    write_u8(writer, '\'');
}
