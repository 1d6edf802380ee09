/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages and notifications that nobody fetched in time. Each test has a router with its own times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/router_fixture.h"

enum { TTL_S = 1, NEVER_S = 3600, PAUSE_US = 20000 };

static struct router_fixture fixture;
static struct peer peer;
static struct peer_queue queue;
static struct peer_answer answer;
static uint8_t id[24];

static int setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.message_ttl_s = TTL_S;
    fixture.config.message_expiry_interval_s = NEVER_S;
    fixture.config.expire_messages_on_start = false;
    fixture.config.expire_messages_on_send = false;
    fixture.config.queue_quota = 2;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&peer);
    router_fixture_finish(&fixture);
    return 0;
}

static void start(void) {
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
}

static void stop(void) {
    peer_close(&peer);
    router_fixture_stop(&fixture);
}

static struct smp_router_statistics statistics(void) {
    struct smp_router_statistics now;
    smp_router_statistics(fixture.router, &now);
    return now;
}

static unsigned size_of(const struct peer_queue *asked) {
    const struct smp_command inform = peer_command(SMP_QUE);
    peer_expect(&peer, &asked->recipient_key, peer_recipient(asked), &inform, SMP_INFO, &answer);
    const char *found = memmem(answer.response.json.bytes, answer.response.json.length, "\"qiSize\":", 9);
    assert_non_null(found);
    return (unsigned)(found[9] - '0');
}

/* Until the router has expired messages down to `size`. */
static void wait_for_size(const struct peer_queue *asked, unsigned size) {
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (size_of(asked) != size) {
        assert_true(clock_monotonic_ms() < deadline);
        usleep(PAUSE_US);
    }
}

/* The count follows the commit, by a message. */
static void wait_until_counted(uint64_t expired) {
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (statistics().messages_expired < expired && clock_monotonic_ms() < deadline)
        usleep(PAUSE_US);
    assert_int_equal(expired, statistics().messages_expired);
}

/* Until everything that was sent before the call is old enough to expire. */
static void wait_for_age(void) {
    int64_t sent = clock_realtime_s();
    while (clock_realtime_s() - TTL_S <= sent)
        usleep(PAUSE_US);
}

static void send_text(const char *text) {
    peer_send_message(&peer, &queue, NULL, text);
}

static void subscribe(void) {
    const struct smp_command command = peer_command(SMP_SUB);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_SOK, NULL);
}

static void test_old_messages_expire_by_themselves(void **state) {
    (void)state;
    fixture.config.message_expiry_interval_s = 1;
    start();
    peer_create_queue(&peer, 0, &queue);
    send_text("one");
    send_text("two");
    wait_for_size(&queue, 0);
    wait_until_counted(2);
    assert_int_equal(0, statistics().messages);
    subscribe();
    send_text("new");
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "new", id);
}

static void test_expiry_stops_at_the_marker(void **state) {
    (void)state;
    struct peer_queue later;
    const struct smp_command refused = peer_send_command(slice_of_text("refused"), false);
    fixture.config.message_expiry_interval_s = 1;
    start();
    peer_create_queue(&peer, 0, &later);
    peer_create_queue(&peer, 0, &queue);
    send_text("one");
    send_text("two");
    peer_expect_error(&peer, NULL, peer_sender(&queue), &refused, smp_error_of(SMP_ERROR_QUOTA));
    peer_send_message(&peer, &later, NULL, "younger than the marker");
    wait_for_size(&later, 0);
    assert_int_equal(1, size_of(&queue));
    peer_expect_error(&peer, NULL, peer_sender(&queue), &refused, smp_error_of(SMP_ERROR_QUOTA));
    subscribe();
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, NULL, id);
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
    send_text("room again");
}

static void test_send_expires_old_messages_of_its_queue_first(void **state) {
    (void)state;
    struct peer_queue other;
    fixture.config.expire_messages_on_send = true;
    start();
    peer_create_queue(&peer, 0, &other);
    peer_create_queue(&peer, 0, &queue);
    peer_send_message(&peer, &other, NULL, "of another queue");
    send_text("one");
    send_text("two");
    wait_for_age();
    send_text("three");
    assert_int_equal(1, size_of(&queue));
    assert_int_equal(1, size_of(&other));
    wait_until_counted(2);
    subscribe();
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "three", id);
}

static void test_full_queue_with_old_messages_has_room_again(void **state) {
    (void)state;
    const struct smp_command refused = peer_send_command(slice_of_text("refused"), false);
    fixture.config.expire_messages_on_send = true;
    start();
    peer_create_queue(&peer, 0, &queue);
    send_text("one");
    wait_for_age();
    send_text("two");
    send_text("three");
    peer_expect_error(&peer, NULL, peer_sender(&queue), &refused, smp_error_of(SMP_ERROR_QUOTA));
    assert_int_equal(3, size_of(&queue));
}

static void test_send_leaves_old_messages_alone_when_told_so(void **state) {
    (void)state;
    start();
    peer_create_queue(&peer, 0, &queue);
    send_text("one");
    wait_for_age();
    send_text("two");
    assert_int_equal(2, size_of(&queue));
    assert_int_equal(0, statistics().messages_expired);
}

static void test_message_behind_an_expired_one_in_flight_waits_for_its_ack(void **state) {
    (void)state;
    fixture.config.expire_messages_on_send = true;
    start();
    peer_create_queue(&peer, 0, &queue);
    send_text("old");
    wait_for_age();
    struct peer recipient;
    router_fixture_connect(&fixture, 0, &recipient);
    const struct smp_command command = peer_command(SMP_SUB);
    peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &command, SMP_SOK, NULL);
    peer_receive(&recipient, &answer);
    peer_check_message(&queue, &answer, "old", id);
    send_text("new"); /* expires the one that is being delivered */
    assert_true(peer_is_silent(&recipient, 150));
    peer_acknowledge(&recipient, &queue, id, SMP_MSG, &answer);
    peer_check_message(&queue, &answer, "new", id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
    peer_close(&recipient);
}

static void test_ack_of_an_expired_message_answers_the_next(void **state) {
    (void)state;
    uint8_t old[24];
    fixture.config.message_expiry_interval_s = 1;
    start();
    peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
    send_text("old");
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "old", old);
    wait_for_size(&queue, 0);
    send_text("new");
    assert_true(peer_is_silent(&peer, 100)); /* one is in flight still */
    peer_acknowledge(&peer, &queue, old, SMP_MSG, &answer);
    peer_check_message(&queue, &answer, "new", id);
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
}

static void test_messages_expire_at_the_start_when_told_so(void **state) {
    (void)state;
    start();
    peer_create_queue(&peer, 0, &queue);
    send_text("kept");
    wait_for_age();
    stop();
    start();
    assert_int_equal(1, size_of(&queue));
    stop();
    fixture.config.expire_messages_on_start = true;
    start();
    wait_for_size(&queue, 0);
}

static void test_notifications_expire(void **state) {
    (void)state;
    fixture.config.notification_ttl_s = TTL_S;
    fixture.config.notification_expiry_interval_s = 1;
    fixture.config.message_ttl_s = NEVER_S;
    start();
    peer_create_queue(&peer, PEER_WITH_NOTIFIER, &queue);
    send_text("kept longer than its notification");
    assert_int_equal(1, statistics().notifications);
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (statistics().notifications > 0) {
        assert_true(clock_monotonic_ms() < deadline);
        usleep(PAUSE_US);
    }
    assert_int_equal(0, statistics().notifications_sent);
    const struct smp_command notify = peer_command(SMP_NSUB);
    peer_expect(&peer, &queue.notifier_key, slice_of(queue.notifier_id, 24), &notify, SMP_SOK, NULL);
    assert_true(peer_is_silent(&peer, 200));
    assert_int_equal(1, size_of(&queue));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_old_messages_expire_by_themselves),
        TEST(test_expiry_stops_at_the_marker),
        TEST(test_send_expires_old_messages_of_its_queue_first),
        TEST(test_full_queue_with_old_messages_has_room_again),
        TEST(test_send_leaves_old_messages_alone_when_told_so),
        TEST(test_message_behind_an_expired_one_in_flight_waits_for_its_ack),
        TEST(test_ack_of_an_expired_message_answers_the_next),
        TEST(test_messages_expire_at_the_start_when_told_so),
        TEST(test_notifications_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
