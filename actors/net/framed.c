/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two halves of a framed connection. Input passes through a buffer of the receive lane, which the framing takes
 * whole; so at most one block is completed in each step. */
#include "actors/net/framed.h"

#include <string.h>

#include "actors/net/receive_lane.h"
#include "queues/base/memory.h"

enum smq_result framed_create(const struct framing *framing, struct framed **framed) {
    struct framed *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = framing->create(&created->state);
    if (result != SMQ_OK) {
        memory_free(created);
        return result;
    }
    created->framing = framing;
    created->replies_end = &created->replies;
    *framed = created;
    return SMQ_OK;
}

void framed_destroy(struct framed **framed) {
    struct framed *destroyed = *framed;
    *framed = NULL;
    if (destroyed == NULL)
        return;
    while (destroyed->replies != NULL) {
        struct framed_reply *reply = destroyed->replies;
        destroyed->replies = reply->next;
        memory_free(reply);
    }
    destroyed->framing->destroy(&destroyed->state);
    memory_free(destroyed);
}

/* ---- input */

struct input {
    struct framing_sink sink;
    struct receive_lane *lane;
    struct connection *connection;
};

static struct input *input_of(struct framing_sink *sink) {
    return caa_container_of(sink, struct input, sink);
}

static enum smq_result opened(struct framing_sink *sink) {
    const struct input *input = input_of(sink);
    return receive_open(input->lane, input->connection);
}

static enum smq_result payload(struct framing_sink *sink, struct slice bytes) {
    const struct input *input = input_of(sink);
    struct connection *connection = input->connection;
    if (connection->partial == NULL)
        connection->partial = block_pool_take(input->lane->pool);
    struct block *block = connection->partial;
    if (block == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (bytes.length > connection->protocol->block_size - block->filled)
        return SMQ_ERR_PROTOCOL;
    memcpy(block->bytes + block->filled, bytes.bytes, bytes.length);
    block->filled += (uint32_t)bytes.length;
    return SMQ_OK;
}

/* Every message is one block. */
static enum smq_result message_end(struct framing_sink *sink) {
    const struct input *input = input_of(sink);
    struct block *block = input->connection->partial;
    if (block == NULL || block->filled != input->connection->protocol->block_size)
        return SMQ_ERR_PROTOCOL;
    if (connection_phase(input->connection) != PHASE_OPEN)
        return SMQ_ERR_CLOSED;
    input->connection->partial = NULL;
    return receive_deliver(input->lane, input->connection, block);
}

static enum smq_result reply(struct framing_sink *sink, struct slice bytes) {
    struct connection *connection = input_of(sink)->connection;
    if (atomic_load(&connection->framed->unsent_replies) >= FRAMED_REPLIES_MAX)
        return SMQ_ERR_NO_CREDIT;
    struct framed_reply *made = memory_alloc(sizeof *made + bytes.length);
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    made->message.kind = NET_REPLY;
    made->connection = connection_reference(connection);
    made->length = bytes.length;
    memcpy(made->bytes, bytes.bytes, bytes.length);
    atomic_fetch_add(&connection->framed->unsent_replies, 1);
    /* The send lanes are stopped after the receive lanes. */
    CHECK(actor_send(send_lane_actor(connection->net->send_lanes[connection->send_lane]), &made->message) == SMQ_OK);
    return SMQ_OK;
}

enum smq_result framed_read(struct receive_lane *lane, struct connection *connection, enum tls_want *want,
                            bool *holds) {
    size_t length = 0;
    enum smq_result result =
        tls_read(connection->tls, lane->framed_input, sizeof lane->framed_input, &length, holds, want);
    if (result != SMQ_OK)
        return result;
    struct input input = {
        .sink = {.opened = opened, .payload = payload, .message_end = message_end, .reply = reply},
        .lane = lane,
        .connection = connection,
    };
    struct framed *framed = connection->framed;
    result = framed->framing->receive(framed->state, slice_of(lane->framed_input, length), &input.sink);
    if (result == SMQ_ERR_CLOSED || result == SMQ_ERR_PROTOCOL) {
        connection_close(connection, result, true); /* the framing's last reply is still to be sent */
        return SMQ_ERR_AGAIN;
    }
    return result == SMQ_OK && !*holds ? SMQ_ERR_AGAIN : result;
}

/* ---- output */

void framed_add_reply(struct framed *framed, struct framed_reply *added) {
    added->next = NULL;
    *framed->replies_end = added;
    framed->replies_end = &added->next;
}

bool framed_has_replies(const struct framed *framed) {
    return framed->replies != NULL;
}

bool framed_take_reply(struct framed *framed) {
    struct framed_reply *taken = framed->replies;
    if (taken == NULL)
        return false;
    framed->replies = taken->next;
    if (framed->replies == NULL)
        framed->replies_end = &framed->replies;
    CHECK(taken->length <= sizeof framed->bytes);
    memcpy(framed->bytes, taken->bytes, taken->length);
    framed->length = taken->length;
    framed->sent = 0;
    framed->is_block = false;
    atomic_fetch_sub(&framed->unsent_replies, 1);
    memory_free(taken);
    return true;
}

void framed_take_block(struct framed *framed, const uint8_t *block, size_t size) {
    size_t header = framed->framing->header(size, framed->bytes);
    memcpy(framed->bytes + header, block, size);
    framed->length = header + size;
    framed->sent = 0;
    framed->is_block = true;
}

enum smq_result framed_write(struct framed *framed, struct tls *tls, bool more, enum tls_want *want) {
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK && framed->sent < framed->length) {
        size_t left = framed->length - framed->sent;
        size_t part = left < TLS_RECORD_MAX ? left : TLS_RECORD_MAX;
        result = tls_write(tls, framed->bytes + framed->sent, part, more || part < left, want);
        if (result == SMQ_OK)
            framed->sent += part;
    }
    return result;
}
