/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Transmissions written byte by byte, so that each field can be wrong. */
#pragma once

#include "test/support/smp_peer.h"

struct raw_transmission {
    struct slice authorization; /* up to 255 bytes of anything */
    struct slice service_slot; /* what follows a non-empty authorization from version 16 on; empty: "0", no signature */
    struct slice session_id;   /* version 6 only; no bytes: the session's own */
    struct slice correlation_id;
    struct slice entity_id;
    struct slice command;
};

/* Adds it to the block that the peer is filling. */
void raw_transmission_add(struct peer *peer, const struct raw_transmission *transmission);
/* Alone in a block, and the next transmission that comes. */
void raw_transmission_ask(struct peer *peer, const struct raw_transmission *transmission, struct peer_answer *answer);
