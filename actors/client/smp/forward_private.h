/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections of a proxy, for the parts of the client that serve them.
 *
 * A forwarded command is no request of a process lane: it goes from the thread that submits it straight to the send
 * lane, and its answer is matched on the receive lane, where it was decrypted. What is under way is in one map of the
 * context, by correlation id; whoever takes a command out of the map, with its answer, its time-out or the end of its
 * connection, tells it. What is under way to one relay is on a list of its connection, too, which knows no other. */
#pragma once

#include <stdatomic.h>

#include "actors/client/context.h"
#include "actors/client/smp/forward.h"
#include "actors/client/smp/smp_client.h"
#include "queues/map.h"
#include "queues/wheel.h"
#include "transport/block/transmission.h"
#include "transport/crypto/box.h"
#include "transport/smp/response.h"

/* The commands of one connection, in the order of their deadlines. Threads that forward put theirs in front of
 * `arrived`; the process lane takes over all that has arrived, and keeps what is not told yet in a list of its own. A
 * told command leaves when the lane looks: every LOOK_INTERVAL_MS and after LOOK_USES commands (forward_list.c). */
struct forward_list {
    _Atomic(struct forwarding *) arrived; /* the newest first; each referenced, as those of the lane's list */
    _Atomic bool is_asked;                /* `message` is on its way */
    struct message message;               /* LANE_FORWARDS; holds a reference to the client */

    /* process lane */
    struct forwarding *first, *last; /* the oldest first */
    size_t count;
    size_t compact_at; /* with so many it is worth while to look for told ones behind others */
    struct wheel_timer timer;
};

/* What a proxy keeps of a relay: its hello, constant once the handshake is done, and its connection while it is up. */
struct client_relay {
    struct version_range versions; /* in common */
    bool has_key;                  /* both sides showed one: `key` is their agreement, a secret */
    struct box_key key;
    _Atomic(struct connection *) connection; /* referenced, until a grace period after the end; NULL: not up */
    _Atomic int end;                         /* enum smq_result: why it is over; SMQ_OK: it is not */
    _Atomic uint64_t uses;                   /* commands forwarded so far */
    struct smq_client *client;               /* whose this is */
    struct forward_list list;
    struct relay_farewell *farewell; /* memory for the end, made before */
    struct chain_key chain_key;      /* count 0: none; points into `bytes` */
    uint8_t bytes[];
};

/* ---- forward_relay.c */

/* `chain_key` (copied) may be NULL. SMQ_ERR_NO_MEMORY. Process lane, in the handshake. */
enum smq_result client_relay_create(struct version_range versions, const struct chain_key *chain_key,
                                    struct client_relay **relay);
/* Wipes; NULL inside is allowed. */
void client_relay_destroy(struct client_relay **relay);
/* The session is up: commands may be forwarded. Process lane. */
void client_relay_opened(struct smq_client *client);
/* The session is over: no more commands are taken, and those under way are told. Process lane; without a relay nothing
 * happens. */
void client_relay_ended(struct smq_client *client, enum smq_result reason);

/* ---- forward_list.c; process lane */

void forward_list_opened(struct client_relay *relay);
/* Tells all that is on the list; `end` of the relay is set, and its connection gone. */
void forward_list_ended(struct client_relay *relay);
/* LANE_FORWARDS was received. */
void forward_list_received(struct message *message);

/* ---- forward.c, forward_wire.c */

enum { OUTGOING_FORWARD = OUTGOING_PROTOCOL };

/* What a context that is a proxy's keeps: all commands under way. */
struct proxy_context {
    struct context_proxy proxy; /* first */
    struct map *forwards;
};
/* What map_create returns, or SMQ_ERR_NO_MEMORY. */
enum smq_result proxy_context_create(struct context_proxy **proxy);

/* Receive lane, of a client that is ready: handles a block of a relay that holds one answer to a forwarded command and
 * nothing else. Whether it did; then it has taken the block over. */
bool forward_received(struct smq_client *client, struct block *block);
/* What a transmission of a relay says. */
struct relay_said {
    const struct transmission *transmission;
    enum smq_result parsed; /* of the response */
    const struct smp_response *response;
    const struct smp_error *error; /* why it does not parse */
    struct block **block;          /* that it lies in and that may be taken over; NULL: not */
};
/* Any lane: whether it answers a forwarded command; then that has been told. */
bool forward_answered(struct smq_client *client, const struct relay_said *said);

/* Send lane. Writes the command in front of the queue, which is a forwarded one, and takes it off; SMQ_ERR_TOO_LARGE:
 * not in this block, which is as before. */
enum smq_result forward_fill(struct smq_client *client, struct outgoing_queue *queue, struct request_block *block);
/* The fill_own hook of clients. */
enum smq_result forward_fill_own(struct connection *connection, void *state, struct outgoing_queue *queue,
                                 uint8_t **bytes, struct block **block);
void forward_discard(struct smq_client *client, struct outgoing *item);
