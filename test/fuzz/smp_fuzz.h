/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the fuzzers of the SMP codecs share. The first byte of an input selects the version. */
#pragma once

#include "test/fuzz/fuzz.h"
#include "transport/smp/limits.h"

static inline uint16_t fuzz_version(uint8_t selector) {
    return (uint16_t)(SMP_VERSION_MIN + selector % (SMP_VERSION_MAX - SMP_VERSION_MIN + 1));
}
