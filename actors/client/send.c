/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Send lane of clients: which requests share a block. */
#include "actors/client/client.h"
#include "actors/client/context.h"
#include "actors/client/lane.h"
#include "actors/client/request.h"

static struct request *request_of(struct outgoing *item) {
    return (struct request *)(void *)((char *)item - offsetof(struct request, outgoing));
}

static void account_sent(struct smq_client *client, struct request *request) {
    atomic_fetch_sub_explicit(&client->unsent_bytes, request->data_size, memory_order_relaxed);
    if (!request->keeps_data)
        request_drop_data(request);
}

/* Tells the process lane that the request cannot be sent; the send lane's reference goes along. */
static void report_failure(struct request *request, enum smq_result failure) {
    request->failure = failure;
    if (post_failed(request) != SMQ_OK)
        request_release(request);
}

/* The first side to decide wins: whether a command is sent, or timed out before. A batch is sent in any case. */
static bool decide_to_send(struct request *request) {
    uint32_t stage = REQUEST_QUEUED;
    return atomic_compare_exchange_strong_explicit(&request->stage, &stage, REQUEST_SENT, memory_order_acq_rel,
                                                   memory_order_acquire) ||
           request->batch;
}

/* SMQ_ERR_TIMEOUT: it must not be sent any more; SMQ_ERR_TOO_LARGE: not in this block. The block is then as before. */
static enum smq_result write_request(struct smq_client *client, struct request *request, struct send_lane_state *lane,
                                     struct request_block *block) {
    struct writer before = block->writer;
    enum smq_result result = client->protocol->write(client, request, lane->scratch, &block->writer);
    if (result == SMQ_OK && !decide_to_send(request))
        result = SMQ_ERR_TIMEOUT;
    if (result == SMQ_OK)
        block->count++;
    else
        block->writer = before;
    return result;
}

/* Ends the send lane's part of `request`. */
static void finish_request(struct smq_client *client, struct request *request, enum smq_result result) {
    account_sent(client, request);
    if (result == SMQ_OK || result == SMQ_ERR_TIMEOUT)
        request_release(request);
    else
        report_failure(request, result);
}

/* Writes the rest of a part whose first request was written: the process lane has made sure that all fit. */
static void write_rest(struct smq_client *client, struct request *request, uint32_t count, struct send_lane_state *lane,
                       struct request_block *block) {
    for (struct request *next; count > 0; count--, request = next) {
        next = request->group_next;
        finish_request(client, request, write_request(client, request, lane, block));
    }
}

/* Takes requests off the queue into one block until the next one does not fit, or leads a part of a batch, which
 * gets a block of its own that later commands may share. */
static void pack(struct smq_client *client, struct outgoing_queue *queue, struct send_lane_state *lane,
                 struct request_block *block) {
    for (struct outgoing *item = outgoing_first(queue); item != NULL; item = outgoing_first(queue)) {
        if (item->kind >= OUTGOING_PROTOCOL) {
            if (block->count == BLOCK_TRANSMISSIONS_MAX || client->protocol->write_own(client, queue, block) != SMQ_OK)
                return;
            continue;
        }
        struct request *request = request_of(item);
        uint32_t others = request->part_count - 1;
        if (block->count == BLOCK_TRANSMISSIONS_MAX || (block->count > 0 && others > 0))
            return;
        enum smq_result result = write_request(client, request, lane, block);
        if (result == SMQ_ERR_TOO_LARGE && block->count > 0)
            return;
        (void)outgoing_take(queue);
        struct request *next = request->group_next;
        finish_request(client, request, result);
        write_rest(client, next, others, lane, block);
    }
}

enum smq_result client_fill(struct connection *connection, void *state, struct outgoing_queue *queue, void *lane_state,
                            uint8_t *bytes) {
    (void)connection;
    struct smq_client *client = state;
    struct outgoing *first = outgoing_first(queue);
    if (first != NULL && first->kind == OUTGOING_HELLO) {
        (void)outgoing_take(queue);
        return client->protocol->write_hello(client, bytes);
    }
    struct request_block block;
    client->protocol->begin_block(client, bytes, &block);
    pack(client, queue, lane_state, &block);
    if (block.count == 0)
        return SMQ_ERR_EMPTY;
    atomic_fetch_add_explicit(&client->blocks_sent, 1, memory_order_relaxed);
    return client->protocol->seal_block(client, &block);
}

void client_discard(struct connection *connection, void *state, struct outgoing *item) {
    (void)connection;
    const struct smq_client *client = state;
    if (item->kind >= OUTGOING_PROTOCOL) {
        client->protocol->discard_own(state, item);
        return;
    }
    if (item->kind != OUTGOING_COMMAND)
        return;
    struct request *request = request_of(item), *next;
    for (uint32_t count = request->part_count; count > 0; count--, request = next) {
        next = request->group_next;
        account_sent(state, request);
        request_release(request);
    }
}
