/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Supervisors: parts start in order, stop in reverse order, and failures are learnt of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <string.h>

#include "actors/runtime/supervisor.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/setup.h"

enum { PATIENCE_MS = 10000, PARTS = 40 };

static char events[64];

static void note(char event) {
    size_t length = strlen(events);
    assert_true(length + 1 < sizeof(events));
    events[length] = event;
}

struct role {
    char letter;
    enum smq_result start_result;
    struct actor *actor;
};

static enum smq_result start(void *state) {
    struct role *role = state;
    note(role->letter);
    return role->start_result;
}

static void receive(void *state, struct message *message) {
    struct role *role = state;
    if (message->kind == 1)
        actor_fail(role->actor, SMQ_ERR_STORE_FULL, "test");
}

static void stop(void *state) {
    struct role *role = state;
    note((char)(role->letter - 'a' + 'A'));
}

static const struct actor_ops ops = {.role = "part", .start = start, .receive = receive, .stop = stop};

static void stop_other(void *context) {
    note(*(const char *)context);
}

static struct supervisor *make(void) {
    struct supervisor *supervisor = NULL;
    memset(events, 0, sizeof(events));
    assert_int_equal(supervisor_create(&supervisor), SMQ_OK);
    return supervisor;
}

static enum smq_result start_role(struct supervisor *supervisor, struct role *role) {
    assert_int_equal(actor_create(&ops, role, 0, &role->actor), SMQ_OK);
    return supervisor_start_actor(supervisor, role->actor);
}

static void test_parts_stop_in_reverse_order(void **state) {
    (void)state;
    struct role roles[3] = {{.letter = 'a'}, {.letter = 'b'}, {.letter = 'c'}};
    char other = '-';
    struct supervisor *supervisor = make();
    assert_int_equal(start_role(supervisor, &roles[0]), SMQ_OK);
    assert_int_equal(supervisor_add(supervisor, "other", stop_other, &other), SMQ_OK);
    assert_int_equal(start_role(supervisor, &roles[1]), SMQ_OK);
    assert_int_equal(start_role(supervisor, &roles[2]), SMQ_OK);
    assert_string_equal(events, "abc");
    supervisor_stop(supervisor);
    supervisor_stop(supervisor);
    assert_string_equal(events, "abcCB-A");
    supervisor_destroy(&supervisor);
    assert_null(supervisor);
    assert_string_equal(events, "abcCB-A");
}

static void test_many_parts_are_kept(void **state) {
    (void)state;
    char other = 'x';
    struct supervisor *supervisor = make();
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(supervisor_add(supervisor, "other", stop_other, &other), SMQ_OK);
    supervisor_destroy(&supervisor);
    assert_int_equal(strlen(events), PARTS);
}

static void test_part_that_does_not_start_leaves_the_others_to_stop(void **state) {
    (void)state;
    struct role roles[2] = {{.letter = 'a'}, {.letter = 'b', .start_result = SMQ_ERR_NETWORK}};
    struct supervisor *supervisor = make();
    assert_int_equal(start_role(supervisor, &roles[0]), SMQ_OK);
    assert_int_equal(start_role(supervisor, &roles[1]), SMQ_ERR_NETWORK);
    supervisor_destroy(&supervisor);
    assert_string_equal(events, "abA");
}

static void test_failure_of_an_actor_ends_the_wait(void **state) {
    (void)state;
    struct role role = {.letter = 'a'};
    struct message message = {.kind = 1};
    struct supervisor *supervisor = make();
    assert_int_equal(start_role(supervisor, &role), SMQ_OK);
    assert_int_equal(supervisor_wait(supervisor, 0), SMQ_ERR_TIMEOUT);
    assert_int_equal(actor_send(role.actor, &message), SMQ_OK);
    assert_int_equal(supervisor_wait(supervisor, PATIENCE_MS), SMQ_ERR_STORE_FULL);
    struct pollfd entry = {.fd = supervisor_fd(supervisor), .events = POLLIN};
    assert_int_equal(poll(&entry, 1, 0), 1);
    supervisor_destroy(&supervisor);
}

static void test_requested_stop_ends_the_wait(void **state) {
    (void)state;
    struct supervisor *supervisor = make();
    assert_int_equal(supervisor_wait(supervisor, 10), SMQ_ERR_TIMEOUT);
    supervisor_request_stop(supervisor);
    assert_int_equal(supervisor_wait(supervisor, -1), SMQ_OK);
    supervisor_destroy(&supervisor);
}

#ifdef DEBUG_FAULTS
static void test_exhaustion_is_reported_and_nothing_is_lost(void **state) {
    (void)state;
    struct supervisor *supervisor = NULL;
    for (uint64_t i = 0; i < 2; i++) {
        fault_arm(FAULT_POINT_memory_alloc, i, 1);
        assert_int_equal(supervisor_create(&supervisor), SMQ_ERR_NO_MEMORY);
    }
    fault_disarm_all();
    fault_arm(FAULT_POINT_eventfd_create, 0, 1);
    assert_int_equal(supervisor_create(&supervisor), SMQ_ERR_SYSTEM);
    fault_disarm_all();

    supervisor = make();
    char other = 'x';
    for (int i = 0; i < 15; i++)
        assert_int_equal(supervisor_add(supervisor, "other", stop_other, &other), SMQ_OK);
    struct role role = {.letter = 'a'};
    assert_int_equal(actor_create(&ops, &role, 0, &role.actor), SMQ_OK);
    fault_arm(FAULT_POINT_memory_alloc, 0, 1);
    assert_int_equal(supervisor_add(supervisor, "other", stop_other, &other), SMQ_ERR_NO_MEMORY);
    fault_arm(FAULT_POINT_memory_alloc, 0, 1);
    assert_int_equal(supervisor_start_actor(supervisor, role.actor), SMQ_ERR_NO_MEMORY);
    fault_disarm_all();
    supervisor_destroy(&supervisor);
    assert_int_equal(strlen(events), 15);
}
#endif

static int set_up(void **state) {
    (void)state;
    return base_setup() == SMQ_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_stop_in_reverse_order),
        cmocka_unit_test(test_many_parts_are_kept),
        cmocka_unit_test(test_part_that_does_not_start_leaves_the_others_to_stop),
        cmocka_unit_test(test_failure_of_an_actor_ends_the_wait),
        cmocka_unit_test(test_requested_stop_ends_the_wait),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_exhaustion_is_reported_and_nothing_is_lost),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
