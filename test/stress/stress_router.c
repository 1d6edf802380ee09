/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A whole router under random peers over real TLS: SEND, SUB, GET, ACK, takeover, DEL and reconnects from several
 * threads. Conservation: what was accepted was received, is still queued, expired, or went with its queue; each message
 * exactly as it was sent, and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/stress/stress.h"
#include "test/support/stress_peers.h"
#include "test/support/witness.h"

static void drain_all(struct stress_run *run) {
    for (unsigned i = 0; i < STRESS_QUEUES; i++) {
        struct stress_place *place = &run->places[i];
        struct stress_worker *worker = &run->recipients[i % STRESS_RECIPIENTS];
        router_fixture_connect(&run->fixture, 0, &worker->peers[0]);
        stress_place_drain(worker, place);
        peer_close(&worker->peers[0]);
    }
}

static void compare_all(struct stress_run *run) {
    for (unsigned i = 0; i < STRESS_QUEUES; i++) {
        stress_place_compare(run, &run->places[i]);
        pthread_mutex_destroy(&run->places[i].lock);
    }
}

/* The router's own figures agree with what the peers saw. */
static void check_figures(struct stress_run *run) {
    struct smp_router_statistics router;
    smp_router_statistics(run->fixture.router, &router);
    assert_int_equal(run->accepted, router.messages_sent);
    assert_int_equal(run->refused, router.quota_refusals);
    assert_int_equal(STRESS_QUEUES, router.queues);
    assert_int_equal(run->deletions, router.queues_deleted);
    assert_int_equal(0, router.messages);
    assert_int_equal(0, router.subscriptions);
    assert_true(run->consumed > 0);
    if (run->is_expiring) {
        assert_true(router.messages_expired > 0);
        assert_int_equal(router.messages_sent, router.messages_received + router.messages_expired);
    } else {
        assert_int_equal(run->accepted, run->consumed + run->deleted);
        assert_in_range(router.messages_received, run->consumed, run->consumed + run->uncertain_ends);
    }
    printf("%" PRIu64 " messages accepted in order, %" PRIu64 " received as sent, %" PRIu64 " deleted with %" PRIu64
           " queues, %" PRIu64 " expired; %" PRIu64 " refused for quota, %" PRIu64 " takeovers, %" PRIu64
           " reconnects\n",
           run->accepted, run->consumed, run->deleted, run->deletions, router.messages_expired, run->refused,
           run->takeovers, run->reconnects);
}

static void start(struct stress_worker *worker, struct stress_run *run, unsigned index, uint64_t seed) {
    worker->run = run;
    worker->index = index;
    worker->seed = seed;
}

static void prepare(struct stress_run *run) {
    for (unsigned i = 0; i < STRESS_SENDERS; i++)
        start(&run->senders[i], run, i, 1000 + i);
    for (unsigned i = 0; i < STRESS_RECIPIENTS; i++) {
        start(&run->recipients[i], run, i, 2000 + i);
        for (unsigned j = 0; j < STRESS_CONNECTIONS; j++)
            router_fixture_connect(&run->fixture, 0, &run->recipients[i].peers[j]);
    }
    for (unsigned i = 0; i < STRESS_QUEUES; i++) {
        run->places[i].index = i;
        pthread_mutex_init(&run->places[i].lock, NULL);
        stress_place_create(&run->recipients[i % STRESS_RECIPIENTS], &run->places[i]);
    }
}

static void stress(bool is_expiring, uint64_t duration_ms) {
    struct stress_run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    run->is_expiring = is_expiring;
    router_fixture_init(&run->fixture);
    run->fixture.config.queue_quota = STRESS_QUOTA;
    if (is_expiring) {
        run->fixture.config.message_ttl_s = 1;
        run->fixture.config.message_expiry_interval_s = 1;
    }
    router_fixture_start(&run->fixture);
    prepare(run);
    run->end_ms = clock_monotonic_ms() + duration_ms;
    for (unsigned i = 0; i < STRESS_SENDERS; i++)
        assert_int_equal(SMQ_OK, thread_create(&run->senders[i].thread, "sender", stress_send, &run->senders[i]));
    for (unsigned i = 0; i < STRESS_RECIPIENTS; i++)
        assert_int_equal(SMQ_OK,
                         thread_create(&run->recipients[i].thread, "recipient", stress_receive, &run->recipients[i]));
    for (unsigned i = 0; i < STRESS_SENDERS; i++)
        thread_join(&run->senders[i].thread);
    for (unsigned i = 0; i < STRESS_RECIPIENTS; i++)
        thread_join(&run->recipients[i].thread);
    drain_all(run);
    witness_await_calm(&run->fixture, 0);
    compare_all(run);
    check_figures(run);
    router_fixture_finish(&run->fixture);
    free(run);
}

static void test_messages_are_conserved(void **state) {
    (void)state;
    stress(false, stress_ms(1, 1));
}

static void test_messages_are_conserved_while_some_expire(void **state) {
    (void)state;
    enum { SOME_EXPIRE_MS = 2500 };
    uint64_t share = stress_ms(1, 1);
    stress(true, share > SOME_EXPIRE_MS ? share : SOME_EXPIRE_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_conserved),
        cmocka_unit_test(test_messages_are_conserved_while_some_expire),
    };
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1); /* assertions in other threads end the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
