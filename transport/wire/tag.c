/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tags of the protocols. */
#include "transport/wire/tag.h"

size_t tag_read(struct reader *reader, const char *const tags[], size_t count) {
    struct slice tag = read_until(reader, ' ');
    for (size_t i = 0; i < count; i++)
        if (tags[i] != NULL && slice_equal(tag, slice_of_text(tags[i])))
            return i;
    reader_fail(reader);
    return 0;
}

void tag_write(struct writer *writer, const char *const tags[], size_t count, size_t value) {
    if (value < count && tags[value] != NULL)
        write_text(writer, tags[value]);
    else
        writer_fail(writer);
}
