/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a connection of HTTP is beside its reading and writing: its owner, its engine, its times. */
#include <string.h>

#include "actors/net/http_private.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"

static const char preface_start[HTTP_PREFACE_SIZE + 1] = "PRI";

/* ---- connections without another protocol */

static void nothing_closed(struct connection *connection, void *state, enum smq_result reason) {
    (void)connection;
    (void)state;
    (void)reason;
}

static void nothing_released(void *state) {
    (void)state;
}

/* Where speaks_http says no, and there is nothing else to be spoken. */
static enum smq_result nothing_secured(struct connection *connection, void *state) {
    (void)connection;
    (void)state;
    return SMQ_ERR_PROTOCOL;
}

const struct protocol http_protocol = {
    .name = "HTTP",
    .block_size = BLOCK_SIZE,
    .secured = nothing_secured,
    .closed = nothing_closed,
    .released = nothing_released,
};

/* ---- life */

struct http_connection *http_connection_create(struct connection *connection, const struct http_service *service,
                                               void *owner) {
    struct http_connection *http = memory_zalloc(sizeof *http);
    if (http == NULL)
        return NULL;
    http->service = service;
    http->connection = connection;
    http->owner = owner;
    http->idle_since_ms = http->taken_ms = clock_monotonic_ms();
    return http;
}

void http_connection_destroy(struct http_connection **http) {
    struct http_connection *destroyed = *http;
    *http = NULL;
    memory_free(destroyed);
}

static bool owner_knows(const struct http_connection *http) {
    return http->is_opened || http->connection->is_client;
}

void http_connection_end(struct http_connection *http, enum smq_result reason) {
    const struct http_hooks *hooks = http->service->hooks;
    http->is_ended = true;
    if (http->engine != NULL)
        http->engine->destroy(&http->state);
    http_exchanges_lose_streams(http);
    http->engine = NULL;
    memory_free(http->unsent);
    http->unsent = NULL;
    if (hooks->closed != NULL && owner_knows(http))
        hooks->closed(http->owner, http->connection, reason);
}

void http_connection_released(struct http_connection *http) {
    if (http->service->hooks->released != NULL && owner_knows(http))
        http->service->hooks->released(http->owner);
}

/* ---- bytes that come */

static enum smq_result use_engine(struct http_connection *http, const struct http_engine *engine, uint64_t now_ms) {
    enum smq_result result = engine->create(http, now_ms, &http->state);
    if (result == SMQ_OK)
        http->engine = engine;
    return result;
}

enum smq_result http_connection_open(struct http_connection *http, uint64_t now_ms) {
    enum smq_result result = SMQ_OK;
    http->idle_since_ms = http->taken_ms = now_ms;
    if (http->connection->is_client)
        result = use_engine(http, &http_engine_2, now_ms);
    if (result == SMQ_OK)
        result = http->service->hooks->opened(http->service->context, http->connection, &http->owner);
    http->is_opened = result == SMQ_OK;
    return result;
}

/* The first bytes tell which version is spoken; they are given to its engine then. */
static enum smq_result recognise(struct http_connection *http, struct slice *bytes, uint64_t now_ms) {
    while (bytes->length > 0 && http->preface_length < HTTP_PREFACE_SIZE) {
        http->preface[http->preface_length++] = *bytes->bytes;
        *bytes = slice_of(bytes->bytes + 1, bytes->length - 1);
    }
    bool is_1 = memcmp(http->preface, preface_start, http->preface_length) != 0 && http->service->http1 != NULL;
    if (!is_1 && http->preface_length < HTTP_PREFACE_SIZE)
        return SMQ_OK;
    enum smq_result result = use_engine(http, is_1 ? http->service->http1 : &http_engine_2, now_ms);
    if (result == SMQ_OK)
        result = http->engine->receive(http->state, slice_of(http->preface, http->preface_length), now_ms);
    return result;
}

enum smq_result http_connection_receive(struct http_connection *http, struct slice bytes, uint64_t now_ms) {
    enum smq_result result = SMQ_OK;
    if (http->engine == NULL)
        result = recognise(http, &bytes, now_ms);
    if (result == SMQ_OK && http->engine != NULL && bytes.length > 0)
        result = http->engine->receive(http->state, bytes, now_ms);
    /* What is wrong with the peer it is told by what the engine still has to say. */
    return result == SMQ_ERR_NO_MEMORY ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

bool http_connection_wants_input(const struct http_connection *http) {
    return !http->input_is_over && !http->is_done && (http->engine == NULL || http->engine->wants_input(http->state));
}

bool http_connection_is_over(const struct http_connection *http, enum smq_result *reason) {
    const char *text = "";
    if (http->engine == NULL || !http->engine->is_over(http->state))
        return false;
    *reason = http->engine->failure(http->state, &text);
    if (*reason == SMQ_OK)
        *reason = SMQ_ERR_CLOSED;
    if (text[0] != '\0')
        log_debug("HTTP: a peer is let go: %s", text);
    return true;
}

/* ---- time */

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t after(uint64_t since_ms, uint32_t limit_ms) {
    return limit_ms == 0 ? UINT64_MAX : since_ms + limit_ms;
}

/* Of the connection's own times, the one that ends first. */
static uint64_t own_deadline(const struct http_connection *http) {
    uint64_t deadline_ms = http->is_blocked ? after(http->taken_ms, http->service->stall_ms) : UINT64_MAX;
    if (http->engine == NULL)
        deadline_ms = earlier(deadline_ms, after(http->idle_since_ms, http->service->head_ms));
    else if (http->under_way == 0)
        deadline_ms = earlier(deadline_ms, after(http->idle_since_ms, http->service->idle_ms));
    return deadline_ms;
}

uint64_t http_connection_deadline(const struct http_connection *http) {
    if (http->is_done || http->is_ended)
        return UINT64_MAX;
    return earlier(own_deadline(http), http->engine == NULL ? UINT64_MAX : http->engine->deadline(http->state));
}

enum smq_result http_connection_expire(struct http_connection *http, uint64_t now_ms) {
    if (http->engine != NULL && http->engine->deadline(http->state) <= now_ms)
        http->engine->expire(http->state, now_ms);
    return own_deadline(http) <= now_ms ? SMQ_ERR_TIMEOUT : SMQ_OK;
}
