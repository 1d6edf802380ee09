/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Conditions as masks, for code whose branches must not depend on secrets. */
#pragma once

#include <stdint.h>

/* -1 when the number is negative, else 0. */
static inline int32_t negative_mask(int32_t number) {
    return -(int32_t)((uint32_t)number >> 31);
}

/* -1 when it is not zero, else 0. INT32_MIN is no number here. */
static inline int32_t nonzero_mask(int32_t number) {
    return negative_mask(number | -number);
}
