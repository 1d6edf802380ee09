/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sizes as file descriptions and settings write them: 18mb, 64kb, 2gb, or plain bytes. Pure: any thread. */
#pragma once

#include <stdint.h>

#include "queues/base/cursor.h"

/* Decimal digits and an optional kb, mb or gb, in lower case; the reader fails on a size above `maximum`. */
uint64_t read_size_text(struct reader *reader, uint64_t maximum);
/* The same for a whole text; SMQ_ERR_SYNTAX. */
enum smq_result size_text_parse(struct slice text, uint64_t maximum, uint64_t *size);
/* In the largest unit that gives a whole number, at most gb; 0 is 0gb. */
void write_size_text(struct writer *writer, uint64_t size);
