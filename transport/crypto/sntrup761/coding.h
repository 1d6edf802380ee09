/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Polynomials of sntrup761 as bytes. Every decoder takes any bytes. */
#pragma once

#include <stdint.h>

#include "transport/crypto/sntrup761/ring.h"

enum {
    CODED_SMALL_SIZE = 191,
    CODED_MODULO_Q_SIZE = 1158,
    CODED_ROUNDED_SIZE = 1007,
};

void small_encode(const struct small_polynomial *small, uint8_t coded[CODED_SMALL_SIZE]);
void small_decode(const uint8_t coded[CODED_SMALL_SIZE], struct small_polynomial *small);

void polynomial_encode(const struct polynomial *polynomial, uint8_t coded[CODED_MODULO_Q_SIZE]);
void polynomial_decode(const uint8_t coded[CODED_MODULO_Q_SIZE], struct polynomial *polynomial);

/* Polynomials whose coefficients are multiples of 3. */
void rounded_encode(const struct polynomial *rounded, uint8_t coded[CODED_ROUNDED_SIZE]);
void rounded_decode(const uint8_t coded[CODED_ROUNDED_SIZE], struct polynomial *rounded);
