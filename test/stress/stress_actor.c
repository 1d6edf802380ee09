/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Actors that send tokens to random peers, with timers, while a few are stopped in the middle: made = sent on until
 * spent + refused, in order per pair of peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "actors/runtime/supervisor.h"
#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "test/stress/stress.h"

enum { PEERS = 6, TOKENS_PER_TIMER = 3, HOPS_MAX = 200, TIMER_MS = 1 };

struct token {
    struct message message;
    unsigned sender;
    uint64_t number; /* of this pair of peers */
    uint32_t hops;
};

struct peer {
    struct actor *actor;
    unsigned index;
    struct peer *all;
    uint64_t seed;
    struct wheel_timer timer;
    uint64_t sent_to[PEERS];
    uint64_t received_from[PEERS];
    uint64_t made;
    uint64_t spent;
    uint64_t refused;
    uint64_t received_since_end; /* since batch_end */
    uint64_t turns;
};

static void send_on(struct peer *peer, struct token *token) {
    unsigned to = stress_random(&peer->seed) % PEERS;
    token->sender = peer->index;
    token->number = peer->sent_to[to];
    if (actor_send(peer->all[to].actor, &token->message) == SMQ_OK) {
        peer->sent_to[to]++;
        return;
    }
    peer->refused++;
    memory_free(token);
}

static void make_tokens(struct wheel_timer *timer) {
    struct peer *peer = caa_container_of(timer, struct peer, timer);
    for (int i = 0; i < TOKENS_PER_TIMER; i++) {
        struct token *token = memory_zalloc(sizeof(*token));
        CHECK(token != NULL);
        token->hops = stress_random(&peer->seed) % HOPS_MAX;
        peer->made++;
        send_on(peer, token);
    }
    wheel_add(actor_wheel(peer->actor), timer, actor_now_ms(peer->actor) + TIMER_MS);
}

static enum smq_result start(void *state) {
    struct peer *peer = state;
    peer->timer.fire = make_tokens;
    wheel_add(actor_wheel(peer->actor), &peer->timer, 0);
    return SMQ_OK;
}

static void receive(void *state, struct message *message) {
    struct peer *peer = state;
    struct token *token = caa_container_of(message, struct token, message);
    CHECK(token->number == peer->received_from[token->sender]++);
    peer->received_since_end++;
    if (token->hops == 0) {
        peer->spent++;
        memory_free(token);
        return;
    }
    token->hops--;
    send_on(peer, token);
}

static void batch_end(void *state) {
    struct peer *peer = state;
    CHECK(peer->received_since_end <= 32);
    peer->received_since_end = 0;
    peer->turns++;
}

static void stop(void *state) {
    struct peer *peer = state;
    CHECK(peer->received_since_end == 0);
    wheel_cancel(actor_wheel(peer->actor), &peer->timer);
}

/* A lane with a poller that watches nothing but the waker. */
static void wait_in_poll(void *state, int timeout_ms) {
    struct peer *peer = state;
    struct pollfd entry = {.fd = waker_fd(actor_waker(peer->actor)), .events = POLLIN};
    uint64_t count;
    if (poll(&entry, 1, timeout_ms) == 1)
        CHECK(read(entry.fd, &count, sizeof(count)) == (ssize_t)sizeof(count));
}

static const struct actor_ops futex_ops = {
    .role = "peer", .start = start, .receive = receive, .batch_end = batch_end, .stop = stop, .batch_limit = 32};
static const struct actor_ops poll_ops = {.role = "poller",
                                          .start = start,
                                          .receive = receive,
                                          .batch_end = batch_end,
                                          .stop = stop,
                                          .wait = wait_in_poll,
                                          .batch_limit = 32};

struct totals {
    uint64_t rounds;
    uint64_t made;
    uint64_t spent;
    uint64_t refused;
    uint64_t sent;
    uint64_t turns;
};

static void add_up(struct totals *totals, const struct peer *peers) {
    uint64_t made = 0;
    uint64_t ended = 0;
    for (unsigned i = 0; i < PEERS; i++) {
        made += peers[i].made;
        ended += peers[i].spent + peers[i].refused;
        totals->made += peers[i].made;
        totals->spent += peers[i].spent;
        totals->refused += peers[i].refused;
        totals->turns += peers[i].turns;
        for (unsigned j = 0; j < PEERS; j++) {
            assert_int_equal(peers[i].sent_to[j], peers[j].received_from[i]);
            totals->sent += peers[i].sent_to[j];
        }
    }
    assert_int_equal(made, ended);
}

static void run_round(struct totals *totals) {
    static struct peer peers[PEERS];
    struct supervisor *supervisor = NULL;
    totals->rounds++;
    assert_int_equal(supervisor_create(&supervisor), SMQ_OK);
    for (unsigned i = 0; i < PEERS; i++) {
        peers[i] = (struct peer){.index = i, .all = peers, .seed = totals->rounds * PEERS + i + 1};
        assert_int_equal(actor_create(i % 2 == 0 ? &futex_ops : &poll_ops, &peers[i], (int)i, &peers[i].actor), SMQ_OK);
    }
    for (unsigned i = 0; i < PEERS; i++)
        assert_int_equal(supervisor_start_actor(supervisor, peers[i].actor), SMQ_OK);
    assert_int_equal(supervisor_wait(supervisor, 100), SMQ_ERR_TIMEOUT);
    /* One ahead of the order, so that a stopped peer is sent to for a while. */
    actor_stop(peers[totals->rounds % PEERS].actor);
    assert_int_equal(supervisor_wait(supervisor, 20), SMQ_ERR_TIMEOUT);
    supervisor_destroy(&supervisor);
    add_up(totals, peers);
}

static void test_tokens_are_conserved_among_random_peers(void **state) {
    (void)state;
    struct totals totals = {0};
    uint64_t end = clock_monotonic_ms() + stress_ms(1, 1);
    while (clock_monotonic_ms() < end)
        run_round(&totals);
    assert_true(totals.refused > 0);
    printf("actor: %llu systems of %d peers; %llu tokens = %llu spent + %llu refused; %llu messages in %llu turns: "
           "sent = received, "
           "order kept for each pair\n",
           (unsigned long long)totals.rounds, PEERS, (unsigned long long)totals.made, (unsigned long long)totals.spent,
           (unsigned long long)totals.refused, (unsigned long long)totals.sent, (unsigned long long)totals.turns);
}

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokens_are_conserved_among_random_peers)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
