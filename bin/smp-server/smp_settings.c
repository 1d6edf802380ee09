/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The sections of smp-server.ini, and what the router makes of their values. */
#include "bin/smp-server/smp_settings.h"

#include <stdio.h>
#include <string.h>

#include "bin/smp-server/smp_settings_rows.h"
#include "queues/base/secret.h"

#define PART(section_, field_, rows_, ...)                                                                             \
    { .section = section_, .rows = &(rows_), .base = offsetof(struct smp_settings, field_), __VA_ARGS__ }

static const struct ini_part parts[] = {
    PART("INFORMATION", information, information_rows, .comment = information_comment),
    PART("STORE_LOG", store, smp_store_rows, .comment = smp_store_comment),
    PART("STORE_LOG", statistics, statistics_rows),
    PART("AUTH", auth, smp_auth_rows, .strict = true),
    PART("AUTH", control, control_password_rows, .strict = true),
    PART("TRANSPORT", transport, transport_rows),
    PART("TRANSPORT", smp_transport, smp_transport_rows),
    PART("TRANSPORT", control, control_port_rows),
    PART("TRANSPORT", monitor, monitor_rows),
    PART("LIMITS", limits, limits_rows, .comment = "What peers may take of the router; 0: no limit."),
    PART("LIMITS", smp_limits, smp_limit_rows),
    PART("PROXY", proxy, smp_proxy_rows),
    PART("PROXY", network, network_rows),
    PART("INACTIVE_CLIENTS", inactive, inactive_rows),
    PART("ROLES", roles, role_rows),
    PART("LOG", log, log_rows),
    PART("WEB", web, web_rows),
};

const struct ini_table smp_settings_table = {.parts = parts, .count = sizeof parts / sizeof parts[0]};

/* Ports that serve plain blocks already are left out, as the reference does. */
static void remove_ports(uint16_t *ports, size_t *count, const uint16_t *removed, size_t removed_count) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool is_removed = false;
        for (size_t k = 0; k < removed_count; k++)
            is_removed = is_removed || (ports[i] != 0 && ports[i] == removed[k]);
        if (!is_removed)
            ports[kept++] = ports[i];
    }
    *count = kept;
}

/* All were checked line by line and parse again. */
static enum smq_result parse_lists(struct smp_settings *settings) {
    const struct smp_transport_settings *transport = &settings->smp_transport;
    if (!settings_parse_ports(transport->port, settings->ports, &settings->port_count) ||
        !smp_settings_parse_websockets(transport->websockets, settings->websocket_ports,
                                       &settings->websocket_port_count) ||
        !settings_parse_addresses(settings->transport.bind, settings->bind_text, settings->bind_addresses,
                                  &settings->bind_address_count) ||
        !settings_parse_ranges(settings->transport.proxy_addresses, settings->proxies, &settings->proxy_count))
        return SMQ_ERR_INTERNAL;
    if (!settings->transport.proxy_protocol)
        settings->proxy_count = 0;
    remove_ports(settings->websocket_ports, &settings->websocket_port_count, settings->ports, settings->port_count);
    return SMQ_OK;
}

static enum smq_result find_socks_proxy(struct smp_settings *settings, const char *path, struct ini_report *report) {
    const char *reason = NULL;
    if (settings->network.socks_proxy == NULL)
        return SMQ_OK;
    enum smq_result result = settings_socks_resolve(settings->network.socks_proxy, settings->socks_proxy, &reason);
    if (result == SMQ_OK)
        return SMQ_OK;
    (void)snprintf(report->error, sizeof report->error, "%s: [PROXY] socks_proxy: its host cannot be looked up: %s",
                   path, reason);
    if (report->mistake != NULL)
        report->mistake(report->context, report->error);
    return result;
}

enum smq_result smp_settings_load(const char *path, struct smp_settings *settings, struct ini_report *report) {
    *settings = (struct smp_settings){.store = {.expire_messages_ttl = -1, .expire_ntfs_ttl = -1}};
    enum smq_result result = ini_load(path, &smp_settings_table, settings, report, &settings->ini);
    if (result != SMQ_OK)
        return result;
    result = parse_lists(settings);
    if (result == SMQ_OK)
        result = find_socks_proxy(settings, path, report);
    if (result != SMQ_OK)
        smp_settings_destroy(settings);
    return result;
}

void smp_settings_destroy(struct smp_settings *settings) {
    secret_wipe(settings->socks_proxy, sizeof settings->socks_proxy);
    ini_destroy(&settings->ini);
}

/* ---- the router's configuration */

static void configure_store(struct smp_router_config *config, const struct smp_store_settings *settings) {
    bool message_seconds = settings->expire_messages_ttl >= 0, ntf_seconds = settings->expire_ntfs_ttl >= 0;
    config->map_size = (uint64_t)settings->map_size;
    config->durability = settings->durability == 0 ? ROUTER_DURABILITY_COMMIT : ROUTER_DURABILITY_INTERVAL;
    config->durability_interval_ms = (uint32_t)settings->durability_interval;
    config->queue_quota = (uint32_t)settings->queue_quota;
    config->message_ttl_s =
        (uint64_t)(message_seconds ? settings->expire_messages_ttl : settings->expire_messages_days * 86400);
    config->message_expiry_interval_s = (uint32_t)settings->expire_messages_interval;
    config->expire_messages_on_start = settings->expire_messages_on_start;
    config->expire_messages_on_send = settings->expire_messages_on_send;
    config->notification_ttl_s =
        (uint64_t)(ntf_seconds ? settings->expire_ntfs_ttl : settings->expire_ntfs_hours * 3600);
    config->notification_expiry_interval_s = (uint32_t)settings->expire_ntfs_interval;
    config->notification_delivery_interval_ms = (uint32_t)settings->deliver_ntfs_interval;
    config->end_delivery_interval_ms = (uint32_t)settings->deliver_ends_interval;
}

static void configure_transport(struct smp_router_config *config, const struct smp_settings *settings) {
    const struct transport_settings *transport = &settings->transport;
    struct version_range versions = {SMP_VERSION_MIN, SMP_VERSION_MAX};
    (void)smp_settings_parse_versions(settings->smp_transport.smp_versions, &versions); /* checked when it was read */
    config->bind_addresses = settings->bind_addresses;
    config->bind_address_count = settings->bind_address_count;
    config->ports = settings->ports;
    config->port_count = settings->port_count;
    config->websocket_ports = settings->websocket_ports;
    config->websocket_port_count = settings->websocket_port_count;
    config->version_min = versions.min;
    config->version_max = versions.max;
    config->tls_timeout_ms = (uint32_t)(transport->tls_timeout * 1000);
    config->handshake_timeout_ms = (uint32_t)(transport->handshake_timeout * 1000);
    config->keep_alive = settings_keep_alive(transport);
    config->accept_service_credentials = settings->smp_transport.accept_service_credentials;
    config->log_tls_errors = transport->log_tls_errors;
    config->log_peers = transport->log_peers;
    config->proxies = settings->proxies;
    config->proxy_count = settings->proxy_count;
    config->dns_servers = transport->dns_servers;
}

static void configure_proxy(struct smp_router_config *config, const struct smp_settings *settings) {
    const struct smp_proxy_settings *proxy = &settings->proxy;
    config->proxy_network =
        settings_network(&settings->network, settings->socks_proxy[0] == '\0' ? NULL : settings->socks_proxy);
    config->proxy = (struct smp_proxy_config){
        .enabled = proxy->enable,
        .client_concurrency = (uint32_t)proxy->client_concurrency,
        .own_server_domains = settings->network.own_server_domains,
        .connect_timeout_ms = (uint32_t)(proxy->relay_connect_timeout * 1000),
        .forward_timeout_ms = (uint32_t)(proxy->relay_timeout * 1000),
        .allow_private = proxy->allow_private,
        .relay_connections = (uint32_t)proxy->relay_connections,
        .relay_attempts = (uint32_t)proxy->relay_attempts,
        .client_attempts = (uint32_t)proxy->client_attempts,
        .relay_idle_ms = (uint32_t)(proxy->relay_idle * 1000),
        .forward_bytes = (uint64_t)proxy->forward_bytes,
        .error_persistence_ms = (uint32_t)(proxy->relay_error_interval * 1000),
        .ping_interval_ms = (uint32_t)(proxy->relay_ping_interval * 1000),
        .silence_ms = (uint32_t)(proxy->relay_silence * 1000),
    };
}

struct smp_router_config smp_settings_router_config(const struct smp_settings *settings) {
    struct smp_router_config config = smp_router_config_default();
    configure_store(&config, &settings->store);
    configure_transport(&config, settings);
    configure_proxy(&config, settings);
    config.operator= settings_operator_options(&settings->statistics, &settings->control);
    config.limits = settings_net_limits(&settings->limits);
    config.new_queues_per_address = (uint32_t)settings->smp_limits.new_queues_per_address;
    config.new_queues_per_password = (uint32_t)settings->smp_limits.new_queues_per_password;
    config.unused_queues = (uint64_t)settings->smp_limits.unused_queues;
    config.new_queues = settings->auth.new_queues;
    config.create_password = settings->auth.create_password;
    config.disconnect_inactive = settings->inactive.disconnect;
    config.inactive_ttl_s = (uint32_t)settings->inactive.ttl;
    config.inactive_check_interval_s = (uint32_t)settings->inactive.check_interval;
    config.receive_lanes = (unsigned)settings->roles.receive;
    config.process_lanes = (unsigned)settings->roles.process;
    config.send_lanes = (unsigned)settings->roles.send;
    return config;
}
