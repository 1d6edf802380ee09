/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Many producers and one consumer, with mailboxes that are closed while producers send: sent = received, in order per
 * producer, and no wake is lost. */
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
#include "queues/mailbox.h"
#include "test/stress/stress.h"

enum { PRODUCERS = 4 };

struct letter {
    struct mailbox_node node;
    unsigned producer;
    uint64_t number;
};

struct round {
    struct waker waker;
    struct mailbox *mailbox;
    uint64_t seed;
    uint64_t expected[PRODUCERS]; /* the consumer's: next number of each */
    uint64_t received;
    struct producer {
        struct round *round;
        unsigned index;
        uint64_t sent;
        uint64_t rejected;
    } producers[PRODUCERS];
};

static void produce(void *argument) {
    struct producer *producer = argument;
    uint64_t seed = producer->round->seed + producer->index + 1;
    for (;;) {
        struct letter *letter = memory_zalloc(sizeof(*letter));
        CHECK(letter != NULL);
        letter->producer = producer->index;
        letter->number = producer->sent;
        if (mailbox_send(producer->round->mailbox, &letter->node) != SMQ_OK) {
            producer->rejected++;
            memory_free(letter);
            return;
        }
        producer->sent++;
        /* Pauses let the consumer fall asleep, so that wakes matter. */
        if (stress_random(&seed) % 64 == 0)
            for (uint32_t i = stress_random(&seed) % 2000; i > 0; i--)
                caa_cpu_relax();
    }
}

static void receive(void *context, struct mailbox_node *node) {
    struct round *round = context;
    struct letter *letter = caa_container_of(node, struct letter, node);
    CHECK(letter->number == round->expected[letter->producer]);
    round->expected[letter->producer]++;
    round->received++;
    memory_free(letter);
}

static void consume(void *argument) {
    struct round *round = argument;
    uint64_t seed = round->seed;
    uint64_t heard_ms = clock_monotonic_ms();
    for (;;) {
        bool more = mailbox_drain(round->mailbox, receive, round, 1 + stress_random(&seed) % 200);
        if (mailbox_is_finished(round->mailbox))
            return;
        if (more)
            continue;
        if (waker_wait(&round->waker, STRESS_PATIENCE_MS))
            heard_ms = clock_monotonic_ms();
        CHECK(clock_monotonic_ms() - heard_ms < STRESS_PATIENCE_MS);
    }
}

/* Returns how many messages went through. */
static uint64_t run_round(uint64_t seed) {
    struct round *round = memory_zalloc(sizeof(*round));
    struct thread *consumer = NULL;
    struct thread *producers[PRODUCERS];
    assert_non_null(round);
    round->seed = seed;
    if (seed % 2 == 0)
        waker_init_futex(&round->waker);
    else
        assert_int_equal(waker_init_eventfd(&round->waker), SMQ_OK);
    assert_int_equal(mailbox_create(&round->waker, &round->mailbox), SMQ_OK);
    assert_int_equal(thread_create(&consumer, "consumer", consume, round), SMQ_OK);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        round->producers[i] = (struct producer){.round = round, .index = i};
        assert_int_equal(thread_create(&producers[i], "producer", produce, &round->producers[i]), SMQ_OK);
    }
    struct waker pause;
    waker_init_futex(&pause);
    waker_wait(&pause, (int)(1 + stress_random(&seed) % 20));
    mailbox_close(round->mailbox);
    uint64_t sent = 0;
    for (unsigned i = 0; i < PRODUCERS; i++) {
        thread_join(&producers[i]);
        sent += round->producers[i].sent;
        assert_int_equal(round->producers[i].rejected, 1);
    }
    thread_join(&consumer);
    for (unsigned i = 0; i < PRODUCERS; i++)
        assert_int_equal(round->expected[i], round->producers[i].sent);
    assert_int_equal(round->received, sent);
    mailbox_destroy(&round->mailbox);
    waker_destroy(&round->waker);
    memory_free(round);
    return sent;
}

static void test_every_message_is_received_once_and_in_order(void **state) {
    (void)state;
    uint64_t end = clock_monotonic_ms() + stress_ms(2, 3);
    uint64_t rounds = 0;
    uint64_t messages = 0;
    while (clock_monotonic_ms() < end)
        messages += run_round(++rounds);
    printf("mailbox: %llu mailboxes closed under load, %llu messages: sent = received, order kept for each of %d "
           "producers\n",
           (unsigned long long)rounds, (unsigned long long)messages, PRODUCERS);
}

/* Two consumers that answer each other: each message is the only one, so that a lost wake stops the game. */
struct player {
    struct waker waker;
    struct mailbox *mailbox;
    struct player *other;
    uint64_t end_ms;
    uint64_t returned;
};

static void hit_back(void *context, struct mailbox_node *node) {
    struct player *player = context;
    player->returned++;
    if (mailbox_send(player->other->mailbox, node) != SMQ_OK)
        CHECK(clock_monotonic_ms() >= player->end_ms);
}

static void play(void *argument) {
    struct player *player = argument;
    while (clock_monotonic_ms() < player->end_ms)
        if (!mailbox_drain(player->mailbox, hit_back, player, 10))
            CHECK(waker_wait(&player->waker, STRESS_PATIENCE_MS) || waker_fd(&player->waker) >= 0);
    mailbox_close(player->mailbox);
    mailbox_close(player->other->mailbox);
    while (mailbox_drain(player->mailbox, hit_back, player, 10))
        continue;
}

static void test_no_wake_is_lost(void **state) {
    (void)state;
    struct player players[2] = {{.returned = 0}, {.returned = 0}};
    struct thread *threads[2];
    struct letter ball = {.number = 0};
    waker_init_futex(&players[0].waker);
    assert_int_equal(waker_init_eventfd(&players[1].waker), SMQ_OK);
    for (int i = 0; i < 2; i++) {
        players[i].other = &players[1 - i];
        players[i].end_ms = clock_monotonic_ms() + stress_ms(1, 3);
        assert_int_equal(mailbox_create(&players[i].waker, &players[i].mailbox), SMQ_OK);
    }
    assert_int_equal(mailbox_send(players[0].mailbox, &ball.node), SMQ_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(thread_create(&threads[i], "player", play, &players[i]), SMQ_OK);
    for (int i = 0; i < 2; i++)
        thread_join(&threads[i]);
    for (int i = 0; i < 2; i++) {
        mailbox_destroy(&players[i].mailbox);
        waker_destroy(&players[i].waker);
    }
    assert_true(players[0].returned > 0);
    printf("mailbox: %llu times the only message between two sleeping threads: no wake lost\n",
           (unsigned long long)(players[0].returned + players[1].returned));
}

static void drop(void *context, struct mailbox_node *node) {
    (void)node;
    (*(uint64_t *)context)++;
}

static void test_cost_of_a_send_is_shown(void **state) {
    (void)state;
    enum { LETTERS = 1000, REPEATS = 200 };
    static struct letter letters[LETTERS];
    struct waker waker;
    struct mailbox *mailbox = NULL;
    uint64_t received = 0;
    uint64_t spent_ns = 0;
    waker_init_futex(&waker);
    assert_int_equal(mailbox_create(&waker, &mailbox), SMQ_OK);
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t start_ns = clock_monotonic_ns();
        for (int i = 0; i < LETTERS; i++)
            mailbox_send(mailbox, &letters[i].node);
        spent_ns += clock_monotonic_ns() - start_ns;
        mailbox_drain(mailbox, drop, &received, LETTERS);
    }
    assert_int_equal(received, LETTERS * REPEATS);
    printf("mailbox: %.1f ns a send to a consumer that is awake\n", (double)spent_ns / (LETTERS * REPEATS));
    mailbox_destroy(&mailbox);
}

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_is_received_once_and_in_order),
        cmocka_unit_test(test_no_wake_is_lost),
        cmocka_unit_test(test_cost_of_a_send_is_shown),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
