/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which addresses belong to the public internet. */
#pragma once

#include <stdbool.h>

#include "transport/net/address.h"

/* False for loopback, link-local, private (RFC 1918, unique local, 100.64/10), multicast, broadcast, unspecified and
 * reserved addresses, and for IPv6 addresses that stand for such an IPv4 one (mapped, translated, NAT64, 6to4). Any
 * thread. */
bool net_address_is_public(const struct net_address *address);
