/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One-time set-up of the cryptographic libraries. */
#include "transport/crypto/setup.h"

#include <sodium.h>

#include "transport/crypto/hash.h"

enum smq_result crypto_setup(void) {
    if (sodium_init() < 0)
        return SMQ_ERR_CRYPTO;
    return hash_setup();
}
