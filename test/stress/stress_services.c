/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sessions of services and plain connections take notifiers and whole services from each other while messages come.
 * While nobody disconnects every notification is delivered exactly once, to anybody; counts of services are exact
 * whatever happens at the same time; in the end each notifier belongs to whoever took it last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/random.h"
#include "test/stress/stress.h"
#include "test/support/router_fixture.h"
#include "transport/crypto/notification_meta.h"

enum { SERVICES = 2, SESSIONS = 3, PLAIN = 2, PARTIES = SERVICES * SESSIONS + PLAIN, QUEUES = 24, IDS_MAX = 200000 };
enum { NO_SERVICE = SERVICES };

/* A connection that subscribes. Those of one service come one after the other. */
struct party {
    struct peer peer;
    unsigned service;     /* or NO_SERVICE */
    unsigned outstanding; /* commands without an answer */
    int64_t count;        /* of the last SOKS */
    int64_t ended;        /* of the last ENDS; -1: none */
};

static struct router_fixture fixture;
static struct credentials *credentials[SERVICES];
static struct party parties[PARTIES];
static struct peer sender;
static struct peer_queue queues[QUEUES];
static uint8_t (*ids)[24]; /* messages that were notified */
static size_t notified;
static size_t sent;

static void connect_party(struct party *party) {
    struct peer_options options = router_fixture_peer_options(&fixture);
    if (party->service != NO_SERVICE) {
        options.service = credentials[party->service];
        options.service_role = SMP_ROLE_NOTIFIER;
    }
    peer_connect(&party->peer, &options);
    party->outstanding = 0;
    party->ended = -1;
}

static int setup(void **state) {
    (void)state;
    const struct certificate_request request = {.kind = CERTIFICATE_CLIENT,
                                                .algorithm = KEY_ED25519,
                                                .common_name = "service",
                                                .not_before_s = clock_realtime_s() - 60,
                                                .days = 10};
    router_fixture_init(&fixture);
    fixture.config.queue_quota = IDS_MAX;
    fixture.config.notification_delivery_interval_ms = 10;
    fixture.config.process_lanes = 12; /* three subscriber lanes */
    router_fixture_start(&fixture);
    ids = malloc(IDS_MAX * sizeof *ids);
    assert_non_null(ids);
    notified = sent = 0;
    for (unsigned i = 0; i < SERVICES; i++)
        assert_int_equal(SMQ_OK, credentials_issue(NULL, &request, &credentials[i]));
    for (unsigned i = 0; i < PARTIES; i++) {
        memset(&parties[i], 0, sizeof parties[i]);
        parties[i].service = i / SESSIONS < SERVICES ? i / SESSIONS : (unsigned)NO_SERVICE;
        connect_party(&parties[i]);
    }
    router_fixture_connect(&fixture, 0, &sender);
    for (unsigned i = 0; i < QUEUES; i++)
        peer_create_queue(&sender, PEER_WITH_NOTIFIER, &queues[i]);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (unsigned i = 0; i < PARTIES; i++)
        peer_close(&parties[i].peer);
    peer_close(&sender);
    for (unsigned i = 0; i < SERVICES; i++)
        credentials_destroy(&credentials[i]);
    free(ids);
    router_fixture_finish(&fixture);
    return 0;
}

static struct slice notifier_of(unsigned queue) {
    return slice_of(queues[queue].notifier_id, 24);
}

static unsigned queue_of(struct slice notifier_id) {
    unsigned queue = 0;
    while (queue < QUEUES && !slice_equal(notifier_of(queue), notifier_id))
        queue++;
    assert_true(queue < QUEUES);
    return queue;
}

static void note_notification(const struct peer_answer *answer) {
    const struct peer_queue *queue = &queues[queue_of(answer->entity_id)];
    uint8_t sealed[NOTIFICATION_META_SIZE];
    struct notification_meta meta;
    assert_int_equal(sizeof sealed, answer->response.notification.metadata.length);
    memcpy(sealed, answer->response.notification.metadata.bytes, sizeof sealed);
    assert_int_equal(SMQ_OK, notification_meta_open(&queue->notification_key, answer->response.notification.nonce.bytes,
                                                    sealed, sizeof sealed, &meta));
    assert_true(notified < IDS_MAX);
    memcpy(ids[notified++], meta.message_id.bytes, 24);
}

static void take_in(struct party *party) {
    struct peer_answer answer;
    peer_receive(&party->peer, &answer);
    if (answer.correlation_id.length > 0)
        party->outstanding--;
    switch (answer.response.tag) {
    case SMP_NMSG:
        note_notification(&answer);
        break;
    case SMP_SOKS:
        party->count = answer.response.count;
        break;
    case SMP_ENDS:
        party->ended = answer.response.count;
        break;
    case SMP_END:
    case SMP_SOK:
        break;
    default:
        fail_msg("an answer of another kind: %s", smp_response_tag_text(answer.response.tag));
    }
}

static void await_answers(void) {
    for (unsigned i = 0; i < PARTIES; i++)
        while (parties[i].outstanding > 0)
            take_in(&parties[i]);
}

static void add_notifier_subscribe(struct party *party, unsigned queue) {
    const struct smp_command command = peer_command(SMP_NSUB);
    peer_add(&party->peer, &queues[queue].notifier_key, notifier_of(queue), &command);
    party->outstanding++;
}

static void add_service_subscribe(struct party *party) {
    const struct smp_command command = peer_command(SMP_NSUBS);
    peer_add(&party->peer, &party->peer.service_key, slice_of(party->peer.service_id, 24), &command);
    party->outstanding++;
}

/* A block with some NSUBs, and perhaps NSUBS among them. */
static void send_commands(struct party *party, bool whole_service) {
    unsigned count = random_below(4) + 1;
    peer_begin(&party->peer);
    for (unsigned i = 0; i < count; i++) {
        if (whole_service && party->service != NO_SERVICE && random_below(4) == 0)
            add_service_subscribe(party);
        add_notifier_subscribe(party, random_below(QUEUES));
    }
    peer_send(&party->peer);
}

static void send_messages(unsigned count) {
    const struct smp_command command = peer_send_command(slice_of_text("stress"), true);
    struct peer_answer answer;
    peer_begin(&sender);
    for (unsigned i = 0; i < count; i++)
        peer_add(&sender, NULL, slice_of(queues[random_below(QUEUES)].sender_id, 24), &command);
    peer_send(&sender);
    for (unsigned i = 0; i < count; i++) {
        peer_receive(&sender, &answer);
        assert_string_equal("OK", smp_response_tag_text(answer.response.tag));
    }
    sent += count;
}

static int compare_ids(const void *one, const void *other) {
    return memcmp(one, other, 24);
}

/* Reads until nothing is missing, and finds nothing twice. */
static void check_exactly_once(void) {
    uint64_t deadline = clock_monotonic_ms() + STRESS_PATIENCE_MS;
    bool quiet = false;
    while ((notified < sent || !quiet) && clock_monotonic_ms() < deadline) {
        quiet = true;
        for (unsigned i = 0; i < PARTIES; i++) {
            while (!peer_is_silent(&parties[i].peer, 10)) {
                take_in(&parties[i]);
                quiet = false;
            }
        }
    }
    assert_int_equal(sent, notified);
    qsort(ids, notified, sizeof *ids, compare_ids);
    for (size_t i = 1; i < notified; i++)
        assert_memory_not_equal(ids[i - 1], ids[i], 24);
}

/* Every notifier is taken by one party after the other, and the last one gets what is sent then. */
static void check_last_takers(void) {
    unsigned takers[QUEUES];
    for (unsigned i = 0; i < QUEUES; i++) {
        takers[i] = random_below(PARTIES);
        peer_begin(&parties[takers[i]].peer);
        add_notifier_subscribe(&parties[takers[i]], i);
        peer_send(&parties[takers[i]].peer);
        await_answers();
    }
    /* The last session of a service to take a notifier has them all. */
    unsigned holders[SERVICES];
    for (unsigned i = 0; i < QUEUES; i++)
        if (parties[takers[i]].service != NO_SERVICE)
            holders[parties[takers[i]].service] = takers[i];
    for (unsigned i = 0; i < QUEUES; i++) {
        const struct smp_command command = peer_send_command(slice_of_text("last"), true);
        unsigned service = parties[takers[i]].service;
        struct party *expected = &parties[service != NO_SERVICE ? holders[service] : takers[i]];
        struct peer_answer answer;
        peer_expect(&sender, NULL, slice_of(queues[i].sender_id, 24), &command, SMP_OK, NULL);
        do
            peer_receive(&expected->peer, &answer);
        while (answer.response.tag == SMP_END || answer.response.tag == SMP_ENDS);
        assert_string_equal("NMSG", smp_response_tag_text(answer.response.tag));
        assert_int_equal(i, queue_of(answer.entity_id));
    }
}

static void test_takeovers_lose_and_double_nothing(void **state) {
    (void)state;
    uint64_t end = clock_monotonic_ms() + stress_ms(1, 3);
    while (clock_monotonic_ms() < end && sent < IDS_MAX - 100) {
        for (unsigned i = 0; i < PARTIES; i++)
            if (random_below(2) == 0)
                send_commands(&parties[i], true);
        send_messages(random_below(40) + 1);
        await_answers();
    }
    check_exactly_once();
    check_last_takers();
}

/* One session of each service, and plain connections, so that nobody loses a whole service. */
static void test_counts_are_exact_whatever_happens_meanwhile(void **state) {
    (void)state;
    uint64_t end = clock_monotonic_ms() + stress_ms(1, 3);
    while (clock_monotonic_ms() < end) {
        for (unsigned service = 0; service < SERVICES; service++) {
            peer_close(&parties[service * SESSIONS].peer);
            connect_party(&parties[service * SESSIONS]);
        }
        for (unsigned block = 0; block < 4; block++) {
            for (unsigned i = 0; i < PARTIES; i++)
                if (parties[i].service == NO_SERVICE || i % SESSIONS == 0)
                    send_commands(&parties[i], true);
        }
        await_answers();
        for (unsigned service = 0; service < SERVICES; service++) {
            struct party *holder = &parties[service * SESSIONS];
            struct party *next = holder + 1;
            peer_close(&next->peer);
            connect_party(next);
            for (unsigned i = 0; i < 2; i++) {
                peer_begin(&holder->peer);
                add_service_subscribe(holder);
                peer_send(&holder->peer);
                await_answers();
            }
            peer_begin(&next->peer);
            add_service_subscribe(next);
            peer_send(&next->peer);
            await_answers();
            while (holder->ended < 0)
                take_in(holder);
            assert_int_equal(next->count, holder->count);
            assert_int_equal(next->count, holder->ended);
        }
    }
}

static void test_sessions_that_vanish_leave_nothing_behind(void **state) {
    (void)state;
    uint64_t end = clock_monotonic_ms() + stress_ms(1, 3);
    while (clock_monotonic_ms() < end && sent < IDS_MAX - 100) {
        for (unsigned i = 0; i < PARTIES; i++)
            send_commands(&parties[i], true);
        struct party *gone = &parties[random_below(PARTIES)];
        peer_close(&gone->peer);
        send_messages(random_below(40) + 1);
        connect_party(gone);
        await_answers();
    }
    for (unsigned i = 0; i < PARTIES; i++) {
        peer_close(&parties[i].peer);
        connect_party(&parties[i]);
    }
    for (unsigned i = 0; i < QUEUES; i++) { /* everything goes to one session, so that nothing is left over */
        peer_begin(&parties[0].peer);
        add_notifier_subscribe(&parties[0], i);
        peer_send(&parties[0].peer);
        await_answers();
    }
    while (!peer_is_silent(&parties[0].peer, 300))
        take_in(&parties[0]);
    check_last_takers();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_takeovers_lose_and_double_nothing),
        TEST(test_counts_are_exact_whatever_happens_meanwhile),
        TEST(test_sessions_that_vanish_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
