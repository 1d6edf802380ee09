/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The router's hooks on a connection. Blocks are opened on the receive lane and passed on to the process lane. */
#include "actors/smp/client_session.h"

#include "actors/proxy/execute_proxy.h"
#include "actors/router/post.h"
#include "actors/router/session_credit.h"
#include "actors/smp/clients.h"
#include "actors/smp/command_slot.h"
#include "actors/smp/delivery.h"
#include "actors/smp/metrics.h"
#include "actors/smp/post.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "transport/block/batch.h"

void *client_session_accept(void *context, struct connection *connection) {
    struct smp_router *router = context;
    struct client_session *session =
        memory_zalloc(sizeof *session + router->subscriber_count * sizeof session->lanes[0]);
    if (session == NULL)
        return NULL;
    session_init(&session->base, &router->base, connection, SESSION_CREDIT);
    session->phase = SESSION_AWAITS_HELLO;
    for (unsigned lane = 0; lane < router->subscriber_count; lane++)
        session->lanes[lane].farewell.session = session;
    session->service_place.farewell.session = session;
    session->created_ns = clock_realtime_ns();
    counters_add(router->counters, COUNT_CONNECTIONS, 1);
    return session;
}

static enum smq_result session_secured(struct connection *connection, void *state) {
    struct client_session *session = state;
    uint32_t versions = live_value(smp_router_of(session)->live.versions);
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

/* ERR BLOCK with empty ids answers a block that nobody can read. */
static enum smq_result receive_bad_block(struct client_session *session, struct block *block) {
    block_release(block);
    struct command_batch *batch = command_batch_create(&session->base, 1);
    if (batch == NULL)
        return SMQ_ERR_NO_MEMORY;
    session_block_admitted(&session->base, 1);
    slot_answer_error(owner_of(batch_slot(batch, 0), struct command_slot, base), smp_error_of(SMP_ERROR_BLOCK));
    batch->next = 1;
    if (post_process_batch(batch) != SMQ_OK)
        command_batch_finish(&batch);
    return SMQ_OK;
}

static enum smq_result session_received(struct connection *connection, void *state, struct block *block) {
    (void)connection;
    struct client_session *session = state;
    if (session->phase == SESSION_AWAITS_HELLO)
        return receive_hello(session, block);
    block->since_us = clock_monotonic_us();
    struct block_content reader;
    enum smq_result result = smp_session_open_block(&session->smp, block->bytes, &block->content);
    if (result == SMQ_OK && proxy_forward_received(session, block, block->content))
        return SMQ_OK;
    if (result == SMQ_OK)
        result = block_content_open(block->content, &reader);
    if (result != SMQ_OK)
        return receive_bad_block(session, block);
    session_receive(&session->base, block, reader.count);
    return SMQ_OK;
}

static void session_closed(struct connection *connection, void *state, enum smq_result reason) {
    (void)reason;
    struct client_session *session = state;
    struct smp_router *router = smp_router_of(session);
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
    proxied_drop_waiting(session);
    box_key_wipe(&session->proxy_key);
    smp_session_wipe(&session->smp);
    session_finish(&session->base);
    memory_free(session);
}

void client_session_trust_proxy(struct client_session *session) {
    if (!session->is_proxy)
        return;
    session->is_proxy = false;
    session_credit_raise(&session->base, SESSION_PROXY_CREDIT - SESSION_CREDIT);
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
    .first_check_ms = SESSION_FIRST_CHECK_MS,
    .closed = session_closed,
    .released = session_released,
};
