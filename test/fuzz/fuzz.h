/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the fuzzers share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "queues/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A broken promise of a codec ends the run as a crash does. */
#define PROMISE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

static inline bool fuzz_equal(struct slice a, struct slice b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}
