/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_events: the bounded queue on which a consumer takes batches. */
#include "actors/client/events.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "actors/client/batch.h"
#include "actors/client/options.h"
#include "queues/base/clock.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "queues/waker.h"

enum {
    EVENTS_MAGIC = MAGIC('e', 'v', 't', 's'),
    BATCHES_DEFAULT = 65536,
    BYTES_DEFAULT = 64 << 20,
    BYTES_MIN = 256 << 10,
};

struct smq_events {
    uint32_t magic;
    _Atomic uint32_t references; /* the consumer's handle, each client's, each taken batch's */
    struct batch_origin origin;  /* of batches that are taken here */
    struct channel *channel;
    int descriptor;         /* eventfd; -1: none */
    _Atomic bool signalled; /* the descriptor was written and not read since */
    struct waker waker;
    bool more; /* consumer: the channel was not empty when last drained */
};

static void batch_returned(struct batch_origin *origin, uint64_t bytes) {
    struct smq_events *events = (struct smq_events *)(void *)((char *)origin - offsetof(struct smq_events, origin));
    if (bytes > 0) {
        thread_attach();
        channel_return_credit(events->channel, 1, bytes);
    }
    events_release(events);
}

void smq_events_options_init_sized(struct smq_events_options *options, size_t size) {
    static const struct smq_events_options defaults = {.batches = 0};
    options_init(options, size, &defaults, sizeof defaults);
}

enum smq_result smq_events_create(const struct smq_events_options *options, struct smq_events **events) {
    struct smq_events_options chosen;
    smq_events_options_init(&chosen);
    if (!options_take(&chosen, OPTIONS_END(struct smq_events_options, with_descriptor), options))
        return SMQ_ERR_INVALID;
    struct channel_limits limits = {.messages = chosen.batches == 0 ? BATCHES_DEFAULT : chosen.batches,
                                    .bytes = chosen.bytes == 0 ? BYTES_DEFAULT : chosen.bytes};
    if (limits.bytes < BYTES_MIN || events == NULL)
        return SMQ_ERR_INVALID;
    enum smq_result result = base_setup();
    if (result != SMQ_OK)
        return result;
    struct smq_events *made = memory_zalloc(sizeof(*made));
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    made->descriptor = -1;
    made->origin.returned = batch_returned;
    if (chosen.with_descriptor) {
        made->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (made->descriptor < 0) {
            memory_free(made);
            return SMQ_ERR_SYSTEM;
        }
    }
    atomic_init(&made->references, 1);
    waker_init_futex(&made->waker);
    result = channel_create(&made->waker, limits, &made->channel);
    if (result != SMQ_OK) {
        waker_destroy(&made->waker);
        if (made->descriptor >= 0)
            (void)close(made->descriptor);
        memory_free(made);
        return result;
    }
    MAGIC_SET(made, EVENTS_MAGIC);
    *events = made;
    return SMQ_OK;
}

bool events_is_valid(const struct smq_events *events) {
    return MAGIC_IS(events, EVENTS_MAGIC);
}

struct smq_events *events_reference(struct smq_events *events) {
    MAGIC_CHECK(events, EVENTS_MAGIC);
    atomic_fetch_add_explicit(&events->references, 1, memory_order_relaxed);
    return events;
}

void events_release(struct smq_events *events) {
    if (atomic_fetch_sub_explicit(&events->references, 1, memory_order_acq_rel) != 1)
        return;
    MAGIC_CLEAR(events);
    channel_destroy(&events->channel);
    waker_destroy(&events->waker);
    if (events->descriptor >= 0)
        (void)close(events->descriptor);
    memory_free(events);
}

/* The flag spares a system call for every batch but the first that the consumer has not noticed. */
static void signal_descriptor(struct smq_events *events) {
    if (events->descriptor < 0 || atomic_exchange_explicit(&events->signalled, true, memory_order_acq_rel))
        return;
    uint64_t one = 1;
    ssize_t written = write(events->descriptor, &one, sizeof(one));
    CHECK(written == (ssize_t)sizeof(one)); /* the counter cannot be full: it is written once between two reads */
}

enum smq_result events_put(struct smq_events *events, struct smq_batch *batch) {
    MAGIC_CHECK(events, EVENTS_MAGIC);
    enum smq_result result = channel_send(events->channel, &batch->node, batch->size);
    if (result == SMQ_OK)
        signal_descriptor(events);
    return result;
}

enum smq_result events_put_without_credit(struct smq_events *events, struct smq_batch *batch) {
    batch->without_credit = true;
    enum smq_result result = channel_send_without_credit(events->channel, &batch->node);
    if (result == SMQ_OK)
        signal_descriptor(events);
    return result;
}

void events_await_credit(struct smq_events *events, struct channel_waiter *waiter) {
    channel_await_credit(events->channel, waiter);
}

static void take_one(void *context, struct mailbox_node *node) {
    struct smq_batch **taken = context;
    *taken = batch_of_node(node);
}

/* The oldest batch or NULL. */
static struct smq_batch *take_now(struct smq_events *events) {
    struct smq_batch *taken = NULL;
    events->more = channel_drain(events->channel, take_one, &taken, 1);
    return taken;
}

/* Nothing was there: takes the signal back, and looks again, since a batch may have come before that. */
static struct smq_batch *take_after_reset(struct smq_events *events) {
    if (events->descriptor < 0 || !atomic_load_explicit(&events->signalled, memory_order_acquire))
        return NULL;
    uint64_t count;
    (void)!read(events->descriptor, &count, sizeof(count));
    atomic_store_explicit(&events->signalled, false, memory_order_seq_cst);
    struct smq_batch *taken = take_now(events);
    if (taken != NULL)
        signal_descriptor(events);
    return taken;
}

enum smq_result smq_events_take(struct smq_events *events, int timeout_ms, struct smq_batch **batch) {
    if (!MAGIC_IS(events, EVENTS_MAGIC) || batch == NULL)
        return SMQ_ERR_INVALID;
    thread_attach();
    uint64_t deadline = timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ms() + (uint64_t)timeout_ms;
    for (;;) {
        struct smq_batch *taken = take_now(events);
        if (taken == NULL)
            taken = take_after_reset(events);
        if (taken != NULL) {
            batch_set_origin(taken, &events_reference(events)->origin);
            *batch = taken;
            return SMQ_OK;
        }
        uint64_t now = timeout_ms == 0 ? deadline : clock_monotonic_ms();
        if (now >= deadline)
            return SMQ_ERR_TIMEOUT;
        if (!events->more)
            (void)waker_wait(&events->waker, timeout_ms < 0 ? -1 : (int)(deadline - now));
    }
}

int smq_events_descriptor(const struct smq_events *events) {
    return MAGIC_IS(events, EVENTS_MAGIC) ? events->descriptor : -1;
}

static void drop(void *context, struct mailbox_node *node) {
    struct smq_events *events = context;
    struct smq_batch *batch = batch_of_node(node);
    uint64_t size = batch->size;
    bool has_credit = !batch->without_credit;
    smq_batch_release(&batch);
    if (has_credit)
        channel_return_credit(events->channel, 1, size);
}

void smq_events_destroy(struct smq_events **events) {
    if (events == NULL)
        return;
    struct smq_events *destroyed = *events;
    *events = NULL;
    if (!MAGIC_IS(destroyed, EVENTS_MAGIC))
        return;
    thread_attach();
    channel_close(destroyed->channel);
    while (!channel_is_finished(destroyed->channel))
        (void)channel_drain(destroyed->channel, drop, destroyed, 64);
    events_release(destroyed);
}
