/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections of a proxy, for the parts of the client that serve them.
 *
 * A forwarded command is no request of a process lane: it goes from the thread that submits it straight to the send
 * lane, and its answer is matched on the receive lane, where it was decrypted. What is under way is in one map of the
 * context, by correlation id; whoever takes a command out of the map, with its answer, its time-out or the end of its
 * connection, tells it. */
#pragma once

#include <stdatomic.h>

#include "actors/client/client.h"
#include "actors/client/forward.h"
#include "queues/map.h"
#include "queues/wheel.h"
#include "transport/crypto/box.h"
#include "transport/smp/response.h"
#include "transport/smp/transmission.h"

struct process_lane;

/* What a proxy keeps of a relay: its hello, constant once the handshake is done, and its connection while it is up. */
struct client_relay {
    struct version_range versions; /* in common */
    bool has_key;                  /* both sides showed one: `key` is their agreement, a secret */
    struct box_key key;
    _Atomic(struct connection *) connection; /* referenced, until a grace period after the end; NULL: not up */
    _Atomic int end;                         /* enum smq_result: why it is over; SMQ_OK: it is not */
    _Atomic uint64_t uses;                   /* commands forwarded so far */
    struct relay_farewell *farewell;         /* memory for the end, made before */
    struct smp_chain_key chain_key;          /* count 0: none; points into `bytes` */
    uint8_t bytes[];
};

/* ---- forward_relay.c */

/* `chain_key` (copied) may be NULL. SMQ_ERR_NO_MEMORY. Process lane, in the handshake. */
enum smq_result client_relay_create(struct version_range versions, const struct smp_chain_key *chain_key,
                                    struct client_relay **relay);
/* Wipes; NULL inside is allowed. */
void client_relay_destroy(struct client_relay **relay);
/* The session is up: commands may be forwarded. Process lane. */
void client_relay_opened(struct smq_client *client);
/* The session is over: no more commands are taken, and those under way are told, soon, on the first process lane.
 * Process lane; without a relay nothing happens. */
void client_relay_ended(struct smq_client *client, enum smq_result reason);

/* ---- forward.c, forward_wire.c */

/* What is under way in a context that is a proxy's. */
struct forwards {
    struct map *map;
    struct process_lane *lane; /* the first one: it looks for what is over */
    struct message message;    /* LANE_FORWARDS, to that lane: look now */
    _Atomic bool asked;        /* the message is on its way */
    struct wheel_timer timer;  /* that lane */
};

/* SMQ_ERR_NO_MEMORY, or what map_create returns. */
enum smq_result forwards_create(struct process_lane *lane, struct forwards **forwards);
/* After the lanes have ended: tells what is left, and frees. Blocks. NULL inside is allowed. */
void forwards_destroy(struct forwards **forwards);
/* Has the first lane look for commands whose connection or time is over. Any attached thread. */
void forwards_look(struct forwards *forwards);
/* The lane: LANE_FORWARDS was received; and the lane stops. */
void forwards_lane_looks(struct forwards *forwards);
void forwards_lane_stops(struct forwards *forwards);

/* Receive lane, of a client that is ready: handles a block that holds one answer to a forwarded command and nothing
 * else. Whether it did; then it has taken the block over. */
bool forward_received(struct smq_client *client, struct block *block);
/* What a transmission of a relay says. */
struct relay_said {
    const struct smp_transmission *transmission;
    enum smq_result parsed; /* of the response */
    const struct smp_response *response;
    const struct smp_error *error; /* why it does not parse */
    struct block **block;          /* that it lies in and that may be taken over; NULL: not */
};
/* Any lane: whether it answers a forwarded command; then that has been told. */
bool forward_answered(struct smq_client *client, const struct relay_said *said);

/* Send lane. Writes the command in front of the queue, which is a forwarded one, and takes it off; SMQ_ERR_TOO_LARGE:
 * not in this block, which is as before. */
enum smq_result forward_fill(struct smq_client *client, struct outgoing_queue *queue, struct smp_outgoing_block *block);
/* The fill_own hook of clients. */
enum smq_result forward_fill_own(struct connection *connection, void *state, struct outgoing_queue *queue,
                                 uint8_t **bytes, struct block **block);
void forward_discard(struct smq_client *client, struct outgoing *item);
