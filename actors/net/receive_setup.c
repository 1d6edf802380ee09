/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Setting up a connection on its receive lane: addresses in order, connecting, the SOCKS proxy, the TLS handshake. */
#include <string.h>

#include "actors/net/framed.h"
#include "actors/net/receive_lane.h"
#include "actors/net/resolver.h"
#include "queues/base/log.h"
#include "transport/net/address_scope.h"
#include "transport/net/socket.h"

enum { UNLIMITED_ATTEMPT_MS = 30000 };

static enum smq_result create_tls(struct connection *connection) {
    const struct tls_context *context = connection->tls_context;
    const struct setup *setup = connection->setup;
    int descriptor = connection->descriptor;
    if (!connection->is_client)
        return tls_create_server(context, descriptor, &connection->tls);
    if (tls_context_is_web_client(context))
        return tls_create_web_client(context, descriptor, setup->alpn, setup->host, &connection->tls);
    return tls_create_client(context, descriptor, setup->alpn, setup->key_hash, &connection->tls);
}

void receive_begin_tls(struct receive_lane *lane, struct connection *connection) {
    enum smq_result result = create_tls(connection);
    if (result != SMQ_OK)
        receive_end(lane, connection, result);
    else
        connection->stage = STAGE_HANDSHAKE;
}

/* When further addresses are left, the one that is tried gets its share of the budget that remains. */
static void limit_attempt(struct receive_lane *lane, struct connection *connection) {
    struct setup *setup = connection->setup;
    size_t left = setup->addresses->count - setup->next_address;
    if (left == 0)
        return;
    uint64_t budget_end = atomic_load(&connection->budget_deadline_ms);
    uint64_t share_ms = UNLIMITED_ATTEMPT_MS;
    if (budget_end > lane->now_ms)
        share_ms = (budget_end - lane->now_ms) / (left + 1);
    wheel_add(actor_wheel(lane->actor), &setup->timer, lane->now_ms + share_ms);
}

static void try_next_address(struct receive_lane *lane, struct connection *connection, enum smq_result reason) {
    struct setup *setup = connection->setup;
    wheel_cancel(actor_wheel(lane->actor), &setup->timer);
    if (connection->is_polled)
        poller_remove(lane->poller, connection->descriptor);
    connection->is_polled = false;
    socket_close(&connection->descriptor);
    while (setup->next_address < setup->addresses->count) {
        const struct net_address *address = &setup->addresses->addresses[setup->next_address++];
        if (setup->public_only && !net_address_is_public(address))
            continue;
        reason = socket_connect(address, setup->has_keep_alive ? &setup->keep_alive : NULL, &connection->descriptor);
        if (reason != SMQ_OK)
            continue;
        connection->stage = STAGE_CONNECTING;
        limit_attempt(lane, connection);
        receive_set_interest(lane, connection, POLL_WRITE);
        return;
    }
    receive_end(lane, connection, reason == SMQ_ERR_NO_CREDIT ? SMQ_ERR_SYSTEM : reason);
}

static void attempt_expired(struct wheel_timer *timer) {
    struct setup *setup = caa_container_of(timer, struct setup, timer);
    struct connection *connection = setup->connection;
    struct receive_lane *lane = connection->net->receive_lanes[connection->receive_lane];
    lane->now_ms = actor_now_ms(lane->actor);
    try_next_address(lane, connection, SMQ_ERR_TIMEOUT);
}

void receive_free_setup(struct receive_lane *lane, struct connection *connection) {
    if (connection->setup != NULL)
        wheel_cancel(actor_wheel(lane->actor), &connection->setup->timer);
    setup_destroy(&connection->setup);
}

static enum smq_result take_facts(struct connection *connection) {
    struct tls_facts taken;
    enum smq_result result = tls_take_facts(connection->tls, &taken);
    if (result != SMQ_OK)
        return result;
    connection->facts = (struct connection_tls){
        .session_id_length = taken.session_id_length,
        .has_alpn = taken.has_alpn,
        .shows_web_certificate = taken.shows_web_certificate,
        .client_certificate_requested = taken.client_certificate_requested,
        .peer_chain_count = taken.peer_chain_count,
        .peer_chain = taken.peer_chain,
    };
    memcpy(connection->facts.session_id, taken.session_id, sizeof taken.session_id);
    memcpy(connection->facts.alpn, taken.alpn, sizeof taken.alpn);
    return SMQ_OK;
}

enum smq_result receive_open(struct receive_lane *lane, struct connection *connection) {
    uint32_t limit_ms = connection->handshake_timeout_ms;
    if (!connection->is_client)
        atomic_store(&connection->budget_deadline_ms, limit_ms == 0 ? 0 : lane->now_ms + limit_ms);
    if (!connection->is_client && limit_ms != 0)
        connection_request_monitor(connection, MONITOR_CHANGED);
    return connection->http != NULL ? receive_http_open(lane, connection)
                                    : connection->protocol->secured(connection, connection->state);
}

/* What the connection needs before other roles may use it. */
static enum smq_result prepare(struct connection *connection) {
    enum smq_result result = connection->is_plain ? SMQ_OK : take_facts(connection);
    if (result != SMQ_OK)
        return result;
    if (receive_speaks_http(connection))
        return receive_http_prepare(connection);
    return connection->framing == NULL ? SMQ_OK : framed_create(connection->framing, &connection->framed);
}

/* TLS is done, if there is any. */
static void is_up(struct receive_lane *lane, struct connection *connection) {
    enum smq_result result = prepare(connection);
    if (result != SMQ_OK) {
        receive_end(lane, connection, result);
        return;
    }
    receive_free_setup(lane, connection);
    connection->stage = STAGE_UP;
    receive_set_interest(lane, connection, POLL_READ);
    if (connection->is_client)
        counter_add(&lane->net->connected, 1);
    atomic_store(&connection->tls_is_ready, true);
    if (atomic_load(&connection->sending_waits_for_tls))
        connection_request_send(connection, SEND_READY);
    result = connection->framed == NULL ? receive_open(lane, connection) : SMQ_OK;
    if (result != SMQ_OK)
        receive_end(lane, connection, result);
    else if (connection->http != NULL)
        receive_http(lane, connection);
    else
        receive_read(lane, connection); /* what came with the last flight is inside of TLS */
}

void receive_start(struct receive_lane *lane, struct connection *connection) {
    connection->next = lane->first;
    if (lane->first != NULL)
        lane->first->previous = connection;
    lane->first = connection;
    CHECK(connection_request_monitor(connection, MONITOR_ATTACH) == SMQ_OK);
    if (lane->is_ending_all || connection_phase(connection) != PHASE_OPEN) {
        receive_end(lane, connection, SMQ_ERR_CANCELLED);
    } else if (connection->is_plain) {
        is_up(lane, connection);
    } else if (!connection->is_client) {
        connection->stage = STAGE_HELLO;
        receive_set_interest(lane, connection, POLL_READ);
    } else if (connection->setup->addresses != NULL) {
        connection->setup->timer.fire = attempt_expired;
        try_next_address(lane, connection, SMQ_ERR_NETWORK);
    } else if (resolver_look_up(connection) != SMQ_OK) {
        receive_end(lane, connection, SMQ_ERR_CANCELLED);
    }
}

void receive_resolved(struct receive_lane *lane, struct connection *connection) {
    if (connection->stage != STAGE_NEW)
        return;
    connection->setup->asks_resolver = false;
    connection->setup->timer.fire = attempt_expired;
    if (connection->setup->resolve_result == SMQ_OK)
        try_next_address(lane, connection, SMQ_ERR_NETWORK);
    else
        receive_end(lane, connection, connection->setup->resolve_result);
}

void receive_connected(struct receive_lane *lane, struct connection *connection) {
    if (socket_connect_result(connection->descriptor) != SMQ_OK) {
        try_next_address(lane, connection, SMQ_ERR_NETWORK);
        return;
    }
    wheel_cancel(actor_wheel(lane->actor), &connection->setup->timer);
    if (connection->setup->socks != NULL) {
        connection->stage = STAGE_SOCKS;
        receive_socks(lane, connection);
    } else {
        receive_queue_handshake(lane, connection);
    }
}

/* One step of the conversation with the proxy. SMQ_ERR_AGAIN: `*interest` is to be waited for. */
static enum smq_result socks_step(struct connection *connection, unsigned *interest) {
    struct socks_conversation *socks = connection->setup->socks;
    struct slice output = socks_output(socks);
    size_t length = 0;
    if (output.length > 0) {
        *interest = POLL_WRITE;
        enum smq_result result = socket_send(connection->descriptor, output.bytes, output.length, &length);
        if (result != SMQ_OK)
            return result;
        socks_sent(socks, length);
        return SMQ_OK;
    }
    uint8_t bytes[SOCKS_MESSAGE_MAX];
    *interest = POLL_READ;
    enum smq_result result = socket_receive(connection->descriptor, bytes, socks_wanted(socks), &length);
    if (result != SMQ_OK)
        return result;
    result = socks_received(socks, bytes, length);
    if (result == SMQ_OK)
        *interest = POLL_NOTHING;
    return result == SMQ_ERR_AGAIN ? SMQ_OK : result;
}

void receive_socks(struct receive_lane *lane, struct connection *connection) {
    unsigned interest = POLL_READ;
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK && interest != POLL_NOTHING)
        result = socks_step(connection, &interest);
    if (result == SMQ_OK) {
        receive_queue_handshake(lane, connection);
    } else if (result == SMQ_ERR_AGAIN) {
        receive_set_interest(lane, connection, interest);
    } else {
        log_debug("SOCKS proxy: %s", socks_failure_text(connection->setup->socks));
        receive_end(lane, connection, SMQ_ERR_NETWORK);
    }
}

void receive_handshake(struct receive_lane *lane, struct connection *connection) {
    enum tls_want want = TLS_WANT_READ;
    enum smq_result result = tls_handshake(connection->tls, &want);
    if (result == SMQ_OK)
        is_up(lane, connection);
    else if (result == SMQ_ERR_AGAIN)
        receive_set_interest(lane, connection, want == TLS_WANT_READ ? POLL_READ : POLL_WRITE);
    else
        receive_handshake_failed(lane, connection, result, tls_failure_text(connection->tls));
}
