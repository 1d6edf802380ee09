/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Shared addresses of routers. */
#include "actors/client/router_address.h"

#include "queues/base/memory.h"

struct router_address *router_address_create(const struct server_address *address) {
    struct router_address *router = memory_alloc(sizeof(*router));
    if (router != NULL) {
        atomic_init(&router->references, 1);
        router->address = *address;
    }
    return router;
}

struct router_address *router_address_reference(struct router_address *router) {
    atomic_fetch_add_explicit(&router->references, 1, memory_order_relaxed);
    return router;
}

void router_address_release(struct router_address *router) {
    if (router != NULL && atomic_fetch_sub_explicit(&router->references, 1, memory_order_acq_rel) == 1)
        memory_free(router);
}
