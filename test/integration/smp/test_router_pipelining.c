/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of one connection on one queue take effect in the order sent, across blocks that do not wait for answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/random.h"
#include "test/support/router_fixture.h"
#include "transport/crypto/hash.h"

enum { ROUNDS = 25 };

static struct router_fixture fixture;
static struct peer peer;
static struct peer other;
static struct peer_answer answer;
static struct peer_queue queue;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.process_lanes = 1;
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
    router_fixture_connect(&fixture, 0, &other);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&peer);
    peer_close(&other);
    return 0;
}

/* A block of one command, without waiting for its answer. */
static void pipeline(const struct key_pair *key, struct slice entity, const struct smp_command *command) {
    peer_begin(&peer);
    peer_add(&peer, key, entity, command);
    peer_send(&peer);
}

static void pipeline_recipient(enum smp_command_tag tag) {
    const struct smp_command command = peer_command(tag);
    pipeline(&queue.recipient_key, peer_recipient(&queue), &command);
}

static void pipeline_send(const struct key_pair *key, const char *text) {
    const struct smp_command send = peer_send_command(slice_of_text(text), false);
    pipeline(key, peer_sender(&queue), &send);
}

static void expect(enum smp_response_tag tag) {
    peer_receive(&peer, &answer);
    assert_string_equal(smp_response_tag_text(tag), smp_response_tag_text(answer.response.tag));
}

static void secured_then_sent(enum smp_command_tag tag) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct smp_command secure = peer_command(tag);
        peer_create_queue(&peer, 0, &queue);
        secure.key = queue.sender_key.public_key;
        pipeline_send(NULL, "before");
        if (tag == SMP_KEY)
            pipeline(&queue.recipient_key, peer_recipient(&queue), &secure);
        else
            pipeline(&queue.sender_key, peer_sender(&queue), &secure);
        pipeline_send(&queue.sender_key, "after");
        expect(SMP_OK);
        expect(SMP_OK);
        expect(SMP_OK);
    }
}

static void test_message_is_sent_with_the_key_that_the_block_before_set(void **state) {
    (void)state;
    secured_then_sent(SMP_KEY);
    secured_then_sent(SMP_SKEY);
}

static void test_message_is_got_that_the_block_before_sent(void **state) {
    (void)state;
    uint8_t id[24];
    for (unsigned round = 0; round < ROUNDS; round++) {
        peer_create_queue(&peer, 0, &queue);
        pipeline_send(NULL, "first");
        pipeline_recipient(SMP_GET);
        expect(SMP_OK);
        peer_receive(&peer, &answer);
        peer_check_message(&queue, &answer, "first", id);
    }
}

static void test_acknowledged_message_is_not_delivered_by_the_subscription_that_follows(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t id[24];
        struct smp_command acknowledge = peer_command(SMP_ACK);
        const struct smp_command ping = peer_command(SMP_PING);
        peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
        peer_send_message(&other, &queue, NULL, "once");
        peer_receive(&peer, &answer);
        peer_check_message(&queue, &answer, "once", id);
        acknowledge.message_id = slice_of(id, sizeof id);
        pipeline(&queue.recipient_key, peer_recipient(&queue), &acknowledge);
        pipeline_recipient(SMP_SUB);
        expect(SMP_OK);
        expect(SMP_SOK);
        pipeline(NULL, slice_of(NULL, 0), &ping);
        expect(SMP_PONG);
    }
}

static void test_commands_after_a_deletion_find_nothing(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        peer_create_queue(&peer, 0, &queue);
        pipeline_recipient(SMP_DEL);
        pipeline_recipient(SMP_QUE);
        pipeline_send(NULL, "late");
        expect(SMP_OK);
        for (unsigned i = 0; i < 2; i++) {
            peer_receive(&peer, &answer);
            peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
        }
    }
}

static void test_message_after_the_queue_was_switched_off_is_refused(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        peer_create_queue(&peer, 0, &queue);
        pipeline_send(NULL, "in time");
        pipeline_recipient(SMP_OFF);
        pipeline_send(NULL, "late");
        expect(SMP_OK);
        expect(SMP_OK);
        peer_receive(&peer, &answer);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    }
}

static void test_recipient_key_is_replaced_before_the_next_block_is_verified(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct key_pair replacement;
        uint8_t encoded[1 + KEY_SPKI_MAX];
        struct writer writer = writer_of(encoded, sizeof encoded);
        struct smp_command keys = peer_command(SMP_RKEY);
        assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &replacement));
        write_public_key(&writer, &replacement.public_key);
        keys.key_list.count = 1;
        keys.key_list.encoded = slice_of(encoded, writer_length(&writer));
        peer_create_queue(&peer, PEER_CONTACT, &queue);
        pipeline(&queue.recipient_key, peer_recipient(&queue), &keys);
        pipeline_recipient(SMP_GET);
        const struct smp_command get = peer_command(SMP_GET);
        pipeline(&replacement, peer_recipient(&queue), &get);
        expect(SMP_OK);
        peer_receive(&peer, &answer);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
        expect(SMP_OK);
    }
}

static struct smp_command link_command(uint8_t id[24]) {
    struct smp_command set = peer_command(SMP_LSET);
    random_bytes(id, 24);
    set.link_set.link_id = slice_of(id, 24);
    set.link_set.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
    return set;
}

static void test_link_is_found_by_the_block_after_it_was_set(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t id[24];
        const struct smp_command set = link_command(id);
        const struct smp_command get = peer_command(SMP_LGET);
        peer_create_queue(&peer, PEER_CONTACT, &queue);
        pipeline(&queue.recipient_key, peer_recipient(&queue), &set);
        pipeline(NULL, slice_of(id, sizeof id), &get);
        pipeline_recipient(SMP_LDEL);
        pipeline(NULL, slice_of(id, sizeof id), &get);
        expect(SMP_OK);
        expect(SMP_LNK);
        assert_true(slice_equal(set.link_set.link.user_data, answer.response.link.data.user_data));
        expect(SMP_OK);
        peer_receive(&peer, &answer);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    }
}

static void test_link_that_was_just_set_secures_the_queue(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t id[24];
        const struct smp_command set = link_command(id);
        struct smp_command secure = peer_command(SMP_LKEY);
        peer_create_queue(&peer, 0, &queue);
        secure.key = queue.sender_key.public_key;
        pipeline(&queue.recipient_key, peer_recipient(&queue), &set);
        pipeline(&queue.sender_key, slice_of(id, sizeof id), &secure);
        pipeline_send(&queue.sender_key, "first");
        pipeline_send(&queue.sender_key, "second");
        expect(SMP_OK);
        expect(SMP_LNK);
        expect(SMP_OK);
        expect(SMP_OK);
    }
}

static void test_queue_with_client_ids_is_used_by_the_block_after_the_one_that_creates_it(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t correlation_id[24];
        uint8_t digest[48];
        struct smp_command create = peer_new_command(PEER_SUBSCRIBE, &queue);
        struct smp_command secure = peer_command(SMP_SKEY);
        random_bytes(correlation_id, sizeof correlation_id);
        assert_int_equal(SMQ_OK, hash_slice(HASH_SHA3_384, slice_of(correlation_id, 24), digest));
        memcpy(queue.sender_id, digest, 24);
        create.create.has_link = true;
        create.create.sender_id = peer_sender(&queue);
        create.create.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
        secure.key = queue.sender_key.public_key;
        peer_begin(&peer);
        peer_add_with(&peer, &queue.recipient_key, slice_of(NULL, 0), slice_of(correlation_id, 24), &create);
        peer_send(&peer);
        pipeline(&queue.sender_key, peer_sender(&queue), &secure);
        pipeline_send(&queue.sender_key, "at once");
        expect(SMP_IDS);
        peer_queue_created(&queue, &answer);
        expect(SMP_OK);
        unsigned messages = 0;
        for (unsigned i = 0; i < 2; i++) {
            peer_receive(&peer, &answer);
            messages += answer.response.tag == SMP_MSG;
            assert_true(answer.response.tag == SMP_MSG || answer.response.tag == SMP_OK);
        }
        assert_int_equal(1, messages);
    }
}

static void test_notifier_is_gone_for_the_block_after_its_deletion(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct smp_command subscribe = peer_command(SMP_NSUB);
        peer_create_queue(&peer, PEER_WITH_NOTIFIER, &queue);
        pipeline(&queue.notifier_key, slice_of(queue.notifier_id, 24), &subscribe);
        pipeline_recipient(SMP_NDEL);
        pipeline(&queue.notifier_key, slice_of(queue.notifier_id, 24), &subscribe);
        unsigned refused = 0, last = 0;
        for (unsigned i = 0; i < 3; i++) {
            peer_receive(&peer, &answer);
            refused += answer.response.tag == SMP_ERR;
            last = answer.response.tag == SMP_ERR ? i : last;
        }
        assert_int_equal(1, refused);
        assert_int_equal(2, last);
    }
}

static void test_message_that_was_got_is_answered_although_the_next_block_deletes_its_queue(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t id[24];
        peer_create_queue(&peer, 0, &queue);
        peer_send_message(&peer, &queue, NULL, "the last one");
        pipeline_recipient(SMP_GET);
        pipeline_recipient(SMP_DEL);
        pipeline_recipient(SMP_GET);
        peer_receive(&peer, &answer);
        peer_check_message(&queue, &answer, "the last one", id);
        expect(SMP_OK);
        peer_receive(&peer, &answer);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    }
}

/* The record changes all the time under messages that are sent ahead of their answers. */
static void test_messages_keep_their_order_while_the_recipient_changes_the_queue(void **state) {
    (void)state;
    enum { COUNT = 60, WINDOW = 6 };
    char text[8];
    uint8_t id[24];
    struct smp_command set = peer_command(SMP_NKEY);
    const struct smp_command unset = peer_command(SMP_NDEL);
    peer_create_queue(&other, PEER_SECURED, &queue);
    set.notifier.key = queue.notifier_key.public_key;
    set.notifier.dh_key = queue.sender_key.public_key;
    for (unsigned sent = 0, told = 0; told < COUNT; told++) {
        for (; sent < COUNT && sent - told < WINDOW; sent++) {
            snprintf(text, sizeof text, "%03u", sent);
            pipeline_send(&queue.sender_key, text);
            peer_begin(&other);
            peer_add(&other, &queue.recipient_key, peer_recipient(&queue), sent % 2 == 0 ? &set : &unset);
            peer_send(&other);
        }
        expect(SMP_OK);
    }
    for (unsigned i = 0; i < COUNT; i++)
        peer_receive(&other, &answer);
    const struct smp_command subscribe = peer_command(SMP_SUB);
    peer_expect(&other, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, NULL);
    peer_receive(&other, &answer);
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "%03u", i);
        peer_check_message(&queue, &answer, text, id);
        peer_acknowledge(&other, &queue, id, i + 1 < COUNT ? SMP_MSG : SMP_OK, &answer);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_message_is_sent_with_the_key_that_the_block_before_set),
        TEST(test_message_is_got_that_the_block_before_sent),
        TEST(test_acknowledged_message_is_not_delivered_by_the_subscription_that_follows),
        TEST(test_commands_after_a_deletion_find_nothing),
        TEST(test_message_after_the_queue_was_switched_off_is_refused),
        TEST(test_recipient_key_is_replaced_before_the_next_block_is_verified),
        TEST(test_link_is_found_by_the_block_after_it_was_set),
        TEST(test_link_that_was_just_set_secures_the_queue),
        TEST(test_queue_with_client_ids_is_used_by_the_block_after_the_one_that_creates_it),
        TEST(test_notifier_is_gone_for_the_block_after_its_deletion),
        TEST(test_message_that_was_got_is_answered_although_the_next_block_deletes_its_queue),
        TEST(test_messages_keep_their_order_while_the_recipient_changes_the_queue),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
