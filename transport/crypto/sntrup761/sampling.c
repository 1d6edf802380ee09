/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A short polynomial is a random permutation of its coefficients: they are the low bits of random words, which are
 * sorted by a network of comparisons that does not depend on the words. */
#include "transport/crypto/sntrup761/sampling.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/sntrup761/masks.h"

static void draw_words(const struct random_source *random, uint32_t words[RING_DEGREE]) {
    uint8_t bytes[4 * RING_DEGREE];
    random_source_fill(random, bytes, sizeof bytes);
    for (size_t i = 0; i < RING_DEGREE; i++) {
        const uint8_t *word = bytes + 4 * i;
        words[i] = (uint32_t)word[3] << 24 | (uint32_t)word[2] << 16 | (uint32_t)word[1] << 8 | word[0];
    }
    secret_wipe(bytes, sizeof bytes);
}

void sample_small(const struct random_source *random, struct small_polynomial *small) {
    uint32_t words[RING_DEGREE];
    draw_words(random, words);
    memset(small, 0, sizeof *small);
    for (int i = 0; i < RING_DEGREE; i++)
        small->at[i] = (int8_t)(((words[i] & 0x3fffffff) * 3 >> 30) - 1);
    secret_wipe(words, sizeof words);
}

static void order(uint32_t *a, uint32_t *b) {
    uint32_t a_is_larger = (uint32_t)(((uint64_t)*b - *a) >> 32);
    uint32_t exchanged = (*a ^ *b) & a_is_larger;
    *a ^= exchanged;
    *b ^= exchanged;
}

/* Batcher's merge exchange (Knuth, The Art of Computer Programming, 5.2.2, algorithm M). */
static void sort(uint32_t *words, int count) {
    int largest = 1;
    while (largest < count - largest)
        largest *= 2;
    for (int part = largest; part > 0; part /= 2) {
        int remainder = 0, distance = part;
        for (int span = largest; span >= part; span /= 2) {
            for (int i = 0; i + distance < count; i++)
                if ((i & part) == remainder)
                    order(&words[i], &words[i + distance]);
            remainder = part;
            distance = span - part;
        }
    }
}

void sample_short(const struct random_source *random, struct small_polynomial *small) {
    uint32_t words[RING_DEGREE];
    draw_words(random, words);
    for (int i = 0; i < SHORT_WEIGHT; i++)
        words[i] &= ~(uint32_t)1;
    for (int i = SHORT_WEIGHT; i < RING_DEGREE; i++)
        words[i] = (words[i] & ~(uint32_t)3) | 1;
    sort(words, RING_DEGREE);
    memset(small, 0, sizeof *small);
    for (int i = 0; i < RING_DEGREE; i++)
        small->at[i] = (int8_t)((words[i] & 3) - 1);
    secret_wipe(words, sizeof words);
}

int32_t weight_mask(const struct small_polynomial *small) {
    int32_t weight = 0;
    for (int i = 0; i < RING_DEGREE; i++)
        weight += small->at[i] & 1;
    return ~nonzero_mask(weight - SHORT_WEIGHT);
}
