/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NEW and IDS: what each version may ask for and is told, ids that clients choose, and the operator's policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/random.h"
#include "test/support/router_fixture.h"
#include "transport/crypto/hash.h"

static struct router_fixture fixture;
static struct peer peer;
static struct peer_answer answer;
static const struct slice nothing;

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

static void create(struct smp_command *command) {
    peer_expect(&peer, &queue.recipient_key, nothing, command, SMP_IDS, &answer);
    peer_queue_created(&queue, &answer);
}

static void test_ids_tell_what_the_version_knows(void **state) {
    (void)state;
    for (uint16_t version = 6; version <= 18; version++) {
        for (unsigned contact = 0; contact < 2; contact++) {
            struct peer old;
            router_fixture_connect(&fixture, version, &old);
            struct smp_command command =
                peer_new_command(PEER_WITH_NOTIFIER | (contact != 0 ? PEER_CONTACT : 0), &queue);
            peer_expect(&old, &queue.recipient_key, nothing, &command, SMP_IDS, &answer);
            peer_queue_created(&queue, &answer);
            const struct smp_queue_ids *ids = &answer.response.ids;
            enum smp_queue_mode expected = contact != 0 ? SMP_MODE_CONTACT : SMP_MODE_MESSAGING;
            assert_int_equal(0, answer.entity_id.length);
            if (version >= 15)
                assert_int_equal(expected, ids->mode);
            else if (version >= 9)
                assert_int_equal(contact == 0, ids->mode == SMP_MODE_MESSAGING);
            assert_int_equal(version >= 17, ids->has_notifier);
            assert_false(ids->has_link_id);
            assert_false(ids->has_service_id);
            assert_memory_not_equal(queue.recipient_id, queue.sender_id, 24);
            peer_close(&old);
        }
    }
}

/* Which modes let a sender secure the queue tells them apart. */
static void expect_mode(struct peer *asking, enum smp_queue_mode mode) {
    struct smp_command secure = peer_command(SMP_SKEY);
    uint8_t keys[1 + KEY_SPKI_MAX];
    struct writer writer = writer_of(keys, sizeof keys);
    struct smp_command change = peer_command(SMP_RKEY);
    write_public_key(&writer, &queue.recipient_key.public_key);
    change.key_list = (struct key_list){1, slice_of(keys, writer_length(&writer))};
    secure.key = queue.sender_key.public_key;
    peer_ask(asking, &queue.recipient_key, peer_recipient(&queue), &change, &answer);
    assert_int_equal(mode == SMP_MODE_CONTACT, answer.response.tag == SMP_OK);
    peer_ask(asking, &queue.sender_key, peer_sender(&queue), &secure, &answer);
    assert_int_equal(mode == SMP_MODE_MESSAGING, answer.response.tag == SMP_OK);
}

static void test_modes_come_from_the_form_of_the_version(void **state) {
    (void)state;
    static const struct {
        uint16_t version;
        unsigned flags;
        enum smp_queue_mode mode;
    } rows[] = {
        {6, 0, SMP_MODE_UNKNOWN},    {8, 0, SMP_MODE_UNKNOWN},
        {9, 0, SMP_MODE_MESSAGING},  {9, PEER_CONTACT, SMP_MODE_CONTACT},
        {14, 0, SMP_MODE_MESSAGING}, {14, PEER_CONTACT, SMP_MODE_CONTACT},
        {15, 0, SMP_MODE_MESSAGING}, {18, PEER_CONTACT, SMP_MODE_CONTACT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct peer old;
        router_fixture_connect(&fixture, rows[i].version, &old);
        peer_create_queue(&old, rows[i].flags, &queue);
        peer_close(&old);
        expect_mode(&peer, rows[i].mode);
    }
    struct smp_command command = peer_new_command(0, &queue);
    command.create.mode = SMP_MODE_UNKNOWN; /* a client of version 18 that asks for none */
    create(&command);
    assert_int_equal(SMP_MODE_UNKNOWN, answer.response.ids.mode);
    expect_mode(&peer, SMP_MODE_UNKNOWN);
}

/* A NEW with link data, whose sender id belongs to `correlation_id`. */
static struct smp_command with_link(unsigned flags, struct slice link_id, const uint8_t correlation_id[24]) {
    static uint8_t digest[HASH_SHA3_384_SIZE];
    static uint8_t fixed[2048];
    static uint8_t user[13824];
    struct smp_command command = peer_new_command(flags, &queue);
    assert_int_equal(SMQ_OK, hash_slice(HASH_SHA3_384, slice_of(correlation_id, 24), digest));
    memset(fixed, 'f', sizeof fixed);
    memset(user, 'u', sizeof user);
    command.create.has_link = true;
    command.create.link_id = link_id;
    command.create.sender_id = slice_of(digest, 24);
    command.create.link = (struct smp_link_data){slice_of(fixed, sizeof fixed), slice_of(user, sizeof user)};
    return command;
}

static void ask_with(const struct smp_command *command, const uint8_t correlation_id[24]) {
    peer_begin(&peer);
    peer_add_with(&peer, &queue.recipient_key, nothing, slice_of(correlation_id, 24), command);
    peer_send(&peer);
    peer_receive(&peer, &answer);
}

static void test_messaging_queue_with_link_data_gets_a_link_id_of_the_routers(void **state) {
    (void)state;
    uint8_t correlation_id[24];
    random_bytes(correlation_id, sizeof correlation_id);
    struct smp_command command = with_link(0, nothing, correlation_id);
    ask_with(&command, correlation_id);
    peer_queue_created(&queue, &answer);
    assert_true(slice_equal(command.create.sender_id, answer.response.ids.sender_id));
    assert_true(answer.response.ids.has_link_id);
    assert_int_equal(24, answer.response.ids.link_id.length);
    uint8_t link_id[24];
    memcpy(link_id, answer.response.ids.link_id.bytes, sizeof link_id);
    struct smp_command secure = peer_command(SMP_LKEY);
    secure.key = queue.sender_key.public_key;
    peer_expect(&peer, &queue.sender_key, slice_of(link_id, 24), &secure, SMP_LNK, &answer);
    assert_true(slice_equal(peer_sender(&queue), answer.response.link.sender_id));
    assert_true(slice_equal(command.create.link.fixed_data, answer.response.link.data.fixed_data));
    assert_true(slice_equal(command.create.link.user_data, answer.response.link.data.user_data));
}

static void test_contact_queue_keeps_the_link_id_of_its_client(void **state) {
    (void)state;
    static const size_t lengths[] = {24, 1, 100, 255};
    uint8_t correlation_id[24];
    uint8_t link_id[255];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        random_bytes(correlation_id, sizeof correlation_id);
        random_bytes(link_id, sizeof link_id);
        struct smp_command command = with_link(PEER_CONTACT, slice_of(link_id, lengths[i]), correlation_id);
        ask_with(&command, correlation_id);
        peer_queue_created(&queue, &answer);
        assert_true(slice_equal(slice_of(link_id, lengths[i]), answer.response.ids.link_id));
        const struct smp_command get = peer_command(SMP_LGET);
        peer_expect(&peer, NULL, slice_of(link_id, lengths[i]), &get, SMP_LNK, &answer);
        assert_true(slice_equal(peer_sender(&queue), answer.response.link.sender_id));
    }
}

static void test_sender_id_that_is_not_the_hash_of_the_correlation_id_is_prohibited(void **state) {
    (void)state;
    uint8_t correlation_id[24];
    uint8_t other[24];
    uint8_t sender_id[25] = {0};
    random_bytes(correlation_id, sizeof correlation_id);
    random_bytes(other, sizeof other);
    struct smp_command command = with_link(0, nothing, correlation_id);
    ask_with(&command, other);
    peer_check_error(&answer, smp_error_command(COMMAND_PROHIBITED));
    memcpy(sender_id, command.create.sender_id.bytes, 24);
    static const size_t lengths[] = {0, 23, 25};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        command.create.sender_id = slice_of(sender_id, lengths[i]);
        ask_with(&command, correlation_id);
        peer_check_error(&answer, smp_error_command(COMMAND_PROHIBITED));
    }
    command.create.sender_id = slice_of(sender_id, 24);
    ask_with(&command, correlation_id);
    peer_queue_created(&queue, &answer);
}

static void test_ids_of_the_clients_that_are_taken_are_refused_without_another_try(void **state) {
    (void)state;
    uint8_t first[24];
    uint8_t second[24];
    uint8_t link_id[24];
    random_bytes(first, sizeof first);
    random_bytes(second, sizeof second);
    random_bytes(link_id, sizeof link_id);
    struct smp_command command = with_link(PEER_CONTACT, slice_of(link_id, 24), first);
    ask_with(&command, first);
    peer_queue_created(&queue, &answer);
    command = with_link(0, nothing, first); /* the same sender id */
    ask_with(&command, first);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    command = with_link(PEER_CONTACT, slice_of(link_id, 24), second); /* the same link id */
    ask_with(&command, second);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    command = with_link(0, nothing, second); /* the refusal took nothing */
    ask_with(&command, second);
    peer_queue_created(&queue, &answer);
}

static void test_notifier_of_new_can_be_subscribed(void **state) {
    (void)state;
    const struct smp_command notify = peer_command(SMP_NSUB);
    peer_create_queue(&peer, PEER_WITH_NOTIFIER, &queue);
    peer_expect(&peer, &queue.notifier_key, slice_of(queue.notifier_id, 24), &notify, SMP_SOK, NULL);
    const struct smp_command inform = peer_command(SMP_QUE);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &inform, SMP_INFO, &answer);
    assert_true(slice_equal(answer.response.json, slice_of_text("{\"qiSnd\":false,\"qiNtf\":true,\"qiSize\":0}")));
}

static void test_only_the_sub_mode_subscribe_subscribes(void **state) {
    (void)state;
    uint8_t id[24];
    peer_create_queue(&peer, 0, &queue);
    peer_send_message(&peer, &queue, NULL, "stays");
    assert_true(peer_is_silent(&peer, 100));
    peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
    peer_send_message(&peer, &queue, NULL, "comes");
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "comes", id);
}

static void test_key_of_small_order_creates_nothing(void **state) {
    (void)state;
    struct smp_command command = peer_new_command(0, &queue);
    memset(command.create.recipient_dh_key.bytes, 0, sizeof command.create.recipient_dh_key.bytes);
    peer_expect_error(&peer, &queue.recipient_key, nothing, &command, smp_error_of(SMP_ERROR_AUTH));
}

/* ---- Policy: a router of its own for each ---- */

static int policy_teardown(void **state) {
    (void)state;
    peer_close(&peer);
    router_fixture_stop(&fixture);
    fixture.config.create_password = NULL;
    fixture.config.new_queues = true;
    router_fixture_start(&fixture);
    return 0;
}

static void ask_with_password(const char *password) {
    struct smp_command command = peer_new_command(0, &queue);
    command.create.has_password = password != NULL;
    command.create.password = slice_of_text(password != NULL ? password : "");
    peer_ask(&peer, &queue.recipient_key, nothing, &command, &answer);
}

static void restart(void) {
    peer_close(&peer);
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
}

static void test_password_must_be_there_and_right_when_one_is_configured(void **state) {
    (void)state;
    static const char *const wrong[] = {NULL, "", "secre", "secrets", "Secret", "terces"};
    fixture.config.create_password = "secret";
    restart();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ask_with_password(wrong[i]);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    }
    ask_with_password("secret");
    assert_string_equal("IDS", smp_response_tag_text(answer.response.tag));
    for (uint16_t version = 6; version <= 18; version += 3) {
        struct peer old;
        router_fixture_connect(&fixture, version, &old);
        struct smp_command command = peer_new_command(0, &queue);
        peer_expect_error(&old, &queue.recipient_key, nothing, &command, smp_error_of(SMP_ERROR_AUTH));
        command.create.has_password = true;
        command.create.password = slice_of_text("secret");
        peer_expect(&old, &queue.recipient_key, nothing, &command, SMP_IDS, NULL);
        peer_close(&old);
    }
}

static void test_any_password_is_accepted_when_none_is_configured(void **state) {
    (void)state;
    ask_with_password("whatever");
    assert_string_equal("IDS", smp_response_tag_text(answer.response.tag));
    ask_with_password(NULL);
    assert_string_equal("IDS", smp_response_tag_text(answer.response.tag));
}

static void test_password_with_forbidden_characters_is_cmd_syntax(void **state) {
    (void)state;
    static const char *const forbidden[] = {"a b", "a@b", "a:b", "a/b", "\x01", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        ask_with_password(forbidden[i]);
        peer_check_error(&answer, smp_error_command(COMMAND_SYNTAX));
    }
}

static void test_new_queues_can_be_switched_off(void **state) {
    (void)state;
    peer_create_queue(&peer, 0, &queue);
    fixture.config.new_queues = false;
    restart();
    struct peer_queue refused;
    struct smp_command command = peer_new_command(0, &refused);
    peer_expect_error(&peer, &refused.recipient_key, nothing, &command, smp_error_of(SMP_ERROR_AUTH));
    peer_send_message(&peer, &queue, NULL, "old ones go on");
}

#define TEST(name)        cmocka_unit_test_setup_teardown(name, setup, teardown)
#define POLICY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, policy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_ids_tell_what_the_version_knows),
        TEST(test_modes_come_from_the_form_of_the_version),
        TEST(test_messaging_queue_with_link_data_gets_a_link_id_of_the_routers),
        TEST(test_contact_queue_keeps_the_link_id_of_its_client),
        TEST(test_sender_id_that_is_not_the_hash_of_the_correlation_id_is_prohibited),
        TEST(test_ids_of_the_clients_that_are_taken_are_refused_without_another_try),
        TEST(test_notifier_of_new_can_be_subscribed),
        TEST(test_only_the_sub_mode_subscribe_subscribes),
        TEST(test_key_of_small_order_creates_nothing),
        TEST(test_any_password_is_accepted_when_none_is_configured),
        TEST(test_password_with_forbidden_characters_is_cmd_syntax),
        POLICY_TEST(test_password_must_be_there_and_right_when_one_is_configured),
        POLICY_TEST(test_new_queues_can_be_switched_off),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
