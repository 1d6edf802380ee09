/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a peer may do that is of no use to anybody: an account in bytes. All that is not body costs its bytes, each
 * frame what is in the table of patience.c besides; body bytes, in either direction, and exchanges that were completed
 * earn something, and so does time. A peer that transfers anything never notices; a flood of whatever kind ends after a
 * few hundred frames. Resets that peers provoke by broken frames cost most. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PATIENCE_MAX = 131072,   /* at first, and at most */
    PATIENCE_PER_MS = 13,    /* comes back */
    PATIENCE_BODY_PART = 16, /* one for so many bytes of bodies */
    PATIENCE_EXCHANGE = 640, /* a request and its response, complete */
    PATIENCE_BROKEN = 1600,  /* a frame that breaks a rule; the reset that we owe for it */
};

struct patience {
    int64_t left;
    uint64_t updated; /* ms */
};

void patience_begin(struct patience *patience, uint64_t now);
void patience_pass(struct patience *patience, uint64_t now);
void patience_earn(struct patience *patience, size_t amount);
/* False: it is used up. */
bool patience_spend(struct patience *patience, size_t amount);
/* What a received frame of this type costs; `payload`: without padding; `is_last`: it ends its stream's side. */
size_t patience_frame_cost(uint8_t type, size_t payload, bool is_last);
