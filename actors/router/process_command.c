/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One command on the process lane: looked up, verified and handed on. What must not overtake an earlier command of its
 * session is put aside until that is done: command_order.h. */
#include "actors/router/commands.h"

enum {
    COMMAND_COST_US = 5, /* parsing, look-up, handing on */
    WRAPPINGS_MAX = 1    /* commands that a command may be inside of */
};

/* What a command came to on this lane. PROGRESS_AGAIN: the slot now holds the command that was inside. */
enum progress { PROGRESS_NEXT, PROGRESS_AGAIN };

static enum progress refuse(struct slot *slot, enum smq_result reason) {
    slot_refuse(slot, reason);
    return PROGRESS_NEXT;
}

/* Looks the record up, in a snapshot that has everything that was done before. Whether the command may go on. */
static bool take_place(struct process_lane *lane, struct slot *slot, const struct command_row *row,
                       struct order_wish *wish) {
    enum order_verdict verdict;
    do {
        *wish = (struct order_wish){.route = row->route};
        lane->router->kind->commands->look_up(lane, slot, wish);
        verdict = command_order_ask(slot->batch->session, slot, wish, &lane->parked);
    } while (verdict == ORDER_LOOK_AGAIN);
    if (verdict == ORDER_FAILED)
        (void)refuse(slot, SMQ_ERR_INTERNAL);
    return verdict == ORDER_GO;
}

/* What earlier answers need is copied before the command may take it away, as far as they are of its batch; those of
 * other batches are waited for. Whether the command may go on. */
static bool spare_answers(struct process_lane *lane, struct slot *slot, uint64_t record) {
    const struct router_commands *commands = lane->router->kind->commands;
    struct session *session = slot->batch->session;
    if (commands->spare_answers == NULL || !command_order_has_unread(session, record))
        return true;
    if (!commands->spare_answers(lane, slot) || !command_order_has_unread(session, record))
        return true;
    command_order_await_answers(session, slot, record, &lane->parked);
    return false;
}

static enum progress run(struct process_lane *lane, struct slot *slot, unsigned wrappings) {
    const struct router_commands *commands = lane->router->kind->commands;
    const struct command_row *row = commands->parse(lane, slot);
    struct order_wish wish;
    if (row == NULL || !take_place(lane, slot, row, &wish) || !commands->authorise(lane, slot) ||
        !spare_answers(lane, slot, wish.record))
        return PROGRESS_NEXT;
    lane->cost_us += row->cost_us;
    if (row->wraps && wrappings == WRAPPINGS_MAX)
        return refuse(slot, SMQ_ERR_INTERNAL);
    if (row->wraps)
        return commands->unwrap(lane, slot) ? PROGRESS_AGAIN : PROGRESS_NEXT;
    if (command_order_claim(slot->batch->session, slot, &wish) != SMQ_OK)
        return refuse(slot, SMQ_ERR_INTERNAL);
    commands->execute(lane, slot);
    return PROGRESS_NEXT;
}

void process_command_run(struct process_lane *lane, struct slot *slot) {
    unsigned wrappings = 0;
    lane->cost_us = COMMAND_COST_US;
    while (run(lane, slot, wrappings) == PROGRESS_AGAIN)
        wrappings++;
}
