/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The process lane. Sessions with something to do are served round robin, by what it costs; each one's commands are
 * gone through in order: looked up, verified and handed on, and the next one follows without waiting. What must not
 * overtake an earlier command of its session is put aside until that is done: command_order.h. */
#include "actors/smp/process.h"

#include "actors/smp/command_batch.h"
#include "actors/smp/execute.h"
#include "actors/smp/queue_lookup.h"
#include "actors/smp/service_hello.h"
#include "actors/smp/verify.h"
#include "actors/smp/writer.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

enum {
    COMMAND_COST_US = 5, /* parsing, look-up, handing on */
    TURN_MAX_US = 5000,  /* then the lane looks what has come */
    OWED_MAX_US = 300,   /* for so long others may be kept waiting for their wakes, once a session was served */
};

struct process_lane {
    struct smp_router *router;
    struct actor *actor;
    struct store_reader *reader;
    unsigned index;
    struct fair_queue sessions;          /* client_session.member: those with something to do */
    struct ring parked;                  /* order_entry.parked: commands wait there for what is under way */
    struct wheel_timer turn;             /* another turn follows at once */
    uint32_t cost_us;                    /* of the present command */
    struct queue_lookup lookup;          /* of the present command */
    uint8_t scratch[SMP_AUTHORIZED_MAX]; /* bytes to be signed, in one piece */
};

/* What a command came to on this lane. PROGRESS_AGAIN: the slot now holds the command that was inside. */
enum progress { PROGRESS_NEXT, PROGRESS_AGAIN };

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
    client_session_trust_proxy(slot->batch->session);
    return PROGRESS_AGAIN;
}

/* What the command must not overtake, and what later ones must not overtake it in. */
static void wish_of(const struct process_lane *lane, const struct execution *execution, struct slice entity_id,
                    struct order_wish *wish) {
    const struct smp_command *command = execution->command;
    const struct client_session *session = execution->session;
    const uint8_t *hash_key = lane->router->hash_key;
    *wish = (struct order_wish){.route = execution_row(command->tag)->route};
    if (lane->lookup.result == SMQ_OK) {
        wish->keys[0] = wish->claims[0] = lane->lookup.record.number;
        wish->auth_version = lane->lookup.record.auth_version;
    }
    wish->keys[2] = lane->lookup.others[0];
    wish->keys[3] = lane->lookup.others[1];
    if (command->tag == SMP_NEW && command->create.has_link) {
        wish->keys[0] = wish->claims[0] = order_id_key(hash_key, SMP_PARTY_SENDER, command->create.sender_id);
        if (command->create.mode == SMP_MODE_CONTACT)
            wish->keys[1] = wish->claims[1] = order_id_key(hash_key, SMP_PARTY_SENDER_LINK, command->create.link_id);
    } else if (command->tag == SMP_LSET) {
        wish->keys[1] = wish->claims[1] = order_id_key(hash_key, SMP_PARTY_SENDER_LINK, command->link_set.link_id);
    } else if (command->tag == SMP_NSUB && session->service.present) {
        wish->keys[1] = wish->claims[1] =
            order_id_key(hash_key, SMP_PARTY_NOTIFIER_SERVICE, slice_of(session->service.id, SMP_ENTITY_ID_SIZE));
    } else if (entity_id.length > 0 && session->order.id_count > 0) {
        wish->keys[1] = order_id_key(hash_key, smp_command_info(command->tag)->party, entity_id);
    }
}

/* Looks the queue up, in a snapshot that has everything that was done before. Whether the command may go on. */
static bool take_place(struct process_lane *lane, struct command_slot *slot, const struct execution *execution,
                       struct slice entity_id, struct order_wish *wish) {
    enum order_verdict verdict;
    do {
        queue_lookup_run(&lane->lookup, lane->reader, execution->command, entity_id);
        wish_of(lane, execution, entity_id, wish);
        verdict = command_order_ask(execution->session, slot, wish, &lane->parked);
    } while (verdict == ORDER_LOOK_AGAIN);
    if (verdict == ORDER_FAILED)
        (void)refuse(slot, smp_error_of(SMP_ERROR_INTERNAL));
    return verdict == ORDER_GO;
}

/* What earlier answers need is copied before the command may take it away, as far as they are of its block; those of
 * other blocks are waited for. Whether the command may go on. */
static bool spare_answers(struct process_lane *lane, struct command_slot *slot, enum execution_route route) {
    struct client_session *session = slot->batch->session;
    struct store_txn *txn;
    if (route == ROUTE_AT_ONCE || route == ROUTE_SUBSCRIPTION || route == ROUTE_NOTIFIER ||
        !command_order_has_unread(session, slot->queue.number))
        return true;
    if (store_reader_begin(lane->reader, &txn) == SMQ_OK) {
        kept_answers_copy(slot, slot->queue.number, txn);
        store_reader_end(lane->reader);
    }
    if (route == ROUTE_STORE || !command_order_has_unread(session, slot->queue.number))
        return true;
    command_order_await_answers(session, slot, slot->queue.number, &lane->parked);
    return false;
}

/* The checks that the answer AUTH stands for; true: passed. */
static bool is_authorised(struct process_lane *lane, struct command_slot *slot, const struct execution *execution,
                          const struct smp_transmission *transmission) {
    struct verification verification;
    struct smp_error error =
        smp_error_of(smp_command_info(slot->tag)->key == SMP_KEY_SERVICE ? SMP_ERROR_SERVICE : SMP_ERROR_AUTH);
    verification_prepare(&verification, slot, transmission, execution->command, lane->scratch, &lane->cost_us);
    if (lane->lookup.result != SMQ_OK && lane->lookup.result != SMQ_ERR_EMPTY) {
        verify_nothing(&verification);
        slot_answer_result(slot, lane->lookup.result);
        slot_done(slot);
        return false;
    }
    if (verify_service(&verification, &error)) {
        if (verify_command(&verification, execution->record))
            return true;
        error = smp_error_of(smp_command_info(slot->tag)->key == SMP_KEY_SERVICE ? SMP_ERROR_SERVICE : SMP_ERROR_AUTH);
    }
    (void)refuse(slot, error);
    return false;
}

static enum progress authorise_and_execute(struct process_lane *lane, struct command_slot *slot,
                                           struct execution *execution, const struct smp_transmission *transmission) {
    const struct execution_row *row = execution_row(slot->tag);
    struct order_wish wish;
    if (!take_place(lane, slot, execution, transmission->entity_id, &wish))
        return PROGRESS_NEXT;
    const struct queue_record *record = lane->lookup.result == SMQ_OK ? &lane->lookup.record : NULL;
    execution->record = record;
    if (record != NULL)
        slot->queue = (struct queue_reference){record->number, record->auth_version};
    if (!is_authorised(lane, slot, execution, transmission))
        return PROGRESS_NEXT;
    if (record != NULL) {
        if (row->refused_when_blocked && record->status == QUEUE_BLOCKED)
            return refuse(slot, blocked_error(record));
        slot->touch = row->touches_queue && record->updated_day != (uint32_t)(execution->now_s / 86400);
        if (!spare_answers(lane, slot, row->route))
            return PROGRESS_NEXT;
    }
    lane->cost_us += row->cost_us;
    if (slot->tag == SMP_RFWD)
        return unwrap(slot, execution->command);
    if (command_order_claim(execution->session, slot, &wish) != SMQ_OK)
        return refuse(slot, smp_error_of(SMP_ERROR_INTERNAL));
    row->execute(execution);
    return PROGRESS_NEXT;
}

static enum progress run_transmission(struct process_lane *lane, struct command_slot *slot) {
    struct client_session *session = slot->batch->session;
    struct smp_envelope envelope = slot_envelope(slot);
    struct smp_transmission transmission;
    struct smp_command command;
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
    return authorise_and_execute(lane, slot, &execution, &transmission);
}

/* The slot is counted in its batch's hands, and stays so while it is put aside. */
static void run_slot(struct process_lane *lane, struct command_slot *slot) {
    lane->cost_us = COMMAND_COST_US;
    if (run_transmission(lane, slot) == PROGRESS_AGAIN)
        (void)run_transmission(lane, slot);
}

/* ---- sessions */

static bool next_batch(struct client_session *session) {
    struct session_work *work = &session->work;
    while (work->batch == NULL && work->first != NULL) {
        struct block *block = work->first;
        work->first = block->next;
        work->batch = command_batch_create(block);
    }
    return work->batch != NULL;
}

static void end_batch(struct session_work *work) {
    struct command_batch *batch = work->batch;
    work->batch = NULL;
    command_batch_let_go(batch);
}

/* One command of the session; false: it has none. */
static bool run_next(struct process_lane *lane, struct client_session *session) {
    struct session_work *work = &session->work;
    struct command_slot *slot = command_order_take(session);
    if (slot != NULL) {
        slot_own(slot, NULL, NULL);
        run_slot(lane, slot);
        command_order_taken(session);
        return true;
    }
    if (!next_batch(session))
        return false;
    if (work->batch->next < work->batch->count) {
        slot = &work->batch->slots[work->batch->next++];
        slot_handed_over(slot);
        run_slot(lane, slot);
    }
    if (work->batch->next == work->batch->count)
        end_batch(work);
    return true;
}

static bool has_work(const struct client_session *session) {
    return session->work.batch != NULL || session->work.first != NULL || !ring_is_empty(&session->order.ready);
}

/* Serves the session until its quantum is used up; a block may be left in the middle. The session may go with its last
 * command, but for the reference. */
static void serve(struct process_lane *lane, struct client_session *session) {
    connection_reference(session->connection);
    while (run_next(lane, session) && fair_member_pay(&session->work.member, lane->cost_us))
        continue;
    if (has_work(session))
        fair_queue_put_back(&lane->sessions, &session->work.member);
    connection_release(session->connection);
}

static void give_up(struct command_slot *slot) {
    slot_answer_error(slot, smp_error_of(SMP_ERROR_INTERNAL));
    slot_done(slot);
}

/* Gives back what the session was to do. */
static void abandon(struct client_session *session) {
    struct session_work *work = &session->work;
    struct command_slot *slot;
    connection_reference(session->connection);
    while ((slot = command_order_take(session)) != NULL) {
        give_up(slot);
        command_order_taken(session);
    }
    while (work->batch != NULL || work->first != NULL) {
        struct block *block = work->first;
        if (work->batch == NULL) {
            work->first = block->next;
            command_batch_refuse(block);
            continue;
        }
        for (; work->batch->next < work->batch->count; work->batch->next++) {
            slot_handed_over(&work->batch->slots[work->batch->next]);
            give_up(&work->batch->slots[work->batch->next]);
        }
        end_batch(work);
    }
    connection_release(session->connection);
}

static struct client_session *session_of(struct fair_member *member) {
    return caa_container_of(member, struct client_session, work.member);
}

static void process_batch_end(void *state) {
    struct process_lane *lane = state;
    bool is_drained = atomic_load_explicit(&lane->router->is_drained, memory_order_relaxed);
    uint64_t began_us = clock_monotonic_us();
    uint64_t settled_us = began_us;
    uint64_t now_us = began_us;
    struct fair_member *member;
    while (now_us - began_us < TURN_MAX_US && (member = fair_queue_take(&lane->sessions)) != NULL) {
        if (is_drained)
            abandon(session_of(member));
        else
            serve(lane, session_of(member));
        now_us = clock_monotonic_us();
        if (now_us - settled_us > OWED_MAX_US) {
            postponed_run();
            settled_us = now_us;
        }
    }
    if (!fair_queue_is_empty(&lane->sessions))
        wheel_add(actor_wheel(lane->actor), &lane->turn, 0);
}

static void next_turn(struct wheel_timer *timer) {
    (void)timer;
}

static void drop_parked(struct process_lane *lane) {
    struct ring *first;
    while ((first = ring_first(&lane->parked)) != NULL) {
        struct order_entry *entry = caa_container_of(first, struct order_entry, parked);
        struct connection *connection = connection_reference(entry->session->connection);
        struct command_slot *slot;
        ring_remove(first);
        while ((slot = command_order_drop(entry)) != NULL)
            give_up(slot);
        connection_release(connection);
    }
}

static enum smq_result process_start(void *state) {
    struct process_lane *lane = state;
    lane->turn.fire = next_turn;
    return SMQ_OK;
}

static void process_stop(void *state) {
    struct process_lane *lane = state;
    struct fair_member *member;
    wheel_cancel(actor_wheel(lane->actor), &lane->turn);
    while ((member = fair_queue_take(&lane->sessions)) != NULL)
        abandon(session_of(member));
    drop_parked(lane);
}

/* ---- messages */

static void admit_block(struct process_lane *lane, struct block *block) {
    struct client_session *session = connection_state(block->connection);
    struct session_work *work = &session->work;
    block->next = NULL;
    if (work->first == NULL)
        work->first = block;
    else
        work->last->next = block;
    work->last = block;
    fair_queue_add(&lane->sessions, &work->member);
}

static void free_entry(struct process_lane *lane, struct order_entry *entry) {
    struct client_session *session = entry->session;
    command_order_freed(entry);
    if (has_work(session))
        fair_queue_add(&lane->sessions, &session->work.member);
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

static void process_receive(void *state, struct message *message) {
    struct process_lane *lane = state;
    switch ((enum process_message)message->kind) {
    case PROCESS_BLOCK:
        admit_block(lane, block_of(message));
        break;
    case PROCESS_BATCH:
        command_batch_let_go(batch_of(message));
        break;
    case PROCESS_ORDER:
        free_entry(lane, (struct order_entry *)(void *)message);
        break;
    case PROCESS_RETRY:
        command_order_refused(slot_of(message), &lane->parked);
        break;
    case PROCESS_SERVICE_HELLO:
        service_hello_receive(lane->reader, block_of(message));
        break;
    case PROCESS_PROXY_ROOM:
        proxied_room(message);
        break;
    }
}

static const struct actor_ops process_ops = {.role = "process",
                                             .start = process_start,
                                             .receive = process_receive,
                                             .batch_end = process_batch_end,
                                             .stop = process_stop};

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
    queue_lookup_finish(&(*lane)->lookup);
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

void process_lane_freed(struct process_lane *lane, struct order_entry *entry) {
    entry->message.kind = PROCESS_ORDER;
    (void)actor_send(lane->actor, &entry->message); /* a lane that has stopped has nothing waiting there */
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
