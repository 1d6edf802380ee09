/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifications: who gets them, what is in them, and what becomes of them when a notifier comes, goes or is
 * replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/router_fixture.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/notification_meta.h"

enum { QUIET_MS = 200 }; /* several rounds of delivery */

static struct router_fixture fixture;
static struct peer recipient;
static struct peer notifier;
static struct peer other;
static struct peer_queue queue;
static struct peer_answer answer;
static uint8_t id[24];

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.queue_quota = 4;
    router_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &notifier);
    router_fixture_connect(&fixture, 0, &other);
    peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &queue);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&recipient);
    peer_close(&notifier);
    peer_close(&other);
    return 0;
}

static struct slice notifier_entity(void) {
    return slice_of(queue.notifier_id, 24);
}

static void subscribe(struct peer *peer) {
    const struct smp_command command = peer_command(SMP_NSUB);
    peer_expect(peer, &queue.notifier_key, notifier_entity(), &command, SMP_SOK, &answer);
    assert_false(answer.response.service.present);
}

static void send_text(const char *text, bool notify) {
    const struct smp_command command = peer_send_command(slice_of_text(text), notify);
    peer_expect(&recipient, NULL, peer_sender(&queue), &command, SMP_OK, NULL);
}

/* A notification, and the id of the message that it is about. */
static void receive_notification(struct peer *peer, uint8_t message_id[24], int64_t *timestamp) {
    uint8_t sealed[NOTIFICATION_META_SIZE];
    struct notification_meta meta;
    peer_receive(peer, &answer);
    assert_string_equal("NMSG", smp_response_tag_text(answer.response.tag));
    assert_int_equal(0, answer.correlation_id.length);
    assert_true(slice_equal(notifier_entity(), answer.entity_id));
    assert_int_equal(24, answer.response.notification.nonce.length);
    assert_int_equal(sizeof sealed, answer.response.notification.metadata.length);
    memcpy(sealed, answer.response.notification.metadata.bytes, sizeof sealed);
    assert_int_equal(SMQ_OK, notification_meta_open(&queue.notification_key, answer.response.notification.nonce.bytes,
                                                    sealed, sizeof sealed, &meta));
    assert_int_equal(24, meta.message_id.length);
    memcpy(message_id, meta.message_id.bytes, 24);
    *timestamp = meta.timestamp;
}

/* The notifications that come are about exactly these messages, which the recipient fetches in order. */
static void check_notifications(struct peer *peer, const char *const texts[], size_t count) {
    const struct smp_command get = peer_command(SMP_GET);
    for (size_t i = 0; i < count; i++) {
        uint8_t notified[24];
        int64_t timestamp;
        receive_notification(peer, notified, &timestamp);
        peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &get, SMP_MSG, &answer);
        static uint8_t body[MESSAGE_BODY_SIZE];
        struct message_body message;
        memcpy(body, answer.response.message.body.bytes, sizeof body);
        peer_check_message(&queue, &answer, texts[i], id);
        assert_memory_equal(notified, id, sizeof id);
        assert_int_equal(SMQ_OK, message_body_open(&queue.body_key, slice_of(id, 24), body, sizeof body, &message));
        assert_int_equal(message.timestamp, timestamp);
        assert_true(message.notification);
        peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
    }
}

static void expect_event(struct peer *peer, enum smp_response_tag tag, struct slice entity) {
    peer_receive(peer, &answer);
    assert_string_equal(smp_response_tag_text(tag), smp_response_tag_text(answer.response.tag));
    assert_int_equal(0, answer.correlation_id.length);
    assert_true(slice_equal(entity, answer.entity_id));
}

static void expect_no_notifier(const uint8_t notifier_id[24]) {
    const struct smp_command command = peer_command(SMP_NSUB);
    peer_expect_error(&notifier, &queue.notifier_key, slice_of(notifier_id, 24), &command,
                      smp_error_of(SMP_ERROR_AUTH));
}

static uint64_t stored(void) {
    struct smp_router_statistics statistics;
    smp_router_statistics(fixture.router, &statistics);
    return statistics.notifications;
}

static void wait_until_none_is_stored(void) {
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (stored() > 0) {
        assert_true(clock_monotonic_ms() < deadline);
        usleep(10000);
    }
}

static void replace_notifier(void) {
    struct smp_command command = peer_command(SMP_NKEY);
    command.notifier.key = queue.notifier_key.public_key;
    command.notifier.dh_key = queue.notifier_dh_key.public_key;
    peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &command, SMP_NID, &answer);
    assert_int_equal(24, answer.response.notifier.id.length);
    memcpy(queue.notifier_id, answer.response.notifier.id.bytes, 24);
    assert_int_equal(SMQ_OK, box_key_agree(&queue.notifier_dh_key.private_key, &answer.response.notifier.dh_key,
                                           &queue.notification_key));
}

static void delete_notifier(void) {
    const struct smp_command command = peer_command(SMP_NDEL);
    peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &command, SMP_OK, NULL);
}

static void test_notification_tells_which_message_came_and_when(void **state) {
    (void)state;
    static const char *const texts[] = {"one", "two"};
    subscribe(&notifier);
    send_text("one", true);
    send_text("two", true);
    check_notifications(&notifier, texts, 2);
    wait_until_none_is_stored();
    assert_true(peer_is_silent(&notifier, QUIET_MS));
}

static void test_no_notification_without_the_flag(void **state) {
    (void)state;
    subscribe(&notifier);
    send_text("quiet", false);
    assert_true(peer_is_silent(&notifier, QUIET_MS));
    const struct smp_command get = peer_command(SMP_GET);
    peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &get, SMP_MSG, &answer);
    peer_check_message(&queue, &answer, "quiet", id);
}

static void test_no_notification_for_the_quota_marker(void **state) {
    (void)state;
    const struct smp_command refused = peer_send_command(slice_of_text("refused"), true);
    subscribe(&notifier);
    for (unsigned i = 0; i < 4; i++)
        send_text("quiet", false);
    peer_expect_error(&recipient, NULL, peer_sender(&queue), &refused, smp_error_of(SMP_ERROR_QUOTA));
    peer_expect_error(&recipient, NULL, peer_sender(&queue), &refused, smp_error_of(SMP_ERROR_QUOTA));
    assert_true(peer_is_silent(&notifier, QUIET_MS));
}

static void test_notifications_wait_for_a_subscriber_in_order(void **state) {
    (void)state;
    static const char *const texts[] = {"one", "two", "three"};
    for (size_t i = 0; i < 3; i++)
        send_text(texts[i], true);
    assert_int_equal(3, stored());
    subscribe(&notifier);
    check_notifications(&notifier, texts, 3);
    wait_until_none_is_stored();
    subscribe(&other);
    assert_true(peer_is_silent(&other, QUIET_MS));
}

static void test_notifications_survive_a_restart(void **state) {
    (void)state;
    static const char *const texts[] = {"one", "two"};
    send_text("one", true);
    send_text("two", true);
    (void)teardown(state);
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &notifier);
    router_fixture_connect(&fixture, 0, &other);
    subscribe(&notifier);
    check_notifications(&notifier, texts, 2);
}

static void test_acknowledged_messages_are_notified_still(void **state) {
    (void)state;
    const struct smp_command get = peer_command(SMP_GET);
    uint8_t notified[24];
    int64_t timestamp;
    send_text("fetched", true);
    peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &get, SMP_MSG, &answer);
    peer_check_message(&queue, &answer, "fetched", id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
    subscribe(&notifier);
    receive_notification(&notifier, notified, &timestamp);
    assert_memory_equal(id, notified, sizeof id);
}

static void test_repeated_nsub_is_fine(void **state) {
    (void)state;
    static const char *const texts[] = {"once"};
    subscribe(&notifier);
    subscribe(&notifier);
    send_text("once", true);
    check_notifications(&notifier, texts, 1);
    assert_true(peer_is_silent(&notifier, QUIET_MS));
}

static void test_takeover_ends_the_other_subscription(void **state) {
    (void)state;
    static const char *const texts[] = {"to the other"};
    static const char *const back[] = {"and back"};
    subscribe(&notifier);
    subscribe(&other);
    expect_event(&notifier, SMP_END, notifier_entity());
    send_text("to the other", true);
    check_notifications(&other, texts, 1);
    assert_true(peer_is_silent(&notifier, QUIET_MS));
    subscribe(&notifier);
    expect_event(&other, SMP_END, notifier_entity());
    send_text("and back", true);
    check_notifications(&notifier, back, 1);
}

static void test_disconnected_subscriber_misses_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {"while away"};
    subscribe(&notifier);
    peer_close(&notifier);
    send_text("while away", true);
    subscribe(&other);
    check_notifications(&other, texts, 1);
    router_fixture_connect(&fixture, 0, &notifier);
}

static void test_nkey_gives_a_new_notifier_and_the_old_one_is_told(void **state) {
    (void)state;
    static const char *const texts[] = {"to the new"};
    uint8_t old[24];
    subscribe(&notifier);
    memcpy(old, queue.notifier_id, sizeof old);
    replace_notifier();
    assert_memory_not_equal(old, queue.notifier_id, sizeof old);
    expect_event(&notifier, SMP_DELD, slice_of(old, sizeof old));
    expect_no_notifier(old);
    subscribe(&other);
    send_text("to the new", true);
    check_notifications(&other, texts, 1);
    assert_true(peer_is_silent(&notifier, QUIET_MS));
}

static void test_nkey_drops_what_the_old_notifier_did_not_get(void **state) {
    (void)state;
    send_text("for the old one", true);
    replace_notifier();
    subscribe(&notifier);
    assert_true(peer_is_silent(&notifier, QUIET_MS));
    assert_int_equal(0, stored());
}

static void test_ndel_is_repeatable_and_tells_the_subscriber(void **state) {
    (void)state;
    uint8_t old[24];
    memcpy(old, queue.notifier_id, sizeof old);
    subscribe(&notifier);
    delete_notifier();
    expect_event(&notifier, SMP_DELD, slice_of(old, sizeof old));
    delete_notifier();
    expect_no_notifier(old);
    send_text("to nobody", true);
    assert_int_equal(0, stored());
    assert_true(peer_is_silent(&notifier, QUIET_MS));
    replace_notifier();
    assert_memory_not_equal(old, queue.notifier_id, sizeof old);
    subscribe(&notifier);
}

static void test_connection_that_removes_its_own_notifier_is_told_nothing(void **state) {
    (void)state;
    subscribe(&recipient);
    replace_notifier();
    subscribe(&recipient);
    delete_notifier();
    assert_true(peer_is_silent(&recipient, QUIET_MS));
}

static void test_old_versions_are_told_in_their_words(void **state) {
    (void)state;
    struct peer old;
    const struct smp_command command = peer_command(SMP_NSUB);
    router_fixture_connect(&fixture, 9, &old);
    peer_expect(&old, &queue.notifier_key, notifier_entity(), &command, SMP_OK, NULL);
    uint8_t notified[24];
    int64_t timestamp;
    send_text("to an old one", true);
    receive_notification(&old, notified, &timestamp);
    struct slice entity = notifier_entity();
    delete_notifier();
    expect_event(&old, SMP_END, entity);
    peer_close(&old);
}

static void test_nsub_needs_the_notifiers_key_and_id(void **state) {
    (void)state;
    const struct smp_command command = peer_command(SMP_NSUB);
    const struct smp_error auth = smp_error_of(SMP_ERROR_AUTH);
    peer_expect_error(&notifier, &queue.recipient_key, notifier_entity(), &command, auth);
    peer_expect_error(&notifier, &queue.notifier_key, peer_recipient(&queue), &command, auth);
    peer_expect_error(&notifier, &queue.notifier_key, peer_sender(&queue), &command, auth);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_notification_tells_which_message_came_and_when),
        TEST(test_no_notification_without_the_flag),
        TEST(test_no_notification_for_the_quota_marker),
        TEST(test_notifications_wait_for_a_subscriber_in_order),
        TEST(test_notifications_survive_a_restart),
        TEST(test_acknowledged_messages_are_notified_still),
        TEST(test_repeated_nsub_is_fine),
        TEST(test_takeover_ends_the_other_subscription),
        TEST(test_disconnected_subscriber_misses_nothing),
        TEST(test_nkey_gives_a_new_notifier_and_the_old_one_is_told),
        TEST(test_nkey_drops_what_the_old_notifier_did_not_get),
        TEST(test_ndel_is_repeatable_and_tells_the_subscriber),
        TEST(test_connection_that_removes_its_own_notifier_is_told_nothing),
        TEST(test_old_versions_are_told_in_their_words),
        TEST(test_nsub_needs_the_notifiers_key_and_id),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
