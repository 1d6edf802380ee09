/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Text forms of bytes and numbers, as they stand in links, configuration and the reference's files: base64, decimals
 * (reference: Encoding/String.hs). Pure; any thread; errors stick to the cursor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum base64_form {
    BASE64_URL,          /* alphabet with - and _, padded with '=': what the reference writes by default */
    BASE64_URL_UNPADDED, /* short links */
    BASE64_STANDARD,     /* alphabet with + and /, padded: ids in INFO */
};

/* Characters needed for `length` bytes, without a terminating zero. */
size_t base64_length(size_t length, enum base64_form form);
/* Appends the text form; an empty slice writes nothing. */
void write_base64(struct writer *writer, struct slice value, enum base64_form form);
/* Parses the longest run of [A-Za-z0-9-_], then any number of '=', into `bytes`. Padded and unpadded input is
 * accepted; an empty run, stray bits in the last character or more than `capacity` bytes fail. Returns the number of
 * bytes. */
size_t read_base64url(struct reader *reader, uint8_t *bytes, size_t capacity);
/* The same for a whole text; SMQ_ERR_SYNTAX or SMQ_ERR_TOO_LARGE. */
enum smq_result base64url_parse(struct slice text, uint8_t *bytes, size_t capacity, size_t *length);

/* Decimal digits, at least one; a value above `maximum` fails. */
uint64_t read_decimal(struct reader *reader, uint64_t maximum);
void write_decimal(struct writer *writer, uint64_t value);
/* With an optional leading '-'. */
int64_t read_signed_decimal(struct reader *reader);
void write_signed_decimal(struct writer *writer, int64_t value);

/* Whether the byte belongs to the alphabet of BASE64_URL, padding aside. */
bool is_base64url(uint8_t byte);
