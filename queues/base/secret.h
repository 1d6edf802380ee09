/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Handling of secret bytes: wiped when done, compared in constant time, followed by Memcheck in tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Overwrites with zeroes in a way that the compiler keeps. NULL is allowed when `length` is 0. Any thread. */
void secret_wipe(void *bytes, size_t length);
/* Whether the `length` bytes are equal; the time depends on `length` only. Any thread. */
bool secret_equal(const void *a, const void *b, size_t length);

/* For tests that show with Memcheck that no branch or index depends on a secret: the bytes count as undefined from here
 * on, or as defined again, which the code under test says of what it is allowed to show. Nothing outside of Memcheck,
 * and in release builds. Any thread. */
void secret_classify(const void *bytes, size_t length);
void secret_declassify(const void *bytes, size_t length);
