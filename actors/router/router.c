/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router's life. Parts start in the order in which they depend on each other and stop in reverse; between the
 * listeners and the lanes there is one step more, that lets what is under way come to its end: reading stops, every
 * received block is answered, and the answers are flushed. */
#include "actors/router/router.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/router/identity.h"
#include "actors/router/process_lane.h"
#include "actors/router/router_web.h"
#include "actors/router/writer.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "transport/crypto/setup.h"
#include "transport/net/websocket.h"

/* Parts of the three seconds that a stop may take. What is answered leaves meanwhile; whoever has not read by then is
 * not waited for. The rest is for closing connections and the last commit. */
enum { DRAIN_MS = 1000, FLUSH_MS = 300 };

struct router_config router_config_default(void) {
    return (struct router_config){
        .certificate_check_interval_s = 86400,
        .tls_timeout_ms = 10000,
        .handshake_timeout_ms = 30000,
        .keep_alive = {.idle_s = 300, .interval_s = 60, .probes = 5, .user_timeout_s = 420},
        .limits = {.max_handshakes = 4096,
                   .handshake_rate = 1000,
                   .handshake_burst = 2000,
                   .cookie_handshakes = 64,
                   .address_cookie_handshakes = 16,
                   .cookie_rate = 100,
                   .address_connections = 10000,
                   .address_handshakes = 512,
                   .address_rate = 100,
                   .address_burst = 1000,
                   .block_timeout_ms = 60000,
                   .unsent_bytes = UINT64_C(1) << 30},
        .accept_service_credentials = true,
        .map_size = UINT64_C(64) << 30,
        .durability = ROUTER_DURABILITY_COMMIT,
        .durability_interval_ms = 1000,
        .inactive_ttl_s = 21600,
        .inactive_check_interval_s = 3600,
    };
}

static unsigned lane_count(unsigned configured) {
    long cores = configured > 0 ? (long)configured : sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1)
        cores = 1;
    return cores > ROUTER_LANES_MAX ? ROUTER_LANES_MAX : (unsigned)cores;
}

static enum smq_result fail(enum smq_result result, char *error, size_t error_size, const char *what) {
    if (error_size > 0)
        (void)snprintf(error, error_size, "%s: %s", what, smq_result_text(result));
    return result;
}

/* Keeps what is needed after router_create: copies of strings that the caller owns. */
static enum smq_result keep_config(struct router *router, const struct router_config *config) {
    router->common = *config;
    router->process_count = lane_count(config->process_lanes);
    pinning_init(&router->process_pinning, router->process_count);
    router->ports = memory_zalloc_array(config->port_count + config->websocket_port_count, sizeof *config->ports);
    router->bind_addresses = memory_zalloc_array(config->bind_address_count + 1, sizeof *router->bind_addresses);
    router->proxies = memory_zalloc_array(config->proxy_count + 1, sizeof *router->proxies);
    if (router->ports == NULL || router->bind_addresses == NULL || router->proxies == NULL)
        return SMQ_ERR_NO_MEMORY;
    for (size_t i = 0; i < config->proxy_count; i++)
        router->proxies[i] = config->proxies[i];
    for (size_t i = 0; i < config->port_count; i++)
        router->ports[i] = config->ports[i];
    for (size_t i = 0; i < config->websocket_port_count; i++)
        router->ports[config->port_count + i] = config->websocket_ports[i];
    for (size_t i = 0; i < config->bind_address_count; i++)
        if ((router->bind_addresses[i] = memory_copy_of_text(config->bind_addresses[i])) == NULL)
            return SMQ_ERR_NO_MEMORY;
    return SMQ_OK;
}

static enum smq_result check_config(const struct router_kind *kind, const struct router_config *config) {
    bool ports = config->port_count >= 1 && config->port_count <= ROUTER_LISTENERS_MAX &&
                 config->websocket_port_count <= ROUTER_LISTENERS_MAX - config->port_count;
    if (!ports || config->store_directory == NULL)
        return SMQ_ERR_INVALID;
    return kind->check != NULL ? kind->check(config) : SMQ_OK;
}

/* What may change while the router runs. On failure nothing. */
static enum smq_result apply(struct router *router, const struct router_config *config) {
    enum smq_result result = router->kind->apply != NULL ? router->kind->apply(router, config) : SMQ_OK;
    if (result != SMQ_OK)
        return result;
    atomic_store_explicit(&router->inactivity.disconnect, config->disconnect_inactive, memory_order_relaxed);
    atomic_store_explicit(&router->inactivity.ttl_s, config->inactive_ttl_s, memory_order_relaxed);
    atomic_store_explicit(&router->inactivity.check_interval_s, config->inactive_check_interval_s,
                          memory_order_relaxed);
    return SMQ_OK;
}

static enum smq_result open_store(struct router *router) {
    const struct router_config *config = &router->common;
    struct store_options options = {
        .directory = config->store_directory,
        .map_size = config->map_size,
        .durability =
            config->durability == ROUTER_DURABILITY_COMMIT ? STORE_DURABILITY_COMMIT : STORE_DURABILITY_INTERVAL,
        .interval_ms = config->durability_interval_ms,
    };
    return store_open(router->kind->layout, &options, &router->store);
}

static void stop_net(void *context) {
    struct router *router = context;
    net_destroy(&router->net);
}

/* Every received block is answered, from the last commit if need be, and the answers are on their way, or the deadline
 * passes: what no lane has begun by then is dropped without an effect or an answer. */
static void drain(void *context) {
    struct router *router = context;
    uint64_t deadline = clock_monotonic_ms() + DRAIN_MS;
    (void)net_stop_reading(router->net, DRAIN_MS);
    (void)atomic_fetch_sub(&router->batches_in_progress, 1);
    for (uint64_t now = clock_monotonic_ms(); atomic_load(&router->batches_in_progress) > 0 && now < deadline;
         now = clock_monotonic_ms())
        (void)waker_wait(&router->quiet, (int)(deadline - now));
    atomic_store_explicit(&router->is_drained, true, memory_order_release);
    (void)net_flush(router->net, FLUSH_MS);
}

static void stop_listening(void *context) {
    struct router *router = context;
    for (unsigned i = 0; i < router->listener_count; i++)
        listener_stop(&router->listeners[i]);
    router->listener_count = 0;
    web_stop_listening(router->web);
}

/* What every send lane has is a reader of the store: answers may be read there when they are sent. */
static enum smq_result send_lane_start(void *context, unsigned lane, void **lane_state) {
    (void)lane;
    struct router *router = context;
    struct store_reader *reader;
    enum smq_result result = store_reader_create(router->store, &reader);
    if (result == SMQ_OK)
        *lane_state = reader;
    return result;
}

static void send_lane_stop(void *lane_state) {
    struct store_reader *reader = lane_state;
    store_reader_destroy(&reader);
}

static enum smq_result start_net(struct router *router) {
    struct net_options options = {
        .receive_lanes = lane_count(router->common.receive_lanes),
        .send_lanes = lane_count(router->common.send_lanes),
        .limits = router->common.limits,
        .send_lane_start = send_lane_start,
        .send_lane_stop = send_lane_stop,
        .context = router,
    };
    enum smq_result result = net_create(&options, &router->net);
    if (result != SMQ_OK)
        return result;
    result = supervisor_add(router->supervisor, "net", stop_net, router);
    if (result != SMQ_OK) {
        net_destroy(&router->net);
        return result;
    }
    return supervisor_add(router->supervisor, "drain", drain, router);
}

static enum smq_result start_roles(struct router *router, char *error, size_t error_size) {
    const struct router_kind *kind = router->kind;
    enum smq_result result = supervisor_create(&router->supervisor);
    if (result == SMQ_OK)
        result = writer_create(router, &router->writer);
    if (result == SMQ_OK && kind->start_roles != NULL)
        result = kind->start_roles(router, error, error_size);
    for (unsigned i = 0; i < router->process_count && result == SMQ_OK; i++)
        result = process_lane_create(router, i, &router->process[i]);
    if (result == SMQ_OK)
        result = start_net(router);
    if (result == SMQ_OK)
        result = expirer_create(router, &router->expirer);
    if (result == SMQ_OK && kind->started != NULL)
        result = kind->started(router, error, error_size);
    if (result == SMQ_OK)
        result = router_web_start(router, error, error_size);
    return result;
}

/* `error` has a line of its own, or gets one. */
static enum smq_result explain(enum smq_result result, char *error, size_t error_size, const char *what) {
    return error_size > 0 && error[0] == 0 ? fail(result, error, error_size, what) : result;
}

static enum smq_result load_identity(struct router *router, const struct router_config *config, char *error,
                                     size_t error_size) {
    struct router_identity *identity = NULL;
    enum smq_result result =
        identity_load(config, router->kind->certificate_command, clock_realtime_s(), &identity, error, error_size);
    if (result != SMQ_OK)
        return explain(result, error, error_size, "TLS credentials");
    memcpy(router->fingerprint, identity->fingerprint, sizeof router->fingerprint);
    atomic_init(&router->identity, identity);
    return SMQ_OK;
}

enum smq_result router_create(struct router *router, const struct router_kind *kind, const struct router_config *config,
                              char *error, size_t error_size) {
    if (error_size > 0)
        error[0] = 0;
    router->kind = kind;
    waker_init_futex(&router->quiet);
    atomic_init(&router->batches_in_progress, 1);
    enum smq_result result = check_config(kind, config);
    if (result == SMQ_OK)
        result = keep_config(router, config);
    if (result == SMQ_OK)
        result = apply(router, config);
    if (result != SMQ_OK)
        return fail(result, error, error_size, "configuration");
    if (crypto_setup() != SMQ_OK)
        return fail(SMQ_ERR_CRYPTO, error, error_size, "cryptographic libraries");
    random_bytes(router->hash_key, sizeof router->hash_key);
    result = load_identity(router, config, error, error_size);
    if (result != SMQ_OK)
        return result;
    result = open_store(router);
    if (result != SMQ_OK)
        return fail(result, error, error_size, config->store_directory);
    result = start_roles(router, error, error_size);
    return result == SMQ_OK ? SMQ_OK : explain(result, error, error_size, "starting the router's roles");
}

static struct listen_manners manners_of(const struct router_config *config) {
    return (struct listen_manners){.tls_timeout_ms = config->tls_timeout_ms,
                                   .handshake_timeout_ms = config->handshake_timeout_ms,
                                   .keep_alive = config->keep_alive,
                                   .log_tls_errors = config->log_tls_errors,
                                   .log_peers = config->log_peers};
}

static enum smq_result listen_on(struct router *router, uint16_t port, const struct framing *framing, char *error,
                                 size_t error_size) {
    struct listen_options options = {
        .addresses = (const char *const *)router->bind_addresses,
        .address_count = router->common.bind_address_count,
        .proxies = router->proxies,
        .proxy_count = router->common.proxy_count,
        .port = port,
        .protocol = router->kind->protocol,
        .framing = framing,
        .http = framing == NULL ? web_pages(router->web) : NULL,
        .accept = router->kind->accept,
        .context = router,
        .has_keep_alive = true,
        .manners = manners_of(&router->common),
    };
    unsigned i = router->listener_count;
    if (framing != NULL && framing->create == NULL) {
        if (error_size > 0)
            (void)snprintf(error, error_size, "port %u: this program has no %s", port, framing->name);
        return SMQ_ERR_INVALID;
    }
    enum smq_result result = net_listen(router->net, &options, &router->listeners[i], error, error_size);
    if (result != SMQ_OK)
        return result;
    router->bound_ports[i] = listener_port(router->listeners[i]);
    router->listener_count++;
    return SMQ_OK;
}

enum smq_result router_listen(struct router *router, char *error, size_t error_size) {
    enum smq_result result = SMQ_OK;
    size_t count = router->common.port_count + router->common.websocket_port_count;
    for (size_t i = 0; i < count && result == SMQ_OK; i++)
        result = listen_on(router, router->ports[i], i < router->common.port_count ? NULL : &websocket_framing, error,
                           error_size);
    if (result == SMQ_OK)
        result = router_web_listen(router, error, error_size);
    if (result == SMQ_OK) {
        result = supervisor_add(router->supervisor, "listeners", stop_listening, router);
        if (result != SMQ_OK)
            (void)fail(result, error, error_size, "listeners");
    }
    if (result != SMQ_OK)
        stop_listening(router);
    return result;
}

enum smq_result router_reload(struct router *router, const struct router_config *config, char *error,
                              size_t error_size) {
    struct router_identity *identity = NULL;
    if (error_size > 0)
        error[0] = 0;
    enum smq_result result = check_config(router->kind, config);
    if (result != SMQ_OK)
        return fail(result, error, error_size, "configuration");
    result = identity_load(config, router->kind->certificate_command, clock_realtime_s(), &identity, error, error_size);
    if (result == SMQ_OK && memcmp(identity->fingerprint, router->fingerprint, sizeof router->fingerprint) != 0) {
        result = SMQ_ERR_INVALID;
        if (error_size > 0)
            (void)snprintf(error, error_size, "%s: another identity than the router's; that needs a restart",
                           config->ca_certificate_path);
    }
    if (result == SMQ_OK)
        result = router_web_check(router, config, identity, error, error_size);
    if (result == SMQ_OK)
        result = apply(router, config);
    if (result != SMQ_OK) {
        identity_release(&identity);
        return explain(result, error, error_size, "reloading");
    }
    net_set_limits(router->net, &config->limits);
    const struct listen_manners manners = manners_of(config);
    for (unsigned i = 0; i < router->listener_count; i++)
        listener_change(router->listeners[i], &manners);
    identity_replace(&router->identity, identity);
    router_web_identity_changed(router);
    expirer_settings_changed(router->expirer);
    identity_warn(identity, clock_realtime_s());
    return SMQ_OK;
}

enum smq_result router_check(const struct router_kind *kind, const struct router_config *config, int64_t *valid_until_s,
                             char *error, size_t error_size) {
    struct router_identity *identity = NULL;
    if (error_size > 0)
        error[0] = 0;
    enum smq_result result = check_config(kind, config);
    if (result != SMQ_OK)
        return fail(result, error, error_size, "configuration");
    if (crypto_setup() != SMQ_OK)
        return fail(SMQ_ERR_CRYPTO, error, error_size, "cryptographic libraries");
    result = identity_load(config, kind->certificate_command, clock_realtime_s(), &identity, error, error_size);
    if (result != SMQ_OK)
        return explain(result, error, error_size, "TLS credentials");
    *valid_until_s = identity->valid_until_s;
    identity_release(&identity);
    return SMQ_OK;
}

uint16_t router_port(const struct router *router, size_t i) {
    return i < ROUTER_LISTENERS_MAX ? router->bound_ports[i] : 0;
}

static void free_config(struct router *router) {
    memory_free(router->ports);
    memory_free(router->proxies);
    for (size_t i = 0; router->bind_addresses != NULL && i < router->common.bind_address_count; i++)
        memory_free(router->bind_addresses[i]);
    memory_free(router->bind_addresses);
}

void router_destroy(struct router *router) {
    if (router->supervisor != NULL)
        supervisor_destroy(&router->supervisor);
    web_destroy(&router->web);
    for (unsigned i = 0; i < router->process_count; i++)
        process_lane_destroy(&router->process[i]);
    if (router->kind->destroy_roles != NULL)
        router->kind->destroy_roles(router);
    writer_destroy(&router->writer);
    expirer_destroy(&router->expirer);
    store_close(&router->store);
    identity_replace(&router->identity, NULL);
    waker_destroy(&router->quiet);
    free_config(router);
}
