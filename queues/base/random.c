/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* libsodium's generator. */
#include "queues/base/random.h"

#include <sodium.h>

void random_bytes(void *bytes, size_t length) {
    randombytes_buf(bytes, length);
}

uint32_t random_below(uint32_t bound) {
    return randombytes_uniform(bound);
}
