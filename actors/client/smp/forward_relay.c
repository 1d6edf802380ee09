/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A relay as a proxy sees it: the facts of its hello, and the connection while it is up. */
#include <string.h>

#include "actors/client/context.h"
#include "actors/client/smp/forward_private.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"

/* The connection is let go a grace period after the end: threads that forward use it inside read sections. */
struct relay_farewell {
    struct reclaim reclaim;
    struct connection *connection;
};

void context_allow_private(struct smq_context *context, bool allow) {
    atomic_store(&context->public_only, !allow);
}

enum smq_result context_become_proxy(struct smq_context *context, bool allow_private) {
    context_allow_private(context, allow_private);
    return proxy_context_create(&context->proxy);
}

void client_relay_facts(const struct smq_client *client, struct relay_facts *facts) {
    client_check(client);
    const struct client_relay *relay = smp_client(client)->relay;
    *facts = (struct relay_facts){
        .version = smp_client(client)->session.version,
        .versions = relay->versions,
        .session_id = slice_of(smp_client(client)->session.session_id, smp_client(client)->session.session_id_length),
        .has_key = relay->has_key,
        .chain_key = relay->chain_key,
        .host = server_address_host(&client->router->address, 0),
    };
}

enum smq_result client_relay_create(struct version_range versions, const struct smp_chain_key *chain_key,
                                    struct client_relay **relay) {
    size_t chain = chain_key == NULL ? 0 : chain_key->chain.length;
    size_t signed_key = chain_key == NULL ? 0 : chain_key->signed_key.length;
    struct client_relay *made = memory_zalloc(sizeof(*made) + chain + signed_key);
    struct relay_farewell *farewell = memory_zalloc(sizeof(*farewell));
    if (made == NULL || farewell == NULL) {
        memory_free(made);
        memory_free(farewell);
        return SMQ_ERR_NO_MEMORY;
    }
    made->farewell = farewell;
    made->versions = versions;
    if (chain_key != NULL) {
        memcpy(made->bytes, chain_key->chain.bytes, chain);
        memcpy(made->bytes + chain, chain_key->signed_key.bytes, signed_key);
        made->chain_key = (struct smp_chain_key){chain_key->count, slice_of(made->bytes, chain),
                                                 slice_of(made->bytes + chain, signed_key)};
    }
    *relay = made;
    return SMQ_OK;
}

void client_relay_destroy(struct client_relay **relay) {
    if (*relay != NULL) {
        box_key_wipe(&(*relay)->key);
        memory_free((*relay)->farewell);
        memory_free(*relay);
        *relay = NULL;
    }
}

void client_relay_opened(struct smq_client *client) {
    struct client_relay *relay = smp_client(client)->relay;
    if (relay != NULL) {
        relay->client = client;
        forward_list_opened(relay);
        atomic_store(&relay->connection, connection_reference(client->connection));
    }
}

static void let_go(struct reclaim *reclaim) {
    struct relay_farewell *farewell = caa_container_of(reclaim, struct relay_farewell, reclaim);
    connection_release(farewell->connection);
    memory_free(farewell);
}

void client_relay_ended(struct smq_client *client, enum smq_result reason) {
    struct client_relay *relay = smp_client(client)->relay;
    if (relay == NULL)
        return;
    atomic_store(&relay->end, (int)reason);
    struct connection *connection = atomic_exchange(&relay->connection, NULL);
    if (connection == NULL)
        return;
    struct relay_farewell *farewell = relay->farewell;
    relay->farewell = NULL;
    farewell->connection = connection;
    reclaim_later(&farewell->reclaim, let_go);
    forward_list_ended(relay);
}
