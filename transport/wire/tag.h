/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tags of the protocols: words that end at a space or at the end, looked up in tables indexed by enum value.
 * Pure and re-entrant: any thread. */
#pragma once

#include <stddef.h>

#include "queues/base/cursor.h"

#define TAG_COUNT(tags)                (sizeof(tags) / sizeof((tags)[0]))
#define READ_TAG(reader, tags)         tag_read(reader, tags, TAG_COUNT(tags))
#define WRITE_TAG(writer, tags, value) tag_write(writer, tags, TAG_COUNT(tags), (size_t)(value))

/* Consumes the word and returns its index in `tags` (NULL entries match nothing); 0 with the reader failed when it is
 * not there. */
size_t tag_read(struct reader *reader, const char *const tags[], size_t count);
/* Writes the tag of `value`; the writer fails when there is none. */
void tag_write(struct writer *writer, const char *const tags[], size_t count, size_t value);
