/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A peer that is silent, or sends in crumbs, costs no more than its connection: what it sends stays in the kernel until
 * a step of TLS can do something with it. The ClientHello is awaited whole, and so is, after our answer, the first
 * record of the client's flight: OpenSSL's buffers, 22 KB and more, are there only when there is work for them. */
#include <string.h>

#include "actors/net/receive_lane.h"
#include "transport/net/socket.h"

enum {
    RECORD_HEADER = 5,
    HELLO_HEADER = 9, /* of the record, and of the message in it */
    HELLO_MAX = 8192, /* an honest one has some hundred bytes, with post-quantum shares two thousand */
    RECORD_MAX = TLS_RECORD_MAX + 256,
    RECORD_HANDSHAKE = 22,
    MESSAGE_CLIENT_HELLO = 1,
    CHANGE_SIZE = 6,
};

/* The record ChangeCipherSpec. In TLS 1.3 clients send it before their second flight, for middleboxes; it says nothing.
 */
static const uint8_t change_cipher_spec[CHANGE_SIZE] = {20, 3, 3, 0, 1, 1};

static bool begins_with_change(const uint8_t *bytes, size_t length) {
    return length >= CHANGE_SIZE && memcmp(bytes, change_cipher_spec, CHANGE_SIZE) == 0;
}

/* How many bytes the hello has that begins so, with its record; 0: it is none, or not one of an honest client. */
static uint16_t hello_size(const uint8_t header[HELLO_HEADER]) {
    uint32_t record = (uint32_t)header[3] << 8 | header[4];
    uint32_t message = (uint32_t)header[6] << 16 | (uint32_t)header[7] << 8 | header[8];
    if (header[0] != RECORD_HANDSHAKE || header[1] != 3 || header[5] != MESSAGE_CLIENT_HELLO)
        return 0;
    if (record > HELLO_MAX || message + HELLO_HEADER - RECORD_HEADER > record)
        return 0;
    return (uint16_t)(RECORD_HEADER + record);
}

/* Until `count` bytes are there. */
static void await_bytes(struct receive_lane *lane, struct connection *connection, uint16_t count) {
    if (socket_await_bytes(connection->descriptor, count) != SMQ_OK)
        receive_end(lane, connection, SMQ_ERR_SYSTEM);
    else
        connection->awaited = count;
}

/* All is there that was awaited. */
static void queue(struct receive_lane *lane, struct connection *connection) {
    if (connection->awaited != 0 && socket_await_bytes(connection->descriptor, 1) != SMQ_OK) {
        receive_end(lane, connection, SMQ_ERR_SYSTEM);
        return;
    }
    connection->awaited = 0;
    connection->awaits_flight = false;
    receive_queue_handshake(lane, connection);
}

/* Whether a ChangeCipherSpec was taken away from before the second hello. */
static bool take_change(struct connection *connection, const uint8_t *bytes, size_t length) {
    uint8_t taken[CHANGE_SIZE];
    size_t got = 0;
    if (connection->hello != HELLO_SECOND_OR_CHANGE || !begins_with_change(bytes, length) ||
        socket_await_bytes(connection->descriptor, 1) != SMQ_OK ||
        socket_receive(connection->descriptor, taken, sizeof taken, &got) != SMQ_OK || got != sizeof taken)
        return false;
    connection->hello = HELLO_SECOND;
    connection->awaited = 0;
    return true;
}

/* Whether what has come so far can become a hello. */
static bool may_be_hello(const struct connection *connection, uint8_t first) {
    return first == RECORD_HANDSHAKE || (connection->hello == HELLO_SECOND_OR_CHANGE && first == change_cipher_spec[0]);
}

void receive_hello(struct receive_lane *lane, struct connection *connection) {
    uint8_t header[HELLO_HEADER];
    size_t got = socket_peek(connection->descriptor, header, sizeof header);
    if (take_change(connection, header, got)) {
        got = socket_peek(connection->descriptor, header, sizeof header);
        if (got == 0)
            return; /* what follows, if only the end, is reported */
    }
    uint16_t wanted = got < sizeof header ? 0 : hello_size(header);
    if (got > 0 && got < sizeof header && may_be_hello(connection, header[0]))
        wanted = sizeof header;
    if (got == 0)
        receive_end(lane, connection, SMQ_ERR_NETWORK);
    else if (wanted == 0)
        receive_handshake_failed(lane, connection, SMQ_ERR_TLS, "no ClientHello, or one that is too long");
    else if (got == sizeof header && socket_arrived(connection->descriptor) >= wanted)
        queue(lane, connection);
    else if (connection->awaited == wanted)
        receive_end(lane, connection, SMQ_ERR_NETWORK); /* reported with fewer than was awaited: that is all */
    else
        await_bytes(lane, connection, wanted);
}

void receive_flight(struct receive_lane *lane, struct connection *connection) {
    uint8_t bytes[CHANGE_SIZE + RECORD_HEADER];
    size_t got = socket_peek(connection->descriptor, bytes, sizeof bytes);
    size_t start = begins_with_change(bytes, got) ? CHANGE_SIZE : 0;
    size_t wanted = start + RECORD_HEADER;
    if (got >= wanted) {
        size_t length = (size_t)bytes[start + 3] << 8 | bytes[start + 4];
        wanted += length <= RECORD_MAX ? length : 0; /* TLS says what it thinks of more */
    }
    /* What is reported with fewer bytes than were awaited is the end, which TLS finds. */
    if (got == 0 || connection->awaited == wanted || socket_arrived(connection->descriptor) >= wanted)
        queue(lane, connection);
    else
        await_bytes(lane, connection, (uint16_t)wanted);
}
