/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who was active in the present day, week and month: sets of hashes of ids, as the reference keeps them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

enum active_period { ACTIVE_DAY, ACTIVE_WEEK, ACTIVE_MONTH, ACTIVE_PERIOD_COUNT };

struct active;

/* SMQ_ERR_NO_MEMORY, or what base_setup returns. */
enum smq_result active_create(struct active **active);
/* When nobody notes any more; NULL inside is allowed. */
void active_destroy(struct active **active);

/* The hash that the reference's statistics file holds for an id, so that a queue counts once across a migration. */
uint64_t active_hash(struct slice id);

/* Notes that the id with this hash was active. Any attached thread; lock-free, and one look when it was noted that day
 * already. Without memory for more ids it is not counted. */
void active_note(struct active *active, uint64_t hash);
/* The same in one of the sets alone, from a file. */
void active_restore(struct active *active, enum active_period period, uint64_t hash);

/* How many there are. Any thread. */
uint64_t active_count(const struct active *active, enum active_period period);
/* The same, and empties the set. One attached thread at a time. */
uint64_t active_take(struct active *active, enum active_period period);
/* Visits every hash of the set. Attached thread, outside of a read section; the one that takes. */
void active_each(const struct active *active, enum active_period period, void (*visit)(void *context, uint64_t hash),
                 void *context);
