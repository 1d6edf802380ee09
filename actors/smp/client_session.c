/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Client sessions: the router's hooks on a connection. Blocks are opened on the receive lane and passed on as command
 * batches. */
#include "actors/smp/client_session.h"

#include "actors/proxy/execute_proxy.h"
#include "actors/router/command_batch.h"
#include "actors/router/session_credit.h"
#include "actors/smp/clients.h"
#include "actors/smp/delivery.h"
#include "actors/smp/metrics.h"
#include "actors/smp/post.h"
#include "queues/base/clock.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "transport/smp/batch.h"

static const uint32_t SESSION_MAGIC = MAGIC('S', 'E', 'S', 'S');

enum { FIRST_CHECK_MS = 1000 };

void *client_session_accept(void *context, struct connection *connection) {
    struct smp_router *router = context;
    struct client_session *session =
        memory_zalloc(sizeof *session + router->subscriber_count * sizeof session->lanes[0]);
    if (session == NULL)
        return NULL;
    session->router = router;
    session->connection = connection;
    session->identity = identity_current(&router->identity);
    connection_use_tls(connection, session->identity->tls);
    session->phase = SESSION_AWAITS_HELLO;
    session_credit_init(session);
    session->process_lane = pinning_lane(&router->process_pinning, connection_number(connection));
    for (unsigned lane = 0; lane < router->subscriber_count; lane++)
        session->lanes[lane].farewell.session = session;
    session->service_place.farewell.session = session;
    MAGIC_SET(session, SESSION_MAGIC);
    session->created_ns = clock_realtime_ns();
    counters_add(router->counters, COUNT_CONNECTIONS, 1);
    return session;
}

static enum smq_result session_secured(struct connection *connection, void *state) {
    struct client_session *session = state;
    uint32_t versions = live_value(session->router->live.versions);
    struct version_range own = {(uint16_t)(versions >> 16), (uint16_t)versions};
    session->announced = smp_server_versions(own, connection_tls(connection)->has_alpn);
    enum smq_result result = key_pair_generate(KEY_X25519, &session->handshake_key);
    if (result != SMQ_OK)
        return result;
    session->hello.kind = OUTGOING_HELLO;
    return connection_send(connection, &session->hello);
}

/* Agrees with the client's key, and derives the block encryption that both sides switch on with the first block after
 * the handshake. */
static enum smq_result start_encryption(struct client_session *session, const struct smp_client_hello *hello) {
    const struct connection_tls *tls = connection_tls(session->connection);
    struct slice session_id = slice_of(tls->session_id, tls->session_id_length);
    bool encrypted =
        smp_blocks_are_encrypted(hello->version, hello->version >= SMP_VERSION_AUTH, hello->has_key, hello->is_proxy);
    session->is_proxy = hello->is_proxy;
    if (!hello->has_key)
        return smp_session_init(&session->smp, SMP_SIDE_SERVER, hello->version, session_id, NULL);
    struct dh_secret secret;
    enum smq_result result = dh(&session->handshake_key.private_key, &hello->key, &secret);
    if (result == SMQ_OK)
        result =
            smp_session_init(&session->smp, SMP_SIDE_SERVER, hello->version, session_id, encrypted ? &secret : NULL);
    if (result == SMQ_OK) {
        box_key_of_secret(secret.bytes, &session->proxy_key);
        session->has_proxy_key = true;
    }
    dh_secret_wipe(&secret);
    return result;
}

static enum smq_result hand_on_service_hello(struct client_session *session, struct block *block) {
    connection_reference(session->connection);
    enum smq_result result = post_process_service_hello(session, block);
    if (result == SMQ_OK)
        return SMQ_OK;
    connection_release(session->connection);
    block_release(block);
    return result;
}

static enum smq_result receive_hello(struct client_session *session, struct block *block) {
    struct smp_client_hello hello;
    struct version_range agreed;
    enum smq_result result = smp_client_hello_parse(block->bytes, &hello);
    if (result == SMQ_OK)
        result = smp_server_accept(&hello, session->announced, session->router->fingerprint, &agreed);
    if (result == SMQ_OK)
        result = start_encryption(session, &hello);
    if (result != SMQ_OK) {
        block_release(block);
        return result;
    }
    session->phase = SESSION_READY;
    client_enter(session);
    if (hello.has_service) {
        /* Nothing may overtake the look-up of the service: no block is read until it is answered. */
        connection_pause(session->connection);
        return hand_on_service_hello(session, block);
    }
    connection_established(session->connection);
    block_release(block);
    return SMQ_OK;
}

static enum smq_result receive_bad_block(struct client_session *session, struct block *block) {
    struct command_batch *batch = NULL;
    block_release(block);
    enum smq_result result = command_batch_create_bad_block(session, &batch);
    if (result == SMQ_OK && post_process_batch(batch) != SMQ_OK)
        command_batch_finish(&batch);
    return result;
}

static enum smq_result session_received(struct connection *connection, void *state, struct block *block) {
    struct client_session *session = state;
    if (session->phase == SESSION_AWAITS_HELLO)
        return receive_hello(session, block);
    block->since_us = clock_monotonic_us();
    struct smp_content reader;
    enum smq_result result = smp_session_open_block(&session->smp, block->bytes, &block->content);
    if (result == SMQ_OK && proxy_forward_received(session, block, block->content))
        return SMQ_OK;
    if (result == SMQ_OK)
        result = smp_content_open(block->content, &reader);
    if (result != SMQ_OK)
        return receive_bad_block(session, block);
    connection_reference(connection);
    session_block_admitted(session, reader.count);
    if (post_process_block(session, block) != SMQ_OK)
        command_batch_refuse(block);
    return SMQ_OK;
}

/* Only connections without any subscription are closed for inactivity (reference: disconnectTransport). */
static uint32_t session_check(struct connection *connection, void *state, uint64_t now_ms) {
    const struct client_session *session = state;
    const struct live_settings *live = &session->router->live;
    uint32_t interval_ms = live_value(live->inactive_check_interval_s) * 1000;
    if (!live_value(live->disconnect_inactive))
        return interval_ms; /* it may be switched on */
    uint64_t received = connection_last_received_ms(connection);
    uint64_t sent = connection_last_sent_ms(connection);
    uint64_t last = received > sent ? received : sent;
    bool subscribed = atomic_load_explicit(&session->subscription_count, memory_order_relaxed) > 0;
    if (!subscribed && now_ms > last && now_ms - last > (uint64_t)live_value(live->inactive_ttl_s) * 1000) {
        connection_close(connection, SMQ_ERR_TIMEOUT, false);
        return 0;
    }
    return interval_ms;
}

static void session_closed(struct connection *connection, void *state, enum smq_result reason) {
    (void)reason;
    struct client_session *session = state;
    struct smp_router *router = session->router;
    counters_add(router->counters, COUNT_CONNECTIONS, -1);
    client_leave(session);
    for (unsigned lane = 0; lane < router->subscriber_count; lane++) {
        connection_reference(connection);
        if (post_subscriber_session_closed(session, lane) != SMQ_OK)
            connection_release(connection);
    }
    connection_reference(connection);
    if (post_services_session_closed(session) != SMQ_OK)
        connection_release(connection);
}

static void session_released(void *state) {
    struct client_session *session = state;
    MAGIC_CHECK(session, SESSION_MAGIC);
    MAGIC_CLEAR(session);
    proxied_drop_waiting(session);
    command_order_finish(&session->order);
    secret_cache_clear(&session->secrets);
    key_pair_wipe(&session->handshake_key);
    box_key_wipe(&session->proxy_key);
    smp_session_wipe(&session->smp);
    identity_release(&session->identity);
    memory_free(session);
}

const struct protocol client_session_protocol = {
    .name = "smp router",
    .block_size = BLOCK_SIZE,
    .secured = session_secured,
    .received = session_received,
    .fill = delivery_fill,
    .fill_own = proxied_fill_own,
    .discard = delivery_discard,
    .check = session_check,
    .first_check_ms = FIRST_CHECK_MS,
    .closed = session_closed,
    .released = session_released,
};
