/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One command on the process lane: looked up, verified and handed on. What must not overtake an earlier command of its
 * session is put aside until that is done: command_order.h. */
#include "actors/router/command_batch.h"
#include "actors/router/process_lane.h"
#include "actors/router/session_credit.h"
#include "actors/router/verify.h"
#include "actors/smp/execute.h"
#include "actors/smp/metrics.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"

enum { COMMAND_COST_US = 5 }; /* parsing, look-up, handing on */

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
    counters_add(slot->batch->session->router->counters, COUNT_P_MSG_FWDS_RECV, 1);
    session_trust_proxy(slot->batch->session);
    return PROGRESS_AGAIN;
}

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
static void wish_of(const struct process_lane *lane, const struct execution *execution, struct slice entity_id,
                    struct order_wish *wish) {
    const struct smp_command *command = execution->command;
    const struct queue_record *record = &lane->lookup.record;
    const uint8_t *hash_key = lane->router->hash_key;
    *wish = (struct order_wish){.route = execution_row(command->tag)->route,
                                .others = {lane->lookup.others[0], lane->lookup.others[1]}};
    wish_ids(wish, command, execution->session, hash_key);
    if (lane->lookup.result == SMQ_OK) {
        wish->queue = record->number;
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

/* Looks the queue up, in a snapshot that has everything that was done before. Whether the command may go on. */
static bool take_place(struct process_lane *lane, struct command_slot *slot, const struct execution *execution,
                       struct slice entity_id, struct order_wish *wish) {
    enum order_verdict verdict;
    do {
        queue_lookup_run(&lane->lookup, lane->reader, execution->command, entity_id);
        if (FAULT(command_stale))
            lane->lookup.record.auth_version--; /* as if the record had changed since */
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
    const struct queue_record *record = &lane->lookup.record;
    struct client_session *session = slot->batch->session;
    struct store_txn *txn;
    if (route == ROUTE_AT_ONCE || route == ROUTE_SUBSCRIPTION || route == ROUTE_NOTIFIER ||
        !command_order_has_unread(session, slot->queue.number))
        return true;
    if (store_reader_begin(lane->reader, &txn) == SMQ_OK) {
        kept_answers_copy(slot, slot->queue.number, txn);
        store_reader_end(lane->reader);
    }
    bool takes_nothing = route == ROUTE_STORE && record->link_id.length == 0; /* the first SEND may remove link data */
    if (takes_nothing || !command_order_has_unread(session, slot->queue.number))
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
    if (slot == &slot->batch->slots[0] && slot->batch->count > 1)
        smp_count_batch(lane->router, slot->tag);
    bool has_authorization = transmission.authorization_kind != SMP_AUTHORIZATION_NONE;
    if (smp_command_check_credentials(&command, has_authorization, transmission.entity_id.length > 0, &error) != SMQ_OK)
        return refuse(slot, error);
    if (slot->forwarded != NULL && !smp_command_info(command.tag)->forwardable)
        return refuse(slot, smp_error_command(SMP_COMMAND_PROHIBITED));
    return authorise_and_execute(lane, slot, &execution, &transmission);
}

void process_command_run(struct process_lane *lane, struct command_slot *slot) {
    lane->cost_us = COMMAND_COST_US;
    if (run_transmission(lane, slot) == PROGRESS_AGAIN)
        (void)run_transmission(lane, slot);
}
