/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* libsodium's own generator: ChaCha20 with key erasure, a stream for each thread, seeded from the kernel. Every message
 * takes an id from it, so the kernel's generator, a system call each time, would be a cost of its own. */
#include "queues/base/random.h"

#include <sodium.h>

enum smq_result random_setup(void) {
    if (randombytes_set_implementation(&randombytes_internal_implementation) != 0 || sodium_init() < 0)
        return SMQ_ERR_CRYPTO;
    return SMQ_OK;
}

void random_bytes(void *bytes, size_t length) {
    randombytes_buf(bytes, length);
}

uint32_t random_below(uint32_t bound) {
    return randombytes_uniform(bound);
}
