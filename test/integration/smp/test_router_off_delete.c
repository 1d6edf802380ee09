/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queues that are off, deleted or blocked: what still works, and what everybody is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/random.h"
#include "stores/lmdb/batch.h"
#include "stores/smp/queue_store.h"
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
static uint8_t link_id[24];

static int queue_setup(void **state) {
    (void)setup(state);
    random_bytes(link_id, sizeof link_id);
    peer_create_queue(&peer, PEER_WITH_NOTIFIER, &queue);
    return 0;
}

static const struct smp_error auth = {.code = SMP_ERROR_AUTH};

/* Any valid form of the command for `queue`, with the right credentials. */
static void ask_on(struct peer *asking, enum smp_command_tag tag) {
    struct smp_command command = peer_command(tag);
    const struct key_pair *key = &queue.recipient_key;
    struct slice entity = peer_recipient(&queue);
    switch (tag) {
    case SMP_KEY:
        command.key = queue.sender_key.public_key;
        break;
    case SMP_SKEY:
    case SMP_LKEY:
        command.key = queue.sender_key.public_key;
        key = &queue.sender_key;
        entity = tag == SMP_SKEY ? peer_sender(&queue) : slice_of(link_id, 24);
        break;
    case SMP_LSET:
        command.link_set.link_id = slice_of(link_id, 24);
        break;
    case SMP_NKEY:
        command.notifier.key = queue.notifier_key.public_key;
        command.notifier.dh_key = queue.notifier_dh_key.public_key;
        break;
    case SMP_SEND:
        key = NULL;
        entity = peer_sender(&queue);
        break;
    case SMP_NSUB:
        key = &queue.notifier_key;
        entity = slice_of(queue.notifier_id, 24);
        break;
    case SMP_LGET:
        key = NULL;
        entity = slice_of(link_id, 24);
        break;
    default:
        break;
    }
    peer_ask(asking, key, entity, &command, &answer);
}

static void expect(enum smp_command_tag tag, enum smp_response_tag expected) {
    ask_on(&peer, tag);
    if (answer.response.tag != expected)
        fail_msg("%s was answered with %s", smp_command_info(tag)->text, smp_response_tag_text(answer.response.tag));
}

static void expect_auth(enum smp_command_tag tag) {
    ask_on(&peer, tag);
    peer_check_error(&answer, auth);
}

static void test_off_is_repeatable_and_refuses_messages_for_ever(void **state) {
    (void)state;
    expect(SMP_OFF, SMP_OK);
    expect(SMP_OFF, SMP_OK);
    expect_auth(SMP_SEND);
    peer_close(&peer);
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    expect_auth(SMP_SEND);
}

static void test_off_leaves_the_recipient_everything_else(void **state) {
    (void)state;
    uint8_t id[24];
    peer_send_message(&peer, &queue, NULL, "before");
    expect(SMP_OFF, SMP_OK);
    expect(SMP_GET, SMP_MSG);
    peer_check_message(&queue, &answer, "before", id);
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
    expect(SMP_NSUB, SMP_SOK);
    expect(SMP_LSET, SMP_OK);
    expect(SMP_LDEL, SMP_OK);
    expect(SMP_KEY, SMP_OK);
    expect(SMP_SKEY, SMP_OK);
    expect(SMP_NKEY, SMP_NID);
    expect(SMP_NDEL, SMP_OK);
    expect(SMP_QUE, SMP_INFO);
    expect(SMP_DEL, SMP_OK);
}

static void test_off_queue_tells_a_large_message_from_its_being_off(void **state) {
    (void)state;
    static uint8_t large[16049];
    const struct smp_command send = peer_send_command(slice_of(large, sizeof large), false);
    expect(SMP_OFF, SMP_OK);
    peer_expect_error(&peer, NULL, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_LARGE_MESSAGE));
}

static void test_deleted_queue_knows_nobody(void **state) {
    (void)state;
    static const enum smp_command_tag tags[] = {SMP_SUB,  SMP_GET,  SMP_ACK,  SMP_KEY, SMP_LSET,
                                                SMP_LDEL, SMP_NKEY, SMP_NDEL, SMP_QUE, SMP_SKEY,
                                                SMP_SEND, SMP_LKEY, SMP_NSUB, SMP_OFF, SMP_DEL};
    expect(SMP_LSET, SMP_OK);
    peer_send_message(&peer, &queue, NULL, "lost with it");
    expect(SMP_DEL, SMP_OK);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        expect_auth(tags[i]);
}

static void test_delete_tells_the_notifiers_subscriber(void **state) {
    (void)state;
    struct peer notifier;
    router_fixture_connect(&fixture, 0, &notifier);
    ask_on(&notifier, SMP_NSUB);
    expect(SMP_DEL, SMP_OK);
    peer_receive(&notifier, &answer);
    assert_string_equal("DELD", smp_response_tag_text(answer.response.tag));
    assert_int_equal(0, answer.correlation_id.length);
    assert_true(slice_equal(answer.entity_id, slice_of(queue.notifier_id, 24)));
    peer_close(&notifier);
}

static void test_delete_tells_nothing_to_the_connection_that_deletes(void **state) {
    (void)state;
    expect(SMP_SUB, SMP_SOK);
    expect(SMP_NSUB, SMP_SOK);
    expect(SMP_DEL, SMP_OK);
    assert_true(peer_is_silent(&peer, 150));
}

/* ---- Blocked: only an operator can do that, so the test does it in the store ---- */

struct blocking {
    struct store_operation operation;
    struct slice info;
};

static enum smq_result block_apply(struct store_operation *operation, struct store_txn *txn) {
    const struct blocking *blocking = (struct blocking *)(void *)operation;
    struct queue_record record;
    bool was_active;
    assert_int_equal(SMQ_OK, queue_store_find_record(txn, QUEUE_RECIPIENT, peer_recipient(&queue), &record));
    return queue_store_block(txn, (struct queue_reference){record.number, record.auth_version}, blocking->info,
                             &was_active);
}

static void block_completed(struct store_operation *operation, enum smq_result result) {
    (void)operation;
    assert_int_equal(SMQ_OK, result);
}

static void block_queue(const char *info) {
    struct store *store;
    struct store_batch batch = {0};
    struct blocking blocking = {{.apply = block_apply, .completed = block_completed}, slice_of_text(info)};
    const struct store_options options = {.directory = fixture.config.store_directory,
                                          .map_size = fixture.config.map_size};
    peer_close(&peer);
    router_fixture_stop(&fixture);
    assert_int_equal(SMQ_OK, store_open(&smp_store_layout, &options, &store));
    store_batch_add(&batch, &blocking.operation);
    store_batch_run(store, &batch);
    store_close(&store);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
}

static const struct smp_error spam = {.code = SMP_ERROR_BLOCKED, .blocked = {.reason = SMP_BLOCKED_SPAM}};

static void test_blocked_queue_answers_why(void **state) {
    (void)state;
    static const enum smp_command_tag tags[] = {SMP_SUB,  SMP_GET,  SMP_ACK, SMP_KEY,  SMP_LSET, SMP_LDEL,
                                                SMP_NKEY, SMP_NDEL, SMP_QUE, SMP_SKEY, SMP_SEND, SMP_LKEY};
    expect(SMP_LSET, SMP_OK);
    block_queue("reason=spam");
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        ask_on(&peer, tags[i]);
        peer_check_error(&answer, spam);
    }
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    random_bytes(link_id, sizeof link_id);
    expect(SMP_LSET, SMP_OK);
    block_queue("reason=spam");
    ask_on(&peer, SMP_LGET);
    peer_check_error(&answer, spam);
}

static void test_blocked_queue_checks_credentials_first(void **state) {
    (void)state;
    struct key_pair wrong;
    const struct smp_command get = peer_command(SMP_GET);
    const struct smp_command send = peer_send_command(slice_of_text("signed"), false);
    block_queue("reason=content");
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &wrong));
    peer_expect_error(&peer, &wrong, peer_recipient(&queue), &get, auth);
    peer_expect_error(&peer, &wrong, peer_sender(&queue), &send, auth);
}

static void test_off_delete_and_nsub_work_on_a_blocked_queue(void **state) {
    (void)state;
    block_queue("reason=spam");
    expect(SMP_NSUB, SMP_SOK);
    expect(SMP_OFF, SMP_OK);
    expect_auth(SMP_SEND); /* blocked no more, but off */
    expect(SMP_GET, SMP_OK);
    block_queue("reason=spam");
    expect(SMP_DEL, SMP_OK);
    expect_auth(SMP_DEL);
}

static void test_blocked_is_told_as_far_as_the_version_knows(void **state) {
    (void)state;
    static const uint16_t versions[] = {6, 11, 12, 17, 18};
    const struct smp_command send = peer_send_command(slice_of_text("text"), false);
    block_queue("reason=content,notice={\"ttl\":86400}");
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct peer old;
        struct smp_error expected = smp_error_of(SMP_ERROR_AUTH);
        if (versions[i] >= 12)
            expected = smp_error_blocked((struct smp_blocking_info){.reason = SMP_BLOCKED_CONTENT});
        if (versions[i] >= 18) {
            expected.blocked.has_notice = expected.blocked.has_ttl = true;
            expected.blocked.ttl_seconds = 86400;
        }
        router_fixture_connect(&fixture, versions[i], &old);
        peer_expect_error(&old, NULL, peer_sender(&queue), &send, expected);
        peer_close(&old);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_off_is_repeatable_and_refuses_messages_for_ever),
        TEST(test_off_leaves_the_recipient_everything_else),
        TEST(test_off_queue_tells_a_large_message_from_its_being_off),
        TEST(test_deleted_queue_knows_nobody),
        TEST(test_delete_tells_the_notifiers_subscriber),
        TEST(test_delete_tells_nothing_to_the_connection_that_deletes),
        TEST(test_blocked_queue_answers_why),
        TEST(test_blocked_queue_checks_credentials_first),
        TEST(test_off_delete_and_nsub_work_on_a_blocked_queue),
        TEST(test_blocked_is_told_as_far_as_the_version_knows),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
