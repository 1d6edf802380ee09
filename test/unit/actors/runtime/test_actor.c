/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Actors: the order of hooks, batches, timers, pollers of their own, stopping, failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "actors/runtime/actor.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/rcu.h"
#include "queues/base/thread.h"
#include "queues/promise.h"

enum { PATIENCE_MS = 10000, MESSAGES = 1000 };

enum { KIND_PLAIN, KIND_LAST, KIND_TIMER, KIND_FAIL, KIND_ECHO };

struct role {
    struct actor *actor;
    enum smq_result start_result;
    int started;
    int stopped;
    int batches;
    int received;
    int received_when_stopped;
    bool open_batch; /* received something since batch_end */
    uint32_t batch_limit;
    uint32_t largest_batch;
    uint32_t this_batch;
    struct waker echoed;
    struct promise *reached; /* set by KIND_LAST, by the timer, and by the poller */
    struct wheel_timer timer;
    int poller;
    int event_fd_reads;
};

static void reach(struct role *role) {
    promise_set(role->reached, SMQ_OK, NULL);
}

static void await(struct role *role) {
    void *nothing;
    assert_int_equal(promise_wait(role->reached, PATIENCE_MS, &nothing), SMQ_OK);
}

static enum smq_result start(void *state) {
    struct role *role = state;
    role->started++;
    return role->start_result;
}

static void fire(struct wheel_timer *timer) {
    reach(caa_container_of(timer, struct role, timer));
}

static void receive(void *state, struct message *message) {
    struct role *role = state;
    role->received++;
    role->this_batch++;
    role->open_batch = true;
    switch (message->kind) {
    case KIND_LAST:
        reach(role);
        break;
    case KIND_ECHO:
        waker_wake(&role->echoed);
        break;
    case KIND_TIMER:
        role->timer.fire = fire;
        wheel_add(actor_wheel(role->actor), &role->timer, actor_now_ms(role->actor) + 20);
        break;
    case KIND_FAIL:
        actor_fail(role->actor, SMQ_ERR_STORE, "test");
        actor_fail(role->actor, SMQ_ERR_INTERNAL, "test again");
        reach(role);
        break;
    default:
        break;
    }
}

static void batch_end(void *state) {
    struct role *role = state;
    role->batches++;
    if (role->this_batch > role->largest_batch)
        role->largest_batch = role->this_batch;
    role->this_batch = 0;
    role->open_batch = false;
}

static void stop(void *state) {
    struct role *role = state;
    role->stopped++;
    role->received_when_stopped = role->received;
    if (role->open_batch)
        role->received_when_stopped = -1;
}

static const struct actor_ops full_ops = {
    .role = "full", .start = start, .receive = receive, .batch_end = batch_end, .stop = stop, .batch_limit = 16};
static const struct actor_ops smallest_ops = {.role = "smallest", .receive = receive};

static void make(struct role *role, const struct actor_ops *ops, int lane) {
    memset(role, 0, sizeof(*role));
    waker_init_futex(&role->echoed);
    assert_int_equal(promise_create(NULL, &role->reached), SMQ_OK);
    assert_int_equal(actor_create(ops, role, lane, &role->actor), SMQ_OK);
}

static void end(struct role *role) {
    struct promise *other = role->reached;
    actor_stop(role->actor);
    actor_join(role->actor);
    actor_destroy(&role->actor);
    assert_null(role->actor);
    promise_release(&role->reached);
    promise_release(&other);
}

static void send(struct role *role, struct message *message, uint32_t kind) {
    message->kind = kind;
    assert_int_equal(actor_send(role->actor, message), SMQ_OK);
}

static void test_hooks_run_in_order_and_all_is_drained_at_stop(void **state) {
    (void)state;
    static struct message messages[MESSAGES];
    struct role role;
    make(&role, &full_ops, 3);
    assert_string_equal(actor_name(role.actor), "full-3");
    send(&role, &messages[0], KIND_PLAIN);
    assert_int_equal(actor_start(role.actor), SMQ_OK);
    assert_int_equal(role.started, 1);
    for (int i = 1; i < MESSAGES; i++)
        send(&role, &messages[i], KIND_PLAIN);
    actor_stop(role.actor);
    assert_int_equal(actor_send(role.actor, &messages[0]), SMQ_ERR_CLOSED);
    actor_join(role.actor);
    assert_int_equal(role.received, MESSAGES);
    assert_int_equal(actor_received(role.actor), MESSAGES);
    assert_int_equal(role.received_when_stopped, MESSAGES);
    assert_int_equal(role.stopped, 1);
    assert_true(role.largest_batch <= 16 && role.batches >= MESSAGES / 16);
    end(&role);
}

static void test_only_receive_is_needed(void **state) {
    (void)state;
    struct message message;
    struct role role;
    make(&role, &smallest_ops, -1);
    assert_string_equal(actor_name(role.actor), "smallest");
    assert_int_equal(actor_start(role.actor), SMQ_OK);
    send(&role, &message, KIND_LAST);
    await(&role);
    end(&role);
}

static void test_sleeping_actor_is_woken_by_every_message(void **state) {
    (void)state;
    struct message message;
    struct role role;
    make(&role, &full_ops, -1);
    assert_int_equal(actor_start(role.actor), SMQ_OK);
    for (int i = 0; i < 1000; i++) {
        send(&role, &message, KIND_ECHO);
        assert_true(waker_wait(&role.echoed, PATIENCE_MS));
    }
    end(&role);
}

static void test_timer_fires_without_messages(void **state) {
    (void)state;
    struct message message;
    struct role role;
    make(&role, &full_ops, -1);
    assert_int_equal(actor_start(role.actor), SMQ_OK);
    send(&role, &message, KIND_TIMER);
    await(&role);
    end(&role);
}

static void test_failed_start_is_returned_and_messages_are_refused(void **state) {
    (void)state;
    struct message message = {.kind = KIND_PLAIN};
    struct role role;
    make(&role, &full_ops, -1);
    role.start_result = SMQ_ERR_STORE;
    assert_int_equal(actor_start(role.actor), SMQ_ERR_STORE);
    assert_int_equal(actor_send(role.actor, &message), SMQ_ERR_CLOSED);
    end(&role);
    assert_int_equal(role.stopped, 0);
}

static void test_actor_that_never_ran_can_be_destroyed(void **state) {
    (void)state;
    struct role role;
    make(&role, &full_ops, -1);
    end(&role);
    assert_int_equal(role.started, 0);
}

struct reported {
    _Atomic int times;
    _Atomic int reason;
};

static void report(void *context, struct actor *actor) {
    struct reported *reported = context;
    atomic_store(&reported->reason, (int)actor_failure(actor));
    atomic_fetch_add(&reported->times, 1);
}

static void test_failure_is_reported_once_and_the_actor_goes_on(void **state) {
    (void)state;
    struct message messages[2];
    struct reported reported = {0};
    struct role role;
    make(&role, &full_ops, -1);
    actor_on_failure(role.actor, report, &reported);
    assert_int_equal(actor_start(role.actor), SMQ_OK);
    assert_int_equal(actor_failure(role.actor), SMQ_OK);
    send(&role, &messages[0], KIND_FAIL);
    await(&role);
    send(&role, &messages[1], KIND_PLAIN);
    actor_stop(role.actor);
    actor_join(role.actor);
    assert_int_equal(reported.times, 1);
    assert_int_equal(reported.reason, SMQ_ERR_STORE);
    assert_int_equal(actor_failure(role.actor), SMQ_ERR_STORE);
    assert_int_equal(role.received, 2);
    end(&role);
}

/* A lane that sleeps in epoll, on its waker and on a pipe. */
static int pipe_ends[2];

static enum smq_result start_poller(void *state) {
    struct role *role = state;
    role->poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event waker_event = {.events = EPOLLIN | EPOLLET, .data.fd = -1};
    struct epoll_event pipe_event = {.events = EPOLLIN, .data.fd = pipe_ends[0]};
    if (role->poller < 0 ||
        epoll_ctl(role->poller, EPOLL_CTL_ADD, waker_fd(actor_waker(role->actor)), &waker_event) != 0 ||
        epoll_ctl(role->poller, EPOLL_CTL_ADD, pipe_ends[0], &pipe_event) != 0)
        return SMQ_ERR_SYSTEM;
    return SMQ_OK;
}

static void wait_in_poller(void *state, int timeout_ms) {
    struct role *role = state;
    struct epoll_event event;
    char byte;
    if (epoll_wait(role->poller, &event, 1, timeout_ms) == 1 && event.data.fd == pipe_ends[0] &&
        read(pipe_ends[0], &byte, 1) == 1) {
        role->event_fd_reads++;
        reach(role);
    }
}

static void stop_poller(void *state) {
    struct role *role = state;
    close(role->poller);
    stop(state);
}

static const struct actor_ops poller_ops = {
    .role = "poller", .start = start_poller, .receive = receive, .stop = stop_poller, .wait = wait_in_poller};

static void test_lane_with_a_poller_gets_messages_io_and_timers(void **state) {
    (void)state;
    static const uint32_t kinds[] = {KIND_LAST, KIND_TIMER};
    assert_int_equal(pipe(pipe_ends), 0);
    for (size_t i = 0; i < 3; i++) {
        struct message message;
        struct role role;
        make(&role, &poller_ops, 0);
        assert_int_equal(actor_start(role.actor), SMQ_OK);
        if (i < 2)
            send(&role, &message, kinds[i]);
        else
            assert_int_equal(write(pipe_ends[1], "x", 1), 1);
        await(&role);
        end(&role);
        assert_int_equal(role.event_fd_reads, i < 2 ? 0 : 1);
        assert_int_equal(role.stopped, 1);
    }
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

#ifdef DEBUG_FAULTS
static void test_create_and_start_report_exhaustion(void **state) {
    (void)state;
    struct role role = {0};
    for (uint64_t i = 0; i < 3; i++) {
        fault_arm(FAULT_POINT_memory_alloc, i, 1);
        assert_int_equal(actor_create(&full_ops, &role, -1, &role.actor), SMQ_ERR_NO_MEMORY);
        fault_disarm_all();
        assert_null(role.actor);
    }
    fault_arm(FAULT_POINT_eventfd_create, 0, 1);
    assert_int_equal(actor_create(&poller_ops, &role, -1, &role.actor), SMQ_ERR_SYSTEM);
    fault_disarm_all();
    assert_int_equal(actor_create(&full_ops, &role, -1, &role.actor), SMQ_OK);
    fault_arm(FAULT_POINT_thread_create, 0, 1);
    assert_int_equal(actor_start(role.actor), SMQ_ERR_SYSTEM);
    fault_disarm_all();
    actor_destroy(&role.actor);
}
#endif

static int set_up(void **state) {
    (void)state;
    thread_attach();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hooks_run_in_order_and_all_is_drained_at_stop),
        cmocka_unit_test(test_only_receive_is_needed),
        cmocka_unit_test(test_sleeping_actor_is_woken_by_every_message),
        cmocka_unit_test(test_timer_fires_without_messages),
        cmocka_unit_test(test_failed_start_is_returned_and_messages_are_refused),
        cmocka_unit_test(test_actor_that_never_ran_can_be_destroyed),
        cmocka_unit_test(test_failure_is_reported_once_and_the_actor_goes_on),
        cmocka_unit_test(test_lane_with_a_poller_gets_messages_io_and_timers),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_create_and_start_report_exhaustion),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
