/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sizes in text. */
#include "transport/xftp/size_text.h"

#include "transport/wire/text.h"

enum { UNIT_BITS = 10, UNIT_COUNT = 3 };

static const char *const unit_texts[UNIT_COUNT] = {"kb", "mb", "gb"};

uint64_t read_size_text(struct reader *reader, uint64_t maximum) {
    uint64_t value = read_decimal(reader, maximum);
    for (unsigned unit = 0; unit < UNIT_COUNT; unit++) {
        unsigned shift = (unit + 1) * UNIT_BITS;
        if (!read_if(reader, unit_texts[unit]))
            continue;
        if (value > maximum >> shift)
            reader_fail(reader);
        return reader->failed ? 0 : value << shift;
    }
    return value;
}

enum smq_result size_text_parse(struct slice text, uint64_t maximum, uint64_t *size) {
    struct reader reader = reader_of(text);
    uint64_t value = read_size_text(&reader, maximum);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *size = value;
    return result;
}

void write_size_text(struct writer *writer, uint64_t size) {
    unsigned units = 0;
    while (units < UNIT_COUNT && size % (1U << UNIT_BITS) == 0) {
        size >>= UNIT_BITS;
        units++;
    }
    write_decimal(writer, size);
    if (units > 0)
        write_text(writer, unit_texts[units - 1]);
}
