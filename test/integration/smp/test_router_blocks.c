/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Blocks as they come: damaged, overfull, unencrypted. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/support/raw_transmission.h"
#include "test/support/router_fixture.h"

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

static void reconnect(uint16_t version, bool no_key, bool is_proxy) {
    struct peer_options options = router_fixture_peer_options(&fixture);
    options.version = version;
    options.no_key = no_key;
    options.is_proxy = is_proxy;
    peer_close(&peer);
    peer_connect(&peer, &options);
}

static void expect_pong(void) {
    const struct smp_command ping = peer_command(SMP_PING);
    peer_expect(&peer, NULL, nothing, &ping, SMP_PONG, &answer);
}

static void expect_bad_block(void) {
    peer_receive(&peer, &answer);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_BLOCK));
    assert_int_equal(0, answer.correlation_id.length);
    assert_int_equal(0, answer.entity_id.length);
}

static void test_block_that_does_not_decrypt_is_an_error_and_the_chain_goes_on(void **state) {
    (void)state;
    const struct smp_command ping = peer_command(SMP_PING);
    for (unsigned i = 0; i < 3; i++) {
        peer_begin(&peer);
        peer_add(&peer, NULL, nothing, &ping);
        assert_int_equal(SMQ_OK, smp_session_seal_block(&peer.session, &peer.draft));
        peer.outgoing[100 * i] ^= 1;
        peer_write_block(&peer, peer.outgoing);
        expect_bad_block();
        expect_pong();
    }
}

/* A plain block of `content`, in a session without block encryption. */
static void write_plain(struct slice content, size_t claimed) {
    static uint8_t block[SMP_BLOCK_SIZE];
    struct writer writer = writer_of(block, sizeof block);
    memset(block, '#', sizeof block);
    write_u16(&writer, (uint16_t)claimed);
    write_slice(&writer, content);
    peer_write_block(&peer, block);
}

static void test_malformed_contents_are_bad_blocks_and_the_connection_lives(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } contents[] = {
        {"", 0},                                /* nothing at all */
        {"\0", 1},                              /* zero transmissions */
        {"\0\0\7\0\0\0PING", 10},               /* zero transmissions, and one */
        {"\1", 1},                              /* one, but none there */
        {"\1\0\7\0\0\0PIN", 9},                 /* cut */
        {"\2\0\7\0\0\0PING", 10},               /* two announced, one there */
        {"\1\0\7\0\0\0PINGx", 11},              /* bytes left over */
        {"\1\0\7\0\0\0PING\0\7\0\0\0PING", 19}, /* one announced, two there */
    };
    reconnect(18, true, false);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        write_plain(slice_of(contents[i].bytes, contents[i].length), contents[i].length);
        expect_bad_block();
    }
    write_plain(slice_of_text("anything"), 16383); /* more than a block holds */
    expect_bad_block();
    write_plain(slice_of("\1\0\7\0\0\0PING", 10), 10);
    peer_receive(&peer, &answer);
    assert_string_equal("PONG", smp_response_tag_text(answer.response.tag));
}

static void test_one_bad_transmission_among_good_ones(void **state) {
    (void)state;
    static const char *const bad[] = {"", "\200", "\0", "\0\1", "\0\0\5", "\100short"};
    const struct smp_command ping = peer_command(SMP_PING);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        peer_begin(&peer);
        peer_add(&peer, NULL, nothing, &ping);
        peer_add_raw(&peer, slice_of(bad[i], i == 2 ? 1 : i == 3 ? 2 : i == 4 ? 3 : strlen(bad[i])));
        peer_add(&peer, NULL, nothing, &ping);
        peer_send(&peer);
        unsigned errors = 0;
        unsigned pongs = 0;
        while (errors + pongs < 3) {
            peer_receive(&peer, &answer);
            if (answer.response.tag == SMP_PONG) {
                pongs++;
                continue;
            }
            peer_check_error(&answer, smp_error_of(SMP_ERROR_BLOCK));
            assert_int_equal(0, answer.correlation_id.length);
            assert_int_equal(0, answer.entity_id.length);
            errors++;
        }
        assert_int_equal(1, errors);
    }
}

static void test_service_signature_of_another_size_is_a_bad_transmission(void **state) {
    (void)state;
    uint8_t authorization[64] = {0};
    uint8_t slot[2 + 80] = {'1'};
    static const uint8_t sizes[] = {0, 63, 65, 80};
    for (size_t i = 0; i < sizeof sizes; i++) {
        slot[1] = sizes[i];
        struct raw_transmission transmission = {.authorization = slice_of(authorization, sizeof authorization),
                                                .service_slot = slice_of(slot, 2 + (size_t)sizes[i]),
                                                .correlation_id = slice_of_text("slot"),
                                                .entity_id = slice_of_text("entity"),
                                                .command = slice_of_text("SUB")};
        peer_begin(&peer);
        raw_transmission_add(&peer, &transmission);
        peer_send(&peer);
        expect_bad_block();
    }
}

static void test_version_6_checks_the_session_id_that_it_is_sent(void **state) {
    (void)state;
    uint8_t id[32];
    reconnect(6, false, false);
    memcpy(id, peer.session.session_id, sizeof id);
    struct raw_transmission transmission = {
        .correlation_id = slice_of_text("six"), .session_id = slice_of(id, 32), .command = slice_of_text("PING")};
    raw_transmission_ask(&peer, &transmission, &answer);
    assert_string_equal("PONG", smp_response_tag_text(answer.response.tag));
    id[31] ^= 1;
    transmission.entity_id = slice_of_text("entity");
    raw_transmission_ask(&peer, &transmission, &answer);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_SESSION));
    assert_true(slice_equal(transmission.correlation_id, answer.correlation_id));
    assert_int_equal(0, answer.entity_id.length);
}

static void test_255_commands_in_one_block_are_all_answered(void **state) {
    (void)state;
    struct raw_transmission transmission = {.command = slice_of_text("PING")};
    bool seen[255] = {false};
    uint8_t number;
    peer_begin(&peer);
    for (unsigned i = 0; i < 255; i++) {
        number = (uint8_t)i;
        transmission.correlation_id = slice_of(&number, 1);
        raw_transmission_add(&peer, &transmission);
    }
    peer_send(&peer);
    for (unsigned i = 0; i < 255; i++) {
        peer_receive(&peer, &answer);
        assert_string_equal("PONG", smp_response_tag_text(answer.response.tag));
        assert_int_equal(1, answer.correlation_id.length);
        assert_false(seen[answer.correlation_id.bytes[0]]);
        seen[answer.correlation_id.bytes[0]] = true;
    }
}

/* Answers to several blocks may share one, which holds 255 whatever room is left in it. */
static void test_answers_to_blocks_that_share_one_are_all_there(void **state) {
    enum { ROUNDS = 20, BLOCKS = 8, COMMANDS = 128 };
    (void)state;
    struct raw_transmission transmission = {.command = slice_of_text("PING")};
    uint8_t number;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned answers[COMMANDS] = {0};
        for (unsigned i = 0; i < BLOCKS * COMMANDS; i++) {
            number = (uint8_t)(i % COMMANDS);
            transmission.correlation_id = slice_of(&number, 1);
            if (number == 0)
                peer_begin(&peer);
            raw_transmission_add(&peer, &transmission);
            if (number == COMMANDS - 1)
                peer_send(&peer);
        }
        for (unsigned i = 0; i < BLOCKS * COMMANDS; i++) {
            peer_receive(&peer, &answer);
            assert_string_equal("PONG", smp_response_tag_text(answer.response.tag));
            assert_int_equal(1, answer.correlation_id.length);
            answers[answer.correlation_id.bytes[0] % COMMANDS]++;
        }
        for (unsigned i = 0; i < COMMANDS; i++)
            assert_int_equal(BLOCKS, answers[i]);
    }
}

static void exchange(void) {
    struct peer_queue queue;
    uint8_t id[24];
    peer_create_queue(&peer, PEER_SUBSCRIBE, &queue);
    peer_send_message(&peer, &queue, NULL, "plain");
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "plain", id);
    peer_acknowledge(&peer, &queue, id, SMP_OK, NULL);
}

static void test_blocks_are_plain_without_a_client_key_and_for_proxies(void **state) {
    (void)state;
    for (uint16_t version = 10; version <= 18; version++) {
        reconnect(version, true, false);
        assert_false(peer.session.encrypted);
        exchange();
        reconnect(version, false, false);
        assert_int_equal(version >= 11, peer.session.encrypted);
        exchange();
        if (version < 14)
            continue;
        reconnect(version, false, true);
        assert_false(peer.session.encrypted);
        exchange();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_block_that_does_not_decrypt_is_an_error_and_the_chain_goes_on),
        TEST(test_malformed_contents_are_bad_blocks_and_the_connection_lives),
        TEST(test_one_bad_transmission_among_good_ones),
        TEST(test_service_signature_of_another_size_is_a_bad_transmission),
        TEST(test_version_6_checks_the_session_id_that_it_is_sent),
        TEST(test_255_commands_in_one_block_are_all_answered),
        TEST(test_answers_to_blocks_that_share_one_are_all_there),
        TEST(test_blocks_are_plain_without_a_client_key_and_for_proxies),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
