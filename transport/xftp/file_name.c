/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names of received files. */
#include "transport/xftp/file_name.h"

#include <stdbool.h>
#include <string.h>

#include "transport/wire/encoding.h"

enum { UTF8_MAX = 4, REPLACEMENT = 0xfffd };

/* The character at the start of `text`, which is not empty; its length in bytes, or 0 when it is no UTF-8. */
static size_t first_character(struct slice text, uint32_t *character) {
    static const uint8_t lead_bits[UTF8_MAX + 1] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    for (size_t length = 1; length <= UTF8_MAX && length <= text.length; length++) {
        if (!utf8_valid(slice_of(text.bytes, length)))
            continue;
        *character = text.bytes[0] & lead_bits[length];
        for (size_t i = 1; i < length; i++)
            *character = *character << 6 | (text.bytes[i] & 0x3fU);
        return length;
    }
    return 0;
}

static bool turns_direction(uint32_t character) {
    return character == 0x61c || character == 0x200e || character == 0x200f ||
           (character >= 0x202a && character <= 0x202e) || (character >= 0x2066 && character <= 0x2069);
}

static bool is_unsafe(uint32_t character, bool at_start) {
    bool control = character < 0x20 || (character >= 0x7f && character < 0xa0);
    bool line_end = character == 0x2028 || character == 0x2029;
    return control || line_end || character == '/' || character == '\\' || (at_start && character == '.') ||
           turns_direction(character);
}

void xftp_file_name_make_safe(struct slice name, char safe[XFTP_FILE_NAME_MAX + 1]) {
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    struct writer writer = writer_of(safe, XFTP_FILE_NAME_MAX);
    while (name.length > 0 && !writer.failed) {
        uint32_t character = REPLACEMENT;
        size_t length = first_character(name, &character);
        if (length == 0)
            write_text(&writer, replacement);
        else if (is_unsafe(character, writer_length(&writer) == 0))
            write_text(&writer, "_");
        else
            write_bytes(&writer, name.bytes, length);
        size_t taken = length > 0 ? length : 1;
        name = slice_of(name.bytes + taken, name.length - taken);
    }
    if (writer_length(&writer) == 0) {
        writer = writer_of(safe, XFTP_FILE_NAME_MAX);
        write_text(&writer, "file");
    }
    safe[writer_length(&writer)] = '\0';
}
