/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The process lane: its life, and the messages it gets. Its sessions are served by process_session.c, their commands by
 * process_command.c. */
#include "actors/router/commands.h"
#include "actors/router/post.h"
#include "actors/router/process_lane.h"
#include "queues/base/memory.h"
#include "queues/base/owner.h"

static void next_turn(struct wheel_timer *timer) {
    (void)timer;
}

static void process_batch_end(void *state) {
    process_sessions_serve(state);
}

static enum smq_result process_start(void *state) {
    struct process_lane *lane = state;
    lane->turn.fire = next_turn;
    return SMQ_OK;
}

static void process_stop(void *state) {
    struct process_lane *lane = state;
    wheel_cancel(actor_wheel(lane->actor), &lane->turn);
    process_sessions_abandon(lane);
}

/* ---- messages */

static void admit_block(struct process_lane *lane, struct block *block) {
    struct session *session = connection_state(block->connection);
    struct session_work *work = &session->work;
    block->next = NULL;
    if (work->first == NULL)
        work->first = block;
    else
        work->last->next = block;
    work->last = block;
    fair_queue_add(&lane->sessions, &work->member);
}

static void admit_batch(struct process_lane *lane, struct command_batch *batch) {
    struct session_work *work = &batch->session->work;
    if (batch->next == batch->count) {
        command_batch_let_go(batch);
        return;
    }
    if (work->made == NULL)
        work->made = batch;
    else
        work->last_made->next_made = batch;
    work->last_made = batch;
    fair_queue_add(&lane->sessions, &work->member);
}

static void free_entry(struct process_lane *lane, struct order_entry *entry) {
    struct session *session = entry->session;
    command_order_freed(entry);
    if (process_session_has_work(session))
        fair_queue_add(&lane->sessions, &session->work.member);
}

static void process_receive(void *state, struct message *message) {
    struct process_lane *lane = state;
    switch (message->kind) {
    case PROCESS_BLOCK:
        admit_block(lane, owner_of(message, struct block, message));
        break;
    case PROCESS_BATCH:
        admit_batch(lane, owner_of(message, struct command_batch, outgoing.message));
        break;
    case PROCESS_ORDER:
        free_entry(lane, owner_of(message, struct order_entry, message));
        break;
    case PROCESS_RETRY:
        command_order_refused(owner_of(message, struct slot, request.message), &lane->parked);
        break;
    default:
        lane->router->kind->commands->receive(lane, message);
        break;
    }
}

static const struct actor_ops process_ops = {
    .role = "process",
    .start = process_start,
    .receive = process_receive,
    .batch_end = process_batch_end,
    .stop = process_stop,
};

enum smq_result process_lane_create(struct router *router, unsigned index, struct process_lane **out) {
    struct process_lane *lane = memory_zalloc(router->kind->commands->lane_size);
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
    router->addresses.process[index] = lane->actor;
    return supervisor_start_actor(router->supervisor, lane->actor);
}

void process_lane_destroy(struct process_lane **lane) {
    if (*lane == NULL)
        return;
    const struct router_commands *commands = (*lane)->router->kind->commands;
    if (commands->lane_finish != NULL)
        commands->lane_finish(*lane);
    store_reader_destroy(&(*lane)->reader);
    memory_free(*lane);
    *lane = NULL;
}
