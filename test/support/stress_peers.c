/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random peers of a router, and their accounts. */
#include "test/support/stress_peers.h"

#include <string.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "test/stress/stress.h"
#include "test/support/require.h"
#include "transport/crypto/message_body.h"

enum { BURST_MOST = 4, NOBODY = -1 };

/* ---- asking ---- */

static void handle_event(struct stress_worker *worker, unsigned connection);

/* Waits for the answer to the command written last; what comes before it are events. */
static void await_answer(struct stress_worker *worker, unsigned connection, const uint8_t correlation_id[24]) {
    struct peer *peer = &worker->peers[connection];
    for (;;) {
        peer_receive(peer, &worker->answer);
        if (worker->answer.correlation_id.length > 0)
            break;
        handle_event(worker, connection);
    }
    CHECK(slice_equal(worker->answer.correlation_id, slice_of(correlation_id, 24)));
}

static void ask(struct stress_worker *worker, unsigned connection, const struct key_pair *key, struct slice entity_id,
                const struct smp_command *command) {
    struct peer *peer = &worker->peers[connection];
    peer_begin(peer);
    peer_add(peer, key, entity_id, command);
    peer_send(peer);
    await_answer(worker, connection, peer->correlation_id);
}

static bool answered(const struct stress_worker *worker, enum smp_response_tag tag) {
    return worker->answer.response.tag == tag;
}

static bool answered_error(const struct stress_worker *worker, enum smp_error_code code) {
    return answered(worker, SMP_ERR) && worker->answer.response.error.code == code;
}

static void unexpected(const struct stress_worker *worker, const char *command) {
    char text[256];
    fail_msg("%s was answered with %s %s", command, smp_response_tag_text(worker->answer.response.tag),
             answered(worker, SMP_ERR) ? smp_error_text(&worker->answer.response.error, text, sizeof text) : "");
}

/* ---- senders ---- */

/* The sender's generation is gone: what was consumed are the first of what was accepted, the others went with it. */
static void settle(struct stress_run *run, struct stress_place *place) {
    struct number_list *consumed = &place->ended[place->sender_generation];
    CHECK(number_list_is_prefix(consumed, &place->accepted));
    atomic_fetch_add(&run->deleted, place->accepted.count - consumed->count);
    number_list_clear(consumed);
    number_list_clear(&place->accepted);
}

/* Looks at the place; a new generation begins a new account. False while the queue is being deleted. */
static bool look(struct stress_run *run, struct stress_place *place, struct peer_queue *queue) {
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
static bool is_gone(struct stress_place *place) {
    pthread_mutex_lock(&place->lock);
    bool gone = place->is_ending || place->sender_generation != place->generation;
    pthread_mutex_unlock(&place->lock);
    return gone;
}

static void note_sent(struct stress_worker *worker, struct stress_place *place, uint32_t number) {
    struct stress_run *run = worker->run;
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
static void send_burst(struct stress_worker *worker, struct stress_place *place) {
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

void stress_send(void *argument) {
    struct stress_worker *worker = argument;
    struct stress_run *run = worker->run;
    router_fixture_connect(&run->fixture, 0, &worker->peers[0]);
    while (clock_monotonic_ms() < run->end_ms) {
        unsigned index =
            worker->index + STRESS_SENDERS * (stress_random(&worker->seed) % (STRESS_QUEUES / STRESS_SENDERS));
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

static void consume(struct stress_run *run, struct stress_place *place, uint32_t number) {
    if (number <= number_list_last(&place->consumed))
        return; /* over another connection before */
    number_list_add(&place->consumed, number);
    atomic_fetch_add(&run->consumed, 1);
    if (number == place->uncertain)
        place->uncertain = 0;
}

/* A message came on a connection. It is not one that was consumed before the connection last asked. */
static void hold(struct stress_worker *worker, struct stress_place *place, unsigned connection) {
    static _Thread_local uint8_t sealed[MESSAGE_BODY_SIZE];
    const struct smp_response *response = &worker->answer.response;
    struct stress_held *held = &place->held[connection];
    struct message_body body;
    CHECK(response->message.body.length == sizeof sealed && response->message.id.length == 24);
    memcpy(sealed, response->message.body.bytes, sizeof sealed);
    CHECK(message_body_open(&place->queue.body_key, response->message.id, sealed, sizeof sealed, &body) == SMQ_OK);
    *held = (struct stress_held){.present = true, .is_marker = body.quota};
    memcpy(held->id, response->message.id.bytes, 24);
    if (body.quota)
        return;
    held->number = ledger_number(place->index, place->generation, body.body.bytes, body.body.length);
    CHECK(held->number > place->floors[connection]);
    if (place->uncertain != 0 && held->number > place->uncertain)
        consume(worker->run, place, place->uncertain);
}

static struct stress_place *place_of(struct stress_worker *worker, struct slice recipient_id) {
    for (unsigned i = worker->index; i < STRESS_QUEUES; i += STRESS_RECIPIENTS)
        if (slice_equal(recipient_id, peer_recipient(&worker->run->places[i].queue)))
            return &worker->run->places[i];
    return NULL;
}

/* Events of queues that were deleted meanwhile are stale. */
static void handle_event(struct stress_worker *worker, unsigned connection) {
    struct stress_place *place = place_of(worker, worker->answer.entity_id);
    if (answered(worker, SMP_MSG)) {
        if (place != NULL)
            hold(worker, place, connection);
    } else if (!answered(worker, SMP_END) && !answered(worker, SMP_DELD)) {
        unexpected(worker, "nothing");
    }
}

static void handle_events(struct stress_worker *worker) {
    for (unsigned i = 0; i < STRESS_CONNECTIONS; i++)
        while (!peer_is_silent(&worker->peers[i], 0)) {
            peer_receive(&worker->peers[i], &worker->answer);
            CHECK(worker->answer.correlation_id.length == 0);
            handle_event(worker, i);
        }
}

/* Events that come before the answer may be older than the question. */
static void ask_recipient(struct stress_worker *worker, struct stress_place *place, unsigned connection,
                          const struct smp_command *command) {
    uint32_t floor = number_list_last(&place->consumed);
    ask(worker, connection, &place->queue.recipient_key, peer_recipient(&place->queue), command);
    place->floors[connection] = floor;
}

static void subscribe(struct stress_worker *worker, struct stress_place *place, unsigned connection) {
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
static void subscribe_twice(struct stress_worker *worker, struct stress_place *place) {
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

static void get(struct stress_worker *worker, struct stress_place *place, unsigned connection) {
    struct smp_command command = peer_command(SMP_GET);
    ask_recipient(worker, place, connection, &command);
    if (answered(worker, SMP_MSG))
        hold(worker, place, connection);
    else if (!answered(worker, SMP_OK) && !answered_error(worker, SMP_ERROR_COMMAND))
        unexpected(worker, "GET");
}

static void acknowledge(struct stress_worker *worker, struct stress_place *place, unsigned connection) {
    struct stress_held held = place->held[connection];
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
static void reconnect(struct stress_worker *worker, unsigned connection, struct stress_place *acknowledged) {
    struct stress_run *run = worker->run;
    if (acknowledged != NULL && acknowledged->held[connection].present && acknowledged->uncertain == 0) {
        const struct stress_held *held = &acknowledged->held[connection];
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
    for (unsigned i = worker->index; i < STRESS_QUEUES; i += STRESS_RECIPIENTS) {
        struct stress_place *place = &run->places[i];
        place->held[connection].present = false;
        place->floors[connection] = number_list_last(&place->consumed);
        if (place->holder == (int)connection)
            place->holder = NOBODY;
    }
    atomic_fetch_add(&run->reconnects, 1);
}

void stress_place_create(struct stress_worker *worker, struct stress_place *place) {
    struct peer_queue queue;
    peer_create_queue(&worker->peers[0], PEER_SECURED, &queue);
    pthread_mutex_lock(&place->lock);
    CHECK(place->generation + 1 < STRESS_GENERATIONS_MAX);
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

static void delete_and_create(struct stress_worker *worker, struct stress_place *place, unsigned connection) {
    struct stress_run *run = worker->run;
    struct smp_command command = peer_command(SMP_DEL);
    pthread_mutex_lock(&place->lock);
    place->is_ending = true;
    pthread_mutex_unlock(&place->lock);
    ask_recipient(worker, place, connection, &command);
    if (!answered(worker, SMP_OK))
        unexpected(worker, "DEL");
    atomic_fetch_add(&run->uncertain_ends, place->uncertain != 0);
    atomic_fetch_add(&run->deletions, 1);
    stress_place_create(worker, place);
}

static void act(struct stress_worker *worker, struct stress_place *place) {
    unsigned connection = stress_random(&worker->seed) % STRESS_CONNECTIONS;
    unsigned choice = stress_random(&worker->seed) % 1000;
    if (choice < 600) {
        if (worker->run->is_expiring && stress_random(&worker->seed) % 4 != 0)
            return; /* time passes, and messages with it */
        for (unsigned i = 0; i < STRESS_CONNECTIONS; i++)
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

void stress_receive(void *argument) {
    struct stress_worker *worker = argument;
    struct stress_run *run = worker->run;
    while (clock_monotonic_ms() < run->end_ms)
        act(worker, &run->places[worker->index + STRESS_RECIPIENTS * (stress_random(&worker->seed) %
                                                                      (STRESS_QUEUES / STRESS_RECIPIENTS))]);
    for (unsigned i = 0; i < STRESS_CONNECTIONS; i++)
        peer_close(&worker->peers[i]);
}

/* Takes what is left with a connection that knows nothing; a queue is empty when GET has nothing to give. */
void stress_place_drain(struct stress_worker *worker, struct stress_place *place) {
    struct smp_command command = peer_command(SMP_GET);
    memset(place->held, 0, sizeof place->held);
    place->holder = NOBODY;
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

void stress_place_compare(struct stress_run *run, struct stress_place *place) {
    if (place->sender_generation != place->generation)
        settle(run, place);
    if (run->is_expiring)
        CHECK(number_list_is_subsequence(&place->consumed, &place->accepted));
    else
        CHECK(place->consumed.count == place->accepted.count &&
              number_list_is_prefix(&place->consumed, &place->accepted));
    number_list_clear(&place->consumed);
    number_list_clear(&place->accepted);
}
