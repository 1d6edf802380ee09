/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The lane's side: requests are looked at, handed to the role, and answered when they are back. */
#include "actors/router/operator/web_lane.h"

#include <stdio.h>
#include <string.h>

#include "queues/base/memory.h"

enum {
    HEAD_MS = 10000,
    IDLE_MS = 30000,
    EXCHANGE_MS = 60000,
    STALL_MS = 20000,
    LENGTH_TEXT = 24,
    ANSWER_FIELDS = 7,
};

static enum smq_result opened(void *context, struct connection *connection, void **owner) {
    (void)connection;
    *owner = context;
    return SMQ_OK;
}

/* ---- answers */

static bool has_body(const struct web_request *request) {
    return request->answer.body.length > 0 && !request->is_head;
}

/* The pages bring all they need, and nothing else is loaded for them. */
static void answer(struct web_request *request) {
    static const char policy[] = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
                                 "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    char length[LENGTH_TEXT];
    const struct web_answer *made = &request->answer;
    (void)snprintf(length, sizeof length, "%zu", made->body.length);
    const struct http2_field fields[ANSWER_FIELDS] = {
        {slice_of_text("content-type"), slice_of_text(made->type)},
        {slice_of_text("content-length"), slice_of_text(length)},
        {slice_of_text("cache-control"), slice_of_text(made->is_private ? "no-store" : "no-cache")},
        {slice_of_text("x-content-type-options"), slice_of_text("nosniff")},
        {slice_of_text("referrer-policy"), slice_of_text("no-referrer")},
        {slice_of_text("content-security-policy"), slice_of_text(policy)},
        {slice_of_text("allow"), slice_of_text("GET, HEAD")},
    };
    const struct http2_response response = {
        .status = made->status,
        .fields = fields,
        .field_count = made->status == 405 ? ANSWER_FIELDS : ANSWER_FIELDS - 1,
        .has_body = has_body(request),
    };
    if (http_answer(request->exchange, &response) != SMQ_OK)
        http_cancel(request->exchange);
}

static void answer_fault(struct web_request *request, unsigned status, const char *text) {
    request->answer.is_private = true;
    web_write_fault(status, text, &request->answer);
    atomic_fetch_add(&request->web->bytes, request->answer.body.length);
    answer(request);
}

static enum smq_result fill(void *owner, struct http_exchange *exchange, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    (void)owner;
    struct web_request *request = http_user(exchange);
    const struct text_buffer *text = &request->answer.body;
    size_t left = text->length - request->sent;
    *length = left < size ? left : size;
    memcpy(room, text->bytes + request->sent, *length);
    request->sent += *length;
    *last = request->sent == text->length;
    return SMQ_OK;
}

/* ---- lives */

static void free_request(struct web_request *request) {
    atomic_fetch_sub(&request->web->bytes, request->answer.body.length);
    text_free(&request->answer.body);
    http_release(request->exchange);
    memory_free(request);
}

/* Back on the lane. */
static void came_back(struct connection_task *task) {
    struct web_request *request = caa_container_of(task, struct web_request, task);
    request->task.run = NULL;
    if (request->is_over)
        free_request(request);
    else
        answer(request);
}

void web_request_return(struct web_request *request) {
    atomic_fetch_sub(&request->web->pending, 1);
    /* Without lanes all exchanges are over, and any thread may release them. */
    if (connection_run(http_connection_of(request->exchange), &request->task) != SMQ_OK)
        free_request(request);
}

static void over(void *owner, struct http_exchange *exchange, enum http2_end end) {
    (void)owner;
    (void)end;
    struct web_request *request = http_user(exchange);
    if (request == NULL) {
        http_release(exchange);
        return;
    }
    request->is_over = true;
    if (request->task.run == NULL)
        free_request(request);
}

/* ---- requests */

static struct web_request *make_request(struct web *web, struct http_exchange *exchange,
                                        const struct http2_head *head) {
    struct web_request *request = memory_zalloc(sizeof *request);
    if (request == NULL) {
        http_cancel(exchange);
        return NULL;
    }
    request->web = web;
    request->exchange = exchange;
    request->is_head = slice_equal(head->method, slice_of_text("HEAD"));
    http_set_user(exchange, request);
    if (head->path.length < sizeof request->path)
        memcpy(request->path, head->path.bytes, head->path.length);
    if (!request->is_head && !slice_equal(head->method, slice_of_text("GET")))
        answer_fault(request, 405, "Pages can only be read.");
    else if (head->path.length >= sizeof request->path || memchr(head->path.bytes, 0, head->path.length) != NULL)
        answer_fault(request, 404, "There is no such page here.");
    else
        return request;
    return NULL;
}

/* To the role, unless it has too much to do. */
static void hand_on(struct web_request *request, enum web_kind kind) {
    struct web *web = request->web;
    request->kind = kind;
    request->task.run = came_back;
    if (atomic_fetch_add(&web->pending, 1) < WEB_PENDING_MAX && actor_send(web->actor, &request->message) == SMQ_OK)
        return;
    atomic_fetch_sub(&web->pending, 1);
    request->task.run = NULL;
    answer_fault(request, 503, "Too many requests: please come again.");
}

static void page_head(void *owner, struct http_exchange *exchange, const struct http2_head *head) {
    struct web_request *request = make_request(owner, exchange, head);
    if (request != NULL)
        hand_on(request, WEB_PAGE);
}

static void say(struct web_request *request, bool is_well, const char *text) {
    request->answer.status = is_well ? 200 : 503;
    request->answer.type = "text/plain; charset=utf-8";
    request->answer.is_private = true;
    text_add(&request->answer.body, "%s\n", text);
    atomic_fetch_add(&request->web->bytes, request->answer.body.length);
    answer(request);
}

static bool is_path(const struct web_request *request, const char *path) {
    size_t length = strcspn(request->path, "?");
    return length == strlen(path) && strncmp(request->path, path, length) == 0;
}

static void health_head(void *owner, struct http_exchange *exchange, const struct http2_head *head) {
    struct web *web = owner;
    struct web_request *request = make_request(web, exchange, head);
    if (request == NULL)
        return;
    if (is_path(request, "/metrics")) {
        hand_on(request, WEB_METRICS);
    } else if (is_path(request, "/healthz")) {
        say(request, true, "ok");
    } else if (is_path(request, "/readyz")) {
        bool is_ready = web->options.is_ready == NULL || web->options.is_ready(web->options.context);
        say(request, is_ready, is_ready ? "ready" : "not ready");
    } else {
        answer_fault(request, 404, "Here are /metrics, /healthz and /readyz.");
    }
}

/* Bodies of requests mean nothing here. */
static void body(void *owner, struct http_exchange *exchange, struct slice bytes) {
    (void)owner;
    http_consume(exchange, bytes.length);
}

static void body_end(void *owner, struct http_exchange *exchange) {
    (void)owner;
    (void)exchange;
}

static const struct http_hooks page_hooks = {
    .opened = opened,
    .head = page_head,
    .body = body,
    .body_end = body_end,
    .fill = fill,
    .over = over,
};

static const struct http_hooks health_hooks = {
    .opened = opened,
    .head = health_head,
    .body = body,
    .body_end = body_end,
    .fill = fill,
    .over = over,
};

static bool is_for_browsers(void *context, const struct connection_tls *tls) {
    (void)context;
    return tls->shows_web_certificate;
}

void web_lane_services(struct web *web) {
    web->pages = (struct http_service){
        .hooks = &page_hooks,
        .context = web,
        .speaks_http = is_for_browsers,
        .http1 = &http_engine_1,
        .head_ms = HEAD_MS,
        .idle_ms = IDLE_MS,
        .exchange_ms = EXCHANGE_MS,
        .stall_ms = STALL_MS,
    };
    web->health = web->pages;
    web->health.hooks = &health_hooks;
}
