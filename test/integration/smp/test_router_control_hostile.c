/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The control port among peers that do their worst: what they can take of it is bounded, and an operator is served
 * meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/control_peer.h"
#include "test/support/router_fixture.h"

static struct router_fixture fixture;
static struct control_peer control, others[CONTROL_SESSIONS_MAX + 1];

static int set_up(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.operator.control =(struct control_options){
        .is_on = true, .user_password = "userpw", .admin_password = "adminpw"};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static uint16_t port(void) {
    return operator_control_port(smp_router_operator(fixture.router));
}

static void open_session(struct control_peer *peer) {
    control_peer_connect(peer, port());
    control_peer_expect(peer, "SMP server control port");
    control_peer_expect(peer, "'help' for supported commands");
}

static void check_that_an_operator_is_served(void) {
    control_peer_talk(&control, port(), "auth adminpw\nsockets\n");
    assert_non_null(strstr(control.text, "Current role is CPRAdmin\nSockets for port "));
}

static void garbage_is_answered_line_by_line_and_harms_nobody(void **state) {
    (void)state;
    uint8_t bytes[4000];
    router_fixture_start(&fixture);
    srandom(7);
    for (unsigned round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)random();
        bytes[sizeof bytes - 1] = '\n';
        open_session(&control);
        assert_true(control_peer_send_bytes(&control, bytes, sizeof bytes));
        assert_true(control_peer_send(&control, "quit\n"));
        control_peer_drain(&control);
        assert_true(control.length == 0 || strncmp(control.text, "error: ", 7) == 0);
        control_peer_close(&control);
    }
    check_that_an_operator_is_served();
}

static void an_oversized_line_is_refused_and_ends_the_session(void **state) {
    (void)state;
    char bytes[CONTROL_LINE_MAX];
    router_fixture_start(&fixture);
    memset(bytes, 'x', sizeof bytes);
    open_session(&control);
    assert_true(control_peer_send_bytes(&control, bytes, sizeof bytes));
    control_peer_drain(&control);
    assert_string_equal("error: a line is longer than 4095 bytes\n", control.text);
    control_peer_close(&control);
    /* The longest that is allowed is answered. */
    bytes[sizeof bytes - 1] = '\n';
    open_session(&control);
    assert_true(control_peer_send_bytes(&control, bytes, sizeof bytes));
    control_peer_expect(&control, "error: Failed reading: bad ControlProtocol command");
    control_peer_close(&control);
    check_that_an_operator_is_served();
}

/* Those without a role give way, the oldest first; those with one do not. */
static void sessions_are_bounded_and_strangers_give_way(void **state) {
    (void)state;
    router_fixture_start(&fixture);
    for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++)
        open_session(&others[i]);
    open_session(&control);
    assert_true(control_peer_is_closed(&others[0], CONTROL_PEER_DEADLINE_MS));
    control_peer_close(&others[0]);
    others[0] = control;
    for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++) {
        assert_true(control_peer_send(&others[i], "auth userpw\n"));
        control_peer_expect(&others[i], "Current role is CPRUser");
    }
    control_peer_connect(&control, port());
    control_peer_expect(&control, "error: too many sessions");
    assert_true(control_peer_is_closed(&control, CONTROL_PEER_DEADLINE_MS));
    control_peer_close(&control);
    for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++) {
        assert_true(control_peer_send(&others[i], "\n"));
        control_peer_close(&others[i]);
    }
    /* Until the closed ones are noticed. */
    uint64_t deadline = clock_monotonic_ms() + CONTROL_PEER_DEADLINE_MS;
    bool is_served = false;
    while (!is_served && clock_monotonic_ms() < deadline) {
        char line[128];
        control_peer_connect(&control, port());
        is_served = control_peer_line(&control, line, sizeof line) && strcmp(line, "SMP server control port") == 0;
        control_peer_close(&control);
    }
    check_that_an_operator_is_served();
}

/* However many sessions guess at once, there is a guess a second. */
static void wrong_passwords_are_slowed_for_all_sessions_together(void **state) {
    (void)state;
    enum { GUESSERS = 4 };
    router_fixture_start(&fixture);
    uint64_t begun = clock_monotonic_ms();
    for (unsigned i = 0; i < GUESSERS; i++) {
        open_session(&others[i]);
        assert_true(control_peer_send(&others[i], "auth wrong\n"));
    }
    for (unsigned i = 0; i < GUESSERS; i++)
        control_peer_expect(&others[i], "Current role is CPRNone");
    assert_true(clock_monotonic_ms() - begun >= (GUESSERS - 1) * 1000);
    /* A session that needs no password goes on meanwhile, and so does one whose password was right before. */
    begun = clock_monotonic_ms();
    assert_true(control_peer_send(&others[0], "auth wrong\n"));
    assert_true(control_peer_send(&others[1], "nonsense\n"));
    control_peer_expect(&others[1], "error: Failed reading: bad ControlProtocol command");
    assert_true(clock_monotonic_ms() - begun < 900);
    control_peer_expect(&others[0], "Current role is CPRNone");
    check_that_an_operator_is_served();
    for (unsigned i = 0; i < GUESSERS; i++)
        control_peer_close(&others[i]);
}

static void a_session_ends_after_some_wrong_passwords(void **state) {
    (void)state;
    router_fixture_start(&fixture);
    open_session(&control);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(control_peer_send(&control, "auth wrong\n"));
        control_peer_expect(&control, "Current role is CPRNone");
    }
    assert_true(control_peer_is_closed(&control, CONTROL_PEER_DEADLINE_MS));
    control_peer_close(&control);
}

static void who_says_nothing_or_only_half_a_line_is_not_waited_for(void **state) {
    (void)state;
    fixture.config.operator.control.stranger_ms = 300;
    fixture.config.operator.control.idle_ms = 600;
    router_fixture_start(&fixture);
    open_session(&others[0]);
    open_session(&others[1]);
    assert_true(control_peer_send(&others[1], "auth adminpw\nstat"));
    control_peer_expect(&others[1], "Current role is CPRAdmin");
    uint64_t begun = clock_monotonic_ms();
    assert_true(control_peer_is_closed(&others[0], CONTROL_PEER_DEADLINE_MS));
    assert_true(control_peer_is_closed(&others[1], CONTROL_PEER_DEADLINE_MS));
    assert_true(clock_monotonic_ms() - begun >= 300);
    control_peer_close(&others[0]);
    control_peer_close(&others[1]);
}

/* Commands are carried out only as their answers are read. */
static void who_does_not_read_holds_one_answer_and_is_closed(void **state) {
    (void)state;
    char commands[600 * 6 + 1];
    for (size_t i = 0; i < sizeof commands - 1; i += 6)
        (void)snprintf(commands + i, 7, "stats\n");
    fixture.config.operator.control.unread_ms = 1000;
    router_fixture_start(&fixture);
    open_session(&others[0]);
    assert_true(control_peer_send(&others[0], "auth adminpw\n"));
    control_peer_expect(&others[0], "Current role is CPRAdmin");
    /* More than all buffers of the kernel take, so that the sending ends with the session. */
    uint64_t deadline = clock_monotonic_ms() + 3 * CONTROL_PEER_DEADLINE_MS;
    while (control_peer_send_bytes(&others[0], commands, sizeof commands - 1))
        assert_true(clock_monotonic_ms() < deadline);
    check_that_an_operator_is_served();
    control_peer_close(&others[0]);
}

/* A request whose session is gone when the answer comes. */
static void who_leaves_before_the_answer_is_not_missed(void **state) {
    (void)state;
    router_fixture_start(&fixture);
    for (unsigned i = 0; i < 50; i++) {
        open_session(&others[0]);
        assert_true(control_peer_send(&others[0], "auth adminpw\nblock AAAA reason=spam\ndelete AAAA\nsave\n"));
        control_peer_close(&others[0]);
    }
    check_that_an_operator_is_served();
}

static void a_router_that_stops_waits_for_no_session(void **state) {
    (void)state;
    router_fixture_start(&fixture);
    open_session(&others[0]);
    assert_true(control_peer_send(&others[0], "auth adminpw\nsta"));
    control_peer_expect(&others[0], "Current role is CPRAdmin");
    /* And one whose commands are under way. */
    open_session(&others[1]);
    assert_true(control_peer_send(&others[1], "auth adminpw\n"));
    for (unsigned i = 0; i < 400; i++)
        assert_true(control_peer_send(&others[1], "save\ndelete AAAA\n"));
    control_peer_expect(&others[1], "Current role is CPRAdmin");
    uint64_t begun = clock_monotonic_ms();
    router_fixture_stop(&fixture);
    assert_true(clock_monotonic_ms() - begun < 3000);
    assert_true(control_peer_is_closed(&others[0], CONTROL_PEER_DEADLINE_MS));
    assert_true(control_peer_is_closed(&others[1], CONTROL_PEER_DEADLINE_MS));
    control_peer_close(&others[0]);
    control_peer_close(&others[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(garbage_is_answered_line_by_line_and_harms_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_oversized_line_is_refused_and_ends_the_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sessions_are_bounded_and_strangers_give_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_passwords_are_slowed_for_all_sessions_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_ends_after_some_wrong_passwords, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_says_nothing_or_only_half_a_line_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_read_holds_one_answer_and_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_leaves_before_the_answer_is_not_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_router_that_stops_waits_for_no_session, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
