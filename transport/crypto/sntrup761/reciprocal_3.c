/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reciprocals modulo 3, by the same division steps as in reciprocal_q.c, on bits: a row of coefficients is two sets, of
 * those that are 1 and those that are -1. */
#include "transport/crypto/sntrup761/ring.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/sntrup761/masks.h"

enum {
    STEPS = 2 * RING_DEGREE - 1,
    WORDS = RING_LANES / 64,
};

struct row {
    uint64_t plus[WORDS];
    uint64_t minus[WORDS];
};

static void set_coefficient(struct row *row, int index, int8_t value) {
    row->plus[index / 64] |= (uint64_t)((value + 1) >> 1) << (index % 64);
    row->minus[index / 64] |= (uint64_t)(negative_mask(value) & 1) << (index % 64);
}

static int8_t coefficient(const struct row *row, int index) {
    int plus = (int)(row->plus[index / 64] >> (index % 64) & 1);
    int minus = (int)(row->minus[index / 64] >> (index % 64) & 1);
    return (int8_t)(plus - minus);
}

/* All bits set when the constant coefficient is 1 (-1), else none. */
static uint64_t constant_plus(const struct row *row) {
    return -(row->plus[0] & 1);
}

static uint64_t constant_minus(const struct row *row) {
    return -(row->minus[0] & 1);
}

/* lower += factor * upper, where the factor is 1, -1 or 0 as one of the masks, or none, is set; then the upper row gets
 * the old lower one where `exchange` is set. */
static void combine(struct row *upper, struct row *lower, uint64_t factor_plus, uint64_t factor_minus,
                    uint64_t exchange) {
    for (int i = 0; i < WORDS; i++) {
        uint64_t above_plus = upper->plus[i], above_minus = upper->minus[i];
        uint64_t below_plus = lower->plus[i], below_minus = lower->minus[i];
        uint64_t plus = (above_plus & factor_plus) | (above_minus & factor_minus);
        uint64_t minus = (above_minus & factor_plus) | (above_plus & factor_minus);
        uint64_t added = plus | minus, present = below_plus | below_minus;
        lower->plus[i] = (plus & ~present) | (below_plus & ~added) | (minus & below_minus);
        lower->minus[i] = (minus & ~present) | (below_minus & ~added) | (plus & below_plus);
        upper->plus[i] = above_plus ^ ((above_plus ^ below_plus) & exchange);
        upper->minus[i] = above_minus ^ ((above_minus ^ below_minus) & exchange);
    }
}

static void bits_over_x(uint64_t *bits) {
    for (int i = 0; i < WORDS - 1; i++)
        bits[i] = bits[i] >> 1 | bits[i + 1] << 63;
    bits[WORDS - 1] >>= 1;
}

static void bits_times_x(uint64_t *bits) {
    for (int i = WORDS - 1; i > 0; i--)
        bits[i] = bits[i] << 1 | bits[i - 1] >> 63;
    bits[0] <<= 1;
}

int32_t small_reciprocal(const struct small_polynomial *a, struct small_polynomial *reciprocal) {
    struct row f = {0}, g = {0}, v = {0}, r = {0};
    set_coefficient(&f, 0, 1);
    set_coefficient(&f, RING_DEGREE - 1, -1);
    set_coefficient(&f, RING_DEGREE, -1);
    for (int i = 0; i < RING_DEGREE; i++)
        set_coefficient(&g, i, a->at[RING_DEGREE - 1 - i]);
    set_coefficient(&r, 0, 1);
    int32_t delta = 1;
    for (int step = 0; step < STEPS; step++) {
        uint64_t f_plus = constant_plus(&f), f_minus = constant_minus(&f);
        uint64_t g_plus = constant_plus(&g), g_minus = constant_minus(&g);
        int32_t exchange = negative_mask(-delta) & (int32_t)(g_plus | g_minus);
        delta = 1 + (delta ^ (exchange & (delta ^ -delta)));
        /* f's constant is 1 or -1, so that g - g's constant * f's constant * f has no constant. */
        uint64_t factor_plus = (g_plus & f_minus) | (g_minus & f_plus);
        uint64_t factor_minus = (g_plus & f_plus) | (g_minus & f_minus);
        uint64_t exchange_bits = (uint64_t)(int64_t)exchange;
        combine(&f, &g, factor_plus, factor_minus, exchange_bits);
        combine(&v, &r, factor_plus, factor_minus, exchange_bits);
        bits_over_x(g.plus);
        bits_over_x(g.minus);
        bits_times_x(v.plus);
        bits_times_x(v.minus);
    }
    /* f's constant is its own reciprocal. */
    int8_t sign = coefficient(&f, 0);
    memset(reciprocal, 0, sizeof *reciprocal);
    for (int i = 0; i < RING_DEGREE; i++)
        reciprocal->at[i] = (int8_t)(sign * coefficient(&v, RING_DEGREE - i));
    secret_wipe(&f, sizeof f);
    secret_wipe(&g, sizeof g);
    secret_wipe(&v, sizeof v);
    secret_wipe(&r, sizeof r);
    /* There is a reciprocal when delta is 0. */
    return ~nonzero_mask(delta);
}
