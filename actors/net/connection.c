/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What any thread may do with a connection: references, requests to its roles, sending, closing, pausing. */
#include "actors/net/connection_private.h"

#include "actors/net/framed.h"
#include "actors/net/http_private.h"
#include "actors/net/net_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

static _Atomic uint64_t last_number;

struct connection *connection_create(struct net *net, const struct protocol *protocol,
                                     const struct tls_context *tls_context, bool is_client) {
    struct connection *connection = memory_zalloc(sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->number = atomic_fetch_add(&last_number, 1) + 1;
    connection->receive_lane = (uint16_t)pinning_lane(&net->receive_pinning, connection->number);
    connection->send_lane = (uint16_t)pinning_lane(&net->send_pinning, connection->number);
    connection->net = net;
    connection->protocol = protocol;
    connection->tls_context = tls_context;
    connection->is_client = is_client;
    connection->descriptor = -1;
    connection->receive_requests.message.kind = NET_CONNECTION;
    connection->send_requests.message.kind = NET_CONNECTION;
    connection->monitor_requests.message.kind = NET_CONNECTION;
    connection->listener_requests.message.kind = NET_CONNECTION;
    uint64_t now = clock_monotonic_ms();
    atomic_init(&connection->last_received_ms, now);
    atomic_init(&connection->last_sent_ms, now);
    atomic_init(&connection->references, 3);
    net_reference(net);
    counter_add(&net->connections, 1);
    MAGIC_SET(connection, CONNECTION_MAGIC);
    return connection;
}

void setup_destroy(struct setup **setup) {
    struct setup *destroyed = *setup;
    *setup = NULL;
    if (destroyed == NULL)
        return;
    if (destroyed->socks != NULL)
        socks_end(destroyed->socks);
    memory_free(destroyed->socks);
    memory_free(destroyed->addresses);
    memory_free(destroyed);
}

void connection_abandon(struct connection *connection) {
    struct net *net = connection->net;
    setup_destroy(&connection->setup);
    framed_destroy(&connection->framed);
    http_connection_destroy(&connection->http);
    memory_free(connection->told_address);
    memory_free((void *)(uintptr_t)connection->facts.peer_chain);
    counter_add(&net->connections, -1);
    MAGIC_CLEAR(connection);
    memory_free(connection);
    net_release(net);
}

struct connection *connection_reference(struct connection *connection) {
    MAGIC_CHECK(connection, CONNECTION_MAGIC);
    atomic_fetch_add_explicit(&connection->references, 1, memory_order_relaxed);
    return connection;
}

void connection_release(struct connection *connection) {
    MAGIC_CHECK(connection, CONNECTION_MAGIC);
    if (atomic_fetch_sub_explicit(&connection->references, 1, memory_order_acq_rel) != 1)
        return;
    connection->protocol->released(connection->state);
    if (connection->http != NULL)
        http_connection_released(connection->http);
    connection_abandon(connection);
}

enum smq_result requests_post(struct connection *connection, struct requests *requests, struct actor *actor,
                              uint32_t bit) {
    if (atomic_fetch_or(&requests->bits, bit) != 0)
        return SMQ_OK;
    connection_reference(connection);
    enum smq_result result = actor_send(actor, &requests->message);
    if (result != SMQ_OK)
        connection_release(connection);
    return result;
}

uint32_t requests_take(struct requests *requests) {
    return atomic_exchange(&requests->bits, 0);
}

enum smq_result connection_request_receive(struct connection *connection, uint32_t bit) {
    struct actor *actor = connection->net->addresses.receive[connection->receive_lane];
    return requests_post(connection, &connection->receive_requests, actor, bit);
}

enum smq_result connection_request_send(struct connection *connection, uint32_t bit) {
    struct actor *actor = connection->net->addresses.send[connection->send_lane];
    return requests_post(connection, &connection->send_requests, actor, bit);
}

enum smq_result connection_request_monitor(struct connection *connection, uint32_t bit) {
    return requests_post(connection, &connection->monitor_requests, connection->net->addresses.monitor, bit);
}

void connection_request_listener(struct connection *connection, uint32_t bit) {
    if (!connection->is_client)
        (void)requests_post(connection, &connection->listener_requests, connection->net->addresses.listener,
                            bit); /* once the role is stopped nobody counts any more */
}

enum phase connection_phase(const struct connection *connection) {
    return (enum phase)(atomic_load(&connection->life) & 0xff);
}

static uint32_t life_of(enum phase phase, enum smq_result reason) {
    return (uint32_t)phase | (uint32_t)reason << 8;
}

/* Moves on to `phase` unless it is reached already; a reason that was given before is kept. Whether it moved. */
static bool enter(struct connection *connection, enum phase phase, enum smq_result reason) {
    uint32_t life = atomic_load(&connection->life);
    uint32_t next;
    do {
        if ((life & 0xff) >= (uint32_t)phase)
            return false;
        next = (life & 0xff) == PHASE_OPEN ? life_of(phase, reason) : ((life & ~(uint32_t)0xff) | (uint32_t)phase);
    } while (!atomic_compare_exchange_weak(&connection->life, &life, next));
    return true;
}

enum smq_result connection_enter_end(struct connection *connection, enum smq_result reason) {
    enter(connection, PHASE_ENDED, reason);
    return (enum smq_result)(atomic_load(&connection->life) >> 8);
}

enum smq_result connection_send(struct connection *connection, struct outgoing *item) {
    if (connection_phase(connection) != PHASE_OPEN)
        return SMQ_ERR_CLOSED;
    item->connection = connection_reference(connection);
    item->next = NULL;
    item->message.kind = NET_OUTGOING;
    struct actor *actor = connection->net->addresses.send[connection->send_lane];
    enum smq_result result = actor_send(actor, &item->message);
    if (result != SMQ_OK)
        connection_release(connection);
    return result;
}

enum smq_result connection_run(struct connection *connection, struct connection_task *task) {
    task->connection = connection_reference(connection);
    task->message.kind = NET_TASK;
    enum smq_result result = actor_send(connection->net->addresses.receive[connection->receive_lane], &task->message);
    if (result != SMQ_OK)
        connection_release(connection);
    return result;
}

bool connection_begin_flush(struct connection *connection, enum smq_result reason) {
    if (!enter(connection, PHASE_FLUSHING, reason))
        return false;
    atomic_store(&connection->close_deadline_ms, clock_monotonic_ms() + FLUSH_LIMIT_MS);
    connection_request_monitor(connection, MONITOR_CHANGED);
    return true;
}

void connection_close(struct connection *connection, enum smq_result reason, bool flush) {
    if (flush && atomic_load(&connection->tls_is_ready)) {
        if (!connection_begin_flush(connection, reason))
            return;
        if (connection->http != NULL)
            connection_request_receive(connection, RECEIVE_FLUSH);
        else
            connection_request_send(connection, SEND_FLUSH);
    } else if (enter(connection, PHASE_CLOSING, reason)) {
        connection_request_receive(connection, RECEIVE_END);
    }
}

void connection_established(struct connection *connection) {
    atomic_store(&connection->budget_deadline_ms, 0);
    atomic_store(&connection->is_established, true);
    connection_request_listener(connection, LISTENER_ESTABLISHED);
}

void connection_pause(struct connection *connection) {
    atomic_fetch_add(&connection->pauses, 1);
}

void connection_resume(struct connection *connection) {
    if (atomic_fetch_sub(&connection->pauses, 1) <= 1 && atomic_load(&connection->reading_is_off))
        connection_request_receive(connection, RECEIVE_RESUME);
}

bool connection_is_open(const struct connection *connection) {
    return connection_phase(connection) == PHASE_OPEN;
}

void *connection_state(const struct connection *connection) {
    return connection->state;
}

uint32_t connection_receive_lane(const struct connection *connection) {
    return connection->receive_lane;
}

uint64_t connection_number(const struct connection *connection) {
    return connection->number;
}

uint64_t connection_last_received_ms(const struct connection *connection) {
    return atomic_load_explicit(&connection->last_received_ms, memory_order_relaxed);
}

uint64_t connection_last_sent_ms(const struct connection *connection) {
    return atomic_load_explicit(&connection->last_sent_ms, memory_order_relaxed);
}

void connection_use_tls(struct connection *connection, const struct tls_context *context) {
    connection->tls_context = context;
}

const struct connection_tls *connection_tls(const struct connection *connection) {
    return &connection->facts;
}

struct outgoing *outgoing_first(const struct outgoing_queue *queue) {
    return queue->head;
}

struct outgoing *outgoing_take(struct outgoing_queue *queue) {
    struct outgoing *taken = queue->head;
    if (taken == NULL)
        return NULL;
    queue->head = taken->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    taken->next = NULL;
    if (taken->bytes > 0)
        atomic_fetch_sub_explicit(&taken->connection->net->unsent_bytes, taken->bytes, memory_order_relaxed);
    return taken;
}

const struct admission_key *connection_address_key(const struct connection *connection) {
    return connection->has_address_key ? &connection->address_key : NULL;
}
