/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests of an XFTP connection: the lane's side, and the waiting. */
#include <string.h>

#include "actors/client/xftp/xftp_connection_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

enum { HEAD_TIMEOUT_MS = 30000 };

/* ---- lives ---- */

static void hold_call(struct xftp_call *call) {
    atomic_fetch_add_explicit(&call->holders, 1, memory_order_relaxed);
}

static void release_call(struct xftp_call *call) {
    if (atomic_fetch_sub_explicit(&call->holders, 1, memory_order_acq_rel) == 1)
        memory_free(call);
}

void xftp_connection_release(struct xftp_connection *connection) {
    if (atomic_fetch_sub_explicit(&connection->holders, 1, memory_order_acq_rel) != 1)
        return;
    mailbox_destroy(&connection->mailbox);
    waker_destroy(&connection->waker);
    memory_free(connection);
}

/* ---- what the lane tells ---- */

static struct call_message *make_message(struct xftp_call *call, enum call_event event, size_t length) {
    struct call_message *message = memory_alloc(sizeof *message + length);
    if (message == NULL)
        return NULL;
    memset(message, 0, sizeof *message);
    message->event = event;
    message->call = call;
    message->length = length;
    if (call != NULL)
        hold_call(call);
    return message;
}

static void free_message(struct call_message *message) {
    if (message->call != NULL)
        release_call(message->call);
    if (!message->is_embedded)
        memory_free(message);
}

static bool tell(struct xftp_connection *connection, struct call_message *message) {
    if (message == NULL)
        return false;
    if (mailbox_send(connection->mailbox, &message->node) == SMQ_OK)
        return true;
    free_message(message);
    return false;
}

static void tell_event(struct xftp_connection *connection, struct xftp_call *call, enum call_event event,
                       enum smq_result result) {
    struct call_message *message = make_message(call, event, 0);
    if (message != NULL)
        message->result = result;
    if (!tell(connection, message))
        connection_close(connection->connection, SMQ_ERR_NO_MEMORY, false);
}

static enum smq_result on_opened(void *context, struct connection *net_connection, void **owner) {
    (void)context;
    struct xftp_connection *connection = *owner;
    connection->connection = net_connection;
    tell_event(connection, NULL, CALL_OPENED, SMQ_OK);
    return SMQ_OK;
}

static void on_head(void *owner, struct http_exchange *exchange, const struct http2_head *head) {
    (void)owner;
    if (head->status != 200)
        http_cancel(exchange);
}

static size_t take_answer(struct xftp_call *call, struct slice bytes) {
    size_t room = XFTP_BLOCK_SIZE - call->answer_length;
    size_t length = bytes.length < room ? bytes.length : room;
    memcpy(call->answer + call->answer_length, bytes.bytes, length);
    call->answer_length += length;
    http_consume(call->exchange, length);
    if (call->answer_length == XFTP_BLOCK_SIZE && length > 0)
        tell_event(call->connection, call, CALL_ANSWERED, SMQ_OK);
    return length;
}

static void on_body(void *owner, struct http_exchange *exchange, struct slice bytes) {
    struct xftp_connection *connection = owner;
    struct xftp_call *call = http_user(exchange);
    size_t taken = take_answer(call, bytes);
    if (bytes.length == taken)
        return;
    struct call_message *message = make_message(call, CALL_BODY, bytes.length - taken);
    if (message != NULL)
        memcpy(message->bytes, bytes.bytes + taken, message->length);
    if (!tell(connection, message))
        http_cancel(exchange);
}

static void on_body_end(void *owner, struct http_exchange *exchange) {
    (void)owner;
    (void)exchange;
}

static size_t copy_part(struct slice part, size_t from, uint8_t *room, size_t size) {
    if (from >= part.length)
        return 0;
    size_t left = part.length - from;
    size_t length = left < size ? left : size;
    memcpy(room, part.bytes + from, length);
    return length;
}

static enum smq_result fill(void *owner, struct http_exchange *exchange, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    (void)owner;
    struct xftp_call *call = http_user(exchange);
    *length = copy_part(call->head, call->sent, room, size);
    size_t behind = call->sent > call->head.length ? call->sent - call->head.length : 0;
    *length +=
        call->sent + *length >= call->head.length ? copy_part(call->body, behind, room + *length, size - *length) : 0;
    call->sent += *length;
    *last = call->sent == call->head.length + call->body.length;
    return SMQ_OK;
}

static void on_over(void *owner, struct http_exchange *exchange, enum http2_end end) {
    struct xftp_connection *connection = owner;
    struct xftp_call *call = http_user(exchange);
    call->exchange = NULL;
    http_release(exchange);
    tell_event(connection, call, CALL_OVER, end == HTTP2_DONE ? SMQ_OK : SMQ_ERR_NETWORK);
    release_call(call);
}

static void on_closed(void *owner, struct connection *net_connection, enum smq_result reason) {
    (void)net_connection;
    struct xftp_connection *connection = owner;
    struct call_message *message = &connection->closing;
    message->event = CALL_CLOSED;
    message->is_embedded = true;
    message->result = reason;
    (void)mailbox_send(connection->mailbox, &message->node); /* else the caller has closed it */
}

static void on_released(void *owner) {
    xftp_connection_release(owner);
}

static const struct http_hooks hooks = {.opened = on_opened,
                                        .head = on_head,
                                        .body = on_body,
                                        .body_end = on_body_end,
                                        .fill = fill,
                                        .over = on_over,
                                        .closed = on_closed,
                                        .released = on_released};

const struct http_service xftp_client_service = {.hooks = &hooks, .head_ms = HEAD_TIMEOUT_MS};

/* ---- requests ---- */

/* Receive lane. The exchange holds the call. */
static void begin(struct connection_task *task) {
    struct xftp_call *call = (struct xftp_call *)(void *)((char *)task - offsetof(struct xftp_call, begin));
    struct xftp_connection *connection = call->connection;
    const struct http2_request request = {
        .method = slice_of_text("POST"),
        .scheme = slice_of_text("https"),
        .authority = slice_of_text(server_address_host(&connection->options.server, 0)),
        .path = slice_of_text("/"),
        .has_body = call->head.length > 0,
    };
    enum smq_result result = http_request(connection->connection, &request, call, &call->exchange);
    if (result == SMQ_OK)
        return;
    tell_event(connection, call, CALL_OVER, result);
    release_call(call);
}

struct xftp_call *xftp_call_begin(struct xftp_connection *connection, struct slice head, struct slice body) {
    struct xftp_call *call = memory_zalloc(sizeof *call);
    if (call == NULL)
        return NULL;
    atomic_init(&call->holders, 2); /* the caller, and the lane */
    call->connection = connection;
    call->head = head;
    call->body = body;
    call->begin.run = begin;
    if (connection->is_broken || connection_run(connection->connection, &call->begin) != SMQ_OK) {
        connection->is_broken = call->was_told_over = true;
        release_call(call);
    }
    return call;
}

static void give_back_piece(struct connection_task *task) {
    struct call_message *message = (struct call_message *)(void *)((char *)task - offsetof(struct call_message, task));
    if (message->call->exchange != NULL)
        http_consume(message->call->exchange, message->length);
    free_message(message);
}

void xftp_call_give_back(struct call_message *message) {
    message->task.run = give_back_piece;
    if (message->event != CALL_BODY || connection_run(message->call->connection->connection, &message->task) != SMQ_OK)
        free_message(message);
}

/* ---- waiting ---- */

static void take_message(void *context, struct mailbox_node *node) {
    struct xftp_connection *connection = context;
    struct call_message *message = (struct call_message *)(void *)node;
    message->next = NULL;
    if (connection->first == NULL)
        connection->first = message;
    else
        connection->last->next = message;
    connection->last = message;
}

static struct call_message *take_first(struct xftp_connection *connection) {
    struct call_message *message = connection->first;
    if (message != NULL)
        connection->first = message->next;
    return message;
}

/* What it says of connection and call. */
static struct call_message *look_at(struct xftp_connection *connection, struct call_message *message) {
    if (message->event == CALL_CLOSED) {
        connection->is_closed = connection->is_broken = true;
        connection->reason = message->result;
    }
    if (message->event == CALL_OVER)
        message->call->was_told_over = true;
    return message;
}

struct call_message *xftp_connection_wait(struct xftp_connection *connection, uint64_t deadline_ms) {
    for (;;) {
        struct call_message *message = take_first(connection);
        if (message != NULL)
            return look_at(connection, message);
        bool more = mailbox_drain(connection->mailbox, take_message, connection, SIZE_MAX);
        uint64_t now_ms = clock_monotonic_ms();
        if (more || connection->first != NULL)
            continue;
        if (connection->is_closed || now_ms >= deadline_ms)
            return NULL;
        uint64_t left_ms = deadline_ms - now_ms;
        (void)waker_wait(&connection->waker, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    }
}

void xftp_connection_break(struct xftp_connection *connection) {
    connection->is_broken = true;
    connection_close(connection->connection, SMQ_ERR_CANCELLED, false);
    while (!connection->is_closed) {
        struct call_message *message = xftp_connection_wait(connection, UINT64_MAX);
        if (message != NULL)
            free_message(message);
    }
}

struct call_message *xftp_call_wait(struct xftp_call *call, uint64_t deadline_ms) {
    struct xftp_connection *connection = call->connection;
    while (!connection->is_broken) {
        struct call_message *message = xftp_connection_wait(connection, deadline_ms);
        if (message == NULL)
            xftp_connection_break(connection);
        else if (message->call == call)
            return message;
        else
            free_message(message);
    }
    return NULL;
}

enum smq_result xftp_call_answer(struct xftp_call *call, uint64_t deadline_ms) {
    struct call_message *message = xftp_call_wait(call, deadline_ms);
    if (message == NULL)
        return clock_monotonic_ms() >= deadline_ms ? SMQ_ERR_TIMEOUT : SMQ_ERR_NETWORK;
    enum smq_result result = message->result;
    xftp_call_give_back(message);
    return result;
}

void xftp_call_end(struct xftp_call **call) {
    struct xftp_call *ended = *call;
    if (ended == NULL)
        return;
    if (!ended->was_told_over)
        xftp_connection_break(ended->connection);
    release_call(ended);
    *call = NULL;
}
