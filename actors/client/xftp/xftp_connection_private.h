/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the files of an XFTP connection share. The receive lane of the net tells by messages, in a mailbox of the
 * connection's, what the calling thread waits for. */
#pragma once

#include <stdatomic.h>

#include "actors/client/xftp/xftp_connection.h"
#include "actors/net/http_connection.h"
#include "queues/mailbox.h"

/* A request and its answer; shared by the caller and the lane. */
struct xftp_call {
    struct xftp_connection *connection;
    struct connection_task begin;
    struct http_exchange *exchange; /* the lane's */
    /* the request: borrowed while it is under way */
    struct slice head, body;
    size_t sent;
    bool was_told_over; /* the caller's */
    /* the answer's block */
    size_t answer_length;
    uint8_t answer[XFTP_BLOCK_SIZE];
    _Atomic uint32_t holders;
};

enum call_event { CALL_OPENED, CALL_ANSWERED, CALL_BODY, CALL_OVER, CALL_CLOSED };

/* What the lane tells. A piece of a body is given back to have the peer send more. */
struct call_message {
    struct mailbox_node node; /* first */
    struct connection_task task;
    struct call_message *next; /* the caller's */
    enum call_event event;
    bool is_embedded;       /* in the connection */
    struct xftp_call *call; /* held; NULL: of the connection as a whole */
    enum smq_result result;
    size_t length;
    uint8_t bytes[];
};

struct xftp_connection {
    _Atomic uint32_t holders; /* the caller, the net's connection */
    struct connection *connection;
    struct waker waker;
    struct mailbox *mailbox;
    struct xftp_connection_options options;
    bool is_broken, is_closed;
    enum smq_result reason; /* why it was closed */
    uint16_t version;
    struct public_key session_key;
    struct call_message *first, *last; /* taken from the mailbox, and not looked at yet */
    struct call_message closing;       /* the last: it must not fail for want of memory */
};

extern const struct http_service xftp_client_service;

/* Begins a request whose body is `head`, a block or nothing, and then `body`. NULL: out of memory. */
struct xftp_call *xftp_call_begin(struct xftp_connection *connection, struct slice head, struct slice body);
/* Waits for the next message of this call, or for the end of the connection, until `deadline_ms` of
 * clock_monotonic_ms. NULL: it is over, and the connection is broken. The message is to be given back. */
struct call_message *xftp_call_wait(struct xftp_call *call, uint64_t deadline_ms);
void xftp_call_give_back(struct call_message *message);
/* The caller is done with it; a request that is still under way breaks the connection, and nothing is read of head and
 * body any more when this returns. */
void xftp_call_end(struct xftp_call **call);
/* Waits for the answer's block, which is then in `call->answer`, answer_length bytes. SMQ_ERR_TIMEOUT,
 * SMQ_ERR_NETWORK. */
enum smq_result xftp_call_answer(struct xftp_call *call, uint64_t deadline_ms);
/* Waits for whatever comes next. NULL: nothing did, until `deadline_ms`, or ever. */
struct call_message *xftp_connection_wait(struct xftp_connection *connection, uint64_t deadline_ms);
/* Closes it, and waits until the net has. */
void xftp_connection_break(struct xftp_connection *connection);
void xftp_connection_release(struct xftp_connection *connection);
