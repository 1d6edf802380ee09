/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Text encodings inside addresses and links: percent escapes and query strings, and what queues/base/text.h has
 * (reference: Encoding/String.hs). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "queues/base/text.h"

/* Escapes everything outside [A-Za-z0-9-_.~] as %XX, the way the reference writes query values. */
void write_percent_encoded(struct writer *writer, struct slice value);
/* Decodes %XX (and nothing else) in `value` into `buffer`; SMQ_ERR_SYNTAX for a broken escape, SMQ_ERR_TOO_LARGE when
 * it does not fit. */
enum smq_result percent_decode(struct slice value, uint8_t *buffer, size_t capacity, size_t *length);

/* Takes a query string off the front of a text: all up to a space, a newline or the end. */
struct slice read_query(struct reader *reader);
/* One "name=value" item of a query string, which `&` or `;` ends; true when there was one. `value` is still escaped.
 */
bool query_next(struct reader *query, struct slice *name, struct slice *value);
/* The decoded value of the first item called `name`, where `+` stands for a space. SMQ_ERR_NOT_FOUND when there is
 * none. `query` starts after the '?'. */
enum smq_result query_find(struct slice query, const char *name, uint8_t *buffer, size_t capacity, struct slice *value);
