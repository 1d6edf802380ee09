/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Mailbox: an unbounded queue from many senders to one consumer, in order per sender. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <urcu/wfcqueue.h>

#include "queues/waker.h"
#include "smq/result.h"

/* Who may call what:
 *   mailbox_send                              any attached thread (base/thread.h); wait-free
 *   mailbox_close                             any attached thread; blocks for a grace period
 *   mailbox_drain, mailbox_is_finished        the consumer
 *   mailbox_create, mailbox_destroy           the owner; destroy when finished, every mailbox_close has returned, and
 *                                             no sender can reach the mailbox any more */
struct mailbox;

/* Embedded in what is sent. It belongs to the mailbox from mailbox_send until the consumer's function is called with
 * it. */
struct mailbox_node {
    struct cds_wfcq_node link;
};

/* `waker` (borrowed; outlives the mailbox) is woken when the empty mailbox gets a message; by an actor at the end of
 * its turn at the latest (base/postpone.h). SMQ_ERR_NO_MEMORY. */
enum smq_result mailbox_create(struct waker *waker, struct mailbox **mailbox);
void mailbox_destroy(struct mailbox **mailbox);

/* Appends `node`. SMQ_OK: the consumer will get it, and what the sender wrote before is visible to it. SMQ_ERR_CLOSED:
 * the sender keeps it. Two sends of one thread are received in their order. */
enum smq_result mailbox_send(struct mailbox *mailbox, struct mailbox_node *node);

/* Calls `receive(context, node)` for at most `budget` messages, oldest first; the node then belongs to `receive`,
 * which may free or send it at once. Whether there is more: then the consumer must drain again before it sleeps, since
 * no wake will tell it. Never blocks. */
bool mailbox_drain(struct mailbox *mailbox, void (*receive)(void *context, struct mailbox_node *node), void *context,
                   size_t budget);

/* Refuses all sends from now on: when it returns, every send that will ever succeed has been made, and the consumer
 * was woken to drain the rest. Idempotent; only the first caller waits. Not inside a read section. */
void mailbox_close(struct mailbox *mailbox);

/* Whether the mailbox is closed and everything was drained: nothing will ever come again. The close wakes only once, so
 * look between the drain and the wait:
 *     for (;;) {
 *         bool more = mailbox_drain(...);
 *         if (mailbox_is_finished(mailbox)) break;
 *         if (!more) waker_wait(...);
 *     } */
bool mailbox_is_finished(struct mailbox *mailbox);
