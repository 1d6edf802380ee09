/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* libsodium's wipe and compare; Memcheck's requests. */
#include "queues/base/secret.h"

#include <sodium.h>
#ifdef DEBUG_FAULTS
#include <valgrind/memcheck.h>
#endif

void secret_wipe(void *bytes, size_t length) {
    if (length > 0)
        sodium_memzero(bytes, length);
}

bool secret_equal(const void *a, const void *b, size_t length) {
    return length == 0 || sodium_memcmp(a, b, length) == 0;
}

void secret_classify(const void *bytes, size_t length) {
#ifdef DEBUG_FAULTS
    (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length);
#else
    (void)bytes;
    (void)length;
#endif
}

void secret_declassify(const void *bytes, size_t length) {
#ifdef DEBUG_FAULTS
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes, length);
#else
    (void)bytes;
    (void)length;
#endif
}
