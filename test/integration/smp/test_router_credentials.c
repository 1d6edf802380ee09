/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Credentials of commands: which must be there, which keys prove what, and what the router says when they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/random.h"
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

/* What each command says to {no authorization, no entity}, {authorization, no entity}, {no authorization, entity},
 * {both}. */
enum said { NO_AUTH, HAS_AUTH, NO_ENTITY, AUTH, SERVICE, OTHER };

struct presence_row {
    enum smp_command_tag tag;
    enum said said[4];
};

static const struct presence_row presence_rows[] = {
    {SMP_NEW, {NO_AUTH, AUTH, NO_AUTH, HAS_AUTH}},       {SMP_SUB, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},
    {SMP_SUBS, {NO_AUTH, NO_AUTH, NO_AUTH, SERVICE}},    {SMP_KEY, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},
    {SMP_RKEY, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},       {SMP_LSET, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},
    {SMP_LDEL, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},       {SMP_NKEY, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},
    {SMP_NDEL, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},       {SMP_GET, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},
    {SMP_ACK, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},        {SMP_OFF, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},
    {SMP_DEL, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},        {SMP_QUE, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},
    {SMP_SKEY, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},       {SMP_SEND, {NO_ENTITY, NO_ENTITY, AUTH, AUTH}},
    {SMP_LKEY, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},       {SMP_LGET, {NO_ENTITY, NO_ENTITY, AUTH, HAS_AUTH}},
    {SMP_NSUB, {NO_AUTH, NO_AUTH, NO_AUTH, AUTH}},       {SMP_NSUBS, {NO_AUTH, NO_AUTH, NO_AUTH, SERVICE}},
    {SMP_PING, {OTHER, HAS_AUTH, HAS_AUTH, HAS_AUTH}},   {SMP_PRXY, {OTHER, HAS_AUTH, HAS_AUTH, HAS_AUTH}},
    {SMP_PFWD, {NO_ENTITY, NO_ENTITY, OTHER, HAS_AUTH}}, {SMP_RFWD, {OTHER, HAS_AUTH, HAS_AUTH, HAS_AUTH}},
};

static enum said said_by(const struct peer_answer *given) {
    if (given->response.tag != SMP_ERR)
        return OTHER;
    const struct smp_error *error = &given->response.error;
    if (error->code == SMP_ERROR_AUTH)
        return AUTH;
    if (error->code == SMP_ERROR_SERVICE)
        return SERVICE;
    if (error->code != SMP_ERROR_COMMAND)
        return OTHER;
    switch (error->command) {
    case COMMAND_NO_AUTH:
        return NO_AUTH;
    case COMMAND_HAS_AUTH:
        return HAS_AUTH;
    case COMMAND_NO_ENTITY:
        return NO_ENTITY;
    default:
        return OTHER;
    }
}

/* Any valid parameters. */
static struct smp_command sample(enum smp_command_tag tag, const struct key_pair *ed25519,
                                 const struct key_pair *x25519) {
    static uint8_t keys[1 + KEY_SPKI_MAX];
    static uint8_t server[128];
    struct smp_command command = {.tag = tag};
    struct writer writer = writer_of(keys, sizeof keys);
    switch (tag) {
    case SMP_NEW:
        command.create.recipient_key = ed25519->public_key;
        command.create.recipient_dh_key = x25519->public_key;
        break;
    case SMP_KEY:
    case SMP_SKEY:
    case SMP_LKEY:
        command.key = ed25519->public_key;
        break;
    case SMP_RKEY:
        write_public_key(&writer, &ed25519->public_key);
        command.key_list.count = 1;
        command.key_list.encoded = slice_of(keys, writer_length(&writer));
        break;
    case SMP_NKEY:
        command.notifier.key = ed25519->public_key;
        command.notifier.dh_key = x25519->public_key;
        break;
    case SMP_PRXY:
        writer = writer_of(server, sizeof server);
        write_u8(&writer, 1);
        write_short(&writer, slice_of_text("localhost"));
        write_short(&writer, slice_of_text("5223"));
        write_short(&writer, slice_of(fixture.fingerprint, sizeof fixture.fingerprint));
        command.proxy.server = slice_of(server, writer_length(&writer));
        break;
    case SMP_PFWD:
        command.forward.version = 17;
        command.forward.key = x25519->public_key;
        break;
    default:
        break;
    }
    return command;
}

static void test_presence_rules_of_every_command(void **state) {
    (void)state;
    uint8_t signature[64];
    uint8_t entity[24];
    struct key_pair ed25519;
    struct key_pair x25519;
    uint8_t bytes[1024];
    assert_int_equal(SMP_COMMAND_COUNT, sizeof presence_rows / sizeof presence_rows[0]);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &ed25519));
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &x25519));
    random_bytes(signature, sizeof signature);
    random_bytes(entity, sizeof entity);
    for (size_t row = 0; row < SMP_COMMAND_COUNT; row++) {
        const struct smp_command command = sample(presence_rows[row].tag, &ed25519, &x25519);
        struct writer writer = writer_of(bytes, sizeof bytes);
        smp_command_write(18, &command, &writer);
        assert_int_equal(SMQ_OK, writer_finish(&writer));
        for (unsigned credentials = 0; credentials < 4; credentials++) {
            struct raw_transmission transmission = {.correlation_id = slice_of_text("presence"),
                                                    .command = slice_of(bytes, writer_length(&writer))};
            if ((credentials & 1) != 0)
                transmission.authorization = slice_of(signature, sizeof signature);
            if ((credentials & 2) != 0)
                transmission.entity_id = slice_of(entity, sizeof entity);
            raw_transmission_ask(&peer, &transmission, &answer);
            assert_true(slice_equal(transmission.correlation_id, answer.correlation_id));
            if (presence_rows[row].said[credentials] != said_by(&answer))
                fail_msg("%s with credentials %u", smp_command_info(command.tag)->text, credentials);
        }
    }
}

static void test_authorization_of_another_size_is_a_bad_block_without_entity(void **state) {
    (void)state;
    static const uint8_t sizes[] = {1, 32, 63, 65, 79, 81, 113, 115, 255};
    uint8_t authorization[255] = {0};
    for (size_t i = 0; i < sizeof sizes; i++) {
        struct raw_transmission transmission = {.authorization = slice_of(authorization, sizes[i]),
                                                .correlation_id = slice_of_text("sized"),
                                                .entity_id = slice_of_text("an entity"),
                                                .command = slice_of_text("SUB")};
        raw_transmission_ask(&peer, &transmission, &answer);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_BLOCK));
        assert_true(slice_equal(transmission.correlation_id, answer.correlation_id));
        assert_int_equal(0, answer.entity_id.length);
    }
}

static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
enum { ALGORITHMS = 3 };

static void create_with_key(enum key_algorithm algorithm, struct peer_queue *queue) {
    struct smp_command create = peer_new_command(0, queue);
    assert_int_equal(SMQ_OK, key_pair_generate(algorithm, &queue->recipient_key));
    create.create.recipient_key = queue->recipient_key.public_key;
    peer_expect(&peer, &queue->recipient_key, nothing, &create, SMP_IDS, &answer);
    peer_queue_created(queue, &answer);
}

static void test_each_kind_of_key_takes_only_its_own_kind_of_authorization(void **state) {
    (void)state;
    const struct smp_command get = peer_command(SMP_GET);
    for (unsigned stored = 0; stored < ALGORITHMS; stored++) {
        struct peer_queue queue;
        create_with_key(algorithms[stored], &queue);
        for (unsigned given = 0; given < ALGORITHMS; given++) {
            struct key_pair other;
            assert_int_equal(SMQ_OK, key_pair_generate(algorithms[given], &other));
            peer_expect_error(&peer, &other, peer_recipient(&queue), &get, smp_error_of(SMP_ERROR_AUTH));
        }
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &get, SMP_OK, NULL);
    }
}

static void test_new_is_authorized_by_the_key_that_it_brings(void **state) {
    (void)state;
    for (unsigned i = 0; i < ALGORITHMS; i++) {
        struct peer_queue queue;
        struct key_pair other;
        struct smp_command create = peer_new_command(0, &queue);
        assert_int_equal(SMQ_OK, key_pair_generate(algorithms[i], &other));
        peer_expect_error(&peer, &other, nothing, &create, smp_error_of(SMP_ERROR_AUTH));
        create.create.recipient_key = other.public_key;
        peer_expect(&peer, &other, nothing, &create, SMP_IDS, NULL);
    }
}

static void test_unknown_entity_is_answered_like_a_wrong_key(void **state) {
    (void)state;
    static const enum smp_command_tag tags[] = {SMP_SUB,  SMP_GET, SMP_ACK, SMP_QUE,  SMP_LDEL,
                                                SMP_NDEL, SMP_OFF, SMP_DEL, SMP_NSUB, SMP_SEND};
    struct peer_queue queue;
    uint8_t unknown[24];
    peer_create_queue(&peer, PEER_WITH_NOTIFIER | PEER_SECURED, &queue);
    random_bytes(unknown, sizeof unknown);
    for (unsigned i = 0; i < ALGORITHMS; i++) {
        struct key_pair wrong;
        assert_int_equal(SMQ_OK, key_pair_generate(algorithms[i], &wrong));
        for (size_t tag = 0; tag < sizeof tags / sizeof tags[0]; tag++) {
            const struct smp_command command = peer_command(tags[tag]);
            struct slice known = tags[tag] == SMP_SEND   ? peer_sender(&queue)
                                 : tags[tag] == SMP_NSUB ? slice_of(queue.notifier_id, 24)
                                                         : peer_recipient(&queue);
            peer_expect_error(&peer, &wrong, known, &command, smp_error_of(SMP_ERROR_AUTH));
            peer_expect_error(&peer, &wrong, slice_of(unknown, 24), &command, smp_error_of(SMP_ERROR_AUTH));
        }
    }
}

static void test_an_id_of_another_party_is_unknown(void **state) {
    (void)state;
    struct peer_queue queue;
    const struct smp_command get = peer_command(SMP_GET);
    const struct smp_command notify = peer_command(SMP_NSUB);
    const struct smp_command send = peer_send_command(slice_of_text("wrong way"), false);
    peer_create_queue(&peer, PEER_WITH_NOTIFIER, &queue);
    peer_expect_error(&peer, &queue.recipient_key, peer_sender(&queue), &get, smp_error_of(SMP_ERROR_AUTH));
    peer_expect_error(&peer, &queue.notifier_key, peer_recipient(&queue), &notify, smp_error_of(SMP_ERROR_AUTH));
    peer_expect_error(&peer, NULL, peer_recipient(&queue), &send, smp_error_of(SMP_ERROR_AUTH));
    peer_expect_error(&peer, NULL, slice_of(queue.notifier_id, 24), &send, smp_error_of(SMP_ERROR_AUTH));
}

static void test_any_of_several_recipient_keys_authorizes(void **state) {
    (void)state;
    struct peer_queue queue;
    struct key_pair keys[ALGORITHMS];
    uint8_t encoded[ALGORITHMS * (1 + KEY_SPKI_MAX)];
    struct writer writer = writer_of(encoded, sizeof encoded);
    const struct smp_command get = peer_command(SMP_GET);
    peer_create_queue(&peer, PEER_CONTACT, &queue);
    for (unsigned i = 0; i < ALGORITHMS; i++) {
        assert_int_equal(SMQ_OK, key_pair_generate(algorithms[i], &keys[i]));
        write_public_key(&writer, &keys[i].public_key);
    }
    struct smp_command change = peer_command(SMP_RKEY);
    change.key_list = (struct key_list){ALGORITHMS, slice_of(encoded, writer_length(&writer))};
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &change, SMP_OK, NULL);
    for (unsigned i = 0; i < ALGORITHMS; i++)
        peer_expect(&peer, &keys[i], peer_recipient(&queue), &get, SMP_OK, NULL);
    peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &get, smp_error_of(SMP_ERROR_AUTH));
}

static void test_a_signature_over_other_bytes_is_refused(void **state) {
    (void)state;
    struct peer_queue queue;
    static uint8_t block[SMP_BLOCK_SIZE];
    const struct smp_command get = peer_command(SMP_GET);
    struct peer_options options = router_fixture_peer_options(&fixture);
    struct peer plain;
    options.no_key = true;
    peer_connect(&plain, &options);
    peer_create_queue(&plain, 0, &queue);
    peer_begin(&plain);
    peer_add(&plain, &queue.recipient_key, peer_recipient(&queue), &get);
    peer_send(&plain);
    peer_receive(&plain, &answer);
    assert_string_equal("OK", smp_response_tag_text(answer.response.tag));
    memcpy(block, plain.outgoing, sizeof block);
    block[2 + 1 + 2 + 1 + 64 + 1 + 1] ^= 1; /* in the correlation id */
    peer_write_block(&plain, block);
    peer_receive(&plain, &answer);
    peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
    peer_close(&plain);
}

static void test_authorization_of_another_session_is_refused(void **state) {
    (void)state;
    struct peer_queue queue;
    struct peer other;
    const struct smp_command get = peer_command(SMP_GET);
    router_fixture_connect(&fixture, 0, &other);
    peer_create_queue(&peer, 0, &queue);
    memcpy(peer.session.session_id, other.session.session_id, peer.session.session_id_length);
    peer_expect_error(&peer, &queue.recipient_key, peer_recipient(&queue), &get, smp_error_of(SMP_ERROR_AUTH));
    peer_close(&other);
}

static void test_service_signature_outside_of_a_service_session_is_refused(void **state) {
    (void)state;
    static const enum smp_command_tag tags[] = {SMP_SUB, SMP_GET, SMP_NSUB};
    struct peer_queue queue;
    peer_create_queue(&peer, PEER_WITH_NOTIFIER, &queue);
    uint8_t authorization[64] = {0};
    uint8_t slot[2 + 64] = {'1', 64};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct slice entity = tags[i] == SMP_NSUB ? slice_of(queue.notifier_id, 24) : peer_recipient(&queue);
        struct raw_transmission transmission = {.authorization = slice_of(authorization, sizeof authorization),
                                                .service_slot = slice_of(slot, sizeof slot),
                                                .correlation_id = slice_of_text("service"),
                                                .entity_id = entity,
                                                .command = slice_of_text(smp_command_info(tags[i])->text)};
        raw_transmission_ask(&peer, &transmission, &answer);
        peer_check_error(&answer, smp_error_of(SMP_ERROR_SERVICE));
        assert_true(slice_equal(entity, answer.entity_id));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_presence_rules_of_every_command),
        TEST(test_authorization_of_another_size_is_a_bad_block_without_entity),
        TEST(test_each_kind_of_key_takes_only_its_own_kind_of_authorization),
        TEST(test_new_is_authorized_by_the_key_that_it_brings),
        TEST(test_unknown_entity_is_answered_like_a_wrong_key),
        TEST(test_an_id_of_another_party_is_unknown),
        TEST(test_any_of_several_recipient_keys_authorizes),
        TEST(test_a_signature_over_other_bytes_is_refused),
        TEST(test_authorization_of_another_session_is_refused),
        TEST(test_service_signature_outside_of_a_service_session_is_refused),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
