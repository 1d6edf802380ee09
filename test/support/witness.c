/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Well-behaved clients of a router that others misuse. */
#include "test/support/witness.h"

#include <poll.h>

#include "actors/smp/roles.h"
#include "queues/base/clock.h"
#include "test/support/require.h"

enum { CALM_MS = 10000 };

void witness_open(const struct router_fixture *fixture, struct witness *witness) {
    router_fixture_connect(fixture, 0, &witness->recipient);
    router_fixture_connect(fixture, 0, &witness->sender);
    peer_create_queue(&witness->recipient, PEER_SECURED | PEER_SUBSCRIBE, &witness->queue);
}

void witness_exchange(struct witness *witness) {
    uint8_t id[24];
    struct peer_answer answer;
    uint64_t started = clock_monotonic_ms();
    peer_send_message(&witness->sender, &witness->queue, &witness->queue.sender_key, "in time");
    peer_receive(&witness->recipient, &answer);
    peer_check_message(&witness->queue, &answer, "in time", id);
    peer_acknowledge(&witness->recipient, &witness->queue, id, SMP_OK, NULL);
    require(clock_monotonic_ms() - started < WITNESS_LATENCY_MS);
}

void witness_close(struct witness *witness) {
    peer_close(&witness->recipient);
    peer_close(&witness->sender);
}

void witness_await_calm(const struct router_fixture *fixture, uint64_t connections) {
    struct smp_router_statistics router;
    struct net_statistics net;
    uint64_t deadline = clock_monotonic_ms() + CALM_MS;
    for (;;) {
        smp_router_statistics(fixture->router, &router);
        net_read_statistics(fixture->router->net, &net);
        if (router.connections == connections && net.connections == connections && net.blocks_held == 0)
            return;
        if (clock_monotonic_ms() >= deadline)
            fail_msg("%u connections, %u of the net, %u blocks held", (unsigned)router.connections,
                     (unsigned)net.connections, (unsigned)net.blocks_held);
        (void)poll(NULL, 0, 2);
    }
}
