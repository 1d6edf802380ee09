/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An SMP session: handshake, block encryption, and what the roles that only SMP has keep with the connection. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/net/connection.h"
#include "actors/proxy/proxied.h"
#include "actors/router/session.h"
#include "actors/smp/roles.h"
#include "actors/smp/subscription.h"
#include "queues/base/owner.h"
#include "queues/ring.h"
#include "transport/smp/handshake.h"
#include "transport/smp/session.h"

enum {
    SESSION_PROXY_CREDIT = 4096,    /* for the connection of a proxy, which serves many clients, once it forwards */
    SESSION_NOTIFICATIONS_MAX = 256 /* NMSG events queued to one connection; the others stay in the store */
};

/* Kinds of outgoing items on a router's connection, beside OUTGOING_ANSWERS. */
enum smp_outgoing_kind {
    OUTGOING_HELLO = OUTGOING_OWN, /* the session's own `hello` */
    OUTGOING_SERVICE_RESPONSE,     /* the session's own `service_response` */
    OUTGOING_DELIVERY,             /* struct delivery: a MSG event */
    OUTGOING_EVENT,                /* struct event: END, ENDS, DELD, NMSG, ERR BLOCKED */
    OUTGOING_PROXIED,              /* struct proxied_command: the answer of a relay */
    OUTGOING_KIND_COUNT
};

enum session_phase { SESSION_AWAITS_HELLO, SESSION_READY };

/* The service certificate that a client proved to have. */
struct service_session {
    bool present;
    enum smp_service_role role;
    struct public_key key; /* Ed25519, of this session */
    uint8_t id[SMP_ENTITY_ID_SIZE];
    uint8_t fingerprint[SMP_FINGERPRINT_SIZE];
};

/* Tells a subscriber lane, or the services role, that a session ended; keeps the session alive until the role has let
 * go of it. */
struct session_farewell {
    struct message message;
    struct client_session *session;
};

/* What a subscriber lane keeps with a session; only that lane touches it, but for the farewell, which the session sends
 * once. */
struct session_lane {
    struct subscription *subscriptions; /* head of the list */
    bool closed;                        /* the farewell has come: nothing may be added any more */
    struct ring pending;                /* subscriptions with undelivered notifications, first come first */
    struct ring waiting;                /* in the lane's ring of sessions while `pending` is not empty */
    uint32_t pending_count;
    struct ring ends;               /* subscriptions that were lost and are not told of yet, see subscriber_ends.c */
    struct ring ending;             /* in the lane's ring of sessions while `ends` is not empty */
    struct client_session *session; /* set then */
    struct service_copy *service;   /* the session holds its service, as far as the lane knows; NULL: it does not */
    struct session_farewell farewell;
};

/* What the services role keeps with a session; only it touches this, but for the farewell. */
struct session_service_place {
    bool closed;                     /* the farewell has come */
    bool subscribed;                 /* NSUBS was answered */
    int64_t count;                   /* queues that the session gets notifications of; 0 unless it holds its service */
    uint64_t counted_at;             /* writer's order of the NSUBS that `count` started from; 0: none */
    struct service_holding *holding; /* NULL: the session does not hold its service */
    struct session_farewell farewell;
};

/* How many queues the session holds, for the metrics. Subscriber lanes. */
struct client_figures {
    _Atomic uint32_t subscriptions, in_flight, ntf_subscriptions;
};
static inline uint32_t client_figure(const _Atomic uint32_t *figure) {
    return atomic_load_explicit(figure, memory_order_relaxed);
}

struct client_session {
    EXTENDS(session);

    /* Receive lane; constant once `phase` is SESSION_READY, but for smp.receive (receive lane) and smp.send (send
     * lane). */
    enum session_phase phase;
    struct version_range announced;
    bool has_proxy_key;       /* the client showed a key in its hello */
    struct box_key proxy_key; /* agreed with it: the outer layer of what it forwards */
    bool is_proxy;            /* as the client says; it has more credit once it has forwarded something */
    struct smp_session smp;
    struct outgoing hello;

    /* Process lane. */
    struct service_session service;
    struct outgoing service_response;
    struct smp_transport_error service_error; /* NONE: accepted */

    /* Writer. */
    bool service_created_queue; /* counted once as a subscription: queues of a messaging service have none */

    /* Any role. `subscription_count` is that of PUSH and NOTIFY over all lanes, and of a service that is held. */
    _Atomic uint32_t queued_notifications; /* NMSG events on their way */

    struct client_figures figures;
    struct map_node place; /* among router->clients, see clients.h */
    uint64_t number;       /* its key there */
    bool is_listed;        /* receive lane */
    int64_t created_ns;    /* date */

    struct session_proxied proxied;
    struct session_service_place service_place;
    struct session_lane lanes[]; /* one a subscriber lane */
};

/* The router of a session. */
static inline struct smp_router *smp_router_of(const struct client_session *session) {
    return owner_of(session->router, struct smp_router, base);
}

/* What the net runs on every connection that a router accepts. */
extern const struct protocol client_session_protocol;
/* It forwarded a command: a connection that said it is a proxy has the credit of one from now on. Process lane. */
void client_session_trust_proxy(struct client_session *session);
/* For router_kind.accept: the state of a new connection, or NULL when out of memory. */
void *client_session_accept(void *router, struct connection *connection);
