/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests on receive lanes. */
#include "actors/xftp/receive.h"

#include <string.h>

#include "actors/xftp/post.h"
#include "queues/base/clock.h"
#include "transport/xftp/limits.h"

/* ---- answers of HTTP ---- */

struct header {
    const char *name, *value;
};

static size_t fields_of(const struct header *headers, size_t count, struct http2_field *fields) {
    for (size_t i = 0; i < count; i++)
        fields[i] =
            (struct http2_field){.name = slice_of_text(headers[i].name), .value = slice_of_text(headers[i].value)};
    return count;
}

enum { HEADERS_MAX = 4 };

static const struct header cors_headers[] = {{"access-control-allow-origin", "*"},
                                             {"access-control-expose-headers", "*"}};
static const struct header preflight_headers[] = {{"access-control-allow-origin", "*"},
                                                  {"access-control-allow-methods", "POST, OPTIONS"},
                                                  {"access-control-allow-headers", "*"},
                                                  {"access-control-max-age", "86400"}};

static void respond(struct request *request, unsigned status, const struct header *headers, size_t count,
                    bool has_body) {
    struct http2_field fields[HEADERS_MAX];
    struct http2_response response = {.status = status, .fields = fields, .has_body = has_body};
    response.field_count = fields_of(headers, count, fields);
    if (!request->body_ended)
        http_discard(request->exchange);
    request->phase = REQUEST_ANSWERED;
    if (http_answer(request->exchange, &response) != SMQ_OK)
        http_cancel(request->exchange);
}

static void set_deadline(struct request *request) {
    uint32_t timeout_ms = request->session->router->config.file_timeout_ms;
    http_set_deadline(request->exchange, clock_monotonic_ms() + timeout_ms);
}

void receive_answer(struct request *request, bool has_more) {
    if (request->is_over)
        return;
    bool is_web = request->session->server_name;
    if (has_more)
        http_set_deadline(request->exchange, UINT64_MAX);
    else
        set_deadline(request);
    respond(request, 200, cors_headers, is_web ? sizeof cors_headers / sizeof cors_headers[0] : 0,
            request->block_length > 0);
}

void receive_answer_error(struct request *request, struct xftp_error error) {
    request_set_error(request, error);
    if (request->outcome == OUTCOME_GIVE_UP)
        http_cancel(request->exchange);
    else
        receive_answer(request, false);
}

static enum smq_result fill(void *owner, struct http_exchange *exchange, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    (void)owner;
    struct request *request = http_user(exchange);
    size_t left = request->block_length - request->answer_sent;
    if (left == 0)
        return receive_download_fill(request, room, size, length, last);
    *length = left < size ? left : size;
    memcpy(room, request->block + request->answer_sent, *length);
    request->answer_sent += *length;
    *last = *length == left && request->outcome != OUTCOME_DOWNLOAD;
    return SMQ_OK;
}

/* ---- the head ---- */

static void send_to_process(struct request *request) {
    request->phase = REQUEST_DECIDING;
    http_set_deadline(request->exchange, UINT64_MAX);
    xftp_request_hold(request);
    if (post_request(request) == SMQ_OK)
        return;
    xftp_request_release(request);
    http_cancel(request->exchange);
}

static bool method_is(const struct http2_head *head, const char *method) {
    return slice_equal(head->method, slice_of_text(method));
}

/* What is no request of the protocol; false: it is one. */
static bool answer_at_once(struct request *request, const struct http2_head *head) {
    const struct xftp_session *session = request->session;
    if (session->server_name && method_is(head, "OPTIONS"))
        respond(request, 200, preflight_headers, sizeof preflight_headers / sizeof preflight_headers[0], false);
    else if (session->server_name && method_is(head, "GET"))
        respond(request, 404, NULL, 0, false);
    else if (session->is_only_http2)
        respond(request, 200, NULL, 0, false);
    else
        return false;
    return true;
}

static void returned(struct connection_task *task);

static void on_head(void *owner, struct http_exchange *exchange, const struct http2_head *head) {
    struct xftp_session *session = owner;
    struct slice value;
    struct request *request = xftp_request_create(session, exchange, returned);
    http_set_user(exchange, request);
    if (request == NULL) {
        http_cancel(exchange);
        return;
    }
    request->marks = (struct xftp_request_marks){
        .server_name = session->server_name,
        .has_hello_header = http2_head_find(head, "xftp-web-hello", &value),
        .has_handshake_header = http2_head_find(head, "xftp-handshake", &value),
    };
    request->body_ended = !head->has_body;
    (void)answer_at_once(request, head);
}

/* The part of `bytes` that belongs to the block. */
static size_t take_head(struct request *request, struct slice bytes) {
    size_t room = XFTP_BLOCK_SIZE - request->block_length;
    size_t length = bytes.length < room ? bytes.length : room;
    memcpy(request->block + request->block_length, bytes.bytes, length);
    request->block_length += length;
    http_consume(request->exchange, length);
    return length;
}

static void on_body(void *owner, struct http_exchange *exchange, struct slice bytes) {
    (void)owner;
    struct request *request = http_user(exchange);
    if (request == NULL || request->phase == REQUEST_ANSWERED) {
        http_consume(exchange, bytes.length);
        return;
    }
    if (request->phase == REQUEST_HEAD) {
        if (request_need_block(request) != SMQ_OK) {
            http_cancel(exchange);
            return;
        }
        size_t taken = take_head(request, bytes);
        bytes = slice_of(bytes.bytes + taken, bytes.length - taken);
        if (request->block_length == XFTP_BLOCK_SIZE)
            send_to_process(request);
    }
    if (bytes.length > 0)
        receive_upload_body(request, bytes);
}

static void on_body_end(void *owner, struct http_exchange *exchange) {
    (void)owner;
    struct request *request = http_user(exchange);
    if (request == NULL)
        return;
    request->body_ended = true;
    if (request->phase == REQUEST_HEAD)
        send_to_process(request);
    else
        receive_upload_body_end(request);
}

/* ---- the way back ---- */

static void go_on(struct request *request) {
    switch (request->outcome) {
    case OUTCOME_ANSWER:
        receive_upload_drop(request);
        receive_answer(request, false);
        break;
    case OUTCOME_UPLOAD:
        receive_upload_begin(request);
        break;
    case OUTCOME_DRAIN:
        receive_upload_drain(request);
        break;
    case OUTCOME_DOWNLOAD:
        receive_upload_drop(request);
        receive_download_begin(request);
        break;
    case OUTCOME_GIVE_UP:
        receive_upload_drop(request);
        http_cancel(request->exchange);
        break;
    }
}

static void returned(struct connection_task *task) {
    struct request *request = (struct request *)(void *)((char *)task - offsetof(struct request, task));
    go_on(request);
    xftp_request_release(request);
}

static void on_expired(void *owner, struct http_exchange *exchange) {
    (void)owner;
    struct request *request = http_user(exchange);
    if (request != NULL && request->phase == REQUEST_UPLOADING)
        receive_upload_abandon(request, xftp_error_of(XFTP_ERROR_TIMEOUT));
    else if (request != NULL && request->phase == REQUEST_DRAINING)
        receive_answer_error(request, xftp_error_of(XFTP_ERROR_TIMEOUT));
    else if (request == NULL || request->phase != REQUEST_ENDING)
        http_cancel(exchange);
}

static void on_over(void *owner, struct http_exchange *exchange, enum http2_end end) {
    (void)owner;
    (void)end;
    struct request *request = http_user(exchange);
    if (request == NULL) {
        http_release(exchange);
        return;
    }
    request->is_over = true;
    if (request->phase == REQUEST_UPLOADING)
        receive_upload_abandon(request, xftp_error_of(XFTP_ERROR_TIMEOUT));
    else
        receive_upload_drop(request);
    if (request->phase == REQUEST_ANSWERED)
        receive_download_end(request);
    xftp_request_release(request);
}

const struct http_hooks xftp_http_hooks = {.opened = xftp_session_opened,
                                           .head = on_head,
                                           .body = on_body,
                                           .body_end = on_body_end,
                                           .fill = fill,
                                           .over = on_over,
                                           .expired = on_expired,
                                           .released = xftp_session_released};
