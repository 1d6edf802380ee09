/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Socket addresses: resolution of host names and literals. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "smq/result.h"

struct net_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* One allocation. */
struct net_address_list {
    size_t count;
    struct net_address addresses[];
};

/* Room for any address in text with its port, and the zero. */
enum { NET_ADDRESS_TEXT = 64 };

enum net_resolve {
    NET_RESOLVE_LITERAL, /* only IPv4 and IPv6 literals, brackets allowed; never blocks */
    NET_RESOLVE_NAME,   /* names, too, in the resolver's order; blocks, for many seconds when name servers are silent */
    NET_RESOLVE_LISTEN, /* as NAME, for binding; `host` NULL: all addresses, IPv6 first */
};

/* Finds the stream socket addresses of `host`; the caller frees the list with memory_free. SMQ_ERR_NOT_FOUND: no
 * literal, or the name does not exist or has no address; SMQ_ERR_NETWORK: the look-up failed; SMQ_ERR_NO_MEMORY. */
enum smq_result net_address_resolve(const char *host, uint16_t port, enum net_resolve how,
                                    struct net_address_list **list);

uint16_t net_address_port(const struct net_address *address);
void net_address_set_port(struct net_address *address, uint16_t port);
/* "127.0.0.1:5223", "[::1]:5223". For operators' own addresses; those of peers are not logged. */
void net_address_text(const struct net_address *address, char text[NET_ADDRESS_TEXT]);
