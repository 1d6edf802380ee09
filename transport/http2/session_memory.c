/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "transport/http2/session_memory.h"

#include <malloc.h>

#include "queues/base/memory.h"
#include "transport/http2/http2.h"

enum { FRAME_BUFFER_MIN = 16384 };

static bool is_allowed(struct session_memory *memory, size_t size) {
    bool allowed = size <= SESSION_BLOCK_MAX && memory->used + size <= HTTP2_MEMORY_MAX;
    if (!allowed)
        memory->limit_reached = true;
    return allowed;
}

static void *counted(struct session_memory *memory, void *block) {
    memory->used += block != NULL ? malloc_usable_size(block) : 0;
    return block;
}

static void *allocate(size_t size, void *state) {
    struct session_memory *memory = state;
    return is_allowed(memory, size) ? counted(memory, memory_alloc(size)) : NULL;
}

static void *allocate_zeroed(size_t count, size_t size, void *state) {
    struct session_memory *memory = state;
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total) || !is_allowed(memory, total))
        return NULL;
    return counted(memory, memory_zalloc(total));
}

static void *resize(void *block, size_t size, void *state) {
    struct session_memory *memory = state;
    bool is_frame_buffer = block == NULL && size >= FRAME_BUFFER_MIN && size <= HTTP2_FRAME_BUFFER;
    if (memory->shared != NULL && memory->is_creating && is_frame_buffer)
        return memory->shared;
    if (!is_allowed(memory, size) || (block != NULL && block == memory->shared))
        return NULL;
    size_t before = block != NULL ? malloc_usable_size(block) : 0;
    void *resized = memory_resize_array(block, 1, size);
    if (resized != NULL)
        memory->used = memory->used - before + malloc_usable_size(resized);
    return resized;
}

static void give_back(void *block, void *state) {
    struct session_memory *memory = state;
    if (block == NULL || block == memory->shared)
        return;
    memory->used -= malloc_usable_size(block);
    memory_free(block);
}

nghttp2_mem session_memory_of(struct session_memory *memory) {
    return (nghttp2_mem){memory, allocate, give_back, allocate_zeroed, resize};
}
