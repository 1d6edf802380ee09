/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Client sessions: the router's hooks on a connection. Blocks are opened on the receive lane and passed on as command
 * batches. */
#include "actors/smp/client_session.h"

#include "actors/proxy/execute_proxy.h"
#include "actors/smp/command_batch.h"
#include "actors/smp/delivery.h"
#include "actors/smp/process.h"
#include "actors/smp/services.h"
#include "actors/smp/subscriber.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "transport/smp/batch.h"

static const uint32_t SESSION_MAGIC = MAGIC('S', 'E', 'S', 'S');

enum { FIRST_CHECK_MS = 1000, CREDIT_SHIFT = 32 };

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
    atomic_init(&session->credit, (uint64_t)SESSION_CREDIT << CREDIT_SHIFT);
    session->process_lane = pinning_lane(&router->process_pinning, connection_number(connection));
    for (unsigned lane = 0; lane < router->subscriber_count; lane++)
        session->lanes[lane].farewell.session = session;
    session->service_place.farewell.session = session;
    MAGIC_SET(session, SESSION_MAGIC);
    counter_add(&router->counters.connections, 1);
    return session;
}

struct process_lane *client_session_process_lane(const struct client_session *session) {
    return session->router->process[session->process_lane];
}

void client_session_work_begun(struct client_session *session) {
    atomic_fetch_add_explicit(&session->router->batches_in_progress, 1, memory_order_relaxed);
}

void client_session_work_ended(struct client_session *session) {
    if (atomic_fetch_sub_explicit(&session->router->batches_in_progress, 1, memory_order_acq_rel) == 1)
        waker_wake(&session->router->quiet);
}

/* Whether what is not answered has reached the credit. */
static bool is_used_up(uint64_t credit) {
    return (uint32_t)credit >= credit >> CREDIT_SHIFT;
}

void client_session_block_admitted(struct client_session *session, uint16_t commands) {
    uint32_t weight = SESSION_BLOCK_WEIGHT + (uint32_t)commands;
    uint64_t before = atomic_fetch_add_explicit(&session->credit, weight, memory_order_relaxed);
    client_session_work_begun(session);
    if (!is_used_up(before) && is_used_up(before + weight))
        connection_pause(session->connection);
}

void client_session_block_answered(struct client_session *session, uint16_t commands) {
    uint32_t weight = SESSION_BLOCK_WEIGHT + (uint32_t)commands;
    /* Released for who looks whether something is before it: proxy_forward_received. */
    uint64_t before = atomic_fetch_sub_explicit(&session->credit, weight, memory_order_acq_rel);
    if (is_used_up(before) && !is_used_up(before - weight))
        connection_resume(session->connection);
    client_session_work_ended(session);
}

bool client_session_has_unanswered(struct client_session *session) {
    return (uint32_t)atomic_load(&session->credit) > 0;
}

void client_session_trust_proxy(struct client_session *session) {
    const uint64_t more = (uint64_t)(SESSION_PROXY_CREDIT - SESSION_CREDIT) << CREDIT_SHIFT;
    if (!session->is_proxy)
        return;
    session->is_proxy = false;
    uint64_t before = atomic_fetch_add_explicit(&session->credit, more, memory_order_relaxed);
    if (is_used_up(before) && !is_used_up(before + more))
        connection_resume(session->connection);
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

static enum smq_result receive_hello(struct client_session *session, struct block *block) {
    struct smp_client_hello hello;
    struct version_range agreed;
    enum smq_result result = smp_client_hello_parse(block->bytes, &hello);
    if (result == SMQ_OK)
        result = smp_server_accept(&hello, session->announced, smp_router_fingerprint(session->router), &agreed);
    if (result == SMQ_OK)
        result = start_encryption(session, &hello);
    if (result != SMQ_OK) {
        block_release(block);
        return result;
    }
    session->phase = SESSION_READY;
    if (hello.has_service) {
        /* Nothing may overtake the look-up of the service: no block is read until it is answered. */
        connection_pause(session->connection);
        return process_lane_service_hello(client_session_process_lane(session), block);
    }
    connection_established(session->connection);
    block_release(block);
    return SMQ_OK;
}

static enum smq_result receive_bad_block(struct client_session *session, struct block *block) {
    struct command_batch *batch = NULL;
    block_release(block);
    enum smq_result result = command_batch_create_bad_block(session, &batch);
    if (result == SMQ_OK)
        process_lane_batch(client_session_process_lane(session), batch);
    return result;
}

static enum smq_result session_received(struct connection *connection, void *state, struct block *block) {
    struct client_session *session = state;
    if (session->phase == SESSION_AWAITS_HELLO)
        return receive_hello(session, block);
    struct smp_content reader;
    enum smq_result result = smp_session_open_block(&session->smp, block->bytes, &block->content);
    if (result == SMQ_OK && proxy_forward_received(session, block, block->content))
        return SMQ_OK;
    if (result == SMQ_OK)
        result = smp_content_open(block->content, &reader);
    if (result != SMQ_OK)
        return receive_bad_block(session, block);
    connection_reference(connection);
    client_session_block_admitted(session, reader.count);
    process_lane_block(client_session_process_lane(session), block);
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
    counter_add(&router->counters.connections, -1);
    for (unsigned lane = 0; lane < router->subscriber_count; lane++) {
        connection_reference(connection);
        subscriber_lane_farewell(router->subscribers[lane], &session->lanes[lane].farewell);
    }
    connection_reference(connection);
    services_farewell(router->services, &session->service_place.farewell);
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
