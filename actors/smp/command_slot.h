/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An SMP command on its way through the router: what the kernel's slot (command_batch.h) does not know of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/proxy/forwarded.h"
#include "actors/router/command_batch.h"
#include "actors/smp/client_session.h"
#include "actors/smp/kept_answer.h"
#include "queues/base/owner.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/queue_store.h"
#include "transport/block/transmission.h"
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

/* What an answer is made of that is read from the store when it is sent (ANSWER_FROM_STORE). */
enum stored_answer {
    STORED_MESSAGE, /* MSG, from `message_reference`; OK when it is gone */
    STORED_LINK     /* LNK of queue `message_reference.queue`; ERR AUTH when it is gone */
};

/* A notification as it is stored: the nonce, then the encrypted metadata. */
enum { NOTIFICATION_STORED_SIZE = BOX_NONCE_SIZE + NOTIFICATION_META_SIZE };

/* Which service a notifier belonged to before a change. */
struct notifier_move {
    bool had_service;
    uint8_t service[SMP_ENTITY_ID_SIZE];
    uint64_t order; /* of the commit among those of its kind, so that nothing is counted twice: see services.c */
};

struct command_slot {
    EXTENDS(slot);
    struct forwarded *forwarded; /* a proxy forwarded it: how to answer; NULL: the connection's own command */
    enum smp_command_tag tag;
    struct queue_reference queue; /* number 0: none found yet */
    bool touch;                   /* note the day of use together with the change */

    struct smp_response response; /* for ANSWER_READY; slices point to constants or into the slot's own memory */
    enum stored_answer stored;    /* for ANSWER_FROM_STORE */
    bool push;                    /* SUB: `message_reference` follows the answer as an event */
    struct message_reference message_reference; /* for ANSWER_FROM_STORE and `push` */
    struct kept_answer *kept; /* for ANSWER_FROM_STORE: read already; NULL: it is in the store still */

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
};

static inline struct command_slot *slot_of_message(struct message *message) {
    return owner_of(message, struct command_slot, request.message);
}

static inline struct command_slot *slot_of_operation(struct store_operation *operation) {
    return owner_of(writer_request_of(operation), struct command_slot, request);
}

static inline struct client_session *slot_session(const struct command_slot *slot) {
    return owner_of(slot->batch->session, struct client_session, base);
}

static inline struct smp_router *slot_router(const struct command_slot *slot) {
    return smp_router_of(slot_session(slot));
}

/* The form of its transmissions: the session's, or of the version that a forwarded command chose. Borrows the
 * session's id. */
struct transmission_form slot_form(const struct command_slot *slot);
void slot_answer(struct command_slot *slot, struct smp_response response);
void slot_answer_error(struct command_slot *slot, struct smp_error error);
/* The answer to what a store operation came to: SMQ_OK → OK, SMQ_ERR_NOT_FOUND and SMQ_ERR_AUTH → AUTH, failures of
 * the store → STORE. */
void slot_answer_result(struct command_slot *slot, enum smq_result result);
/* The answer MSG, or LNK, read from the store when it is sent. */
void slot_answer_message(struct command_slot *slot, uint64_t queue, uint64_t sequence,
                         const uint8_t id[MESSAGE_ID_SIZE]);
void slot_answer_link(struct command_slot *slot, uint64_t queue);

/* Answers, and is done. */
void slot_fail(struct command_slot *slot, struct smp_error error);
/* What router_commands.slot_finish does. */
void command_slot_finish(struct slot *slot);
