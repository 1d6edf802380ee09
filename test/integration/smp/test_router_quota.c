/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How much a queue takes: the quota and its marker, and the size of messages in each version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/support/router_fixture.h"

static struct router_fixture fixture;
static struct peer peer;
static struct peer_answer answer;
enum { QUOTA = 3 };

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.queue_quota = QUOTA;
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
static uint8_t id[24];

static int queue_setup(void **state) {
    (void)setup(state);
    peer_create_queue(&peer, 0, &queue);
    return 0;
}

static void send_text(const char *text) {
    peer_send_message(&peer, &queue, NULL, text);
}

static void send_refused(void) {
    const struct smp_command send = peer_send_command(slice_of_text("refused"), true);
    peer_expect_error(&peer, NULL, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_QUOTA));
}

/* Sends up to the quota, and one more, which becomes the marker. */
static void overfill(void) {
    char text[16];
    for (unsigned i = 0; i < QUOTA; i++) {
        (void)snprintf(text, sizeof text, "message %u", i);
        send_text(text);
    }
    send_refused();
}

static void subscribe(void) {
    const struct smp_command command = peer_command(SMP_SUB);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_SOK, NULL);
}

/* Receives the first message and acknowledges all of them; the marker's MSG is in `answer` then. */
static void receive_to_the_marker(void) {
    char text[16];
    peer_receive(&peer, &answer);
    for (unsigned i = 0; i < QUOTA; i++) {
        (void)snprintf(text, sizeof text, "message %u", i);
        peer_check_message(&queue, &answer, text, id);
        peer_acknowledge(&peer, &queue, id, SMP_MSG, &answer);
    }
    peer_check_message(&queue, &answer, NULL, id);
}

static void expect_size(unsigned size) {
    char expected[32];
    const struct smp_command inform = peer_command(SMP_QUE);
    int length = snprintf(expected, sizeof expected, "\"qiSize\":%u", size);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &inform, SMP_INFO, &answer);
    assert_non_null(memmem(answer.response.json.bytes, answer.response.json.length, expected, (size_t)length));
}

static void test_message_beyond_the_quota_is_refused_and_leaves_one_marker(void **state) {
    (void)state;
    overfill();
    expect_size(QUOTA + 1);
    send_refused();
    send_refused();
    expect_size(QUOTA + 1);
}

static void test_marker_is_delivered_and_acknowledged_like_a_message(void **state) {
    (void)state;
    overfill();
    subscribe();
    receive_to_the_marker();
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
    expect_size(0);
}

static void test_sending_resumes_only_when_everything_is_acknowledged(void **state) {
    (void)state;
    overfill();
    subscribe();
    peer_receive(&peer, &answer);
    for (unsigned i = 0; i < QUOTA; i++) {
        memcpy(id, answer.response.message.id.bytes, sizeof id);
        send_refused();
        peer_acknowledge(&peer, &queue, id, SMP_MSG, &answer);
    }
    peer_check_message(&queue, &answer, NULL, id);
    send_refused(); /* the marker is still there */
    expect_size(1);
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
    send_text("goes on");
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "goes on", id);
}

static void test_queue_below_its_quota_takes_more_without_a_marker(void **state) {
    (void)state;
    send_text("one");
    send_text("two");
    send_text("three");
    subscribe();
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "one", id);
    peer_acknowledge(&peer, &queue, id, SMP_MSG, &answer);
    send_text("four");
    send_refused();
    expect_size(QUOTA + 1);
}

static void test_marker_survives_a_restart(void **state) {
    (void)state;
    overfill();
    peer_close(&peer);
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    send_refused();
    subscribe();
    receive_to_the_marker();
    send_refused();
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
    send_text("goes on");
}

static void test_marker_comes_by_get_too(void **state) {
    (void)state;
    const struct smp_command get = peer_command(SMP_GET);
    overfill();
    for (unsigned i = 0; i <= QUOTA; i++) {
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &get, SMP_MSG, &answer);
        memcpy(id, answer.response.message.id.bytes, sizeof id);
        if (i == QUOTA)
            peer_check_message(&queue, &answer, NULL, id);
        peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
    }
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &get, SMP_OK, NULL);
}

static void test_quotas_of_queues_are_their_own(void **state) {
    (void)state;
    overfill();
    struct peer_queue full = queue;
    peer_create_queue(&peer, 0, &queue);
    send_text("room here");
    queue = full;
    send_refused();
}

static void test_one_block_that_overfills_stops_at_the_quota(void **state) {
    (void)state;
    const struct smp_command send = peer_send_command(slice_of_text("many"), false);
    peer_begin(&peer);
    for (unsigned i = 0; i < 2 * QUOTA; i++)
        peer_add(&peer, NULL, peer_sender(&queue), &send);
    peer_send(&peer);
    for (unsigned i = 0; i < 2 * QUOTA; i++) {
        peer_receive(&peer, &answer);
        if (i < QUOTA)
            assert_string_equal("OK", smp_response_tag_text(answer.response.tag));
        else
            peer_check_error(&answer, smp_error_of(SMP_ERROR_QUOTA));
    }
}

static void test_largest_message_of_each_version(void **state) {
    (void)state;
    static const struct {
        uint16_t version;
        size_t limit;
    } rows[] = {{6, 16088}, {7, 16088}, {8, 16064}, {10, 16064}, {11, 16048}, {17, 16048}, {18, 16048}};
    static char body[16089];
    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct peer sender;
        router_fixture_connect(&fixture, rows[i].version, &sender);
        peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
        struct smp_command send = peer_send_command(slice_of(body, rows[i].limit + 1), false);
        peer_expect_error(&sender, NULL, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_LARGE_MESSAGE));
        send.send.body.length = rows[i].limit;
        peer_expect(&sender, NULL, peer_sender(&queue), &send, SMP_OK, NULL);
        peer_receive(&peer, &answer);
        body[rows[i].limit] = '\0';
        peer_check_message(&queue, &answer, body, id);
        body[rows[i].limit] = 'x';
        peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
        peer_close(&sender);
    }
}

static void test_size_is_checked_after_the_authorization(void **state) {
    (void)state;
    static uint8_t large[16049];
    const struct smp_command send = peer_send_command(slice_of(large, sizeof large), false);
    peer_expect_error(&peer, &queue.sender_key, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_AUTH));
    peer_expect_error(&peer, NULL, peer_recipient(&queue), &send, smp_error_of(SMP_ERROR_AUTH));
}

static void test_empty_message_is_a_message(void **state) {
    (void)state;
    send_text("");
    subscribe();
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "", id);
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_message_beyond_the_quota_is_refused_and_leaves_one_marker),
        TEST(test_marker_is_delivered_and_acknowledged_like_a_message),
        TEST(test_sending_resumes_only_when_everything_is_acknowledged),
        TEST(test_queue_below_its_quota_takes_more_without_a_marker),
        TEST(test_marker_survives_a_restart),
        TEST(test_marker_comes_by_get_too),
        TEST(test_quotas_of_queues_are_their_own),
        TEST(test_one_block_that_overfills_stops_at_the_quota),
        TEST(test_largest_message_of_each_version),
        TEST(test_size_is_checked_after_the_authorization),
        TEST(test_empty_message_is_a_message),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
