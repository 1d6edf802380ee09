/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Services that subscribe to notifications: NSUB and NSUBS in service sessions, who gets what, who is told, and what is
 * counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/raw_transmission.h"
#include "test/support/router_fixture.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/notification_meta.h"

enum { QUIET_MS = 200 }; /* several rounds of delivery */

static struct router_fixture fixture;
static struct credentials *service; /* new ones for each test */
static struct credentials *rival;
static struct peer recipient;
static struct peer individual;
static struct peer first; /* sessions of `service` */
static struct peer second;
static struct peer foreign; /* a session of `rival` */
static struct peer_queue queue;
static struct peer_answer answer;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.process_lanes = 8; /* two subscriber lanes */
    router_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static struct credentials *issue(const struct credentials *issuer, enum certificate_kind kind, int64_t age_days,
                                 uint32_t days) {
    const struct certificate_request request = {.kind = kind,
                                                .algorithm = KEY_ED25519,
                                                .common_name = "service",
                                                .not_before_s = clock_realtime_s() - age_days * 86400 - 60,
                                                .days = days};
    struct credentials *made;
    assert_int_equal(SMQ_OK, credentials_issue(issuer, &request, &made));
    return made;
}

static void connect_service(struct peer *peer, const struct credentials *credentials) {
    struct peer_options options = router_fixture_peer_options(&fixture);
    options.service = credentials;
    options.service_role = SMP_ROLE_NOTIFIER;
    peer_connect(peer, &options);
    assert_true(peer->has_service);
}

static void connect_all(void) {
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &individual);
    connect_service(&first, service);
    connect_service(&second, service);
    connect_service(&foreign, rival);
}

static void close_all(void) {
    peer_close(&recipient);
    peer_close(&individual);
    peer_close(&first);
    peer_close(&second);
    peer_close(&foreign);
}

static int setup(void **state) {
    (void)state;
    service = issue(NULL, CERTIFICATE_CLIENT, 0, 10);
    rival = issue(NULL, CERTIFICATE_CLIENT, 0, 10);
    connect_all();
    peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &queue);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    close_all();
    credentials_destroy(&service);
    credentials_destroy(&rival);
    return 0;
}

static void restart(void) {
    close_all();
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    connect_all();
}

static struct slice notifier_of(const struct peer_queue *of) {
    return slice_of(of->notifier_id, 24);
}

static struct slice service_of(const struct peer *peer) {
    return slice_of(peer->service_id, 24);
}

static void subscribe_to(struct peer *peer, const struct peer_queue *to) {
    const struct smp_command command = peer_command(SMP_NSUB);
    peer_expect(peer, &to->notifier_key, notifier_of(to), &command, SMP_SOK, &answer);
    assert_int_equal(peer->has_service, answer.response.service.present);
    if (peer->has_service)
        assert_true(slice_equal(service_of(peer), answer.response.service.id));
}

static void subscribe(struct peer *peer) {
    subscribe_to(peer, &queue);
}

static void expect_count(struct peer *peer, int64_t count) {
    const struct smp_command command = peer_command(SMP_NSUBS);
    peer_expect(peer, &peer->service_key, service_of(peer), &command, SMP_SOKS, &answer);
    assert_true(slice_equal(service_of(peer), answer.entity_id));
    assert_int_equal(count, answer.response.count);
}

static void expect_event(struct peer *peer, enum smp_response_tag tag, struct slice entity) {
    peer_receive(peer, &answer);
    assert_string_equal(smp_response_tag_text(tag), smp_response_tag_text(answer.response.tag));
    assert_int_equal(0, answer.correlation_id.length);
    assert_true(slice_equal(entity, answer.entity_id));
}

static void expect_service_end(struct peer *peer, int64_t count) {
    expect_event(peer, SMP_ENDS, service_of(peer));
    assert_int_equal(count, answer.response.count);
}

static void expect_notification(struct peer *peer) {
    expect_event(peer, SMP_NMSG, notifier_of(&queue));
}

static void notify(const char *text) {
    peer_send_message(&recipient, &queue, NULL, text);
}

/* The commands of `tag` that change the notifier, answered well. */
static void change_notifier(enum smp_command_tag tag) {
    struct smp_command command = peer_command(tag);
    struct key_pair dh_key;
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &dh_key));
    command.notifier.key = queue.notifier_key.public_key;
    command.notifier.dh_key = dh_key.public_key;
    peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &command, tag == SMP_NKEY ? SMP_NID : SMP_OK,
                &answer);
}

/* ---- NSUB: session of a service or of none, notifier of that service, of another or of none ---- */

static void test_nsub_of_a_service_answers_its_id_and_brings_notifications(void **state) {
    (void)state;
    subscribe(&first);
    notify("one");
    expect_notification(&first);
    subscribe(&first);
    notify("two");
    expect_notification(&first);
    assert_true(peer_is_silent(&first, QUIET_MS));
    expect_count(&first, 1);
}

static void test_service_takes_the_notifier_of_a_connection_which_is_told_end(void **state) {
    (void)state;
    subscribe(&individual);
    subscribe(&first);
    expect_event(&individual, SMP_END, notifier_of(&queue));
    notify("for the service");
    expect_notification(&first);
    assert_true(peer_is_silent(&individual, QUIET_MS));
}

static void test_connection_takes_the_notifier_of_a_service_which_is_told_end_and_counts_one_less(void **state) {
    (void)state;
    struct peer_queue kept;
    peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &kept);
    subscribe(&first);
    subscribe_to(&first, &kept);
    expect_count(&first, 2);
    subscribe(&individual);
    expect_event(&first, SMP_END, notifier_of(&queue));
    expect_count(&first, 1);
    notify("for the connection");
    expect_notification(&individual);
    assert_true(peer_is_silent(&first, QUIET_MS));
    expect_count(&second, 1);
}

static void test_service_takes_the_notifier_of_another_service(void **state) {
    (void)state;
    subscribe(&first);
    subscribe(&foreign);
    expect_event(&first, SMP_END, notifier_of(&queue));
    notify("for the other service");
    expect_notification(&foreign);
    expect_count(&foreign, 1);
    expect_count(&first, 0);
    assert_true(peer_is_silent(&first, QUIET_MS));
}

static void test_nsub_in_another_session_of_the_service_takes_the_whole_service(void **state) {
    (void)state;
    struct peer_queue other;
    peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &other);
    subscribe(&first);
    subscribe_to(&first, &other);
    subscribe(&second);
    expect_service_end(&first, 2);
    notify("for the second session");
    expect_notification(&second);
    peer_send_message(&recipient, &other, NULL, "of a queue that it did not name");
    expect_event(&second, SMP_NMSG, notifier_of(&other));
    assert_true(peer_is_silent(&first, QUIET_MS));
    subscribe(&first);
    expect_service_end(&second, 1);
}

static void test_connections_take_a_notifier_from_each_other_after_a_service_had_it(void **state) {
    (void)state;
    struct peer another;
    router_fixture_connect(&fixture, 0, &another);
    subscribe(&first);
    subscribe(&individual);
    expect_event(&first, SMP_END, notifier_of(&queue));
    subscribe(&another);
    expect_event(&individual, SMP_END, notifier_of(&queue));
    notify("for the last");
    expect_notification(&another);
    assert_true(peer_is_silent(&first, QUIET_MS));
    peer_close(&another);
}

static void test_association_survives_the_session_and_the_router(void **state) {
    (void)state;
    subscribe(&first);
    restart();
    notify("while nobody is subscribed");
    assert_true(peer_is_silent(&first, QUIET_MS));
    expect_count(&second, 1);
    expect_notification(&second);
}

static void test_nsub_of_an_unknown_notifier_is_auth_in_a_service_session(void **state) {
    (void)state;
    const struct smp_command command = peer_command(SMP_NSUB);
    uint8_t unknown[24] = {1};
    peer_expect_error(&first, &queue.notifier_key, slice_of(unknown, sizeof unknown), &command,
                      smp_error_of(SMP_ERROR_AUTH));
    change_notifier(SMP_NDEL);
    peer_expect_error(&first, &queue.notifier_key, notifier_of(&queue), &command, smp_error_of(SMP_ERROR_AUTH));
    expect_count(&first, 0);
}

/* ---- NSUBS ---- */

static void test_nsubs_answers_how_many_notifiers_the_service_has(void **state) {
    (void)state;
    struct peer_queue queues[3];
    expect_count(&first, 0);
    for (unsigned i = 0; i < 3; i++) {
        peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &queues[i]);
        subscribe_to(&first, &queues[i]);
    }
    expect_count(&first, 3);
    subscribe_to(&individual, &queues[0]);
    expect_event(&first, SMP_END, notifier_of(&queues[0]));
    expect_count(&first, 2);
    expect_count(&second, 2);
    expect_service_end(&first, 2);
}

static void test_nsubs_takes_the_service_once_a_session(void **state) {
    (void)state;
    subscribe(&first);
    expect_count(&second, 1);
    expect_service_end(&first, 1);
    expect_count(&first, 1);
    expect_service_end(&second, 1);
    expect_count(&second, 0);
    notify("for the first session");
    expect_notification(&first);
    assert_true(peer_is_silent(&second, QUIET_MS));
    subscribe(&second);
    expect_service_end(&first, 1);
    expect_count(&second, 1);
}

static void test_nsubs_needs_the_sessions_own_service_and_its_signature(void **state) {
    (void)state;
    const struct smp_command command = peer_command(SMP_NSUBS);
    const struct smp_error refused = smp_error_of(SMP_ERROR_SERVICE);
    struct key_pair wrong;
    struct key_pair other_kind;
    uint8_t unknown[24] = {1};
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &wrong));
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &other_kind));
    peer_expect_error(&first, &wrong, service_of(&first), &command, refused);
    peer_expect_error(&first, &other_kind, service_of(&first), &command, refused);
    peer_expect_error(&first, &second.service_key, service_of(&first), &command, refused);
    peer_expect_error(&first, &first.service_key, service_of(&foreign), &command, refused);
    peer_expect_error(&first, &first.service_key, slice_of(unknown, sizeof unknown), &command, refused);
    peer_expect_error(&individual, &wrong, service_of(&first), &command, refused);
    peer_expect_error(&first, NULL, service_of(&first), &command, smp_error_command(COMMAND_NO_AUTH));
    peer_expect_error(&first, &first.service_key, slice_of(NULL, 0), &command, smp_error_command(COMMAND_NO_AUTH));
}

static void test_nsubs_signed_twice_is_refused(void **state) {
    (void)state;
    static const uint8_t authorization[64];
    static const uint8_t slot[2 + 64] = {'1', 64};
    struct raw_transmission transmission = {.authorization = slice_of(authorization, sizeof authorization),
                                            .service_slot = slice_of(slot, sizeof slot),
                                            .correlation_id = slice_of_text("signed twice"),
                                            .entity_id = service_of(&first),
                                            .command = slice_of_text("NSUBS")};
    raw_transmission_ask(&first, &transmission, &answer);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_SERVICE));
}

static void test_nsubs_is_prohibited_for_other_roles(void **state) {
    (void)state;
    static const enum smp_service_role roles[] = {SMP_ROLE_MESSAGING, SMP_ROLE_PROXY};
    const struct smp_command command = peer_command(SMP_NSUBS);
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        struct credentials *credentials = issue(NULL, CERTIFICATE_CLIENT, 0, 10);
        struct peer_options options = router_fixture_peer_options(&fixture);
        options.service = credentials;
        options.service_role = roles[i];
        peer_connect(&peer, &options);
        peer_expect_error(&peer, &peer.service_key, service_of(&peer), &command, smp_error_command(COMMAND_PROHIBITED));
        peer_close(&peer);
        credentials_destroy(&credentials);
    }
}

/* ---- Notifiers that go ---- */

static void test_service_is_told_of_notifiers_that_are_deleted_or_replaced(void **state) {
    (void)state;
    static const enum smp_command_tag commands[] = {SMP_NDEL, SMP_NKEY, SMP_DEL};
    struct peer_queue kept;
    peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &kept);
    subscribe_to(&first, &kept);
    for (unsigned i = 0; i < 3; i++) {
        peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &queue);
        subscribe(&first);
        expect_count(&first, 2);
        change_notifier(commands[i]);
        expect_event(&first, SMP_DELD, notifier_of(&queue));
        expect_count(&first, 1);
    }
    expect_count(&second, 1);
}

static void test_replaced_notifier_belongs_to_no_service(void **state) {
    (void)state;
    subscribe(&first);
    change_notifier(SMP_NKEY);
    memcpy(queue.notifier_id, answer.response.notifier.id.bytes, 24);
    peer_receive(&first, &answer);
    notify("for nobody yet");
    assert_true(peer_is_silent(&first, QUIET_MS));
    subscribe(&individual);
    expect_notification(&individual);
}

/* ---- Sessions that go ---- */

static void test_closed_session_leaves_the_service_and_its_notifications_to_the_next(void **state) {
    (void)state;
    subscribe(&first);
    peer_close(&first);
    notify("one");
    notify("two");
    expect_count(&second, 1);
    expect_notification(&second);
    expect_notification(&second);
    assert_true(peer_is_silent(&second, QUIET_MS));
}

static void test_session_that_lost_its_service_closes_without_harm(void **state) {
    (void)state;
    subscribe(&first);
    expect_count(&second, 1);
    expect_service_end(&first, 1);
    peer_close(&first);
    notify("still delivered");
    expect_notification(&second);
}

/* ---- Delivery ---- */

static void test_stored_notifications_come_in_order_and_once(void **state) {
    (void)state;
    enum { COUNT = 20 };
    const struct smp_command get = peer_command(SMP_GET);
    uint8_t notified[COUNT][24];
    uint8_t id[24];
    subscribe(&first);
    peer_close(&first);
    for (unsigned i = 0; i < COUNT; i++)
        notify("stored");
    expect_count(&second, 1);
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t sealed[NOTIFICATION_META_SIZE];
        struct notification_meta meta;
        expect_notification(&second);
        memcpy(sealed, answer.response.notification.metadata.bytes, sizeof sealed);
        assert_int_equal(SMQ_OK,
                         notification_meta_open(&queue.notification_key, answer.response.notification.nonce.bytes,
                                                sealed, sizeof sealed, &meta));
        memcpy(notified[i], meta.message_id.bytes, 24);
    }
    assert_true(peer_is_silent(&second, QUIET_MS));
    for (unsigned i = 0; i < COUNT; i++) {
        peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &get, SMP_MSG, &answer);
        peer_check_message(&queue, &answer, "stored", id);
        assert_memory_equal(notified[i], id, 24);
        peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
    }
}

static void test_backlog_beyond_the_credit_of_a_connection_is_delivered_once_and_in_batches(void **state) {
    (void)state;
    enum { QUEUES = 100, EACH = 8 };
    static struct peer_queue queues[QUEUES];
    static unsigned received[QUEUES];
    unsigned blocks = 0;
    memset(received, 0, sizeof received);
    for (unsigned i = 0; i < QUEUES; i++) {
        peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &queues[i]);
        subscribe_to(&first, &queues[i]);
    }
    peer_close(&first);
    for (unsigned i = 0; i < QUEUES * EACH; i++)
        peer_send_message(&recipient, &queues[i % QUEUES], NULL, "backlog");
    expect_count(&second, QUEUES);
    for (unsigned i = 0; i < QUEUES * EACH; i++) {
        unsigned which = 0;
        peer_receive(&second, &answer);
        assert_string_equal("NMSG", smp_response_tag_text(answer.response.tag));
        while (which < QUEUES && !slice_equal(notifier_of(&queues[which]), answer.entity_id))
            which++;
        assert_true(which < QUEUES && ++received[which] <= EACH);
        blocks += second.content.left == 0;
    }
    assert_true(peer_is_silent(&second, QUIET_MS));
    assert_true(blocks < QUEUES * EACH / 4);
}

static void test_notifications_of_other_subscribers_are_left_alone(void **state) {
    (void)state;
    struct peer_queue unclaimed;
    peer_create_queue(&recipient, PEER_WITH_NOTIFIER, &unclaimed);
    peer_send_message(&recipient, &unclaimed, NULL, "for nobody");
    subscribe(&foreign);
    peer_close(&foreign);
    notify("for the rival");
    expect_count(&first, 0);
    assert_true(peer_is_silent(&first, QUIET_MS));
    connect_service(&foreign, rival);
    expect_count(&foreign, 1);
    expect_notification(&foreign);
    subscribe_to(&individual, &unclaimed);
    expect_event(&individual, SMP_NMSG, notifier_of(&unclaimed));
}

static void test_notifications_follow_the_notifier_from_one_subscriber_to_the_next(void **state) {
    (void)state;
    subscribe(&first);
    peer_close(&first);
    notify("stored for the service");
    subscribe(&individual);
    expect_notification(&individual);
    peer_close(&individual);
    notify("stored for the connection");
    subscribe(&second);
    expect_notification(&second);
    assert_true(peer_is_silent(&second, QUIET_MS));
    router_fixture_connect(&fixture, 0, &individual);
}

static void test_notifications_of_a_service_expire(void **state) {
    (void)state;
    fixture.config.notification_ttl_s = 1;
    fixture.config.notification_expiry_interval_s = 1;
    restart();
    subscribe(&first);
    peer_close(&first);
    notify("too old");
    struct smp_router_statistics statistics = {0};
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (statistics.notifications_expired == 0 && clock_monotonic_ms() < deadline) {
        (void)peer_is_silent(&second, 20);
        smp_router_statistics(fixture.router, &statistics);
    }
    assert_int_equal(1, statistics.notifications_expired);
    expect_count(&second, 1);
    assert_true(peer_is_silent(&second, QUIET_MS));
    fixture.config.notification_ttl_s = smp_router_config_default().notification_ttl_s;
    fixture.config.notification_expiry_interval_s = smp_router_config_default().notification_expiry_interval_s;
    restart();
}

/* ---- Inactivity ---- */

static void test_session_that_holds_its_service_is_not_inactive(void **state) {
    (void)state;
    fixture.config.disconnect_inactive = true;
    fixture.config.inactive_ttl_s = 1;
    fixture.config.inactive_check_interval_s = 1;
    restart();
    expect_count(&first, 0);
    assert_true(peer_is_closed(&second));
    assert_true(peer_is_silent(&first, 1500));
    expect_count(&first, 0);
    peer_close(&second);
    connect_service(&second, service);
    expect_count(&second, 0);
    expect_service_end(&first, 0);
    assert_true(peer_is_closed(&first));
    fixture.config.disconnect_inactive = false;
    restart();
}

/* ---- Certificates ---- */

static void test_expired_certificate_ends_the_connection(void **state) {
    (void)state;
    struct credentials *ca = issue(NULL, CERTIFICATE_CA, 20, 100);
    struct credentials *made[] = {issue(ca, CERTIFICATE_CLIENT, 20, 10), issue(ca, CERTIFICATE_CLIENT, -2, 10)};
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        struct peer_options options = router_fixture_peer_options(&fixture);
        options.service = made[i];
        options.service_role = SMP_ROLE_NOTIFIER;
        peer_tls(&peer, &options);
        assert_true(peer_is_closed(&peer));
        peer_close(&peer);
        credentials_destroy(&made[i]);
    }
    credentials_destroy(&ca);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_nsub_of_a_service_answers_its_id_and_brings_notifications),
        TEST(test_service_takes_the_notifier_of_a_connection_which_is_told_end),
        TEST(test_connection_takes_the_notifier_of_a_service_which_is_told_end_and_counts_one_less),
        TEST(test_service_takes_the_notifier_of_another_service),
        TEST(test_nsub_in_another_session_of_the_service_takes_the_whole_service),
        TEST(test_connections_take_a_notifier_from_each_other_after_a_service_had_it),
        TEST(test_association_survives_the_session_and_the_router),
        TEST(test_nsub_of_an_unknown_notifier_is_auth_in_a_service_session),
        TEST(test_nsubs_answers_how_many_notifiers_the_service_has),
        TEST(test_nsubs_takes_the_service_once_a_session),
        TEST(test_nsubs_needs_the_sessions_own_service_and_its_signature),
        TEST(test_nsubs_signed_twice_is_refused),
        TEST(test_nsubs_is_prohibited_for_other_roles),
        TEST(test_service_is_told_of_notifiers_that_are_deleted_or_replaced),
        TEST(test_replaced_notifier_belongs_to_no_service),
        TEST(test_closed_session_leaves_the_service_and_its_notifications_to_the_next),
        TEST(test_session_that_lost_its_service_closes_without_harm),
        TEST(test_stored_notifications_come_in_order_and_once),
        TEST(test_backlog_beyond_the_credit_of_a_connection_is_delivered_once_and_in_batches),
        TEST(test_notifications_of_other_subscribers_are_left_alone),
        TEST(test_notifications_follow_the_notifier_from_one_subscriber_to_the_next),
        TEST(test_notifications_of_a_service_expire),
        TEST(test_session_that_holds_its_service_is_not_inactive),
        TEST(test_expired_certificate_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
