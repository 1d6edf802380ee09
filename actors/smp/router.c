/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP router: what it brings to the kernel, and its configuration and statistics. */
#include "actors/smp/router.h"

#include <stdio.h>

#include "actors/proxy/proxy.h"
#include "actors/smp/client_session.h"
#include "actors/smp/expiry.h"
#include "actors/smp/metrics.h"
#include "actors/smp/process.h"
#include "actors/smp/roles.h"
#include "actors/smp/router_operator.h"
#include "actors/smp/services.h"
#include "actors/smp/subscriber.h"
#include "actors/smp/touch.h"
#include "queues/base/memory.h"
#include "stores/smp/store.h"

struct smp_router_config smp_router_config_default(void) {
    struct smp_router_config config = {
        .base = router_config_default(),
        .version_min = 6,
        .version_max = 18,
        .new_queues_per_address = 36000,
        .unused_queues = 1000000,
        .new_queues = true,
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
    };
    smq_network_options_init(&config.proxy_network);
    config.proxy_network.socks_mode = SMQ_SOCKS_ONION;
    config.proxy_network.host_mode = SMQ_HOST_PUBLIC;
    return config;
}

static const struct smp_router_config *config_of(const struct router_config *config) {
    return owner_of(config, struct smp_router_config, base);
}

static struct smp_router *router_of(struct router *router) {
    return owner_of(router, struct smp_router, base);
}

static enum smq_result check_config(const struct router_config *common) {
    const struct smp_router_config *config = config_of(common);
    bool versions = config->version_min >= 6 && config->version_min <= config->version_max && config->version_max <= 18;
    bool proxy =
        !config->proxy.enabled || (config->proxy.client_concurrency >= 1 && config->proxy.connect_timeout_ms > 0 &&
                                   config->proxy.forward_timeout_ms > 0 && config->proxy.ping_interval_ms > 0);
    return versions && proxy && config->queue_quota >= 1 ? SMQ_OK : SMQ_ERR_INVALID;
}

static enum smq_result apply(struct router *common, const struct router_config *config) {
    struct smp_router *router = router_of(common);
    enum smq_result result = router->proxy != NULL ? proxy_reload(router->proxy, config_of(config)) : SMQ_OK;
    return result == SMQ_OK ? live_apply(&router->live, config_of(config)) : result;
}

static enum smq_result new_quota_create(struct smp_router *router) {
    router->new_quota = memory_zalloc(sizeof *router->new_quota);
    if (router->new_quota == NULL)
        return SMQ_ERR_NO_MEMORY;
    new_quota_init(router->new_quota, router->hash_key);
    return SMQ_OK;
}

static enum smq_result start_roles(struct router *common, char *error, size_t error_size) {
    struct smp_router *router = router_of(common);
    router->subscriber_count = (router->process_count + 3) / 4; /* their work is small: a lane more is a wake more */
    pinning_init(&router->subscriber_pinning, router->subscriber_count);
    enum smq_result result = router_operator_create(router, &router->config.operator);
    if (result == SMQ_OK)
        result = new_quota_create(router);
    if (result == SMQ_OK)
        result = toucher_create(router, &router->toucher);
    if (result == SMQ_OK)
        result = services_create(router, &router->services);
    for (unsigned i = 0; i < router->subscriber_count && result == SMQ_OK; i++)
        result = subscriber_lane_create(router, i, &router->subscribers[i]);
    if (result == SMQ_OK && router->config.proxy.enabled)
        result = proxy_create(router, &router->proxy, error, error_size);
    return result;
}

static enum smq_result started(struct router *common, char *error, size_t error_size) {
    struct smp_router *router = router_of(common);
    return router_operator_start(router, &router->config.operator, error, error_size);
}

static enum smq_result write_metrics(struct router *router, struct text_buffer *text) {
    return operator_metrics(router_of(router)->operator, false, text);
}

static void destroy_roles(struct router *common) {
    struct smp_router *router = router_of(common);
    router_operator_destroy(router);
    for (unsigned i = 0; i < router->subscriber_count; i++)
        subscriber_lane_destroy(&router->subscribers[i]);
    services_destroy(&router->services);
    proxy_destroy(&router->proxy);
    toucher_destroy(&router->toucher);
}

static const struct router_kind smp_router_kind = {
    .certificate_command = "smp-server cert",
    .layout = &smp_store_layout,
    .commands = &smp_commands,
    .protocol = &client_session_protocol,
    .accept = client_session_accept,
    .check = check_config,
    .apply = apply,
    .start_roles = start_roles,
    .started = started,
    .write_metrics = write_metrics,
    .destroy_roles = destroy_roles,
    .expiries = smp_expiries,
    .expiry_count = SMP_EXPIRY_COUNT,
};

enum smq_result smp_router_create(const struct smp_router_config *config, struct smp_router **out, char *error,
                                  size_t error_size) {
    struct smp_router *router = memory_zalloc(sizeof *router);
    if (router == NULL) {
        if (error_size > 0)
            (void)snprintf(error, error_size, "router: %s", smq_result_text(SMQ_ERR_NO_MEMORY));
        return SMQ_ERR_NO_MEMORY;
    }
    router->config = *config;
    enum smq_result result = router_create(&router->base, &smp_router_kind, &config->base, error, error_size);
    if (result == SMQ_OK)
        *out = router;
    else
        smp_router_destroy(&router);
    return result;
}

enum smq_result smp_router_listen(struct smp_router *router, char *error, size_t error_size) {
    return router_listen(&router->base, error, error_size);
}

enum smq_result smp_router_check(const struct smp_router_config *config, int64_t *valid_until_s, char *error,
                                 size_t error_size) {
    return router_check(&smp_router_kind, &config->base, valid_until_s, error, error_size);
}

void smp_router_reload_failed(struct smp_router *router) {
    counters_add(router->counters, COUNT_RELOAD_FAILURES, 1);
}

enum smq_result smp_router_reload(struct smp_router *router, const struct smp_router_config *config, char *error,
                                  size_t error_size) {
    enum smq_result result = router_reload(&router->base, &config->base, error, error_size);
    if (result == SMQ_OK)
        operator_reload(router->operator, & config->operator);
    else
        smp_router_reload_failed(router);
    return result;
}

uint16_t smp_router_port(const struct smp_router *router, size_t i) {
    return router_port(&router->base, i);
}

uint16_t smp_router_web_port(const struct smp_router *router, enum web_port which) {
    return router_web_port(&router->base, which);
}

const uint8_t *smp_router_fingerprint(const struct smp_router *router) {
    return router->fingerprint;
}

int smp_router_failure_fd(const struct smp_router *router) {
    return supervisor_fd(router->supervisor);
}

void smp_router_destroy(struct smp_router **out) {
    struct smp_router *router = *out;
    if (router == NULL)
        return;
    router_destroy(&router->base);
    live_destroy(&router->live);
    if (router->new_quota != NULL)
        new_quota_clear(router->new_quota);
    memory_free(router->new_quota);
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
