/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What peers may take of a net. Can be replaced while it runs (net_set_limits). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Of accepted connections; 0: no limit. Connections from loopback are exempt from what counts by address, unless
 * `limit_loopback`: programs of this machine bring many, Tor's and other proxies' among them. */
struct net_limits {
    uint32_t max_connections; /* then nobody is accepted, and whoever is in handshake longest is dropped */
    uint32_t max_handshakes;  /* connections whose protocol handshake is not done; then the oldest is dropped */
    uint32_t handshake_rate;  /* TLS handshakes begun a second, and */
    uint32_t handshake_burst; /* at once; 0: as many as a second allows. Others wait, the newest go first */
    /* With so many in handshake, in all or of its address, and when more than so many come a second, a newcomer has to
     * show a cookie before its TLS handshake costs more than a hash. */
    uint32_t cookie_handshakes;
    uint32_t address_cookie_handshakes;
    uint32_t cookie_rate;
    uint32_t address_connections;
    uint32_t address_handshakes;
    uint32_t address_rate;     /* connections a second, and */
    uint32_t address_burst;    /* how many may come at once; 0: as many as a second allows */
    uint32_t block_timeout_ms; /* for the rest of a block that has begun to come */
    /* Memory of what waits to be sent, on all connections: beyond it, those are dropped that have taken nothing for a
     * second, and for longest. */
    uint64_t unsent_bytes;
    bool limit_loopback;
};
