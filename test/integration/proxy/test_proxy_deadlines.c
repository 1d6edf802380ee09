/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands that relays leave without an answer: each ends at its deadline or with its relay's connection, once, and
 * until then counts in the bytes that all may have under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/forwarding.h"
#include "test/support/router_fixture.h"
#include "test/support/scripted_router.h"

enum {
    FORWARD_MS = 4000,
    EACH = 20,
    MANY = 2500, /* the list is looked through several times meanwhile */
    ANSWERED_BUT = 100,
    BYTES_FOR_FOUR = 4 * SMP_BLOCK_SIZE + SMP_BLOCK_SIZE / 2,
};

static struct router_fixture proxy;
static struct scripted_router relays[2];
static struct peer client;
static struct forwarding sessions[2];
static _Atomic unsigned heard;

/* What answers said. */
struct answers {
    unsigned network, timeout, answered;
};

/* The scripts of the two relays. */
static void say_nothing(struct scripted_connection *connection, const struct scripted_command *command, void *context) {
    (void)connection;
    (void)command;
    (void)context;
}

static void answer_most(struct scripted_connection *connection, const struct scripted_command *command, void *context) {
    (void)context;
    const struct smp_response refusal = smp_response_error(smp_error_of(SMP_ERROR_AUTH));
    if (atomic_fetch_add(&heard, 1) % ANSWERED_BUT != 0)
        scripted_respond(connection, command->correlation_id, slice_of(NULL, 0), &refusal);
}

static int setup(void **state) {
    (void)state;
    const struct scripted_options most = {.hello = HELLO_RIGHT, .handle = answer_most};
    const struct scripted_options nothing = {.hello = HELLO_RIGHT, .handle = say_nothing};
    atomic_store(&heard, 0);
    router_fixture_init(&proxy);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.forward_timeout_ms = FORWARD_MS;
    proxy.config.proxy.client_concurrency = MANY;
    scripted_router_start(&relays[0], &nothing);
    scripted_router_start(&relays[1], &most);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&client);
    scripted_router_stop(&relays[0]);
    scripted_router_stop(&relays[1]);
    router_fixture_finish(&proxy);
    return 0;
}

static void start_proxy(void) {
    struct peer_answer answer;
    router_fixture_start(&proxy);
    router_fixture_connect(&proxy, 0, &client);
    for (unsigned i = 0; i < 2; i++) {
        forwarding_connect(&client, relays[i].address, NULL, &answer);
        assert_int_equal(answer.response.tag, SMP_PKEY);
        sessions[i] = forwarding_of_key(&answer, SMP_PROXIED_VERSION_MAX);
    }
}

static void forward(unsigned relay, unsigned count) {
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    for (unsigned i = 0; i < count; i++) {
        forwarding_seal(&sessions[relay], NULL, slice_of_text("somebody's queue"), &command);
        forwarding_send(&client, &sessions[relay]);
    }
}

static void take_answers(unsigned count, struct answers *answers) {
    struct peer_answer answer;
    char text[256];
    for (unsigned i = 0; i < count; i++) {
        peer_receive(&client, &answer);
        assert_int_equal(answer.response.tag, SMP_ERR);
        (void)smp_error_text(&answer.response.error, text, sizeof text);
        if (strcmp(text, "PROXY BROKER NETWORK") == 0)
            answers->network++;
        else if (strcmp(text, "PROXY BROKER TIMEOUT") == 0)
            answers->timeout++;
        else if (strcmp(text, "PROXY PROTOCOL AUTH") == 0)
            answers->answered++;
        else
            fail_msg("%s", text);
    }
}

static void test_the_end_of_a_connection_ends_its_own_commands_and_no_others(void **state) {
    (void)state;
    struct answers ended = {0}, late = {0};
    start_proxy();
    uint64_t started_ms = clock_monotonic_ms();
    forward(1, 1); /* the one that is not answered */
    forward(0, EACH);
    scripted_await(&relays[0], SMP_RFWD, EACH);
    scripted_close(atomic_load(&relays[0].last));
    take_answers(EACH, &ended);
    assert_int_equal(ended.network, EACH);
    assert_true(clock_monotonic_ms() - started_ms < FORWARD_MS);
    take_answers(1, &late);
    assert_int_equal(late.timeout, 1);
    assert_true(clock_monotonic_ms() - started_ms >= FORWARD_MS);
    assert_true(peer_is_silent(&client, 100));
}

/* Commands that were answered long ago stand in front of them and behind them. */
static void test_among_many_answered_commands_each_other_one_times_out(void **state) {
    (void)state;
    struct answers answers = {0};
    start_proxy();
    uint64_t started_ms = clock_monotonic_ms();
    for (unsigned sent = 0; sent < MANY; sent += ANSWERED_BUT) {
        forward(1, ANSWERED_BUT);
        take_answers(ANSWERED_BUT - 1, &answers);
    }
    bool in_time = clock_monotonic_ms() - started_ms < FORWARD_MS;
    take_answers(MANY / ANSWERED_BUT, &answers);
    assert_int_equal(answers.network, 0);
    assert_int_equal(answers.timeout, MANY / ANSWERED_BUT);
    assert_int_equal(answers.answered, MANY - MANY / ANSWERED_BUT);
    assert_true(!in_time || clock_monotonic_ms() - started_ms >= FORWARD_MS);
    assert_true(peer_is_silent(&client, 100));
}

static void test_bytes_under_way_are_bounded_and_come_back(void **state) {
    (void)state;
    struct answers refused = {0}, late = {0};
    char error[256];
    proxy.config.proxy.forward_bytes = BYTES_FOR_FOUR;
    start_proxy();
    uint64_t started_ms = clock_monotonic_ms();
    forward(0, EACH);
    take_answers(EACH - 4, &refused);
    assert_int_equal(refused.timeout, EACH - 4);
    assert_true(clock_monotonic_ms() - started_ms < FORWARD_MS);
    scripted_await(&relays[0], SMP_RFWD, 4);
    take_answers(4, &late);
    assert_true(clock_monotonic_ms() - started_ms >= FORWARD_MS);
    forward(0, 4);
    scripted_await(&relays[0], SMP_RFWD, 8);
    /* A reload gives more, at once. */
    proxy.config.proxy.forward_bytes = 2 * BYTES_FOR_FOUR;
    assert_int_equal(smp_router_reload(proxy.router, &proxy.config, error, sizeof error), SMQ_OK);
    forward(0, 4);
    scripted_await(&relays[0], SMP_RFWD, 12);
}

#define DEADLINES_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        DEADLINES_TEST(test_the_end_of_a_connection_ends_its_own_commands_and_no_others),
        DEADLINES_TEST(test_among_many_answered_commands_each_other_one_times_out),
        DEADLINES_TEST(test_bytes_under_way_are_bounded_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
