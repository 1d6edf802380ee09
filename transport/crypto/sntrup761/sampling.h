/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random polynomials of sntrup761. The draws are those of the reference, so that equal streams of random bytes give
 * equal keys. */
#pragma once

#include "transport/crypto/random_source.h"
#include "transport/crypto/sntrup761/ring.h"

enum { SHORT_WEIGHT = 286 }; /* w: how many coefficients of a short polynomial are not zero */

/* Every coefficient -1, 0 or 1, alike likely. */
void sample_small(const struct random_source *random, struct small_polynomial *small);
/* The same with exactly SHORT_WEIGHT coefficients that are not zero. */
void sample_short(const struct random_source *random, struct small_polynomial *small);
/* -1 when exactly SHORT_WEIGHT coefficients are not zero, else 0. */
int32_t weight_mask(const struct small_polynomial *small);
