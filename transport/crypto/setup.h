/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One-time set-up of the cryptographic libraries. */
#pragma once

#include "smq/result.h"

/* Initialises libsodium (which then picks the fastest code for this CPU) and fetches OpenSSL's digests and cipher.
 * Every program calls it first; idempotent, any thread. SMQ_ERR_CRYPTO: the process must not go on. */
enum smq_result crypto_setup(void);
