/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Handshakes wait in lists of their own, and get a small share of each turn: a step may cost a thousand times what a
 * block does. Of new ones the newest comes first: when there are more than can be done, whoever comes now is still
 * served, and the time-out or admission (admission.h) drops the oldest. Those that were begun come before new ones;
 * their last step is cheap. So do those that we began.
 *
 * All lanes share a bucket of tokens, one for each handshake that a peer begins: new ones wait when it is empty.
 *
 * A peer that is silent, or sends its ClientHello in crumbs, costs no more than its connection: the hello stays in the
 * kernel until it is whole. */
#include "actors/net/receive_lane.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/postpone.h"
#include "transport/net/socket.h"

enum {
    SHARE_US = 1000,   /* of a turn, one step at least */
    WAIT_MAX_MS = 100, /* then the limits are looked at again */
    RECORD_HEADER = 5,
    HELLO_HEADER = 9, /* of the record, and of the message in it */
    HELLO_MAX = 8192, /* an honest one has some hundred bytes, with post-quantum shares two thousand */
    RECORD_HANDSHAKE = 22,
    MESSAGE_CLIENT_HELLO = 1,
};

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

/* Until `count` bytes are there. Who is reported with fewer, after that, has ended. */
static void await_bytes(struct receive_lane *lane, struct connection *connection, uint16_t count) {
    if (connection->hello_awaited == count)
        receive_end(lane, connection, SMQ_ERR_NETWORK);
    else if (socket_await_bytes(connection->descriptor, count) != SMQ_OK)
        receive_end(lane, connection, SMQ_ERR_SYSTEM);
    else
        connection->hello_awaited = count;
}

void receive_hello(struct receive_lane *lane, struct connection *connection) {
    uint8_t header[HELLO_HEADER];
    size_t got = socket_peek(connection->descriptor, header, sizeof header);
    if (got == 0) {
        receive_end(lane, connection, SMQ_ERR_NETWORK);
        return;
    }
    if (got < sizeof header && header[0] == RECORD_HANDSHAKE) {
        await_bytes(lane, connection, sizeof header);
        return;
    }
    uint16_t wanted = got < sizeof header ? 0 : hello_size(header);
    if (wanted == 0) {
        receive_handshake_failed(lane, connection, SMQ_ERR_TLS, "no ClientHello, or one that is too long");
    } else if (socket_arrived(connection->descriptor) < wanted) {
        await_bytes(lane, connection, wanted);
    } else if (connection->hello_awaited != 0 && socket_await_bytes(connection->descriptor, 1) != SMQ_OK) {
        receive_end(lane, connection, SMQ_ERR_SYSTEM);
    } else {
        receive_queue_handshake(lane, connection);
    }
}

void receive_queue_handshake(struct receive_lane *lane, struct connection *connection) {
    if (ring_is_member(&connection->handshake_place))
        return;
    connection->stage = STAGE_HANDSHAKE;
    if (connection->is_polled)
        receive_set_interest(lane, connection, POLL_NOTHING);
    if (connection->stage == STAGE_HANDSHAKE)
        ring_append(connection->is_client || connection->has_begun_handshake ? &lane->later_handshakes
                                                                             : &lane->fresh_handshakes,
                    &connection->handshake_place);
}

bool receive_has_handshakes(const struct receive_lane *lane) {
    return !ring_is_empty(&lane->later_handshakes) ||
           (!ring_is_empty(&lane->fresh_handshakes) && !wheel_timer_is_active(&lane->handshake_timer));
}

void receive_end_wait(struct wheel_timer *handshake_timer) {
    (void)handshake_timer; /* the turn goes on with them */
}

/* Whether a handshake may begin. If not, none will until there is a token. */
static bool take_token(struct receive_lane *lane) {
    const struct shared_limits *limits = &lane->net->limits;
    const struct token_rate allowed = {atomic_load(&limits->handshake_rate), atomic_load(&limits->handshake_burst)};
    uint64_t wait_us = 0;
    if (token_bucket_take(&lane->net->handshakes, allowed, clock_monotonic_us(), &wait_us))
        return true;
    uint64_t wait_ms = 1 + wait_us / 1000;
    wheel_add(actor_wheel(lane->actor), &lane->handshake_timer,
              lane->now_ms + (wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS));
    return false;
}

static void take_step(struct receive_lane *lane) {
    struct ring *place = ring_first(&lane->later_handshakes);
    if (place == NULL) {
        if (!take_token(lane))
            return;
        place = ring_last(&lane->fresh_handshakes);
    }
    ring_remove(place);
    struct connection *connection = caa_container_of(place, struct connection, handshake_place);
    connection->has_begun_handshake = true;
    if (connection->tls == NULL)
        receive_begin_tls(lane, connection);
    if (connection->stage == STAGE_HANDSHAKE)
        receive_handshake(lane, connection);
}

void receive_some_handshakes(struct receive_lane *lane) {
    if (!receive_has_handshakes(lane))
        return;
    waiting_begins();
    uint64_t end_us = clock_monotonic_us() + SHARE_US;
    do
        take_step(lane);
    while (receive_has_handshakes(lane) && clock_monotonic_us() < end_us);
}

void receive_drop(struct receive_lane *lane, struct connection *connection) {
    if (connection->stage == STAGE_ENDED || atomic_load(&connection->is_established))
        return;
    counter_add(&lane->net->dropped_handshakes, 1);
    receive_end(lane, connection, SMQ_ERR_NO_CREDIT);
}

/* Who it was is told only when the operator asks. */
static void log_tls_error(const struct connection *connection, const char *reason) {
    struct net_address peer;
    char text[NET_ADDRESS_TEXT];
    if (!connection->log_peers || socket_peer_address(connection->descriptor, &peer) != SMQ_OK) {
        log_warn("TLS handshake: %s", reason);
        return;
    }
    net_address_text(&peer, text);
    log_warn("TLS handshake with %s: %s", text, reason);
}

void receive_handshake_failed(struct receive_lane *lane, struct connection *connection, enum smq_result reason,
                              const char *text) {
    counter_add(&lane->net->tls_failures, 1);
    if (connection->log_tls_errors)
        log_tls_error(connection, text);
    receive_end(lane, connection, reason);
}
