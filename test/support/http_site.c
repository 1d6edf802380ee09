/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "test/support/http_site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queues/base/check.h"
#include "test/support/echo.h"
#include "test/support/http2_side.h"

enum { LONG_MS = 60000 };

/* A request as the site keeps it. */
struct site_request {
    struct connection_task task;
    struct http_site *site;
    struct http_exchange *exchange;
    char path[64];
    size_t came, held;
    size_t to_send, sent;
    bool was_stalled;
    bool is_over;
    bool is_listed;
    struct site_request *next, *previous;
    _Atomic int tasks; /* under way */
};

static void list(struct site_request *request) {
    struct http_site *site = request->site;
    pthread_mutex_lock(&site->lock);
    request->next = site->first;
    if (site->first != NULL)
        site->first->previous = request;
    site->first = request;
    request->is_listed = true;
    pthread_mutex_unlock(&site->lock);
}

/* Not while a task is posted for it: whoever posts has the lock. */
static bool take_off(struct site_request *request) {
    struct http_site *site = request->site;
    pthread_mutex_lock(&site->lock);
    bool is_free = atomic_load(&request->tasks) == 0;
    if (is_free && request->is_listed) {
        if (request->previous != NULL)
            request->previous->next = request->next;
        else
            site->first = request->next;
        if (request->next != NULL)
            request->next->previous = request->previous;
        request->is_listed = false;
    }
    pthread_mutex_unlock(&site->lock);
    return is_free;
}

static void give_up(struct site_request *request) {
    if (!take_off(request))
        return; /* the task will */
    http_release(request->exchange);
    free(request);
}

/* ---- what the site is told */

static enum smq_result opened(void *context, struct connection *connection, void **owner) {
    (void)connection;
    struct http_site *site = context;
    atomic_fetch_add(&site->opened, 1);
    *owner = site;
    return SMQ_OK;
}

static void answer(struct site_request *request) {
    char length[24];
    bool is_stated = strncmp(request->path, "/bytes/", 7) == 0;
    struct http2_field fields[] = {{slice_of_text("content-length"), {NULL, 0}}};
    if (strcmp(request->path, "/silence") == 0)
        return;
    request->to_send = is_stated || strncmp(request->path, "/chunks/", 8) == 0
                           ? (size_t)strtoul(strrchr(request->path, '/') + 1, NULL, 10)
                           : request->came;
    (void)snprintf(length, sizeof length, "%zu", request->to_send);
    fields[0].value = slice_of_text(length);
    struct http2_response response = {
        .status = 200, .fields = fields, .field_count = is_stated ? 1 : 0, .has_body = request->to_send > 0};
    CHECK(http_answer(request->exchange, &response) != SMQ_ERR_INVALID);
}

static void head(void *owner, struct http_exchange *exchange, const struct http2_head *head) {
    struct http_site *site = owner;
    struct site_request *request = calloc(1, sizeof *request);
    CHECK(request != NULL && head->path.length < sizeof request->path);
    request->site = site;
    request->exchange = exchange;
    memcpy(request->path, head->path.bytes, head->path.length);
    http_set_user(exchange, request);
    list(request);
    atomic_fetch_add(&site->requests, 1);
    if (strcmp(request->path, "/refuse") == 0)
        CHECK(http_answer(exchange, &(struct http2_response){.status = 403}) == SMQ_OK);
}

static void body(void *owner, struct http_exchange *exchange, struct slice bytes) {
    struct http_site *site = owner;
    struct site_request *request = http_user(exchange);
    for (size_t i = 0; i < bytes.length; i++)
        if (bytes.bytes[i] != http2_body_byte(request->came + i)) {
            atomic_fetch_add(&site->wrong, 1);
            break;
        }
    request->came += bytes.length;
    atomic_fetch_add(&site->received, (int64_t)bytes.length);
    if (atomic_load(&site->holds))
        request->held += bytes.length;
    else
        http_consume(exchange, bytes.length);
}

static void body_end(void *owner, struct http_exchange *exchange) {
    (void)owner;
    answer(http_user(exchange));
}

static enum smq_result fill(void *owner, struct http_exchange *exchange, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    struct http_site *site = owner;
    struct site_request *request = http_user(exchange);
    if (atomic_load(&site->stalls) && !request->was_stalled) {
        request->was_stalled = true;
        return SMQ_ERR_AGAIN;
    }
    size_t left = request->to_send - request->sent;
    *length = left < size ? left : size;
    for (size_t i = 0; i < *length; i++)
        room[i] = http2_body_byte(request->sent + i);
    request->sent += *length;
    *last = request->sent == request->to_send;
    atomic_fetch_add(&site->filled, (int64_t)*length);
    return SMQ_OK;
}

static void over(void *owner, struct http_exchange *exchange, enum http2_end end) {
    struct http_site *site = owner;
    struct site_request *request = http_user(exchange);
    request->is_over = true;
    atomic_fetch_add(&site->over, 1);
    atomic_fetch_add(end == HTTP2_DONE ? &site->done : end == HTTP2_LOST ? &site->lost : &site->broken, 1);
    if (!atomic_load(&site->keeps))
        give_up(request);
}

static void expired(void *owner, struct http_exchange *exchange) {
    struct http_site *site = owner;
    atomic_fetch_add(&site->expired, 1);
    http_cancel(exchange);
}

static void closed(void *owner, struct connection *connection, enum smq_result reason) {
    (void)connection;
    struct http_site *site = owner;
    atomic_store(&site->last_reason, (int)reason);
    atomic_fetch_add(&site->closed, 1);
}

static void released(void *owner) {
    struct http_site *site = owner;
    atomic_fetch_add(&site->released, 1);
}

static const struct http_hooks site_hooks = {
    .opened = opened,
    .head = head,
    .body = body,
    .body_end = body_end,
    .fill = fill,
    .over = over,
    .expired = expired,
    .closed = closed,
    .released = released,
};

static uint32_t or_long(uint32_t given) {
    return given == 0 ? LONG_MS : given;
}

void http_site_start(struct http_site *site, const struct net_options *options) {
    static const char *const addresses[] = {"127.0.0.1"};
    struct http_service given = site->service;
    *site = (struct http_site){.service = given};
    pthread_mutex_init(&site->lock, NULL);
    test_pki_init(&site->pki);
    site->service.hooks = &site_hooks;
    site->service.context = site;
    site->service.http1 = &http_engine_1;
    site->service.head_ms = or_long(given.head_ms);
    site->service.idle_ms = or_long(given.idle_ms);
    site->service.stall_ms = or_long(given.stall_ms);
    CHECK(net_create(options, &site->net) == SMQ_OK);
    struct listen_options listen = {
        .addresses = addresses, .address_count = 1, .tls_context = site->pki.server_context, .http = &site->service};
    CHECK(net_listen(site->net, &listen, &site->listener, NULL, 0) == SMQ_OK);
    listen.is_plain = true;
    listen.tls_context = NULL;
    CHECK(net_listen(site->net, &listen, &site->plain, NULL, 0) == SMQ_OK);
}

void http_site_stop(struct http_site *site) {
    listener_stop(&site->listener);
    listener_stop(&site->plain);
    net_destroy(&site->net);
    http_site_release_all(site);
    CHECK(site->first == NULL);
    CHECK(atomic_load(&site->requests) == atomic_load(&site->over));
    CHECK(atomic_load(&site->opened) == atomic_load(&site->closed));
    CHECK(atomic_load(&site->opened) == atomic_load(&site->released));
    CHECK(atomic_load(&site->wrong) == 0);
    test_pki_finish(&site->pki);
    pthread_mutex_destroy(&site->lock);
}

/* ---- from other threads */

static void go_on(struct connection_task *task) {
    struct site_request *request = (struct site_request *)task;
    size_t held = request->held;
    request->held = 0;
    http_consume(request->exchange, held);
    http_resume(request->exchange);
    atomic_store(&request->tasks, 0);
    if (request->is_over && !atomic_load(&request->site->keeps))
        give_up(request);
}

void http_site_let_go(struct http_site *site) {
    atomic_store(&site->holds, false);
    pthread_mutex_lock(&site->lock);
    for (struct site_request *request = site->first; request != NULL; request = request->next) {
        if (atomic_exchange(&request->tasks, 1) != 0)
            continue;
        request->task.run = go_on;
        if (connection_run(http_connection_of(request->exchange), &request->task) != SMQ_OK)
            atomic_store(&request->tasks, 0);
    }
    pthread_mutex_unlock(&site->lock);
}

static void release_now(struct connection_task *task) {
    struct site_request *request = (struct site_request *)task;
    atomic_store(&request->tasks, 0);
    give_up(request);
}

/* The lanes may be gone: then any thread may. */
void http_site_release_all(struct http_site *site) {
    struct site_request *unreachable = NULL;
    atomic_store(&site->keeps, false);
    pthread_mutex_lock(&site->lock);
    for (struct site_request *request = site->first; request != NULL; request = request->next) {
        if (!request->is_over || atomic_exchange(&request->tasks, 1) != 0)
            continue;
        request->task.run = release_now;
        if (connection_run(http_connection_of(request->exchange), &request->task) != SMQ_OK) {
            atomic_store(&request->tasks, 0);
            unreachable = request;
        }
    }
    pthread_mutex_unlock(&site->lock);
    while (unreachable != NULL && site->first != NULL)
        give_up(site->first);
}

/* ---- the client */

static enum smq_result call_opened(void *context, struct connection *connection, void **owner) {
    (void)context;
    (void)connection;
    struct http_caller *caller = *owner;
    atomic_fetch_add(&caller->opened, 1);
    return SMQ_OK;
}

static void call_head(void *owner, struct http_exchange *exchange, const struct http2_head *head) {
    (void)owner;
    struct http_call *call = http_user(exchange);
    atomic_store(&call->status, (int)head->status);
    if (call->cancel_at_head)
        http_cancel(exchange);
}

static void call_body(void *owner, struct http_exchange *exchange, struct slice bytes) {
    (void)owner;
    struct http_call *call = http_user(exchange);
    size_t at = (size_t)atomic_load(&call->received);
    for (size_t i = 0; i < bytes.length; i++)
        if (bytes.bytes[i] != http2_body_byte(at + i)) {
            atomic_fetch_add(&call->wrong, 1);
            break;
        }
    atomic_fetch_add(&call->received, (int64_t)bytes.length);
    http_consume(exchange, bytes.length);
}

static void call_body_end(void *owner, struct http_exchange *exchange) {
    (void)owner;
    struct http_call *call = http_user(exchange);
    atomic_fetch_add(&call->body_ended, 1);
}

static enum smq_result call_fill(void *owner, struct http_exchange *exchange, uint8_t *room, size_t size,
                                 size_t *length, bool *last) {
    (void)owner;
    struct http_call *call = http_user(exchange);
    size_t left = call->to_send - call->sent;
    *length = left < size ? left : size;
    for (size_t i = 0; i < *length; i++)
        room[i] = http2_body_byte(call->sent + i);
    call->sent += *length;
    *last = call->sent == call->to_send;
    return SMQ_OK;
}

static void call_over(void *owner, struct http_exchange *exchange, enum http2_end end) {
    (void)owner;
    struct http_call *call = http_user(exchange);
    atomic_store(&call->end, (int)end);
    http_release(exchange);
    atomic_fetch_add(&call->over, 1);
}

static void call_closed(void *owner, struct connection *connection, enum smq_result reason) {
    (void)connection;
    struct http_caller *caller = owner;
    atomic_store(&caller->reason, (int)reason);
    atomic_fetch_add(&caller->closed, 1);
}

static void call_released(void *owner) {
    struct http_caller *caller = owner;
    atomic_fetch_add(&caller->released, 1);
}

static const struct http_hooks call_hooks = {
    .opened = call_opened,
    .head = call_head,
    .body = call_body,
    .body_end = call_body_end,
    .fill = call_fill,
    .over = call_over,
    .closed = call_closed,
    .released = call_released,
};

void http_caller_connect_to(struct http_caller *caller, struct net *net, const struct connect_options *options) {
    struct connect_options connect = *options;
    *caller = (struct http_caller){.service = {.hooks = &call_hooks, .head_ms = LONG_MS}};
    connect.http = &caller->service;
    connect.state = caller;
    CHECK(net_connect(net, &connect, &caller->connection) == SMQ_OK);
}

void http_caller_connect(struct http_caller *caller, struct http_site *site) {
    struct connect_options options = {
        .host = "127.0.0.1",
        .port = listener_port(site->listener),
        .tls_context = site->pki.client_context,
        .alpn = "h2",
        .timeout_ms = 30000,
    };
    memcpy(options.key_hash, site->pki.fingerprint, FINGERPRINT_SIZE);
    http_caller_connect_to(caller, site->net, &options);
}

static void make_calls(struct connection_task *task) {
    struct http_caller *caller = (struct http_caller *)((char *)task - offsetof(struct http_caller, task));
    for (struct http_call *call = caller->calls; call != NULL; call = call->next) {
        const struct http2_request request = {
            .method = slice_of_text(call->method == NULL ? "GET" : call->method),
            .scheme = slice_of_text("https"),
            .authority = slice_of_text("localhost"),
            .path = slice_of_text(call->path),
            .has_body = call->has_body,
        };
        if (http_request(caller->connection, &request, call, &call->exchange) != SMQ_OK)
            atomic_fetch_add(&caller->refused, 1);
    }
    atomic_fetch_add(&caller->tasks, 1);
}

void http_caller_call(struct http_caller *caller, struct http_call *calls, size_t count) {
    CHECK(await_int(&caller->opened, 1, LONG_MS));
    for (size_t i = 0; i < count; i++)
        calls[i].next = i + 1 < count ? &calls[i + 1] : NULL;
    caller->calls = calls;
    caller->task.run = make_calls;
    int tasks = atomic_load(&caller->tasks);
    CHECK(connection_run(caller->connection, &caller->task) == SMQ_OK);
    CHECK(await_int(&caller->tasks, tasks + 1, LONG_MS));
}

void http_caller_finish(struct http_caller *caller) {
    connection_close(caller->connection, SMQ_OK, true);
    connection_release(caller->connection);
    CHECK(await_int(&caller->released, 1, LONG_MS));
}
