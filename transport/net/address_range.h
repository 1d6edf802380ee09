/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ranges of addresses, as operators write them: "127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/net/address.h"

struct net_address_range {
    uint8_t bytes[16]; /* IPv4 as in IPv6 */
    uint8_t bits;      /* that have to be the same */
};

/* False: it is none. */
bool net_address_range_parse(struct slice text, struct net_address_range *range);
/* IPv4 in IPv6 is IPv4. */
bool net_address_range_has(const struct net_address_range *range, const struct net_address *address);
