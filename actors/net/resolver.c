/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Resolver: looks names up where that may block. */
#include "actors/net/net_private.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

struct resolver {
    struct net *net;
    struct actor *actor;
};

static void receive(void *state, struct message *message) {
    const struct resolver *resolver = state;
    struct setup *setup = caa_container_of(message, struct setup, resolver.message);
    struct connection *connection = setup->connection;
    requests_take(&setup->resolver);
    setup->resolve_result = SMQ_ERR_CANCELLED;
    waiting_begins();
    if (!atomic_load(&resolver->net->is_stopping) && connection_is_open(connection))
        setup->resolve_result = net_address_resolve(setup->host, setup->port, NET_RESOLVE_NAME, &setup->addresses);
    if (setup->resolve_result == SMQ_ERR_NOT_FOUND)
        setup->resolve_result = SMQ_ERR_NETWORK;
    connection_request_receive(connection, RECEIVE_RESOLVED);
    connection_release(connection);
}

static const struct actor_ops resolver_ops = {.role = "resolver", .receive = receive};

enum smq_result resolver_create(struct net *net, unsigned number, struct resolver **resolver) {
    struct resolver *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->net = net;
    enum smq_result result = actor_create(&resolver_ops, created, (int)number, &created->actor);
    if (result != SMQ_OK) {
        memory_free(created);
        return result;
    }
    *resolver = created;
    return SMQ_OK;
}

struct actor *resolver_actor(struct resolver *resolver) {
    return resolver->actor;
}

void resolver_destroy(struct resolver **resolver) {
    struct resolver *destroyed = *resolver;
    *resolver = NULL;
    if (destroyed == NULL)
        return;
    actor_destroy(&destroyed->actor);
    memory_free(destroyed);
}

enum smq_result net_resolve(struct connection *connection) {
    struct resolver *resolver = connection->net->resolvers[connection->number % RESOLVER_LANES];
    return requests_post(connection, &connection->setup->resolver, resolver->actor, 1);
}
