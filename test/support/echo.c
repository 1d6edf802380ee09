/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The echo protocol. Answers keep the received block until it is packed, so that the lanes' credit is exercised. */
#include "test/support/echo.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"

struct echo_state {
    struct echo_server *server;
    _Atomic int64_t queued;
    _Atomic bool is_paused;
};

struct echo_item {
    struct outgoing outgoing;
    struct block *block; /* server */
    struct echo_client *client;
    uint32_t number; /* client */
};

void *echo_server_accept(void *context, struct connection *connection) {
    (void)connection;
    struct echo_server *server = context;
    struct echo_state *state = calloc(1, sizeof *state);
    CHECK(state != NULL);
    state->server = server;
    atomic_fetch_add(&server->states, 1);
    return state;
}

static enum smq_result server_secured(struct connection *connection, void *state) {
    (void)state;
    CHECK(connection_tls(connection)->session_id_length == 32);
    connection_established(connection);
    return SMQ_OK;
}

static enum smq_result server_received(struct connection *connection, void *state, struct block *block) {
    struct echo_state *echo = state;
    struct echo_item *item = calloc(1, sizeof *item);
    CHECK(item != NULL);
    item->block = block;
    atomic_fetch_add(&echo->server->received, 1);
    int64_t queued = atomic_fetch_add(&echo->queued, 1) + 1;
    int64_t all = atomic_fetch_add(&echo->server->queued, 1) + 1;
    if (all > atomic_load(&echo->server->most_queued))
        atomic_store(&echo->server->most_queued, all);
    if (echo->server->window > 0 && queued >= echo->server->window && !atomic_exchange(&echo->is_paused, true))
        connection_pause(connection);
    enum smq_result result = connection_send(connection, &item->outgoing);
    if (result != SMQ_OK) {
        atomic_fetch_sub(&echo->queued, 1);
        atomic_fetch_sub(&echo->server->queued, 1);
        block_release(block);
        free(item);
    }
    return SMQ_OK;
}

static void server_drop(struct connection *connection, struct echo_state *echo, struct echo_item *item) {
    atomic_fetch_sub(&echo->server->queued, 1);
    int64_t queued = atomic_fetch_sub(&echo->queued, 1) - 1;
    block_release(item->block);
    free(item);
    if (queued < echo->server->window && atomic_exchange(&echo->is_paused, false))
        connection_resume(connection);
}

static enum smq_result server_fill(struct connection *connection, void *state, struct outgoing_queue *queue,
                                   void *lane_state, uint8_t *bytes) {
    (void)lane_state;
    struct outgoing *outgoing = outgoing_take(queue);
    if (outgoing == NULL)
        return SMQ_ERR_EMPTY;
    struct echo_item *item = (struct echo_item *)outgoing;
    memcpy(bytes, item->block->bytes, BLOCK_SIZE);
    server_drop(connection, state, item);
    return SMQ_OK;
}

static void server_discard(struct connection *connection, void *state, struct outgoing *outgoing) {
    struct echo_state *echo = state;
    atomic_fetch_add(&echo->server->discarded, 1);
    server_drop(connection, echo, (struct echo_item *)outgoing);
}

static void server_closed(struct connection *connection, void *state, enum smq_result reason) {
    (void)connection;
    (void)reason;
    struct echo_state *echo = state;
    atomic_fetch_add(&echo->server->closed, 1);
}

static void server_released(void *state) {
    struct echo_state *echo = state;
    atomic_fetch_sub(&echo->server->states, 1);
    free(echo);
}

const struct protocol echo_server_protocol = {
    .name = "echo server",
    .block_size = BLOCK_SIZE,
    .secured = server_secured,
    .received = server_received,
    .fill = server_fill,
    .discard = server_discard,
    .closed = server_closed,
    .released = server_released,
};

void echo_pattern(uint64_t seed, uint32_t number, uint8_t *bytes) {
    uint64_t value = seed * 0x9e3779b97f4a7c15u + number;
    for (size_t i = 0; i < BLOCK_SIZE; i += 8) {
        value = value * 6364136223846793005u + 1442695040888963407u;
        memcpy(bytes + i, &value, 8);
    }
}

bool echo_send(struct echo_client *client, struct connection *connection, uint32_t number) {
    struct echo_item *item = calloc(1, sizeof *item);
    CHECK(item != NULL);
    item->client = client;
    item->number = number;
    atomic_fetch_add(&client->queued, 1);
    if (connection_send(connection, &item->outgoing) == SMQ_OK)
        return true;
    atomic_fetch_sub(&client->queued, 1);
    free(item);
    return false;
}

static void send_window(struct echo_client *client, struct connection *connection) {
    while (client->sent < client->count && client->sent - atomic_load(&client->answered) < client->window) {
        if (!echo_send(client, connection, client->sent))
            return;
        client->sent++;
    }
}

static enum smq_result client_secured(struct connection *connection, void *state) {
    struct echo_client *client = state;
    connection_established(connection);
    atomic_store(&client->secured, 1);
    send_window(client, connection);
    return SMQ_OK;
}

static enum smq_result client_received(struct connection *connection, void *state, struct block *block) {
    struct echo_client *client = state;
    uint8_t expected[BLOCK_SIZE];
    echo_pattern(client->seed, atomic_load(&client->answered), expected);
    if (memcmp(expected, block->bytes, client->block_size) != 0)
        atomic_fetch_add(&client->wrong, 1);
    block_release(block);
    uint32_t answered = atomic_fetch_add(&client->answered, 1) + 1;
    if (client->close_when_done && answered == client->count)
        connection_close(connection, SMQ_OK, true);
    else
        send_window(client, connection);
    return SMQ_OK;
}

static enum smq_result client_fill(struct connection *connection, void *state, struct outgoing_queue *queue,
                                   void *lane_state, uint8_t *bytes) {
    (void)connection;
    (void)lane_state;
    struct echo_client *client = state;
    struct outgoing *outgoing = outgoing_take(queue);
    if (outgoing == NULL)
        return SMQ_ERR_EMPTY;
    struct echo_item *item = (struct echo_item *)outgoing;
    echo_pattern(client->seed, item->number, bytes);
    atomic_fetch_sub(&client->queued, 1);
    free(item);
    return SMQ_OK;
}

static void client_discard(struct connection *connection, void *state, struct outgoing *outgoing) {
    (void)connection;
    struct echo_client *client = state;
    atomic_fetch_sub(&client->queued, 1);
    free(outgoing);
}

static void client_closed(struct connection *connection, void *state, enum smq_result reason) {
    (void)connection;
    struct echo_client *client = state;
    atomic_store(&client->reason, (int)reason);
    atomic_fetch_add(&client->closed, 1);
}

static void client_released(void *state) {
    struct echo_client *client = state;
    atomic_fetch_add(&client->released, 1);
}

const struct protocol echo_client_protocol = {
    .name = "echo client",
    .block_size = BLOCK_SIZE,
    .secured = client_secured,
    .received = client_received,
    .fill = client_fill,
    .discard = client_discard,
    .closed = client_closed,
    .released = client_released,
};

void echo_net_start(struct echo_net *echo, const struct net_options *options) {
    echo_net_start_with_blocks(echo, options, BLOCK_SIZE);
}

void echo_net_start_with_blocks(struct echo_net *echo, const struct net_options *options, uint32_t block_size) {
    static const char *const addresses[] = {"127.0.0.1"};
    memset(echo, 0, sizeof *echo);
    test_pki_init(&echo->pki);
    echo->server_protocol = echo_server_protocol;
    echo->client_protocol = echo_client_protocol;
    echo->server_protocol.block_size = echo->client_protocol.block_size = block_size;
    CHECK(net_create(options, &echo->net) == SMQ_OK);
    struct listen_options listen = {
        .addresses = addresses,
        .address_count = 1,
        .tls_context = echo->pki.server_context,
        .protocol = &echo->server_protocol,
        .accept = echo_server_accept,
        .context = &echo->server,
    };
    CHECK(net_listen(echo->net, &listen, &echo->listener, NULL, 0) == SMQ_OK);
}

void echo_net_stop(struct echo_net *echo) {
    listener_stop(&echo->listener);
    net_destroy(&echo->net);
    CHECK(atomic_load(&echo->server.states) == 0);
    CHECK(atomic_load(&echo->server.queued) == 0);
    test_pki_finish(&echo->pki);
}

enum smq_result echo_connect(struct echo_net *echo, struct echo_client *client, struct connection **connection) {
    struct connect_options options = {
        .host = "127.0.0.1",
        .port = listener_port(echo->listener),
        .tls_context = echo->pki.client_context,
        .alpn = "smp/1",
        .protocol = &echo->client_protocol,
        .state = client,
        .timeout_ms = 30000,
    };
    memcpy(options.key_hash, echo->pki.fingerprint, FINGERPRINT_SIZE);
    client->block_size = echo->client_protocol.block_size;
    return net_connect(echo->net, &options, connection);
}

static void nap(void) {
    struct timespec duration = {.tv_nsec = 1000000};
    nanosleep(&duration, NULL);
}

bool await_int(const _Atomic int *value, int wanted, int timeout_ms) {
    uint64_t deadline = clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (atomic_load(value) < wanted && clock_monotonic_ms() < deadline)
        nap();
    return atomic_load(value) >= wanted;
}

bool await_u32(const _Atomic uint32_t *value, uint32_t wanted, int timeout_ms) {
    uint64_t deadline = clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (atomic_load(value) < wanted && clock_monotonic_ms() < deadline)
        nap();
    return atomic_load(value) >= wanted;
}

bool await_i64(const _Atomic int64_t *value, int64_t wanted, int timeout_ms) {
    uint64_t deadline = clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (atomic_load(value) < wanted && clock_monotonic_ms() < deadline)
        nap();
    return atomic_load(value) >= wanted;
}
