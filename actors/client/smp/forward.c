/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The life of RFWDs. A command is in the map from before it is sent until it is told, and on the list of its relay
 * (forward_list.c), which finds those whose time or connection is over. */
#include "actors/client/smp/forward.h"

#include "actors/client/context.h"
#include "actors/client/smp/forwarding.h"
#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"

static struct forwarding *forwarding_of_node(const struct map_node *node) {
    return (struct forwarding *)((uintptr_t)node - offsetof(struct forwarding, node));
}

static void drop_sealed(struct forwarding *forwarding) {
    if (forwarding->block != NULL)
        block_release(forwarding->block);
    else
        memory_free(forwarding->sealed);
    forwarding->block = NULL;
    forwarding->sealed = NULL;
}

void forwarding_release(struct forwarding *forwarding) {
    if (atomic_fetch_sub_explicit(&forwarding->references, 1, memory_order_acq_rel) != 1)
        return;
    drop_sealed(forwarding);
    client_release(forwarding->client);
    memory_free(forwarding);
}

/* ---- the map */

static struct slice key_of_node(const struct map_node *node) {
    return slice_of(forwarding_of_node(node)->correlation_id, BOX_NONCE_SIZE);
}

static bool try_reference_node(struct map_node *node) {
    return map_count_reference(&forwarding_of_node(node)->references);
}

static void release_node(struct map_node *node) {
    forwarding_release(forwarding_of_node(node));
}

static const struct map_options map_options = {
    .key = key_of_node, .try_reference = try_reference_node, .release = release_node};

/* NULL: not a proxy's. */
static struct map *forwards_of(const struct smq_client *client) {
    const struct context_proxy *proxy = client->context->proxy;
    return proxy == NULL ? NULL : ((const struct proxy_context *)proxy)->forwards;
}

bool forwarding_take(struct forwarding *forwarding) {
    if (!map_remove(forwards_of(forwarding->client), &forwarding->node))
        return false;
    atomic_store_explicit(&forwarding->is_taken, true, memory_order_release);
    return true;
}

void forwarding_tell(struct forwarding *forwarding, struct forward_answer *answer) {
    struct forward *forward = forwarding->forward;
    atomic_fetch_sub_explicit(&forwarding->client->commands, 1, memory_order_relaxed);
    answer->forwarding = forwarding;
    if (answer->text == NULL)
        answer->text = "";
    forward->done(forward, answer);
}

bool forwarding_fail(struct forwarding *forwarding, enum smq_result result) {
    if (!forwarding_take(forwarding))
        return false;
    uint32_t queued = FORWARDING_QUEUED;
    (void)atomic_compare_exchange_strong(&forwarding->stage, &queued, FORWARDING_OVER);
    forwarding_tell(forwarding, &(struct forward_answer){.result = result});
    return true;
}

struct forwarding *forwarding_find(const struct smq_client *client, struct slice correlation_id) {
    struct map *forwards = forwards_of(client);
    struct map_node *node =
        forwards == NULL || correlation_id.length != BOX_NONCE_SIZE ? NULL : map_find(forwards, correlation_id);
    if (node == NULL)
        return NULL;
    if (forwarding_of_node(node)->client != client) {
        release_node(node);
        return NULL;
    }
    return forwarding_of_node(node);
}

static void destroy_proxy_context(struct context_proxy *proxy) {
    struct proxy_context *destroyed = (struct proxy_context *)proxy;
    map_destroy(&destroyed->forwards);
}

static void free_proxy_context(struct context_proxy *proxy) {
    memory_free((struct proxy_context *)proxy);
}

enum smq_result proxy_context_create(struct context_proxy **proxy) {
    struct proxy_context *made = memory_zalloc(sizeof(*made));
    enum smq_result result = made == NULL ? SMQ_ERR_NO_MEMORY : map_create(&map_options, &made->forwards);
    if (result != SMQ_OK) {
        memory_free(made);
        return result;
    }
    made->proxy = (struct context_proxy){.destroy = destroy_proxy_context, .free = free_proxy_context};
    *proxy = &made->proxy;
    return SMQ_OK;
}

/* ---- submitting */

/* Credit as for requests. */
static bool admit(struct smq_client *client, size_t size) {
    uint32_t commands = atomic_fetch_add_explicit(&client->commands, 1, memory_order_relaxed);
    uint64_t unsent = atomic_fetch_add_explicit(&client->unsent_bytes, size, memory_order_relaxed);
    if (commands < client->options.outstanding_max && unsent + size <= client->options.unsent_bytes_max)
        return true;
    atomic_fetch_sub_explicit(&client->commands, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&client->unsent_bytes, size, memory_order_relaxed);
    return false;
}

void forwarding_account_sent(struct smq_client *client, struct forwarding *forwarding) {
    atomic_fetch_sub_explicit(&client->unsent_bytes, forwarding->size, memory_order_relaxed);
    drop_sealed(forwarding);
}

/* Where the command is encrypted in its block so that this becomes the one that is sent; NULL: it cannot. */
static uint8_t *place_in_block(const struct smq_client *client, const struct proxy_forward *command, size_t header,
                               struct block *const *block) {
    if (block == NULL || *block == NULL || !block_can_be_kept(*block))
        return NULL;
    uint8_t *payload = (*block)->bytes + (command->payload.bytes - (*block)->bytes);
    uint8_t *sealed = payload - header - BOX_TAG_SIZE;
    size_t lead = FORWARD_WORD_LENGTH + smp_session_lead(&smp_client(client)->session, BOX_NONCE_SIZE, 0);
    return block_has_room(*block, sealed - lead) ? sealed : NULL;
}

static enum smq_result create(struct smq_client *client, const struct proxy_forward *command, struct block **block,
                              struct forward *forward, struct forwarding **out) {
    size_t header = proxy_forward_header_size(command->corr_id.length);
    size_t capacity = BOX_TAG_SIZE + header + command->payload.length;
    struct forwarding *made = memory_zalloc(sizeof(*made));
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    atomic_init(&made->references, 1);
    atomic_init(&made->stage, FORWARDING_QUEUED);
    made->client = client_reference(client);
    made->forward = forward;
    made->outgoing.kind = OUTGOING_FORWARD;
    made->sealed = place_in_block(client, command, header, block);
    if (made->sealed != NULL) {
        made->block = *block;
        *block = NULL;
    } else {
        made->sealed = memory_alloc(capacity);
    }
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    if (made->sealed != NULL) {
        box_nonce_random(made->correlation_id);
        result = proxy_forward_seal_to(&smp_client(client)->relay->key, made->correlation_id, command, made->sealed,
                                       capacity, &made->size);
    }
    if (result != SMQ_OK) {
        forwarding_release(made);
        return result;
    }
    *out = made;
    return SMQ_OK;
}

/* Hands the command, which is in the map, to the send lane. */
static enum smq_result hand_over(struct smq_client *client, struct forwarding *forwarding) {
    enum smq_result result = SMQ_ERR_CLOSED;
    atomic_fetch_add_explicit(&forwarding->references, 1, memory_order_relaxed);
    read_section_begin();
    struct connection *connection = atomic_load(&smp_client(client)->relay->connection);
    if (connection != NULL)
        result = connection_send(connection, &forwarding->outgoing);
    read_section_end();
    if (result == SMQ_ERR_CLOSED) /* before its lane knows: the session is not found any more */
        atomic_store_explicit(&client->is_connected, false, memory_order_release);
    if (result != SMQ_OK) {
        atomic_fetch_sub_explicit(&client->unsent_bytes, forwarding->size, memory_order_relaxed);
        forwarding_release(forwarding);
    }
    return result;
}

enum smq_result client_forward(struct smq_client *client, const struct proxy_forward *command, struct block **block,
                               uint32_t timeout_ms, struct forward *forward) {
    struct client_relay *relay = smp_client(client)->relay;
    if (!relay->has_key)
        return SMQ_ERR_AUTH;
    if (atomic_load(&relay->connection) == NULL)
        return SMQ_ERR_CLOSED;
    struct forwarding *forwarding;
    enum smq_result result = create(client, command, block, forward, &forwarding);
    if (result != SMQ_OK)
        return result;
    if (!admit(client, forwarding->size)) {
        forwarding_release(forwarding);
        return SMQ_ERR_NO_CREDIT;
    }
    forwarding->deadline_ms = clock_monotonic_ms() + timeout_ms;
    atomic_fetch_add_explicit(&forwarding->references, 2, memory_order_relaxed);
    CHECK(map_insert(forwards_of(client), &forwarding->node) == SMQ_OK); /* ids are random */
    forward_list_add(client, forwarding);
    result = hand_over(client, forwarding);
    if (result != SMQ_OK && !forwarding_take(forwarding))
        result = SMQ_OK; /* told already, by whoever found the connection ended */
    else if (result != SMQ_OK)
        atomic_fetch_sub_explicit(&client->commands, 1, memory_order_relaxed);
    forward_list_added(client);
    forwarding_release(forwarding);
    return result;
}
