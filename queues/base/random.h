/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random bytes for keys, ids and nonces. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

/* Chooses the generator and initialises libsodium; base_setup and crypto_setup call it first of all. Idempotent, any
 * thread. SMQ_ERR_CRYPTO. A child after fork() must not use the generator. */
enum smq_result random_setup(void);

/* Fills `bytes` with `length` unpredictable bytes from libsodium; cannot fail. Any thread, does not block after boot.
 */
void random_bytes(void *bytes, size_t length);
/* Uniform in [0, bound); 0 for a bound below 2. Any thread. */
uint32_t random_below(uint32_t bound);
