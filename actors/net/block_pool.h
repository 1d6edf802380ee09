/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The blocks of one receive lane, and its credit: how many may be with their holders at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "actors/net/connection.h"
#include "queues/waker.h"

/* Who may call what:
 *   block_release                                 any thread; lock-free
 *   block_pool_take, _put_back, _hand_out, _trim  the lane
 *   block_pool_create, block_pool_retire          the net, while the lane does not run
 *   block_pool_held, block_pool_credit            any thread
 *
 * A pool lives until it is retired and all its blocks are back. */
struct block_pool;

/* `waker` is woken when a starved pool has credit again; it must live until `freed(context)` was called, by the thread
 * that returns the last block. SMQ_ERR_NO_MEMORY. */
enum smq_result block_pool_create(size_t credit, struct waker *waker, void (*freed)(void *context), void *context,
                                  struct block_pool **pool);
void block_pool_retire(struct block_pool **pool);

/* An empty block of the lane's own, outside of the credit; NULL: out of memory. */
struct block *block_pool_take(struct block_pool *pool);
void block_pool_put_back(struct block_pool *pool, struct block *block);
/* Counts `block` as held from now on; it goes to a holder, who calls block_release. */
void block_pool_hand_out(struct block_pool *pool, struct block *block);

/* Whether the credit is used up. If so the waker will be woken when a good part of it is back. */
bool block_pool_is_starved(struct block_pool *pool);

/* Frees half of the unused blocks above a small stock. Whether more than the stock are left. */
bool block_pool_trim(struct block_pool *pool);

size_t block_pool_credit(const struct block_pool *pool);
size_t block_pool_held(const struct block_pool *pool);
