/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Order and conservation: senders with many blocks in flight, and a recipient who changes keys, link and notifier of
 * the same queues all the time without waiting for answers. Each message arrives once, in the order sent, and no
 * command is refused. As many as there is time for, or SMQ_STRESS_MESSAGES of them in whatever time, as long as
 * something goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "queues/base/random.h"
#include "queues/base/thread.h"
#include "test/stress/stress.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "transport/crypto/message_body.h"

enum {
    QUEUES = 24,
    SENDERS = 2,
    PROCESS_LANES = 2,
    TIMES = 15,      /* of SMQ_STRESS_SECONDS */
    BATCH_MOST = 12, /* messages of a block */
    BODY_MOST = 300,
    AHEAD_MOST = 60,   /* commands of a connection that are not answered */
    QUEUED_MOST = 100, /* of one sender in one queue */
    QUOTA = SENDERS * (QUEUED_MOST + BATCH_MOST),
    COMMANDS_MOST = 12, /* of a recipient's block */
    CHANGES_MOST = 6,   /* of them changes */
    REPORT_EVERY_MS = 30000,
    IDLE_MS = 5
};

/* What a message begins with; it is the sender's correlation id as well. */
struct label {
    uint32_t queue, sender, number, kind;
    uint8_t padding[8];
};

enum kind { ACKNOWLEDGE, REPLACE_KEY, SECURE, SET_LINK, DELETE_LINK, SET_NOTIFIER, DELETE_NOTIFIER, KIND_COUNT };

/* A queue as its recipient's thread knows it. */
struct place {
    struct peer_queue queue;
    bool holds; /* a message that is to be acknowledged */
    uint8_t held[24];
    bool has_link;
    bool has_notifier;
    _Atomic uint32_t consumed[SENDERS];
};

struct sender {
    struct thread *thread;
    uint32_t index;
    uint64_t seed;
    struct peer peer;
    struct peer_queue queues[QUEUES]; /* as they were at first */
    uint32_t sent[QUEUES];
    unsigned ahead;
};

static struct router_fixture fixture;
static struct peer recipient;
static struct place places[QUEUES];
static struct sender senders[SENDERS];
static uint64_t done[KIND_COUNT];
static unsigned ahead; /* the recipient's */
static uint64_t end_ms;
static uint64_t wanted;
static _Atomic uint64_t sent;
static _Atomic unsigned sending;

_Static_assert(sizeof(struct label) == 24, "a correlation id");

static void fail_unless(const struct peer_answer *answer, const char *command, bool is_expected) {
    char text[256];
    if (!is_expected)
        fail_msg("%s was answered with %s %s", command, smp_response_tag_text(answer->response.tag),
                 answer->response.tag == SMP_ERR ? smp_error_text(&answer->response.error, text, sizeof text) : "");
}

/* ---- senders */

static void add_message(struct sender *sender, uint32_t queue) {
    uint8_t body[BODY_MOST] = {0};
    struct label label = {.queue = queue, .sender = sender->index, .number = ++sender->sent[queue]};
    size_t length = sizeof label + stress_random(&sender->seed) % (BODY_MOST - sizeof label);
    memcpy(body, &label, sizeof label);
    const struct smp_command send = peer_send_command(slice_of(body, length), stress_random(&sender->seed) % 4 == 0);
    const struct peer_queue *to = &sender->queues[queue];
    peer_add_with(&sender->peer, &to->sender_key, peer_sender(to), slice_of((const uint8_t *)&label, sizeof label),
                  &send);
    sender->ahead++;
    atomic_fetch_add(&sent, 1);
}

static bool has_room(const struct sender *sender, uint32_t queue) {
    return sender->sent[queue] - atomic_load(&places[queue].consumed[sender->index]) < QUEUED_MOST;
}

/* A block for one queue or for several, as far as they have room. */
static bool send_block(struct sender *sender) {
    unsigned count = 1 + stress_random(&sender->seed) % BATCH_MOST;
    uint32_t first = stress_random(&sender->seed) % QUEUES;
    bool is_mixed = stress_random(&sender->seed) % 2 == 0;
    unsigned added = 0;
    peer_begin(&sender->peer);
    for (unsigned i = 0; i < count; i++) {
        uint32_t queue = is_mixed ? stress_random(&sender->seed) % QUEUES : first;
        if (!has_room(sender, queue))
            continue;
        add_message(sender, queue);
        added++;
    }
    if (added > 0)
        peer_send(&sender->peer);
    return added > 0;
}

static void await_sent(struct sender *sender) {
    struct peer_answer answer;
    peer_receive(&sender->peer, &answer);
    fail_unless(&answer, "SEND", answer.response.tag == SMP_OK);
    sender->ahead--;
}

static void run_sender(void *argument) {
    struct sender *sender = argument;
    while (clock_monotonic_ms() < end_ms && atomic_load(&sent) < wanted) {
        bool is_going = sender->ahead < AHEAD_MOST && send_block(sender);
        if (!is_going && sender->ahead > 0)
            await_sent(sender);
        else if (!is_going)
            usleep(1000); /* the recipient is behind */
    }
    while (sender->ahead > 0)
        await_sent(sender);
    atomic_fetch_sub(&sending, 1);
}

/* ---- recipient */

static void hold(struct place *place, const struct smp_response *response) {
    static uint8_t sealed[MESSAGE_BODY_SIZE];
    struct message_body body;
    struct label label;
    assert_false(place->holds);
    assert_int_equal(sizeof sealed, response->message.body.length);
    memcpy(sealed, response->message.body.bytes, sizeof sealed);
    assert_int_equal(SMQ_OK,
                     message_body_open(&place->queue.body_key, response->message.id, sealed, sizeof sealed, &body));
    assert_false(body.quota);
    assert_in_range(body.body.length, sizeof label, BODY_MOST);
    memcpy(&label, body.body.bytes, sizeof label);
    assert_int_equal(label.queue, place - places);
    assert_in_range(label.sender, 0, SENDERS - 1);
    assert_int_equal(label.number, atomic_fetch_add(&place->consumed[label.sender], 1) + 1);
    memcpy(place->held, response->message.id.bytes, sizeof place->held);
    place->holds = true;
}

static struct place *place_of(struct slice recipient_id) {
    for (unsigned i = 0; i < QUEUES; i++)
        if (slice_equal(recipient_id, peer_recipient(&places[i].queue)))
            return &places[i];
    fail_msg("an answer for no queue");
    return NULL;
}

static void receive(void) {
    static const char *const names[KIND_COUNT] = {"ACK", "RKEY", "KEY", "LSET", "LDEL", "NKEY", "NDEL"};
    struct peer_answer answer;
    struct label label = {.kind = ACKNOWLEDGE};
    peer_receive(&recipient, &answer);
    bool is_event = answer.correlation_id.length == 0;
    if (!is_event) {
        assert_int_equal(sizeof label, answer.correlation_id.length);
        memcpy(&label, answer.correlation_id.bytes, sizeof label);
        assert_in_range(label.kind, 0, KIND_COUNT - 1);
        ahead--;
        done[label.kind]++;
    }
    bool is_message = answer.response.tag == SMP_MSG && label.kind == ACKNOWLEDGE;
    bool is_answer = answer.response.tag == (label.kind == SET_NOTIFIER ? SMP_NID : SMP_OK);
    fail_unless(&answer, names[label.kind], is_message || (is_answer && !is_event));
    if (is_message)
        hold(place_of(answer.entity_id), &answer.response);
}

static void add_command(struct place *place, enum kind kind, const struct key_pair *key,
                        const struct smp_command *command) {
    static uint32_t number;
    struct label label = {.queue = (uint32_t)(place - places), .number = ++number, .kind = kind};
    peer_add_with(&recipient, key, peer_recipient(&place->queue), slice_of((const uint8_t *)&label, sizeof label),
                  command);
    ahead++;
}

static void acknowledge(struct place *place) {
    struct smp_command command = peer_command(SMP_ACK);
    command.message_id = slice_of(place->held, sizeof place->held);
    add_command(place, ACKNOWLEDGE, &place->queue.recipient_key, &command);
    place->holds = false;
}

/* What follows is signed with the new key, before it is known that the router has it. */
static void replace_key(struct place *place) {
    struct key_pair replacement;
    uint8_t encoded[1 + KEY_SPKI_MAX];
    struct writer writer = writer_of(encoded, sizeof encoded);
    struct smp_command command = peer_command(SMP_RKEY);
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &replacement));
    write_public_key(&writer, &replacement.public_key);
    command.key_list.count = 1;
    command.key_list.encoded = slice_of(encoded, writer_length(&writer));
    add_command(place, REPLACE_KEY, &place->queue.recipient_key, &command);
    place->queue.recipient_key = replacement;
}

static void change_link(struct place *place) {
    uint8_t id[24];
    struct smp_command command = peer_command(place->has_link ? SMP_LDEL : SMP_LSET);
    random_bytes(id, sizeof id);
    if (!place->has_link) {
        command.link_set.link_id = slice_of(id, sizeof id);
        command.link_set.link = (struct smp_link_data){slice_of_text("fixed"), slice_of_text("user")};
    }
    add_command(place, place->has_link ? DELETE_LINK : SET_LINK, &place->queue.recipient_key, &command);
    place->has_link = !place->has_link;
}

static void change_notifier(struct place *place) {
    struct smp_command command = peer_command(place->has_notifier ? SMP_NDEL : SMP_NKEY);
    if (!place->has_notifier) {
        command.notifier.key = place->queue.notifier_key.public_key;
        command.notifier.dh_key = place->queue.sender_key.public_key;
    }
    add_command(place, place->has_notifier ? DELETE_NOTIFIER : SET_NOTIFIER, &place->queue.recipient_key, &command);
    place->has_notifier = !place->has_notifier;
}

static void secure(struct place *place) {
    struct smp_command command = peer_command(SMP_KEY);
    command.key = place->queue.sender_key.public_key; /* the same again is no error */
    add_command(place, SECURE, &place->queue.recipient_key, &command);
}

static void change(uint64_t *seed) {
    static void (*const changes[])(struct place *) = {replace_key, change_link, change_notifier, secure};
    struct place *place = &places[stress_random(seed) % QUEUES];
    changes[stress_random(seed) % (sizeof changes / sizeof changes[0])](place);
}

/* Changes without end, and among them what came is acknowledged. */
static void send_commands(uint64_t *seed) {
    unsigned before = ahead;
    uint32_t start = stress_random(seed);
    uint32_t changes = stress_random(seed) % (CHANGES_MOST + 1);
    peer_begin(&recipient);
    for (unsigned i = 0; i < QUEUES && ahead - before < COMMANDS_MOST; i++) {
        struct place *place = &places[(start + i) % QUEUES];
        if (changes > 0 && stress_random(seed) % 2 == 0) {
            change(seed);
            changes--;
        }
        if (place->holds)
            acknowledge(place);
    }
    if (ahead > before)
        peer_send(&recipient);
}

static uint64_t consumed(void) {
    uint64_t count = 0;
    for (unsigned i = 0; i < QUEUES; i++)
        for (unsigned j = 0; j < SENDERS; j++)
            count += atomic_load(&places[i].consumed[j]);
    return count;
}

/* Fails when nothing has come for long, and tells how far it is. */
static void watch(void) {
    static uint64_t moved_ms, told_ms, last;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t count = consumed();
    if (count != last || moved_ms == 0)
        moved_ms = now_ms;
    last = count;
    if (now_ms - moved_ms > STRESS_PATIENCE_MS)
        fail_msg("stuck or lost: %llu of %llu messages came, and %u answers are missing", (unsigned long long)count,
                 (unsigned long long)atomic_load(&sent), ahead);
    if (now_ms - told_ms > REPORT_EVERY_MS) {
        printf("%llu of %llu messages\n", (unsigned long long)count, (unsigned long long)atomic_load(&sent));
        told_ms = now_ms;
    }
}

static bool has_everything(void) {
    bool has_all = atomic_load(&sending) == 0 && consumed() == atomic_load(&sent);
    for (unsigned i = 0; i < QUEUES; i++)
        has_all = has_all && !places[i].holds;
    return has_all;
}

static void run_recipient(void) {
    uint64_t seed = 77;
    bool has_all = false;
    while (!has_all || ahead > 0) {
        watch();
        if (ahead < AHEAD_MOST && !has_all)
            send_commands(&seed);
        while (!peer_is_silent(&recipient, ahead == 0 ? IDLE_MS : 0) || ahead >= AHEAD_MOST || (has_all && ahead > 0))
            receive();
        has_all = has_all || has_everything();
    }
    assert_true(peer_is_silent(&recipient, 100)); /* nothing comes twice */
}

/* ---- the promise */

static void prepare(void) {
    router_fixture_init(&fixture);
    fixture.config.queue_quota = QUOTA;
    fixture.config.process_lanes = PROCESS_LANES;
    fixture.config.durability = ROUTER_DURABILITY_INTERVAL; /* so that more happens in the time */
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &recipient);
    for (unsigned i = 0; i < QUEUES; i++)
        peer_create_queue(&recipient, PEER_CONTACT | PEER_SECURED | PEER_SUBSCRIBE, &places[i].queue);
    for (unsigned i = 0; i < QUEUES; i++)
        assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED25519, &places[i].queue.notifier_key));
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i].index = i;
        senders[i].seed = 1000 + i;
        router_fixture_connect(&fixture, 0, &senders[i].peer);
        for (unsigned j = 0; j < QUEUES; j++)
            senders[i].queues[j] = places[j].queue;
    }
}

static void test_messages_keep_their_order_while_the_recipient_changes_everything(void **state) {
    (void)state;
    const char *text = getenv("SMQ_STRESS_MESSAGES");
    struct smp_router_statistics statistics;
    uint64_t changes = 0;
    wanted = text != NULL ? strtoull(text, NULL, 10) : UINT64_MAX;
    prepare();
    uint64_t start_ms = clock_monotonic_ms();
    end_ms = text != NULL ? UINT64_MAX : start_ms + TIMES * stress_ms(1, 1);
    atomic_store(&sending, SENDERS);
    for (unsigned i = 0; i < SENDERS; i++)
        assert_int_equal(SMQ_OK, thread_create(&senders[i].thread, "sender", run_sender, &senders[i]));
    run_recipient();
    for (unsigned i = 0; i < SENDERS; i++) {
        thread_join(&senders[i].thread);
        peer_close(&senders[i].peer);
    }
    peer_close(&recipient);
    smp_router_statistics(fixture.router, &statistics);
    assert_int_equal(statistics.messages_sent, sent);
    assert_int_equal(statistics.messages, 0);
    for (unsigned kind = REPLACE_KEY; kind < KIND_COUNT; kind++) {
        assert_true(done[kind] > 0);
        changes += done[kind];
    }
    printf("%llu messages in order among %llu changes of their queues, in %llu ms\n", (unsigned long long)sent,
           (unsigned long long)changes, (unsigned long long)(clock_monotonic_ms() - start_ms));
    router_fixture_finish(&fixture);
}

int main(void) {
    thread_attach();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_keep_their_order_while_the_recipient_changes_everything),
    };
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1); /* assertions in other threads end the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
