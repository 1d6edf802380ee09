/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What went into a queue and what came out of it, for tests that compare the two. Messages have numbers, and their
 * bodies follow from queue, generation and number. One thread a list. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers in the order in which something happened to them. */
struct number_list {
    uint32_t *numbers;
    size_t count;
    size_t capacity;
};
void number_list_add(struct number_list *list, uint32_t number);
/* The number added last; 0 when there is none (numbers begin with 1). */
uint32_t number_list_last(const struct number_list *list);
/* Whether all of `part` are the first of `whole`. */
bool number_list_is_prefix(const struct number_list *part, const struct number_list *whole);
/* Whether all of `part` are in `whole`, in the same order. */
bool number_list_is_subsequence(const struct number_list *part, const struct number_list *whole);
void number_list_clear(struct number_list *list);

enum { LEDGER_BODY_MAX = 15900, LEDGER_BODY_MIN = 12 };

/* Makes the body of a message; its length. */
size_t ledger_body(uint32_t queue, uint32_t generation, uint32_t number, uint8_t body[LEDGER_BODY_MAX]);
/* The number of a message of that queue and generation; 0 when the bytes are not exactly what was sent. */
uint32_t ledger_number(uint32_t queue, uint32_t generation, const uint8_t *body, size_t length);
