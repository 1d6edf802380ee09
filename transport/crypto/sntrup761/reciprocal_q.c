/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reciprocals modulo q by division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular
 * inversion", sections 5 and 6): a fixed number of steps, each of which eliminates one constant coefficient.
 *
 * The steps work on the rows (f, v) and (g, r). At first f is the modulus and g the polynomial, both reversed; v and r
 * say how often the polynomial is in f and g. A step divides g by x and multiplies v by x, which only moves where these
 * arrays begin. The row (g, r) may be multiplied by any constant: so Montgomery's products keep their factor 2^-16. */
#include "transport/crypto/sntrup761/ring.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/sntrup761/masks.h"

enum {
    STEPS = 2 * RING_DEGREE - 1,
    BLOCK_LANES = 64,        /* rows are worked on in blocks of this many coefficients */
    ROW_LANES = RING_LANES,  /* coefficients 0..761 of a row */
    MODULUS_INVERSE = 15631, /* 1 / q modulo 2^16 */
    THIRD = 3061,            /* 1 / 3 modulo q */
};

struct rows {
    int16_t f[ROW_LANES];
    int16_t r[ROW_LANES];
    int16_t g[ROW_LANES + STEPS]; /* begins at [step]: the constant coefficients that are gone stay behind */
    int16_t v[STEPS + ROW_LANES]; /* begins at [STEPS - step] */
};

/* a * b / 2^16 modulo q, below q / 2 + |a * b| / 2^16 in size; `b_inverse` is b / q modulo 2^16. */
static int16_t montgomery(int16_t a, int16_t b, int16_t b_inverse) {
    int16_t high = (int16_t)((a * b) >> 16);
    int16_t low = (int16_t)(a * b_inverse);
    return (int16_t)(high - (int16_t)((low * RING_MODULUS) >> 16));
}

static int16_t over_modulus(int16_t number) {
    return (int16_t)(number * MODULUS_INVERSE);
}

/* The new lower row is top_constant * lower - lower_constant * top; the new upper row is the old lower one where
 * `exchange` is -1. Coefficients stay below 5,600 in size: a product of two is reduced to 2,800, and two are added. */
static void combine(int16_t *restrict upper, int16_t *restrict lower, int blocks, int16_t upper_constant,
                    int16_t lower_constant, int16_t exchange) {
    int16_t upper_inverse = over_modulus(upper_constant), lower_inverse = over_modulus(lower_constant);
    for (int block = 0; block < blocks; block++, upper += BLOCK_LANES, lower += BLOCK_LANES) {
        for (int i = 0; i < BLOCK_LANES; i++) {
            int16_t above = upper[i], below = lower[i];
            lower[i] = (int16_t)(montgomery(below, upper_constant, upper_inverse) -
                                 montgomery(above, lower_constant, lower_inverse));
            upper[i] = (int16_t)(above ^ ((above ^ below) & exchange));
        }
    }
}

/* Blocks that hold `coefficients`, of at most a whole row. */
static int blocks_of(int coefficients) {
    int blocks = (coefficients + BLOCK_LANES - 1) / BLOCK_LANES;
    return blocks < ROW_LANES / BLOCK_LANES ? blocks : ROW_LANES / BLOCK_LANES;
}

static void divide(struct rows *rows) {
    int32_t delta = 1;
    for (int step = 0; step < STEPS; step++) {
        int16_t *g = rows->g + step, *v = rows->v + STEPS - step;
        int16_t f_constant = rows->f[0], g_constant = g[0];
        int32_t exchange = negative_mask(-delta) & nonzero_mask(modulo_q(g_constant));
        delta = 1 + (delta ^ (exchange & (delta ^ -delta)));
        combine(rows->f, g, blocks_of(STEPS - step), f_constant, g_constant, (int16_t)exchange);
        combine(v, rows->r, blocks_of(step + 1), f_constant, g_constant, (int16_t)exchange);
    }
}

/* number^(q - 2), which is 1 / number. */
static int16_t reciprocal_of(int16_t number) {
    int16_t power = 1;
    for (int bit = 12; bit >= 0; bit--) {
        power = modulo_q(power * power);
        if (((RING_MODULUS - 2) >> bit & 1) != 0)
            power = modulo_q(power * number);
    }
    return power;
}

void polynomial_third_of_reciprocal(const struct small_polynomial *a, struct polynomial *reciprocal) {
    struct rows rows;
    memset(&rows, 0, sizeof rows);
    rows.f[0] = 1;
    rows.f[RING_DEGREE - 1] = -1;
    rows.f[RING_DEGREE] = -1;
    for (int i = 0; i < RING_DEGREE; i++)
        rows.g[i] = (int16_t)a->at[RING_DEGREE - 1 - i];
    rows.r[0] = 1;
    divide(&rows);
    /* v, which begins at v[0] now, is f's constant times the reversed reciprocal, times x. */
    int16_t scale = modulo_q(reciprocal_of(modulo_q(rows.f[0])) * THIRD);
    memset(reciprocal, 0, sizeof *reciprocal);
    for (int i = 0; i < RING_DEGREE; i++)
        reciprocal->at[i] = modulo_q(rows.v[RING_DEGREE - i] * scale);
    secret_wipe(&rows, sizeof rows);
}
