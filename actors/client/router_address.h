/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses of routers, shared by whatever names the router: its clients, handles of its queues. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "transport/wire/address.h"

/* Immutable. */
struct router_address {
    _Atomic uint32_t references;
    struct server_address address;
};
/* NULL when out of memory. */
struct router_address *router_address_create(const struct server_address *address);
struct router_address *router_address_reference(struct router_address *router);
void router_address_release(struct router_address *router);
