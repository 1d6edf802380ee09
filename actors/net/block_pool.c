/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Returned blocks are pushed on a stack that the lane takes as a whole, which rules out the ABA problem. Credit and
 * lifetime are counted apart: a holder gives credit back, then wakes the lane, and only then lets go of the pool. */
#include "actors/net/block_pool.h"

#include <stdatomic.h>

#include "queues/base/memory.h"

enum { STOCK = 16 };

struct block_pool {
    /* constant */
    size_t credit;
    struct waker *waker;
    void (*freed)(void *context);
    void *context;
    /* the lane */
    struct block *unused;
    size_t unused_count;
    /* shared */
    _Alignas(64) _Atomic(struct block *) returned;
    _Atomic size_t held;
    _Atomic size_t users; /* the lane, and each held block */
    _Atomic bool is_starved;
};

enum smq_result block_pool_create(size_t credit, struct waker *waker, void (*freed)(void *context), void *context,
                                  struct block_pool **pool) {
    struct block_pool *created = memory_zalloc_aligned(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->credit = credit;
    created->waker = waker;
    created->freed = freed;
    created->context = context;
    atomic_init(&created->users, 1);
    *pool = created;
    return SMQ_OK;
}

static void free_list(struct block *block) {
    while (block != NULL) {
        struct block *next = block->next;
        memory_free(block);
        block = next;
    }
}

static void let_go(struct block_pool *pool) {
    if (atomic_fetch_sub(&pool->users, 1) != 1)
        return;
    void (*freed)(void *context) = pool->freed;
    void *context = pool->context;
    free_list(pool->unused);
    free_list(atomic_load(&pool->returned));
    memory_free(pool);
    freed(context);
}

void block_pool_retire(struct block_pool **pool) {
    struct block_pool *retired = *pool;
    *pool = NULL;
    if (retired != NULL)
        let_go(retired);
}

static void take_returned(struct block_pool *pool) {
    struct block *block = atomic_exchange(&pool->returned, NULL);
    while (block != NULL) {
        struct block *next = block->next;
        block_pool_put_back(pool, block);
        block = next;
    }
}

struct block *block_pool_take(struct block_pool *pool) {
    if (pool->unused == NULL && atomic_load_explicit(&pool->returned, memory_order_relaxed) != NULL)
        take_returned(pool);
    struct block *block = pool->unused;
    if (block != NULL) {
        pool->unused = block->next;
        pool->unused_count--;
    } else {
        block = memory_alloc(sizeof *block);
        if (block == NULL)
            return NULL;
        block->pool = pool;
        block->bytes = block->room + BLOCK_MARGIN;
    }
    block->next = NULL;
    block->connection = NULL;
    block->filled = 0;
    return block;
}

void block_pool_put_back(struct block_pool *pool, struct block *block) {
    block->next = pool->unused;
    pool->unused = block;
    pool->unused_count++;
}

void block_pool_hand_out(struct block_pool *pool, struct block *block) {
    (void)block;
    atomic_fetch_add_explicit(&pool->users, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->held, 1, memory_order_relaxed);
}

/* Woken with a quarter of the credit back, so that the lane works in batches. */
static bool has_credit_again(const struct block_pool *pool) {
    return atomic_load(&pool->held) < pool->credit - pool->credit / 4;
}

bool block_pool_is_starved(struct block_pool *pool) {
    if (atomic_load_explicit(&pool->is_starved, memory_order_relaxed))
        return true;
    if (atomic_load_explicit(&pool->held, memory_order_relaxed) < pool->credit)
        return false;
    atomic_store(&pool->is_starved, true);
    if (has_credit_again(pool)) { /* came back before the announcement, perhaps unseen */
        atomic_store(&pool->is_starved, false);
        return false;
    }
    return true;
}

void block_release(struct block *block) {
    struct block_pool *pool = block->pool;
    struct block *top = atomic_load_explicit(&pool->returned, memory_order_relaxed);
    do
        block->next = top;
    while (!atomic_compare_exchange_weak(&pool->returned, &top, block));
    atomic_fetch_sub(&pool->held, 1);
    if (atomic_load(&pool->is_starved) && has_credit_again(pool) && atomic_exchange(&pool->is_starved, false))
        waker_wake(pool->waker);
    let_go(pool);
}

bool block_can_be_kept(const struct block *block) {
    return atomic_load_explicit(&block->pool->held, memory_order_relaxed) <= block->pool->credit / 4;
}

bool block_pool_trim(struct block_pool *pool) {
    take_returned(pool);
    size_t excess = pool->unused_count > STOCK ? pool->unused_count - STOCK : 0;
    for (size_t i = 0; i < (excess + 1) / 2; i++) {
        struct block *block = pool->unused;
        pool->unused = block->next;
        pool->unused_count--;
        memory_free(block);
    }
    return pool->unused_count > STOCK;
}

size_t block_pool_held(const struct block_pool *pool) {
    return atomic_load_explicit(&pool->held, memory_order_relaxed);
}

size_t block_pool_credit(const struct block_pool *pool) {
    return pool->credit;
}
