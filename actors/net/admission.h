/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Admission: which accepted connections may stay. Counts them, in all and by address, and tells whom to drop. Without
 * I/O; one thread, the listener's.
 *
 * An address is a host of IPv4, or a /64 of IPv6; IPv4 in IPv6 counts as IPv4. A connection is in handshake until its
 * protocol's own handshake is done. When too many are, the oldest is dropped, so that who comes now gets in: an honest
 * peer is through within a second, one that only holds a place is not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/limits.h"
#include "queues/ring.h"
#include "smq/result.h"
#include "transport/net/address.h"

struct admission;
struct admission_address;

/* What an address is known by. */
enum { ADMISSION_KEY_SIZE = 9 };
struct admission_key {
    uint8_t bytes[ADMISSION_KEY_SIZE];
};
/* Whether limits by address count for it; then `key` is its. */
bool admission_key_of(const struct net_address *address, const struct net_limits *limits, struct admission_key *key);

/* Embedded in what is counted. All zero: not counted. */
struct admission_place {
    struct ring in_all;     /* in the ring of its state */
    struct ring in_address; /* the same of its address; in handshake only */
    struct admission_address *address;
    uint8_t state;     /* private */
    bool needs_cookie; /* constant once it is admitted: see limits.h */
};

/* SMQ_ERR_NO_MEMORY. */
enum smq_result admission_create(struct admission **admission);
/* With no place left in it. */
void admission_destroy(struct admission **admission);

enum admission_verdict {
    ADMITTED,
    REFUSED_CONNECTIONS, /* its address has as many connections as one may have */
    REFUSED_RATE,        /* its address begins handshakes too fast */
    REFUSED_MEMORY,
};

/* Whether nobody can be admitted before somebody leaves: those who wait stay in the kernel's backlog. */
bool admission_is_full(const struct admission *admission, const struct net_limits *limits);

/* Counts a new connection from `address`. ADMITTED: `place` is counted until admission_leave; `*dropped` (NULL: none)
 * is another one, which the caller is to end now unless it is established. Otherwise nothing is counted. */
enum admission_verdict admission_enter(struct admission *admission, const struct net_limits *limits,
                                       const struct net_address *address, uint64_t now_ms,
                                       struct admission_place *place, struct admission_place **dropped);
/* Its handshake is done. One that was to be dropped, but was quicker than that, stays. */
void admission_established(struct admission *admission, struct admission_place *place);
/* It has ended. */
void admission_leave(struct admission *admission, struct admission_place *place, uint64_t now_ms);

/* Any place that is counted; NULL: none is left. */
struct admission_place *admission_any(struct admission *admission);
size_t admission_connections(const struct admission *admission);
size_t admission_handshakes(const struct admission *admission);
/* Addresses that something is remembered of. */
size_t admission_addresses(const struct admission *admission);
