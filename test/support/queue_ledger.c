/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What went into a queue and what came out of it. */
#include "test/support/queue_ledger.h"

#include <stdlib.h>
#include <string.h>

#include "queues/base/check.h"

void number_list_add(struct number_list *list, uint32_t number) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        list->numbers = reallocarray(list->numbers, list->capacity, sizeof *list->numbers);
        CHECK(list->numbers != NULL);
    }
    list->numbers[list->count++] = number;
}

uint32_t number_list_last(const struct number_list *list) {
    return list->count == 0 ? 0 : list->numbers[list->count - 1];
}

bool number_list_is_prefix(const struct number_list *part, const struct number_list *whole) {
    return part->count <= whole->count &&
           (part->count == 0 || memcmp(part->numbers, whole->numbers, part->count * sizeof *part->numbers) == 0);
}

bool number_list_is_subsequence(const struct number_list *part, const struct number_list *whole) {
    size_t found = 0;
    for (size_t i = 0; i < whole->count && found < part->count; i++)
        found += whole->numbers[i] == part->numbers[found];
    return found == part->count;
}

void number_list_clear(struct number_list *list) {
    free(list->numbers);
    *list = (struct number_list){0};
}

static uint64_t mix(uint64_t value) {
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ value >> 33;
}

/* One in sixteen is nearly as large as can be, the others are small. */
size_t ledger_body(uint32_t queue, uint32_t generation, uint32_t number, uint8_t body[LEDGER_BODY_MAX]) {
    const uint32_t header[3] = {queue, generation, number};
    uint64_t seed = mix((uint64_t)queue << 48 ^ (uint64_t)generation << 32 ^ number);
    size_t range = seed % 16 == 0 ? LEDGER_BODY_MAX - LEDGER_BODY_MIN : 1000;
    size_t length = LEDGER_BODY_MIN + (size_t)(seed / 16 % (range + 1));
    memcpy(body, header, sizeof header);
    for (size_t i = LEDGER_BODY_MIN; i < length; i++)
        body[i] = (uint8_t)(mix(seed + i / 8) >> i % 8 * 8);
    return length;
}

uint32_t ledger_number(uint32_t queue, uint32_t generation, const uint8_t *body, size_t length) {
    uint8_t expected[LEDGER_BODY_MAX];
    uint32_t header[3];
    if (length < LEDGER_BODY_MIN)
        return 0;
    memcpy(header, body, sizeof header);
    bool same = header[0] == queue && header[1] == generation &&
                ledger_body(queue, generation, header[2], expected) == length && memcmp(expected, body, length) == 0;
    return same ? header[2] : 0;
}
