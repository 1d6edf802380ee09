/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_client: making, connecting and closing it, and the hooks of its connection. */
#include "actors/client/client.h"

#include <string.h>

#include "actors/client/context.h"
#include "actors/client/events.h"
#include "actors/client/lane.h"
#include "actors/client/network.h"
#include "actors/client/options.h"
#include "actors/client/smq/network.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/thread.h"

enum {
    CONNECT_MARGIN_MS = 10000,
};

void smq_client_options_init_sized(struct smq_client_options *options, size_t size) {
    static const struct smq_client_options defaults = {.version_min = SMQ_VERSION_MIN,
                                                       .version_max = SMQ_VERSION_MAX,
                                                       .session_key = true,
                                                       .connect_timeout_ms = 15000,
                                                       .command_timeout_ms = 10000,
                                                       .close_timeout_ms = 5000,
                                                       .background_timeout_ms = 30000,
                                                       .ping_interval_ms = 600000,
                                                       .ping_count = 3,
                                                       .ping_window_ms = 900000,
                                                       .keep_alive = true,
                                                       .outstanding_max = 16384,
                                                       .unsent_bytes_max = 4 << 20};
    options_init(options, size, &defaults, sizeof defaults);
}

static void destroy(struct smq_client *client) {
    MAGIC_CLEAR(client);
    client->protocol->wipe(client);
    password_wipe(&client->password);
    promise_release(&client->connected);
    router_address_release(client->router);
    if (client->options.events != NULL)
        events_release(client->options.events);
    smq_network_release(&client->options.network);
    smq_service_release(&client->options.service);
    memory_free((void *)(uintptr_t)client->options.entity.bytes);
    struct smq_context *context = client->context;
    memory_free(client);
    context_release(context);
}

/* ---- hooks of the connection ---- */

/* The router speaks first. */
enum smq_result client_secured(struct connection *connection, void *state) {
    (void)connection;
    (void)state;
    return SMQ_OK;
}

enum smq_result client_received(struct connection *connection, void *state, struct block *block) {
    (void)connection;
    struct smq_client *client = state;
    const struct client_protocol *protocol = client->protocol;
    if (protocol->received_early != NULL && atomic_load_explicit(&client->is_ready, memory_order_acquire) &&
        protocol->received_early(client, block))
        return SMQ_OK;
    enum smq_result result = post_block(client, block);
    if (result != SMQ_OK)
        block_release(block);
    return result;
}

void client_closed(struct connection *connection, void *state, enum smq_result reason) {
    (void)connection;
    struct smq_client *client = state;
    client->closed_reason = reason;
    (void)post_closed(client); /* refused: the lane ends its clients itself */
}

void client_released(void *state) {
    client_release(state);
}

/* ---- connecting ---- */

static bool options_are_valid(const struct smq_client_options *options) {
    return options->version_min <= options->version_max && options->connect_timeout_ms > 0 &&
           options->command_timeout_ms > 0 && options->background_timeout_ms > 0 &&
           options->entity.length <= UINT8_MAX && (options->entity.length == 0 || options->entity.bytes != NULL) &&
           (options->events == NULL || events_is_valid(options->events)) &&
           (options->network == NULL || network_is_valid(options->network));
}

/* The protocol is that of the address's scheme. */
static enum smq_result find_protocol(const char *text, const struct client_protocol **protocol,
                                     struct server_address *address, struct password *password) {
    enum smq_result result = SMQ_ERR_INVALID;
    for (size_t i = 0; i < CLIENT_PROTOCOLS; i++) {
        *protocol = client_protocols[i];
        result = server_address_parse_with_password(slice_of_text(text), (*protocol)->scheme, address, password);
        if (result == SMQ_OK)
            return result;
    }
    return result;
}

static bool protocol_accepts(const struct client_protocol *protocol, const struct smq_client_options *options) {
    return options->version_min >= protocol->version_min && options->version_max <= protocol->version_max &&
           protocol->options_are_valid(options);
}

static struct smq_client *allocate(const struct client_protocol *protocol) {
    enum { ALIGNED = (sizeof(struct smq_client) + 15) / 16 * 16 };
    struct smq_client *made = memory_zalloc(ALIGNED + protocol->client_size);
    if (made != NULL) {
        made->protocol = protocol;
        made->state = (char *)made + ALIGNED;
    }
    return made;
}

/* Gives up what `create` made. */
static void destroy_unstarted(struct smq_client *client) {
    struct promise *waiters = client->connected;
    promise_release(&waiters);
    smq_batch_release(&client->final);
    client_release(client);
    client_release(client);
}

static enum smq_result copy_entity(struct smq_client *client, struct smq_bytes entity) {
    if (entity.length == 0)
        return SMQ_OK;
    uint8_t *copy = memory_alloc(entity.length);
    if (copy == NULL)
        return SMQ_ERR_NO_MEMORY;
    memcpy(copy, entity.bytes, entity.length);
    client->options.entity = (struct smq_bytes){copy, entity.length};
    return SMQ_OK;
}

/* A client with two references: the handle's and the lane's. Of the two of `connected` one is the caller's. */
static enum smq_result create(struct smq_context *context, const char *address_text,
                              const struct smq_client_options *options, bool blocking, struct smq_client **client) {
    struct server_address address;
    struct password password;
    const struct client_protocol *protocol;
    enum smq_result result = find_protocol(address_text, &protocol, &address, &password);
    if (result != SMQ_OK)
        return result;
    bool is_accepted = protocol_accepts(protocol, options);
    struct smq_client *made = is_accepted ? allocate(protocol) : NULL;
    if (made == NULL) {
        password_wipe(&password);
        return is_accepted ? SMQ_ERR_NO_MEMORY : SMQ_ERR_INVALID;
    }
    made->password = password;
    password_wipe(&password);
    atomic_init(&made->references, 2);
    made->destroy = destroy;
    made->context = context_reference(context);
    made->lane = context_choose_lane(context, &made->number);
    made->options = *options;
    made->options.events = options->events == NULL ? NULL : events_reference(options->events);
    made->options.network = options->network == NULL ? NULL : smq_network_reference(options->network);
    made->options.service = options->service == NULL ? NULL : smq_service_reference(options->service);
    made->options.entity = (struct smq_bytes){NULL, 0};
    made->blocking_connect = blocking;
    made->created_ms = clock_monotonic_ms();
    MAGIC_SET(made, CLIENT_MAGIC);
    made->router = router_address_create(&address);
    struct smq_event final = {.kind = SMQ_EVENT_DISCONNECTED, .client = made, .user = options->user};
    made->final = batch_create(&final, 1);
    result = made->router == NULL || made->final == NULL ? SMQ_ERR_NO_MEMORY : copy_entity(made, options->entity);
    if (result == SMQ_OK && blocking)
        result = promise_create(NULL, &made->connected);
    if (result != SMQ_OK) {
        destroy_unstarted(made);
        return result;
    }
    *client = made;
    return SMQ_OK;
}

static enum smq_result start(struct smq_context *context, const char *address, const struct smq_client_options *given,
                             bool blocking, struct client_observer *observer, struct smq_client **client) {
    struct smq_client_options options;
    smq_client_options_init(&options);
    if (!options_take(&options, OPTIONS_END(struct smq_client_options, entity), given) || !context_is_valid(context) ||
        address == NULL || client == NULL || !options_are_valid(&options) ||
        (!blocking && observer == NULL && options.events == NULL))
        return SMQ_ERR_INVALID;
    thread_attach();
    struct smq_client *made;
    enum smq_result result = create(context, address, &options, blocking, &made);
    if (result != SMQ_OK)
        return result;
    made->observer = observer;
    result = post_connect(made);
    if (result != SMQ_OK) {
        destroy_unstarted(made);
        return result;
    }
    *client = made;
    return SMQ_OK;
}

enum smq_result smq_client_connect_async(struct smq_context *context, const char *address,
                                         const struct smq_client_options *options, struct smq_client **client) {
    return start(context, address, options, false, NULL, client);
}

enum smq_result client_connect_observed(struct smq_context *context, const char *address,
                                        const struct smq_client_options *options, struct client_observer *observer,
                                        struct smq_client **client) {
    return start(context, address, options, false, observer, client);
}

enum smq_result smq_client_connect(struct smq_context *context, const char *address,
                                   const struct smq_client_options *options, struct smq_client **client,
                                   struct smq_error *error) {
    struct smq_client *made;
    enum smq_result result = client == NULL ? SMQ_ERR_INVALID : start(context, address, options, true, NULL, &made);
    if (result != SMQ_OK) {
        error_set(error, result, smq_result_text(result));
        return result;
    }
    struct promise *connected = made->connected;
    void *nothing = NULL;
    uint64_t wait_ms = (uint64_t)made->options.connect_timeout_ms + CONNECT_MARGIN_MS;
    result = promise_wait(made->connected, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms, &nothing);
    promise_release(&connected);
    if (result == SMQ_OK) {
        *client = made;
        return SMQ_OK;
    }
    /* Without the lane's answer, which the margin makes unlikely, its error text may still be in the making. */
    if (result == SMQ_ERR_TIMEOUT)
        error_set(error, result, smq_result_text(result));
    else if (error != NULL)
        *error = made->connect_error;
    smq_client_close(&made);
    return result;
}

struct smq_client *smq_client_reference(struct smq_client *client) {
    return client_is_valid(client) ? client_reference(client) : NULL;
}

void smq_client_close(struct smq_client **client) {
    if (client == NULL)
        return;
    struct smq_client *closed_client = *client;
    *client = NULL;
    if (!client_is_valid(closed_client))
        return;
    thread_attach();
    if (!atomic_exchange_explicit(&closed_client->closing, true, memory_order_acq_rel)) {
        if (post_close(client_reference(closed_client)) != SMQ_OK)
            client_release(closed_client);
    }
    client_release(closed_client);
}

void smq_client_info(const struct smq_client *client, struct smq_client_info *info) {
    if (!client_is_valid(client)) {
        *info = (struct smq_client_info){.connected = false};
        return;
    }
    *info = (struct smq_client_info){
        .connected = atomic_load_explicit(&client->is_connected, memory_order_acquire),
        .number = client->number,
        .outstanding = atomic_load_explicit(&client->commands, memory_order_relaxed),
        .blocks_received = atomic_load_explicit(&client->blocks_received, memory_order_relaxed),
        .blocks_sent = atomic_load_explicit(&client->blocks_sent, memory_order_relaxed),
    };
    if (atomic_load_explicit(&client->is_ready, memory_order_acquire))
        client->protocol->info(client, info);
}
