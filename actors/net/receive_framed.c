/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Input of framed connections. It passes through a buffer of the receive lane, which the framing takes whole; so at
 * most one block is completed in each step. */
#include <string.h>

#include "actors/net/framed.h"
#include "actors/net/receive_lane.h"
#include "queues/base/memory.h"

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
    CHECK(actor_send(connection->net->addresses.send[connection->send_lane], &made->message) == SMQ_OK);
    return SMQ_OK;
}

enum smq_result receive_framed(struct receive_lane *lane, struct connection *connection, enum tls_want *want,
                               bool *holds) {
    size_t length = 0;
    enum smq_result result = tls_read(connection->tls, lane->input, sizeof lane->input, &length, holds, want);
    if (result != SMQ_OK)
        return result;
    struct input input = {
        .sink = {.opened = opened, .payload = payload, .message_end = message_end, .reply = reply},
        .lane = lane,
        .connection = connection,
    };
    struct framed *framed = connection->framed;
    result = framed->framing->receive(framed->state, slice_of(lane->input, length), &input.sink);
    if (result == SMQ_ERR_CLOSED || result == SMQ_ERR_PROTOCOL) {
        connection_close(connection, result, true); /* the framing's last reply is still to be sent */
        return SMQ_ERR_AGAIN;
    }
    return result == SMQ_OK && !*holds ? SMQ_ERR_AGAIN : result;
}
