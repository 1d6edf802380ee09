/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_client_agent from the inside. One actor owns all of it: servers, their connections and their subscriptions; what
 * happens on connections is told to it by messages from the process lanes (post.h).
 *
 *   server    a router that the agent knows something about: its connection, or the attempt or error in its place, who
 *             waits for it, subscriptions, and the worker that connects and subscribes again
 *   session   one connection of a server, from the attempt to the end; owns the list of what is active in it, so that
 *             its end can take nothing else along
 *   group     subscriptions submitted together, until each has its outcome */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/smp/smp_client.h"
#include "actors/client/smp/smp_request.h"
#include "actors/client_agent/backoff.h"
#include "actors/client_agent/client_agent.h"
#include "actors/client_agent/event.h"
#include "actors/client_agent/share.h"
#include "actors/client_agent/table.h"
#include "queues/base/magic.h"
#include "queues/channel.h"
#include "queues/map.h"

enum { CLIENT_AGENT_MAGIC = MAGIC('a', 'g', 'n', 't') };

struct client_agent_session;

/* A service's subscription on one server. */
struct client_agent_service {
    enum {
        SERVICE_NONE,
        SERVICE_PENDING,   /* to be submitted as soon as there is a connection */
        SERVICE_WAITING,   /* failed for the time being: to be submitted in the next round */
        SERVICE_IN_FLIGHT, /* without an outcome */
        SERVICE_ACTIVE,    /* in the server's session */
        SERVICE_FAILED,    /* refused: to be submitted on the next connection */
    } state;
    bool again; /* in flight: asked for again meanwhile */
    uint8_t id[SMQ_ID_MAX];
    uint8_t id_length;
    int64_t count;
};

struct client_agent_server {
    struct map_node node; /* in agent->servers, by `name` */
    struct smq_client_agent *agent;
    struct client_agent_server *next, *previous; /* all of the agent */
    struct client_agent_server *next_marked;
    bool marked;
    char *name;    /* canonical address without password */
    char *address; /* the same with password, when there is one; a secret */

    /* connection: `session` is the attempt, or, when `connected`, the connection; NULL: neither */
    struct client_agent_session *session;
    bool connected;
    struct client_agent_waiter *waiters;
    struct smq_error error; /* of the last attempt, while error_until_ms is not over */
    uint64_t error_until_ms;
    enum smq_result
        told; /* the failure that SMQ_CLIENT_AGENT_CONNECT_FAILED told last; SMQ_OK: none since the last success */

    /* subscriptions */
    struct client_agent_subscription_list pending;
    struct client_agent_subscription_list waiting;
    size_t subscriptions; /* all, also those in flight and active */
    uint32_t groups;      /* in flight */
    struct client_agent_service service;

    /* worker: runs while something is pending that is not just being tried for the first time */
    bool worker;
    struct client_agent_backoff backoff;
    struct wheel_timer retry;  /* the next round */
    struct wheel_timer expiry; /* when the error is not kept any longer */

    /* with client_agent_limits */
    bool error_is_counted;
    struct client_agent_share *share; /* its session is counted in; NULL: in none */
    struct wheel_timer idle;
    uint64_t uses_seen;         /* when the timer was set, */
    uint64_t uses_seen_by_hand; /* when the hand passed */
};

struct client_agent_session {
    struct client_observer observer;
    _Atomic uint32_t references;    /* its server's; the observer's; the session map's; each message's and group's */
    struct smq_client_agent *agent; /* referenced */
    struct map_node node;           /* in agent->sessions, by id, while connected */
    struct message connected;
    struct message disconnected;
    enum smq_result connect_result; /* constant once `connected` was sent, as the next one for `disconnected` */
    enum smq_result end_reason;
    struct smq_client *client; /* the handle; set before any message is received */
    uint32_t sequence;         /* process lane: numbers outcomes and ends of subscriptions as they came */

    /* agent's thread */
    struct client_agent_server *server; /* NULL once it is not this server's session any more */
    uint64_t since_ms;                  /* connected */
    struct wheel_timer again; /* lost, without the memory to tell it yet; the message's reference is the timer's */
    bool in_map;
    struct client_agent_subscription_list active;
    struct client_agent_session *next_closing; /* in agent->closing_sessions, and the promise of its client's end */
    struct promise *end;
};

struct smq_client_agent {
    uint32_t magic;
    _Atomic uint32_t references; /* the handle's; each session's; the credit message's */
    struct smq_context *context; /* borrowed */
    struct smq_client_agent_options options;
    struct actor *actor;
    _Atomic bool closes_are_awaited; /* set before the actor is stopped */
    struct map *sessions;            /* client_agent_session by id: the only part that other threads read */

    /* agent's thread */
    bool closing;
    struct map *servers;
    struct client_agent_server *all;
    struct client_agent_server *marked; /* to be looked at at the end of this turn */
    struct client_agent_table table;
    uint32_t in_flight;                /* subscriptions in groups */
    struct client_agent_limits limits; /* all zero: none; the agent's thread */
    uint32_t session_count;            /* of servers: connections and attempts */
    uint32_t attempting;               /* those that are attempts */
    struct client_agent_shares shares;
    uint32_t errors; /* servers whose error is kept */
    /* at the end, referenced: those whose clients are for the closing thread to close */
    struct client_agent_session *closing_sessions;
    struct client_agent_server *hand; /* where the next connection that gives way is looked for; NULL: at the first */
    /* events that the owner's queue has no credit for; while there are any, nothing is submitted and the workers rest
     */
    struct smq_batch *undelivered_first;
    struct smq_batch *undelivered_last;
    struct smq_batch *closed_event;
    struct channel_waiter credit_waiter;
    struct message credit_message;

    /* any thread */
    _Atomic uint32_t server_count;
    _Atomic uint32_t connections;
    _Atomic uint64_t active;
    _Atomic uint64_t pending;
    _Atomic uint64_t attempts;
};

/* -- reference.c: any thread -- */
struct smq_client_agent *client_agent_reference(struct smq_client_agent *agent);
void client_agent_release(struct smq_client_agent *agent);
bool client_agent_is_valid(const struct smq_client_agent *agent); /* for pointers from outside; may be NULL */
void client_agent_check(const struct smq_client_agent *agent);    /* aborts unless it is a live agent */

/* -- deliver.c: events to the owner; agent's thread -- */
/* Hands `batch` (owned; NULL, for want of memory, is logged) to the owner, or keeps it until there is credit. */
void client_agent_deliver(struct smq_client_agent *agent, struct smq_batch *batch);
/* Credit may be back. */
void client_agent_deliver_again(struct smq_client_agent *agent);
/* The owner is behind: nothing that makes events is to be started. */
bool client_agent_is_held(const struct smq_client_agent *agent);
/* At the end: what waits is delivered without credit. */
void client_agent_deliver_last(struct smq_client_agent *agent);
/* A batch about `server` (NULL: none) with room for `items`. The event's other fields are set by the caller in
 * `client_agent_event` and `event`, whose user is set here. */
struct smq_batch *client_agent_make_event(struct smq_client_agent *agent, const struct client_agent_server *server,
                                          struct smq_event event, struct smq_client_agent_event client_agent_event,
                                          size_t items);

/* -- address.c: any thread -- */
/* The parts are freed with client_agent_address_free. SMQ_ERR_SYNTAX, SMQ_ERR_NO_MEMORY. */
enum smq_result client_agent_address_parse(const char *text, struct client_agent_address *address);
enum smq_result client_agent_address_of(const struct server_address *server, struct client_agent_address *address);
void client_agent_address_free(struct client_agent_address *address);

/* -- server.c: servers, and who wants their connections; agent's thread -- */
extern const struct map_options client_agent_server_map_options;
/* The server with this address, made when it is not known yet. Takes parts of `address`, which is still to be freed.
 * NULL when out of memory. */
struct client_agent_server *client_agent_server_get(struct smq_client_agent *agent,
                                                    struct client_agent_address *address);
struct client_agent_server *client_agent_server_find(struct smq_client_agent *agent, const char *name); /* or NULL */
/* At the end of this turn of the agent, what is to be done for the server is done (client_agent_worker_advance), and
 * the server is forgotten when there is nothing left to know about it. */
static inline void client_agent_server_mark(struct client_agent_server *server) {
    if (!server->marked) {
        server->marked = true;
        server->next_marked = server->agent->marked;
        server->agent->marked = server;
    }
}
void client_agent_servers_advance(struct smq_client_agent *agent); /* the end of the turn */
void client_agent_servers_end(struct smq_client_agent *agent);     /* the end of the agent */
void client_agent_server_wait(struct smq_client_agent *agent,
                              struct client_agent_waiter *waiter); /* CLIENT_AGENT_CONNECT */
/* The attempt ended well: everybody who waits gets the client. */
void client_agent_server_succeeded(struct client_agent_server *server, struct smq_client *client);
/* The attempt failed: keeps the error, tells everybody who waits, and the owner if it is news. */
void client_agent_server_failed(struct client_agent_server *server, const struct smq_error *error);

/* -- limits.c: agent's thread -- */
void client_agent_change_receive(struct smq_client_agent *agent, struct message *message);
/* Whether an attempt may start for `waiter`: SMQ_OK, with room for its connection, or SMQ_ERR_NO_CREDIT. */
enum smq_result client_agent_limits_admit_attempt(struct smq_client_agent *agent,
                                                  const struct client_agent_waiter *waiter);
/* `waiter` is counted in its share, and not any more. SMQ_ERR_NO_MEMORY. */
enum smq_result client_agent_limits_wait_begun(struct smq_client_agent *agent, struct client_agent_waiter *waiter);
void client_agent_limits_wait_ended(struct smq_client_agent *agent, struct client_agent_waiter *waiter);
/* An attempt begins for `waiter`, which waits: it is counted in its share; it, or the connection that it came to, has
 * ended, or could not begin. */
void client_agent_limits_attempt_begins(struct client_agent_server *server, const struct client_agent_waiter *waiter);
void client_agent_limits_session_ended(struct client_agent_server *server);
/* Whether `waiter` may wait. */
enum smq_result client_agent_limits_admit_wait(const struct smq_client_agent *agent,
                                               const struct client_agent_waiter *waiter);
/* The server has a connection: it is closed when it is not used. */
void client_agent_limits_connected(struct client_agent_server *server);
/* It has none any more. */
void client_agent_limits_disconnected(struct client_agent_server *server);
/* Whether one more error may be kept; then it is counted. */
bool client_agent_limits_keep_error(struct client_agent_server *server);
void client_agent_limits_error_gone(struct client_agent_server *server);
/* The server is forgotten. */
void client_agent_limits_forget(struct client_agent_server *server);

/* -- session.c: connections; agent's thread but for the references -- */
extern const struct map_options client_agent_session_map_options;
struct client_agent_session *client_agent_session_reference(struct client_agent_session *session);
void client_agent_session_release(struct client_agent_session *session);
/* Starts an attempt; the server has neither connection nor attempt. On an error there was none. */
enum smq_result client_agent_session_connect(struct client_agent_server *server);
void client_agent_session_connected(struct message *message);    /* CLIENT_AGENT_CONNECTED */
void client_agent_session_disconnected(struct message *message); /* CLIENT_AGENT_DISCONNECTED */
/* The agent ends: closes the server's connection, or gives up the attempt. */
void client_agent_session_abandon(struct client_agent_server *server);
/* Whether it is its server's connection now. */
bool client_agent_session_is_current(const struct client_agent_session *session);

/* -- worker.c: what is done next for a server; agent's thread -- */
void client_agent_worker_init(struct client_agent_server *server);
/* Submits what is pending, connects for it, or leaves it to the worker. */
void client_agent_worker_advance(struct client_agent_server *server);
/* Starts an attempt; a failure at once is handled like a later one. The server has neither connection nor attempt. */
void client_agent_worker_connect(struct client_agent_server *server);
/* An attempt failed: if something is pending the worker takes over. */
void client_agent_worker_failed(struct client_agent_server *server);
/* The connection was lost: the worker connects again at once, unless it had lived so shortly that this would be a busy
 * loop. */
void client_agent_worker_lost(struct client_agent_server *server, bool short_lived);
void client_agent_worker_stop(struct client_agent_server *server);

/* -- subscribe.c: what is subscribed to; agent's thread -- */
void client_agent_subscribe_receive(struct smq_client_agent *agent,
                                    struct message *message); /* CLIENT_AGENT_SUBSCRIBE */
void client_agent_unsubscribe_receive(struct smq_client_agent *agent,
                                      struct message *message); /* CLIENT_AGENT_UNSUBSCRIBE */
/* Moves what was active in `session` to pending, and tells the owner. False: there is no memory to tell all of it; to
 * be called again. */
bool client_agent_subscriptions_lost(struct client_agent_server *server, struct client_agent_session *session);
/* Process lane: what was subscribed to under this id has ended. */
void client_agent_ended_send(struct client_agent_session *session, struct slice entity_id);
void client_agent_ended_receive(struct smq_client_agent *agent, struct message *message); /* CLIENT_AGENT_ENDED */
/* Whether another attempt may change the result. */
bool client_agent_result_is_temporary(enum smq_result result);
/* Changes the numbers of agent->pending, all that is not active, and agent->active. */
void client_agent_count(struct smq_client_agent *agent, int64_t pending, int64_t active);
/* Takes a subscription that is in no list out of the table. */
void client_agent_subscription_drop(struct smq_client_agent *agent, struct client_agent_subscription *subscription);

/* -- group.c: subscriptions in flight; agent's thread -- */
/* Submits as much of what is pending as may be in flight. */
void client_agent_groups_submit(struct client_agent_server *server);
void client_agent_group_receive(struct smq_client_agent *agent, struct message *message); /* CLIENT_AGENT_GROUP */
void client_agent_late_receive(struct smq_client_agent *agent, struct message *message);  /* CLIENT_AGENT_LATE */
/* Of a subscription in flight: whether its outcome came in this session, before `sequence`. */
bool client_agent_group_was_done(const struct client_agent_subscription *subscription,
                                 const struct client_agent_session *session, uint32_t sequence);

/* -- service.c: service subscriptions; agent's thread -- */
void client_agent_service_receive(struct smq_client_agent *agent, struct message *message); /* CLIENT_AGENT_SERVICE */
void client_agent_service_done_receive(struct message *message); /* CLIENT_AGENT_SERVICE_DONE */
/* Subscribes, when that is pending; the server is connected. */
void client_agent_service_submit(struct client_agent_server *server);
void client_agent_service_connected(struct client_agent_server *server); /* what failed is pending again */
/* The session is lost: tells, and is pending again. False: there is no memory for that; to be called again. */
bool client_agent_service_lost(struct client_agent_server *server);
void client_agent_service_ended(struct client_agent_server *server,
                                struct slice id); /* another connection is the service now */
void client_agent_service_add(struct client_agent_server *server,
                              int64_t count); /* queues became part of the subscription */
