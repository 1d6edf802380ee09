/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A whole router under random peers over real TLS: SEND, SUB, GET, ACK, takeover, DEL and reconnects from several
 * threads. Conservation: what was accepted was received, is still queued, expired, or went with its queue; each message
 * exactly as it was sent, and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queues/base/check.h"
#include "queues/base/thread.h"
#include "test/stress/stress.h"
#include "test/support/queue_ledger.h"
#include "test/support/router_fixture.h"
#include "test/support/witness.h"
#include "transport/crypto/message_body.h"

enum {
    QUEUES = 24,
    SENDERS = 2,
    RECIPIENTS = 2,
    CONNECTIONS = 3,
    QUOTA = 20,
    BURST_MOST = 4,
    NOBODY = -1,
    GENERATIONS_MAX = 4096
};

/* A message that one connection has got for one queue, and not acknowledged. */
struct held {
    bool present;
    bool is_marker; /* of the quota */
    uint32_t number;
    uint8_t id[24];
};

/* A queue's place: deleted ones are followed by new ones, the next generation. */
struct place {
    uint32_t index;
    /* both sides */
    pthread_mutex_t lock;
    struct peer_queue queue;
    uint32_t generation;
    bool is_ending;                            /* DEL is on its way */
    struct number_list ended[GENERATIONS_MAX]; /* what was consumed of generations that are gone */
    /* the sender's thread */
    struct number_list accepted; /* of its generation */
    uint32_t sender_generation;
    uint32_t attempts;
    /* the recipient's thread */
    struct number_list consumed; /* of this generation */
    struct held held[CONNECTIONS];
    uint32_t floors[CONNECTIONS]; /* the last one consumed when the connection last asked for something */
    int holder;                   /* the connection whose subscription it is, as far as can be known */
    uint32_t uncertain;           /* number whose ACK was sent on a connection that was then closed */
};

struct worker {
    struct run *run;
    struct thread *thread;
    unsigned index;
    uint64_t seed;
    struct peer peers[CONNECTIONS];
    struct peer_answer answer;
};

struct run {
    struct router_fixture fixture;
    bool is_expiring; /* messages may expire at any time; queues are not deleted */
    uint64_t end_ms;
    struct place places[QUEUES];
    struct worker senders[SENDERS];
    struct worker recipients[RECIPIENTS];
    _Atomic uint64_t accepted, refused, consumed, deleted, takeovers, reconnects, deletions, uncertain_ends;
};

/* ---- asking ---- */

static void handle_event(struct worker *worker, unsigned connection);

/* Waits for the answer to the command written last; what comes before it are events. */
static void await_answer(struct worker *worker, unsigned connection, const uint8_t correlation_id[24]) {
    struct peer *peer = &worker->peers[connection];
    for (;;) {
        peer_receive(peer, &worker->answer);
        if (worker->answer.correlation_id.length > 0)
            break;
        handle_event(worker, connection);
    }
    CHECK(slice_equal(worker->answer.correlation_id, slice_of(correlation_id, 24)));
}

static void ask(struct worker *worker, unsigned connection, const struct key_pair *key, struct slice entity_id,
                const struct smp_command *command) {
    struct peer *peer = &worker->peers[connection];
    peer_begin(peer);
    peer_add(peer, key, entity_id, command);
    peer_send(peer);
    await_answer(worker, connection, peer->correlation_id);
}

static bool answered(const struct worker *worker, enum smp_response_tag tag) {
    return worker->answer.response.tag == tag;
}

static bool answered_error(const struct worker *worker, enum smp_error_code code) {
    return answered(worker, SMP_ERR) && worker->answer.response.error.code == code;
}

static void unexpected(const struct worker *worker, const char *command) {
    char text[256];
    fail_msg("%s was answered with %s %s", command, smp_response_tag_text(worker->answer.response.tag),
             answered(worker, SMP_ERR) ? smp_error_text(&worker->answer.response.error, text, sizeof text) : "");
}

/* ---- senders ---- */

/* The sender's generation is gone: what was consumed are the first of what was accepted, the others went with it. */
static void settle(struct run *run, struct place *place) {
    struct number_list *consumed = &place->ended[place->sender_generation];
    CHECK(number_list_is_prefix(consumed, &place->accepted));
    atomic_fetch_add(&run->deleted, place->accepted.count - consumed->count);
    number_list_clear(consumed);
    number_list_clear(&place->accepted);
}

/* Looks at the place; a new generation begins a new account. False while the queue is being deleted. */
static bool look(struct run *run, struct place *place, struct peer_queue *queue) {
    pthread_mutex_lock(&place->lock);
    bool is_ending = place->is_ending;
    *queue = place->queue;
    if (place->sender_generation != place->generation) {
        settle(run, place);
        place->sender_generation = place->generation;
        place->attempts = 0;
    }
    pthread_mutex_unlock(&place->lock);
    return !is_ending;
}

/* Whether a queue that the sender was refused on has been deleted, or is being. */
static bool is_gone(struct place *place) {
    pthread_mutex_lock(&place->lock);
    bool gone = place->is_ending || place->sender_generation != place->generation;
    pthread_mutex_unlock(&place->lock);
    return gone;
}

static void note_sent(struct worker *worker, struct place *place, uint32_t number) {
    struct run *run = worker->run;
    if (answered(worker, SMP_OK)) {
        number_list_add(&place->accepted, number);
        atomic_fetch_add(&run->accepted, 1);
    } else if (answered_error(worker, SMP_ERROR_QUOTA)) {
        atomic_fetch_add(&run->refused, 1);
    } else if (!answered_error(worker, SMP_ERROR_AUTH) || !is_gone(place)) {
        unexpected(worker, "SEND");
    }
}

/* Some messages to one queue, all in one block if they fit. */
static void send_burst(struct worker *worker, struct place *place) {
    static _Thread_local uint8_t body[LEDGER_BODY_MAX];
    struct peer_queue queue;
    struct peer *peer = &worker->peers[0];
    uint8_t correlation_ids[BURST_MOST][24];
    uint32_t first = 0;
    unsigned count = 0;
    if (!look(worker->run, place, &queue))
        return;
    peer_begin(peer);
    for (unsigned wanted = 1 + stress_random(&worker->seed) % BURST_MOST; count < wanted; count++) {
        size_t length = ledger_body(place->index, place->sender_generation, place->attempts + 1, body);
        if (!smp_outgoing_block_fits(&peer->draft, length + 300))
            break;
        struct smp_command command = peer_send_command(slice_of(body, length), false);
        peer_add(peer, &queue.sender_key, peer_sender(&queue), &command);
        memcpy(correlation_ids[count], peer->correlation_id, 24);
        place->attempts++;
        if (count == 0)
            first = place->attempts;
    }
    CHECK(count > 0);
    peer_send(peer);
    for (unsigned i = 0; i < count; i++) {
        await_answer(worker, 0, correlation_ids[i]);
        note_sent(worker, place, first + i);
    }
}

static void run_sender(void *argument) {
    struct worker *worker = argument;
    struct run *run = worker->run;
    router_fixture_connect(&run->fixture, 0, &worker->peers[0]);
    while (clock_monotonic_ms() < run->end_ms) {
        unsigned index = worker->index + SENDERS * (stress_random(&worker->seed) % (QUEUES / SENDERS));
        send_burst(worker, &run->places[index]);
        if (stress_random(&worker->seed) % 200 == 0) {
            peer_close(&worker->peers[0]);
            router_fixture_connect(&run->fixture, 0, &worker->peers[0]);
            atomic_fetch_add(&run->reconnects, 1);
        }
    }
    peer_close(&worker->peers[0]);
}

/* ---- recipients ---- */

static void consume(struct run *run, struct place *place, uint32_t number) {
    if (number <= number_list_last(&place->consumed))
        return; /* over another connection before */
    number_list_add(&place->consumed, number);
    atomic_fetch_add(&run->consumed, 1);
    if (number == place->uncertain)
        place->uncertain = 0;
}

/* A message came on a connection. It is not one that was consumed before the connection last asked. */
static void hold(struct worker *worker, struct place *place, unsigned connection) {
    static _Thread_local uint8_t sealed[MESSAGE_BODY_SIZE];
    const struct smp_response *response = &worker->answer.response;
    struct held *held = &place->held[connection];
    struct message_body body;
    CHECK(response->message.body.length == sizeof sealed && response->message.id.length == 24);
    memcpy(sealed, response->message.body.bytes, sizeof sealed);
    CHECK(message_body_open(&place->queue.body_key, response->message.id, sealed, sizeof sealed, &body) == SMQ_OK);
    *held = (struct held){.present = true, .is_marker = body.quota};
    memcpy(held->id, response->message.id.bytes, 24);
    if (body.quota)
        return;
    held->number = ledger_number(place->index, place->generation, body.body.bytes, body.body.length);
    CHECK(held->number > place->floors[connection]);
    if (place->uncertain != 0 && held->number > place->uncertain)
        consume(worker->run, place, place->uncertain);
}

static struct place *place_of(struct worker *worker, struct slice recipient_id) {
    for (unsigned i = worker->index; i < QUEUES; i += RECIPIENTS)
        if (slice_equal(recipient_id, peer_recipient(&worker->run->places[i].queue)))
            return &worker->run->places[i];
    return NULL;
}

/* Events of queues that were deleted meanwhile are stale. */
static void handle_event(struct worker *worker, unsigned connection) {
    struct place *place = place_of(worker, worker->answer.entity_id);
    if (answered(worker, SMP_MSG)) {
        if (place != NULL)
            hold(worker, place, connection);
    } else if (!answered(worker, SMP_END) && !answered(worker, SMP_DELD)) {
        unexpected(worker, "nothing");
    }
}

static void handle_events(struct worker *worker) {
    for (unsigned i = 0; i < CONNECTIONS; i++)
        while (!peer_is_silent(&worker->peers[i], 0)) {
            peer_receive(&worker->peers[i], &worker->answer);
            CHECK(worker->answer.correlation_id.length == 0);
            handle_event(worker, i);
        }
}

/* Events that come before the answer may be older than the question. */
static void ask_recipient(struct worker *worker, struct place *place, unsigned connection,
                          const struct smp_command *command) {
    uint32_t floor = number_list_last(&place->consumed);
    ask(worker, connection, &place->queue.recipient_key, peer_recipient(&place->queue), command);
    place->floors[connection] = floor;
}

static void subscribe(struct worker *worker, struct place *place, unsigned connection) {
    struct smp_command command = peer_command(SMP_SUB);
    ask_recipient(worker, place, connection, &command);
    if (answered(worker, SMP_SOK)) {
        if (place->holder != (int)connection && place->holder != NOBODY)
            atomic_fetch_add(&worker->run->takeovers, 1);
        place->holder = (int)connection;
        place->held[connection].present = false; /* it is delivered again, or something newer is */
    } else if (!answered_error(worker, SMP_ERROR_COMMAND)) {
        unexpected(worker, "SUB");
    }
}

/* Two connections at once: one of them has it afterwards. */
static void subscribe_twice(struct worker *worker, struct place *place) {
    struct smp_command command = peer_command(SMP_SUB);
    for (unsigned i = 0; i < 2; i++) {
        struct peer *peer = &worker->peers[i];
        peer_begin(peer);
        peer_add(peer, &place->queue.recipient_key, peer_recipient(&place->queue), &command);
        peer_send(peer);
    }
    for (unsigned i = 0; i < 2; i++) {
        await_answer(worker, i, worker->peers[i].correlation_id);
        if (!answered(worker, SMP_SOK) && !answered_error(worker, SMP_ERROR_COMMAND))
            unexpected(worker, "SUB");
        place->floors[i] = number_list_last(&place->consumed);
        place->held[i].present = false;
    }
    place->holder = NOBODY;
}

static void get(struct worker *worker, struct place *place, unsigned connection) {
    struct smp_command command = peer_command(SMP_GET);
    ask_recipient(worker, place, connection, &command);
    if (answered(worker, SMP_MSG))
        hold(worker, place, connection);
    else if (!answered(worker, SMP_OK) && !answered_error(worker, SMP_ERROR_COMMAND))
        unexpected(worker, "GET");
}

static void acknowledge(struct worker *worker, struct place *place, unsigned connection) {
    struct held held = place->held[connection];
    struct smp_command command = peer_command(SMP_ACK);
    if (!held.present)
        return;
    place->held[connection].present = false;
    command.message_id = slice_of(held.id, sizeof held.id);
    ask_recipient(worker, place, connection, &command);
    if (answered_error(worker, SMP_ERROR_NO_MESSAGE)) {
        CHECK(place->holder != (int)connection || worker->run->is_expiring);
        return;
    }
    if (!answered(worker, SMP_OK) && !answered(worker, SMP_MSG))
        unexpected(worker, "ACK");
    if (!held.is_marker)
        consume(worker->run, place, held.number);
    if (answered(worker, SMP_MSG))
        hold(worker, place, connection);
}

/* Forgets what the connection knew; an ACK that was just sent may have been done or not. */
static void reconnect(struct worker *worker, unsigned connection, struct place *acknowledged) {
    struct run *run = worker->run;
    if (acknowledged != NULL && acknowledged->held[connection].present && acknowledged->uncertain == 0) {
        const struct held *held = &acknowledged->held[connection];
        struct smp_command command = peer_command(SMP_ACK);
        command.message_id = slice_of(held->id, sizeof held->id);
        peer_begin(&worker->peers[connection]);
        peer_add(&worker->peers[connection], &acknowledged->queue.recipient_key, peer_recipient(&acknowledged->queue),
                 &command);
        peer_send(&worker->peers[connection]);
        if (!held->is_marker && held->number > number_list_last(&acknowledged->consumed))
            acknowledged->uncertain = held->number;
    }
    peer_close(&worker->peers[connection]);
    router_fixture_connect(&run->fixture, 0, &worker->peers[connection]);
    for (unsigned i = worker->index; i < QUEUES; i += RECIPIENTS) {
        struct place *place = &run->places[i];
        place->held[connection].present = false;
        place->floors[connection] = number_list_last(&place->consumed);
        if (place->holder == (int)connection)
            place->holder = NOBODY;
    }
    atomic_fetch_add(&run->reconnects, 1);
}

static void create(struct worker *worker, struct place *place) {
    struct peer_queue queue;
    peer_create_queue(&worker->peers[0], PEER_SECURED, &queue);
    pthread_mutex_lock(&place->lock);
    CHECK(place->generation + 1 < GENERATIONS_MAX);
    place->ended[place->generation] = place->consumed;
    place->consumed = (struct number_list){0};
    place->queue = queue;
    place->generation++;
    place->is_ending = false;
    pthread_mutex_unlock(&place->lock);
    memset(place->held, 0, sizeof place->held);
    memset(place->floors, 0, sizeof place->floors);
    place->holder = NOBODY;
    place->uncertain = 0;
}

static void delete_and_create(struct worker *worker, struct place *place, unsigned connection) {
    struct run *run = worker->run;
    struct smp_command command = peer_command(SMP_DEL);
    pthread_mutex_lock(&place->lock);
    place->is_ending = true;
    pthread_mutex_unlock(&place->lock);
    ask_recipient(worker, place, connection, &command);
    if (!answered(worker, SMP_OK))
        unexpected(worker, "DEL");
    atomic_fetch_add(&run->uncertain_ends, place->uncertain != 0);
    atomic_fetch_add(&run->deletions, 1);
    create(worker, place);
}

static void act(struct worker *worker, struct place *place) {
    unsigned connection = stress_random(&worker->seed) % CONNECTIONS;
    unsigned choice = stress_random(&worker->seed) % 1000;
    if (choice < 600) {
        if (worker->run->is_expiring && stress_random(&worker->seed) % 4 != 0)
            return; /* time passes, and messages with it */
        for (unsigned i = 0; i < CONNECTIONS; i++)
            acknowledge(worker, place, i);
    } else if (choice < 800) {
        subscribe(worker, place, connection);
    } else if (choice < 830) {
        subscribe_twice(worker, place);
    } else if (choice < 985) {
        get(worker, place, connection);
    } else if (choice < 992) {
        reconnect(worker, connection, choice % 2 == 0 ? place : NULL);
    } else if (!worker->run->is_expiring) {
        delete_and_create(worker, place, connection);
    }
    handle_events(worker);
}

static void run_recipient(void *argument) {
    struct worker *worker = argument;
    struct run *run = worker->run;
    while (clock_monotonic_ms() < run->end_ms)
        act(worker, &run->places[worker->index + RECIPIENTS * (stress_random(&worker->seed) % (QUEUES / RECIPIENTS))]);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        peer_close(&worker->peers[i]);
}

/* ---- the run ---- */

/* Takes what is left with a connection that knows nothing; a queue is empty when GET has nothing to give. */
static void drain(struct worker *worker, struct place *place) {
    struct smp_command command = peer_command(SMP_GET);
    for (;;) {
        ask_recipient(worker, place, 0, &command);
        if (answered(worker, SMP_OK))
            break;
        CHECK(answered(worker, SMP_MSG));
        hold(worker, place, 0);
        acknowledge(worker, place, 0);
    }
    if (place->uncertain != 0)
        consume(worker->run, place, place->uncertain);
}

static void drain_all(struct run *run) {
    for (unsigned i = 0; i < QUEUES; i++) {
        struct place *place = &run->places[i];
        struct worker *worker = &run->recipients[i % RECIPIENTS];
        memset(place->held, 0, sizeof place->held);
        place->holder = NOBODY;
        router_fixture_connect(&run->fixture, 0, &worker->peers[0]);
        drain(worker, place);
        peer_close(&worker->peers[0]);
    }
}

/* The queues that are left: everything accepted was consumed, unless it expired. */
static void compare(struct run *run) {
    for (unsigned i = 0; i < QUEUES; i++) {
        struct place *place = &run->places[i];
        if (place->sender_generation != place->generation)
            settle(run, place);
        if (run->is_expiring)
            assert_true(number_list_is_subsequence(&place->consumed, &place->accepted));
        else
            assert_true(place->consumed.count == place->accepted.count &&
                        number_list_is_prefix(&place->consumed, &place->accepted));
        number_list_clear(&place->consumed);
        number_list_clear(&place->accepted);
        pthread_mutex_destroy(&place->lock);
    }
}

/* The router's own figures agree with what the peers saw. */
static void check_figures(struct run *run) {
    struct smp_router_statistics router;
    smp_router_statistics(run->fixture.router, &router);
    assert_int_equal(run->accepted, router.messages_sent);
    assert_int_equal(run->refused, router.quota_refusals);
    assert_int_equal(QUEUES, router.queues);
    assert_int_equal(run->deletions, router.queues_deleted);
    assert_int_equal(0, router.messages);
    assert_int_equal(0, router.subscriptions);
    assert_true(run->consumed > 0);
    if (run->is_expiring) {
        assert_true(router.messages_expired > 0);
        assert_int_equal(router.messages_sent, router.messages_received + router.messages_expired);
    } else {
        assert_int_equal(run->accepted, run->consumed + run->deleted);
        assert_in_range(router.messages_received, run->consumed, run->consumed + run->uncertain_ends);
    }
    printf("%" PRIu64 " messages accepted in order, %" PRIu64 " received as sent, %" PRIu64 " deleted with %" PRIu64
           " queues, %" PRIu64 " expired; %" PRIu64 " refused for quota, %" PRIu64 " takeovers, %" PRIu64
           " reconnects\n",
           run->accepted, run->consumed, run->deleted, run->deletions, router.messages_expired, run->refused,
           run->takeovers, run->reconnects);
}

static void start(struct worker *worker, struct run *run, unsigned index, uint64_t seed) {
    worker->run = run;
    worker->index = index;
    worker->seed = seed;
}

static void prepare(struct run *run) {
    for (unsigned i = 0; i < SENDERS; i++)
        start(&run->senders[i], run, i, 1000 + i);
    for (unsigned i = 0; i < RECIPIENTS; i++) {
        start(&run->recipients[i], run, i, 2000 + i);
        for (unsigned j = 0; j < CONNECTIONS; j++)
            router_fixture_connect(&run->fixture, 0, &run->recipients[i].peers[j]);
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        run->places[i].index = i;
        pthread_mutex_init(&run->places[i].lock, NULL);
        create(&run->recipients[i % RECIPIENTS], &run->places[i]);
    }
}

static void stress(bool is_expiring, uint64_t duration_ms) {
    struct run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    run->is_expiring = is_expiring;
    router_fixture_init(&run->fixture);
    run->fixture.config.queue_quota = QUOTA;
    if (is_expiring) {
        run->fixture.config.message_ttl_s = 1;
        run->fixture.config.message_expiry_interval_s = 1;
    }
    router_fixture_start(&run->fixture);
    prepare(run);
    run->end_ms = clock_monotonic_ms() + duration_ms;
    for (unsigned i = 0; i < SENDERS; i++)
        assert_int_equal(SMQ_OK, thread_create(&run->senders[i].thread, "sender", run_sender, &run->senders[i]));
    for (unsigned i = 0; i < RECIPIENTS; i++)
        assert_int_equal(SMQ_OK,
                         thread_create(&run->recipients[i].thread, "recipient", run_recipient, &run->recipients[i]));
    for (unsigned i = 0; i < SENDERS; i++)
        thread_join(&run->senders[i].thread);
    for (unsigned i = 0; i < RECIPIENTS; i++)
        thread_join(&run->recipients[i].thread);
    drain_all(run);
    witness_await_calm(&run->fixture, 0);
    compare(run);
    check_figures(run);
    router_fixture_finish(&run->fixture);
    free(run);
}

static void test_messages_are_conserved(void **state) {
    (void)state;
    stress(false, stress_ms(1, 1));
}

static void test_messages_are_conserved_while_some_expire(void **state) {
    (void)state;
    enum { SOME_EXPIRE_MS = 2500 };
    uint64_t share = stress_ms(1, 1);
    stress(true, share > SOME_EXPIRE_MS ? share : SOME_EXPIRE_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_conserved),
        cmocka_unit_test(test_messages_are_conserved_while_some_expire),
    };
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1); /* assertions in other threads end the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
