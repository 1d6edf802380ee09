/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The proxy's life: the context and agent that connect to relays. */
#include "actors/proxy/proxy.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "actors/client/smq/network.h"
#include "actors/smp/metrics.h"
#include "queues/base/memory.h"

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

static void limit_agent(const struct proxy *proxy) {
    const struct smp_proxy_config *config = &proxy->router->config.proxy;
    client_agent_limit(proxy->agent,
                       &(struct client_agent_limits){.connections = connections_max(config->relay_connections),
                                                     .attempts = config->relay_attempts,
                                                     .owner_waits = config->client_attempts,
                                                     .idle_ms = config->relay_idle_ms,
                                                     .errors = ERRORS_MAX});
}

static void stop_proxy(void *context) {
    struct proxy *proxy = context;
    smq_client_agent_close(&proxy->agent);
    smq_context_destroy_within(&proxy->context, 0); /* forwards are told by it, relays are not waited for */
}

static enum smq_result make_network(const struct smp_router_config *config, struct smq_network **network) {
    struct smq_network_options options = config->proxy_network;
    options.web_port = SMQ_WEB_PORT_OFF;
    return smq_network_create(&options, network);
}

static enum smq_result make_agent(struct proxy *proxy) {
    const struct smp_proxy_config *config = &proxy->router->config.proxy;
    struct smq_client_agent_options options;
    smq_client_agent_options_init(&options);
    options.error_persistence_ms = config->error_persistence_ms;
    options.client.network = proxy->network;
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
    if (result == SMQ_OK)
        result = make_network(config, &proxy->network);
    if (result == SMQ_OK)
        result = make_agent(proxy);
    if (result == SMQ_OK)
        limit_agent(proxy);
    return result;
}

enum smq_result proxy_create(struct smp_router *router, struct proxy **out, char *error, size_t error_size) {
    const struct smp_proxy_config *config = &router->config.proxy;
    struct proxy *proxy = memory_zalloc(sizeof *proxy);
    if (proxy == NULL)
        return SMQ_ERR_NO_MEMORY;
    proxy->router = router;
    proxy->relays = (struct proxy_counter_pair){router->counters, COUNT_P_RELAYS_REQUESTS, COUNT_P_RELAYS_OWN_REQUESTS};
    proxy->forwards =
        (struct proxy_counter_pair){router->counters, COUNT_P_MSG_FWDS_REQUESTS, COUNT_P_MSG_FWDS_OWN_REQUESTS};
    proxy->own_domains = memory_copy_of_text(config->own_server_domains == NULL ? "" : config->own_server_domains);
    enum smq_result result = proxy->own_domains == NULL ? SMQ_ERR_NO_MEMORY : start(proxy);
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
    smq_network_release(&(*proxy)->network);
    memory_free((*proxy)->own_domains);
    memory_free(*proxy);
    *proxy = NULL;
}
