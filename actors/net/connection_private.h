/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A connection from inside: its fields grouped by the role that owns them, and the requests by which roles talk about
 * it.
 *
 * Life: the receive lane attaches a new connection, connects it or takes the accepted socket, does the TLS handshake,
 * reads, and ends it. After the end it tells the send lane and the monitor to let go; the send lane, last to use TLS,
 * closes the socket. Each of the three holds one reference until then. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/net/admission.h"
#include "actors/net/connection.h"
#include "queues/base/magic.h"
#include "queues/ring.h"
#include "queues/wheel.h"
#include "transport/net/address.h"
#include "transport/net/keep_alive.h"
#include "transport/net/socks.h"
#include "transport/tls/tls.h"

#define CONNECTION_MAGIC MAGIC('C', 'O', 'N', 'N')

enum { FLUSH_LIMIT_MS = 5000, HOST_SIZE = 256 };

struct framed;
struct port_figures;
struct framing;
struct http_connection;
struct http_service;
struct name; /* resolver.c */

/* Phases, in this order. The reason of the end is kept beside, in the upper bits of the same word. */
enum phase {
    PHASE_OPEN,
    PHASE_FLUSHING, /* what is queued is sent, then the peer's end is waited for */
    PHASE_CLOSING,  /* the receive lane is asked to end it */
    PHASE_ENDED,
};

/* A role's inbox about one connection: bits to be handled, and the one message that carries them. The message is on its
 * way while there are bits. */
struct requests {
    struct message message;
    _Atomic uint32_t bits;
};

enum receive_request {
    RECEIVE_START = 1,      /* a new connection */
    RECEIVE_RESOLVED = 2,   /* the resolver has filled setup->addresses or setup->resolve_result */
    RECEIVE_RESUME = 4,     /* pauses ended, or TLS can go on reading */
    RECEIVE_END = 8,        /* PHASE_CLOSING was entered */
    RECEIVE_AWAIT_END = 16, /* all was sent: wait for the peer's end */
    RECEIVE_DROP = 32,      /* its place is wanted, unless it is established */
    RECEIVE_FLUSH = 64      /* PHASE_FLUSHING was entered, on a connection of HTTP */
};
enum send_request {
    SEND_READY = 1,      /* TLS is up, and something was queued before */
    SEND_FLUSH = 2,      /* PHASE_FLUSHING was entered */
    SEND_AWAIT_ROOM = 4, /* reading waits until TLS can write */
    SEND_DETACH = 8      /* the end */
};
enum listener_request { LISTENER_ESTABLISHED = 1, LISTENER_ENDED = 2 };
enum monitor_request { MONITOR_ATTACH = 1, MONITOR_CHANGED = 2, MONITOR_DETACH = 4 };

/* What only connecting as a client needs; gone once TLS is up. */
struct setup {
    struct requests resolver; /* the resolver's inbox */
    struct name *name;        /* resolver: what is waited for, in its list; NULL: nothing */
    struct setup *resolver_next, *resolver_previous;
    struct wheel_timer timer; /* receive lane: the time for one of several addresses */
    struct connection *connection;
    struct net_address_list *addresses;
    size_t next_address;
    bool public_only;
    bool asks_resolver; /* receive lane: and has no answer yet */
    enum smq_result resolve_result;
    const char *alpn;
    uint8_t key_hash[FINGERPRINT_SIZE];
    uint32_t timeout_ms;
    uint16_t port;
    bool has_keep_alive;
    struct keep_alive keep_alive;
    char host[HOST_SIZE];
    struct socks_conversation *socks; /* NULL: no proxy; else `addresses` are the proxy's */
};
/* Wipes and frees; nulls the pointer, which may point to NULL. */
void setup_destroy(struct setup **setup);

/* What a readiness event of the receive lane's poller means for the connection. */
enum stage {
    STAGE_NEW,
    STAGE_CONNECTING,
    STAGE_SOCKS,
    STAGE_HELLO,
    STAGE_HANDSHAKE,
    STAGE_UP,
    STAGE_AWAIT_END,
    STAGE_ENDED
};

/* Which ClientHello an accepted connection is to say. */
enum hello {
    HELLO_FIRST,
    HELLO_SECOND_OR_CHANGE, /* with the cookie; a ChangeCipherSpec may come before */
    HELLO_SECOND,
};

struct connection {
    /* constant */
    uint32_t magic;
    uint16_t receive_lane;
    uint16_t send_lane;
    uint64_t number;
    struct net *net;
    const struct protocol *protocol;
    void *state;
    const struct tls_context *tls_context;
    const struct framing *framing;           /* NULL: blocks follow each other */
    const struct http_service *http_service; /* of a server; NULL: none */
    bool is_plain;                           /* no TLS */
    uint32_t handshake_timeout_ms;
    bool is_client;
    bool needs_cookie;
    bool log_tls_errors;
    bool log_peers;
    /* shared */
    _Atomic uint32_t references;
    _Atomic uint32_t life; /* enum phase | reason << 8 */
    _Atomic int32_t pauses;
    _Atomic bool reading_is_off; /* the receive lane has stopped for a pause */
    _Atomic bool tls_is_ready;
    _Atomic bool sending_waits_for_tls;
    _Atomic bool is_established;         /* the protocol's handshake is done; before the listener is told */
    _Atomic uint64_t budget_deadline_ms; /* of the set-up; 0: none */
    _Atomic uint64_t close_deadline_ms;  /* of the flush; 0: none */
    _Atomic uint64_t last_received_ms;
    _Atomic uint64_t last_sent_ms;
    struct requests receive_requests;
    struct requests send_requests;
    struct requests monitor_requests;
    struct requests listener_requests; /* of an accepted connection */
    /* receive lane until tls_is_ready, then also the send lane; the send lane alone after SEND_DETACH */
    int descriptor;
    struct tls *tls;
    struct connection_tls facts;  /* written before tls_is_ready */
    struct framed *framed;        /* likewise; with a framing */
    struct http_connection *http; /* likewise; NULL: it does not speak HTTP. Its inside is the receive lane's */
    /* receive lane */
    struct connection *previous;
    struct connection *next;
    struct connection *pending_next; /* in the list of those with input inside of TLS, or of the ended ones */
    struct block *partial;           /* a block that has not arrived completely */
    struct setup *setup;             /* client side, until TLS is up */
    uint8_t stage;
    uint8_t interest; /* enum poll_events in the poller */
    bool is_polled;
    bool is_pending;
    bool has_begun_handshake;    /* a step was taken: what comes next is cheaper than a new one */
    bool awaits_flight;          /* the hello was answered, and no byte taken after it */
    uint8_t hello;               /* enum hello: what is awaited */
    uint16_t awaited;            /* bytes that the socket waits for before it is readable; 0: any */
    struct ring handshake_place; /* in the lane's list of those whose handshake can go on */
    struct ring half_place;      /* in the lane's list of those that hold part of a block */
    uint64_t half_since_ms;
    /* send lane */
    struct outgoing_queue queue;
    struct connection *ready_next;
    bool is_ready;
    bool is_polled_for_room;
    bool awaits_room;          /* in the poller, until there is room in the socket */
    bool write_is_pending;     /* a record waits in TLS for room in the socket */
    struct ring stalled_place; /* then: in the lane's list of such, oldest first */
    uint64_t stalled_since_ms;
    bool reader_waits;
    bool is_flushing;
    bool is_sent_out; /* flushed or failed: nothing is written any more */
    bool is_detached;
    /* listener, which holds a reference while the place is counted */
    struct admission_place place;
    struct net_address *told_address; /* of the peer, by a proxy; NULL: it is the socket's */
    struct port_figures *port;        /* where it was accepted; NULL: not counted */

    /* constant */
    bool has_address_key; /* accepted, and limits by address count for it */
    struct admission_key address_key;
    /* monitor */
    struct wheel_timer timer;
    uint64_t next_check_ms;
    bool is_watched;
};

/* Makes a connection with three references: the receive lane's, the send lane's, the monitor's. NULL: out of memory. */
struct connection *connection_create(struct net *net, const struct protocol *protocol,
                                     const struct tls_context *tls_context, bool is_client);
/* Frees one that no role knows yet; its socket and state are the caller's. */
void connection_abandon(struct connection *connection);

/* Enters PHASE_FLUSHING, whose end has a deadline; whether it was open. What is to be sent is the caller's business. */
bool connection_begin_flush(struct connection *connection, enum smq_result reason);
enum phase connection_phase(const struct connection *connection);
/* Enters PHASE_ENDED; returns the reason: the first one that was given. Receive lane. */
enum smq_result connection_enter_end(struct connection *connection, enum smq_result reason);

/* Adds `bit` to what the role has to do about the connection. SMQ_ERR_CLOSED: the role was stopped. Any thread. */
enum smq_result connection_request_receive(struct connection *connection, uint32_t bit);
enum smq_result connection_request_send(struct connection *connection, uint32_t bit);
enum smq_result connection_request_monitor(struct connection *connection, uint32_t bit);
/* Nothing happens for a connection that was not accepted. */
void connection_request_listener(struct connection *connection, uint32_t bit);
enum smq_result requests_post(struct connection *connection, struct requests *requests, struct actor *actor,
                              uint32_t bit);
/* The role has received `requests->message`: takes the bits. The caller then owes one connection_release. */
uint32_t requests_take(struct requests *requests);
