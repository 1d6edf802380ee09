/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server.ini: its keys, and the router configuration that they make. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/smp/router.h"
#include "bin/common/ini.h"

enum { SETTINGS_LIST_MAX = 16, SETTINGS_LIST_TEXT_MAX = 512 };

/* Values as they stand in the file; texts are owned by `ini`. */
struct smp_settings {
    struct ini *ini;
    /* [INFORMATION] */
    const char *source_code; /* NULL: not given */
    /* [STORE_LOG] */
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
    /* [LOG] */
    int log_level; /* index into smp_settings_log_levels */
    /* [AUTH] */
    bool new_queues;
    const char *create_password; /* NULL: none is needed */
    /* [TRANSPORT] */
    const char *host, *port, *bind, *smp_versions, *websockets, *dns_servers;
    int64_t tls_timeout, handshake_timeout;
    bool log_tls_errors, log_peers, accept_service_credentials;
    int64_t tcp_keepalive_idle, tcp_keepalive_interval, tcp_keepalive_probes, tcp_user_timeout;
    /* [LIMITS] */
    int64_t max_connections, max_handshakes, handshake_rate, handshake_burst;
    int64_t cookie_handshakes, address_cookie_handshakes, cookie_rate;
    int64_t address_connections, address_handshakes, address_rate, address_burst;
    int64_t block_timeout;
    bool limit_loopback;
    /* [PROXY] */
    bool proxy;                     /* enable */
    const char *own_server_domains; /* NULL: none */
    int64_t client_concurrency;
    bool allow_private;
    int64_t relay_connections, relay_attempts, client_attempts;
    int64_t relay_idle; /* s */
    int64_t forward_bytes;
    int64_t relay_error_interval, relay_connect_timeout, relay_timeout, relay_ping_interval, relay_silence;
    int host_mode; /* index: public, onion */
    bool required_host_mode;
    const char *socks_proxy; /* NULL: none; a secret, since it may have a password */
    int socks_mode;          /* index: onion, always */
    /* [INACTIVE_CLIENTS] */
    bool disconnect;
    int64_t inactive_ttl, inactive_check_interval;
    /* [ROLES] */
    int64_t receive, process, send;
    /* Parsed from `port`, `websockets` and `bind`. */
    uint16_t ports[SETTINGS_LIST_MAX];
    size_t port_count;
    uint16_t websocket_ports[SETTINGS_LIST_MAX];
    size_t websocket_port_count;
    char bind_text[SETTINGS_LIST_TEXT_MAX];
    const char *bind_addresses[SETTINGS_LIST_MAX];
    size_t bind_address_count;
};

/* Names of log levels, as on the command line; ends with NULL. */
extern const char *const smp_settings_log_levels[];

/* The keys of smp-server.ini. */
extern const struct ini_table smp_settings_table;

/* Reads the file; errors of ini_load, with report->error. Destroy the settings only after a success. Blocks for the
 * file. */
enum smq_result smp_settings_load(const char *path, struct smp_settings *settings, struct ini_report *report);
/* Wipes and frees the texts. */
void smp_settings_destroy(struct smp_settings *settings);

/* [LIMITS]; max_connections as it stands there: see smp_limits.h. */
struct net_limits smp_settings_limits(const struct smp_settings *settings);

/* The router's configuration without credential paths and store directory. Its texts and lists are those of
 * `settings`. */
struct smp_router_config smp_settings_router_config(const struct smp_settings *settings);

/* Checks of texts that come from the command line, too. */
bool smp_settings_password_valid(const char *text);
bool smp_settings_country_valid(const char *text); /* two letters */
bool smp_settings_hosting_type_valid(const char *text);
