/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HKDF with HMAC-SHA512 (RFC 5869). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum {
    HKDF_OUTPUT_MAX = 255 * 64,
};

/* Fills `output` with `length` bytes. An empty salt is a zero-length HMAC key. No allocation; never fails for length <=
 * HKDF_OUTPUT_MAX (asserted). Any thread. */
void hkdf_sha512(struct slice salt, struct slice input_key, struct slice info, uint8_t *output, size_t length);
