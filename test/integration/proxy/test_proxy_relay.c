/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Relay: what a proxy forwards is taken out of its layers, carried out like any command, and answered in both. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "actors/smp/client_session.h"
#include "queues/base/fault.h"
#include "queues/base/random.h"
#include "test/support/forwarding.h"
#include "test/support/router_fixture.h"

static struct router_fixture fixture;
static struct peer recipient, proxy;
static struct peer_queue queue;
static struct peer_answer answer;
static struct forwarding forwarding;

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

static void connect_proxy(uint16_t version, bool no_key) {
    struct peer_options options = router_fixture_peer_options(&fixture);
    options.version = version;
    options.is_proxy = version == 0 || version >= SMP_VERSION_PROXY_FLAG;
    options.no_key = no_key;
    peer_connect(&proxy, &options);
}

static int setup(void **state) {
    (void)state;
    router_fixture_connect(&fixture, 0, &recipient);
    connect_proxy(0, false);
    peer_create_queue(&recipient, PEER_SUBSCRIBE, &queue);
    forwarding = forwarding_to(&proxy, 17);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    peer_close(&recipient);
    peer_close(&proxy);
    return 0;
}

static void run(const struct key_pair *key, struct slice entity_id, const struct smp_command *command) {
    forwarding_run(&proxy, &forwarding, key, entity_id, command, &answer);
    assert_true(slice_equal(slice_of(forwarding.nonce, BOX_NONCE_SIZE), answer.correlation_id));
    assert_true(slice_equal(entity_id, answer.entity_id));
}

static void expect(enum smp_response_tag tag) {
    assert_string_equal(smp_response_tag_text(tag), smp_response_tag_text(answer.response.tag));
}

static void expect_message(const char *text) {
    uint8_t id[24];
    struct peer_answer message;
    peer_receive(&recipient, &message);
    peer_check_message(&queue, &message, text, id);
    peer_acknowledge(&recipient, &queue, id, SMP_OK, NULL);
}

static void secure(const struct key_pair *key) {
    struct smp_command command = peer_command(SMP_SKEY);
    command.key = key->public_key;
    run(key, peer_sender(&queue), &command);
    expect(SMP_OK);
}

static void test_forwarded_messages_are_stored_and_delivered(void **state) {
    (void)state;
    struct smp_command command = peer_send_command(slice_of_text("by proxy"), false);
    run(NULL, peer_sender(&queue), &command);
    expect(SMP_OK);
    expect_message("by proxy");
}

static void test_sender_secures_and_sends_with_every_kind_of_key(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    for (size_t i = 0; i < 3; i++) {
        struct key_pair key;
        assert_int_equal(SMQ_OK, key_pair_generate(algorithms[i], &key));
        peer_create_queue(&recipient, PEER_SUBSCRIBE, &queue);
        secure(&key);
        secure(&key);
        struct smp_command command = peer_send_command(slice_of_text("secured"), false);
        run(&key, peer_sender(&queue), &command);
        expect(SMP_OK);
        expect_message("secured");
        run(NULL, peer_sender(&queue), &command);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
        run(&forwarding.key, peer_sender(&queue), &command);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    }
}

static void test_links_are_read_and_secured_by_proxy(void **state) {
    (void)state;
    uint8_t fixed[2048], user[13824], link_id[24];
    random_bytes(fixed, sizeof fixed);
    random_bytes(user, sizeof user);
    for (unsigned contact = 0; contact < 2; contact++) {
        peer_create_queue(&recipient, contact ? PEER_CONTACT : 0, &queue);
        random_bytes(link_id, sizeof link_id);
        struct smp_command set = peer_command(SMP_LSET);
        set.link_set.link_id = slice_of(link_id, 24);
        set.link_set.link = (struct smp_link_data){slice_of(fixed, sizeof fixed), slice_of(user, sizeof user)};
        peer_expect(&recipient, &queue.recipient_key, peer_recipient(&queue), &set, SMP_OK, NULL);
        struct key_pair key;
        assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &key));
        struct smp_command command = peer_command(contact ? SMP_LGET : SMP_LKEY);
        if (!contact)
            command.key = key.public_key;
        run(contact ? NULL : &key, slice_of(link_id, 24), &command);
        expect(SMP_LNK);
        assert_true(slice_equal(peer_sender(&queue), answer.response.link.sender_id));
        assert_true(slice_equal(slice_of(fixed, sizeof fixed), answer.response.link.data.fixed_data));
        assert_true(slice_equal(slice_of(user, sizeof user), answer.response.link.data.user_data));
    }
}

static void test_other_commands_are_prohibited_inside_the_layers(void **state) {
    (void)state;
    struct smp_command ping = peer_command(SMP_PING);
    run(NULL, slice_of(NULL, 0), &ping);
    peer_check_error(&answer, smp_error_command(COMMAND_PROHIBITED));
    struct smp_command subscribe = peer_command(SMP_SUB);
    run(&queue.recipient_key, peer_recipient(&queue), &subscribe);
    peer_check_error(&answer, smp_error_command(COMMAND_PROHIBITED));
    struct smp_command forward = peer_command(SMP_RFWD);
    forward.payload = slice_of_text("again");
    run(NULL, slice_of(NULL, 0), &forward);
    peer_check_error(&answer, smp_error_command(COMMAND_PROHIBITED));
}

static void test_largest_body_is_that_of_the_forwarded_version(void **state) {
    (void)state;
    static uint8_t body[16064 + 1];
    static const struct {
        uint16_t version;
        size_t limit;
    } rows[] = {{8, 16064}, {10, 16064}, {11, 16048}, {17, 16048}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        forwarding = forwarding_to(&proxy, rows[i].version);
        peer_create_queue(&recipient, 0, &queue);
        struct smp_command command = peer_send_command(slice_of(body, rows[i].limit), false);
        run(NULL, peer_sender(&queue), &command);
        expect(SMP_OK);
        command.send.body.length++;
        run(NULL, peer_sender(&queue), &command);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_LARGE_MESSAGE));
    }
}

/* With an Ed448 signature at version 17 the content fills the padding to the last byte. */
static void test_largest_content_fits_exactly(void **state) {
    (void)state;
    static uint8_t body[16048];
    struct key_pair key;
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED448, &key));
    secure(&key);
    struct smp_command command = peer_send_command(slice_of(body, sizeof body), false);
    run(&key, peer_sender(&queue), &command);
    expect(SMP_OK);
}

static void expect_plain_error(struct smp_error error) {
    peer_check_error(&answer, error);
}

static void test_layers_that_do_not_decrypt_are_crypto_errors(void **state) {
    (void)state;
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    uint8_t garbage[100];
    random_bytes(garbage, sizeof garbage);
    struct smp_command outer = {.tag = SMP_RFWD, .payload = slice_of(garbage, sizeof garbage)};
    peer_expect_error(&proxy, NULL, slice_of(NULL, 0), &outer, smp_error_of(SMP_ERROR_CRYPTO));
    outer.payload.length = 3;
    peer_expect_error(&proxy, NULL, slice_of(NULL, 0), &outer, smp_error_of(SMP_ERROR_CRYPTO));
    forwarding_seal(&forwarding, NULL, peer_sender(&queue), &command);
    forwarding.payload[20] ^= 1;
    forwarding_ask(&proxy, &forwarding, &answer);
    expect_plain_error(smp_error_of(SMP_ERROR_CRYPTO));
    forwarding.sealed = slice_of(NULL, 0);
    forwarding_ask(&proxy, &forwarding, &answer);
    expect_plain_error(smp_error_of(SMP_ERROR_CRYPTO));
}

static void test_forward_that_does_not_parse_is_a_syntax_error(void **state) {
    (void)state;
    static const char *const plaintexts[] = {"", "\x18 too short",
                                             "\x03"
                                             "abc\0\x11"};
    for (size_t i = 0; i < 3; i++) {
        forwarding_ask_raw(&proxy, slice_of_text(plaintexts[i]), &answer);
        expect_plain_error(smp_error_command(COMMAND_SYNTAX));
    }
}

/* Several transmissions are the proxy's to hear; content that cannot be read at all is answered like a bad command. */
static void test_payload_holds_exactly_one_transmission(void **state) {
    (void)state;
    struct peer_answer outer;
    static const uint8_t two[] = {2, 0, 3, 0, 0, 0, 0, 3, 0, 0, 0};
    forwarding_seal_content(&forwarding, slice_of(two, sizeof two));
    forwarding_ask(&proxy, &forwarding, &answer);
    expect_plain_error(smp_error_of(SMP_ERROR_BLOCK));
    static const char *const contents[] = {"", "garbage", "\1\0\1\5"};
    for (size_t i = 0; i < 3; i++) {
        forwarding_seal_content(&forwarding, i == 2 ? slice_of("\1\0\1\5", 4) : slice_of_text(contents[i]));
        forwarding_ask(&proxy, &forwarding, &outer);
        forwarding_open(&forwarding, forwarding_unwrap(&proxy, &forwarding, &outer), &answer);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_BLOCK));
        assert_int_equal(0, answer.correlation_id.length);
    }
}

static void test_forwarded_errors_are_told_inside_the_layers(void **state) {
    (void)state;
    struct smp_command command = peer_send_command(slice_of_text("x"), false);
    uint8_t unknown[24];
    random_bytes(unknown, sizeof unknown);
    run(NULL, slice_of(unknown, sizeof unknown), &command);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    run(NULL, slice_of(NULL, 0), &command);
    peer_check_error(&answer, smp_error_command(COMMAND_NO_ENTITY));
    struct smp_command link = peer_command(SMP_LGET);
    run(&queue.sender_key, slice_of(unknown, sizeof unknown), &link);
    peer_check_error(&answer, smp_error_command(COMMAND_HAS_AUTH));
}

static void test_connection_without_a_key_cannot_forward(void **state) {
    (void)state;
    peer_close(&proxy);
    connect_proxy(0, true);
    struct smp_command outer = {.tag = SMP_RFWD, .payload = slice_of_text("anything")};
    peer_expect_error(&proxy, NULL, slice_of(NULL, 0), &outer,
                      smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_NO_AUTH)));
}

static void test_proxies_of_every_version_are_served(void **state) {
    (void)state;
    static const uint16_t versions[] = {8, 10, 11, 14, 18};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        peer_close(&proxy);
        connect_proxy(versions[i], false);
        assert_int_equal(proxy.session.encrypted, versions[i] == 11);
        forwarding = forwarding_to(&proxy, 8);
        struct smp_command command = peer_send_command(slice_of_text("by an old one"), false);
        run(NULL, peer_sender(&queue), &command);
        expect(SMP_OK);
        expect_message("by an old one");
    }
}

/* More commands under way than an ordinary connection may have; each gets its own answer. */
static void test_one_connection_carries_many_commands_at_once(void **state) {
    (void)state;
    enum { COMMANDS = 40 };
    static struct forwarding sent[COMMANDS];
    static uint8_t ids[COMMANDS][24];
    struct smp_command command = peer_send_command(slice_of_text("one of many"), false);
    struct box_key box;
    assert_int_equal(SMQ_OK, box_key_agree(&proxy.key.private_key, &proxy.server_key, &box));
    for (size_t i = 0; i < COMMANDS; i++) {
        uint8_t sealed[PROXY_FORWARD_MAX];
        size_t length;
        sent[i] = forwarding_to(&proxy, 17);
        forwarding_seal(&sent[i], NULL, peer_sender(&queue), &command);
        struct proxy_forward forward = {slice_of(sent[i].nonce, BOX_NONCE_SIZE), 17, sent[i].key.public_key,
                                        sent[i].sealed};
        random_bytes(ids[i], 24);
        assert_int_equal(SMQ_OK, proxy_forward_seal(&box, ids[i], &forward, sealed, sizeof sealed, &length));
        struct smp_command outer = {.tag = SMP_RFWD, .payload = slice_of(sealed, length)};
        peer_begin(&proxy);
        peer_add_with(&proxy, NULL, slice_of(NULL, 0), slice_of(ids[i], 24), &outer);
        peer_send(&proxy);
    }
    for (size_t done = 0; done < COMMANDS; done++) {
        struct peer_answer outer;
        size_t i = 0;
        peer_receive(&proxy, &outer);
        while (i < COMMANDS && !slice_equal(slice_of(ids[i], 24), outer.correlation_id))
            i++;
        assert_true(i < COMMANDS);
        memcpy(proxy.correlation_id, ids[i], 24);
        forwarding_open(&sent[i], forwarding_unwrap(&proxy, &sent[i], &outer), &answer);
        expect(SMP_OK);
    }
}

/* How many blocks the router has taken from the proxy's connection at once, when each waits for a commit of its own. */
static uint64_t blocks_taken(void) {
    enum { BLOCKS = 30 };
    struct smp_command key = peer_command(SMP_KEY);
    uint64_t most = 0;
    struct peer_queue own;
    peer_create_queue(&proxy, 0, &own);
    key.key = own.sender_key.public_key;
    fault_arm(FAULT_POINT_writer_slow, 0, UINT64_MAX);
    for (unsigned i = 0; i < BLOCKS; i++) {
        peer_begin(&proxy);
        peer_add(&proxy, &own.recipient_key, peer_recipient(&own), &key);
        peer_send(&proxy);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        uint64_t taken = atomic_load(&fixture.router->batches_in_progress) - 1;
        most = taken > most ? taken : most;
        peer_receive(&proxy, &answer);
        expect(SMP_OK);
    }
    fault_disarm_all();
    return most;
}

static void test_proxy_has_more_credit_only_once_it_has_forwarded(void **state) {
    (void)state;
    enum { CREDIT_BLOCKS = SESSION_CREDIT / (SESSION_BLOCK_WEIGHT + 1) };
    uint8_t garbage[200] = {0};
    const struct smp_command send = peer_send_command(slice_of_text("forwarded"), false);
    const struct smp_command outer = {.tag = SMP_RFWD, .payload = slice_of(garbage, sizeof garbage)};
    assert_in_range(blocks_taken(), 1, CREDIT_BLOCKS + 1);
    peer_ask(&proxy, NULL, slice_of(NULL, 0), &outer, &answer);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_CRYPTO));
    assert_in_range(blocks_taken(), 1, CREDIT_BLOCKS + 1);
    run(NULL, peer_sender(&queue), &send);
    expect(SMP_OK);
    assert_true(blocks_taken() > CREDIT_BLOCKS + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forwarded_messages_are_stored_and_delivered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sender_secures_and_sends_with_every_kind_of_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_are_read_and_secured_by_proxy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_commands_are_prohibited_inside_the_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_body_is_that_of_the_forwarded_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_content_fits_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(test_layers_that_do_not_decrypt_are_crypto_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forward_that_does_not_parse_is_a_syntax_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_payload_holds_exactly_one_transmission, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forwarded_errors_are_told_inside_the_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_without_a_key_cannot_forward, setup, teardown),
        cmocka_unit_test_setup_teardown(test_proxies_of_every_version_are_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_connection_carries_many_commands_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_proxy_has_more_credit_only_once_it_has_forwarded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
