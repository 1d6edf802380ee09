/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages of queues: send under a quota, acknowledge, peek, expire. (reference: MsgStore/Types.hs; SMP semantics of
 * quota and expiry)
 *
 * Sequences are given in order over the whole store and never used again, so (queue number, sequence) names one message
 * for ever. Functions that write follow the rules at the top of queue_store.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "stores/smp/body_location.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/store.h"

enum { MSG_BODY_MAX = 65535 };

/* A message; slices as in store.h. */
struct msg_view {
    uint64_t sequence;
    int64_t timestamp; /* seconds */
    bool is_marker;    /* the quota marker: no body */
    bool notify;       /* the sender's notification flag */
    struct slice id;
    size_t body_length;
    struct slice start;        /* what of the body is with the record, for msg_store_body */
    struct body_location body; /* where the rest is */
};

struct msg_state {
    uint32_t count; /* messages, with the marker */
    bool can_write; /* false from the marker until the queue is empty */
};

/* ---- Reading: any transaction ---- */

/* SMQ_OK also for an empty queue {0, true}, and for a queue that does not exist. */
enum smq_result msg_store_state(struct store_txn *txn, uint64_t number, struct msg_state *state);
/* The oldest message. SMQ_ERR_EMPTY when there is none. */
enum smq_result msg_store_head(struct store_txn *txn, uint64_t number, struct msg_view *message);
/* One message. SMQ_ERR_NOT_FOUND when it is gone. */
enum smq_result msg_store_get(struct store_txn *txn, uint64_t number, uint64_t sequence, struct msg_view *message);
/* Appends the body of the message that was looked up last in this transaction: the one copy on its way from the store's
 * pages to where it is sent from. Errors: SMQ_ERR_TOO_LARGE (for `to`, which is as before), SMQ_ERR_STORE (also
 * when the body is not what was stored). */
enum smq_result msg_store_body(struct store_txn *txn, const struct msg_view *message, struct writer *to);
/* The first message of the queue with a sequence above `after` (0: the oldest). SMQ_ERR_EMPTY after the last. */
enum smq_result msg_store_next(struct store_txn *txn, uint64_t number, uint64_t after, struct msg_view *message);

/* ---- Writing: in an operation ---- */

struct msg_send {
    struct slice id;   /* 1..255 bytes */
    int64_t timestamp; /* seconds: now */
    bool notify;
    struct slice body; /* copied at once; may be empty */
    uint32_t quota;    /* messages a queue may hold, at least 1 */
    bool expire; /* first drop the messages from the head that are older than expire_before (not at or behind a marker)
                  */
    int64_t expire_before; /* seconds */
};

enum msg_send_outcome {
    MSG_SENT,
    MSG_QUOTA,   /* refused; `marker` tells whether this refusal stored the marker */
    MSG_OFF,     /* the queue is off */
    MSG_BLOCKED, /* the queue is blocked; the record (of the same auth_version) has the info */
};

struct msg_sent {
    enum msg_send_outcome outcome;
    bool was_empty; /* MSG_SENT: the message is the only one of its queue */
    bool marker;
    bool link_deleted; /* the queue is a secured messaging queue and had link data: removed, and auth_version has
                          changed */
    uint32_t expired;  /* messages that expired before the store */
    uint64_t sequence; /* MSG_SENT */
};

/* SEND. Checks, in order: version, off, blocked; then link data, expiry, quota. Growing: bytes = body. SMQ_ERR_INVALID:
 * id or quota. */
enum smq_result msg_store_send(struct store_txn *txn, struct queue_reference queue, const struct msg_send *message,
                               struct msg_sent *sent);

struct msg_acknowledged {
    bool deleted;
    bool was_marker; /* the deleted one was the quota marker */
    bool notify;     /* the deleted one's flag */
    bool has_next;   /* there is a message at the head now; with `deleted` false and an unchanged queue, the same as
                        before */
    bool next_is_marker;
    bool next_notify;
    uint64_t next_sequence;
    int64_t next_timestamp;
    struct queue_id next_id;
};

/* ACK: deletes the head when its id is `id`; an empty id never deletes. */
enum smq_result msg_store_acknowledge(struct store_txn *txn, struct queue_reference queue, struct slice id,
                                      struct msg_acknowledged *acknowledged);

struct msg_expired {
    uint64_t queues;   /* looked at */
    uint64_t messages; /* expired */
    bool more;         /* a limit was reached: call again, in another operation */
};

/* Expires messages from the heads of queues while they are older than `before`, stopping at a marker. Touches only
 * queues whose oldest message, or one that was the oldest some time ago, is that old. SMQ_ERR_INVALID when a number in
 * `expiry` is 0. Not growing. */
enum smq_result msg_store_expire(struct store_txn *txn, const struct store_expiry *expiry, struct msg_expired *expired);
