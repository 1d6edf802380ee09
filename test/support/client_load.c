/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The load and its ledger. Messages of a queue are numbered from 0 and never sent twice, so that a body tells its
 * number and every number has one state. */
#include "test/support/client_load.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "actors/client/smq/client.h"
#include "queues/base/clock.h"
#include "test/support/queue_ledger.h"
#include "test/support/require.h"

enum {
    PAIRS_MAX = 8,
    QUEUES_MAX = 64,
    NUMBERS_MAX = 1 << 16,
    WINDOW = 8,       /* SENDs of a queue without an answer */
    UNDELIVERED = 64, /* messages of a queue that its recipient has not got: below the quota */
    PATIENCE_MS = 30000,
};

enum number_state {
    NUMBER_UNUSED,
    NUMBER_SENT,
    NUMBER_ACKNOWLEDGED,
    NUMBER_UNCERTAIN,
    NUMBER_SKIPPED, /* not acknowledged, and a later one was delivered: it must never be acknowledged */
};

enum tag_kind { TAG_SEND, TAG_ACKNOWLEDGE, TAG_SUBSCRIBE };

struct load_queue {
    struct smq_receive_queue *receive_queue;
    struct smq_send_queue *send_queue;
    uint8_t states[NUMBERS_MAX];
    uint32_t submitted;
    uint32_t unanswered;
    uint32_t delivered;  /* one more than the highest number delivered */
    bool is_held;        /* number delivered - 1 was not acknowledged by us, or without an answer */
    bool acknowledging;  /* its ACK is under way */
    bool may_come_again; /* its ACK may not have been done */
    bool may_be_gone;    /* its ACK may have been done */
};

struct client_load {
    struct smq_context *context;
    struct smq_events *events;
    char address[256];
    struct smq_client *senders[PAIRS_MAX];
    struct smq_client *recipients[PAIRS_MAX];
    unsigned pairs;
    unsigned queue_count;
    unsigned connected; /* clients whose end was not reported yet */
    bool is_losing;
    struct client_load_figures figures;
    struct load_queue queues[QUEUES_MAX];
};

static uint64_t make_tag(enum tag_kind kind, uint32_t queue, uint32_t number) {
    return (uint64_t)kind << 60 | (uint64_t)queue << 32 | number;
}

/* ---- sending ---- */

static void send_one(struct client_load *load, uint32_t index) {
    static uint8_t body[LEDGER_BODY_MAX];
    struct load_queue *queue = &load->queues[index];
    uint32_t number = queue->submitted;
    size_t length = ledger_body(index, 0, number + 1, body);
    enum smq_result result =
        smq_send_async(load->senders[index % load->pairs], queue->send_queue, false, (struct smq_bytes){body, length},
                       PATIENCE_MS, make_tag(TAG_SEND, index, number));
    require(result == SMQ_OK);
    queue->states[number] = NUMBER_SENT;
    queue->submitted++;
    queue->unanswered++;
}

static void fill_windows(struct client_load *load) {
    for (uint32_t i = 0; i < load->queue_count; i++) {
        const struct load_queue *queue = &load->queues[i];
        while (queue->unanswered < WINDOW && queue->submitted - queue->delivered < UNDELIVERED) {
            require(queue->submitted < NUMBERS_MAX);
            send_one(load, i);
        }
    }
}

static void sent(struct client_load *load, struct load_queue *queue, uint32_t number, const struct smq_event *event) {
    queue->unanswered--;
    if (event->result == SMQ_OK) {
        if (queue->states[number] == NUMBER_SKIPPED)
            fail_msg("number %u was acknowledged, but a later one came before it", number);
        queue->states[number] = NUMBER_ACKNOWLEDGED;
        load->figures.sent++;
        return;
    }
    if (!load->is_losing)
        fail_msg("SEND: %s (%s)", smq_result_text(event->result), event->error_text);
    if (queue->states[number] == NUMBER_SENT)
        queue->states[number] = NUMBER_UNCERTAIN;
    load->figures.uncertain++;
}

/* ---- receiving ---- */

static uint32_t index_of(const struct client_load *load, const struct smq_receive_queue *handle) {
    for (uint32_t i = 0; i < load->queue_count; i++)
        if (load->queues[i].receive_queue == handle)
            return i;
    fail_msg("a message of an unknown queue");
    return 0;
}

static uint32_t check_body(uint32_t index, const struct smq_event *event) {
    require(!event->encrypted && !event->quota);
    uint32_t number = ledger_number(index, 0, event->body.bytes, event->body.length);
    require(number > 0);
    return number - 1;
}

/* A number that did not come before: everything between the last one and it must not have been acknowledged. */
static void advance(struct client_load *load, struct load_queue *queue, uint32_t number) {
    if (queue->is_held && !queue->may_be_gone)
        fail_msg("number %u came though %u was never acknowledged by its recipient", number, queue->delivered - 1);
    require(number < queue->submitted);
    for (uint32_t skipped = queue->delivered; skipped < number; skipped++) {
        if (queue->states[skipped] == NUMBER_ACKNOWLEDGED)
            fail_msg("number %u was acknowledged, but %u came after %u", skipped, number, queue->delivered - 1);
        queue->states[skipped] = NUMBER_SKIPPED;
    }
    queue->delivered = number + 1;
    load->figures.delivered++;
}

static void received(struct client_load *load, const struct smq_event *event) {
    uint32_t index = index_of(load, event->receive_queue);
    struct load_queue *queue = &load->queues[index];
    uint32_t number = check_body(index, event);
    if (number + 1 == queue->delivered && queue->is_held && queue->may_come_again)
        load->figures.redelivered++;
    else if (number < queue->delivered)
        fail_msg("number %u came again though its ACK was acknowledged, or out of order", number);
    else
        advance(load, queue, number);
    queue->is_held = true;
    queue->may_come_again = queue->may_be_gone = false;
    enum smq_result result =
        smq_acknowledge_async(load->recipients[index % load->pairs], queue->receive_queue, event->message_id,
                              PATIENCE_MS, make_tag(TAG_ACKNOWLEDGE, index, number));
    queue->acknowledging = result == SMQ_OK;
    require(result == SMQ_OK || result == SMQ_ERR_CLOSED);
}

static void acknowledged(struct client_load *load, struct load_queue *queue, const struct smq_event *event) {
    queue->acknowledging = false;
    if (event->result == SMQ_OK) {
        queue->is_held = false;
        load->figures.consumed++;
        return;
    }
    if (!load->is_losing)
        fail_msg("ACK: %s (%s)", smq_result_text(event->result), event->error_text);
    queue->may_be_gone = true;
}

/* ---- events ---- */

static void completed(struct client_load *load, const struct smq_event *event) {
    struct load_queue *queue = &load->queues[event->tag >> 32 & UINT8_MAX];
    switch ((enum tag_kind)(event->tag >> 60)) {
    case TAG_SEND:
        sent(load, queue, (uint32_t)event->tag, event);
        break;
    case TAG_ACKNOWLEDGE:
        acknowledged(load, queue, event);
        break;
    case TAG_SUBSCRIBE:
        require(event->result == SMQ_OK);
        break;
    }
}

static void handle(struct client_load *load, const struct smq_event *event) {
    switch (event->kind) {
    case SMQ_EVENT_COMPLETED:
        completed(load, event);
        break;
    case SMQ_EVENT_MESSAGE:
        received(load, event);
        break;
    case SMQ_EVENT_DISCONNECTED:
        require(load->is_losing);
        load->connected--;
        break;
    default:
        fail_msg("event %d: %s", (int)event->kind, event->error_text);
    }
}

static void take_events(struct client_load *load, int timeout_ms) {
    struct smq_batch *batch;
    while (smq_events_take(load->events, timeout_ms, &batch) == SMQ_OK) {
        for (size_t i = 0; i < smq_batch_count(batch); i++)
            handle(load, smq_batch_event(batch, i));
        smq_batch_release(&batch);
        timeout_ms = 0;
    }
}

/* ---- life ---- */

static struct smq_client *connect_one(struct client_load *load) {
    struct smq_client_options options;
    struct smq_client *client;
    struct smq_error error;
    smq_client_options_init(&options);
    options.events = load->events;
    enum smq_result result = smq_client_connect(load->context, load->address, &options, &client, &error);
    if (result != SMQ_OK)
        fail_msg("connect: %s (%s)", smq_result_text(result), error.text);
    load->connected++;
    return client;
}

static void connect_all(struct client_load *load) {
    for (unsigned i = 0; i < load->pairs; i++) {
        load->senders[i] = connect_one(load);
        load->recipients[i] = connect_one(load);
    }
}

static void create_queue(struct client_load *load, unsigned index) {
    struct load_queue *queue = &load->queues[index];
    struct smq_client *recipient = load->recipients[index % load->pairs];
    struct smq_client *sender = load->senders[index % load->pairs];
    require(smq_create_queue(recipient, NULL, 0, &queue->receive_queue, NULL) == SMQ_OK);
    require(smq_send_queue_from_receive_queue(queue->receive_queue, &queue->send_queue) == SMQ_OK);
    require(smq_send_queue_make_key(queue->send_queue, SMQ_KEY_X25519) == SMQ_OK);
    require(smq_secure_as_sender(sender, queue->send_queue, 0, NULL) == SMQ_OK);
}

void client_load_create(const char *address, unsigned pairs, unsigned queues, struct client_load **load) {
    struct client_load *created = calloc(1, sizeof *created);
    require(created != NULL && pairs <= PAIRS_MAX && queues <= QUEUES_MAX);
    require(strlen(address) < sizeof created->address);
    memcpy(created->address, address, strlen(address) + 1);
    created->pairs = pairs;
    created->queue_count = queues;
    require(smq_context_create(NULL, &created->context) == SMQ_OK);
    require(smq_events_create(NULL, &created->events) == SMQ_OK);
    connect_all(created);
    for (unsigned i = 0; i < queues; i++)
        create_queue(created, i);
    *load = created;
}

void client_load_run(struct client_load *load, uint64_t count) {
    uint64_t wanted = load->figures.sent + count;
    uint64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (load->figures.sent < wanted) {
        require(clock_monotonic_ms() < deadline);
        fill_windows(load);
        take_events(load, 100);
    }
    fill_windows(load);
}

/* Commands given to a connection that has ended already get their completion after its end. */
static bool is_lost(const struct client_load *load) {
    for (unsigned i = 0; i < load->queue_count; i++)
        if (load->queues[i].unanswered > 0 || load->queues[i].acknowledging)
            return false;
    return load->connected == 0;
}

void client_load_lose(struct client_load *load) {
    uint64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    load->is_losing = true;
    while (!is_lost(load)) {
        require(clock_monotonic_ms() < deadline);
        take_events(load, 100);
    }
    load->is_losing = false;
    for (unsigned i = 0; i < load->pairs; i++) {
        smq_client_close(&load->senders[i]);
        smq_client_close(&load->recipients[i]);
    }
    for (unsigned i = 0; i < load->queue_count; i++)
        load->queues[i].may_come_again = load->queues[i].is_held;
}

void client_load_connect(struct client_load *load) {
    connect_all(load);
    for (uint32_t i = 0; i < load->queue_count; i++)
        require(smq_subscribe_async(load->recipients[i % load->pairs], load->queues[i].receive_queue, PATIENCE_MS,
                                    make_tag(TAG_SUBSCRIBE, i, 0)) == SMQ_OK);
}

/* Whether nothing is under way or known to be due. */
static bool is_settled(const struct client_load *load) {
    for (unsigned i = 0; i < load->queue_count; i++) {
        const struct load_queue *queue = &load->queues[i];
        if (queue->unanswered > 0 || queue->acknowledging || (queue->is_held && !queue->may_be_gone))
            return false;
        for (uint32_t number = queue->delivered; number < queue->submitted; number++)
            if (queue->states[number] == NUMBER_ACKNOWLEDGED)
                return false;
    }
    return true;
}

/* Whether the router says that no queue holds anything. */
static bool is_empty(const struct client_load *load) {
    static const char empty[] = "\"qiSize\":0";
    for (unsigned i = 0; i < load->queue_count; i++) {
        struct smq_batch *answer;
        require(smq_info(load->recipients[i % load->pairs], load->queues[i].receive_queue, 0, &answer, NULL) == SMQ_OK);
        struct smq_bytes json = smq_batch_event(answer, 0)->body;
        bool found = memmem(json.bytes, json.length, empty, sizeof empty - 1) != NULL;
        smq_batch_release(&answer);
        if (!found)
            return false;
    }
    return true;
}

void client_load_drain(struct client_load *load) {
    uint64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (!is_settled(load) || !is_empty(load)) {
        require(clock_monotonic_ms() < deadline);
        take_events(load, 20);
    }
}

struct client_load_figures client_load_figures(const struct client_load *load) {
    return load->figures;
}

void client_load_destroy(struct client_load **load) {
    struct client_load *destroyed = *load;
    *load = NULL;
    for (unsigned i = 0; i < destroyed->pairs; i++) {
        smq_client_close(&destroyed->senders[i]);
        smq_client_close(&destroyed->recipients[i]);
    }
    for (unsigned i = 0; i < destroyed->queue_count; i++) {
        smq_send_queue_release(&destroyed->queues[i].send_queue);
        smq_receive_queue_release(&destroyed->queues[i].receive_queue);
    }
    smq_context_destroy(&destroyed->context);
    smq_events_destroy(&destroyed->events);
    free(destroyed);
}
