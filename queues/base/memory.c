/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* malloc and its relatives, with overflow checks and the fault point memory_alloc. */
#include "queues/base/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queues/base/fault.h"

enum {
    CACHE_LINE = 64,
    UNUSED_MIN = 4 << 20,  /* bytes that are worth a walk through the heap */
    UNUSED_KEPT = 8 << 20, /* in each arena */
};

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

void memory_keep_unused(void) {
    (void)mallopt(M_TRIM_THRESHOLD, UNUSED_KEPT);
}

/* Bytes of anonymous memory that are resident: all that is resident, but for files and shared memory; 0: not known. */
static size_t resident(void) {
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    char *next = fgets(line, sizeof(line), file);
    (void)fclose(file);
    if (next == NULL)
        return 0;
    (void)strtoull(next, &next, 10); /* size of the address space */
    unsigned long long all = strtoull(next, &next, 10);
    unsigned long long shared = strtoull(next, &next, 10);
    long page = sysconf(_SC_PAGESIZE);
    return all > shared && page > 0 ? (size_t)(all - shared) * (size_t)page : 0;
}

static size_t unused(void) {
    struct mallinfo2 info = mallinfo2();
    size_t used = info.uordblks + info.hblkhd;
    size_t all = resident();
    return all > used ? all - used : 0;
}

size_t memory_give_back(size_t *left) {
    size_t before = unused();
    if (before < *left)
        *left = before;
    if (before - *left < UNUSED_MIN)
        return 0;
    (void)malloc_trim(0);
    *left = unused();
    return *left < before ? before - *left : 0;
}
