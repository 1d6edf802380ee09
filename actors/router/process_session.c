/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The sessions of a process lane: those with something to do are served round robin, by what it costs; each one's
 * commands are gone through in order, and the next one follows without waiting. */
#include "actors/router/command_batch.h"
#include "actors/router/process_lane.h"
#include "queues/base/clock.h"
#include "queues/base/owner.h"
#include "queues/base/postpone.h"

enum {
    TURN_MAX_US = 5000, /* then the lane looks what has come */
    OWED_MAX_US = 300,  /* for so long others may be kept waiting for their wakes, once a session was served */
};

static bool next_batch(struct session *session) {
    struct session_work *work = &session->work;
    while (work->batch == NULL && work->first != NULL) {
        struct block *block = work->first;
        work->first = block->next;
        work->batch = command_batch_of_block(block);
    }
    if (work->batch == NULL && work->made != NULL) {
        work->batch = work->made;
        work->made = work->batch->next_made;
    }
    return work->batch != NULL;
}

static void end_batch(struct session_work *work) {
    struct command_batch *batch = work->batch;
    work->batch = NULL;
    command_batch_let_go(batch);
}

/* One command of the session; false: it has none. */
static bool run_next(struct process_lane *lane, struct session *session) {
    struct session_work *work = &session->work;
    struct slot *slot = command_order_take(session);
    if (slot != NULL) {
        slot_own(slot, NULL, NULL);
        process_command_run(lane, slot);
        command_order_taken(session);
        return true;
    }
    if (command_order_is_fenced(&session->order)) {
        slot = command_order_pass_fence(&session->order, &lane->parked);
        if (slot == NULL)
            return false;
        process_command_run(lane, slot);
        return true;
    }
    if (!next_batch(session))
        return false;
    if (work->batch->next < work->batch->count) {
        slot = batch_slot(work->batch, work->batch->next++);
        slot_handed_over(slot);
        process_command_run(lane, slot);
    }
    if (work->batch->next == work->batch->count)
        end_batch(work);
    return true;
}

bool process_session_has_work(const struct session *session) {
    const struct session_work *work = &session->work;
    bool has_begun = work->batch != NULL || work->first != NULL || work->made != NULL;
    return command_order_is_ready(&session->order) || (has_begun && !command_order_is_fenced(&session->order));
}

/* Serves the session until its quantum is used up; a block may be left in the middle. The session may go with its last
 * command, but for the reference. */
static void serve(struct process_lane *lane, struct session *session) {
    connection_reference(session->connection);
    while (run_next(lane, session) && fair_member_pay(&session->work.member, lane->cost_us))
        continue;
    if (process_session_has_work(session))
        fair_queue_put_back(&lane->sessions, &session->work.member);
    connection_release(session->connection);
}

static void give_up(struct slot *slot) {
    slot_refuse(slot, SMQ_ERR_INTERNAL);
}

/* Gives back what the session was to do. */
static void abandon(struct session *session) {
    struct session_work *work = &session->work;
    struct slot *slot;
    connection_reference(session->connection);
    while ((slot = command_order_take(session)) != NULL) {
        give_up(slot);
        command_order_taken(session);
    }
    slot = session->order.fence;
    session->order.fence = NULL;
    if (slot != NULL)
        give_up(slot);
    while (work->batch != NULL || work->first != NULL || work->made != NULL) {
        if (work->batch == NULL && work->first != NULL) {
            struct block *block = work->first;
            work->first = block->next;
            command_batch_refuse(block);
            continue;
        }
        if (work->batch == NULL)
            (void)next_batch(session);
        while (work->batch->next < work->batch->count) {
            slot = batch_slot(work->batch, work->batch->next++);
            slot_handed_over(slot);
            give_up(slot);
        }
        end_batch(work);
    }
    connection_release(session->connection);
}

static struct session *session_of(struct fair_member *member) {
    return owner_of(member, struct session, work.member);
}

void process_sessions_serve(struct process_lane *lane) {
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

static void drop_parked(struct process_lane *lane) {
    struct ring *first;
    while ((first = ring_first(&lane->parked)) != NULL) {
        struct order_entry *entry = owner_of(first, struct order_entry, parked);
        struct connection *connection = connection_reference(entry->session->connection);
        struct slot *slot;
        ring_remove(first);
        while ((slot = command_order_drop(entry)) != NULL)
            give_up(slot);
        connection_release(connection);
    }
}

void process_sessions_abandon(struct process_lane *lane) {
    struct fair_member *member;
    while ((member = fair_queue_take(&lane->sessions)) != NULL)
        abandon(session_of(member));
    drop_parked(lane);
}
