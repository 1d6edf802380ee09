/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Wakers: both kinds keep every wake, sleep as long as asked, and spare system calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/thread.h"
#include "queues/waker.h"

enum { PATIENCE_MS = 10000, KINDS = 2 };

static void init(struct waker *waker, int kind) {
    if (kind == 0)
        waker_init_futex(waker);
    else
        assert_int_equal(waker_init_eventfd(waker), SMQ_OK);
}

static void test_wake_before_wait_is_remembered(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct waker waker;
        init(&waker, kind);
        waker_wake(&waker);
        waker_wake(&waker);
        assert_true(waker_wait(&waker, PATIENCE_MS));
        assert_false(waker_wait(&waker, 0));
        waker_destroy(&waker);
    }
}

static void test_wait_ends_with_its_timeout(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct waker waker;
        init(&waker, kind);
        uint64_t start = clock_monotonic_ms();
        assert_false(waker_wait(&waker, 30));
        uint64_t took = clock_monotonic_ms() - start;
        assert_true(took >= 29 && took < PATIENCE_MS);
        waker_destroy(&waker);
    }
}

struct echo {
    struct waker ping;
    struct waker pong;
    int rounds;
};

static void echo(void *argument) {
    struct echo *echoed = argument;
    for (int i = 0; i < echoed->rounds; i++) {
        while (!waker_wait(&echoed->ping, PATIENCE_MS))
            continue;
        waker_wake(&echoed->pong);
    }
}

static void test_two_threads_wake_each_other(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct echo echoed = {.rounds = 2000};
        init(&echoed.ping, kind);
        init(&echoed.pong, 1 - kind);
        struct thread *thread = NULL;
        assert_int_equal(thread_create(&thread, "echo", echo, &echoed), SMQ_OK);
        uint64_t end = clock_monotonic_ms() + PATIENCE_MS;
        for (int i = 0; i < echoed.rounds; i++) {
            waker_wake(&echoed.ping);
            while (!waker_wait(&echoed.pong, PATIENCE_MS))
                assert_true(clock_monotonic_ms() < end);
        }
        thread_join(&thread);
        waker_destroy(&echoed.ping);
        waker_destroy(&echoed.pong);
    }
}

static bool is_readable(const struct waker *waker) {
    struct pollfd entry = {.fd = waker_fd(waker), .events = POLLIN};
    return poll(&entry, 1, 0) == 1;
}

static void test_awake_consumer_costs_no_system_call(void **state) {
    (void)state;
    struct waker waker;
    init(&waker, 1);
    waker_wake(&waker);
    assert_false(is_readable(&waker));
    assert_false(waker_prepare(&waker));
    waker_clear(&waker);
    assert_true(waker_prepare(&waker));
    waker_wake(&waker);
    assert_true(is_readable(&waker));
    waker_destroy(&waker);
    assert_int_equal(waker_fd(&waker), -1);
}

static void test_every_wake_of_a_sleeper_is_an_edge_for_epoll(void **state) {
    (void)state;
    struct waker waker;
    init(&waker, 1);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    assert_true(poller >= 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    assert_int_equal(epoll_ctl(poller, EPOLL_CTL_ADD, waker_fd(&waker), &event), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(waker_prepare(&waker));
        assert_int_equal(epoll_wait(poller, &event, 1, 0), 0);
        waker_wake(&waker);
        assert_int_equal(epoll_wait(poller, &event, 1, PATIENCE_MS), 1);
        waker_clear(&waker);
    }
    close(poller);
    waker_destroy(&waker);
}

#ifdef DEBUG_FAULTS
static void test_no_descriptor_left_is_an_error(void **state) {
    (void)state;
    struct waker waker;
    fault_arm(FAULT_POINT_eventfd_create, 0, 1);
    assert_int_equal(waker_init_eventfd(&waker), SMQ_ERR_SYSTEM);
    fault_disarm_all();
    waker_destroy(&waker);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wake_before_wait_is_remembered),
        cmocka_unit_test(test_wait_ends_with_its_timeout),
        cmocka_unit_test(test_two_threads_wake_each_other),
        cmocka_unit_test(test_awake_consumer_costs_no_system_call),
        cmocka_unit_test(test_every_wake_of_a_sleeper_is_an_edge_for_epoll),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_no_descriptor_left_is_an_error),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
