/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whose turns take long: waiting takes no time, anything else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/epoll.h>
#include <unistd.h>

#include "actors/runtime/actor.h"
#include "actors/runtime/watch.h"
#include "queues/base/clock.h"

enum { PATIENCE_MS = 10000, LIMIT_MS = 5 };

struct role {
    struct actor *actor;
    struct waker release; /* lets a busy role go on */
    _Atomic bool is_busy;
    int poller;
    int pipe_ends[2];
};

static void be_busy(struct role *role) {
    atomic_store(&role->is_busy, true);
    waker_wait(&role->release, PATIENCE_MS);
}

static void receive(void *state, struct message *message) {
    (void)message;
    be_busy(state);
}

static enum smq_result start_poller(void *state) {
    struct role *role = state;
    struct epoll_event waker_event = {.events = EPOLLIN | EPOLLET, .data.fd = -1};
    struct epoll_event pipe_event = {.events = EPOLLIN | EPOLLET, .data.fd = role->pipe_ends[0]};
    role->poller = epoll_create1(EPOLL_CLOEXEC);
    (void)epoll_ctl(role->poller, EPOLL_CTL_ADD, waker_fd(actor_waker(role->actor)), &waker_event);
    (void)epoll_ctl(role->poller, EPOLL_CTL_ADD, role->pipe_ends[0], &pipe_event);
    return SMQ_OK;
}

static void wait_in_poller(void *state, int timeout_ms) {
    struct role *role = state;
    struct epoll_event event;
    int count = epoll_wait(role->poller, &event, 1, timeout_ms);
    actor_wakes(role->actor, clock_monotonic_ms());
    if (count == 1 && event.data.fd == role->pipe_ends[0])
        be_busy(role);
}

static const struct actor_ops ops = {.role = "watched", .receive = receive};
static const struct actor_ops poller_ops = {
    .role = "watched", .receive = receive, .start = start_poller, .wait = wait_in_poller};

static void begin(struct role *role, const struct actor_ops *chosen) {
    *role = (struct role){.poller = -1};
    waker_init_futex(&role->release);
    assert_int_equal(0, pipe(role->pipe_ends));
    assert_int_equal(SMQ_OK, actor_create(chosen, role, -1, &role->actor));
    assert_int_equal(SMQ_OK, actor_start(role->actor));
}

static void end(struct role *role) {
    actor_stop(role->actor);
    actor_join(role->actor);
    actor_destroy(&role->actor);
    waker_destroy(&role->release);
    (void)close(role->pipe_ends[0]);
    (void)close(role->pipe_ends[1]);
    if (role->poller >= 0)
        (void)close(role->poller);
}

static void await_watched(unsigned count) {
    uint64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (watch_turns(LIMIT_MS) != count)
        assert_true(clock_monotonic_ms() < deadline);
}

static void await_busy(struct role *role) {
    uint64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (!atomic_load(&role->is_busy))
        assert_true(clock_monotonic_ms() < deadline);
}

static void test_message_that_takes_long_is_seen_until_it_is_done(void **state) {
    (void)state;
    struct role role;
    struct message message = {.kind = 1};
    begin(&role, &ops);
    assert_int_equal(SMQ_OK, actor_send(role.actor, &message));
    await_busy(&role);
    assert_int_equal(0, watch_turns(PATIENCE_MS));
    await_watched(1);
    await_watched(1); /* and counted at every look */
    waker_wake(&role.release);
    await_watched(0);
    end(&role);
}

static void test_io_that_takes_long_is_seen_like_a_message(void **state) {
    (void)state;
    struct role role;
    begin(&role, &poller_ops);
    assert_int_equal(1, write(role.pipe_ends[1], "x", 1));
    await_busy(&role);
    await_watched(1);
    waker_wake(&role.release);
    await_watched(0);
    end(&role);
}

static void test_who_waits_is_not_busy_and_who_has_ended_is_not_watched(void **state) {
    (void)state;
    struct role roles[3];
    for (unsigned i = 0; i < 3; i++)
        begin(&roles[i], i == 1 ? &poller_ops : &ops);
    uint64_t until = clock_monotonic_ms() + 20 * LIMIT_MS;
    await_watched(0);
    while (clock_monotonic_ms() < until)
        continue;
    await_watched(0);
    for (unsigned i = 0; i < 3; i++)
        end(&roles[i]);
    assert_int_equal(0, watch_turns(0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_that_takes_long_is_seen_until_it_is_done),
        cmocka_unit_test(test_io_that_takes_long_is_seen_like_a_message),
        cmocka_unit_test(test_who_waits_is_not_busy_and_who_has_ended_is_not_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
