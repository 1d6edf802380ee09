/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* libsmq: an agent, which keeps one connection to each of many routers and the subscriptions on them alive. */
#pragma once

#include "smq/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Overview (docs/embedding.md tells it at length, docs/examples/watch.c is a complete program):
 *
 * An agent is given queues, notifiers and services to be subscribed to, and addresses to be connected to. It connects
 * to each router once, subscribes in batches, and after a lost connection connects and subscribes again until
 * everything is active, has failed for good, or is taken back. What happens is told by events of the kind
 * SMQ_EVENT_CLIENT_AGENT on the owner's queue; messages, notifications and completions of all its connections arrive on
 * the same queue as they do without an agent. It has one thread of its own, whatever the number of routers; all else is
 * done on the lanes of the context.
 *
 * The rules of smq/client.h on threads, blocking, errors and ownership hold here, too. */

struct smq_client_agent;

struct smq_client_agent_options {
    size_t size;               /* set by init */
    struct smq_events *events; /* where all events go; the agent keeps a reference. NULL: they are dropped. */
    void *user;                /* smq_event.user of all of them */
    /* An attempt to connect, or to subscribe what failed for the time being, is made at once; then after
     * reconnect_first_ms (1,000), again and again; once reconnect_grow_after_ms (10,000) have passed in such waits
     * each is half as long again as the one before, up to reconnect_max_ms (10,000). */
    uint32_t reconnect_first_ms;
    uint32_t reconnect_grow_after_ms;
    uint32_t reconnect_max_ms;
    /* 30,000: so long smq_client_agent_connect answers with the error of the last attempt instead of making another; 0:
     * not at all. Attempts for the sake of subscriptions go on as above. */
    uint32_t error_persistence_ms;
    uint32_t batch_size; /* 1,360: subscriptions submitted together */
    /* 0: settings of later releases, so that `client` stays where it is */
    uint64_t reserved[8];
    /* of every connection; `events` and `user` of it are not used. connect_timeout_ms is 45,000 and
     * command_timeout_ms 30,000 unless changed. Members are added to it at its end, which is the end of both. */
    struct smq_client_options client;
};
/* Sets the values above. */
void smq_client_agent_options_init_sized(struct smq_client_agent_options *options, size_t size);
static inline void smq_client_agent_options_init(struct smq_client_agent_options *options) {
    smq_client_agent_options_init_sized(options, sizeof(*options));
}

/* Starts the agent's thread. `options` may be NULL. The agent is closed before its context is destroyed.
 * SMQ_ERR_INVALID (options), SMQ_ERR_SYSTEM. */
enum smq_result smq_client_agent_create(struct smq_context *context, const struct smq_client_agent_options *options,
                                        struct smq_client_agent **agent);

/* Ends the agent: nothing is connected or subscribed any more, subscriptions that are not active yet are given up,
 * callers that wait get SMQ_ERR_CANCELLED, asynchronous ones their event, once. SMQ_CLIENT_AGENT_CLOSED is its last
 * event and stands for all that it had; the agent's events are on the owner's queue when this returns, beyond the
 * queue's limits if need be. Its connections are closed as smq_client_close does, in close_timeout_ms of
 * options.client: outcomes of commands under way and the end of each connection follow, at the latest when the context
 * is destroyed. Blocks for milliseconds, never for a peer. No other thread may begin to use the handle; those that wait
 * in smq_client_agent_connect may still do so. */
void smq_client_agent_close(struct smq_client_agent **agent);

/* The same, with `timeout_ms` for the commands under way on all connections (0: those without an answer end at once),
 * and blocks until each of these has ended. SMQ_OK: every command had its answer, or its failure before;
 * SMQ_ERR_TIMEOUT: the time was over on a connection, and commands were told SMQ_ERR_CANCELLED; SMQ_ERR_CLOSED: a
 * connection was lost before; SMQ_ERR_INVALID: no agent. The handle is given up in any case. */
enum smq_result smq_client_agent_close_within(struct smq_client_agent **agent, uint32_t timeout_ms);

/* ---- events ---- */

enum smq_client_agent_event_kind {
    /* a router is connected: smq_event.client; service_id when it knows the service */
    SMQ_CLIENT_AGENT_CONNECTED = 1,
    /* an attempt failed: result, error_text. Told for the first of several in a row, and when the reason changes. */
    SMQ_CLIENT_AGENT_CONNECT_FAILED,
    /* a connection was lost, result tells why: `items` are the queues and notifiers that were active on it, may be
     * none; each batch_size of them make an event. They are subscribed to again, without being asked for. */
    SMQ_CLIENT_AGENT_DISCONNECTED,
    /* `items` are active now; when service_id is not empty, as part of the service's subscription: they are not kept
     * one by one any more */
    SMQ_CLIENT_AGENT_SUBSCRIBED,
    /* `items` cannot be subscribed to, `result` and `protocol` of each tell why. The agent has forgotten them. */
    SMQ_CLIENT_AGENT_SUBSCRIBE_FAILED,
    /* a lost connection had the service's subscription: service_id, expected. It is made again, without being asked
     * for. */
    SMQ_CLIENT_AGENT_SERVICE_DISCONNECTED,
    /* the service is subscribed to: service_id, the count that was expected and the one that the router knows */
    SMQ_CLIENT_AGENT_SERVICE_SUBSCRIBED,
    /* the router refused: service_id, expected; smq_event.result, protocol, error_text. The agent goes on having it
     * pending, for the next connection. */
    SMQ_CLIENT_AGENT_SERVICE_FAILED,
    /* the connection is not of this service, or the router does not serve services: service_id, expected. The agent
     * has forgotten it; its queues are to be subscribed to one by one. */
    SMQ_CLIENT_AGENT_SERVICE_UNAVAILABLE,
    /* smq_client_agent_connect_async ended: tag; smq_event.client, or result and error_text */
    SMQ_CLIENT_AGENT_CONNECTION,
    SMQ_CLIENT_AGENT_CLOSED,
};

/* A queue or a notifier: one of the two handles is set. Borrowed from the batch. */
struct smq_client_agent_item {
    struct smq_receive_queue *receive_queue;
    struct smq_notifier *notifier;
    enum smq_result result;
    enum smq_protocol_error protocol;
};

/* What smq_event.agent points to in events of the kind SMQ_EVENT_CLIENT_AGENT, each alone in its batch. Fields that the
 * kind does not name are zero. */
struct smq_client_agent_event {
    enum smq_client_agent_event_kind kind;
    const char *server; /* address of the router, without password; never NULL */
    const struct smq_client_agent_item *items;
    size_t item_count;
    struct smq_bytes service_id;
    int64_t expected; /* queues of the service, as the owner knew it */
    int64_t actual;   /* as the router does */
};

/* How events follow each other: those of the agent are in order; so are those of a connection, which end with its
 * SMQ_EVENT_DISCONNECTED. Between the two kinds there is no order: a queue's first message may arrive before
 * SMQ_CLIENT_AGENT_SUBSCRIBED, and the last messages of a connection after its SMQ_CLIENT_AGENT_DISCONNECTED. */

/* ---- connections ---- */

/* The connection to the router at `address` (as in smq_client_connect). When there is none it is made; whoever asks
 * meanwhile gets the same. After a failure everybody gets its error for error_persistence_ms. The handle is given up by
 * smq_client_agent_client_release. Blocks at most `timeout_ms` (0: the client's connect_timeout_ms): SMQ_ERR_TIMEOUT,
 * the attempt goes on; SMQ_ERR_CANCELLED: the agent was closed; SMQ_ERR_SYNTAX (address); else the results of
 * smq_client_connect. */
enum smq_result smq_client_agent_connect(struct smq_client_agent *agent, const char *address, uint32_t timeout_ms,
                                         struct smq_client **client, struct smq_error *error);
/* The same without blocking: SMQ_CLIENT_AGENT_CONNECTION with `tag` follows exactly once. */
enum smq_result smq_client_agent_connect_async(struct smq_client_agent *agent, const char *address, uint32_t timeout_ms,
                                               uint64_t tag);
/* Another handle for the client of an event, to be kept beyond the event's batch, and its release, which leaves the
 * connection to the agent. (smq_client_close on a handle would end the connection; the agent makes a new one when it
 * is needed.) */
struct smq_client *smq_client_agent_client_reference(struct smq_client *client);
void smq_client_agent_client_release(struct smq_client **client);

/* ---- subscriptions ---- */

/* Subscribes to queues, on the routers that their handles name. Returns at once; SMQ_CLIENT_AGENT_SUBSCRIBED or
 * SMQ_CLIENT_AGENT_SUBSCRIBE_FAILED tells about each of them. A queue that is active already is subscribed to anew, one
 * that is pending stays so, with the new handle. On an error none was taken. */
enum smq_result smq_client_agent_subscribe(struct smq_client_agent *agent, struct smq_receive_queue *const *queues,
                                           size_t count);
/* The same for notifiers, whose handles do not name their router. SMQ_ERR_SYNTAX (address). */
enum smq_result smq_client_agent_subscribe_notifications(struct smq_client_agent *agent, const char *address,
                                                         struct smq_notifier *const *notifiers, size_t count);
/* Forgets subscriptions, by the ids of the handles: they are not made again. The router goes on serving active ones
 * until the connection ends or another one subscribes. Those that ended (SMQ_EVENT_SUBSCRIPTION_ENDED,
 * SMQ_EVENT_QUEUE_DELETED) are forgotten without this. */
enum smq_result smq_client_agent_unsubscribe(struct smq_client_agent *agent, struct smq_receive_queue *const *queues,
                                             size_t count);
enum smq_result smq_client_agent_unsubscribe_notifications(struct smq_client_agent *agent, const char *address,
                                                           struct smq_notifier *const *notifiers, size_t count);

/* Subscribes to all queues or notifiers of a service at once, of which the owner expects `count`. It needs a connection
 * with a service certificate that the router knows by this id. SMQ_ERR_SYNTAX (address), SMQ_ERR_INVALID (id). */
enum smq_result smq_client_agent_subscribe_service(struct smq_client_agent *agent, const char *address,
                                                   struct smq_bytes service_id, int64_t count);

/* What the agent has now; the numbers are of slightly different moments. */
struct smq_client_agent_info {
    uint32_t servers;     /* it knows something about: a connection, an attempt, an error, subscriptions */
    uint32_t connections; /* that are up */
    uint64_t active;      /* subscriptions, without those of services */
    uint64_t pending;
    uint64_t attempts; /* to connect, so far */
};
void smq_client_agent_info(const struct smq_client_agent *agent, struct smq_client_agent_info *info);

#ifdef __cplusplus
}
#endif
