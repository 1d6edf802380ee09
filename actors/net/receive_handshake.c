/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Handshakes wait in lists of their own, and get a small share of each turn: a step may cost a thousand times what a
 * block does. Of new ones the newest comes first: when there are more than can be done, whoever comes now is still
 * served, and the time-out or admission (admission.h) drops the oldest. Those that were begun come before new ones;
 * their last step is cheap. So do those that we began.
 *
 * All lanes share a bucket of tokens, one for each handshake that a peer begins: new ones wait when it is empty.
 *
 * Where admission wants a cookie, the first hello takes no token: it is answered by asking for the cookie, for which
 * nothing is kept but the connection itself. The cookie is a keyed hash of the connection's number, so it is good on
 * this connection only, and the key, which is the net's, need not change: no number is used twice. */
#include <sodium.h>

#include "actors/net/receive_lane.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/postpone.h"
#include "transport/net/socket.h"

enum {
    SHARE_US = 1000,   /* of a turn, one step at least */
    WAIT_MAX_MS = 100, /* then the limits are looked at again */
};

void receive_queue_handshake(struct receive_lane *lane, struct connection *connection) {
    if (ring_is_member(&connection->handshake_place))
        return;
    connection->stage = STAGE_HANDSHAKE;
    if (connection->is_polled)
        receive_set_interest(lane, connection, POLL_NOTHING);
    if (connection->stage != STAGE_HANDSHAKE)
        return;
    if (connection->is_client || connection->has_begun_handshake)
        ring_append(&lane->later_handshakes, &connection->handshake_place);
    else if (connection->needs_cookie && connection->hello == HELLO_FIRST)
        ring_append(&lane->cookieless_hellos, &connection->handshake_place);
    else
        ring_append(&lane->fresh_handshakes, &connection->handshake_place);
}

bool receive_has_handshakes(const struct receive_lane *lane) {
    return !ring_is_empty(&lane->later_handshakes) || !ring_is_empty(&lane->cookieless_hellos) ||
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

/* Whose turn it is; NULL: nobody's, since a token is missing. */
static struct ring *next_place(struct receive_lane *lane) {
    struct ring *place = ring_first(&lane->later_handshakes);
    if (place != NULL)
        return place;
    lane->asked_last = !lane->asked_last && !ring_is_empty(&lane->cookieless_hellos);
    if (!lane->asked_last && !ring_is_empty(&lane->fresh_handshakes) &&
        !wheel_timer_is_active(&lane->handshake_timer) && take_token(lane))
        return ring_last(&lane->fresh_handshakes);
    return ring_last(&lane->cookieless_hellos);
}

static void make_cookie(const struct connection *connection, uint8_t cookie[TLS_COOKIE_SIZE]) {
    const struct net *net = connection->net;
    crypto_generichash(cookie, TLS_COOKIE_SIZE, (const uint8_t *)&connection->number, sizeof connection->number,
                       net->cookie_key, sizeof net->cookie_key);
}

/* The hello had no cookie, and the client knows one now. */
static void await_second_hello(struct receive_lane *lane, struct connection *connection) {
    if (connection->hello != HELLO_FIRST) {
        receive_handshake_failed(lane, connection, SMQ_ERR_TLS, "no cookie in the second ClientHello");
        return;
    }
    counter_add(&lane->net->asked_cookies, 1);
    tls_destroy(&connection->tls);
    connection->hello = HELLO_SECOND_OR_CHANGE;
    connection->stage = STAGE_HELLO;
    receive_set_interest(lane, connection, POLL_READ);
}

static void shake_hands_with_cookie(struct receive_lane *lane, struct connection *connection) {
    uint8_t cookie[TLS_COOKIE_SIZE];
    make_cookie(connection, cookie);
    enum smq_result result = tls_handshake_with_cookie(connection->tls, cookie);
    if (result == SMQ_OK) {
        connection->has_begun_handshake = true;
        receive_set_interest(lane, connection, POLL_READ);
    } else if (result == SMQ_ERR_EMPTY) {
        await_second_hello(lane, connection);
    } else {
        receive_handshake_failed(lane, connection, result, tls_failure_text(connection->tls));
    }
}

static void take_step(struct receive_lane *lane, struct connection *connection) {
    bool is_first = !connection->has_begun_handshake;
    if (connection->tls == NULL)
        receive_begin_tls(lane, connection);
    if (connection->stage != STAGE_HANDSHAKE)
        return;
    connection->awaits_flight = is_first && !connection->is_client;
    if (is_first && connection->needs_cookie) {
        shake_hands_with_cookie(lane, connection);
    } else {
        connection->has_begun_handshake = true;
        receive_handshake(lane, connection);
    }
}

void receive_some_handshakes(struct receive_lane *lane) {
    if (!receive_has_handshakes(lane))
        return;
    waiting_begins();
    uint64_t end_us = clock_monotonic_us() + SHARE_US;
    struct ring *place;
    while ((place = next_place(lane)) != NULL) {
        ring_remove(place);
        take_step(lane, caa_container_of(place, struct connection, handshake_place));
        if (clock_monotonic_us() >= end_us)
            break;
    }
}

void receive_drop(struct receive_lane *lane, struct connection *connection) {
    if (connection->stage == STAGE_ENDED || atomic_load(&connection->is_established))
        return;
    counter_add(&lane->net->dropped_handshakes, 1);
    receive_end(lane, connection, SMQ_ERR_NO_CREDIT);
}

static bool find_peer(const struct connection *connection, struct net_address *peer) {
    if (connection->told_address == NULL)
        return socket_peer_address(connection->descriptor, peer) == SMQ_OK;
    *peer = *connection->told_address;
    return true;
}

/* Who it was is told only when the operator asks. */
static void log_tls_error(const struct connection *connection, const char *reason) {
    struct net_address peer;
    char text[NET_ADDRESS_TEXT];
    if (!connection->log_peers || !find_peer(connection, &peer)) {
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
