/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages through a router: the whole way of SEND, MSG and ACK in every protocol version, and what survives a
 * restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/support/router_fixture.h"

static struct router_fixture fixture;

static int setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    router_fixture_start(&fixture);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static void exchange(uint16_t version) {
    struct peer recipient;
    struct peer sender;
    struct peer_queue queue;
    struct peer_answer answer;
    uint8_t id[24];
    router_fixture_connect(&fixture, version, &recipient);
    router_fixture_connect(&fixture, version, &sender);
    assert_int_equal(version, recipient.session.version);
    peer_create_queue(&recipient, PEER_SUBSCRIBE | (version > 6 ? PEER_SECURED : 0), &queue);
    const struct key_pair *key = version > 6 ? &queue.sender_key : NULL;
    peer_send_message(&sender, &queue, key, "first");
    peer_send_message(&sender, &queue, key, "second");
    peer_receive(&recipient, &answer);
    assert_int_equal(0, answer.correlation_id.length);
    peer_check_message(&queue, &answer, "first", id);
    peer_acknowledge(&recipient, &queue, id, SMP_MSG, &answer);
    peer_check_message(&queue, &answer, "second", id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
    peer_send_message(&sender, &queue, key, "third");
    peer_receive(&recipient, &answer);
    peer_check_message(&queue, &answer, "third", id);
    peer_close(&recipient);
    peer_close(&sender);
}

static void test_messages_are_exchanged_in_every_version(void **state) {
    (void)state;
    for (uint16_t version = 6; version <= 18; version++)
        exchange(version);
}

static void test_unacknowledged_message_survives_a_restart(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    struct peer_answer answer;
    uint8_t first[24];
    uint8_t second[24];
    router_fixture_connect(&fixture, 0, &peer);
    peer_create_queue(&peer, PEER_SECURED | PEER_SUBSCRIBE, &queue);
    peer_send_message(&peer, &queue, &queue.sender_key, "kept");
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "kept", first);
    router_fixture_stop(&fixture);
    assert_true(peer_is_closed(&peer));
    peer_close(&peer);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    struct smp_command subscribe = peer_command(SMP_SUB);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, NULL);
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "kept", second);
    assert_memory_equal(first, second, sizeof first);
    peer_acknowledge(&peer, &queue, second, SMP_OK, NULL);
    peer_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_exchanged_in_every_version),
        cmocka_unit_test(test_unacknowledged_message_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
