/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* libsodium's wipe and compare. */
#include "queues/base/secret.h"

#include <sodium.h>

void secret_wipe(void *bytes, size_t length) {
    if (length > 0)
        sodium_memzero(bytes, length);
}

bool secret_equal(const void *a, const void *b, size_t length) {
    return length == 0 || sodium_memcmp(a, b, length) == 0;
}
