/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Polynomials modulo x^761 - x - 1 for sntrup761: over the integers modulo q = 4591, and modulo 3. All functions take
 * the same time whatever the coefficients are. */
#pragma once

#include <stdint.h>

enum {
    RING_DEGREE = 761,   /* p */
    RING_MODULUS = 4591, /* q */
    RING_HALF = 2295,    /* (q - 1) / 2: coefficients are in -RING_HALF..RING_HALF */
    RING_LANES = 768,    /* room in arrays, a multiple of the widest vector; what is above the degree is zero */
};

/* Coefficients modulo q, or integers in that range; lowest power first. */
struct polynomial {
    int16_t at[RING_LANES];
};

/* Coefficients -1, 0, 1. */
struct small_polynomial {
    int8_t at[RING_LANES];
};

/* The representative in -RING_HALF..RING_HALF of any number. */
int16_t modulo_q(int32_t number);
/* The representative -1, 0 or 1 of a number in -RING_HALF..RING_HALF. */
int8_t modulo_3(int16_t number);

/* a * b modulo q. `product` may be `a`. */
void polynomial_multiply(const struct polynomial *a, const struct small_polynomial *b, struct polynomial *product);
/* a * b modulo 3. */
void small_multiply(const struct small_polynomial *a, const struct small_polynomial *b,
                    struct small_polynomial *product);
/* Each coefficient three times, modulo q. */
void polynomial_triple(struct polynomial *polynomial);
/* Each coefficient to the nearest multiple of 3. */
void polynomial_round(struct polynomial *polynomial);
/* Each coefficient modulo 3. */
void polynomial_modulo_3(const struct polynomial *polynomial, struct small_polynomial *small);

/* 1 / (3 a) modulo q. Every a but zero has one, since x^761 - x - 1 is irreducible modulo q. */
void polynomial_third_of_reciprocal(const struct small_polynomial *a, struct polynomial *reciprocal);
/* 1 / a modulo 3. Returned is -1 when there is one and 0 when not (and `reciprocal` has no meaning): as a mask, since
 * it depends on a secret. */
int32_t small_reciprocal(const struct small_polynomial *a, struct small_polynomial *reciprocal);
