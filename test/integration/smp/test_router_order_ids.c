/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ids that two queues of one connection contend for while nothing is answered yet: who takes one, gives one up or names
 * one does so in the order sent, and what comes later on the same queue does not overtake it. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/fault.h"
#include "queues/base/random.h"
#include "test/support/router_fixture.h"
#include "transport/crypto/hash.h"

enum { ROUNDS = 12 };

static struct router_fixture fixture;
static struct peer peer;
static struct peer_answer answer;
static struct peer_queue one, two;
static uint8_t id[24], other_id[24];
static bool is_one_block;

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    router_fixture_start(&fixture);
    fault_arm(FAULT_POINT_writer_slow, 0, UINT64_MAX);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    fault_disarm_all();
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

/* ---- commands, in one block or in one each */

static void start(unsigned round, unsigned flags) {
    is_one_block = round % 2 == 0;
    peer_create_queue(&peer, flags, &one);
    peer_create_queue(&peer, flags, &two);
    random_bytes(id, sizeof id);
    random_bytes(other_id, sizeof other_id);
    peer_begin(&peer);
}

static void next_block(void) {
    if (is_one_block)
        return;
    peer_send(&peer);
    peer_begin(&peer);
}

static void finish(void) {
    if (is_one_block)
        peer_send(&peer);
}

static void add(const struct key_pair *key, struct slice entity, const struct smp_command *command) {
    peer_add(&peer, key, entity, command);
    next_block();
}

static void add_plain(const struct peer_queue *queue, enum smp_command_tag tag) {
    const struct smp_command command = peer_command(tag);
    add(&queue->recipient_key, peer_recipient(queue), &command);
}

static void set_link(const struct peer_queue *queue, const uint8_t link_id[24]) {
    struct smp_command set = peer_command(SMP_LSET);
    set.link_set.link_id = slice_of(link_id, 24);
    set.link_set.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
    add(&queue->recipient_key, peer_recipient(queue), &set);
}

static void get_link(const uint8_t link_id[24]) {
    const struct smp_command get = peer_command(SMP_LGET);
    add(NULL, slice_of(link_id, 24), &get);
}

static void secure(const struct key_pair *key, enum smp_command_tag tag, struct slice entity) {
    struct smp_command command = peer_command(tag);
    command.key = key->public_key;
    add(key, entity, &command);
}

static void expect(enum smp_response_tag tag) {
    do
        peer_receive(&peer, &answer);
    while (answer.correlation_id.length == 0);
    assert_string_equal(smp_response_tag_text(tag), smp_response_tag_text(answer.response.tag));
}

static void expect_refusal(void) {
    expect(SMP_ERR);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
}

/* ---- the races */

/* Answers come in the order of blocks only where those wait for each other: the rest is asked afterwards. */
static void expect_link(const uint8_t link_id[24], const struct peer_queue *queue) {
    const struct smp_command get = peer_command(SMP_LGET);
    peer_ask(&peer, NULL, slice_of(link_id, 24), &get, &answer);
    assert_string_equal(queue == NULL ? "ERR" : "LNK", smp_response_tag_text(answer.response.tag));
    if (queue != NULL)
        assert_true(slice_equal(peer_sender(queue), answer.response.link.sender_id));
}

static void test_link_that_another_queue_takes_first_is_refused_before_what_follows(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        start(round, PEER_CONTACT);
        set_link(&one, id);
        set_link(&two, id);       /* refused: its queue has no link yet */
        set_link(&two, other_id); /* so that this one is its first */
        finish();
        expect(SMP_OK);
        expect_refusal();
        expect(SMP_OK);
        expect_link(id, &one);
        expect_link(other_id, &two);
    }
}

static void test_link_that_another_queue_gives_up_is_taken_before_what_follows(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        static const enum smp_command_tag ends[] = {SMP_LDEL, SMP_DEL};
        start(round, PEER_CONTACT);
        set_link(&one, id);
        add_plain(&one, ends[round / 2 % 2]);
        set_link(&two, id);
        add_plain(&two, SMP_LDEL);
        set_link(&two, other_id);
        finish();
        for (unsigned i = 0; i < 5; i++)
            expect(SMP_OK);
        expect_link(id, NULL);
        expect_link(other_id, &two);
    }
}

static void test_link_is_not_given_up_before_another_queue_was_refused_it(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        start(round, PEER_CONTACT);
        set_link(&one, id);
        finish();
        if (is_one_block)
            peer_begin(&peer);
        expect(SMP_OK);
        add_plain(&two, SMP_NDEL); /* the next one waits for it */
        set_link(&two, id);
        add_plain(&one, SMP_LDEL);
        finish();
        unsigned refused = 0;
        for (unsigned i = 0; i < 3; i++) {
            peer_receive(&peer, &answer);
            refused += answer.response.tag == SMP_ERR;
        }
        assert_int_equal(1, refused);
        expect_link(id, NULL);
    }
}

static void test_links_change_places_in_the_order_sent(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        start(round, PEER_CONTACT);
        set_link(&one, id);
        set_link(&two, other_id);
        add_plain(&one, SMP_LDEL);
        add_plain(&two, SMP_LDEL);
        set_link(&one, other_id);
        set_link(&two, id);
        add_plain(&one, SMP_LDEL);
        set_link(&one, id); /* taken */
        set_link(&one, other_id);
        finish();
        unsigned refused = 0;
        for (unsigned i = 0; i < 9; i++) {
            peer_receive(&peer, &answer);
            refused += answer.response.tag == SMP_ERR;
        }
        assert_int_equal(1, refused);
        expect_link(id, &two);
        expect_link(other_id, &one);
    }
}

/* Who names a link that is about to go to another queue: what follows on the queue that has it now comes later. */
static void test_queue_is_secured_by_its_link_before_what_follows_although_another_wants_it(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        start(round, 0);
        set_link(&one, id);
        finish();
        if (is_one_block)
            peer_begin(&peer);
        expect(SMP_OK);
        set_link(&two, id);
        secure(&one.sender_key, SMP_LKEY, slice_of(id, sizeof id));
        secure(&two.sender_key, SMP_SKEY, peer_sender(&one)); /* another key: too late */
        finish();
        expect_refusal();
        expect(SMP_LNK);
        expect_refusal();
    }
}

/* NEW with a sender id and a link of the client's choice. */
static void create_with(struct peer_queue *queue, uint8_t correlation_id[24], const uint8_t link_id[24]) {
    uint8_t digest[48];
    struct smp_command create = peer_new_command(PEER_CONTACT, queue);
    assert_int_equal(SMQ_OK, hash_slice(HASH_SHA3_384, slice_of(correlation_id, 24), digest));
    memcpy(queue->sender_id, digest, 24);
    create.create.has_link = true;
    create.create.sender_id = peer_sender(queue);
    create.create.link_id = slice_of(link_id, 24);
    create.create.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
    peer_add_with(&peer, &queue->recipient_key, slice_of(NULL, 0), slice_of(correlation_id, 24), &create);
    next_block();
}

static void test_new_queue_with_a_sender_id_that_is_taken_gives_its_link_to_nobody(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct peer_queue third, fourth;
        uint8_t correlation_id[24];
        random_bytes(correlation_id, sizeof correlation_id);
        start(round, PEER_CONTACT);
        create_with(&third, correlation_id, id);
        create_with(&fourth, correlation_id, other_id); /* refused: its sender id is taken */
        get_link(other_id);
        set_link(&two, other_id);
        finish();
        expect(SMP_IDS);
        expect_refusal();
        expect_refusal();
        expect(SMP_OK);
        expect_link(id, &third);
        expect_link(other_id, &two);
    }
}

static void test_other_queues_go_on_in_their_order_after_a_contention(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t message_id[24];
        const struct smp_command send = peer_send_command(slice_of_text("late"), false);
        start(round, PEER_CONTACT);
        set_link(&one, id);
        set_link(&two, id);
        add_plain(&one, SMP_LDEL);
        add(NULL, peer_sender(&one), &send);
        add_plain(&one, SMP_GET);
        finish();
        expect(SMP_OK);
        expect_refusal();
        expect(SMP_OK);
        expect(SMP_OK);
        peer_receive(&peer, &answer);
        peer_check_message(&one, &answer, "late", message_id);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_link_that_another_queue_takes_first_is_refused_before_what_follows),
        TEST(test_link_that_another_queue_gives_up_is_taken_before_what_follows),
        TEST(test_link_is_not_given_up_before_another_queue_was_refused_it),
        TEST(test_links_change_places_in_the_order_sent),
        TEST(test_queue_is_secured_by_its_link_before_what_follows_although_another_wants_it),
        TEST(test_new_queue_with_a_sender_id_that_is_taken_gives_its_link_to_nobody),
        TEST(test_other_queues_go_on_in_their_order_after_a_contention),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
