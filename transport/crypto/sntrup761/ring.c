/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reductions, and products by rows: 16-bit sums, which compilers turn into vector code, reduced before they
 * overflow. */
#include "transport/crypto/sntrup761/ring.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/sntrup761/masks.h"

enum {
    /* A reduced sum (at most 2,296) and 13 more coefficients of at most 2,295 stay below 2^15. */
    ROWS_BEFORE_REDUCTION = 13,
    PRODUCT_LANES = 2 * RING_LANES,
};

int16_t modulo_q(int32_t number) {
    enum { RECIPROCAL = 935519 }; /* 2^32 / q, rounded */
    int32_t quotient = (int32_t)(((int64_t)number * RECIPROCAL + ((int64_t)1 << 31)) >> 32);
    int32_t rest = (int32_t)(number - (int64_t)quotient * RING_MODULUS);
    rest -= RING_MODULUS & negative_mask(RING_HALF - rest);
    rest += RING_MODULUS & negative_mask(rest + RING_HALF);
    return (int16_t)rest;
}

int8_t modulo_3(int16_t number) {
    enum { RECIPROCAL = 10923 }; /* 2^15 / 3, rounded */
    int32_t third = (number * RECIPROCAL + (1 << 14)) >> 15;
    return (int8_t)(number - 3 * third);
}

/* Congruent modulo q and in -2,296..2,296, for any 16-bit number. */
static int16_t nearly_modulo_q(int16_t number) {
    enum { RECIPROCAL = 14618 }; /* 2^26 / q, rounded */
    int16_t high = (int16_t)((number * RECIPROCAL) >> 16);
    int16_t quotient = (int16_t)((high + (1 << 9)) >> 10);
    return (int16_t)(number - quotient * RING_MODULUS);
}

static void add_row(int16_t *restrict sums, const int16_t *restrict row, int16_t factor) {
    for (int i = 0; i < RING_LANES; i++)
        sums[i] = (int16_t)(sums[i] + row[i] * factor);
}

static void reduce_sums(int16_t *sums) {
    for (int i = 0; i < PRODUCT_LANES; i++)
        sums[i] = nearly_modulo_q(sums[i]);
}

void polynomial_multiply(const struct polynomial *a, const struct small_polynomial *b, struct polynomial *product) {
    int16_t sums[PRODUCT_LANES] = {0};
    for (int i = 0; i < RING_DEGREE; i++) {
        add_row(sums + i, a->at, b->at[i]);
        if (i % ROWS_BEFORE_REDUCTION == ROWS_BEFORE_REDUCTION - 1)
            reduce_sums(sums);
    }
    reduce_sums(sums);
    /* x^761 = x + 1, so what stands at 761 + i goes to i and to i + 1. */
    memset(product, 0, sizeof *product);
    product->at[0] = modulo_q(sums[0] + sums[RING_DEGREE]);
    for (int i = 1; i < RING_DEGREE; i++)
        product->at[i] = modulo_q(sums[i] + sums[RING_DEGREE + i] + sums[RING_DEGREE + i - 1]);
    secret_wipe(sums, sizeof sums);
}

/* Sums of 761 coefficients of at most 1, three of them folded into one, are below q / 2: the product modulo q is the
 * one over the integers. */
void small_multiply(const struct small_polynomial *a, const struct small_polynomial *b,
                    struct small_polynomial *product) {
    struct polynomial wide;
    for (int i = 0; i < RING_LANES; i++)
        wide.at[i] = (int16_t)a->at[i];
    polynomial_multiply(&wide, b, &wide);
    polynomial_modulo_3(&wide, product);
    secret_wipe(&wide, sizeof wide);
}

void polynomial_triple(struct polynomial *polynomial) {
    for (int i = 0; i < RING_LANES; i++)
        polynomial->at[i] = modulo_q(3 * polynomial->at[i]);
}

void polynomial_round(struct polynomial *polynomial) {
    for (int i = 0; i < RING_LANES; i++)
        polynomial->at[i] = (int16_t)(polynomial->at[i] - modulo_3(polynomial->at[i]));
}

void polynomial_modulo_3(const struct polynomial *polynomial, struct small_polynomial *small) {
    for (int i = 0; i < RING_LANES; i++)
        small->at[i] = modulo_3(polynomial->at[i]);
}
