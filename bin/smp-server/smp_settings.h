/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server.ini: its keys, and the router configuration that they make. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/smp/router.h"
#include "bin/common/ini.h"
#include "bin/common/settings_checks.h"
#include "bin/common/settings_information.h"
#include "bin/common/settings_operator.h"
#include "bin/common/settings_socks.h"
#include "bin/common/settings_transport.h"

/* [STORE_LOG], besides struct statistics_settings */
struct smp_store_settings {
    bool enable, restore_messages; /* of the reference: whether it keeps anything */
    int store_queues;              /* index: memory, database */
    int store_messages;            /* index: memory, journal, database */
    int64_t queue_quota;
    int64_t expire_messages_days, expire_messages_ttl; /* the ttl, in seconds, counts when it is not negative */
    int64_t expire_messages_interval;
    bool expire_messages_on_start, expire_messages_on_send;
    int64_t expire_ntfs_hours, expire_ntfs_ttl; /* as above */
    int64_t expire_ntfs_interval;
    int64_t deliver_ntfs_interval; /* ms */
    int64_t deliver_ends_interval; /* ms */
    int durability;                /* enum smp_durability */
    int64_t durability_interval;   /* ms */
    int64_t map_size;
};

/* [AUTH], besides struct control_settings */
struct smp_auth_settings {
    bool new_queues;
    const char *create_password; /* NULL: none is needed */
};

/* [TRANSPORT], besides struct transport_settings and control_settings */
struct smp_transport_settings {
    const char *port, *smp_versions, *websockets;
    bool accept_service_credentials;
};

/* [LIMITS], besides struct limits_settings */
struct smp_limit_settings {
    int64_t new_queues_per_address, new_queues_per_password, unused_queues;
};

/* [PROXY], besides struct network_settings */
struct smp_proxy_settings {
    bool enable;
    int64_t client_concurrency;
    bool allow_private;
    int64_t relay_connections, relay_attempts, client_attempts;
    int64_t relay_idle; /* s */
    int64_t forward_bytes;
    int64_t relay_error_interval, relay_connect_timeout, relay_timeout, relay_ping_interval, relay_silence;
};

/* Values as they stand in the file; texts are owned by `ini`. */
struct smp_settings {
    struct ini *ini;
    struct information_settings information;
    struct smp_store_settings store;
    struct statistics_settings statistics;
    struct smp_auth_settings auth;
    struct control_settings control;
    struct transport_settings transport;
    struct smp_transport_settings smp_transport;
    struct limits_settings limits;
    struct smp_limit_settings smp_limits;
    struct network_settings network;
    struct smp_proxy_settings proxy;
    struct inactive_settings inactive;
    struct role_settings roles;
    struct web_settings web;
    struct monitor_settings monitor;
    struct log_settings log;
    /* Parsed from `port`, `websockets`, `bind` and `socks_proxy`. */
    uint16_t ports[SETTINGS_LIST_MAX];
    size_t port_count;
    uint16_t websocket_ports[SETTINGS_LIST_MAX];
    size_t websocket_port_count;
    char bind_text[SETTINGS_LIST_TEXT_MAX];
    const char *bind_addresses[SETTINGS_LIST_MAX];
    size_t bind_address_count;
    struct net_address_range proxies[SETTINGS_LIST_MAX];
    size_t proxy_count;                        /* 0: proxy_protocol is off */
    char socks_proxy[SETTINGS_SOCKS_TEXT_MAX]; /* its host is an address; empty: none */
};

/* The keys of smp-server.ini. */
extern const struct ini_table smp_settings_table;

/* Reads the file; errors of ini_load, with report->error, and SMQ_ERR_NETWORK: a name in it cannot be looked up. Blocks
 * for both. Destroy the settings only after a success. They stay where they are: parts point into each other. */
enum smq_result smp_settings_load(const char *path, struct smp_settings *settings, struct ini_report *report);
/* Wipes and frees the texts. */
void smp_settings_destroy(struct smp_settings *settings);

/* The router's configuration without credential paths and store directory. Its texts and lists are those of
 * `settings`. */
struct smp_router_config smp_settings_router_config(const struct smp_settings *settings);
