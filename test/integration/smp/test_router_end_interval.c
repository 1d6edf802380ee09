/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* END and DELD of a router that gathers them. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/router_fixture.h"

enum { INTERVAL_MS = 400, QUEUES = 3 };

static struct router_fixture fixture;
static struct peer recipient, other;
static struct peer_queue queues[QUEUES];
static struct peer_answer answer;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.end_delivery_interval_ms = INTERVAL_MS;
    fixture.config.process_lanes = 1; /* thus one subscriber lane, which tells in order */
    router_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &other);
    for (size_t i = 0; i < QUEUES; i++)
        peer_create_queue(&recipient, PEER_SUBSCRIBE, &queues[i]);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&recipient);
    peer_close(&other);
    return 0;
}

static void expect(struct peer *peer, const struct peer_queue *queue, enum smp_command_tag command,
                   enum smp_response_tag tag) {
    struct smp_command plain = peer_command(command);
    peer_expect(peer, &queue->recipient_key, peer_recipient(queue), &plain, tag, &answer);
}

static void expect_event(struct peer *peer, const struct peer_queue *queue, enum smp_response_tag tag) {
    peer_receive(peer, &answer);
    assert_int_equal(answer.response.tag, tag);
    assert_int_equal(answer.correlation_id.length, 0);
    assert_true(slice_equal(answer.entity_id, peer_recipient(queue)));
}

static void test_ends_come_together_after_the_interval(void **state) {
    (void)state;
    uint64_t started = clock_monotonic_ms();
    for (size_t i = 0; i < QUEUES; i++)
        expect(&other, &queues[i], SMP_SUB, SMP_SOK);
    for (size_t i = 0; i < QUEUES; i++)
        expect_event(&recipient, &queues[i], SMP_END);
    assert_true(clock_monotonic_ms() - started >= INTERVAL_MS);
}

static void test_deletion_is_told_after_the_interval(void **state) {
    (void)state;
    uint64_t started = clock_monotonic_ms();
    expect(&other, &queues[0], SMP_DEL, SMP_OK);
    expect_event(&recipient, &queues[0], SMP_DELD);
    assert_true(clock_monotonic_ms() - started >= INTERVAL_MS);
}

/* Both lose the subscription within one interval; the one that has it in the end is not told. Its next event is the
 * END of another queue, lost later. */
static void test_who_took_it_back_is_not_told(void **state) {
    (void)state;
    expect(&other, &queues[0], SMP_SUB, SMP_SOK);
    expect(&recipient, &queues[0], SMP_SUB, SMP_SOK);
    expect_event(&other, &queues[0], SMP_END);
    expect(&other, &queues[1], SMP_SUB, SMP_SOK);
    expect_event(&recipient, &queues[1], SMP_END);
}

static void test_connection_may_close_before_it_is_told(void **state) {
    (void)state;
    struct peer third;
    router_fixture_connect(&fixture, 0, &third);
    expect(&other, &queues[0], SMP_SUB, SMP_SOK);
    peer_close(&recipient);
    expect(&third, &queues[0], SMP_SUB, SMP_SOK);
    expect_event(&other, &queues[0], SMP_END);
    peer_close(&third);
}

/* What is not told yet does not hold up the stop. */
static void test_router_stops_with_ends_to_be_told(void **state) {
    (void)state;
    for (size_t i = 0; i < QUEUES; i++)
        expect(&other, &queues[i], SMP_SUB, SMP_SOK);
    uint64_t started = clock_monotonic_ms();
    router_fixture_stop(&fixture);
    assert_true(clock_monotonic_ms() - started < 3000);
    router_fixture_start(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ends_come_together_after_the_interval, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deletion_is_told_after_the_interval, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_took_it_back_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_may_close_before_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_router_stops_with_ends_to_be_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
