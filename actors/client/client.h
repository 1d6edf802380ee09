/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_client from the inside: one connection to a router, whose work is spread over the receive, process and send
 * lanes and the monitor. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/batch.h"
#include "actors/client/protocol.h"
#include "actors/client/router_address.h"
#include "queues/base/magic.h"
#include "queues/channel.h"
#include "queues/promise.h"
#include "queues/wheel.h"

struct client_flush;

enum client_phase {
    CLIENT_NEW,       /* not given to the net yet */
    CLIENT_HANDSHAKE, /* connecting, or waiting for the router's hello */
    CLIENT_ANSWER,    /* waiting for the router's answer to our hello */
    CLIENT_READY,
    CLIENT_CLOSED,
};

/* Whoever wants to know about a connection by calls, besides its events: its agent. All on the process lane; none
 * blocks. It lives until `connected` with a failure, or `disconnected`, was called. */
struct client_observer {
    /* Exactly once; client->connect_error says more about a failure. Takes the place of SMQ_EVENT_CONNECTED. */
    void (*connected)(struct client_observer *observer, struct smq_client *client, enum smq_result result);
    /* Exactly once after a success, with the result of SMQ_EVENT_DISCONNECTED. Requests have ended before. */
    void (*disconnected)(struct client_observer *observer, struct smq_client *client, enum smq_result reason);
    /* The subscription with this id, of a queue, a notifier or a service, is not this connection's any more, or the
     * queue is gone. */
    void (*ended)(struct client_observer *observer, struct smq_client *client, struct slice entity_id);
};

struct smq_client {
    uint32_t magic;
    /* The user's handles; the connection; the process lane until it has seen the end; each request, batch and
     * message that names the client. */
    _Atomic uint32_t references;
    void (*destroy)(struct smq_client *client); /* with the last one */
    uint64_t number;

    /* constant */
    const struct client_protocol *protocol;
    void *state;                 /* the protocol's, of client_size bytes */
    struct smq_context *context; /* referenced */
    struct process_lane *lane;   /* lives as long as the context */
    struct router_address *router;
    struct password password;
    struct smq_client_options options; /* .events, .network and .service are referenced, or NULL; .entity is a copy */
    bool blocking_connect;
    struct client_observer *observer; /* may be NULL */

    /* messages to the process lane, each sent once or, `credit`, one at a time */
    struct message connect_message;
    struct message close_message;
    struct message closed_message;
    struct message credit_message;
    _Atomic bool closing;      /* close_message was sent */
    struct promise *connected; /* for the blocking connect; decided by the process lane */

    /* process lane */
    enum client_phase phase;
    bool own_close;             /* smq_client_close or the context ends it: nothing new is accepted */
    bool cut_off;               /* the time of the close was over before all commands had outcomes */
    bool is_listed;             /* among the lane's clients */
    enum smq_result end_result; /* when CLIENT_CLOSED: what smq_client_close_within returns */
    uint64_t close_deadline_ms; /* when own_close */
    struct wheel_timer close_timer;
    uint64_t last_number;          /* of the commands that came, from 1 */
    uint32_t unanswered;           /* of them without an outcome */
    struct client_flush *flushes;  /* that wait: see flush.h */
    enum smq_result closed_reason; /* written by the receive lane before closed_message */
    struct connection *connection;
    struct request *outstanding;     /* in the table: pending, or late */
    struct smq_batch *waiting_first; /* batches without credit; while there are any the connection is paused */
    struct smq_batch *waiting_last;
    struct smq_batch *final; /* made at the start, so that the last event cannot fail */
    struct channel_waiter waiter;
    struct smq_client *lane_next, *lane_previous; /* clients of the lane */

    /* process lane, in the handshake */
    struct outgoing hello;
    struct smq_error connect_error; /* constant once the outcome was told */

    /* monitor */
    bool ping_sent;
    uint64_t ping_sent_ms;
    uint64_t silent_ms; /* at that time */

    /* any thread */
    uint64_t created_ms;
    _Atomic bool is_ready; /* released by the process lane: what the handshake wrote may be read */
    _Atomic bool is_connected;
    _Atomic bool ping_enabled; /* something was subscribed to */
    _Atomic uint32_t timeouts; /* in a row */
    _Atomic uint32_t commands; /* without a completion */
    _Atomic uint64_t unsent_bytes;
    _Atomic uint64_t blocks_received;
    _Atomic uint64_t blocks_sent;
};

enum { CLIENT_MAGIC = MAGIC('c', 'l', 'n', 't') };

/* Aborts unless it is a live client. */
static inline void client_check(const struct smq_client *client) {
    MAGIC_CHECK(client, CLIENT_MAGIC);
}

/* For pointers from outside; may be NULL. */
static inline bool client_is_valid(const struct smq_client *client) {
    return MAGIC_IS(client, CLIENT_MAGIC);
}

static inline struct smq_client *client_reference(struct smq_client *client) {
    client_check(client);
    atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
    return client;
}

static inline void client_release(struct smq_client *client) {
    client_check(client);
    if (atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) == 1)
        client->destroy(client);
}

/* Like smq_client_connect_async, with calls to `observer`; options->events may be NULL. Any attached thread. */
enum smq_result client_connect_observed(struct smq_context *context, const char *address,
                                        const struct smq_client_options *options, struct client_observer *observer,
                                        struct smq_client **client);

/* Hooks of every client's connection; the state is the client. */
enum smq_result client_secured(struct connection *connection, void *state);
enum smq_result client_received(struct connection *connection, void *state, struct block *block);
void client_closed(struct connection *connection, void *state, enum smq_result reason);
void client_released(void *state);
enum smq_result client_fill(struct connection *connection, void *state, struct outgoing_queue *queue, void *lane_state,
                            uint8_t *bytes);
void client_discard(struct connection *connection, void *state, struct outgoing *item);
enum { OUTGOING_HELLO = 1, OUTGOING_COMMAND, OUTGOING_PROTOCOL };

/* Monitor: pings, and drops what stays silent. */
uint32_t client_monitor(struct connection *connection, void *state, uint64_t now_ms);

/* The hooks in a protocol's table; it may add fill_own. */
#define CLIENT_CONNECTION(label, size)                                                                                 \
    .name = (label), .block_size = (size), .secured = client_secured, .received = client_received,                     \
    .fill = client_fill, .discard = client_discard, .check = client_monitor, .first_check_ms = CLIENT_FIRST_CHECK_MS,  \
    .closed = client_closed, .released = client_released
enum { CLIENT_FIRST_CHECK_MS = 20 }; /* the monitor then asks for the time that the client's options say */

/* Sets `error` (may be NULL) from a result of our own. `text` may be NULL. */
void error_set(struct smq_error *error, enum smq_result result, const char *text);
