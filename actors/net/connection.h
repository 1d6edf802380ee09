/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A TLS connection that carries 16,384-byte blocks, as the receive, send and monitor roles see it. Shared by routers
 * and clients. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/runtime/actor.h"
#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/tls/tls.h"

enum {
    BLOCK_SIZE = 16384, /* of the largest protocol's blocks; `room` is for it */
    BLOCK_MARGIN = 32,  /* writable bytes before and after a received block, for who makes another block of it */
};

struct admission_key;
struct net;        /* the receive lanes, send lanes, monitor and resolver of a process: actors/net/net.h */
struct connection; /* reference-counted; pinned to one receive lane and one send lane for its life */

/* One received block. It comes from the receive lane's pool; whoever holds it calls block_release once, from any
 * thread. Outstanding blocks are the receive lane's byte credit: at the limit the lane stops reading until blocks come
 * back. */
struct block {
    struct message message;        /* for whoever passes the block on through a mailbox */
    struct connection *connection; /* borrowed: the holder takes its own reference when it keeps the block */
    struct slice content;          /* the protocol's own: what it found in `bytes` */
    uint64_t since_us;             /* likewise: when it came */
    struct block_pool *pool;       /* private from here to `filled` */
    struct block *next;
    uint32_t filled;
    uint8_t *bytes; /* the protocol's block_size, in `room` */
    uint8_t room[BLOCK_MARGIN + BLOCK_SIZE + BLOCK_MARGIN];
};
void block_release(struct block *block);
/* Whether the receive lane can spare the block for longer than its commands take; otherwise what is kept of it must be
 * copied. Any thread. */
bool block_can_be_kept(const struct block *block);
/* Whether BLOCK_SIZE bytes from `start`, a place in the block, are within its room. */
static inline bool block_has_room(const struct block *block, const uint8_t *start) {
    return start >= block->room && start <= block->room + 2 * BLOCK_MARGIN;
}

/* Something to send on a connection; embedded in the sender's own struct. Owned by the connection from connection_send
 * until the protocol's fill has taken it off the queue, or discard was called for it. */
struct outgoing {
    struct message message;        /* used by the send role */
    struct connection *connection; /* set by connection_send */
    struct outgoing *next;         /* used by the send role */
    uint32_t kind;                 /* the protocol's own */
    uint32_t bytes;                /* memory that is kept until it is sent, by the sender; counts in net_limits */
};

/* The unsent items of one connection, oldest first. Only its send lane touches it. */
struct outgoing_queue {
    struct outgoing *head;
    struct outgoing *tail;
};
struct outgoing *outgoing_first(const struct outgoing_queue *queue); /* NULL when empty */
struct outgoing *outgoing_take(struct outgoing_queue *queue);        /* removes the first; NULL when empty */

/* What a protocol does on a connection. All hooks are quick and never block. `state` is the connection's protocol
 * state. */
struct protocol {
    const char *name;
    uint32_t block_size; /* bytes of each block, at most BLOCK_SIZE */
    /* Receive lane. TLS is up: session id, peer chain and ALPN can be asked for. Anything but SMQ_OK closes the
     * connection. */
    enum smq_result (*secured)(struct connection *connection, void *state);
    /* Receive lane. One whole block of TLS plaintext; the hook owns `block`. Anything but SMQ_OK closes the connection.
     */
    enum smq_result (*received)(struct connection *connection, void *state, struct block *block);
    /* Send lane. Fills `bytes` (block_size, sealed, ready for TLS) from the queue, which is not empty, taking finished
     * items off it: as many as fit share the block. SMQ_ERR_EMPTY: the items that were taken, at least one, made
     * nothing to send. Any other error closes the connection. `lane_state` is what net_options.send_lane_start made.
     * Called only when the previous block was handed to the kernel. */
    enum smq_result (*fill)(struct connection *connection, void *state, struct outgoing_queue *queue, void *lane_state,
                            uint8_t *bytes);
    /* Send lane; may be NULL; comes before `fill`. When the first item of the queue brings a received block that it is
     * to be sent in: takes that item off, seals it there, and gives the block away: `*bytes`, block_size of them within
     * `*block`, are what is sent. SMQ_ERR_AGAIN: it brings none, `fill` is to be called; others as of `fill`. */
    enum smq_result (*fill_own)(struct connection *connection, void *state, struct outgoing_queue *queue,
                                uint8_t **bytes, struct block **block);
    /* Send lane. The connection died before `item` was sent. */
    void (*discard)(struct connection *connection, void *state, struct outgoing *item);
    /* Monitor. Called at the time the previous call (or connection set-up: first call `first_check_ms` after accept or
     * connect) asked for; returns in how many ms to be called again, 0 never. May call connection_close or
     * connection_send. May be NULL. */
    uint32_t (*check)(struct connection *connection, void *state, uint64_t now_ms);
    uint32_t first_check_ms;
    /* Receive lane, exactly once, after the last `received`. The roles let go one after the other, so that `fill`,
     * `discard` and `check` may still run, or come, after it; nothing comes after `released`. */
    void (*closed)(struct connection *connection, void *state, enum smq_result reason);
    /* Any thread, exactly once: the last reference is gone; frees `state`. */
    void (*released)(void *state);
};

/* Reasons that `closed` gets beside those given to connection_close and the results of hooks: SMQ_ERR_CLOSED, the peer
 * ended the session in order; SMQ_ERR_NETWORK, SMQ_ERR_TLS, SMQ_ERR_IDENTITY; SMQ_ERR_TIMEOUT, a deadline of the
 * set-up; SMQ_ERR_CANCELLED, the net is destroyed; SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */

/* References. The connection stays valid (not open) while one is held. Any thread. */
struct connection *connection_reference(struct connection *connection);
void connection_release(struct connection *connection);

/* Queues `item` for sending; never blocks. On SMQ_ERR_CLOSED the caller keeps the item. Any thread. Order is kept per
 * calling thread. */
enum smq_result connection_send(struct connection *connection, struct outgoing *item);
/* Asks for the end of the connection; the first reason given is what `closed` gets. `flush`: received blocks are no
 * longer delivered, what is queued is sent, then close_notify, then the peer's end is waited for, in 5 s all together;
 * before TLS is up it means nothing. Closing without flush is possible later, too. Idempotent. Any thread, never
 * blocks. */
void connection_close(struct connection *connection, enum smq_result reason, bool flush);
/* The protocol's own handshake is done: ends the budget of connect_options.timeout_ms or
 * listen_options.handshake_timeout_ms. Any thread. */
void connection_established(struct connection *connection);
/* Back-pressure: while paused the connection is not read (EPOLLIN off). Counted: each pause needs a resume, and the
 * resume may overtake its pause when they come from different threads. Any thread. */
void connection_pause(struct connection *connection);
void connection_resume(struct connection *connection);

bool connection_is_open(const struct connection *connection);
void *connection_state(const struct connection *connection);
/* Small, stable numbers for pinning other roles' work; constant for the connection's life. */
uint32_t connection_receive_lane(const struct connection *connection);
uint64_t connection_number(const struct connection *connection); /* unique in the process, from 1 */
/* What its peer's address is known by, for shares by address; NULL when such limits do not count for it. */
const struct admission_key *connection_address_key(const struct connection *connection);
/* Monotonic ms of the last whole block received, and sent. Any thread. */
uint64_t connection_last_received_ms(const struct connection *connection);
uint64_t connection_last_sent_ms(const struct connection *connection);

/* Facts of the TLS session, valid from `secured` on; constant, so any thread. */
struct connection_tls {
    uint8_t session_id[TLS_SESSION_ID_MAX]; /* the client's Finished message */
    uint8_t session_id_length;              /* 32 in TLS 1.3, 12 in TLS 1.2; 48 possible with browsers */
    bool has_alpn;
    bool shows_web_certificate;        /* server side: the client named the server, and is no client of the protocol */
    char alpn[TLS_ALPN_MAX];           /* what was agreed on; empty: nothing */
    bool client_certificate_requested; /* client side: the server asked for one */
    size_t peer_chain_count; /* certificates the peer showed, leaf first; a server's view of ordinary clients: 0 */
    const struct slice *peer_chain; /* DER */
};
/* In listen_options.accept only: the server context that this connection uses. It lives as long as the connection. */
void connection_use_tls(struct connection *connection, const struct tls_context *context);
const struct connection_tls *connection_tls(const struct connection *connection);
