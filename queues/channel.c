/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Free credit is one 64-bit word, messages above bytes, so that one compare-and-swap takes or returns both.
 *
 * Waiting senders are a stack: pushed one by one, taken all at once. Who waits pushes first and looks at the credit
 * then; who returns credit adds it first and looks at the stack then; both accesses are sequentially consistent, so
 * that one of the two sees the other, takes the stack and notifies. If enough is free when neither looks, nobody waits.
 * The threshold lets a batch of credit gather before senders are woken; it is always reached when everything
 * outstanding is returned. */
#include "queues/channel.h"

#include <stdatomic.h>

#include "queues/base/magic.h"
#include "queues/base/memory.h"

#define CHANNEL_MAGIC MAGIC('C', 'H', 'A', 'N')

enum { BYTES_BITS = 40 };

struct channel {
    /* Set when made. */
    uint32_t magic;
    struct channel_limits limits;
    struct mailbox *mailbox;
    /* All threads. */
    _Atomic uint64_t credit;
    _Atomic uint64_t largest_refused; /* bytes */
    _Atomic(struct channel_waiter *) waiters;
    _Atomic bool closed;
};

static uint64_t pack(struct channel_limits credit) {
    return ((uint64_t)credit.messages << BYTES_BITS) | credit.bytes;
}

static struct channel_limits unpack(uint64_t word) {
    return (struct channel_limits){.messages = (uint32_t)(word >> BYTES_BITS), .bytes = word & CHANNEL_BYTES_MAX};
}

enum smq_result channel_create(struct waker *waker, struct channel_limits limits, struct channel **channel) {
    if (limits.messages == 0 || limits.messages > CHANNEL_MESSAGES_MAX || limits.bytes == 0 ||
        limits.bytes > CHANNEL_BYTES_MAX)
        return SMQ_ERR_INVALID;
    struct channel *created = memory_zalloc(sizeof(*created));
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = mailbox_create(waker, &created->mailbox);
    if (result != SMQ_OK) {
        memory_free(created);
        return result;
    }
    created->limits = limits;
    atomic_init(&created->credit, pack(limits));
    MAGIC_SET(created, CHANNEL_MAGIC);
    *channel = created;
    return SMQ_OK;
}

void channel_destroy(struct channel **channel) {
    if (*channel == NULL)
        return;
    MAGIC_CHECK(*channel, CHANNEL_MAGIC);
    MAGIC_CLEAR(*channel);
    mailbox_destroy(&(*channel)->mailbox);
    memory_free(*channel);
    *channel = NULL;
}

struct channel_limits channel_credit(const struct channel *channel) {
    return unpack(atomic_load(&channel->credit));
}

static void remember_refused(struct channel *channel, uint64_t bytes) {
    uint64_t largest = atomic_load(&channel->largest_refused);
    while (bytes > largest && !atomic_compare_exchange_weak(&channel->largest_refused, &largest, bytes))
        continue;
}

static enum smq_result take_credit(struct channel *channel, uint64_t bytes) {
    uint64_t word = atomic_load_explicit(&channel->credit, memory_order_relaxed);
    for (;;) {
        struct channel_limits credit = unpack(word);
        if (credit.messages == 0 || credit.bytes < bytes) {
            remember_refused(channel, bytes);
            return SMQ_ERR_NO_CREDIT;
        }
        credit.messages--;
        credit.bytes -= bytes;
        if (atomic_compare_exchange_weak(&channel->credit, &word, pack(credit)))
            return SMQ_OK;
    }
}

static void add_credit(struct channel *channel, uint32_t messages, uint64_t bytes) {
    uint64_t word = atomic_load_explicit(&channel->credit, memory_order_relaxed);
    struct channel_limits credit;
    do {
        credit = unpack(word);
        CHECK(messages <= channel->limits.messages - credit.messages && bytes <= channel->limits.bytes - credit.bytes);
        credit.messages += messages;
        credit.bytes += bytes;
    } while (!atomic_compare_exchange_weak(&channel->credit, &word, pack(credit)));
}

/* Whether waiting senders should try again. */
static bool is_worth_a_try(struct channel *channel) {
    if (atomic_load(&channel->closed))
        return true;
    struct channel_limits credit = channel_credit(channel);
    uint64_t wanted = atomic_load(&channel->largest_refused);
    uint64_t half = channel->limits.bytes / 2;
    return credit.messages > 0 && credit.messages >= channel->limits.messages / 2 &&
           credit.bytes >= (wanted > half ? wanted : half);
}

/* Notifies all waiting senders, the longest waiting first. */
static void notify_waiters(struct channel *channel) {
    struct channel_waiter *newest = atomic_exchange(&channel->waiters, NULL);
    struct channel_waiter *oldest = NULL;
    while (newest != NULL) {
        struct channel_waiter *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct channel_waiter *next = oldest->next;
        oldest->notify(oldest);
        oldest = next;
    }
}

enum smq_result channel_send(struct channel *channel, struct mailbox_node *node, uint64_t bytes) {
    MAGIC_CHECK(channel, CHANNEL_MAGIC);
    if (bytes > channel->limits.bytes)
        return SMQ_ERR_TOO_LARGE;
    enum smq_result result = take_credit(channel, bytes);
    if (result != SMQ_OK)
        return atomic_load(&channel->closed) ? SMQ_ERR_CLOSED : result;
    result = mailbox_send(channel->mailbox, node);
    if (result != SMQ_OK)
        channel_return_credit(channel, 1, bytes);
    return result;
}

enum smq_result channel_send_without_credit(struct channel *channel, struct mailbox_node *node) {
    MAGIC_CHECK(channel, CHANNEL_MAGIC);
    return mailbox_send(channel->mailbox, node);
}

void channel_return_credit(struct channel *channel, uint32_t messages, uint64_t bytes) {
    MAGIC_CHECK(channel, CHANNEL_MAGIC);
    add_credit(channel, messages, bytes);
    if (atomic_load(&channel->waiters) != NULL && is_worth_a_try(channel))
        notify_waiters(channel);
}

void channel_await_credit(struct channel *channel, struct channel_waiter *waiter) {
    MAGIC_CHECK(channel, CHANNEL_MAGIC);
    struct channel_waiter *newest = atomic_load(&channel->waiters);
    do
        waiter->next = newest;
    while (!atomic_compare_exchange_weak(&channel->waiters, &newest, waiter));
    if (is_worth_a_try(channel))
        notify_waiters(channel);
}

bool channel_drain(struct channel *channel, void (*receive)(void *context, struct mailbox_node *node), void *context,
                   size_t budget) {
    MAGIC_CHECK(channel, CHANNEL_MAGIC);
    return mailbox_drain(channel->mailbox, receive, context, budget);
}

void channel_close(struct channel *channel) {
    MAGIC_CHECK(channel, CHANNEL_MAGIC);
    mailbox_close(channel->mailbox);
    atomic_store(&channel->closed, true);
    notify_waiters(channel);
}

bool channel_is_finished(struct channel *channel) {
    MAGIC_CHECK(channel, CHANNEL_MAGIC);
    return mailbox_is_finished(channel->mailbox);
}
