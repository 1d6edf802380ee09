/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The subscription and delivery state machine of the router: SUB, GET, ACK, takeover, END, DELD. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/support/router_fixture.h"

enum { QUIET_MS = 150 };

static struct router_fixture fixture;
static struct peer recipient;
static struct peer other;
static struct peer sender;
static struct peer_queue queue;
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
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &other);
    router_fixture_connect(&fixture, 0, &sender);
    peer_create_queue(&recipient, PEER_SECURED, &queue);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&recipient);
    peer_close(&other);
    peer_close(&sender);
    return 0;
}

static void send_text(const char *text) {
    peer_send_message(&sender, &queue, &queue.sender_key, text);
}

static void expect(struct peer *peer, enum smp_command_tag command, enum smp_response_tag tag) {
    struct smp_command plain = peer_command(command);
    peer_expect(peer, &queue.recipient_key, peer_recipient(&queue), &plain, tag, &answer);
}

static void expect_error(struct peer *peer, enum smp_command_tag command, struct smp_error error) {
    struct smp_command plain = peer_command(command);
    peer_expect_error(peer, &queue.recipient_key, peer_recipient(&queue), &plain, error);
}

static void expect_acknowledge_error(struct peer *peer, const uint8_t *id, size_t length) {
    struct smp_command command = peer_command(SMP_ACK);
    command.message_id = slice_of(id, length);
    peer_expect_error(peer, &queue.recipient_key, peer_recipient(&queue), &command, smp_error_of(SMP_ERROR_NO_MESSAGE));
}

static void receive_text(struct peer *peer, const char *text, uint8_t id[24]) {
    peer_receive(peer, &answer);
    assert_int_equal(0, answer.correlation_id.length);
    peer_check_message(&queue, &answer, text, id);
}

static void receive_event(struct peer *peer, enum smp_response_tag tag, struct slice entity) {
    peer_receive(peer, &answer);
    assert_string_equal(smp_response_tag_text(tag), smp_response_tag_text(answer.response.tag));
    assert_int_equal(0, answer.correlation_id.length);
    assert_true(slice_equal(entity, answer.entity_id));
}

static void test_sub_is_answered_first_and_the_message_follows(void **state) {
    (void)state;
    uint8_t id[24];
    send_text("waiting");
    expect(&recipient, SMP_SUB, SMP_SOK);
    assert_false(answer.response.service.present);
    receive_text(&recipient, "waiting", id);
}

static void test_repeated_sub_delivers_the_same_message_again(void **state) {
    (void)state;
    uint8_t first[24];
    uint8_t second[24];
    send_text("again");
    expect(&recipient, SMP_SUB, SMP_SOK);
    receive_text(&recipient, "again", first);
    expect(&recipient, SMP_SUB, SMP_SOK);
    receive_text(&recipient, "again", second);
    assert_memory_equal(first, second, sizeof first);
}

static void test_one_message_in_flight_until_it_is_acknowledged(void **state) {
    (void)state;
    uint8_t id[24];
    expect(&recipient, SMP_SUB, SMP_SOK);
    send_text("one");
    send_text("two");
    receive_text(&recipient, "one", id);
    assert_true(peer_is_silent(&recipient, QUIET_MS));
    peer_acknowledge(&recipient, &queue, id, SMP_MSG, &answer);
    peer_check_message(&queue, &answer, "two", id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
}

static void test_get_answers_the_message_or_ok(void **state) {
    (void)state;
    uint8_t id[24];
    expect(&recipient, SMP_GET, SMP_OK);
    send_text("got");
    assert_true(peer_is_silent(&recipient, QUIET_MS));
    expect(&recipient, SMP_GET, SMP_MSG);
    peer_check_message(&queue, &answer, "got", id);
    expect(&recipient, SMP_GET, SMP_MSG);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
    expect(&recipient, SMP_GET, SMP_OK);
}

static void test_ack_after_get_answers_ok_even_with_more_messages(void **state) {
    (void)state;
    uint8_t id[24];
    send_text("first");
    send_text("second");
    expect(&recipient, SMP_GET, SMP_MSG);
    peer_check_message(&queue, &answer, "first", id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
    expect(&recipient, SMP_GET, SMP_MSG);
    peer_check_message(&queue, &answer, "second", id);
}

static void test_sub_and_get_exclude_each_other_on_a_connection(void **state) {
    (void)state;
    expect(&recipient, SMP_GET, SMP_OK);
    expect_error(&recipient, SMP_SUB, smp_error_command(COMMAND_PROHIBITED));
    expect(&other, SMP_SUB, SMP_SOK);
    expect_error(&other, SMP_GET, smp_error_command(COMMAND_PROHIBITED));
}

static void test_ack_rules(void **state) {
    (void)state;
    uint8_t id[24];
    uint8_t wrong[24] = {1};
    expect_acknowledge_error(&recipient, wrong, sizeof wrong);
    send_text("kept");
    expect(&recipient, SMP_SUB, SMP_SOK);
    receive_text(&recipient, "kept", id);
    expect_acknowledge_error(&recipient, wrong, sizeof wrong);
    struct smp_command empty = peer_command(SMP_ACK);
    peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &empty, SMP_MSG, &answer);
    peer_check_message(&queue, &answer, "kept", id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
    expect_acknowledge_error(&recipient, id, sizeof id);
}

static void test_takeover_ends_the_other_subscription_and_can_be_taken_back(void **state) {
    (void)state;
    uint8_t id[24];
    expect(&recipient, SMP_SUB, SMP_SOK);
    expect(&other, SMP_SUB, SMP_SOK);
    receive_event(&recipient, SMP_END, peer_recipient(&queue));
    send_text("to the other");
    receive_text(&other, "to the other", id);
    assert_true(peer_is_silent(&recipient, QUIET_MS));
    expect_acknowledge_error(&recipient, id, sizeof id);
    expect(&recipient, SMP_SUB, SMP_SOK);
    receive_event(&other, SMP_END, peer_recipient(&queue));
    receive_text(&recipient, "to the other", id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
}

static void test_sub_and_get_on_two_connections_share_a_message(void **state) {
    (void)state;
    uint8_t pushed[24];
    uint8_t got[24];
    expect(&recipient, SMP_SUB, SMP_SOK);
    send_text("shared");
    receive_text(&recipient, "shared", pushed);
    expect(&other, SMP_GET, SMP_MSG);
    peer_check_message(&queue, &answer, "shared", got);
    assert_memory_equal(pushed, got, sizeof got);
    peer_acknowledge(&recipient, &queue, pushed, SMP_OK, NULL);
    peer_acknowledge(&other, &queue, got, SMP_OK, NULL);
    expect(&other, SMP_GET, SMP_OK);
}

static void test_disconnect_forgets_the_delivery_and_keeps_the_message(void **state) {
    (void)state;
    uint8_t first[24];
    uint8_t second[24];
    expect(&recipient, SMP_SUB, SMP_SOK);
    send_text("kept");
    receive_text(&recipient, "kept", first);
    peer_close(&recipient);
    expect(&other, SMP_SUB, SMP_SOK);
    receive_text(&other, "kept", second);
    assert_memory_equal(first, second, sizeof first);
}

static void test_delete_tells_other_subscribers_and_leaves_nothing(void **state) {
    (void)state;
    expect(&recipient, SMP_SUB, SMP_SOK);
    expect(&other, SMP_DEL, SMP_OK);
    receive_event(&recipient, SMP_DELD, peer_recipient(&queue));
    expect_error(&recipient, SMP_SUB, smp_error_of(SMP_ERROR_AUTH));
    expect_error(&other, SMP_DEL, smp_error_of(SMP_ERROR_AUTH));
    struct smp_command send = peer_send_command(slice_of_text("late"), false);
    peer_expect_error(&sender, &queue.sender_key, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_AUTH));
}

static void test_deleted_event_is_end_before_version_10(void **state) {
    (void)state;
    struct peer old;
    router_fixture_connect(&fixture, 9, &old);
    expect(&old, SMP_SUB, SMP_OK);
    expect(&other, SMP_DEL, SMP_OK);
    receive_event(&old, SMP_END, peer_recipient(&queue));
    peer_close(&old);
}

static void test_new_with_subscription_receives_at_once(void **state) {
    (void)state;
    struct peer_queue fresh;
    uint8_t id[24];
    peer_create_queue(&other, PEER_SUBSCRIBE, &fresh);
    peer_send_message(&sender, &fresh, NULL, "at once");
    peer_receive(&other, &answer);
    peer_check_message(&fresh, &answer, "at once", id);
}

static void test_que_tells_about_the_queue(void **state) {
    (void)state;
    expect(&recipient, SMP_QUE, SMP_INFO);
    assert_true(slice_equal(answer.response.json, slice_of_text("{\"qiSnd\":true,\"qiNtf\":false,\"qiSize\":0}")));
    expect(&recipient, SMP_SUB, SMP_SOK);
    send_text("counted");
    uint8_t id[24];
    receive_text(&recipient, "counted", id);
    expect(&recipient, SMP_QUE, SMP_INFO);
    static const char start[] = "{\"qiSnd\":true,\"qiNtf\":false,\"qiSub\":{\"qSubThread\":\"noSub\",\"qDelivered\":\"";
    assert_true(answer.response.json.length > sizeof start);
    assert_memory_equal(start, answer.response.json.bytes, sizeof start - 1);
    assert_non_null(memmem(answer.response.json.bytes, answer.response.json.length, "\"msgType\":\"message\"}}", 21));
}

static void test_many_subs_of_one_block_are_answered_together(void **state) {
    (void)state;
    enum { QUEUES = 40 };
    static struct peer_queue queues[QUEUES];
    struct smp_command subscribe = peer_command(SMP_SUB);
    for (unsigned i = 0; i < QUEUES; i++)
        peer_create_queue(&recipient, 0, &queues[i]);
    peer_send_message(&sender, &queues[7], NULL, "seven");
    peer_send_message(&sender, &queues[9], NULL, "nine");
    peer_begin(&other);
    for (unsigned i = 0; i < QUEUES; i++)
        peer_add(&other, &queues[i].recipient_key, peer_recipient(&queues[i]), &subscribe);
    peer_send(&other);
    for (unsigned i = 0; i < QUEUES; i++) {
        peer_receive(&other, &answer);
        assert_string_equal("SOK", smp_response_tag_text(answer.response.tag));
        assert_true(slice_equal(answer.entity_id, peer_recipient(&queues[i])));
    }
    uint8_t id[24];
    peer_receive(&other, &answer);
    peer_check_message(&queues[7], &answer, "seven", id);
    peer_receive(&other, &answer);
    peer_check_message(&queues[9], &answer, "nine", id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_sub_is_answered_first_and_the_message_follows),
        TEST(test_repeated_sub_delivers_the_same_message_again),
        TEST(test_one_message_in_flight_until_it_is_acknowledged),
        TEST(test_get_answers_the_message_or_ok),
        TEST(test_ack_after_get_answers_ok_even_with_more_messages),
        TEST(test_sub_and_get_exclude_each_other_on_a_connection),
        TEST(test_ack_rules),
        TEST(test_takeover_ends_the_other_subscription_and_can_be_taken_back),
        TEST(test_sub_and_get_on_two_connections_share_a_message),
        TEST(test_disconnect_forgets_the_delivery_and_keeps_the_message),
        TEST(test_delete_tells_other_subscribers_and_leaves_nothing),
        TEST(test_deleted_event_is_end_before_version_10),
        TEST(test_new_with_subscription_receives_at_once),
        TEST(test_que_tells_about_the_queue),
        TEST(test_many_subs_of_one_block_are_answered_together),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
