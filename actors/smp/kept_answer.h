/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers are read from the store when they are sent, which is after all commands of their block have taken effect.
 * Where a later command may take away what an earlier one answers with (GET then DEL, LGET then LDEL), it is copied
 * before. */
#pragma once

#include <stdint.h>

#include "stores/smp/msg_store.h"
#include "stores/smp/queue_store.h"

struct command_slot;

/* What an answer is made of. The slices point into `bytes`. */
struct kept_answer {
    struct msg_view message; /* MSG */
    struct slice body;
    uint8_t recipient_dh_secret[QUEUE_SECRET_SIZE];
    struct slice sender_id; /* LNK */
    struct queue_link_data link;
    size_t size;
    uint8_t bytes[];
};

/* Copies what the finished commands before `slot` in its block will answer with from `queue`, as `txn` sees it. What
 * is not there, or finds no memory, is answered as gone. Process lane. */
void kept_answers_copy(const struct command_slot *slot, uint64_t queue, struct store_txn *txn);
/* Wipes; NULL inside is allowed. */
void kept_answer_destroy(struct kept_answer **kept);
