/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Every pair of commands on one queue whose order matters: sent in one block and in two, while the store refuses, the
 * writer or the subscriber lanes are slow. The answers are those of the order in which they were sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/fault.h"
#include "queues/base/random.h"
#include "test/support/router_fixture.h"

enum { LINK_ID_SIZE = 24, PUSHES_MOST = 2, ANY = PUSHES_MOST + 1 };

enum signer { NOBODY, RECIPIENT, REPLACED, SENDER, NOTIFIER };

/* How the queue is before the pair. */
enum {
    SECURED = PEER_SECURED,
    CONTACT = PEER_CONTACT,
    NOTIFIED = PEER_WITH_NOTIFIER,
    SUBSCRIBED = PEER_SUBSCRIBE,
    LINKED = 16, /* has link data */
    FILLED = 32, /* has a message */
    HELD = 64,   /* the same, delivered to the subscription, or by GET */
};

struct step {
    enum smp_command_tag tag;
    enum signer signer;
    enum smp_response_tag answer; /* SMP_ERR: AUTH */
};

struct pair {
    unsigned before;
    struct step first, second;
    unsigned pushes; /* messages that come as events, with or after the answers; ANY: it may be gone by then */
};

#define AUTH SMP_ERR
static const struct pair pairs[] = {
    /* messages */
    {0, {SMP_SEND, NOBODY, SMP_OK}, {SMP_GET, RECIPIENT, SMP_MSG}, 0},
    {0, {SMP_GET, RECIPIENT, SMP_OK}, {SMP_SEND, NOBODY, SMP_OK}, 0},
    {0, {SMP_SEND, NOBODY, SMP_OK}, {SMP_SUB, RECIPIENT, SMP_SOK}, 1},
    {HELD | SUBSCRIBED, {SMP_ACK, RECIPIENT, SMP_OK}, {SMP_SUB, RECIPIENT, SMP_SOK}, 0},
    {HELD | SUBSCRIBED, {SMP_SUB, RECIPIENT, SMP_SOK}, {SMP_ACK, RECIPIENT, SMP_OK}, ANY},
    {HELD, {SMP_ACK, RECIPIENT, SMP_OK}, {SMP_GET, RECIPIENT, SMP_OK}, 0},
    {HELD, {SMP_GET, RECIPIENT, SMP_MSG}, {SMP_ACK, RECIPIENT, SMP_OK}, 0},
    /* keys */
    {0, {SMP_SKEY, SENDER, SMP_OK}, {SMP_SEND, SENDER, SMP_OK}, 0},
    {0, {SMP_KEY, RECIPIENT, SMP_OK}, {SMP_SEND, SENDER, SMP_OK}, 0},
    {0, {SMP_KEY, RECIPIENT, SMP_OK}, {SMP_SEND, NOBODY, AUTH}, 0},
    {0, {SMP_SEND, NOBODY, SMP_OK}, {SMP_KEY, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_SEND, NOBODY, SMP_OK}, {SMP_SKEY, SENDER, SMP_OK}, 0},
    {0, {SMP_SEND, SENDER, AUTH}, {SMP_KEY, RECIPIENT, SMP_OK}, 0},
    {LINKED, {SMP_LKEY, SENDER, SMP_LNK}, {SMP_SEND, SENDER, SMP_OK}, 0},
    {SECURED | LINKED, {SMP_SEND, SENDER, SMP_OK}, {SMP_LKEY, SENDER, AUTH}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_SUB, REPLACED, SMP_SOK}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_SUB, RECIPIENT, AUTH}, 0},
    {CONTACT, {SMP_SUB, REPLACED, AUTH}, {SMP_RKEY, RECIPIENT, SMP_OK}, 0},
    {CONTACT, {SMP_SUB, RECIPIENT, SMP_SOK}, {SMP_RKEY, RECIPIENT, SMP_OK}, 0},
    {CONTACT | FILLED, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_GET, REPLACED, SMP_MSG}, 0},
    {CONTACT | FILLED, {SMP_GET, RECIPIENT, SMP_MSG}, {SMP_RKEY, RECIPIENT, SMP_OK}, 0},
    {CONTACT | HELD, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_ACK, REPLACED, SMP_OK}, 0},
    {CONTACT | HELD, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_ACK, RECIPIENT, AUTH}, 0},
    {CONTACT | HELD, {SMP_ACK, RECIPIENT, SMP_OK}, {SMP_RKEY, RECIPIENT, SMP_OK}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_QUE, RECIPIENT, AUTH}, 0},
    {CONTACT, {SMP_QUE, RECIPIENT, SMP_INFO}, {SMP_RKEY, RECIPIENT, SMP_OK}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_KEY, RECIPIENT, AUTH}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_LSET, REPLACED, SMP_OK}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_NKEY, REPLACED, SMP_NID}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_OFF, REPLACED, SMP_OK}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_DEL, REPLACED, SMP_OK}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_DEL, RECIPIENT, AUTH}, 0},
    {CONTACT, {SMP_RKEY, RECIPIENT, SMP_OK}, {SMP_RKEY, RECIPIENT, AUTH}, 0},
    /* the end of a queue */
    {0, {SMP_OFF, RECIPIENT, SMP_OK}, {SMP_SEND, NOBODY, AUTH}, 0},
    {0, {SMP_SEND, NOBODY, SMP_OK}, {SMP_OFF, RECIPIENT, SMP_OK}, 0},
    {FILLED, {SMP_OFF, RECIPIENT, SMP_OK}, {SMP_SUB, RECIPIENT, SMP_SOK}, 1},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_SEND, NOBODY, AUTH}, 0},
    {0, {SMP_SEND, NOBODY, SMP_OK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_SUB, RECIPIENT, AUTH}, 0},
    {0, {SMP_SUB, RECIPIENT, SMP_SOK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {FILLED, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_GET, RECIPIENT, AUTH}, 0},
    {FILLED, {SMP_GET, RECIPIENT, SMP_MSG}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {HELD, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_ACK, RECIPIENT, AUTH}, 0},
    {HELD, {SMP_ACK, RECIPIENT, SMP_OK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_QUE, RECIPIENT, AUTH}, 0},
    {0, {SMP_QUE, RECIPIENT, SMP_INFO}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_KEY, RECIPIENT, AUTH}, 0},
    {0, {SMP_KEY, RECIPIENT, SMP_OK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_SKEY, SENDER, AUTH}, 0},
    {0, {SMP_SKEY, SENDER, SMP_OK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_NKEY, RECIPIENT, AUTH}, 0},
    {0, {SMP_NKEY, RECIPIENT, SMP_NID}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {NOTIFIED, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_NSUB, NOTIFIER, AUTH}, 0},
    {NOTIFIED, {SMP_NSUB, NOTIFIER, SMP_SOK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_NDEL, RECIPIENT, AUTH}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_LSET, RECIPIENT, AUTH}, 0},
    {0, {SMP_LSET, RECIPIENT, SMP_OK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {CONTACT | LINKED, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_LGET, NOBODY, AUTH}, 0},
    {CONTACT | LINKED, {SMP_LGET, NOBODY, SMP_LNK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_OFF, RECIPIENT, AUTH}, 0},
    {0, {SMP_OFF, RECIPIENT, SMP_OK}, {SMP_DEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_DEL, RECIPIENT, SMP_OK}, {SMP_DEL, RECIPIENT, AUTH}, 0},
    /* notifiers */
    {NOTIFIED, {SMP_NDEL, RECIPIENT, SMP_OK}, {SMP_NSUB, NOTIFIER, AUTH}, 0},
    {NOTIFIED, {SMP_NSUB, NOTIFIER, SMP_SOK}, {SMP_NDEL, RECIPIENT, SMP_OK}, 0},
    {NOTIFIED, {SMP_NKEY, RECIPIENT, SMP_NID}, {SMP_NSUB, NOTIFIER, AUTH}, 0},
    {NOTIFIED, {SMP_NSUB, NOTIFIER, SMP_SOK}, {SMP_NKEY, RECIPIENT, SMP_NID}, 0},
    /* links */
    {CONTACT, {SMP_LSET, RECIPIENT, SMP_OK}, {SMP_LGET, NOBODY, SMP_LNK}, 0},
    {CONTACT, {SMP_LGET, NOBODY, AUTH}, {SMP_LSET, RECIPIENT, SMP_OK}, 0},
    {CONTACT | LINKED, {SMP_LDEL, RECIPIENT, SMP_OK}, {SMP_LGET, NOBODY, AUTH}, 0},
    {CONTACT | LINKED, {SMP_LGET, NOBODY, SMP_LNK}, {SMP_LDEL, RECIPIENT, SMP_OK}, 0},
    {0, {SMP_LSET, RECIPIENT, SMP_OK}, {SMP_LKEY, SENDER, SMP_LNK}, 0},
    {0, {SMP_LKEY, SENDER, AUTH}, {SMP_LSET, RECIPIENT, SMP_OK}, 0},
    {SECURED, {SMP_LSET, RECIPIENT, AUTH}, {SMP_SEND, SENDER, SMP_OK}, 0},
    {0, {SMP_SKEY, SENDER, SMP_OK}, {SMP_LSET, RECIPIENT, AUTH}, 0},
    {0, {SMP_LSET, RECIPIENT, SMP_OK}, {SMP_SKEY, SENDER, SMP_OK}, 0},
};

static struct router_fixture fixture;
static struct peer peer;
static struct peer_answer answer;
static struct peer_queue queue;
static struct key_pair replaced;
static uint8_t link_id[LINK_ID_SIZE];
static uint8_t held_id[24];
static char name[64]; /* of the present pair */

static int group_setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.durability = ROUTER_DURABILITY_INTERVAL; /* many commits */
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
    fault_disarm_all();
    peer_close(&peer);
    return 0;
}

/* ---- one pair */

static struct slice entity_of(enum smp_command_tag tag) {
    switch (smp_command_info(tag)->party) {
    case SMP_PARTY_SENDER:
        return peer_sender(&queue);
    case SMP_PARTY_SENDER_LINK:
        return slice_of(link_id, sizeof link_id);
    case SMP_PARTY_NOTIFIER:
        return slice_of(queue.notifier_id, sizeof queue.notifier_id);
    default:
        return peer_recipient(&queue);
    }
}

static const struct key_pair *key_of(enum signer signer) {
    const struct key_pair *const keys[] = {
        [NOBODY] = NULL,
        [RECIPIENT] = &queue.recipient_key,
        [REPLACED] = &replaced,
        [SENDER] = &queue.sender_key,
        [NOTIFIER] = &queue.notifier_key,
    };
    return keys[signer];
}

static struct smp_command command_of(enum smp_command_tag tag) {
    static uint8_t encoded[1 + KEY_SPKI_MAX];
    struct writer writer = writer_of(encoded, sizeof encoded);
    struct smp_command command = peer_command(tag);
    switch (tag) {
    case SMP_SEND:
        return peer_send_command(slice_of_text("text"), false);
    case SMP_ACK:
        command.message_id = slice_of(held_id, sizeof held_id);
        break;
    case SMP_KEY:
    case SMP_SKEY:
    case SMP_LKEY:
        command.key = queue.sender_key.public_key;
        break;
    case SMP_RKEY:
        write_public_key(&writer, &replaced.public_key);
        command.key_list.count = 1;
        command.key_list.encoded = slice_of(encoded, writer_length(&writer));
        break;
    case SMP_NKEY:
        command.notifier.key = queue.notifier_key.public_key;
        command.notifier.dh_key = queue.sender_key.public_key;
        break;
    case SMP_LSET:
        command.link_set.link_id = slice_of(link_id, sizeof link_id);
        command.link_set.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
        break;
    default:
        break;
    }
    return command;
}

/* The correlation id is kept: answers in two blocks may come in another order than they were decided. */
static void add(const struct step *step, uint8_t correlation_id[24]) {
    const struct smp_command command = command_of(step->tag);
    peer_add(&peer, key_of(step->signer), entity_of(step->tag), &command);
    memcpy(correlation_id, peer.correlation_id, 24);
}

static void set_link(void) {
    const struct smp_command command = command_of(SMP_LSET);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &command, SMP_OK, NULL);
}

static void prepare(unsigned before) {
    const struct smp_command get = peer_command(SMP_GET);
    bool links_before_key = (before & (SECURED | LINKED)) == (SECURED | LINKED);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &replaced));
    random_bytes(link_id, sizeof link_id);
    peer_create_queue(&peer, before & (CONTACT | NOTIFIED | SUBSCRIBED | (links_before_key ? 0 : SECURED)), &queue);
    if ((before & NOTIFIED) == 0)
        assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &queue.notifier_key));
    if ((before & LINKED) != 0)
        set_link();
    if (links_before_key) {
        const struct smp_command key = command_of(SMP_KEY);
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &key, SMP_OK, NULL);
    }
    if ((before & (FILLED | HELD)) == 0)
        return;
    peer_send_message(&peer, &queue, NULL, "text");
    if ((before & HELD) == 0)
        return;
    if ((before & SUBSCRIBED) != 0)
        peer_receive(&peer, &answer);
    else
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &get, SMP_MSG, &answer);
    peer_check_message(&queue, &answer, "text", held_id);
}

static void check(const struct step *step) {
    char text[256];
    if (answer.response.tag != step->answer)
        fail_msg("%s: %s was answered with %s, not %s", name, smp_command_info(step->tag)->text,
                 answer.response.tag == SMP_ERR ? smp_error_text(&answer.response.error, text, sizeof text)
                                                : smp_response_tag_text(answer.response.tag),
                 smp_response_tag_text(step->answer));
    if (step->answer == AUTH)
        peer_check_error(&answer, smp_error_of(SMP_ERROR_AUTH));
}

static void receive_answer(unsigned *pushes) {
    do {
        peer_receive(&peer, &answer);
        if (answer.correlation_id.length == 0)
            ++*pushes;
    } while (answer.correlation_id.length == 0 && answer.response.tag == SMP_MSG && *pushes <= PUSHES_MOST);
}

/* What was pushed has come before the answer to a command sent afterwards. */
static void expect_pushes(unsigned wanted, unsigned pushes) {
    const struct step ping = {SMP_PING, NOBODY, SMP_PONG};
    const struct smp_command command = peer_command(SMP_PING);
    peer_begin(&peer);
    peer_add(&peer, NULL, slice_of(NULL, 0), &command);
    peer_send(&peer);
    receive_answer(&pushes);
    check(&ping);
    if (wanted != ANY && pushes != wanted)
        fail_msg("%s: %u messages were pushed, not %u", name, pushes, wanted);
}

static void run(const struct pair *pair, bool two_blocks, enum fault_point fault, uint64_t count) {
    unsigned pushes = 0;
    uint8_t first[24], second[24];
    snprintf(name, sizeof name, "%s %s in %s", smp_command_info(pair->first.tag)->text,
             smp_command_info(pair->second.tag)->text, two_blocks ? "two blocks" : "a block");
    prepare(pair->before);
    if (count > 0)
        fault_arm(fault, 0, count);
    peer_begin(&peer);
    add(&pair->first, first);
    if (two_blocks) {
        peer_send(&peer);
        peer_begin(&peer);
    }
    add(&pair->second, second);
    peer_send(&peer);
    for (unsigned i = 0; i < 2; i++) {
        receive_answer(&pushes);
        check(slice_equal(answer.correlation_id, slice_of(first, sizeof first)) ? &pair->first : &pair->second);
    }
    fault_disarm_all();
    expect_pushes(pair->pushes, pushes);
}

static void run_all(enum fault_point fault, uint64_t count) {
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        run(&pairs[i], false, fault, count);
        run(&pairs[i], true, fault, count);
    }
}

/* ---- what goes on meanwhile */

static void test_pairs_take_effect_in_the_order_sent(void **state) {
    (void)state;
    run_all(FAULT_POINT_command_stale, 0);
}

static void test_pairs_keep_their_order_when_the_store_refuses_the_first(void **state) {
    (void)state;
    run_all(FAULT_POINT_command_stale, 1);
}

static void test_pairs_keep_their_order_when_the_store_refuses_again_and_again(void **state) {
    (void)state;
    run_all(FAULT_POINT_command_stale, 3);
}

static void test_pairs_keep_their_order_when_the_writer_is_slow(void **state) {
    (void)state;
    run_all(FAULT_POINT_writer_slow, UINT64_MAX);
}

static void test_pairs_keep_their_order_when_subscribers_are_slow(void **state) {
    (void)state;
    run_all(FAULT_POINT_subscriber_slow, UINT64_MAX);
}

static void test_pairs_keep_their_order_when_answers_are_slow(void **state) {
    (void)state;
    run_all(FAULT_POINT_answer_slow, UINT64_MAX);
}

/* Some are refused by the store, and those behind them as well, or not: each in its place. */
static void test_messages_keep_their_order_whichever_of_them_the_store_refuses(void **state) {
    (void)state;
    enum { COUNT = 12, MASKS = 40 };
    char text[16];
    uint8_t id[24];
    const struct smp_command subscribe = peer_command(SMP_SUB);
    for (unsigned round = 0; round < MASKS; round++) {
        prepare(SECURED);
        fault_arm(FAULT_POINT_command_stale, round % COUNT, 1 + round / COUNT);
        peer_begin(&peer);
        for (unsigned i = 0; i < COUNT; i++) {
            snprintf(text, sizeof text, "%02u", i);
            const struct smp_command send = peer_send_command(slice_of_text(text), false);
            peer_add(&peer, &queue.sender_key, peer_sender(&queue), &send);
            if (i % 4 == 3) {
                peer_send(&peer);
                peer_begin(&peer);
            }
        }
        for (unsigned i = 0; i < COUNT; i++) {
            peer_receive(&peer, &answer);
            assert_string_equal("OK", smp_response_tag_text(answer.response.tag));
        }
        assert_true(fault_fired(FAULT_POINT_command_stale) > 0);
        fault_disarm_all();
        peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, NULL);
        peer_receive(&peer, &answer);
        for (unsigned i = 0; i < COUNT; i++) {
            snprintf(text, sizeof text, "%02u", i);
            peer_check_message(&queue, &answer, text, id);
            peer_acknowledge(&peer, &queue, id, i + 1 < COUNT ? SMP_MSG : SMP_OK, &answer);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_pairs_take_effect_in_the_order_sent),
        TEST(test_pairs_keep_their_order_when_the_store_refuses_the_first),
        TEST(test_pairs_keep_their_order_when_the_store_refuses_again_and_again),
        TEST(test_pairs_keep_their_order_when_the_writer_is_slow),
        TEST(test_pairs_keep_their_order_when_subscribers_are_slow),
        TEST(test_pairs_keep_their_order_when_answers_are_slow),
        TEST(test_messages_keep_their_order_whichever_of_them_the_store_refuses),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
