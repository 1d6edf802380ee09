/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading blocks: straight from TLS into a pooled block, until TLS holds nothing more, the connection is paused, its
 * share of the turn or the lane's credit is used up. A connection that stops with input inside of TLS, of which epoll
 * cannot know, is put on the pending list. */
#include "actors/net/framed.h"
#include "actors/net/receive_lane.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

enum { BLOCKS_A_TURN = 8, TRIM_AFTER_MS = 1000 };

void receive_append_pending(struct receive_lane *lane, struct connection *connection) {
    if (connection->is_pending)
        return;
    connection->is_pending = true;
    connection->pending_next = NULL;
    *lane->pending_end = connection;
    lane->pending_end = &connection->pending_next;
}

/* Stops reading until RECEIVE_RESUME. */
static void turn_reading_off(struct receive_lane *lane, struct connection *connection) {
    atomic_store(&connection->reading_is_off, true);
    receive_set_interest(lane, connection, POLL_NOTHING);
}

/* Whether the connection may be read now. A pause that ends while reading is turned off is seen here, or by whoever
 * ends it. */
static bool may_read(struct receive_lane *lane, struct connection *connection) {
    if (connection->stage != STAGE_UP)
        return false;
    if (lane->is_reading_stopped || connection_phase(connection) != PHASE_OPEN) {
        receive_set_interest(lane, connection, POLL_NOTHING);
        return false;
    }
    if (atomic_load(&connection->pauses) <= 0)
        return true;
    turn_reading_off(lane, connection);
    if (connection->stage != STAGE_UP || atomic_load(&connection->pauses) > 0)
        return false;
    atomic_store(&connection->reading_is_off, false);
    receive_set_interest(lane, connection, POLL_READ);
    return connection->stage == STAGE_UP;
}

enum smq_result receive_deliver(struct receive_lane *lane, struct connection *connection, struct block *block) {
    atomic_store_explicit(&connection->last_received_ms, lane->now_ms, memory_order_relaxed);
    counter_add(&lane->net->blocks_received, 1);
    if (!wheel_timer_is_active(&lane->trim_timer))
        wheel_add(actor_wheel(lane->actor), &lane->trim_timer, lane->now_ms + TRIM_AFTER_MS);
    block->connection = connection;
    block_pool_hand_out(lane->pool, block);
    return connection->protocol->received(connection, connection->state, block);
}

/* `*holds`: TLS holds input. */
static enum smq_result read_plain(struct receive_lane *lane, struct connection *connection, enum tls_want *want,
                                  bool *holds) {
    struct block *block = connection->partial != NULL ? connection->partial : block_pool_take(lane->pool);
    if (block == NULL)
        return SMQ_ERR_NO_MEMORY;
    connection->partial = NULL;
    size_t length = 0;
    size_t size = connection->protocol->block_size;
    enum smq_result result =
        tls_read(connection->tls, block->bytes + block->filled, size - block->filled, &length, holds, want);
    if (result == SMQ_OK) {
        block->filled += (uint32_t)length;
        if (block->filled == size)
            result = receive_deliver(lane, connection, block);
        else
            connection->partial = block;
        return result == SMQ_OK && !*holds ? SMQ_ERR_AGAIN : result;
    }
    if (block->filled > 0)
        connection->partial = block;
    else
        block_pool_put_back(lane->pool, block);
    return result;
}

/* One step. SMQ_OK: TLS holds more; SMQ_ERR_AGAIN: it does not; else the end. */
static enum smq_result read_step(struct receive_lane *lane, struct connection *connection, bool *holds) {
    enum tls_want want = TLS_WANT_READ;
    enum smq_result result = connection->framed == NULL ? read_plain(lane, connection, &want, holds)
                                                        : receive_framed(lane, connection, &want, holds);
    if (result == SMQ_ERR_AGAIN && want == TLS_WANT_WRITE) {
        turn_reading_off(lane, connection);
        connection_request_send(connection, SEND_AWAIT_ROOM);
    }
    return result;
}

void receive_read(struct receive_lane *lane, struct connection *connection) {
    enum smq_result result = SMQ_OK;
    bool holds = false;
    for (int i = 0; i < BLOCKS_A_TURN && result == SMQ_OK; i++) {
        if (!may_read(lane, connection))
            return;
        if (block_pool_is_starved(lane->pool))
            break;
        result = read_step(lane, connection, &holds);
    }
    if (result == SMQ_OK)
        receive_append_pending(lane, connection);
    if (result != SMQ_OK && result != SMQ_ERR_AGAIN)
        receive_end(lane, connection, result);
    else if (connection->stage == STAGE_UP)
        receive_note_half(lane, connection, holds || connection->partial != NULL);
}

void receive_resume(struct receive_lane *lane, struct connection *connection) {
    if (connection->stage != STAGE_UP || connection->http != NULL || !atomic_load(&connection->reading_is_off))
        return;
    atomic_store(&connection->reading_is_off, false);
    receive_set_interest(lane, connection, POLL_READ);
    receive_read(lane, connection);
}

void receive_read_pending(struct receive_lane *lane) {
    struct connection *pending = lane->pending;
    lane->pending = NULL;
    lane->pending_end = &lane->pending;
    while (pending != NULL) {
        struct connection *connection = pending;
        pending = connection->pending_next;
        connection->is_pending = false;
        if (connection->stage == STAGE_ENDED) {
            connection->pending_next = lane->ended;
            lane->ended = connection;
        } else {
            if (connection->http != NULL)
                receive_http(lane, connection);
            else
                receive_read(lane, connection);
            postponed_run();
        }
    }
}
