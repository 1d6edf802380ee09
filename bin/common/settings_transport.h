/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What every router's settings say of its connections and threads: [TRANSPORT], [LIMITS], [INACTIVE_CLIENTS], [ROLES]
 * and [LOG]. */
#pragma once

#include "actors/net/limits.h"
#include "bin/common/ini.h"
#include "bin/common/settings_checks.h"
#include "transport/net/address_range.h"
#include "transport/net/keep_alive.h"

/* [TRANSPORT]; what only one router has, such as the default of its port, is in that router's own rows. */
struct transport_settings {
    const char *host; /* NULL: not given */
    const char *bind, *dns_servers;
    int64_t tls_timeout, handshake_timeout;
    int64_t keepalive_idle, keepalive_interval, keepalive_probes, user_timeout;
    bool log_tls_errors, log_peers;
    bool proxy_protocol;
    const char *proxy_addresses;
};

/* [LIMITS] */
struct limits_settings {
    int64_t max_connections, max_handshakes, handshake_rate, handshake_burst;
    int64_t cookie_handshakes, address_cookie_handshakes, cookie_rate;
    int64_t address_connections, address_handshakes, address_rate, address_burst;
    int64_t block_timeout;
    int64_t unsent_bytes;
    bool limit_loopback;
};

/* [INACTIVE_CLIENTS] */
struct inactive_settings {
    bool disconnect;
    int64_t ttl, check_interval;
};

/* [ROLES] */
struct role_settings {
    int64_t receive, process, send;
};

/* [LOG] */
struct log_settings {
    int level; /* index into settings_log_levels */
};

extern const struct ini_rows transport_rows, limits_rows, inactive_rows, role_rows, log_rows;

/* Names of log levels, as on the command line; ends with NULL. */
extern const char *const settings_log_levels[];
/* Sets the level of the log; `option` is the command line's, which goes before that of the file; -1: none. */
void settings_set_log_level(int option, const struct log_settings *settings);

/* Ranges of addresses, with commas. False: they are no such list, or too many. */
bool settings_parse_ranges(const char *text, struct net_address_range ranges[SETTINGS_LIST_MAX], size_t *count);

struct keep_alive settings_keep_alive(const struct transport_settings *settings);
/* max_connections as it stands there: see server_descriptors.h. */
struct net_limits settings_net_limits(const struct limits_settings *settings);
