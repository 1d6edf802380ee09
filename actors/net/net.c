/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The net as a whole: start, client connections, ordered end.
 *
 * The end: no new connections; each receive lane ends all of its own, which leaves the send lanes and the monitor with
 * requests to let go; then the roles are stopped in the order in which they send to each other. The memory stays until
 * the last connection and block are back. */
#include "actors/net/http_private.h"
#include "actors/net/resolver.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"
#include "transport/net/address_scope.h"

static void destroy(struct net *net) {
    for (unsigned i = 0; i < net->options.receive_lanes; i++)
        receive_lane_destroy(&net->receive_lanes[i]);
    for (unsigned i = 0; i < net->options.send_lanes; i++)
        send_lane_destroy(&net->send_lanes[i]);
    resolver_destroy(&net->resolver);
    listener_role_destroy(&net->listener_role);
    monitor_destroy(&net->monitor);
    secret_wipe(net->cookie_key, sizeof net->cookie_key);
    pthread_mutex_destroy(&net->lock);
    waker_destroy(&net->progress);
    memory_free((void *)(uintptr_t)net->options.dns_servers);
    memory_free((void *)(uintptr_t)net->options.resolv_conf);
    memory_free(net);
}

static enum smq_result start_monitor(struct net *net) {
    enum smq_result result = monitor_create(net, &net->monitor);
    if (result != SMQ_OK)
        return result;
    result = actor_start(net->addresses.monitor);
    if (result != SMQ_OK)
        monitor_destroy(&net->monitor);
    return result;
}

static enum smq_result start_send_lane(struct net *net, unsigned number) {
    enum smq_result result = send_lane_create(net, number, &net->send_lanes[number]);
    if (result != SMQ_OK)
        return result;
    result = actor_start(net->addresses.send[number]);
    if (result != SMQ_OK)
        send_lane_destroy(&net->send_lanes[number]);
    return result;
}

static enum smq_result start_receive_lane(struct net *net, unsigned number) {
    enum smq_result result = receive_lane_create(net, number, &net->receive_lanes[number]);
    if (result != SMQ_OK)
        return result;
    result = actor_start(net->addresses.receive[number]);
    if (result != SMQ_OK) {
        receive_lane_retire(net->receive_lanes[number]);
        receive_lane_destroy(&net->receive_lanes[number]);
    }
    return result;
}

/* What could not be started is gone again; the rest is stopped by net_destroy. */
static enum smq_result start_roles(struct net *net) {
    enum smq_result result = start_monitor(net);
    for (unsigned i = 0; i < net->options.send_lanes && result == SMQ_OK; i++)
        result = start_send_lane(net, i);
    for (unsigned i = 0; i < net->options.receive_lanes && result == SMQ_OK; i++)
        result = start_receive_lane(net, i);
    return result;
}

static unsigned lanes_of(unsigned wanted) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (wanted == 0)
        wanted = processors < 1 ? 1 : (unsigned)processors;
    return wanted > NET_LANES_MAX ? NET_LANES_MAX : wanted;
}

static enum smq_result copy_text(const char *text, const char **copy) {
    *copy = text == NULL ? NULL : memory_copy_of_text(text);
    return text != NULL && *copy == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

static enum smq_result copy_texts(const struct net_options *options, struct net_options *copy) {
    copy->resolv_conf = NULL;
    enum smq_result result = copy_text(options->dns_servers, &copy->dns_servers);
    return result == SMQ_OK ? copy_text(options->resolv_conf, &copy->resolv_conf) : result;
}

enum smq_result net_create(const struct net_options *options, struct net **net) {
    if (options->receive_lanes > NET_LANES_MAX || options->send_lanes > NET_LANES_MAX)
        return SMQ_ERR_INVALID;
    struct net *created = memory_zalloc_aligned(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->options = *options;
    created->options.receive_lanes = lanes_of(options->receive_lanes);
    created->options.send_lanes = lanes_of(options->send_lanes);
    pinning_init(&created->receive_pinning, created->options.receive_lanes);
    pinning_init(&created->send_pinning, created->options.send_lanes);
    random_bytes(created->cookie_key, sizeof created->cookie_key);
    atomic_init(&created->references, 1);
    created->destroy = destroy;
    net_set_limits(created, &options->limits);
    pthread_mutex_init(&created->lock, NULL);
    waker_init_futex(&created->progress);
    enum smq_result result = copy_texts(options, &created->options);
    if (result == SMQ_OK)
        result = start_roles(created);
    if (result != SMQ_OK) {
        net_destroy(&created);
        return result;
    }
    *net = created;
    return SMQ_OK;
}

/* Waits for the lanes until `deadline_ms` (monotonic; 0: no limit). Whether `is_done` holds. */
static bool await(struct net *net, bool (*is_done)(const struct net *net, const void *context), const void *context,
                  uint64_t deadline_ms) {
    while (!is_done(net, context)) {
        int timeout_ms = -1;
        if (deadline_ms != 0) {
            uint64_t now_ms = clock_monotonic_ms();
            if (now_ms >= deadline_ms)
                return false;
            timeout_ms = (int)(deadline_ms - now_ms);
        }
        waker_wait(&net->progress, timeout_ms);
    }
    return true;
}

static bool have_stopped_reading(const struct net *net, const void *context) {
    (void)context;
    for (unsigned i = 0; i < net->options.receive_lanes; i++)
        if (!receive_lane_has_stopped_reading(net->receive_lanes[i]))
            return false;
    return true;
}

enum smq_result net_stop_reading(struct net *net, uint32_t deadline_ms) {
    for (unsigned i = 0; i < net->options.receive_lanes; i++)
        receive_lane_stop_reading(net->receive_lanes[i]);
    return await(net, have_stopped_reading, NULL, clock_monotonic_ms() + deadline_ms) ? SMQ_OK : SMQ_ERR_TIMEOUT;
}

static bool have_flushed(const struct net *net, const void *context) {
    const uint64_t *wishes = context;
    for (unsigned i = 0; i < net->options.send_lanes; i++)
        if (!send_lane_has_flushed(net->send_lanes[i], wishes[i]))
            return false;
    return true;
}

enum smq_result net_flush(struct net *net, uint32_t deadline_ms) {
    uint64_t wishes[NET_LANES_MAX] = {0};
    for (unsigned i = 0; i < net->options.send_lanes; i++)
        wishes[i] = send_lane_request_flush(net->send_lanes[i]);
    return await(net, have_flushed, wishes, clock_monotonic_ms() + deadline_ms) ? SMQ_OK : SMQ_ERR_TIMEOUT;
}

static bool have_ended_all(const struct net *net, const void *context) {
    (void)context;
    for (unsigned i = 0; i < net->options.receive_lanes; i++)
        if (net->receive_lanes[i] != NULL && !receive_lane_has_ended_all(net->receive_lanes[i]))
            return false;
    return true;
}

static void end_actor(struct actor *actor) {
    actor_stop(actor);
    actor_join(actor);
}

void net_destroy(struct net **net) {
    struct net *destroyed = *net;
    *net = NULL;
    if (destroyed == NULL)
        return;
    atomic_store(&destroyed->is_stopping, true);
    if (destroyed->listener_role != NULL)
        listener_role_stop(destroyed->listener_role);
    for (unsigned i = 0; i < destroyed->options.receive_lanes; i++)
        if (destroyed->receive_lanes[i] != NULL)
            receive_lane_end_all(destroyed->receive_lanes[i]);
    await(destroyed, have_ended_all, NULL, 0);
    if (destroyed->resolver != NULL)
        end_actor(destroyed->addresses.resolver);
    for (unsigned i = 0; i < destroyed->options.receive_lanes; i++)
        if (destroyed->receive_lanes[i] != NULL)
            end_actor(destroyed->addresses.receive[i]);
    for (unsigned i = 0; i < destroyed->options.send_lanes; i++)
        if (destroyed->send_lanes[i] != NULL)
            end_actor(destroyed->addresses.send[i]);
    if (destroyed->monitor != NULL)
        end_actor(destroyed->addresses.monitor);
    for (unsigned i = 0; i < destroyed->options.receive_lanes; i++)
        if (destroyed->receive_lanes[i] != NULL)
            receive_lane_retire(destroyed->receive_lanes[i]);
    net_release(destroyed);
}

/* Starts the resolver with the first name. */
static enum smq_result need_resolver(struct net *net) {
    enum smq_result result = SMQ_OK;
    waiting_begins();
    pthread_mutex_lock(&net->lock);
    if (net->resolver == NULL) {
        struct resolver *resolver = NULL;
        result = resolver_create(net, &resolver);
        if (result == SMQ_OK)
            result = actor_start(net->addresses.resolver);
        if (result == SMQ_OK)
            net->resolver = resolver;
        else
            resolver_destroy(&resolver);
    }
    pthread_mutex_unlock(&net->lock);
    return result;
}

/* The conversation with the proxy, and its address instead of the destination's. */
static enum smq_result prepare_socks(const struct connect_options *options, struct setup *setup) {
    struct host destination;
    if (host_parse(slice_of_text(options->host), &destination) != SMQ_OK)
        return SMQ_ERR_INVALID;
    setup->socks = memory_alloc(sizeof *setup->socks);
    if (setup->socks == NULL)
        return SMQ_ERR_NO_MEMORY;
    socks_begin(setup->socks, &destination, options->port, options->socks_credentials);
    const struct socks_proxy *proxy = options->socks_proxy;
    return net_address_resolve(proxy->host.text, proxy->port, NET_RESOLVE_LITERAL, &setup->addresses);
}

/* For the SOCKS proxy to connect to: a name is its own business, but not one that means itself. */
static bool is_public_host(const char *host, uint16_t port) {
    static const char itself[] = "localhost";
    const size_t itself_length = sizeof itself - 1;
    struct net_address_list *list = NULL;
    size_t length = strlen(host);
    while (length > 0 && host[length - 1] == '.')
        length--;
    bool is_itself = length >= itself_length &&
                     strncasecmp(host + length - itself_length, itself, itself_length) == 0 &&
                     (length == itself_length || host[length - itself_length - 1] == '.');
    bool is_public = !is_itself;
    if (net_address_resolve(host, port, NET_RESOLVE_LITERAL, &list) == SMQ_OK)
        is_public = net_address_is_public(&list->addresses[0]);
    memory_free(list);
    return is_public;
}

static enum smq_result make_setup(const struct connect_options *options, struct connection *connection) {
    size_t host_length = strlen(options->host);
    if (host_length >= HOST_SIZE)
        return SMQ_ERR_INVALID;
    struct setup *setup = memory_zalloc(sizeof *setup);
    if (setup == NULL)
        return SMQ_ERR_NO_MEMORY;
    connection->setup = setup;
    setup->connection = connection;
    setup->resolver.message.kind = NET_CONNECTION;
    memcpy(setup->host, options->host, host_length);
    setup->port = options->port;
    setup->alpn = options->alpn;
    setup->has_keep_alive = !options->no_keep_alive;
    setup->keep_alive = options->keep_alive;
    memcpy(setup->key_hash, options->key_hash, FINGERPRINT_SIZE);
    setup->public_only = options->public_only && options->socks_proxy == NULL;
    if (options->public_only && !is_public_host(options->host, options->port))
        return SMQ_ERR_NETWORK;
    if (options->socks_proxy != NULL)
        return prepare_socks(options, setup);
    enum smq_result result = net_address_resolve(setup->host, setup->port, NET_RESOLVE_LITERAL, &setup->addresses);
    return result == SMQ_OK ? SMQ_OK : need_resolver(connection->net);
}

static enum smq_result give_state(const struct connect_options *options, struct connection *connection) {
    if (options->http == NULL) {
        connection->state = options->state;
        return SMQ_OK;
    }
    connection->http = http_connection_create(connection, options->http, options->state);
    return connection->http == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

enum smq_result net_connect(struct net *net, const struct connect_options *options, struct connection **connection) {
    const struct protocol *protocol = options->http != NULL ? &http_protocol : options->protocol;
    if (options->host == NULL || options->tls_context == NULL || protocol == NULL)
        return SMQ_ERR_INVALID;
    if (atomic_load(&net->is_stopping))
        return SMQ_ERR_CLOSED;
    struct connection *created = connection_create(net, protocol, options->tls_context, true);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = give_state(options, created);
    if (result == SMQ_OK)
        result = make_setup(options, created);
    if (result == SMQ_OK) {
        uint64_t deadline_ms = options->timeout_ms == 0 ? 0 : clock_monotonic_ms() + options->timeout_ms;
        atomic_store(&created->budget_deadline_ms, deadline_ms);
        connection_reference(created);
        result = connection_request_receive(created, RECEIVE_START);
    }
    if (result != SMQ_OK) {
        connection_abandon(created);
        return result;
    }
    if (connection != NULL)
        *connection = created;
    else
        connection_release(created);
    return SMQ_OK;
}

void net_read_statistics(struct net *net, struct net_statistics *statistics) {
    statistics->connections = (uint64_t)counter_read(&net->connections);
    statistics->accepted = (uint64_t)counter_read(&net->accepted);
    statistics->connected = (uint64_t)counter_read(&net->connected);
    statistics->blocks_received = (uint64_t)counter_read(&net->blocks_received);
    statistics->blocks_sent = (uint64_t)counter_read(&net->blocks_sent);
    statistics->http_requests = (uint64_t)counter_read(&net->http_requests);
    statistics->tls_failures = (uint64_t)counter_read(&net->tls_failures);
    statistics->refused_connections = (uint64_t)counter_read(&net->refused_connections);
    statistics->refused_rate = (uint64_t)counter_read(&net->refused_rate);
    statistics->refused_proxied = (uint64_t)counter_read(&net->refused_proxied);
    statistics->dropped_handshakes = (uint64_t)counter_read(&net->dropped_handshakes);
    statistics->asked_cookies = (uint64_t)counter_read(&net->asked_cookies);
    statistics->dropped_blocks = (uint64_t)counter_read(&net->dropped_blocks);
    statistics->dropped_unsent = (uint64_t)counter_read(&net->dropped_unsent);
    statistics->unsent_bytes = atomic_load(&net->unsent_bytes);
    statistics->blocks_held = 0;
    for (unsigned i = 0; i < net->options.receive_lanes; i++)
        statistics->blocks_held += receive_lane_blocks_held(net->receive_lanes[i]);
}

size_t net_read_ports(const struct net *net, struct net_port ports[NET_PORTS_MAX]) {
    size_t count = 0;
    for (; count < NET_PORTS_MAX; count++) {
        const struct port_figures *figures = &net->ports[count];
        ports[count] = (struct net_port){.port = atomic_load_explicit(&figures->port, memory_order_relaxed),
                                         .closed = atomic_load_explicit(&figures->closed, memory_order_relaxed),
                                         .accepted = atomic_load_explicit(&figures->accepted, memory_order_relaxed)};
        if (ports[count].port == 0)
            break;
    }
    return count;
}
