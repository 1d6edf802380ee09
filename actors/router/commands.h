/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The commands of a router: what the kernel asks of it on a command's way. A process lane takes each command through
 * these in order, on one thread: parse, look_up (again, when the look may be older than what was done before),
 * authorise, spare_answers, then unwrap or execute. What is found out on the way is kept in the lane, which the router
 * extends, and in the slot, which it extends, too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/router/command_batch.h"
#include "actors/router/command_order.h"
#include "actors/router/process_lane.h"

/* What the kernel knows of a command; the router's table of commands holds one for each. */
struct command_row {
    uint16_t route;   /* see command_order.h */
    uint16_t cost_us; /* what the process lane does for it beside verification, about */
    bool wraps;       /* there is another command inside: see unwrap */
};

struct router_commands {
    size_t slot_size; /* of the struct that extends struct slot */
    size_t lane_size; /* of the struct that extends struct process_lane */

    /* A received block that was admitted: how many commands it has, and, in `batch` of as many slots, the bytes of each
     * (slot->bytes). Receive and process lane. */
    uint16_t (*count)(const struct block *block);
    void (*take_apart)(const struct block *block, struct command_batch *batch);

    /* Parses slot->bytes, and copies the ids that the answer carries (slot_set_ids). NULL: it is refused, answered and
     * done. */
    const struct command_row *(*parse)(struct process_lane *lane, struct slot *slot);
    /* Looks up the record that the command is verified against, in a snapshot (lane->reader) that is over when it
     * returns. `wish` has the row's route; gets the rest. */
    void (*look_up)(struct process_lane *lane, struct slot *slot, struct order_wish *wish);
    /* Verifies (verify.h). False: it is refused, answered and done. */
    bool (*authorise)(struct process_lane *lane, struct slot *slot);
    /* There are answers about the command's record that will be read from the store when they are sent. Copies, as far
     * as they are of the slot's own batch, what this command may take away from them; true: it may take something away
     * from others, too. NULL: no answer is ever read from the store. */
    bool (*spare_answers)(struct process_lane *lane, struct slot *slot);
    /* The command inside takes its place in the slot. False: it is refused, answered and done. NULL: no row wraps. */
    bool (*unwrap)(struct process_lane *lane, struct slot *slot);
    /* Answers the slot and calls slot_done, or hands it over. */
    void (*execute)(struct process_lane *lane, struct slot *slot);

    /* The slot's answer when it cannot be done for this reason; the slot is not done. Any thread. */
    void (*refuse)(struct slot *slot, enum smq_result reason);
    /* Frees what the router's part of a slot holds; the batch is finished. Any thread. May be NULL. */
    void (*slot_finish)(struct slot *slot);
    /* Every command of the batch is done. Sends the answers, or finishes the batch. NULL: command_batch_send. */
    void (*answered)(struct command_batch *batch);
    /* A message of the router's own to a process lane, of a kind from PROCESS_OWN on. May be NULL. */
    void (*receive)(struct process_lane *lane, struct message *message);
    /* The router's part of a lane, zeroed before. May be NULL. */
    void (*lane_finish)(struct process_lane *lane);
};
