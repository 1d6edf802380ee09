/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service sessions: how a certificate becomes a service, and what its commands must carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/clock.h"
#include "test/support/net_peer.h"
#include "test/support/raw_transmission.h"
#include "test/support/router_fixture.h"

static struct router_fixture fixture;
static struct peer peer;
static struct peer_answer answer;
static const struct slice nothing;
static struct credentials *service; /* a new one for each test */

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    router_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static struct credentials *issue(enum certificate_kind kind, const struct credentials *issuer) {
    const struct certificate_request request = {.kind = kind,
                                                .algorithm = KEY_ED25519,
                                                .common_name = "service",
                                                .not_before_s = clock_realtime_s() - 60,
                                                .days = 10};
    struct credentials *made;
    assert_int_equal(SMQ_OK, credentials_issue(issuer, &request, &made));
    return made;
}

static int setup(void **state) {
    (void)state;
    memset(&peer, 0, sizeof peer);
    peer.descriptor = -1;
    service = issue(CERTIFICATE_CLIENT, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&peer);
    credentials_destroy(&service);
    return 0;
}

static struct peer_options options_of(const struct credentials *credentials, enum smp_service_role role) {
    struct peer_options options = router_fixture_peer_options(&fixture);
    options.service = credentials;
    options.service_role = role;
    return options;
}

static void connect_as(struct peer *connecting, const struct credentials *credentials, enum smp_service_role role) {
    const struct peer_options options = options_of(credentials, role);
    peer_connect(connecting, &options);
    assert_true(connecting->has_service);
}

static void expect_refused(const struct peer_options *options, enum smp_handshake_error error) {
    peer_connect(&peer, options);
    assert_false(peer.has_service);
    assert_true(smp_transport_error_equal(peer.service_error, smp_handshake_error_of(error)));
    assert_true(peer_is_closed(&peer));
    peer_close(&peer);
}

/* ---- Handshake ---- */

static void test_same_certificate_is_the_same_service_also_after_a_restart(void **state) {
    (void)state;
    uint8_t first[24];
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    memcpy(first, peer.service_id, sizeof first);
    peer_close(&peer);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    assert_memory_equal(first, peer.service_id, sizeof first);
    peer_close(&peer);
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    assert_memory_equal(first, peer.service_id, sizeof first);
    peer_close(&peer);
    struct credentials *another = issue(CERTIFICATE_CLIENT, NULL);
    connect_as(&peer, another, SMP_ROLE_MESSAGING);
    assert_memory_not_equal(first, peer.service_id, sizeof first);
    credentials_destroy(&another);
}

/* Its client certificate comes with the second hello's handshake. */
static void test_service_among_many_handshakes_is_the_same(void **state) {
    (void)state;
    uint8_t first[24];
    struct net_peer silent;
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    memcpy(first, peer.service_id, sizeof first);
    peer_close(&peer);
    router_fixture_stop(&fixture);
    const struct net_limits limits = fixture.config.limits;
    fixture.config.limits = (struct net_limits){.cookie_handshakes = 1};
    router_fixture_start(&fixture);
    net_peer_connect(&silent, fixture.port);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    assert_memory_equal(first, peer.service_id, sizeof first);
    net_peer_close(&silent);
    peer_close(&peer);
    router_fixture_stop(&fixture);
    fixture.config.limits = limits;
    router_fixture_start(&fixture);
}

static void test_identity_is_the_second_certificate_of_a_chain(void **state) {
    (void)state;
    uint8_t first[24];
    struct credentials *ca = issue(CERTIFICATE_CA, NULL);
    struct credentials *one = issue(CERTIFICATE_CLIENT, ca);
    struct credentials *two = issue(CERTIFICATE_CLIENT, ca);
    connect_as(&peer, one, SMP_ROLE_NOTIFIER);
    memcpy(first, peer.service_id, sizeof first);
    peer_close(&peer);
    connect_as(&peer, two, SMP_ROLE_NOTIFIER);
    assert_memory_equal(first, peer.service_id, sizeof first);
    credentials_destroy(&two);
    credentials_destroy(&one);
    credentials_destroy(&ca);
}

static void test_services_of_one_certificate_that_come_at_once_are_one(void **state) {
    (void)state;
    enum { COUNT = 6 };
    static struct peer peers[COUNT];
    const struct peer_options options = options_of(service, SMP_ROLE_MESSAGING);
    for (unsigned i = 0; i < COUNT; i++)
        peer_connect_begin(&peers[i], &options);
    for (unsigned i = 0; i < COUNT; i++) {
        peer_connect_end(&peers[i], &options);
        assert_true(peers[i].has_service);
        assert_memory_equal(peers[0].service_id, peers[i].service_id, 24);
    }
    for (unsigned i = 0; i < COUNT; i++)
        peer_close(&peers[i]);
}

static void test_another_role_is_a_bad_service_and_closed(void **state) {
    (void)state;
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    peer_close(&peer);
    struct peer_options options = options_of(service, SMP_ROLE_NOTIFIER);
    expect_refused(&options, SMP_HANDSHAKE_BAD_SERVICE);
    options.service_role = SMP_ROLE_PROXY;
    expect_refused(&options, SMP_HANDSHAKE_BAD_SERVICE);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
}

static void test_session_key_signed_by_somebody_else_is_bad_auth_and_closed(void **state) {
    (void)state;
    struct credentials *foreign = issue(CERTIFICATE_CLIENT, NULL);
    struct peer_options options = options_of(service, SMP_ROLE_MESSAGING);
    options.service_signer = foreign;
    expect_refused(&options, SMP_HANDSHAKE_BAD_AUTH);
    credentials_destroy(&foreign);
}

static void test_chain_that_is_not_the_one_of_tls_is_bad_auth_and_closed(void **state) {
    (void)state;
    struct credentials *foreign = issue(CERTIFICATE_CLIENT, NULL);
    struct peer_options options = options_of(service, SMP_ROLE_MESSAGING);
    options.service_hello = foreign;
    expect_refused(&options, SMP_HANDSHAKE_BAD_AUTH);
    options.service = NULL; /* no certificate in TLS at all */
    expect_refused(&options, SMP_HANDSHAKE_BAD_AUTH);
    credentials_destroy(&foreign);
}

static void test_session_key_that_cannot_sign_is_bad_auth_and_closed(void **state) {
    (void)state;
    struct peer_options options = options_of(service, SMP_ROLE_MESSAGING);
    options.service_key_algorithm = KEY_X25519;
    expect_refused(&options, SMP_HANDSHAKE_BAD_AUTH);
    options.service_key_algorithm = KEY_ED448;
    expect_refused(&options, SMP_HANDSHAKE_BAD_AUTH);
}

static void test_certificate_without_a_service_in_the_hello_is_an_ordinary_client(void **state) {
    (void)state;
    struct peer_queue queue;
    const struct peer_options options = options_of(service, SMP_ROLE_ANY);
    peer_connect(&peer, &options);
    peer_create_queue(&peer, 0, &queue);
    peer_send_message(&peer, &queue, NULL, "ordinary");
}

static void test_commands_sent_before_the_answer_are_not_lost(void **state) {
    (void)state;
    const struct smp_command ping = peer_command(SMP_PING);
    const struct peer_options options = options_of(service, SMP_ROLE_MESSAGING);
    peer_connect_begin(&peer, &options);
    for (unsigned i = 0; i < 3; i++) {
        peer_begin(&peer);
        peer_add(&peer, NULL, nothing, &ping);
        peer_send(&peer);
    }
    peer_connect_end(&peer, &options);
    assert_true(peer.has_service);
    for (unsigned i = 0; i < 3; i++) {
        peer_receive(&peer, &answer);
        assert_string_equal("PONG", smp_response_tag_text(answer.response.tag));
    }
}

static void test_services_can_be_switched_off(void **state) {
    (void)state;
    router_fixture_stop(&fixture);
    fixture.config.accept_service_credentials = false;
    router_fixture_start(&fixture);
    const struct peer_options options = options_of(service, SMP_ROLE_MESSAGING);
    expect_refused(&options, SMP_HANDSHAKE_BAD_AUTH);
    router_fixture_stop(&fixture);
    fixture.config.accept_service_credentials = true;
    router_fixture_start(&fixture);
}

/* ---- Commands of a messaging service ---- */

static void test_new_of_a_service_tells_its_id_and_pushes_nothing_before_sub(void **state) {
    (void)state;
    struct peer_queue queue;
    uint8_t id[24];
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    struct smp_command create = peer_new_command(PEER_SUBSCRIBE, &queue);
    peer_expect(&peer, &queue.recipient_key, nothing, &create, SMP_IDS, &answer);
    assert_true(answer.response.ids.has_service_id);
    assert_true(slice_equal(slice_of(peer.service_id, 24), answer.response.ids.service_id));
    peer_queue_created(&queue, &answer);
    peer_send_message(&peer, &queue, NULL, "waits");
    assert_true(peer_is_silent(&peer, 150));
    const struct smp_command subscribe = peer_command(SMP_SUB);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, &answer);
    assert_true(answer.response.service.present);
    assert_true(slice_equal(slice_of(peer.service_id, 24), answer.response.service.id));
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "waits", id);
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
}

static void test_new_of_a_service_must_subscribe(void **state) {
    (void)state;
    struct peer_queue queue;
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    struct smp_command create = peer_new_command(0, &queue);
    peer_expect_error(&peer, &queue.recipient_key, nothing, &create, smp_error_command(COMMAND_PROHIBITED));
}

static void test_keys_of_every_kind_sign_in_a_service_session(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    const struct smp_command subscribe = peer_command(SMP_SUB);
    const struct smp_command get = peer_command(SMP_GET);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    for (unsigned i = 0; i < 3; i++) {
        struct peer_queue queue;
        struct smp_command create = peer_new_command(PEER_SUBSCRIBE, &queue);
        assert_int_equal(SMQ_OK, key_pair_generate(algorithms[i], &queue.recipient_key));
        create.create.recipient_key = queue.recipient_key.public_key;
        peer_expect(&peer, &queue.recipient_key, nothing, &create, SMP_IDS, &answer);
        peer_queue_created(&queue, &answer);
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &get, SMP_OK, NULL);
        peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, NULL);
    }
}

static void test_new_and_sub_need_the_services_signature(void **state) {
    (void)state;
    struct peer_queue queue;
    struct peer_queue refused;
    const struct smp_error service_error = smp_error_of(SMP_ERROR_SERVICE);
    const struct smp_command subscribe = peer_command(SMP_SUB);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
    struct smp_command create = peer_new_command(PEER_SUBSCRIBE, &refused);
    peer.has_service = false; /* signs as an ordinary client */
    peer_expect_error(&peer, &refused.recipient_key, nothing, &create, service_error);
    peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, service_error);
    peer.has_service = true;
    const struct key_pair right = peer.service_key;
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &peer.service_key));
    peer_expect_error(&peer, &refused.recipient_key, nothing, &create, service_error);
    peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, service_error);
    peer.service_key = right;
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, NULL);
}

static void test_queue_key_signs_the_services_fingerprint_too(void **state) {
    (void)state;
    struct peer_queue queue;
    const struct smp_command subscribe = peer_command(SMP_SUB);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
    peer.service_fingerprint[0] ^= 1;
    peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, smp_error_of(SMP_ERROR_AUTH));
}

static void test_other_commands_must_not_have_the_services_signature(void **state) {
    (void)state;
    static const uint8_t authorization[64];
    static const uint8_t slot[2 + 64] = {'1', 64};
    struct peer_queue queue;
    const struct smp_command get = peer_command(SMP_GET);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
    struct raw_transmission transmission = {.authorization = slice_of(authorization, sizeof authorization),
                                            .service_slot = slice_of(slot, sizeof slot),
                                            .correlation_id = slice_of_text("signed twice"),
                                            .entity_id = peer_recipient(&queue),
                                            .command = slice_of_text("GET")};
    raw_transmission_ask(&peer, &transmission, &answer);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_SERVICE));
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &get, SMP_OK, NULL);
}

static void test_subs_is_prohibited_after_its_checks(void **state) {
    (void)state;
    const struct smp_command subscribe = peer_command(SMP_SUBS);
    connect_as(&peer, service, SMP_ROLE_MESSAGING);
    struct slice id = slice_of(peer.service_id, 24);
    uint8_t other_id[24] = {0};
    struct key_pair wrong;
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &wrong));
    peer_expect_error(&peer, &wrong, id, &subscribe, smp_error_of(SMP_ERROR_SERVICE));
    peer_expect_error(&peer, &peer.service_key, slice_of(other_id, 24), &subscribe, smp_error_of(SMP_ERROR_SERVICE));
    peer_expect_error(&peer, &peer.service_key, id, &subscribe, smp_error_command(COMMAND_PROHIBITED));
}

/* ---- Roles ---- */

static void test_role_of_the_service_decides_what_it_may_send(void **state) {
    (void)state;
    static const enum smp_service_role roles[] = {SMP_ROLE_MESSAGING, SMP_ROLE_NOTIFIER, SMP_ROLE_PROXY};
    struct peer ordinary;
    struct peer_queue queue;
    struct peer_queue refused;
    const struct smp_error prohibited = smp_error_command(COMMAND_PROHIBITED);
    const struct smp_command ping = peer_command(SMP_PING);
    const struct smp_command notify = peer_command(SMP_NSUB);
    const struct smp_command get = peer_command(SMP_GET);
    const struct smp_command send = peer_send_command(slice_of_text("text"), false);
    router_fixture_connect(&fixture, 0, &ordinary);
    peer_create_queue(&ordinary, PEER_WITH_NOTIFIER, &queue);
    peer_close(&ordinary);
    for (size_t i = 0; i < 3; i++) {
        struct credentials *credentials = issue(CERTIFICATE_CLIENT, NULL);
        connect_as(&peer, credentials, roles[i]);
        peer_expect(&peer, NULL, nothing, &ping, SMP_PONG, NULL);
        if (roles[i] != SMP_ROLE_MESSAGING) {
            struct smp_command create = peer_new_command(PEER_SUBSCRIBE, &refused);
            peer_expect_error(&peer, &refused.recipient_key, nothing, &create, prohibited);
            peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &get, prohibited);
            peer_expect_error(&peer, NULL, peer_sender(&queue), &send, prohibited);
        }
        if (roles[i] != SMP_ROLE_NOTIFIER)
            peer_expect_error(&peer, &queue.notifier_key, slice_of(queue.notifier_id, 24), &notify, prohibited);
        peer_close(&peer);
        credentials_destroy(&credentials);
    }
}

static void test_nsub_of_a_service_needs_its_signature_and_brings_notifications(void **state) {
    (void)state;
    struct peer ordinary;
    struct peer_queue queue;
    const struct smp_command notify = peer_command(SMP_NSUB);
    router_fixture_connect(&fixture, 0, &ordinary);
    peer_create_queue(&ordinary, PEER_WITH_NOTIFIER, &queue);
    struct slice entity = slice_of(queue.notifier_id, 24);
    connect_as(&peer, service, SMP_ROLE_NOTIFIER);
    peer.has_service = false;
    peer_expect_error(&peer, &queue.notifier_key, entity, &notify, smp_error_of(SMP_ERROR_SERVICE));
    peer.has_service = true;
    peer_expect(&peer, &queue.notifier_key, entity, &notify, SMP_SOK, NULL);
    peer_send_message(&ordinary, &queue, NULL, "notified");
    peer_receive(&peer, &answer);
    assert_string_equal("NMSG", smp_response_tag_text(answer.response.tag));
    peer_close(&ordinary);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_same_certificate_is_the_same_service_also_after_a_restart),
        TEST(test_service_among_many_handshakes_is_the_same),
        TEST(test_identity_is_the_second_certificate_of_a_chain),
        TEST(test_services_of_one_certificate_that_come_at_once_are_one),
        TEST(test_another_role_is_a_bad_service_and_closed),
        TEST(test_session_key_signed_by_somebody_else_is_bad_auth_and_closed),
        TEST(test_chain_that_is_not_the_one_of_tls_is_bad_auth_and_closed),
        TEST(test_session_key_that_cannot_sign_is_bad_auth_and_closed),
        TEST(test_certificate_without_a_service_in_the_hello_is_an_ordinary_client),
        TEST(test_commands_sent_before_the_answer_are_not_lost),
        TEST(test_services_can_be_switched_off),
        TEST(test_new_of_a_service_tells_its_id_and_pushes_nothing_before_sub),
        TEST(test_new_of_a_service_must_subscribe),
        TEST(test_keys_of_every_kind_sign_in_a_service_session),
        TEST(test_new_and_sub_need_the_services_signature),
        TEST(test_queue_key_signs_the_services_fingerprint_too),
        TEST(test_other_commands_must_not_have_the_services_signature),
        TEST(test_subs_is_prohibited_after_its_checks),
        TEST(test_role_of_the_service_decides_what_it_may_send),
        TEST(test_nsub_of_a_service_needs_its_signature_and_brings_notifications),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
