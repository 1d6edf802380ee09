/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The commands of one block take effect in order, and are answered with what they found then. */
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

static void number_text(unsigned number, char text[3]) {
    text[0] = (char)('0' + number / 10);
    text[1] = (char)('0' + number % 10);
    text[2] = '\0';
}

static void send_numbered(struct peer_queue *queue, const struct key_pair *key, unsigned count) {
    char text[3];
    peer_begin(&peer);
    for (unsigned i = 0; i < count; i++) {
        number_text(i, text);
        const struct smp_command send = peer_send_command(slice_of_text(text), false);
        peer_add(&peer, key, peer_sender(queue), &send);
    }
    peer_send(&peer);
    for (unsigned i = 0; i < count; i++) {
        peer_receive(&peer, &answer);
        assert_string_equal("OK", smp_response_tag_text(answer.response.tag));
    }
}

static void check_numbered(const struct peer_queue *queue, unsigned count) {
    char text[3];
    uint8_t id[24];
    const struct smp_command subscribe = peer_command(SMP_SUB);
    peer_expect(&peer, &queue->recipient_key, peer_recipient(queue), &subscribe, SMP_SOK, NULL);
    peer_receive(&peer, &answer);
    for (unsigned i = 0; i < count; i++) {
        number_text(i, text);
        peer_check_message(queue, &answer, text, id);
        peer_acknowledge(&peer, queue, id, i + 1 < count ? SMP_MSG : SMP_OK, &answer);
    }
}

static void test_messages_of_one_block_are_stored_in_order(void **state) {
    (void)state;
    struct peer_queue queue;
    peer_create_queue(&peer, 0, &queue);
    send_numbered(&queue, NULL, 99);
    check_numbered(&queue, 99);
}

/* The first one removes the link data, and with it the version of the record that the others were authorised
 * against. */
static void test_order_holds_while_the_queue_changes_under_its_messages(void **state) {
    (void)state;
    enum { COUNT = 90 };
    struct peer_queue queue;
    for (unsigned round = 0; round < 8; round++) {
        struct smp_command link = peer_command(SMP_LSET);
        uint8_t link_id[24];
        random_bytes(link_id, sizeof link_id);
        link.link_set.link_id = slice_of(link_id, sizeof link_id);
        peer_create_queue(&peer, 0, &queue);
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &link, SMP_OK, NULL);
        struct smp_command key = peer_command(SMP_KEY);
        key.key = queue.sender_key.public_key;
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &key, SMP_OK, NULL);
        send_numbered(&queue, &queue.sender_key, COUNT);
        check_numbered(&queue, COUNT);
    }
}

static void expect_tags(const enum smp_response_tag *tags, size_t count) {
    for (size_t i = 0; i < count; i++) {
        peer_receive(&peer, &answer);
        assert_string_equal(smp_response_tag_text(tags[i]), smp_response_tag_text(answer.response.tag));
    }
}

static void test_key_and_what_it_signs_share_a_block(void **state) {
    (void)state;
    static const enum smp_response_tag tags[] = {SMP_OK, SMP_OK, SMP_OK, SMP_MSG};
    struct peer_queue queue;
    uint8_t id[24];
    struct smp_command key = peer_command(SMP_KEY);
    const struct smp_command unsecured = peer_send_command(slice_of_text("before"), false);
    const struct smp_command secured = peer_send_command(slice_of_text("after"), false);
    const struct smp_command get = peer_command(SMP_GET);
    for (unsigned round = 0; round < 20; round++) {
        peer_create_queue(&peer, 0, &queue);
        key.key = queue.sender_key.public_key;
        peer_begin(&peer);
        peer_add(&peer, NULL, peer_sender(&queue), &unsecured);
        peer_add(&peer, &queue.recipient_key, peer_recipient(&queue), &key);
        peer_add(&peer, &queue.sender_key, peer_sender(&queue), &secured);
        peer_add(&peer, &queue.recipient_key, peer_recipient(&queue), &get);
        peer_send(&peer);
        expect_tags(tags, 4);
        peer_check_message(&queue, &answer, "before", id);
        peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &get, SMP_MSG, &answer);
        peer_check_message(&queue, &answer, "after", id);
    }
}

static void test_queue_with_client_ids_is_used_in_the_block_that_creates_it(void **state) {
    (void)state;
    static const enum smp_response_tag tags[] = {SMP_OK, SMP_OK};
    struct peer_queue queue;
    uint8_t correlation_id[24];
    uint8_t digest[48];
    struct smp_command create = peer_new_command(0, &queue);
    random_bytes(correlation_id, sizeof correlation_id);
    assert_int_equal(SMQ_OK, hash_slice(HASH_SHA3_384, slice_of(correlation_id, 24), digest));
    memcpy(queue.sender_id, digest, 24);
    create.create.has_link = true;
    create.create.sender_id = peer_sender(&queue);
    create.create.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
    struct smp_command secure = peer_command(SMP_SKEY);
    secure.key = queue.sender_key.public_key;
    const struct smp_command send = peer_send_command(slice_of_text("at once"), false);
    peer_begin(&peer);
    peer_add_with(&peer, &queue.recipient_key, nothing, slice_of(correlation_id, 24), &create);
    peer_add(&peer, &queue.sender_key, peer_sender(&queue), &secure);
    peer_add(&peer, &queue.sender_key, peer_sender(&queue), &send);
    peer_send(&peer);
    peer_receive(&peer, &answer);
    peer_queue_created(&queue, &answer);
    expect_tags(tags, 2);
    const struct smp_command subscribe = peer_command(SMP_SUB);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, NULL);
    uint8_t id[24];
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "at once", id);
}

static void test_deleted_queue_is_gone_for_the_rest_of_the_block(void **state) {
    (void)state;
    static const enum smp_response_tag tags[] = {SMP_SOK, SMP_OK, SMP_ERR, SMP_ERR};
    static const enum smp_command_tag commands[] = {SMP_SUB, SMP_DEL, SMP_SUB, SMP_QUE};
    struct peer_queue queue;
    peer_create_queue(&peer, 0, &queue);
    peer_begin(&peer);
    for (size_t i = 0; i < 4; i++) {
        const struct smp_command command = peer_command(commands[i]);
        peer_add(&peer, &queue.recipient_key, peer_recipient(&queue), &command);
    }
    peer_send(&peer);
    expect_tags(tags, 4);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
}

static void add_plain(const struct peer_queue *queue, enum smp_command_tag tag) {
    const struct smp_command command = peer_command(tag);
    peer_add(&peer, &queue->recipient_key, peer_recipient(queue), &command);
}

static void test_message_that_was_got_is_answered_although_the_queue_is_deleted_next(void **state) {
    (void)state;
    static const enum smp_response_tag deleted[] = {SMP_OK, SMP_ERR};
    struct peer_queue queue;
    uint8_t id[24];
    for (unsigned round = 0; round < 10; round++) {
        peer_create_queue(&peer, 0, &queue);
        peer_send_message(&peer, &queue, NULL, "the last one");
        peer_begin(&peer);
        add_plain(&queue, SMP_GET);
        add_plain(&queue, SMP_DEL);
        add_plain(&queue, SMP_GET);
        peer_send(&peer);
        peer_receive(&peer, &answer);
        peer_check_message(&queue, &answer, "the last one", id);
        expect_tags(deleted, 2);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    }
}

static void test_message_that_was_got_is_answered_although_it_is_acknowledged_next(void **state) {
    (void)state;
    static const enum smp_response_tag gone[] = {SMP_OK, SMP_OK};
    struct peer_queue queue;
    uint8_t id[24];
    struct smp_command acknowledge = peer_command(SMP_ACK);
    for (unsigned round = 0; round < 10; round++) {
        peer_create_queue(&peer, 0, &queue);
        peer_send_message(&peer, &queue, NULL, "twice");
        for (unsigned times = 0; times < 2; times++) {
            peer_begin(&peer);
            add_plain(&queue, SMP_GET);
            if (times == 1) {
                acknowledge.message_id = slice_of(id, sizeof id);
                peer_add(&peer, &queue.recipient_key, peer_recipient(&queue), &acknowledge);
                add_plain(&queue, SMP_GET);
            }
            peer_send(&peer);
            peer_receive(&peer, &answer);
            peer_check_message(&queue, &answer, "twice", id);
        }
        expect_tags(gone, 2);
    }
}

static void test_link_that_was_got_is_answered_although_it_is_deleted_next(void **state) {
    (void)state;
    static const enum smp_response_tag tags[] = {SMP_OK, SMP_ERR};
    struct peer_queue queue;
    uint8_t link_id[24];
    random_bytes(link_id, sizeof link_id);
    struct smp_command set = peer_command(SMP_LSET);
    set.link_set.link_id = slice_of(link_id, sizeof link_id);
    set.link_set.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
    const struct smp_command get = peer_command(SMP_LGET);
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    peer_begin(&peer);
    peer_add(&peer, &queue.recipient_key, peer_recipient(&queue), &set);
    peer_add(&peer, NULL, slice_of(link_id, sizeof link_id), &get);
    add_plain(&queue, SMP_LDEL);
    peer_add(&peer, NULL, slice_of(link_id, sizeof link_id), &get);
    peer_send(&peer);
    expect_tags(tags, 1);
    peer_receive(&peer, &answer);
    assert_string_equal("LNK", smp_response_tag_text(answer.response.tag));
    assert_true(slice_equal(peer_sender(&queue), answer.response.link.sender_id));
    assert_true(slice_equal(set.link_set.link.fixed_data, answer.response.link.data.fixed_data));
    assert_true(slice_equal(set.link_set.link.user_data, answer.response.link.data.user_data));
    expect_tags(tags, 2);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_messages_of_one_block_are_stored_in_order),
        TEST(test_order_holds_while_the_queue_changes_under_its_messages),
        TEST(test_key_and_what_it_signs_share_a_block),
        TEST(test_queue_with_client_ids_is_used_in_the_block_that_creates_it),
        TEST(test_deleted_queue_is_gone_for_the_rest_of_the_block),
        TEST(test_message_that_was_got_is_answered_although_the_queue_is_deleted_next),
        TEST(test_message_that_was_got_is_answered_although_it_is_acknowledged_next),
        TEST(test_link_that_was_got_is_answered_although_it_is_deleted_next),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
