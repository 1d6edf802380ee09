/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Securing a queue and changing who receives from it: KEY, SKEY, LKEY, RKEY, and what SEND must prove then. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/random.h"
#include "test/support/router_fixture.h"

static struct router_fixture fixture;
static struct peer peer;
static struct peer_answer answer;

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

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&fixture, 0, &peer);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&peer);
    return 0;
}

static struct peer_queue queue;
static struct key_pair other_key;

static int queue_setup(void **state) {
    (void)setup(state);
    peer_create_queue(&peer, 0, &queue);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &other_key));
    return 0;
}

static const struct smp_error auth = {.code = SMP_ERROR_AUTH};

static struct smp_command with_key(enum smp_command_tag tag, const struct key_pair *key) {
    struct smp_command command = peer_command(tag);
    command.key = key->public_key;
    return command;
}

static void secure_by_recipient(const struct key_pair *key, bool accepted) {
    const struct smp_command command = with_key(SMP_KEY, key);
    if (accepted)
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_OK, NULL);
    else
        peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &command, auth);
}

static void secure_by_sender(const struct key_pair *key, bool accepted) {
    const struct smp_command command = with_key(SMP_SKEY, key);
    if (accepted)
        peer_expect(&peer, key, peer_sender(&queue), &command, SMP_OK, NULL);
    else
        peer_expect_error(&peer, key, peer_sender(&queue), &command, auth);
}

static void send_with(const struct key_pair *key, bool accepted) {
    const struct smp_command command = peer_send_command(slice_of_text("text"), false);
    if (accepted)
        peer_expect(&peer, key, peer_sender(&queue), &command, SMP_OK, NULL);
    else
        peer_expect_error(&peer, key, peer_sender(&queue), &command, auth);
}

static void test_key_is_repeatable_with_the_same_key_only(void **state) {
    (void)state;
    secure_by_recipient(&queue.sender_key, true);
    secure_by_recipient(&queue.sender_key, true);
    secure_by_recipient(&other_key, false);
    send_with(&other_key, false);
    send_with(&queue.sender_key, true);
}

static void test_key_secures_queues_of_any_mode(void **state) {
    (void)state;
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    secure_by_recipient(&queue.sender_key, true);
    send_with(NULL, false);
    send_with(&queue.sender_key, true);
    struct peer old;
    router_fixture_connect(&fixture, 6, &old);
    peer_create_queue(&old, 0, &queue);
    peer_close(&old);
    secure_by_recipient(&queue.sender_key, true);
    send_with(&queue.sender_key, true);
}

static void test_skey_is_repeatable_with_the_same_key_only(void **state) {
    (void)state;
    secure_by_sender(&queue.sender_key, true);
    secure_by_sender(&queue.sender_key, true);
    secure_by_sender(&other_key, false);
    send_with(&queue.sender_key, true);
}

static void test_skey_and_key_agree_on_the_key(void **state) {
    (void)state;
    secure_by_sender(&queue.sender_key, true);
    secure_by_recipient(&queue.sender_key, true);
    secure_by_recipient(&other_key, false);
    peer_create_queue(&peer, PEER_SECURED, &queue);
    secure_by_sender(&queue.sender_key, true);
    secure_by_sender(&other_key, false);
}

static void test_skey_must_be_authorized_by_the_key_that_it_brings(void **state) {
    (void)state;
    const struct smp_command command = with_key(SMP_SKEY, &queue.sender_key);
    peer_expect_error(&peer, &other_key, peer_sender(&queue), &command, auth);
    peer_expect_error(&peer, &queue.recipient_key, peer_sender(&queue), &command, auth);
    send_with(NULL, true);
}

static void test_skey_is_for_messaging_queues_only(void **state) {
    (void)state;
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    secure_by_sender(&queue.sender_key, false);
    struct peer old;
    router_fixture_connect(&fixture, 8, &old); /* no mode at all */
    peer_create_queue(&old, 0, &queue);
    peer_close(&old);
    secure_by_sender(&queue.sender_key, false);
}

static void test_sender_keys_of_every_kind_work(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    for (unsigned by_sender = 0; by_sender < 2; by_sender++)
        for (unsigned i = 0; i < 3; i++) {
            struct key_pair key;
            peer_create_queue(&peer, 0, &queue);
            assert_int_equal(SMQ_OK, key_pair_generate(algorithms[i], &key));
            if (by_sender != 0)
                secure_by_sender(&key, true);
            else
                secure_by_recipient(&key, true);
            send_with(&key, true);
            send_with(&key, true); /* from the connection's cache of secrets, when there is one */
            send_with(&queue.recipient_key, false);
            send_with(&other_key, false);
            send_with(NULL, false);
        }
}

static void test_unsecured_queue_refuses_authorized_messages(void **state) {
    (void)state;
    send_with(&queue.sender_key, false);
    send_with(&queue.recipient_key, false);
    send_with(NULL, true);
}

static void test_secured_queue_refuses_unauthorized_messages(void **state) {
    (void)state;
    send_with(NULL, true);
    secure_by_recipient(&queue.sender_key, true);
    send_with(NULL, false);
    send_with(&queue.sender_key, true);
}

static void set_link(struct slice link_id) {
    struct smp_command command = peer_command(SMP_LSET);
    command.link_set.link_id = link_id;
    command.link_set.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_OK, NULL);
}

static void test_lkey_secures_and_answers_the_link_again_and_again(void **state) {
    (void)state;
    uint8_t link_id[24];
    random_bytes(link_id, sizeof link_id);
    struct slice link = slice_of(link_id, sizeof link_id);
    set_link(link);
    const struct smp_command right = with_key(SMP_LKEY, &queue.sender_key);
    const struct smp_command wrong = with_key(SMP_LKEY, &other_key);
    for (unsigned i = 0; i < 2; i++) {
        peer_expect(&peer, &queue.sender_key, link, &right, SMP_LNK, &answer);
        assert_true(slice_equal(link, answer.entity_id));
        assert_true(slice_equal(peer_sender(&queue), answer.response.link.sender_id));
        assert_true(slice_equal(slice_of_text("fixed"), answer.response.link.data.fixed_data));
        assert_true(slice_equal(slice_of_text("user"), answer.response.link.data.user_data));
    }
    peer_expect_error(&peer, &other_key, link, &wrong, auth);
    peer_expect_error(&peer, &other_key, link, &right, auth);
    secure_by_sender(&queue.sender_key, true);
    send_with(&queue.sender_key, true);
}

static void test_lkey_is_for_messaging_queues_only(void **state) {
    (void)state;
    uint8_t link_id[24];
    random_bytes(link_id, sizeof link_id);
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    set_link(slice_of(link_id, sizeof link_id));
    const struct smp_command command = with_key(SMP_LKEY, &queue.sender_key);
    peer_expect_error(&peer, &queue.sender_key, slice_of(link_id, 24), &command, auth);
    send_with(NULL, true);
}

static void test_key_of_another_recipient_changes_nothing(void **state) {
    (void)state;
    const struct smp_command command = with_key(SMP_KEY, &other_key);
    peer_expect_error(&peer, &other_key, peer_recipient(&queue), &command, auth);
    peer_expect_error(&peer, &queue.recipient_key, peer_sender(&queue), &command, auth);
    send_with(NULL, true);
}

static struct smp_command replace_keys(const struct key_pair *keys, uint8_t count) {
    static uint8_t encoded[255 * (1 + KEY_SPKI_MAX)];
    struct writer writer = writer_of(encoded, sizeof encoded);
    struct smp_command command = peer_command(SMP_RKEY);
    for (uint8_t i = 0; i < count; i++)
        write_public_key(&writer, &keys[i].public_key);
    command.key_list = (struct key_list){count, slice_of(encoded, writer_length(&writer))};
    return command;
}

static void test_rkey_replaces_all_keys_of_a_contact_queue(void **state) {
    (void)state;
    struct key_pair keys[255];
    const struct smp_command get = peer_command(SMP_GET);
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    for (unsigned i = 0; i < 255; i++)
        assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &keys[i]));
    struct smp_command command = replace_keys(keys, 255);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_OK, NULL);
    peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &get, auth);
    peer_expect(&peer, &keys[0], peer_recipient(&queue), &get, SMP_OK, NULL);
    peer_expect(&peer, &keys[254], peer_recipient(&queue), &get, SMP_OK, NULL);
    command = replace_keys(&keys[7], 1);
    peer_expect(&peer, &keys[9], peer_recipient(&queue), &command, SMP_OK, NULL);
    peer_expect_error(&peer, &keys[9], peer_recipient(&queue), &get, auth);
    peer_expect(&peer, &keys[7], peer_recipient(&queue), &get, SMP_OK, NULL);
}

static void test_rkey_is_for_contact_queues_only(void **state) {
    (void)state;
    const struct smp_command command = replace_keys(&other_key, 1);
    const struct smp_command get = peer_command(SMP_GET);
    peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &command, auth);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &get, SMP_OK, NULL);
}

static void test_securing_survives_a_restart(void **state) {
    (void)state;
    secure_by_sender(&queue.sender_key, true);
    peer_close(&peer);
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    send_with(NULL, false);
    send_with(&queue.sender_key, true);
    secure_by_recipient(&other_key, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_key_is_repeatable_with_the_same_key_only),
        TEST(test_key_secures_queues_of_any_mode),
        TEST(test_skey_is_repeatable_with_the_same_key_only),
        TEST(test_skey_and_key_agree_on_the_key),
        TEST(test_skey_must_be_authorized_by_the_key_that_it_brings),
        TEST(test_skey_is_for_messaging_queues_only),
        TEST(test_sender_keys_of_every_kind_work),
        TEST(test_unsecured_queue_refuses_authorized_messages),
        TEST(test_secured_queue_refuses_unauthorized_messages),
        TEST(test_lkey_secures_and_answers_the_link_again_and_again),
        TEST(test_lkey_is_for_messaging_queues_only),
        TEST(test_key_of_another_recipient_changes_nothing),
        TEST(test_rkey_replaces_all_keys_of_a_contact_queue),
        TEST(test_rkey_is_for_contact_queues_only),
        TEST(test_securing_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
