/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An SMP command on a process lane: parsed, looked up, verified and carried out, as the kernel asks for it. */
#include "actors/smp/process.h"

#include "actors/smp/command_times.h"
#include "actors/smp/metrics.h"
#include "actors/smp/post.h"
#include "actors/smp/service_hello.h"
#include "actors/smp/verify.h"
#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "transport/block/batch.h"

static struct smp_lane *lane_of(struct process_lane *lane) {
    return owner_of(lane, struct smp_lane, base);
}

static struct command_slot *slot_of(struct slot *slot) {
    return owner_of(slot, struct command_slot, base);
}

/* ---- blocks */

static uint16_t open_content(const struct block *block, struct block_content *content) {
    CHECK(block_content_open(block->content, content) == SMQ_OK); /* was opened when it was admitted */
    return content->count;
}

static uint16_t count(const struct block *block) {
    struct block_content content;
    return open_content(block, &content);
}

static void take_apart(const struct block *block, struct command_batch *batch) {
    struct block_content content;
    (void)open_content(block, &content);
    for (uint16_t i = 0; i < batch->count; i++)
        block_content_next(&content, &batch_slot(batch, i)->bytes);
}

/* ---- parsing */

static const struct command_row *refuse(struct command_slot *slot, struct smp_error error) {
    slot_fail(slot, error);
    return NULL;
}

static const struct command_row *parse(struct process_lane *base, struct slot *base_slot) {
    struct smp_lane *lane = lane_of(base);
    struct command_slot *slot = slot_of(base_slot);
    struct transmission *transmission = &lane->transmission;
    struct smp_command *command = &lane->command;
    struct transmission_form form = slot_form(slot);
    struct smp_error error;
    lane->execution = (struct execution){.router = slot_router(slot),
                                         .session = slot_session(slot),
                                         .slot = slot,
                                         .command = command,
                                         .now_s = clock_realtime_s()};
    enum smq_result parsed = smp_transmission_parse(&form, slot->bytes, transmission, &error);
    struct slice entity_id = parsed == SMQ_OK ? transmission->entity_id : slice_of(NULL, 0);
    if (slot_set_ids(base_slot, transmission->correlation_id, entity_id) != SMQ_OK)
        return refuse(slot, smp_error_of(SMP_ERROR_INTERNAL));
    if (parsed != SMQ_OK)
        return refuse(slot, error);
    if (smp_command_parse(form.version, transmission->command, command, &error) != SMQ_OK)
        return refuse(slot, error);
    slot->tag = command->tag;
    if (base_slot == batch_slot(slot->batch, 0) && slot->batch->count > 1)
        smp_count_batch(slot_router(slot), slot->tag);
    bool has_authorization = transmission->authorization_kind != AUTHORIZATION_NONE;
    if (smp_command_check_credentials(command, has_authorization, transmission->entity_id.length > 0, &error) != SMQ_OK)
        return refuse(slot, error);
    if (slot->forwarded != NULL && !smp_command_info(command->tag)->forwardable)
        return refuse(slot, smp_error_command(COMMAND_PROHIBITED));
    return &execution_row(command->tag)->base;
}

/* ---- look-up */

/* The ids that the command takes. NEW has no queue yet: what names its sender id waits for it. */
static void wish_ids(struct order_wish *wish, const struct smp_command *command, const struct client_session *session,
                     const uint8_t *hash_key) {
    if (command->tag == SMP_NEW && command->create.has_link) {
        wish->ids[0] = order_id_key(hash_key, SMP_PARTY_SENDER, command->create.sender_id);
        if (command->create.mode == SMP_MODE_CONTACT)
            wish->ids[1] = order_id_key(hash_key, SMP_PARTY_SENDER_LINK, command->create.link_id);
    } else if (command->tag == SMP_LSET) {
        wish->ids[1] = order_id_key(hash_key, SMP_PARTY_SENDER_LINK, command->link_set.link_id);
    } else if (command->tag == SMP_NSUB && session->service.present) {
        wish->ids[1] =
            order_id_key(hash_key, SMP_PARTY_NOTIFIER_SERVICE, slice_of(session->service.id, SMP_ENTITY_ID_SIZE));
    }
}

/* What the command must not overtake, and what later ones must not overtake it in. While ids are being taken that is
 * also what it names, and what its queue may be about to give up. */
static void fill_wish(const struct smp_lane *lane, struct order_wish *wish) {
    const struct execution *execution = &lane->execution;
    struct slice entity_id = lane->transmission.entity_id;
    const struct smp_command *command = execution->command;
    const struct queue_record *record = &lane->lookup.record;
    const uint8_t *hash_key = lane->router->hash_key;
    wish->others[0] = lane->lookup.others[0];
    wish->others[1] = lane->lookup.others[1];
    wish_ids(wish, command, execution->session, hash_key);
    if (lane->lookup.result == SMQ_OK) {
        wish->record = record->number;
        wish->auth_version = record->auth_version;
    }
    if (execution->session->order.id_count == 0)
        return;
    if (entity_id.length > 0)
        wish->others[2] = order_id_key(hash_key, smp_command_info(command->tag)->party, entity_id);
    if (lane->lookup.result == SMQ_OK) {
        wish->others[3] = order_id_key(hash_key, SMP_PARTY_SENDER, record->sender_id);
        if (record->link_id.length > 0)
            wish->others[4] = order_id_key(hash_key, SMP_PARTY_SENDER_LINK, record->link_id);
    }
}

static void look_up(struct process_lane *base, struct slot *slot, struct order_wish *wish) {
    struct smp_lane *lane = lane_of(base);
    (void)slot;
    queue_lookup_run(&lane->lookup, lane->reader, &lane->command, lane->transmission.entity_id);
    if (FAULT(command_stale))
        lane->lookup.record.auth_version--; /* as if the record had changed since */
    fill_wish(lane, wish);
}

/* ---- verification */

static struct smp_error error_of_failure(enum smp_command_tag tag) {
    return smp_error_of(smp_command_info(tag)->key == SMP_KEY_SERVICE ? SMP_ERROR_SERVICE : SMP_ERROR_AUTH);
}

/* The checks that the answer AUTH stands for; true: passed. */
static bool is_verified(struct smp_lane *lane, struct command_slot *slot) {
    struct smp_verification verification;
    struct smp_error error;
    verification_prepare(&verification, slot, &lane->transmission, &lane->command, lane->scratch, &lane->cost_us);
    if (lane->lookup.result != SMQ_OK && lane->lookup.result != SMQ_ERR_EMPTY) {
        verify_nothing(&verification.base);
        slot_answer_result(slot, lane->lookup.result);
        slot_done(&slot->base);
        return false;
    }
    if (verify_service(&verification, &error)) {
        if (verify_command(&verification, lane->execution.record))
            return true;
        error = error_of_failure(slot->tag);
    }
    slot_fail(slot, error);
    return false;
}

static bool authorise(struct process_lane *base, struct slot *base_slot) {
    struct smp_lane *lane = lane_of(base);
    struct command_slot *slot = slot_of(base_slot);
    const struct execution_row *row = execution_row(slot->tag);
    const struct queue_record *record = lane->lookup.result == SMQ_OK ? &lane->lookup.record : NULL;
    lane->execution.record = record;
    if (record != NULL)
        slot->queue = (struct queue_reference){record->number, record->auth_version};
    if (!is_verified(lane, slot))
        return false;
    if (record == NULL)
        return true;
    if (row->refused_when_blocked && record->status == QUEUE_BLOCKED) {
        slot_fail(slot, blocked_error(record));
        return false;
    }
    slot->touch = row->touches_queue && record->updated_day != (uint32_t)(lane->execution.now_s / 86400);
    return true;
}

/* Routes on which nothing is taken away; and the first SEND may remove link data. */
static bool spare_answers(struct process_lane *base, struct slot *base_slot) {
    struct smp_lane *lane = lane_of(base);
    struct command_slot *slot = slot_of(base_slot);
    struct store_txn *txn;
    uint16_t route = execution_row(slot->tag)->base.route;
    if (route == ROUTE_AT_ONCE || route == ROUTE_SUBSCRIPTION || route == ROUTE_NOTIFIER)
        return false;
    if (store_reader_begin(lane->reader, &txn) == SMQ_OK) {
        kept_answers_copy(slot, slot->queue.number, txn);
        store_reader_end(lane->reader);
    }
    return route != ROUTE_STORE || lane->lookup.record.link_id.length > 0;
}

/* ---- carrying out */

/* RFWD: what the proxy forwards takes its place. */
static bool unwrap(struct process_lane *base, struct slot *base_slot) {
    struct command_slot *slot = slot_of(base_slot);
    struct smp_error error;
    if (forwarded_open(slot, &lane_of(base)->command, &error) != SMQ_OK) {
        slot_fail(slot, error);
        return false;
    }
    counters_add(slot_router(slot)->counters, COUNT_P_MSG_FWDS_RECV, 1);
    client_session_trust_proxy(slot_session(slot));
    return true;
}

static void execute(struct process_lane *base, struct slot *slot) {
    (void)slot;
    const struct execution *execution = &lane_of(base)->execution;
    execution_row(execution->command->tag)->execute(execution);
}

static void refuse_for(struct slot *slot, enum smq_result reason) {
    slot_answer_result(slot_of(slot), reason);
}

static void answered(struct command_batch *batch) {
    const struct command_slot *first = slot_of(batch_slot(batch, 0));
    if (batch->since_us != 0)
        command_times_add(&slot_router(first)->command_times, first->tag, batch->since_us);
    command_batch_send(batch);
}

static void receive(struct process_lane *lane, struct message *message) {
    if (message->kind == PROCESS_SERVICE_HELLO)
        service_hello_receive(lane->reader, owner_of(message, struct block, message));
    else
        proxied_room(message);
}

static void lane_finish(struct process_lane *lane) {
    queue_lookup_finish(&lane_of(lane)->lookup);
}

const struct router_commands smp_commands = {
    .slot_size = sizeof(struct command_slot),
    .lane_size = sizeof(struct smp_lane),
    .count = count,
    .take_apart = take_apart,
    .parse = parse,
    .look_up = look_up,
    .authorise = authorise,
    .spare_answers = spare_answers,
    .unwrap = unwrap,
    .execute = execute,
    .refuse = refuse_for,
    .slot_finish = command_slot_finish,
    .answered = answered,
    .receive = receive,
    .lane_finish = lane_finish,
};
