/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Channel: a mailbox with credit. A sender without credit is refused, never blocked, and can ask to be told when credit
 * is back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/mailbox.h"

/* Who may call what:
 *   channel_send, channel_send_without_credit,
 *   channel_await_credit                      any attached thread; lock-free
 *   channel_return_credit                     any attached thread: who is done with a message
 *   channel_close                             any attached thread; blocks for a grace period
 *   channel_drain, channel_is_finished        the consumer
 *   channel_create, channel_destroy           the owner; destroy when finished, every channel_close has returned, and
 *                                             no sender can reach the channel any more */
struct channel;

enum { CHANNEL_MESSAGES_MAX = (1 << 24) - 1 };
#define CHANNEL_BYTES_MAX ((UINT64_C(1) << 40) - 1)

/* What is outstanding, sent and not yet returned, never exceeds either. */
struct channel_limits {
    uint32_t messages; /* 1 to CHANNEL_MESSAGES_MAX */
    uint64_t bytes;    /* 1 to CHANNEL_BYTES_MAX */
};

/* A sender that waits for credit; embedded in the sender's object. It belongs to the channel from channel_await_credit
 * until `notify`. */
struct channel_waiter {
    void (*notify)(struct channel_waiter *waiter); /* set by the sender */
    struct channel_waiter *next;                   /* private */
};

/* SMQ_ERR_INVALID (limits), SMQ_ERR_NO_MEMORY. */
enum smq_result channel_create(struct waker *waker, struct channel_limits limits, struct channel **channel);
void channel_destroy(struct channel **channel);

/* Takes credit for one message of `bytes` and appends it. SMQ_ERR_NO_CREDIT: not now; SMQ_ERR_TOO_LARGE: never (above
 * the byte limit); SMQ_ERR_CLOSED. On an error the sender keeps `node` and no credit is taken. */
enum smq_result channel_send(struct channel *channel, struct mailbox_node *node, uint64_t bytes);

/* Appends it beyond the limits; no credit is to be returned for it. For the last messages of a sender that cannot wait
 * until there is credit, and whose number is bounded otherwise. SMQ_ERR_CLOSED. */
enum smq_result channel_send_without_credit(struct channel *channel, struct mailbox_node *node);

/* Gives back what messages had taken: by the consumer, when it is done with them. More than is outstanding is a fatal
 * error. Calls the notify functions of waiting senders once half of both limits, and room for the largest message
 * refused so far, is free. */
void channel_return_credit(struct channel *channel, uint32_t messages, uint64_t bytes);

/* Asks for one call of `waiter->notify`, from any thread (this one too, before the return), when sending is worth
 * another try or the channel was closed. The function is quick, does not block, and typically sends a message to its
 * actor. Credit is not reserved: the next send may be refused again. Call it after SMQ_ERR_NO_CREDIT. */
void channel_await_credit(struct channel *channel, struct channel_waiter *waiter);

/* Like mailbox_drain; the credit of a message stays taken until channel_return_credit. */
bool channel_drain(struct channel *channel, void (*receive)(void *context, struct mailbox_node *node), void *context,
                   size_t budget);
/* Like mailbox_close; notifies all waiting senders. */
void channel_close(struct channel *channel);
bool channel_is_finished(struct channel *channel);
/* The credit that is free now. Any thread. */
struct channel_limits channel_credit(const struct channel *channel);
