/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Moving of bodies. A hand goes round over the segments; what it skips it meets again. */
#include "stores/smp/body_tidy.h"

#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "stores/smp/bodies.h"
#include "stores/smp/body_segments.h"
#include "stores/smp/queue_list.h"

enum {
    ROWS_MAX = 256, /* segments looked at in a step */
    MOVED_MAX = SEGMENT_SIZE / 2,
};

static bool is_sparse(const struct store *store, const struct segment_use *use) {
    return use->live <= (store->is_short ? SEGMENT_SIZE / 4 * 3 : SEGMENT_SIZE / 2);
}

/* What one step has done. */
struct step {
    struct store_txn *txn;
    uint64_t until_us;
    uint32_t moved; /* bytes */
};

enum evacuated { EVACUATED, EVACUATED_SOME, EVACUATED_NO_ROOM, EVACUATED_DAMAGED };

static bool is_over(const struct step *step) {
    return step->moved >= MOVED_MAX || clock_monotonic_us() >= step->until_us;
}

/* Moves the bodies of the hand's segment, from the hand on. */
static enum evacuated evacuate(struct step *step, uint32_t end) {
    struct tidy_hand *hand = &body_writer_of(step->txn)->hand;
    struct body_owner owner;
    struct segment_use left;
    uint32_t length;
    bool is_damaged;
    while (bodies_walk(step->txn, hand->segment, end, &hand->offset, &owner, &length, &is_damaged)) {
        enum list_moved outcome = list_move_body(step->txn, &owner, hand->segment, hand->offset, length);
        if (outcome == LIST_NO_ROOM)
            return EVACUATED_NO_ROOM;
        if (outcome == LIST_DAMAGED)
            return EVACUATED_DAMAGED;
        hand->offset += bodies_size(length);
        step->moved += outcome == LIST_MOVED ? length : 0;
        if (is_over(step))
            return EVACUATED_SOME;
    }
    return is_damaged || segment_use_get(step->txn, hand->segment, &left) ? EVACUATED_DAMAGED : EVACUATED;
}

/* Damage must not break commits, nor keep them busy. */
static void give_up(struct store_txn *txn) {
    log_error("store: segment %llu is damaged, and bodies are moved no more; run `smp-server store check`",
              (unsigned long long)body_writer_of(txn)->hand.segment);
    body_writer_of(txn)->hand.has_failed = true;
}

static void move_hand(struct store_txn *txn, uint64_t segment) {
    struct tidy_hand *hand = &body_writer_of(txn)->hand;
    hand->segment = segment;
    hand->offset = SEGMENT_FIRST;
}

/* The next segment at or after the hand's that is worth it. */
static bool find_sparse(struct store_txn *txn, struct segment_use *use) {
    struct tidy_hand *hand = &body_writer_of(txn)->hand;
    struct number_key from = number_key(hand->segment);
    struct slice key;
    struct slice value;
    unsigned rows = 0;
    bool found = lmdb_seek(txn->lmdb, TABLE_BODY_USE, KEY_SLICE(from), &key, &value);
    for (; found && rows < ROWS_MAX; rows++) {
        struct reader reader = reader_of(key);
        uint64_t segment = (uint64_t)read_i64(&reader);
        if (!segment_use_parse(txn, value, use))
            return false;
        if (segment != hand->segment)
            move_hand(txn, segment);
        if (segment != figures_of(txn)->body_segment && is_sparse(txn->store, use)) {
            hand->skipped = 0;
            return true;
        }
        hand->skipped++;
        found = lmdb_next(txn->lmdb, TABLE_BODY_USE, &key, &value);
    }
    if (!found)
        move_hand(txn, 1);
    return false;
}

bool body_tidy_step(struct store_txn *txn, uint64_t until_us) {
    struct tidy_hand *hand = &body_writer_of(txn)->hand;
    struct step step = {.txn = txn, .until_us = until_us};
    struct segment_use use;
    enum evacuated outcome = EVACUATED;
    if (txn->store->is_short && segments_give_back(txn))
        return true;
    if (!segments_are_sparse(txn) || segments_are_pinned(txn))
        return false;
    hand->is_uncommitted = true;
    while (outcome == EVACUATED && !is_over(&step) && segments_are_sparse(txn) && find_sparse(txn, &use)) {
        outcome = evacuate(&step, use.end);
        if (outcome == EVACUATED)
            move_hand(txn, hand->segment + 1);
    }
    if (outcome == EVACUATED_DAMAGED && store_txn_status(txn) == SMQ_OK)
        give_up(txn);
    bool has_seen_all = hand->skipped > lmdb_table_size(txn->lmdb, TABLE_BODY_USE);
    if (has_seen_all)
        hand->skipped = 0;
    return outcome != EVACUATED_NO_ROOM && !has_seen_all && segments_are_sparse(txn);
}

void body_tidy_begin(struct store_txn *txn) {
    struct tidy_hand *hand = &body_writer_of(txn)->hand;
    if (hand->is_uncommitted)
        move_hand(txn, hand->segment);
}

void body_tidy_committed(struct store_txn *txn) {
    body_writer_of(txn)->hand.is_uncommitted = false;
}
