/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Well-behaved clients of a router that others misuse: they must not notice. Failures fail the test (cmocka). */
#pragma once

#include "test/support/router_fixture.h"

enum { WITNESS_LATENCY_MS = 3000 }; /* generous: a SEND waits for the disk */

struct witness {
    struct peer recipient;
    struct peer sender;
    struct peer_queue queue;
};

void witness_open(const struct router_fixture *fixture, struct witness *witness);
/* One message is sent, received and acknowledged, within WITNESS_LATENCY_MS. */
void witness_exchange(struct witness *witness);
void witness_close(struct witness *witness);

/* Waits until the router has `connections` connections and holds no received block any more; 10 s at most. */
void witness_await_calm(const struct router_fixture *fixture, uint64_t connections);
