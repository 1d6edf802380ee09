/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The proxy's life: the context and agent that connect to relays. */
#include "actors/proxy/proxy.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "actors/client/smq/network.h"
#include "actors/smp/metrics.h"
#include "queues/base/memory.h"
#include "queues/base/rcu.h"

enum {
    UNSENT_BYTES_MAX = 16 << 20, /* commands that wait to be sent to one relay: a thousand */
    ERRORS_MAX = 4096,           /* relays that could not be reached and are not tried again for a while */
    OUTSTANDING_MAX = 1 << 20,   /* clients are limited, relays need not be */
};

void proxy_count(const struct proxy_counter_pair *pair, bool own, size_t counter) {
    counters_add(pair->counters, pair->all + counter, 1);
    if (own)
        counters_add(pair->counters, pair->own + counter, 1);
}

bool proxy_take_bytes(struct proxy *proxy, size_t size) {
    uint64_t limit = live_value(proxy->router->live.forward_bytes);
    if (atomic_fetch_add_explicit(&proxy->forward_bytes, size, memory_order_relaxed) + size <= limit)
        return true;
    proxy_give_bytes(proxy, size);
    return false;
}

void proxy_give_bytes(struct proxy *proxy, size_t size) {
    atomic_fetch_sub_explicit(&proxy->forward_bytes, size, memory_order_relaxed);
}

/* Each costs a descriptor; clients need most of them. */
static uint32_t connections_max(uint32_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || wanted < limit.rlim_cur / 4)
        return wanted;
    return limit.rlim_cur < 8 ? 2 : (uint32_t)(limit.rlim_cur / 4);
}

static struct client_agent_limits limits_of(const struct smp_proxy_config *config) {
    return (struct client_agent_limits){.connections = connections_max(config->relay_connections),
                                        .attempts = config->relay_attempts,
                                        .owner_waits = config->client_attempts,
                                        .idle_ms = config->relay_idle_ms,
                                        .errors = ERRORS_MAX};
}

static void stop_proxy(void *context) {
    struct proxy *proxy = context;
    smq_client_agent_close(&proxy->agent);
    smq_context_destroy_within(&proxy->context, 0); /* forwards are told by it, relays are not waited for */
}

/* ---- policy */

static void free_policy(struct proxy_policy *policy) {
    if (policy != NULL)
        smq_network_release(&policy->network);
    memory_free(policy);
}

static enum smq_result make_policy(const struct smp_router_config *config, struct proxy_policy **made) {
    const char *domains = config->proxy.own_server_domains == NULL ? "" : config->proxy.own_server_domains;
    size_t size = strlen(domains) + 1;
    struct smq_network_options options = config->proxy_network;
    options.web_port = SMQ_WEB_PORT_OFF;
    struct proxy_policy *policy = memory_zalloc(sizeof *policy + size);
    if (policy == NULL)
        return SMQ_ERR_NO_MEMORY;
    memcpy(policy->own_domains, domains, size);
    enum smq_result result = smq_network_create(&options, &policy->network);
    if (result == SMQ_OK)
        *made = policy;
    else
        free_policy(policy);
    return result;
}

bool proxy_is_own(const struct proxy *proxy, const char *host) {
    read_section_begin();
    const struct proxy_policy *policy = atomic_load_explicit(&proxy->policy, memory_order_acquire);
    bool own = client_agent_is_own_server(policy->own_domains, host);
    read_section_end();
    return own;
}

enum smq_result proxy_choose_address(const struct proxy *proxy, const struct server_address *listed,
                                     struct server_address *relay) {
    read_section_begin();
    const struct proxy_policy *policy = atomic_load_explicit(&proxy->policy, memory_order_acquire);
    enum smq_result result = proxy_relay_address(policy->network, listed, relay);
    read_section_end();
    return result;
}

enum smq_result proxy_reload(struct proxy *proxy, const struct smp_router_config *config) {
    const struct smp_proxy_config *options = &config->proxy;
    struct proxy_policy *policy = NULL;
    enum smq_result result = make_policy(config, &policy);
    if (result != SMQ_OK)
        return result;
    const struct client_agent_change change = {.limits = limits_of(options),
                                               .network = policy->network,
                                               .error_persistence_ms = options->error_persistence_ms,
                                               .connect_timeout_ms = options->connect_timeout_ms,
                                               .ping_interval_ms = options->ping_interval_ms,
                                               .ping_window_ms = options->silence_ms};
    result = client_agent_change(proxy->agent, &change);
    if (result != SMQ_OK) {
        free_policy(policy);
        return result;
    }
    context_allow_private(proxy->context, options->allow_private);
    struct proxy_policy *before = atomic_exchange(&proxy->policy, policy);
    grace_period_wait();
    free_policy(before);
    return SMQ_OK;
}

/* ---- life */

static enum smq_result make_agent(struct proxy *proxy) {
    const struct smp_proxy_config *config = &proxy->router->config.proxy;
    struct smq_client_agent_options options;
    smq_client_agent_options_init(&options);
    options.error_persistence_ms = config->error_persistence_ms;
    options.client.network = atomic_load(&proxy->policy)->network;
    options.client.connect_timeout_ms = config->connect_timeout_ms;
    options.client.unsent_bytes_max = UNSENT_BYTES_MAX;
    options.client.outstanding_max = OUTSTANDING_MAX;
    options.client.ping_interval_ms = config->ping_interval_ms;
    options.client.ping_window_ms = config->silence_ms;
    return smq_client_agent_create(proxy->context, &options, &proxy->agent);
}

/* Half as many lanes as the router has: they take turns with them, and fewer wakes carry more. */
static unsigned half_of(unsigned lanes) {
    long count = lanes > 0 ? (long)lanes : sysconf(_SC_NPROCESSORS_ONLN);
    return count < 2 ? 1 : (unsigned)(count + 1) / 2;
}

static enum smq_result start(struct proxy *proxy) {
    const struct smp_router_config *config = &proxy->router->config;
    struct smq_context_options options;
    smq_context_options_init(&options);
    options.receive_lanes = half_of(config->receive_lanes);
    options.process_lanes = half_of(config->process_lanes);
    options.send_lanes = half_of(config->send_lanes);
    options.dns_servers = config->dns_servers;
    enum smq_result result = smq_context_create(&options, &proxy->context);
    if (result != SMQ_OK)
        return result;
    result = context_become_proxy(proxy->context, config->proxy.allow_private);
    struct proxy_policy *policy = NULL;
    if (result == SMQ_OK)
        result = make_policy(config, &policy);
    atomic_store(&proxy->policy, policy);
    if (result == SMQ_OK)
        result = make_agent(proxy);
    const struct client_agent_limits limits = limits_of(&config->proxy);
    if (result == SMQ_OK)
        client_agent_limit(proxy->agent, &limits);
    return result;
}

enum smq_result proxy_create(struct smp_router *router, struct proxy **out, char *error, size_t error_size) {
    struct proxy *proxy = memory_zalloc(sizeof *proxy);
    if (proxy == NULL)
        return SMQ_ERR_NO_MEMORY;
    proxy->router = router;
    proxy->relays = (struct proxy_counter_pair){router->counters, COUNT_P_RELAYS_REQUESTS, COUNT_P_RELAYS_OWN_REQUESTS};
    proxy->forwards =
        (struct proxy_counter_pair){router->counters, COUNT_P_MSG_FWDS_REQUESTS, COUNT_P_MSG_FWDS_OWN_REQUESTS};
    enum smq_result result = start(proxy);
    if (result == SMQ_ERR_SYNTAX && error_size > 0)
        (void)snprintf(error, error_size, "the SOCKS proxy is no address of the form [user:password@]host[:port]");
    if (result == SMQ_OK)
        result = supervisor_add(router->supervisor, "proxy", stop_proxy, proxy);
    if (result != SMQ_OK) {
        stop_proxy(proxy);
        proxy_destroy(&proxy);
        return result;
    }
    *out = proxy;
    return SMQ_OK;
}

void proxy_destroy(struct proxy **proxy) {
    if (*proxy == NULL)
        return;
    free_policy(atomic_load(&(*proxy)->policy));
    memory_free(*proxy);
    *proxy = NULL;
}
