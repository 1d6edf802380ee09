/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Channels: credit is taken, refused, returned, and waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queues/base/fault.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/channel.h"

struct fixture {
    struct waker waker;
    struct channel *channel;
    struct mailbox_node nodes[10];
    size_t received;
};

static void make(struct fixture *fixture, uint32_t messages, uint64_t bytes) {
    fixture->received = 0;
    waker_init_futex(&fixture->waker);
    struct channel_limits limits = {.messages = messages, .bytes = bytes};
    assert_int_equal(channel_create(&fixture->waker, limits, &fixture->channel), SMQ_OK);
}

static void receive(void *context, struct mailbox_node *node) {
    struct fixture *fixture = context;
    assert_ptr_equal(node, &fixture->nodes[fixture->received]);
    fixture->received++;
}

struct sender {
    struct channel_waiter waiter;
    int notified;
};

static void notify(struct channel_waiter *waiter) {
    caa_container_of(waiter, struct sender, waiter)->notified++;
}

static void test_limits_are_checked(void **state) {
    (void)state;
    struct waker waker;
    struct channel *channel = NULL;
    waker_init_futex(&waker);
    const struct channel_limits wrong[] = {{0, 1}, {1, 0}, {CHANNEL_MESSAGES_MAX + 1, 1}, {1, CHANNEL_BYTES_MAX + 1}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(channel_create(&waker, wrong[i], &channel), SMQ_ERR_INVALID);
    struct channel_limits largest = {CHANNEL_MESSAGES_MAX, CHANNEL_BYTES_MAX};
    assert_int_equal(channel_create(&waker, largest, &channel), SMQ_OK);
    struct channel_limits credit = channel_credit(channel);
    assert_true(credit.messages == CHANNEL_MESSAGES_MAX && credit.bytes == CHANNEL_BYTES_MAX);
    channel_destroy(&channel);
}

static void test_sender_without_message_credit_is_refused(void **state) {
    (void)state;
    struct fixture fixture;
    make(&fixture, 2, 1000);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[0], 1), SMQ_OK);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[1], 0), SMQ_OK);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[2], 1), SMQ_ERR_NO_CREDIT);
    assert_false(channel_drain(fixture.channel, receive, &fixture, 10));
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[2], 1), SMQ_ERR_NO_CREDIT);
    channel_return_credit(fixture.channel, 1, 1);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[2], 1), SMQ_OK);
    channel_drain(fixture.channel, receive, &fixture, 10);
    assert_int_equal(fixture.received, 3);
    channel_destroy(&fixture.channel);
}

static void test_sender_without_byte_credit_is_refused(void **state) {
    (void)state;
    struct fixture fixture;
    make(&fixture, 10, 100);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[0], 101), SMQ_ERR_TOO_LARGE);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[0], 60), SMQ_OK);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[1], 41), SMQ_ERR_NO_CREDIT);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[1], 40), SMQ_OK);
    struct channel_limits credit = channel_credit(fixture.channel);
    assert_true(credit.messages == 8 && credit.bytes == 0);
    channel_drain(fixture.channel, receive, &fixture, 10);
    channel_destroy(&fixture.channel);
}

static void test_waiting_sender_is_told_once_when_half_is_free(void **state) {
    (void)state;
    struct fixture fixture;
    struct sender sender = {.waiter = {.notify = notify}};
    make(&fixture, 4, 1000);
    for (int i = 0; i < 4; i++)
        assert_int_equal(channel_send(fixture.channel, &fixture.nodes[i], 10), SMQ_OK);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[4], 10), SMQ_ERR_NO_CREDIT);
    channel_await_credit(fixture.channel, &sender.waiter);
    assert_int_equal(sender.notified, 0);
    channel_drain(fixture.channel, receive, &fixture, 10);
    channel_return_credit(fixture.channel, 1, 10);
    assert_int_equal(sender.notified, 0);
    channel_return_credit(fixture.channel, 1, 10);
    assert_int_equal(sender.notified, 1);
    channel_return_credit(fixture.channel, 2, 20);
    assert_int_equal(sender.notified, 1);
    channel_destroy(&fixture.channel);
}

static void test_waiting_sender_is_told_only_when_its_message_fits(void **state) {
    (void)state;
    struct fixture fixture;
    struct sender sender = {.waiter = {.notify = notify}};
    make(&fixture, 10, 100);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[0], 20), SMQ_OK);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[1], 20), SMQ_OK);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[2], 90), SMQ_ERR_NO_CREDIT);
    channel_await_credit(fixture.channel, &sender.waiter);
    assert_int_equal(sender.notified, 0);
    channel_drain(fixture.channel, receive, &fixture, 10);
    channel_return_credit(fixture.channel, 1, 20);
    assert_int_equal(sender.notified, 0);
    channel_return_credit(fixture.channel, 1, 20);
    assert_int_equal(sender.notified, 1);
    channel_destroy(&fixture.channel);
}

static void test_waiting_with_credit_free_tells_at_once(void **state) {
    (void)state;
    struct fixture fixture;
    struct sender sender = {.waiter = {.notify = notify}};
    make(&fixture, 4, 100);
    channel_await_credit(fixture.channel, &sender.waiter);
    assert_int_equal(sender.notified, 1);
    channel_destroy(&fixture.channel);
}

static void test_channel_of_one_message_tells_its_waiter(void **state) {
    (void)state;
    struct fixture fixture;
    struct sender sender = {.waiter = {.notify = notify}};
    make(&fixture, 1, 1);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[0], 1), SMQ_OK);
    channel_await_credit(fixture.channel, &sender.waiter);
    assert_int_equal(sender.notified, 0);
    channel_drain(fixture.channel, receive, &fixture, 10);
    channel_return_credit(fixture.channel, 1, 1);
    assert_int_equal(sender.notified, 1);
    channel_destroy(&fixture.channel);
}

static void test_close_refuses_drains_and_tells_waiters(void **state) {
    (void)state;
    struct fixture fixture;
    struct sender senders[2] = {{.waiter = {.notify = notify}}, {.waiter = {.notify = notify}}};
    make(&fixture, 1, 100);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[0], 1), SMQ_OK);
    channel_await_credit(fixture.channel, &senders[0].waiter);
    channel_close(fixture.channel);
    assert_int_equal(senders[0].notified, 1);
    channel_await_credit(fixture.channel, &senders[1].waiter);
    assert_int_equal(senders[1].notified, 1);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[1], 1), SMQ_ERR_CLOSED);
    assert_false(channel_is_finished(fixture.channel));
    channel_drain(fixture.channel, receive, &fixture, 10);
    assert_true(channel_is_finished(fixture.channel));
    channel_return_credit(fixture.channel, 1, 1);
    assert_int_equal(channel_send(fixture.channel, &fixture.nodes[1], 1), SMQ_ERR_CLOSED);
    assert_int_equal(channel_credit(fixture.channel).messages, 1);
    channel_destroy(&fixture.channel);
}

#ifdef DEBUG_FAULTS
static void test_create_without_memory_is_an_error(void **state) {
    (void)state;
    struct waker waker;
    struct channel *channel = NULL;
    waker_init_futex(&waker);
    for (uint64_t i = 0; i < 2; i++) {
        fault_arm(FAULT_POINT_memory_alloc, i, 1);
        struct channel_limits limits = {.messages = 1, .bytes = 1};
        assert_int_equal(channel_create(&waker, limits, &channel), SMQ_ERR_NO_MEMORY);
        assert_null(channel);
    }
    fault_disarm_all();
}
#endif

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_are_checked),
        cmocka_unit_test(test_sender_without_message_credit_is_refused),
        cmocka_unit_test(test_sender_without_byte_credit_is_refused),
        cmocka_unit_test(test_waiting_sender_is_told_once_when_half_is_free),
        cmocka_unit_test(test_waiting_sender_is_told_only_when_its_message_fits),
        cmocka_unit_test(test_waiting_with_credit_free_tells_at_once),
        cmocka_unit_test(test_channel_of_one_message_tells_its_waiter),
        cmocka_unit_test(test_close_refuses_drains_and_tells_waiters),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_create_without_memory_is_an_error),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
