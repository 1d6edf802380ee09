/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bodies in segments (body_segments.h), each behind a header that tells whose it is. Private to stores/.
 *
 * The record of a message names the place of its body and has its checksum: bytes that are not what was stored are an
 * error, never a message. The header is for finding, in a segment that is mostly dead, what still lives. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stores/smp/body_location.h"
#include "stores/smp/internal.h"

enum {
    BODY_MIN = 512, /* shorter ones stay with their record: several of these share a page */
    BODY_HEADER = 24,
};

/* A record of TABLE_MESSAGES. */
struct body_owner {
    uint64_t number;
    uint64_t sequence;
};

/* Stores a copy of `body`, which the open transaction commits. False when there is no room in segments: it is to be
 * stored with its record, unless the transaction has failed. Writer thread. */
bool bodies_put(struct store_txn *txn, const struct body_owner *owner, struct slice body,
                struct body_location *location);
/* What a location of a snapshot's record leads to, valid as slices of store.h are. Any transaction. SMQ_ERR_STORE when
 * it is not what was stored, which fails the transaction and is logged. */
enum smq_result bodies_get(struct store_txn *txn, uint64_t sequence, const struct body_location *location,
                           uint32_t length, struct slice *body);
/* The same, without a word about it. */
bool bodies_look(struct store_txn *txn, uint64_t sequence, const struct body_location *location, uint32_t length,
                 struct slice *body);
/* The body is no record's any more. Writer thread. */
void bodies_forget(struct store_txn *txn, const struct body_location *location, uint32_t length);

/* How many bytes of its segment a body takes, and these bytes. A `body` that is shorter than `length` is continued with
 * zeros. */
uint32_t bodies_size(uint32_t length);
void bodies_write(uint8_t *to, const struct body_owner *owner, struct slice body, uint32_t length);

/* Whose body lies at `*offset`, or at the next place after it where one begins, before `end`. False when there is none
 * any more; also when what is there is no header, which `is_damaged` tells. */
bool bodies_walk(struct store_txn *txn, uint64_t segment, uint32_t end, uint32_t *offset, struct body_owner *owner,
                 uint32_t *length, bool *is_damaged);
