/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The router's life. Parts start in the order in which they depend on each other and stop in reverse; between the
 * listeners and the lanes there is one step more, that lets what is under way come to its end: reading stops, every
 * received block is answered, and the answers are flushed. */
#include "actors/smp/router.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/proxy/proxy.h"
#include "actors/router/expirer.h"
#include "actors/router/identity.h"
#include "actors/router/process.h"
#include "actors/router/writer.h"
#include "actors/smp/client_session.h"
#include "actors/smp/delivery.h"
#include "actors/smp/live.h"
#include "actors/smp/metrics.h"
#include "actors/smp/roles.h"
#include "actors/smp/router_operator.h"
#include "actors/smp/services.h"
#include "actors/smp/subscriber.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "transport/crypto/setup.h"
#include "transport/net/websocket.h"

/* Parts of the three seconds that a stop may take. What is answered leaves meanwhile; whoever has not read by then is
 * not waited for. The rest is for closing connections and the last commit. */
enum { DRAIN_MS = 1000, FLUSH_MS = 300 };

struct smp_router_config smp_router_config_default(void) {
    struct smp_router_config config = {
        .certificate_check_interval_s = 86400,
        .version_min = 6,
        .version_max = 18,
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
        .new_queues_per_address = 36000,
        .unused_queues = 1000000,
        .accept_service_credentials = true,
        .new_queues = true,
        .map_size = UINT64_C(64) << 30,
        .durability = SMP_DURABILITY_COMMIT,
        .durability_interval_ms = 1000,
        .queue_quota = 128,
        .message_ttl_s = UINT64_C(21) * 86400,
        .message_expiry_interval_s = 7200,
        .expire_messages_on_start = true,
        .expire_messages_on_send = true,
        .notification_ttl_s = 86400,
        .notification_expiry_interval_s = 3600,
        .notification_delivery_interval_ms = 1500,
        .proxy = {.enabled = true,
                  .client_concurrency = 32,
                  .relay_connections = 1000,
                  .relay_attempts = 256,
                  .client_attempts = 16,
                  .relay_idle_ms = 1800000,
                  .forward_bytes = UINT64_C(256) << 20,
                  .connect_timeout_ms = 45000,
                  .forward_timeout_ms = 30000,
                  .error_persistence_ms = 30000,
                  .ping_interval_ms = 30000,
                  .silence_ms = 60000},
        .inactive_ttl_s = 21600,
        .inactive_check_interval_s = 3600,
    };
    smq_network_options_init(&config.proxy_network);
    config.proxy_network.socks_mode = SMQ_SOCKS_ONION;
    config.proxy_network.host_mode = SMQ_HOST_PUBLIC;
    return config;
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

/* Keeps what is needed after smp_router_create: copies of strings that the caller owns. */
static enum smq_result keep_config(struct smp_router *router, const struct smp_router_config *config) {
    router->config = *config;
    router->process_count = lane_count(config->process_lanes);
    pinning_init(&router->process_pinning, router->process_count);
    router->subscriber_count = (router->process_count + 3) / 4; /* their work is small: a lane more is a wake more */
    pinning_init(&router->subscriber_pinning, router->subscriber_count);
    enum smq_result result = live_apply(&router->live, config);
    if (result != SMQ_OK)
        return result;
    router->ports = memory_zalloc_array(config->port_count + config->websocket_port_count, sizeof *config->ports);
    router->bind_addresses = memory_zalloc_array(config->bind_address_count + 1, sizeof *router->bind_addresses);
    if (router->ports == NULL || router->bind_addresses == NULL)
        return SMQ_ERR_NO_MEMORY;
    for (size_t i = 0; i < config->port_count; i++)
        router->ports[i] = config->ports[i];
    for (size_t i = 0; i < config->websocket_port_count; i++)
        router->ports[config->port_count + i] = config->websocket_ports[i];
    for (size_t i = 0; i < config->bind_address_count; i++)
        if ((router->bind_addresses[i] = memory_copy_of_text(config->bind_addresses[i])) == NULL)
            return SMQ_ERR_NO_MEMORY;
    return SMQ_OK;
}

static enum smq_result check_config(const struct smp_router_config *config) {
    bool versions = config->version_min >= 6 && config->version_min <= config->version_max && config->version_max <= 18;
    bool ports = config->port_count >= 1 && config->port_count <= ROUTER_LISTENERS_MAX &&
                 config->websocket_port_count <= ROUTER_LISTENERS_MAX - config->port_count;
    bool proxy =
        !config->proxy.enabled || (config->proxy.client_concurrency >= 1 && config->proxy.connect_timeout_ms > 0 &&
                                   config->proxy.forward_timeout_ms > 0 && config->proxy.ping_interval_ms > 0);
    return versions && ports && proxy && config->queue_quota >= 1 && config->store_directory != NULL ? SMQ_OK
                                                                                                     : SMQ_ERR_INVALID;
}

static enum smq_result open_store(struct smp_router *router) {
    struct store_options options = {
        .directory = router->config.store_directory,
        .map_size = router->config.map_size,
        .durability =
            router->config.durability == SMP_DURABILITY_COMMIT ? STORE_DURABILITY_COMMIT : STORE_DURABILITY_INTERVAL,
        .interval_ms = router->config.durability_interval_ms,
    };
    return store_open(&smp_store_layout, &options, &router->store);
}

static void stop_net(void *context) {
    struct smp_router *router = context;
    net_destroy(&router->net);
}

/* Every received block is answered, from the last commit if need be, and the answers are on their way, or the deadline
 * passes: what no lane has begun by then is dropped without an effect or an answer. */
static void drain(void *context) {
    struct smp_router *router = context;
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
    struct smp_router *router = context;
    for (unsigned i = 0; i < router->listener_count; i++)
        listener_stop(&router->listeners[i]);
    router->listener_count = 0;
}

static enum smq_result start_net(struct smp_router *router) {
    struct net_options options = {
        .receive_lanes = lane_count(router->config.receive_lanes),
        .send_lanes = lane_count(router->config.send_lanes),
        .limits = router->config.limits,
        .send_lane_start = delivery_lane_start,
        .send_lane_stop = delivery_lane_stop,
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

static enum smq_result start_roles(struct smp_router *router, const struct operator_options *operator, char * error,
                                   size_t error_size) {
    enum smq_result result = supervisor_create(&router->supervisor);
    if (result == SMQ_OK)
        result = writer_create(router, &router->writer);
    if (result == SMQ_OK)
        result = services_create(router, &router->services);
    for (unsigned i = 0; i < router->subscriber_count && result == SMQ_OK; i++)
        result = subscriber_lane_create(router, i, &router->subscribers[i]);
    if (result == SMQ_OK && router->config.proxy.enabled)
        result = proxy_create(router, &router->proxy, error, error_size);
    for (unsigned i = 0; i < router->process_count && result == SMQ_OK; i++)
        result = process_lane_create(router, i, &router->process[i]);
    if (result == SMQ_OK)
        result = start_net(router);
    if (result == SMQ_OK)
        result = expirer_create(router, &router->expirer);
    if (result == SMQ_OK)
        result = router_operator_start(router, operator, error, error_size);
    return result;
}

enum smq_result smp_router_create(const struct smp_router_config *config, struct smp_router **out, char *error,
                                  size_t error_size) {
    if (error_size > 0)
        error[0] = 0;
    enum smq_result result = check_config(config);
    if (result != SMQ_OK)
        return fail(result, error, error_size, "configuration");
    if (crypto_setup() != SMQ_OK)
        return fail(SMQ_ERR_CRYPTO, error, error_size, "cryptographic libraries");
    struct smp_router *router = memory_zalloc(sizeof *router);
    if (router == NULL)
        return fail(SMQ_ERR_NO_MEMORY, error, error_size, "router");
    waker_init_futex(&router->quiet);
    random_bytes(router->hash_key, sizeof router->hash_key);
    router->new_quota = memory_zalloc(sizeof *router->new_quota);
    if (router->new_quota == NULL) {
        result = fail(SMQ_ERR_NO_MEMORY, error, error_size, "router");
        goto failed;
    }
    new_quota_init(router->new_quota, router->hash_key);
    atomic_init(&router->batches_in_progress, 1);
    result = keep_config(router, config);
    if (result != SMQ_OK) {
        (void)fail(result, error, error_size, "configuration");
        goto failed;
    }
    struct router_identity *identity = NULL;
    result = identity_load(config, clock_realtime_s(), &identity, error, error_size);
    if (result != SMQ_OK) {
        if (error_size > 0 && error[0] == 0)
            (void)fail(result, error, error_size, "TLS credentials");
        goto failed;
    }
    memcpy(router->fingerprint, identity->fingerprint, sizeof router->fingerprint);
    atomic_init(&router->identity, identity);
    result = open_store(router);
    if (result != SMQ_OK) {
        (void)fail(result, error, error_size, config->store_directory);
        goto failed;
    }
    result = router_operator_create(router, &config->operator);
    if (result == SMQ_OK)
        result = start_roles(router, &config->operator, error, error_size);
    if (result != SMQ_OK && (error_size == 0 || error[0] == 0))
        (void)fail(result, error, error_size, "starting the router's roles");
    if (result != SMQ_OK)
        goto failed;
    *out = router;
    return SMQ_OK;

failed:
    smp_router_destroy(&router);
    return result;
}

static struct listen_manners manners_of(const struct smp_router_config *config) {
    return (struct listen_manners){.tls_timeout_ms = config->tls_timeout_ms,
                                   .handshake_timeout_ms = config->handshake_timeout_ms,
                                   .keep_alive = config->keep_alive,
                                   .log_tls_errors = config->log_tls_errors,
                                   .log_peers = config->log_peers};
}

static enum smq_result listen_on(struct smp_router *router, uint16_t port, const struct framing *framing, char *error,
                                 size_t error_size) {
    struct listen_options options = {
        .addresses = (const char *const *)router->bind_addresses,
        .address_count = router->config.bind_address_count,
        .port = port,
        .protocol = &client_session_protocol,
        .framing = framing,
        .accept = client_session_accept,
        .context = router,
        .has_keep_alive = true,
        .manners = manners_of(&router->config),
    };
    unsigned i = router->listener_count;
    enum smq_result result = net_listen(router->net, &options, &router->listeners[i], error, error_size);
    if (result != SMQ_OK)
        return result;
    router->bound_ports[i] = listener_port(router->listeners[i]);
    router->listener_count++;
    return SMQ_OK;
}

enum smq_result smp_router_listen(struct smp_router *router, char *error, size_t error_size) {
    enum smq_result result = SMQ_OK;
    size_t count = router->config.port_count + router->config.websocket_port_count;
    for (size_t i = 0; i < count && result == SMQ_OK; i++)
        result = listen_on(router, router->ports[i], i < router->config.port_count ? NULL : &websocket_framing, error,
                           error_size);
    if (result == SMQ_OK) {
        result = supervisor_add(router->supervisor, "listeners", stop_listening, router);
        if (result != SMQ_OK)
            (void)fail(result, error, error_size, "listeners");
    }
    if (result != SMQ_OK)
        stop_listening(router);
    return result;
}

static enum smq_result reload(struct smp_router *router, const struct smp_router_config *config, char *error,
                              size_t error_size) {
    struct router_identity *identity = NULL;
    if (error_size > 0)
        error[0] = 0;
    enum smq_result result = check_config(config);
    if (result != SMQ_OK)
        return fail(result, error, error_size, "configuration");
    result = identity_load(config, clock_realtime_s(), &identity, error, error_size);
    if (result == SMQ_OK && memcmp(identity->fingerprint, router->fingerprint, sizeof router->fingerprint) != 0) {
        result = SMQ_ERR_INVALID;
        if (error_size > 0)
            (void)snprintf(error, error_size, "%s: another identity than the router's; that needs a restart",
                           config->ca_certificate_path);
    }
    if (result == SMQ_OK && router->proxy != NULL)
        result = proxy_reload(router->proxy, config);
    if (result == SMQ_OK)
        result = live_apply(&router->live, config);
    if (result != SMQ_OK) {
        identity_release(&identity);
        return error_size > 0 && error[0] == 0 ? fail(result, error, error_size, "reloading") : result;
    }
    net_set_limits(router->net, &config->limits);
    const struct listen_manners manners = manners_of(config);
    for (unsigned i = 0; i < router->listener_count; i++)
        listener_change(router->listeners[i], &manners);
    identity_replace(&router->identity, identity);
    expirer_settings_changed(router->expirer);
    operator_reload(router->operator, & config->operator);
    identity_warn(identity, clock_realtime_s());
    return SMQ_OK;
}

enum smq_result smp_router_check(const struct smp_router_config *config, int64_t *valid_until_s, char *error,
                                 size_t error_size) {
    struct router_identity *identity = NULL;
    if (error_size > 0)
        error[0] = 0;
    enum smq_result result = check_config(config);
    if (result != SMQ_OK)
        return fail(result, error, error_size, "configuration");
    if (crypto_setup() != SMQ_OK)
        return fail(SMQ_ERR_CRYPTO, error, error_size, "cryptographic libraries");
    result = identity_load(config, clock_realtime_s(), &identity, error, error_size);
    if (result != SMQ_OK)
        return error_size > 0 && error[0] == 0 ? fail(result, error, error_size, "TLS credentials") : result;
    *valid_until_s = identity->valid_until_s;
    identity_release(&identity);
    return SMQ_OK;
}

void smp_router_reload_failed(struct smp_router *router) {
    counters_add(router->counters, COUNT_RELOAD_FAILURES, 1);
}

enum smq_result smp_router_reload(struct smp_router *router, const struct smp_router_config *config, char *error,
                                  size_t error_size) {
    enum smq_result result = reload(router, config, error, error_size);
    if (result != SMQ_OK)
        smp_router_reload_failed(router);
    return result;
}

uint16_t smp_router_port(const struct smp_router *router, size_t i) {
    return i < ROUTER_LISTENERS_MAX ? router->bound_ports[i] : 0;
}

const uint8_t *smp_router_fingerprint(const struct smp_router *router) {
    return router->fingerprint;
}

int smp_router_failure_fd(const struct smp_router *router) {
    return supervisor_fd(router->supervisor);
}

static void free_config(struct smp_router *router) {
    memory_free(router->ports);
    for (size_t i = 0; router->bind_addresses != NULL && i < router->config.bind_address_count; i++)
        memory_free(router->bind_addresses[i]);
    memory_free(router->bind_addresses);
}

void smp_router_destroy(struct smp_router **out) {
    struct smp_router *router = *out;
    if (router == NULL)
        return;
    if (router->supervisor != NULL)
        supervisor_destroy(&router->supervisor);
    router_operator_destroy(router);
    for (unsigned i = 0; i < router->process_count; i++)
        process_lane_destroy(&router->process[i]);
    for (unsigned i = 0; i < router->subscriber_count; i++)
        subscriber_lane_destroy(&router->subscribers[i]);
    services_destroy(&router->services);
    writer_destroy(&router->writer);
    expirer_destroy(&router->expirer);
    proxy_destroy(&router->proxy);
    store_close(&router->store);
    identity_replace(&router->identity, NULL);
    live_destroy(&router->live);
    if (router->new_quota != NULL)
        new_quota_clear(router->new_quota);
    memory_free(router->new_quota);
    waker_destroy(&router->quiet);
    free_config(router);
    memory_free(router);
    *out = NULL;
}

struct operator* smp_router_operator(struct smp_router *router) {
    return router->operator;
}

static uint64_t value_of(const struct smp_router *router, unsigned counter) {
    int64_t value = counters_read(router->counters, counter);
    return value > 0 ? (uint64_t)value : 0;
}

/* `first`: of the five, in their order. */
static struct smp_proxy_statistics proxy_statistics(const struct smp_router *router, unsigned first) {
    return (struct smp_proxy_statistics){
        .requests = value_of(router, first),
        .successes = value_of(router, first + PROXY_COUNTER(successes)),
        .errors_connect = value_of(router, first + PROXY_COUNTER(errors_connect)),
        .errors_compat = value_of(router, first + PROXY_COUNTER(errors_compat)),
        .errors_other = value_of(router, first + PROXY_COUNTER(errors_other)),
    };
}

void smp_router_statistics(struct smp_router *router, struct smp_router_statistics *statistics) {
    struct net_statistics net;
    int64_t values[STATISTICS_VALUES_MAX];
    statistics_sample(router->statistics, values);
    net_read_statistics(router->net, &net);
    *statistics = (struct smp_router_statistics){
        .queues = (uint64_t)values[VALUE_QUEUES],
        .messages = (uint64_t)values[VALUE_MESSAGES],
        .notifications = (uint64_t)values[VALUE_NOTIFICATIONS],
        .connections = value_of(router, COUNT_CONNECTIONS),
        .subscriptions = value_of(router, COUNT_SUBSCRIPTIONS),
        .queues_created = value_of(router, COUNT_Q_CREATED),
        .queues_deleted = value_of(router, COUNT_Q_DELETED_ALL),
        .queues_secured = value_of(router, COUNT_Q_SECURED),
        .messages_sent = value_of(router, COUNT_MSG_SENT),
        .messages_received = value_of(router, COUNT_MSG_RECV),
        .messages_expired = value_of(router, COUNT_MSG_EXPIRED),
        .quota_refusals = value_of(router, COUNT_MSG_SENT_QUOTA),
        .notifications_sent = value_of(router, COUNT_MSG_NTFS),
        .notifications_expired = value_of(router, COUNT_MSG_NTF_EXPIRED),
        .authorization_failures = value_of(router, COUNT_AUTH_FAILURES),
        .store_failures = value_of(router, COUNT_STORE_FAILURES),
        .forwards_received = value_of(router, COUNT_P_MSG_FWDS_RECV),
        .new_refused_address = value_of(router, COUNT_NEW_REFUSED_ADDRESS),
        .new_refused_password = value_of(router, COUNT_NEW_REFUSED_PASSWORD),
        .new_refused_unused = value_of(router, COUNT_NEW_REFUSED_UNUSED),
        .reload_failures = value_of(router, COUNT_RELOAD_FAILURES),
        .dropped_unsent = net.dropped_unsent,
        .unused_queues = unused_queues_count(&router->new_quota->unused),
        .relays = proxy_statistics(router, COUNT_P_RELAYS_REQUESTS),
        .relays_own = proxy_statistics(router, COUNT_P_RELAYS_OWN_REQUESTS),
        .forwards = proxy_statistics(router, COUNT_P_MSG_FWDS_REQUESTS),
        .forwards_own = proxy_statistics(router, COUNT_P_MSG_FWDS_OWN_REQUESTS),
    };
}
