/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A text that grows as it is written. An error sticks: once memory was short nothing is added any more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

/* All zero is an empty text. `bytes` end with a zero byte that `length` does not count, once something was written. */
struct text_buffer {
    char *bytes;
    size_t length;
    size_t capacity;
    bool has_failed;
};

void text_add(struct text_buffer *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_slice(struct text_buffer *text, struct slice bytes);
void text_add_base64url(struct text_buffer *text, struct slice bytes); /* with padding */
/* With its quotes, for JSON and for Prometheus' labels alike. */
void text_add_quoted(struct text_buffer *text, const char *value);
/* SMQ_OK, or SMQ_ERR_NO_MEMORY. */
enum smq_result text_result(const struct text_buffer *text);
/* Makes it empty and keeps its memory. */
void text_clear(struct text_buffer *text);
/* Frees it; it may be used again. */
void text_free(struct text_buffer *text);
