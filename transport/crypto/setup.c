/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One-time set-up of the cryptographic libraries. */
#include "transport/crypto/setup.h"

#include "queues/base/random.h"
#include "transport/crypto/gcm.h"
#include "transport/crypto/hash.h"

enum smq_result crypto_setup(void) {
    enum smq_result result = random_setup();
    if (result == SMQ_OK)
        result = hash_setup();
    return result == SMQ_OK ? gcm_setup() : result;
}
