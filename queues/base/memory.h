/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Allocation: NULL on failure, sizes cannot overflow, and a fault point for tests. */
#pragma once

#include <stddef.h>

/* `size` bytes, aligned for any type; NULL when out of memory. A size of 0 gives a unique pointer. The caller frees
 * with memory_free. Any thread. */
void *memory_alloc(size_t size) __attribute__((malloc, warn_unused_result));
/* The same, zeroed. */
void *memory_zalloc(size_t size) __attribute__((malloc, warn_unused_result));
/* `count` zeroed elements of `size` bytes; NULL also when the product overflows. */
void *memory_zalloc_array(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
/* `size` zeroed bytes on a cache line of their own (64-byte aligned, size rounded up). */
void *memory_zalloc_aligned(size_t size) __attribute__((malloc, warn_unused_result));
/* Resizes to `count` elements; NULL on failure, with `memory` left as it was. New bytes are not initialised. */
void *memory_resize_array(void *memory, size_t count, size_t size) __attribute__((warn_unused_result));
/* A copy of `length` bytes; of a zero-terminated text. */
void *memory_copy_of(const void *bytes, size_t length) __attribute__((malloc, warn_unused_result));
char *memory_copy_of_text(const char *text) __attribute__((malloc, warn_unused_result));
/* NULL is allowed. Secrets are wiped by the caller, before. */
void memory_free(void *memory);

/* For a program, not for a library: the allocator gives nothing back by itself, which it would do, and undo, at every
 * other buffer that comes and goes; memory_give_back does. Before the first thread. */
void memory_keep_unused(void);
/* For a program, not for a library: gives pages of the heap that nothing is allocated in back to the system, when
 * there are many, as after a storm of connections or commands; the allocator by itself keeps most of them. Bytes given
 * back. `*left`: 0 at first; what could not be given back the last time, such as remainders of pages, which is not
 * tried again. Takes a few milliseconds when there is something to do; allocations of other threads may wait then. One
 * thread. */
size_t memory_give_back(size_t *left);
