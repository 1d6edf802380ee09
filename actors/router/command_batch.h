/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A received block on its way through the router: its commands, who works on each, and the answers gathered for it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/connection.h"
#include "actors/proxy/forwarded.h"
#include "actors/router/command_order.h"
#include "actors/router/writer.h"
#include "actors/smp/client_session.h"
#include "actors/smp/kept_answer.h"
#include "queues/base/cursor.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/queue_store.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/notification_meta.h"
#include "transport/smp/command.h"
#include "transport/smp/response.h"

/* A message to be read from the store and encrypted when its turn to be sent comes. */
struct message_reference {
    uint64_t queue;
    uint64_t sequence;
    uint8_t id[MESSAGE_ID_SIZE];
};

/* How a command is answered. Response slices point to constants or into the slot's own memory. */
enum answer_kind {
    ANSWER_RESPONSE,  /* `response` */
    ANSWER_MESSAGE,   /* MSG, from `message`; OK when it is gone */
    ANSWER_ELSEWHERE, /* a proxied command of its own answers */
    ANSWER_LINK       /* LNK of queue `message_reference.queue`; ERR AUTH when it is gone */
};

/* A notification as it is stored: the nonce, then the encrypted metadata. */
enum { NOTIFICATION_STORED_SIZE = BOX_NONCE_SIZE + NOTIFICATION_META_SIZE };

/* Which service a notifier belonged to before a change. */
struct notifier_move {
    bool had_service;
    uint8_t service[SMP_ENTITY_ID_SIZE];
    uint64_t order; /* of the commit among those of its kind, so that nothing is counted twice: see services.c */
};

/* One command. It belongs to whoever works on it: the process lane, then perhaps the store writer or a subscriber
 * lane, passed on by message; nobody else touches it until slot_done. */
struct command_slot {
    struct writer_request
        request; /* to the store writer; its message also goes to process and subscriber lanes; first */
    struct command_batch *batch;
    struct slice bytes;          /* the transmission in the block */
    struct forwarded *forwarded; /* a proxy forwarded it: how to answer; NULL: the connection's own command */
    struct slice correlation_id; /* in `ids`, or in `long_ids` */
    struct slice entity_id;
    uint8_t ids[48];
    uint8_t *long_ids;
    _Atomic bool done;
    struct order_entry *claims[ORDER_CLAIMS_MAX]; /* see command_order.h */
    struct command_slot *next_in_order;           /* likewise */
    enum smp_command_tag tag;
    struct queue_reference queue; /* number 0: none found yet */
    bool touch;                   /* note the day of use together with the change */

    enum answer_kind answer;
    bool push;                                  /* SUB: `message_reference` follows the answer as an event */
    struct message_reference message_reference; /* for ANSWER_MESSAGE, ANSWER_LINK and `push` */
    struct kept_answer *kept; /* for ANSWER_MESSAGE and ANSWER_LINK: read already; NULL: it is in the store still */
    struct smp_response response;

    /* What the working roles note, by command. */
    union {
        struct {
            uint8_t id[MESSAGE_ID_SIZE];
            int64_t timestamp;
            bool notify;
            bool has_notification;
            struct slice body;           /* in the block */
            const uint8_t *notification; /* NOTIFICATION_STORED_SIZE bytes in `owned`, for has_notification */
            struct msg_sent sent;
            uint64_t recipient; /* active_hash of the queue's recipient id */
        } send;
        struct {
            struct slice id;          /* in the block; may be empty */
            bool deleted, was_marker; /* the message that it was for, if it was still there */
            bool notify;              /* its flag */
            bool has_next;
            uint64_t next_sequence;
            uint8_t next_id[MESSAGE_ID_SIZE];
        } acknowledge;
        struct {
            bool secured, has_notifier;
        } inform; /* QUE */
        struct {
            const struct queue_id *old_notifier; /* NKEY, NDEL, DEL: whose subscriber is told; in `owned` */
            struct notifier_move move;           /* these, and NSUB */
        };
        struct {
            uint64_t count; /* notifiers of the service */
            uint64_t order; /* the writer's, see notifier_move */
        } service_count;    /* NSUBS */
    };
    enum smq_result acknowledge_result; /* ACK: what the store operation came to */
    void *owned; /* a heap object of the command's work, released with the slot by `release_owned`; NULL: none */
    void (*release_owned)(void *owned);
};

struct command_batch {
    struct outgoing outgoing; /* to the send lane, with the answers; its message also goes to the process lane; first */
    struct client_session *session; /* kept alive by a reference to its connection */
    struct block *block;            /* NULL once every command is done */
    _Atomic uint32_t working; /* commands in other hands, plus one while the process lane goes through the block */
    uint16_t count;
    uint16_t next;     /* first command that has not been looked at */
    uint16_t written;  /* send lane: answers before this one are in a block */
    uint64_t since_us; /* when its block came; 0: unknown */
    uint16_t pushed;   /* send lane: pushes before this one, likewise */
    struct command_slot slots[];
};

/* The commands of `block`, whose content is a list of transmissions that was admitted: takes over the block, a
 * reference to its connection, and the session's credit for it. They come into being when their turn has come: a block
 * that waits is a quarter of the size. Out of memory: NULL, and the connection is closed. Process lane. */
struct command_batch *command_batch_create(struct block *block);
/* Gives up the block, the reference and the credit instead. */
void command_batch_refuse(struct block *block);
/* A batch of one that answers a block nobody could read: ERR BLOCK with empty ids. Takes over nothing but a reference
 * to the connection. */
enum smq_result command_batch_create_bad_block(struct client_session *session, struct command_batch **batch);
/* Everything was written, by the send lane, or there is nothing to write, or the connection is gone. Returns the
 * connection's credit. */
void command_batch_finish(struct command_batch **batch);

/* Copies the ids that the answer will carry. SMQ_ERR_NO_MEMORY. */
enum smq_result slot_set_ids(struct command_slot *slot, struct slice correlation_id, struct slice entity_id);
/* The form of its transmissions: the session's, or of the version that a forwarded command chose. Borrows the
 * session's id. */
struct smp_envelope slot_envelope(const struct command_slot *slot);
void slot_answer(struct command_slot *slot, struct smp_response response);
void slot_answer_error(struct command_slot *slot, struct smp_error error);
/* The answer to what a store operation came to: SMQ_OK → OK, SMQ_ERR_NOT_FOUND and SMQ_ERR_AUTH → AUTH, failures of
 * the store → STORE. */
void slot_answer_result(struct command_slot *slot, enum smq_result result);
/* The answer MSG, read from the store when it is sent. */
void slot_answer_message(struct command_slot *slot, uint64_t queue, uint64_t sequence,
                         const uint8_t id[MESSAGE_ID_SIZE]);

/* Gives the slot a heap object to release; an earlier one is released. */
void slot_own(struct command_slot *slot, void *owned, void (*release_owned)(void *owned));

/* Before a slot is handed to another role: keeps the batch open until slot_done. Process lane. */
void slot_handed_over(struct command_slot *slot);
/* The slot has its answer. Whoever completes the last command in other hands sends the batch on to the send lane. The
 * slot must not be touched afterwards. */
void slot_done(struct command_slot *slot);
/* The process lane lets go of the batch, at its end. */
void command_batch_let_go(struct command_batch *batch);
