/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_client from the inside: one connection to a router, whose work is spread over the receive, process and send
 * lanes and the monitor. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/batch.h"
#include "actors/client/queues.h"
#include "actors/client/smq/client.h"
#include "actors/net/connection.h"
#include "queues/channel.h"
#include "queues/promise.h"
#include "queues/wheel.h"
#include "transport/smp/handshake.h"
#include "transport/smp/session.h"

struct client_flush;
struct client_relay;
struct relay_session;
struct process_lane;
struct request;
struct subscription;

enum client_phase {
    CLIENT_NEW,       /* not given to the net yet */
    CLIENT_HANDSHAKE, /* connecting, or waiting for the router's hello */
    CLIENT_SERVICE,   /* waiting for the router's answer to the service in our hello */
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
    uint64_t number;

    /* constant */
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
    struct request *outstanding; /* in the table: pending, or late */
    struct subscription *subscriptions;
    struct relay_session *relay_sessions; /* reached through the router as a proxy: see through_proxy.h */
    struct smq_batch *waiting_first;      /* batches without credit; while there are any the connection is paused */
    struct smq_batch *waiting_last;
    struct smq_batch *final; /* made at the start, so that the last event cannot fail */
    struct channel_waiter waiter;
    struct smq_client *lane_next, *lane_previous; /* clients of the lane */

    /* written by the process lane in the handshake, constant once the hello is queued; session.send belongs to the
     * send lane */
    struct smp_session session;
    struct public_key server_key; /* KEY_NONE: the router showed none */
    struct public_key hello_key;  /* KEY_NONE: none is sent */
    bool is_service;              /* the hello shows the service, and commands are signed for it */
    struct key_pair service_key;  /* of this session; when is_service */
    uint8_t service_id_length;
    uint8_t service_id[SMQ_ID_MAX];
    struct client_relay *relay; /* of a proxy's connection: see forward_private.h; else NULL */
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

struct smq_client *client_reference(struct smq_client *client);
void client_release(struct smq_client *client);
void client_check(const struct smq_client *client);    /* aborts unless it is a live client */
bool client_is_valid(const struct smq_client *client); /* for pointers from outside; may be NULL */

/* Like smq_client_connect_async, with calls to `observer`; options->events may be NULL. Any attached thread. */
enum smq_result client_connect_observed(struct smq_context *context, const char *address,
                                        const struct smq_client_options *options, struct client_observer *observer,
                                        struct smq_client **client);

/* The hooks of every client connection; the state is the client. */
extern const struct protocol client_protocol;

/* Process lane. Judges the router's hello in `block`, makes the session and queues the answer. On failure the
 * client's connect_error is set. With client->is_service the router answers once more: client_service_answer. */
enum smq_result client_handshake(struct smq_client *client, const uint8_t *block);
enum smq_result client_service_answer(struct smq_client *client, const uint8_t *block);

/* Whether the command carries the signature of the client's service. Process and send lane, after the handshake. */
bool client_signs_as_service(const struct smq_client *client, enum smp_command_tag tag);

/* Send lane: the fill and discard hooks of the protocol. */
enum smq_result client_fill(struct connection *connection, void *state, struct outgoing_queue *queue, void *lane_state,
                            uint8_t *bytes);
void client_discard(struct connection *connection, void *state, struct outgoing *item);
enum { OUTGOING_HELLO = 1, OUTGOING_COMMAND, OUTGOING_FORWARD };

/* Monitor: the check hook: pings, and drops what stays silent. */
uint32_t client_monitor(struct connection *connection, void *state, uint64_t now_ms);

/* Sets `error` (may be NULL) from a result of our own. `text` may be NULL. */
void error_set(struct smq_error *error, enum smq_result result, const char *text);
/* The public code of a router's error. */
enum smq_protocol_error protocol_error_of(const struct smp_error *error);
