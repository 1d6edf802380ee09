/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Small polynomials have four coefficients a byte. The others are digits of mixed radix (Encode and Decode of the
 * specification): neighbours are put together into one digit of the product of their radixes, whose low bytes are
 * written until what is left is below 2^14, level by level until one digit is left. */
#include "transport/crypto/sntrup761/coding.h"

#include <string.h>

#include "queues/base/secret.h"

enum {
    LEVELS_MAX = 11,
    RADIX_LIMIT = 16384,
    ROUNDED_RADIX = (RING_MODULUS + 2) / 3,
};

/* ---- small */

void small_encode(const struct small_polynomial *small, uint8_t coded[CODED_SMALL_SIZE]) {
    memset(coded, 0, CODED_SMALL_SIZE);
    for (int i = 0; i < RING_DEGREE; i++)
        coded[i / 4] = (uint8_t)(coded[i / 4] | (small->at[i] + 1) << 2 * (i % 4));
}

void small_decode(const uint8_t coded[CODED_SMALL_SIZE], struct small_polynomial *small) {
    memset(small, 0, sizeof *small);
    for (int i = 0; i < RING_DEGREE; i++)
        small->at[i] = (int8_t)((coded[i / 4] >> 2 * (i % 4) & 3) - 1);
}

/* ---- mixed radix */

/* What follows from the number of digits and their radixes alone, which all are public. */
struct level {
    int digits;
    uint32_t radix; /* of all digits but the last */
    uint32_t last;  /* radix of the last digit */
};

/* What is left of a radix when its low bytes are taken, and how many these are. */
static uint32_t bytes_taken(uint32_t radix, uint32_t limit, int *bytes) {
    for (*bytes = 0; radix >= limit; radix = (radix + 255) / 256)
        ++*bytes;
    return radix;
}

/* The radix of digits `i` and `i + 1` together. */
static uint32_t pair_radix(const struct level *level, int i) {
    return level->radix * (i + 2 == level->digits ? level->last : level->radix);
}

static struct level level_above(const struct level *level) {
    int bytes;
    struct level above = {.digits = (level->digits + 1) / 2};
    above.radix = bytes_taken(level->radix * level->radix, RADIX_LIMIT, &bytes);
    above.last = level->last;
    if (level->digits % 2 == 0)
        above.last = bytes_taken(level->radix * level->last, RADIX_LIMIT, &bytes);
    return above;
}

/* `digits` is used up. */
static void digits_encode(uint16_t digits[RING_DEGREE], uint32_t radix, uint8_t *coded) {
    struct level level = {.digits = RING_DEGREE, .radix = radix, .last = radix};
    int bytes;
    for (; level.digits > 1; level = level_above(&level)) {
        for (int i = 0; i + 1 < level.digits; i += 2) {
            uint32_t pair = digits[i] + level.radix * digits[i + 1];
            (void)bytes_taken(pair_radix(&level, i), RADIX_LIMIT, &bytes);
            for (; bytes > 0; bytes--, pair >>= 8)
                *coded++ = (uint8_t)pair;
            digits[i / 2] = (uint16_t)pair;
        }
        if (level.digits % 2 != 0)
            digits[level.digits / 2] = digits[level.digits - 1];
    }
    uint32_t last = digits[0];
    (void)bytes_taken(level.last, 2, &bytes);
    for (; bytes > 0; bytes--, last >>= 8)
        *coded++ = (uint8_t)last;
}

/* -1 when number >= divisor, else 0; both are below 2^31. */
static uint32_t at_least_mask(uint32_t number, uint32_t divisor) {
    return ~-((number - divisor) >> 31);
}

/* number / divisor and the rest, for a public divisor, without a division of the number. */
static uint32_t divide(uint32_t number, uint32_t divisor, uint32_t *rest) {
    uint32_t reciprocal = UINT32_MAX / divisor;
    uint32_t quotient = (uint32_t)((uint64_t)number * reciprocal >> 32);
    uint32_t left = number - quotient * divisor;
    for (int correction = 0; correction < 2; correction++) { /* the quotient is at most 2 too small */
        uint32_t more = at_least_mask(left, divisor);
        quotient -= more;
        left -= divisor & more;
    }
    *rest = left;
    return quotient;
}

/* The low bytes of digit pairs of one level, in `low`; returned is what comes after them. */
static const uint8_t *read_low_bytes(const struct level *level, const uint8_t *coded, uint32_t *low) {
    int bytes;
    for (int i = 0; i + 1 < level->digits; i += 2) {
        (void)bytes_taken(pair_radix(level, i), RADIX_LIMIT, &bytes);
        low[i / 2] = 0;
        for (int byte = 0; byte < bytes; byte++)
            low[i / 2] |= (uint32_t)*coded++ << 8 * byte;
    }
    return coded;
}

/* From the digits of the level above to those of this one, in place, from the end. */
static void split_digits(const struct level *level, const uint32_t *low, uint16_t *digits) {
    int bytes;
    if (level->digits % 2 != 0)
        digits[level->digits - 1] = digits[level->digits / 2];
    for (int i = (level->digits - 2) / 2 * 2; i >= 0; i -= 2) {
        uint32_t first, second;
        (void)bytes_taken(pair_radix(level, i), RADIX_LIMIT, &bytes);
        uint32_t pair = low[i / 2] + ((uint32_t)digits[i / 2] << 8 * bytes);
        uint32_t quotient = divide(pair, level->radix, &first);
        (void)divide(quotient, i + 2 == level->digits ? level->last : level->radix, &second);
        digits[i] = (uint16_t)first;
        digits[i + 1] = (uint16_t)second;
    }
}

static void digits_decode(const uint8_t *coded, uint32_t radix, uint16_t digits[RING_DEGREE]) {
    struct level levels[LEVELS_MAX] = {{.digits = RING_DEGREE, .radix = radix, .last = radix}};
    uint32_t low[2 * RING_DEGREE]; /* of all levels, one after the other */
    int bytes, depth = 0, used = 0;
    for (; levels[depth].digits > 1; depth++) {
        coded = read_low_bytes(&levels[depth], coded, low + used);
        used += levels[depth].digits / 2;
        levels[depth + 1] = level_above(&levels[depth]);
    }
    (void)bytes_taken(levels[depth].last, 2, &bytes);
    uint32_t top = 0, rest;
    for (int byte = 0; byte < bytes; byte++)
        top |= (uint32_t)*coded++ << 8 * byte;
    (void)divide(top, levels[depth].last, &rest);
    digits[0] = (uint16_t)rest;
    while (depth-- > 0) {
        used -= levels[depth].digits / 2;
        split_digits(&levels[depth], low + used, digits);
    }
}

/* ---- polynomials */

void polynomial_encode(const struct polynomial *polynomial, uint8_t coded[CODED_MODULO_Q_SIZE]) {
    uint16_t digits[RING_DEGREE];
    for (int i = 0; i < RING_DEGREE; i++)
        digits[i] = (uint16_t)(polynomial->at[i] + RING_HALF);
    digits_encode(digits, RING_MODULUS, coded);
    secret_wipe(digits, sizeof digits);
}

void polynomial_decode(const uint8_t coded[CODED_MODULO_Q_SIZE], struct polynomial *polynomial) {
    uint16_t digits[RING_DEGREE];
    digits_decode(coded, RING_MODULUS, digits);
    memset(polynomial, 0, sizeof *polynomial);
    for (int i = 0; i < RING_DEGREE; i++)
        polynomial->at[i] = (int16_t)(digits[i] - RING_HALF);
}

void rounded_encode(const struct polynomial *rounded, uint8_t coded[CODED_ROUNDED_SIZE]) {
    enum { THIRD = 10923 }; /* 2^15 / 3, rounded up */
    uint16_t digits[RING_DEGREE];
    for (int i = 0; i < RING_DEGREE; i++)
        digits[i] = (uint16_t)((rounded->at[i] + RING_HALF) * THIRD >> 15);
    digits_encode(digits, ROUNDED_RADIX, coded);
    secret_wipe(digits, sizeof digits);
}

void rounded_decode(const uint8_t coded[CODED_ROUNDED_SIZE], struct polynomial *rounded) {
    uint16_t digits[RING_DEGREE];
    digits_decode(coded, ROUNDED_RADIX, digits);
    memset(rounded, 0, sizeof *rounded);
    for (int i = 0; i < RING_DEGREE; i++)
        rounded->at[i] = (int16_t)(3 * digits[i] - RING_HALF);
}
