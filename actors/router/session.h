/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router's side of one client connection: what the kernel's roles keep with it. The router of a protocol extends it
 * (EXTENDS(session) first in the struct): the connection's state is the whole. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/net/connection.h"
#include "actors/router/command_order.h"
#include "actors/router/fair_queue.h"
#include "actors/router/router.h"
#include "actors/router/secret_cache.h"
#include "actors/router/writer_rounds.h"
#include "transport/crypto/keys.h"

enum {
    /* The usual credit of one connection: what it may have received and not been answered; then it is not read. A block
     * weighs SESSION_BLOCK_WEIGHT and one for each command, so it is eight blocks of one command, or two full ones. */
    SESSION_CREDIT = 512,
    SESSION_BLOCK_WEIGHT = 63,
    SESSION_FIRST_CHECK_MS = 1000 /* protocol.first_check_ms that goes with session_check */
};

/* Kinds of outgoing items: answers, then the router's own. */
enum { OUTGOING_ANSWERS /* struct command_batch */, OUTGOING_OWN };

/* What the session's process lane has to do. */
struct session_work {
    struct fair_member member;   /* of the lane's sessions, while there is anything */
    struct block *first, *last;  /* received, not begun */
    struct command_batch *batch; /* begun; NULL: none */
    struct command_batch *made;  /* begun after the blocks: those that the router made itself, by `next_made` */
    struct command_batch *last_made;
};

struct session {
    uint32_t magic;
    struct router *router;
    struct connection *connection;    /* borrowed: the session lives as long as its connection */
    struct router_identity *identity; /* that TLS shows, and a hello */
    unsigned process_lane;            /* constant */
    struct key_pair handshake_key;    /* X25519, of this connection alone; the router makes it */

    /* Process lane. */
    struct session_work work;
    struct command_order order;
    struct secret_cache secrets;

    /* Writer. */
    struct writer_source writes; /* that wait for a commit */

    /* Any role. */
    /* Above bit 32 the credit; below the weight of received blocks that are not answered yet. */
    _Atomic uint64_t credit;
    _Atomic uint32_t subscription_count; /* a session with any is not inactive */
};

/* Fills in a zeroed session for a connection that is being accepted, with the identity in service. Listener. */
void session_init(struct session *session, struct router *router, struct connection *connection, uint32_t credit);
/* protocol.released: lets go of what session_init and the kernel's roles took, and wipes. The memory stays the
 * caller's. */
void session_finish(struct session *session);

/* A block of `commands` commands (router_commands.count) was received: gives it to the process lane, on the session's
 * credit. Takes the block over. Receive lane. */
void session_receive(struct session *session, struct block *block, uint16_t commands);

/* The hook protocol.check: closes a connection without subscriptions that was silent for too long. */
uint32_t session_check(struct connection *connection, void *session, uint64_t now_ms);
