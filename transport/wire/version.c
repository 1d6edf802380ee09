/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Protocol versions and version ranges. */
#include "transport/wire/version.h"

#include "transport/wire/text.h"

bool version_range_contains(struct version_range range, uint16_t version) {
    return range.min <= version && version <= range.max;
}

enum smq_result version_range_intersect(struct version_range a, struct version_range b, struct version_range *common) {
    uint16_t min = a.min > b.min ? a.min : b.min;
    uint16_t max = a.max < b.max ? a.max : b.max;
    if (min > max)
        return SMQ_ERR_VERSION;
    *common = (struct version_range){.min = min, .max = max};
    return SMQ_OK;
}

static struct version_range checked(struct reader *reader, struct version_range range) {
    if (range.min > range.max)
        reader_fail(reader);
    if (reader->failed)
        range = (struct version_range){0};
    return range;
}

struct version_range read_version_range(struct reader *reader) {
    struct version_range range = {.min = read_u16(reader)};
    range.max = read_u16(reader);
    return checked(reader, range);
}

void write_version_range(struct writer *writer, struct version_range range) {
    write_u16(writer, range.min);
    write_u16(writer, range.max);
}

struct version_range read_version_range_text(struct reader *reader) {
    struct version_range range = {.min = (uint16_t)read_decimal(reader, UINT16_MAX)};
    range.max = range.min;
    if (read_if(reader, "-"))
        range.max = (uint16_t)read_decimal(reader, UINT16_MAX);
    return checked(reader, range);
}

void write_version_range_text(struct writer *writer, struct version_range range) {
    write_decimal(writer, range.min);
    if (range.max != range.min) {
        write_u8(writer, '-');
        write_decimal(writer, range.max);
    }
}
