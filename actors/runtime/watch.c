/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A list of all actors. Its lock is taken when an actor starts or ends and when somebody looks, and
 * by no turn but of who looks. */
#include "actors/runtime/watch.h"

#include <pthread.h>

#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/postpone.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct watched *first;

void watch_begin(struct watched *watched) {
    waiting_begins();
    pthread_mutex_lock(&lock);
    watched->previous = NULL;
    watched->next = first;
    if (first != NULL)
        first->previous = watched;
    first = watched;
    pthread_mutex_unlock(&lock);
}

void watch_end(struct watched *watched) {
    waiting_begins();
    pthread_mutex_lock(&lock);
    if (watched->next != NULL)
        watched->next->previous = watched->previous;
    if (watched->previous != NULL)
        watched->previous->next = watched->next;
    else
        first = watched->next;
    pthread_mutex_unlock(&lock);
}

/* Whether its present turn is too long. */
static bool look_at(struct watched *watched, uint64_t now_ms, uint64_t limit_ms) {
    uint64_t began_ms = atomic_load_explicit(&watched->began_ms, memory_order_relaxed);
    uint64_t took_ms = atomic_exchange_explicit(&watched->longest_ms, 0, memory_order_relaxed);
    if (took_ms > limit_ms)
        log_warn("%s: a turn took %llu ms", watched->name, (unsigned long long)took_ms);
    bool is_long = began_ms != 0 && now_ms > began_ms && now_ms - began_ms > limit_ms;
    if (is_long && watched->told_ms != began_ms) {
        watched->told_ms = began_ms;
        log_warn("%s: a turn takes %llu ms already", watched->name, (unsigned long long)(now_ms - began_ms));
    }
    return is_long;
}

unsigned watch_turns(uint64_t limit_ms) {
    unsigned count = 0;
    waiting_begins();
    pthread_mutex_lock(&lock);
    uint64_t now_ms = clock_monotonic_ms();
    for (struct watched *watched = first; watched != NULL; watched = watched->next)
        count += look_at(watched, now_ms, limit_ms);
    pthread_mutex_unlock(&lock);
    return count;
}

void watch_each(void (*visit)(void *context, const struct watched *watched), void *context) {
    waiting_begins();
    pthread_mutex_lock(&lock);
    for (const struct watched *watched = first; watched != NULL; watched = watched->next)
        visit(context, watched);
    pthread_mutex_unlock(&lock);
}

uint64_t watch_queue_length(const struct watched *watched) {
    uint64_t received = atomic_load_explicit(&watched->received, memory_order_relaxed);
    uint64_t sent = (uint64_t)counter_read(&watched->sent);
    return sent > received ? sent - received : 0;
}
