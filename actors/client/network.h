/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_network from the inside: the way to a router. */
#pragma once

#include "actors/client/smq/network.h"
#include "transport/net/host_choice.h"
#include "transport/net/keep_alive.h"
#include "transport/net/socks.h"

/* Everything that connecting to one address needs; wiped by network_route_wipe. */
struct network_route {
    struct host_choice choice;
    const struct socks_proxy *proxy; /* NULL: direct; belongs to the network */
    bool has_credentials;
    struct socks_credentials credentials;
    struct keep_alive keep_alive;
};

/* `network` NULL: the defaults. SMQ_ERR_NOT_FOUND: no host of the required kind; SMQ_ERR_CRYPTO. Any thread. */
enum smq_result network_route(const struct smq_network *network, const struct server_address *address, int64_t user_id,
                              struct slice entity, struct network_route *route);
void network_route_wipe(struct network_route *route);

bool network_is_valid(const struct smq_network *network); /* for pointers from outside; may be NULL */
