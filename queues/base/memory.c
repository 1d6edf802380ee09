/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* malloc and its relatives, with overflow checks and the fault point memory_alloc. */
#include "queues/base/memory.h"

#include <stdlib.h>
#include <string.h>

#include "queues/base/fault.h"

enum { CACHE_LINE = 64 };

void *memory_alloc(size_t size) {
    if (FAULT(memory_alloc))
        return NULL;
    return malloc(size > 0 ? size : 1);
}

void *memory_zalloc(size_t size) {
    return memory_zalloc_array(1, size);
}

void *memory_zalloc_array(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || FAULT(memory_alloc))
        return NULL;
    return calloc(1, total > 0 ? total : 1);
}

void *memory_zalloc_aligned(size_t size) {
    if (size > SIZE_MAX - CACHE_LINE || FAULT(memory_alloc))
        return NULL;
    size_t rounded = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void *memory = aligned_alloc(CACHE_LINE, rounded > 0 ? rounded : CACHE_LINE);
    if (memory != NULL)
        memset(memory, 0, rounded);
    return memory;
}

void *memory_resize_array(void *memory, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || FAULT(memory_alloc))
        return NULL;
    return realloc(memory, total > 0 ? total : 1);
}

void *memory_copy_of(const void *bytes, size_t length) {
    void *copy = memory_alloc(length);
    if (copy != NULL && length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

char *memory_copy_of_text(const char *text) {
    return memory_copy_of(text, strlen(text) + 1);
}

void memory_free(void *memory) {
    free(memory);
}
