/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The state word goes from PENDING to CLAIMED by the one compare-and-swap that decides; whoever did it writes the
 * outcome and goes on to DECIDED. A waiter whose time is up decides like anybody else. The outcome is written by one
 * thread only, and read after DECIDED was seen.
 *
 * The waiter sets `sleeping` before it looks at the state a last time, and who decides reads it after DECIDED: with
 * both sequentially consistent, either the waiter sees DECIDED or it is woken. */
#include "queues/promise.h"

#include <stdatomic.h>
#include <stddef.h>

#include "queues/base/futex.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

#define PROMISE_MAGIC MAGIC('P', 'R', 'O', 'M')

enum { PENDING, CLAIMED, DECIDED };

struct promise {
    uint32_t magic;
    _Atomic uint32_t references;
    _Atomic uint32_t state;
    _Atomic bool sleeping;
    enum smq_result result;
    _Atomic(void *) value; /* exchanged for NULL by who takes it */
    struct promise_options options;
};

enum smq_result promise_create(const struct promise_options *options, struct promise **promise) {
    struct promise *created = memory_zalloc(sizeof(*created));
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (options != NULL)
        created->options = *options;
    atomic_init(&created->references, 2);
    MAGIC_SET(created, PROMISE_MAGIC);
    *promise = created;
    return SMQ_OK;
}

struct promise *promise_reference(struct promise *promise) {
    MAGIC_CHECK(promise, PROMISE_MAGIC);
    CHECK(atomic_fetch_add_explicit(&promise->references, 1, memory_order_relaxed) > 0);
    return promise;
}

void promise_release(struct promise **promise) {
    struct promise *released = *promise;
    *promise = NULL;
    if (released == NULL)
        return;
    MAGIC_CHECK(released, PROMISE_MAGIC);
    if (atomic_fetch_sub_explicit(&released->references, 1, memory_order_acq_rel) > 1)
        return;
    void *value = atomic_load(&released->value);
    if (value != NULL && released->options.discard != NULL)
        released->options.discard(value);
    MAGIC_CLEAR(released);
    memory_free(released);
}

bool promise_set(struct promise *promise, enum smq_result result, void *value) {
    MAGIC_CHECK(promise, PROMISE_MAGIC);
    uint32_t expected = PENDING;
    if (!atomic_compare_exchange_strong(&promise->state, &expected, CLAIMED))
        return false;
    bool calls = promise->options.completed != NULL;
    promise->result = result;
    atomic_store(&promise->value, calls ? NULL : value);
    atomic_store(&promise->state, DECIDED);
    if (atomic_load(&promise->sleeping))
        futex_wake(&promise->state);
    if (calls)
        promise->options.completed(promise->options.context, result, value);
    return true;
}

bool promise_cancel(struct promise *promise) {
    return promise_set(promise, SMQ_ERR_CANCELLED, NULL);
}

bool promise_is_decided(struct promise *promise) {
    MAGIC_CHECK(promise, PROMISE_MAGIC);
    return atomic_load(&promise->state) == DECIDED;
}

enum smq_result promise_wait(struct promise *promise, int timeout_ms, void **value) {
    MAGIC_CHECK(promise, PROMISE_MAGIC);
    waiting_begins();
    CHECK(promise->options.completed == NULL);
    uint64_t deadline = futex_deadline(timeout_ms);
    atomic_store(&promise->sleeping, true);
    uint32_t state;
    while ((state = atomic_load(&promise->state)) != DECIDED) {
        if (futex_wait(&promise->state, state, deadline))
            continue;
        promise_set(promise, SMQ_ERR_TIMEOUT, NULL);
        /* Who decided before us is a few instructions from DECIDED. */
        deadline = UINT64_MAX;
    }
    *value = atomic_exchange(&promise->value, NULL);
    return promise->result;
}
