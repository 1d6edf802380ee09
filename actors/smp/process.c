/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The process lane. A block's commands are gone through in order; each is looked up in a fresh snapshot, verified and
 * handed on, and the next one follows without waiting, unless both touch the same queue on different ways: then the
 * block waits for what is under way, and goes on from there. */
#include "actors/smp/process.h"

#include "actors/smp/command_batch.h"
#include "actors/smp/execute.h"
#include "actors/smp/service_hello.h"
#include "actors/smp/verify.h"
#include "actors/smp/writer.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"

struct process_lane {
    struct smp_router *router;
    struct actor *actor;
    struct store_reader *reader;
    unsigned index;
    uint8_t scratch[SMP_AUTHORIZED_MAX]; /* bytes to be signed, in one piece */
};

/* What a command came to on this lane. PROGRESS_AGAIN: the slot now holds the command that was inside. */
enum progress { PROGRESS_NEXT, PROGRESS_WAIT, PROGRESS_AGAIN };

/* `queue` is NULL when the entity leads to none. */
static bool route_conflicts(const struct command_slot *earlier, const struct command_slot *slot,
                            const struct queue_record *queue) {
    if (atomic_load_explicit(&earlier->done, memory_order_acquire))
        return false;
    if (earlier->tag == SMP_NEW) /* its number is the writer's to set; only ids of the client's own can lead to it */
        return earlier->client_ids;
    if (queue == NULL)
        return earlier->tag == SMP_LSET; /* it may be about to make this very link */
    if (earlier->queue.number != queue->number)
        return false;
    enum execution_route first = execution_row(earlier->tag)->route;
    /* With another version the earlier one may be on its way back here, to be verified again. */
    return first != execution_row(slot->tag)->route || first == ROUTE_CHANGE || first == ROUTE_ACKNOWLEDGE ||
           earlier->queue.auth_version != queue->auth_version;
}

/* Whether the command must wait for an earlier one of its block. */
static bool must_wait(const struct command_slot *slot, const struct queue_record *queue) {
    const struct command_batch *batch = slot->batch;
    for (const struct command_slot *earlier = batch->slots; earlier < slot; earlier++)
        if (route_conflicts(earlier, slot, queue))
            return true;
    return false;
}

static enum queue_party queue_party_of(enum smp_party party) {
    switch (party) {
    case SMP_PARTY_SENDER:
        return QUEUE_SENDER;
    case SMP_PARTY_SENDER_LINK:
        return QUEUE_LINK;
    case SMP_PARTY_NOTIFIER:
        return QUEUE_NOTIFIER;
    default:
        return QUEUE_RECIPIENT;
    }
}

static bool party_has_queue(enum smp_party party) {
    return party == SMP_PARTY_RECIPIENT || party == SMP_PARTY_SENDER || party == SMP_PARTY_SENDER_LINK ||
           party == SMP_PARTY_NOTIFIER;
}

static enum progress refuse(struct command_slot *slot, struct smp_error error) {
    slot_answer_error(slot, error);
    slot_done(slot);
    return PROGRESS_NEXT;
}

/* RFWD: what the proxy forwards takes its place. */
static enum progress unwrap(struct command_slot *slot, const struct smp_command *command) {
    struct smp_error error;
    if (forwarded_open(slot, command, &error) != SMQ_OK)
        return refuse(slot, error);
    counter_add(&slot->batch->session->router->counters.forwards_received, 1);
    return PROGRESS_AGAIN;
}

/* Looks the queue up and checks everything that the answer AUTH stands for. */
static enum progress authorise_and_execute(struct process_lane *lane, struct command_slot *slot,
                                           struct execution *execution, const struct smp_transmission *transmission,
                                           struct queue_record *record) {
    const struct smp_command_info *info = smp_command_info(slot->tag);
    const struct execution_row *row = execution_row(slot->tag);
    struct verification verification;
    struct smp_error error;
    verification_prepare(&verification, slot, transmission, execution->command, lane->scratch);
    if (party_has_queue(info->party)) {
        enum smq_result found =
            queue_store_find_record(execution->txn, queue_party_of(info->party), transmission->entity_id, record);
        if (must_wait(slot, found == SMQ_OK ? record : NULL))
            return PROGRESS_WAIT;
        if (found != SMQ_OK) {
            verify_nothing(&verification);
            slot_answer_result(slot, found);
            slot_done(slot);
            return PROGRESS_NEXT;
        }
        execution->record = record;
        slot->queue = (struct queue_reference){record->number, record->auth_version};
    }
    if (!verify_service(&verification, &error))
        return refuse(slot, error);
    if (!verify_command(&verification, execution->record))
        return refuse(slot, smp_error_of(info->key == SMP_KEY_SERVICE ? SMP_ERROR_SERVICE : SMP_ERROR_AUTH));
    if (execution->record != NULL) {
        if (row->refused_when_blocked && execution->record->status == QUEUE_BLOCKED)
            return refuse(slot, blocked_error(execution->record));
        slot->touch = row->touches_queue && execution->record->updated_day != (uint32_t)(execution->now_s / 86400);
        if (row->route != ROUTE_AT_ONCE && row->route != ROUTE_SUBSCRIPTION)
            kept_answers_copy(slot, slot->queue.number, execution->txn);
    }
    if (slot->tag == SMP_RFWD)
        return unwrap(slot, execution->command);
    row->execute(execution);
    return PROGRESS_NEXT;
}

static enum progress run_transmission(struct process_lane *lane, struct command_slot *slot) {
    struct client_session *session = slot->batch->session;
    struct smp_envelope envelope = slot_envelope(slot);
    struct smp_transmission transmission;
    struct smp_command command;
    struct queue_record record;
    struct smp_error error;
    struct execution execution = {
        .router = lane->router, .session = session, .slot = slot, .command = &command, .now_s = clock_realtime_s()};

    enum smq_result parsed = smp_transmission_parse(&envelope, slot->bytes, &transmission, &error);
    if (slot_set_ids(slot, transmission.correlation_id,
                     parsed == SMQ_OK ? transmission.entity_id : slice_of(NULL, 0)) != SMQ_OK)
        return refuse(slot, smp_error_of(SMP_ERROR_INTERNAL));
    if (parsed != SMQ_OK)
        return refuse(slot, error);
    if (smp_command_parse(envelope.version, transmission.command, &command, &error) != SMQ_OK)
        return refuse(slot, error);
    slot->tag = command.tag;
    bool has_authorization = transmission.authorization_kind != SMP_AUTHORIZATION_NONE;
    if (smp_command_check_credentials(&command, has_authorization, transmission.entity_id.length > 0, &error) != SMQ_OK)
        return refuse(slot, error);
    if (slot->forwarded != NULL && !smp_command_info(command.tag)->forwardable)
        return refuse(slot, smp_error_command(SMP_COMMAND_PROHIBITED));
    if (store_reader_begin(lane->reader, &execution.txn) != SMQ_OK) {
        slot_answer_result(slot, SMQ_ERR_STORE);
        slot_done(slot);
        return PROGRESS_NEXT;
    }
    enum progress progress = authorise_and_execute(lane, slot, &execution, &transmission, &record);
    store_reader_end(lane->reader);
    return progress;
}

static enum progress run_command(struct process_lane *lane, struct command_slot *slot) {
    enum progress progress = run_transmission(lane, slot);
    return progress == PROGRESS_AGAIN ? run_transmission(lane, slot) : progress;
}

/* A slot that is answered on this lane must not be the last hand on the batch: the lane's own hand is let go at the
 * end. */
static enum progress run_slot(struct process_lane *lane, struct command_slot *slot) {
    slot_handed_over(slot);
    enum progress progress = run_command(lane, slot);
    if (progress == PROGRESS_WAIT)
        atomic_fetch_sub_explicit(&slot->batch->working, 1, memory_order_relaxed);
    return progress;
}

static void run_batch(struct process_lane *lane, struct command_batch *batch) {
    batch->waiting = false;
    while (batch->next < batch->count) {
        if (run_slot(lane, &batch->slots[batch->next]) == PROGRESS_WAIT) {
            batch->waiting = true;
            break;
        }
        batch->next++;
    }
    command_batch_let_go(batch);
}

/* A single command that has to be verified again. An earlier one of its queue may have to be as well: then that goes
 * first, and this one comes round once more. */
static void run_again(struct process_lane *lane, struct command_slot *slot) {
    slot_own(slot, NULL, NULL);
    if (run_command(lane, slot) == PROGRESS_WAIT)
        process_lane_retry(lane, slot);
}

static struct command_batch *batch_of(struct message *message) {
    return (struct command_batch *)(void *)((char *)message - offsetof(struct command_batch, outgoing.message));
}

static struct block *block_of(struct message *message) {
    return (struct block *)(void *)((char *)message - offsetof(struct block, message));
}

static struct command_slot *slot_of(struct message *message) {
    return (struct command_slot *)(void *)((char *)message - offsetof(struct command_slot, request.message));
}

/* Gives back what the lane was to do, when the router does not wait for it any more. Whether it did. */
static bool give_back(const struct process_lane *lane, struct message *message) {
    struct command_batch *batch;
    if (!atomic_load_explicit(&lane->router->is_drained, memory_order_relaxed))
        return false;
    switch ((enum process_message)message->kind) {
    case PROCESS_BLOCK:
        command_batch_refuse(block_of(message));
        return true;
    case PROCESS_BATCH:
    case PROCESS_RESUME:
        batch = batch_of(message);
        command_batch_finish(&batch);
        return true;
    case PROCESS_RETRY:
        slot_answer_error(slot_of(message), smp_error_of(SMP_ERROR_INTERNAL));
        slot_done(slot_of(message));
        return true;
    case PROCESS_SERVICE_HELLO:
    case PROCESS_PROXY_ROOM:
        break;
    }
    return false;
}

static void process_receive(void *state, struct message *message) {
    struct process_lane *lane = state;
    struct command_batch *batch;
    if (give_back(lane, message))
        return;
    switch ((enum process_message)message->kind) {
    case PROCESS_BLOCK:
        batch = command_batch_create(block_of(message));
        if (batch != NULL)
            run_batch(lane, batch);
        break;
    case PROCESS_BATCH:
        run_batch(lane, batch_of(message));
        break;
    case PROCESS_RESUME:
        batch = batch_of(message);
        atomic_store_explicit(&batch->working, 1, memory_order_relaxed);
        run_batch(lane, batch);
        break;
    case PROCESS_RETRY:
        run_again(lane, slot_of(message));
        break;
    case PROCESS_SERVICE_HELLO:
        service_hello_receive(lane->reader, block_of(message));
        break;
    case PROCESS_PROXY_ROOM:
        proxied_room(message);
        break;
    }
}

static const struct actor_ops process_ops = {.role = "process", .receive = process_receive};

enum smq_result process_lane_create(struct smp_router *router, unsigned index, struct process_lane **out) {
    struct process_lane *lane = memory_zalloc(sizeof *lane);
    if (lane == NULL)
        return SMQ_ERR_NO_MEMORY;
    lane->router = router;
    lane->index = index;
    enum smq_result result = store_reader_create(router->store, &lane->reader);
    if (result == SMQ_OK)
        result = actor_create(&process_ops, lane, (int)index, &lane->actor);
    if (result != SMQ_OK) {
        process_lane_destroy(&lane);
        return result;
    }
    *out = lane;
    return supervisor_start_actor(router->supervisor, lane->actor);
}

void process_lane_destroy(struct process_lane **lane) {
    if (*lane == NULL)
        return;
    store_reader_destroy(&(*lane)->reader);
    memory_free(*lane);
    *lane = NULL;
}

void process_lane_block(struct process_lane *lane, struct block *block) {
    block->message.kind = PROCESS_BLOCK;
    if (actor_send(lane->actor, &block->message) != SMQ_OK)
        command_batch_refuse(block);
}

void process_lane_batch(struct process_lane *lane, struct command_batch *batch) {
    batch->outgoing.message.kind = PROCESS_BATCH;
    if (actor_send(lane->actor, &batch->outgoing.message) != SMQ_OK)
        command_batch_finish(&batch);
}

void process_lane_resume(struct process_lane *lane, struct command_batch *batch) {
    batch->outgoing.message.kind = PROCESS_RESUME;
    if (actor_send(lane->actor, &batch->outgoing.message) != SMQ_OK)
        command_batch_finish(&batch);
}

void process_lane_retry(struct process_lane *lane, struct command_slot *slot) {
    slot->request.message.kind = PROCESS_RETRY;
    if (actor_send(lane->actor, &slot->request.message) == SMQ_OK)
        return;
    slot_answer_error(slot, smp_error_of(SMP_ERROR_INTERNAL));
    slot_done(slot);
}

void process_lane_proxy_room(struct process_lane *lane, struct client_session *session) {
    session->proxied.room.kind = PROCESS_PROXY_ROOM;
    if (actor_send(lane->actor, &session->proxied.room) != SMQ_OK)
        connection_release(session->connection);
}

enum smq_result process_lane_service_hello(struct process_lane *lane, struct block *block) {
    block->message.kind = PROCESS_SERVICE_HELLO;
    connection_reference(block->connection);
    enum smq_result result = actor_send(lane->actor, &block->message);
    if (result == SMQ_OK)
        return SMQ_OK;
    connection_release(block->connection);
    block_release(block);
    return result;
}
