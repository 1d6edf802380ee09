/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Senders that run out of credit and wait for it: credit is conserved, limits hold, every wait ends exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>

#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "queues/channel.h"
#include "test/stress/stress.h"

enum { SENDERS = 4, LIMIT_MESSAGES = 10, LIMIT_BYTES = 1000, HELD_MAX = 8 };

struct parcel {
    struct mailbox_node node;
    unsigned sender;
    uint64_t number;
    uint64_t bytes;
};

struct round {
    struct waker waker;
    struct channel *channel;
    uint64_t end_ms;
    /* The receiver's. */
    uint64_t expected[SENDERS];
    uint64_t received;
    uint32_t held_messages;
    uint64_t held_bytes;
    uint32_t most_held;
    uint64_t seed;
    struct sender {
        struct round *round;
        unsigned index;
        struct channel_waiter waiter;
        struct waker waker;
        _Atomic uint64_t notified;
        uint64_t waits;
        uint64_t sent;
        uint64_t refused;
    } senders[SENDERS];
};

static void notify(struct channel_waiter *waiter) {
    struct sender *sender = caa_container_of(waiter, struct sender, waiter);
    atomic_fetch_add(&sender->notified, 1);
    waker_wake(&sender->waker);
}

static void wait_for_credit(struct sender *sender) {
    sender->waits++;
    channel_await_credit(sender->round->channel, &sender->waiter);
    while (atomic_load(&sender->notified) < sender->waits)
        CHECK(waker_wait(&sender->waker, STRESS_PATIENCE_MS));
    CHECK(atomic_load(&sender->notified) == sender->waits);
}

/* Whether the channel took a parcel; false when it is closed. */
static bool send_one(struct sender *sender, uint64_t bytes) {
    struct parcel *parcel = memory_zalloc(sizeof(*parcel));
    CHECK(parcel != NULL);
    *parcel = (struct parcel){.sender = sender->index, .number = sender->sent, .bytes = bytes};
    enum smq_result result;
    while ((result = channel_send(sender->round->channel, &parcel->node, bytes)) == SMQ_ERR_NO_CREDIT) {
        sender->refused++;
        wait_for_credit(sender);
    }
    if (result == SMQ_OK) {
        sender->sent++;
        return true;
    }
    CHECK(result == SMQ_ERR_CLOSED);
    memory_free(parcel);
    return false;
}

static void send_all(void *argument) {
    struct sender *sender = argument;
    uint64_t seed = sender->index + 77;
    while (send_one(sender, stress_random(&seed) % (LIMIT_BYTES / (1 + stress_random(&seed) % 10) + 1)))
        continue;
}

static void return_held(struct round *round) {
    if (round->held_messages > 0)
        channel_return_credit(round->channel, round->held_messages, round->held_bytes);
    round->held_messages = 0;
    round->held_bytes = 0;
}

static void receive(void *context, struct mailbox_node *node) {
    struct round *round = context;
    struct parcel *parcel = caa_container_of(node, struct parcel, node);
    CHECK(parcel->number == round->expected[parcel->sender]++);
    round->received++;
    round->held_messages++;
    round->held_bytes += parcel->bytes;
    /* Everything held is outstanding, so the limits bound it. */
    CHECK(round->held_messages <= LIMIT_MESSAGES && round->held_bytes <= LIMIT_BYTES);
    if (round->held_messages > round->most_held)
        round->most_held = round->held_messages;
    memory_free(parcel);
    if (round->held_messages >= 1 + stress_random(&round->seed) % HELD_MAX)
        return_held(round);
}

static void receive_all(void *argument) {
    struct round *round = argument;
    for (;;) {
        bool more = channel_drain(round->channel, receive, round, 1 + stress_random(&round->seed) % 20);
        if (!more)
            return_held(round);
        if (channel_is_finished(round->channel))
            break;
        if (!more)
            CHECK(waker_wait(&round->waker, STRESS_PATIENCE_MS));
    }
    return_held(round);
}

struct totals {
    uint64_t rounds;
    uint64_t sent;
    uint64_t refused;
};

static void run_round(struct totals *totals) {
    struct round *round = memory_zalloc(sizeof(*round));
    struct thread *receiver = NULL;
    struct thread *senders[SENDERS];
    assert_non_null(round);
    round->seed = ++totals->rounds;
    waker_init_futex(&round->waker);
    const struct channel_limits limits = {.messages = LIMIT_MESSAGES, .bytes = LIMIT_BYTES};
    assert_int_equal(channel_create(&round->waker, limits, &round->channel), SMQ_OK);
    assert_int_equal(thread_create(&receiver, "receiver", receive_all, round), SMQ_OK);
    for (unsigned i = 0; i < SENDERS; i++) {
        struct sender *sender = &round->senders[i];
        sender->round = round;
        sender->index = i;
        sender->waiter.notify = notify;
        waker_init_futex(&sender->waker);
        assert_int_equal(thread_create(&senders[i], "sender", send_all, sender), SMQ_OK);
    }
    struct waker pause;
    waker_init_futex(&pause);
    waker_wait(&pause, (int)(20 + totals->rounds * 7 % 50));
    channel_close(round->channel);
    for (unsigned i = 0; i < SENDERS; i++)
        thread_join(&senders[i]);
    thread_join(&receiver);
    uint64_t sent = 0;
    for (unsigned i = 0; i < SENDERS; i++) {
        assert_int_equal(round->senders[i].sent, round->expected[i]);
        assert_int_equal(round->senders[i].waits, round->senders[i].notified);
        sent += round->senders[i].sent;
        totals->refused += round->senders[i].refused;
    }
    assert_int_equal(round->received, sent);
    struct channel_limits credit = channel_credit(round->channel);
    assert_int_equal(credit.messages, LIMIT_MESSAGES);
    assert_int_equal(credit.bytes, LIMIT_BYTES);
    totals->sent += sent;
    channel_destroy(&round->channel);
    memory_free(round);
}

static void test_credit_is_conserved_and_every_wait_ends_once(void **state) {
    (void)state;
    struct totals totals = {0};
    uint64_t end = clock_monotonic_ms() + stress_ms(1, 1);
    while (clock_monotonic_ms() < end)
        run_round(&totals);
    assert_true(totals.refused > 0);
    printf("channel: %llu channels, %llu messages: sent = received, order kept; %llu sends without credit, each told "
           "once; credit "
           "whole at the end, limits never passed\n",
           (unsigned long long)totals.rounds, (unsigned long long)totals.sent, (unsigned long long)totals.refused);
}

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_credit_is_conserved_and_every_wait_ends_once)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
