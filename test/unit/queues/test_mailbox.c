/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Mailboxes: order, budgets, wakes, closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queues/base/fault.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "queues/mailbox.h"

struct letter {
    struct mailbox_node node;
    int number;
};

struct inbox {
    int numbers[64];
    size_t count;
    struct mailbox *again; /* where the received is sent again once */
};

static void receive(void *context, struct mailbox_node *node) {
    struct inbox *inbox = context;
    assert_true(inbox->count < 64);
    inbox->numbers[inbox->count++] = caa_container_of(node, struct letter, node)->number;
    if (inbox->again != NULL) {
        assert_int_equal(mailbox_send(inbox->again, node), SMQ_OK);
        inbox->again = NULL;
    }
}

struct fixture {
    struct waker waker;
    struct mailbox *mailbox;
    struct letter letters[10];
};

static void make(struct fixture *fixture) {
    waker_init_futex(&fixture->waker);
    assert_int_equal(mailbox_create(&fixture->waker, &fixture->mailbox), SMQ_OK);
    for (int i = 0; i < 10; i++)
        fixture->letters[i].number = i;
}

static void send(struct fixture *fixture, int from, int to) {
    for (int i = from; i < to; i++)
        assert_int_equal(mailbox_send(fixture->mailbox, &fixture->letters[i].node), SMQ_OK);
}

static void test_messages_are_received_in_order(void **state) {
    (void)state;
    struct fixture fixture;
    struct inbox inbox = {0};
    make(&fixture);
    send(&fixture, 0, 10);
    assert_false(mailbox_drain(fixture.mailbox, receive, &inbox, 100));
    assert_int_equal(inbox.count, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(inbox.numbers[i], i);
    mailbox_destroy(&fixture.mailbox);
    assert_null(fixture.mailbox);
}

static void test_drain_keeps_the_rest_beyond_its_budget(void **state) {
    (void)state;
    struct fixture fixture;
    struct inbox inbox = {0};
    make(&fixture);
    send(&fixture, 0, 5);
    assert_true(mailbox_drain(fixture.mailbox, receive, &inbox, 3));
    assert_int_equal(inbox.count, 3);
    send(&fixture, 5, 8);
    assert_true(mailbox_drain(fixture.mailbox, receive, &inbox, 2));
    assert_true(mailbox_drain(fixture.mailbox, receive, &inbox, 2));
    assert_false(mailbox_drain(fixture.mailbox, receive, &inbox, 1));
    assert_int_equal(inbox.count, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(inbox.numbers[i], i);
    assert_false(mailbox_drain(fixture.mailbox, receive, &inbox, 1));
    mailbox_destroy(&fixture.mailbox);
}

static void test_only_the_first_message_wakes(void **state) {
    (void)state;
    struct fixture fixture;
    struct inbox inbox = {0};
    make(&fixture);
    send(&fixture, 0, 1);
    assert_true(waker_wait(&fixture.waker, 0));
    send(&fixture, 1, 3);
    assert_false(waker_wait(&fixture.waker, 0));
    mailbox_drain(fixture.mailbox, receive, &inbox, 100);
    send(&fixture, 3, 4);
    assert_true(waker_wait(&fixture.waker, 0));
    mailbox_drain(fixture.mailbox, receive, &inbox, 100);
    mailbox_destroy(&fixture.mailbox);
}

static void test_receiver_may_send_the_message_again_at_once(void **state) {
    (void)state;
    struct fixture fixture;
    make(&fixture);
    struct inbox inbox = {.again = fixture.mailbox};
    send(&fixture, 0, 2);
    assert_false(mailbox_drain(fixture.mailbox, receive, &inbox, 100));
    assert_int_equal(inbox.count, 3);
    assert_int_equal(inbox.numbers[2], 0);
    mailbox_destroy(&fixture.mailbox);
}

static void test_closed_mailbox_refuses_and_is_drained(void **state) {
    (void)state;
    struct fixture fixture;
    struct inbox inbox = {0};
    make(&fixture);
    send(&fixture, 0, 2);
    waker_wait(&fixture.waker, 0);
    assert_false(mailbox_is_finished(fixture.mailbox));
    mailbox_close(fixture.mailbox);
    mailbox_close(fixture.mailbox);
    assert_true(waker_wait(&fixture.waker, 0));
    assert_int_equal(mailbox_send(fixture.mailbox, &fixture.letters[2].node), SMQ_ERR_CLOSED);
    assert_false(mailbox_is_finished(fixture.mailbox));
    assert_true(mailbox_drain(fixture.mailbox, receive, &inbox, 1));
    assert_false(mailbox_is_finished(fixture.mailbox));
    assert_false(mailbox_drain(fixture.mailbox, receive, &inbox, 100));
    assert_true(mailbox_is_finished(fixture.mailbox));
    assert_int_equal(inbox.count, 2);
    mailbox_destroy(&fixture.mailbox);
}

#ifdef DEBUG_FAULTS
static void test_create_without_memory_is_an_error(void **state) {
    (void)state;
    struct waker waker;
    struct mailbox *mailbox = NULL;
    waker_init_futex(&waker);
    fault_arm(FAULT_POINT_memory_alloc, 0, 1);
    assert_int_equal(mailbox_create(&waker, &mailbox), SMQ_ERR_NO_MEMORY);
    fault_disarm_all();
    assert_null(mailbox);
    mailbox_destroy(&mailbox);
}
#endif

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_received_in_order),
        cmocka_unit_test(test_drain_keeps_the_rest_beyond_its_budget),
        cmocka_unit_test(test_only_the_first_message_wakes),
        cmocka_unit_test(test_receiver_may_send_the_message_again_at_once),
        cmocka_unit_test(test_closed_mailbox_refuses_and_is_drained),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_create_without_memory_is_an_error),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
