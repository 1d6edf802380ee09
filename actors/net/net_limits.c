/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What of the net may change while it runs. */
#include "actors/net/net_private.h"

void net_set_limits(struct net *net, const struct net_limits *limits) {
    struct shared_limits *shared = &net->limits;
    atomic_store(&shared->max_connections, limits->max_connections);
    atomic_store(&shared->max_handshakes, limits->max_handshakes);
    atomic_store(&shared->handshake_rate, limits->handshake_rate);
    atomic_store(&shared->handshake_burst, limits->handshake_burst);
    atomic_store(&shared->cookie_handshakes, limits->cookie_handshakes);
    atomic_store(&shared->address_cookie_handshakes, limits->address_cookie_handshakes);
    atomic_store(&shared->cookie_rate, limits->cookie_rate);
    atomic_store(&shared->address_connections, limits->address_connections);
    atomic_store(&shared->address_handshakes, limits->address_handshakes);
    atomic_store(&shared->address_rate, limits->address_rate);
    atomic_store(&shared->address_burst, limits->address_burst);
    atomic_store(&shared->block_timeout_ms, limits->block_timeout_ms);
    atomic_store(&shared->unsent_bytes, limits->unsent_bytes);
    atomic_store(&shared->limit_loopback, limits->limit_loopback);
}

void net_read_limits(const struct net *net, struct net_limits *limits) {
    const struct shared_limits *shared = &net->limits;
    *limits = (struct net_limits){
        .max_connections = atomic_load(&shared->max_connections),
        .max_handshakes = atomic_load(&shared->max_handshakes),
        .handshake_rate = atomic_load(&shared->handshake_rate),
        .handshake_burst = atomic_load(&shared->handshake_burst),
        .cookie_handshakes = atomic_load(&shared->cookie_handshakes),
        .address_cookie_handshakes = atomic_load(&shared->address_cookie_handshakes),
        .cookie_rate = atomic_load(&shared->cookie_rate),
        .address_connections = atomic_load(&shared->address_connections),
        .address_handshakes = atomic_load(&shared->address_handshakes),
        .address_rate = atomic_load(&shared->address_rate),
        .address_burst = atomic_load(&shared->address_burst),
        .block_timeout_ms = atomic_load(&shared->block_timeout_ms),
        .unsent_bytes = atomic_load(&shared->unsent_bytes),
        .limit_loopback = atomic_load(&shared->limit_loopback),
    };
}
