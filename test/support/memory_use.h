/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How much memory this process uses, for tests of bounds. */
#pragma once

#include <stdint.h>

/* Bytes that malloc has handed out and not got back, over all threads. Exact, but 0 under a sanitizer, whose own
 * allocator finds leaks by itself. */
uint64_t memory_heap_in_use(void);
/* Anonymous memory that is resident: heap, stacks, what libraries map. 0 under AddressSanitizer, which keeps memory
 * that was freed for a long time. */
uint64_t memory_resident(void);
