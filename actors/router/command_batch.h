/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A received block, or request, on its way through a router: its commands, who works on each, and the answers gathered
 * for it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/connection.h"
#include "actors/router/command_order.h"
#include "actors/router/session.h"
#include "actors/router/writer.h"
#include "queues/base/cursor.h"

/* How a command is answered. */
enum answer_kind {
    ANSWER_READY, /* the router's part of the slot has it; its slices point to constants or into the slot's memory */
    ANSWER_FROM_STORE, /* it is read from the store when it is sent */
    ANSWER_ELSEWHERE   /* not in this batch */
};

/* One command. It belongs to whoever works on it: the process lane, then perhaps the store writer or another role,
 * passed on by message; nobody else touches it until slot_done. The router extends it (EXTENDS(slot) first). */
struct slot {
    struct writer_request request; /* to the store writer; its message also goes to other roles; first */
    struct command_batch *batch;
    struct slice bytes;          /* the transmission in the block */
    struct slice correlation_id; /* in `ids`, or in `long_ids` */
    struct slice entity_id;
    uint8_t ids[48];
    uint8_t *long_ids;
    _Atomic bool done;
    enum answer_kind answer;
    struct order_entry *claims[ORDER_CLAIMS_MAX]; /* see command_order.h */
    struct slot *next_in_order;                   /* likewise */
    void *owned; /* a heap object of the command's work, released with the slot by `release_owned`; NULL: none */
    void (*release_owned)(void *owned);
};

struct command_batch {
    struct outgoing outgoing; /* to the send lane, with the answers; its message also goes to the process lane; first */
    struct session *session;  /* kept alive by a reference to its connection */
    struct block *block;      /* NULL once every command is done */
    struct command_batch *next_made; /* the session's */
    _Atomic uint32_t working; /* commands in other hands, plus one while the process lane goes through the batch */
    size_t slot_size;
    uint16_t count;
    uint16_t next;     /* first command that has not been looked at */
    uint16_t written;  /* send lane: answers before this one are in a block */
    uint16_t pushed;   /* send lane: the router's own */
    uint64_t since_us; /* when its block came; 0: unknown */
    uint8_t slots[] __attribute__((aligned(16)));
};

static inline struct slot *batch_slot(struct command_batch *batch, uint16_t index) {
    return (struct slot *)(void *)(batch->slots + index * batch->slot_size);
}

/* A batch of `count` commands of the session, which has admitted them (session_block_admitted), with a reference to its
 * connection. Its maker fills in the bytes of each slot, then posts it (post_process_batch); a slot that has its answer
 * is left out by setting `next` behind it. NULL: out of memory. */
struct command_batch *command_batch_create(struct session *session, uint16_t count);
/* The commands of `block`, which was admitted: takes over the block, a reference to its connection, and the session's
 * credit for it. They come into being when their turn has come: a block that waits is a quarter of the size. Out of
 * memory: NULL, and the connection is closed. Process lane. */
struct command_batch *command_batch_of_block(struct block *block);
/* Gives up the block, the reference and the credit instead. */
void command_batch_refuse(struct block *block);
/* Hands the answers to the send lane, as an item of the kind OUTGOING_ANSWERS. */
void command_batch_send(struct command_batch *batch);
/* Everything was written, by the send lane, or there is nothing to write, or the connection is gone. Returns the
 * connection's credit. */
void command_batch_finish(struct command_batch **batch);
/* The process lane lets go of the batch, at its end. */
void command_batch_let_go(struct command_batch *batch);

/* Copies the ids that the answer will carry. SMQ_ERR_NO_MEMORY. */
enum smq_result slot_set_ids(struct slot *slot, struct slice correlation_id, struct slice entity_id);
/* Gives the slot a heap object to release; an earlier one is released. */
void slot_own(struct slot *slot, void *owned, void (*release_owned)(void *owned));
/* Before a slot is handed to another role: keeps the batch open until slot_done. Process lane. */
void slot_handed_over(struct slot *slot);
/* The slot has its answer. Whoever completes the last command in other hands sends the batch on to the send lane. The
 * slot must not be touched afterwards. Any thread. */
void slot_done(struct slot *slot);
/* router_commands.refuse, then slot_done. */
void slot_refuse(struct slot *slot, enum smq_result reason);
/* The store refused the slot's operation, since the record is not what it was verified against: sends it back to be
 * verified anew. Any thread; the slot is gone. */
void slot_retry(struct slot *slot);
