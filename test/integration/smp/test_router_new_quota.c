/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Quotas on new queues: by address, by password, and on those that nobody uses; all of them live. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/support/require.h"
#include "test/support/router_fixture.h"

enum { QUOTA = 10 };

static struct router_fixture fixture;
static struct peer peer, other;
static struct peer_queue queues[2 * QUOTA];
static const struct slice nothing;

static int setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&peer);
    peer_close(&other);
    router_fixture_finish(&fixture);
    return 0;
}

static void start(void) {
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    router_fixture_connect(&fixture, 0, &other);
}

static struct smp_router_statistics statistics(void) {
    struct smp_router_statistics now;
    smp_router_statistics(fixture.router, &now);
    return now;
}

static void reload(void) {
    char error[256];
    if (smp_router_reload(fixture.router, &fixture.config, error, sizeof error) != SMQ_OK)
        fail_msg("%s", error);
}

static struct smp_command new_command(struct peer_queue *queue, const char *password) {
    struct smp_command command = peer_new_command(0, queue);
    command.create.has_password = password != NULL;
    command.create.password = password == NULL ? nothing : slice_of_text(password);
    return command;
}

static void expect_made(struct peer *by, const char *password, struct peer_queue *queue) {
    struct peer_answer answer;
    struct smp_command command = new_command(queue, password);
    peer_expect(by, &queue->recipient_key, nothing, &command, SMP_IDS, &answer);
    peer_queue_created(queue, &answer);
}

static void expect_refused(struct peer *by, const char *password, enum smp_error_code error) {
    struct peer_queue queue;
    struct smp_command command = new_command(&queue, password);
    peer_expect_error(by, &queue.recipient_key, nothing, &command, smp_error_of(error));
}

static void test_address_makes_as_many_as_its_quota_and_others_none_less(void **state) {
    (void)state;
    fixture.config.limits.limit_loopback = true;
    fixture.config.new_queues_per_address = QUOTA;
    start();
    for (unsigned i = 0; i < QUOTA; i++)
        expect_made(i % 2 == 0 ? &peer : &other, NULL, &queues[i]); /* connections do not matter */
    expect_refused(&peer, NULL, SMP_ERROR_QUOTA);
    expect_refused(&other, NULL, SMP_ERROR_QUOTA);
    assert_int_equal(statistics().new_refused_address, 2);
    assert_int_equal(statistics().queues_created, QUOTA);
    peer_send_message(&other, &queues[0], NULL, "what is there works"); /* as before */
    fixture.config.new_queues_per_address = 0;
    reload();
    expect_made(&peer, NULL, &queues[QUOTA]);
}

static void test_loopback_is_exempt_unless_limited(void **state) {
    (void)state;
    fixture.config.new_queues_per_address = 1;
    start();
    for (unsigned i = 0; i < QUOTA; i++)
        expect_made(&peer, NULL, &queues[i]);
    assert_int_equal(statistics().new_refused_address, 0);
}

static void test_password_makes_as_many_as_its_quota(void **state) {
    (void)state;
    fixture.config.create_password = "secret";
    fixture.config.new_queues_per_password = 2;
    start();
    for (unsigned i = 0; i < QUOTA; i++)
        expect_refused(&other, "guess", SMP_ERROR_AUTH); /* takes nothing from those who know it */
    expect_made(&peer, "secret", &queues[0]);
    expect_made(&other, "secret", &queues[1]);
    expect_refused(&peer, "secret", SMP_ERROR_QUOTA);
    assert_int_equal(statistics().new_refused_password, 1);
    fixture.config.new_queues_per_password = 0;
    reload();
    expect_made(&peer, "secret", &queues[2]);
}

static void test_queues_that_nobody_uses_are_bounded(void **state) {
    (void)state;
    struct peer_answer answer;
    struct smp_command delete = peer_command(SMP_DEL);
    fixture.config.unused_queues = QUOTA;
    start();
    for (unsigned i = 0; i < QUOTA; i++)
        expect_made(&peer, NULL, &queues[i]);
    assert_int_equal(statistics().unused_queues, QUOTA);
    expect_refused(&other, NULL, SMP_ERROR_QUOTA);
    assert_int_equal(statistics().new_refused_unused, 1);
    peer_send_message(&other, &queues[0], NULL, "used");
    peer_send_message(&other, &queues[0], NULL, "and again");
    expect_made(&peer, NULL, &queues[QUOTA]);
    expect_refused(&peer, NULL, SMP_ERROR_QUOTA);
    peer_expect(&peer, &queues[1].recipient_key, peer_recipient(&queues[1]), &delete, SMP_OK, &answer);
    struct smp_command secure = {.tag = SMP_KEY, .key = queues[2].sender_key.public_key};
    peer_expect(&peer, &queues[2].recipient_key, peer_recipient(&queues[2]), &secure, SMP_OK, &answer);
    assert_int_equal(statistics().unused_queues, QUOTA - 2);
    expect_made(&peer, NULL, &queues[QUOTA + 1]);
    expect_made(&peer, NULL, &queues[QUOTA + 2]);
    expect_refused(&peer, NULL, SMP_ERROR_QUOTA);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_address_makes_as_many_as_its_quota_and_others_none_less),
        CASE(test_loopback_is_exempt_unless_limited),
        CASE(test_password_makes_as_many_as_its_quota),
        CASE(test_queues_that_nobody_uses_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
