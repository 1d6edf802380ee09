/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of connections and threads. */
#include "bin/common/settings_transport.h"

#include <string.h>

#include "actors/net/net.h"
#include "bin/common/ini_rows.h"
#include "bin/common/settings_checks.h"
#include "queues/base/log.h"

/* ---- [TRANSPORT] */

#define FIELD(name) offsetof(struct transport_settings, name)

bool settings_parse_ranges(const char *text, struct net_address_range ranges[SETTINGS_LIST_MAX], size_t *count) {
    *count = 0;
    while (*text != '\0') {
        text += strspn(text, ", ");
        size_t length = strcspn(text, ", ");
        if (length == 0)
            break;
        if (*count == SETTINGS_LIST_MAX || !net_address_range_parse(slice_of(text, length), &ranges[*count]))
            return false;
        (*count)++;
        text += length;
    }
    return *count > 0;
}

static bool ranges_valid(const char *text) {
    struct net_address_range ranges[SETTINGS_LIST_MAX];
    size_t count;
    return settings_parse_ranges(text, ranges, &count);
}

static const struct ini_row transport[] = {
    TEXT_ROW("host", host, "Names or addresses of this server, with commas: for its address, nothing else.",
             .example = "<hostnames>", CHECKED(settings_hosts_valid, SETTINGS_HOSTS)),
    TEXT_ROW("bind", bind, "Addresses to listen on, with commas; all: every IPv4 and IPv6 address.", .initial = "all",
             CHECKED(settings_addresses_valid, SETTINGS_ADDRESSES)),
    NUMBER_ROW("tls_timeout", tls_timeout, "10", 1, 86400, "Seconds until TLS is established.", LIVE),
    NUMBER_ROW("handshake_timeout", handshake_timeout, "30", 1, 86400,
               "Seconds from there until the protocol's handshake is done.", LIVE),
    NUMBER_ROW("tcp_keepalive_idle", keepalive_idle, "300", 1, 32767,
               "Seconds of silence after which a peer is asked whether it is still there.", LIVE),
    NUMBER_ROW("tcp_keepalive_interval", keepalive_interval, "60", 1, 32767, "Seconds between two such questions.",
               LIVE),
    NUMBER_ROW("tcp_keepalive_probes", keepalive_probes, "5", 1, 127,
               "Questions without an answer that end a connection, when tcp_user_timeout is 0.", LIVE),
    NUMBER_ROW("tcp_user_timeout", user_timeout, "420", 0, UINT16_MAX,
               "Seconds without an acknowledgement that end a connection; 0: as above.", LIVE),
    SWITCH_ROW("log_tls_errors", log_tls_errors, "off", "A line in the log for each failed TLS connection.", LIVE,
               .written = "off"),
    SWITCH_ROW("log_peers", log_peers, "off", "Such lines name the address of the peer.", LIVE),
    TEXT_ROW("dns_servers", dns_servers, "Name servers, address[:port] with commas, instead of those of the system.",
             .example = "127.0.0.1",
             CHECKED(net_dns_servers_valid,
                     "IP addresses of name servers, each with :port or without, separated by commas")),
    SWITCH_ROW("proxy_protocol", proxy_protocol, "off",
               "on: connections come through a proxy that says for whom (HAProxy's PROXY protocol, v1 or v2)."),
    TEXT_ROW("proxy_addresses", proxy_addresses,
             "Addresses, or ranges as 10.0.0.0/8, of such proxies; others are refused.", .initial = "127.0.0.1, ::1",
             CHECKED(ranges_valid, "up to 16 IP addresses, or ranges as 10.0.0.0/8, separated by commas")),
};

const struct ini_rows transport_rows = INI_ROWS(transport);

struct keep_alive settings_keep_alive(const struct transport_settings *settings) {
    return (struct keep_alive){.idle_s = (uint16_t)settings->keepalive_idle,
                               .interval_s = (uint16_t)settings->keepalive_interval,
                               .probes = (uint16_t)settings->keepalive_probes,
                               .user_timeout_s = (uint16_t)settings->user_timeout};
}

/* ---- [LIMITS] */

#undef FIELD
#define FIELD(name) offsetof(struct limits_settings, name)

static const struct ini_row limits[] = {
    NUMBER_ROW("max_connections", max_connections, "0", 0, UINT32_MAX,
               "Accepted connections; 0: as many as the limit of open files allows.", LIVE),
    NUMBER_ROW("max_handshakes", max_handshakes, "4096", 0, UINT32_MAX,
               "Connections in handshake; then the oldest is dropped.", LIVE),
    NUMBER_ROW("handshake_rate", handshake_rate, "1000", 0, 1000000, "TLS handshakes that begin in a second.", LIVE),
    NUMBER_ROW("handshake_burst", handshake_burst, "2000", 0, 1000000, "How many of them may begin at once.", LIVE),
    NUMBER_ROW("cookie_handshakes", cookie_handshakes, "64", 0, UINT32_MAX,
               "With so many connections in handshake newcomers are asked for a cookie.", LIVE),
    NUMBER_ROW("cookie_handshakes_per_address", address_cookie_handshakes, "16", 0, UINT32_MAX,
               "The same for those of a newcomer's address (IPv4 address or IPv6 /64).", LIVE),
    NUMBER_ROW("cookie_rate", cookie_rate, "100", 0, 1000000,
               "New connections in a second that need no cookie because of their number.", LIVE),
    NUMBER_ROW("max_connections_per_address", address_connections, "10000", 0, UINT32_MAX,
               "Established connections of one address.", LIVE),
    NUMBER_ROW("max_handshakes_per_address", address_handshakes, "512", 0, UINT32_MAX,
               "Connections in handshake of one address.", LIVE),
    NUMBER_ROW("handshake_rate_per_address", address_rate, "100", 0, 1000000,
               "New connections of one address in a second.", LIVE),
    NUMBER_ROW("handshake_burst_per_address", address_burst, "1000", 0, 1000000, "How many of them may come at once.",
               LIVE),
    NUMBER_ROW("block_timeout", block_timeout, "60", 0, 86400, "Seconds for the rest of a block that began to come.",
               LIVE),
    SIZE_ROW("unsent_bytes", unsent_bytes, "1G", 0, INT64_C(1) << 46,
             "Memory of what waits to be sent; beyond it, connections that do not read are dropped.", LIVE),
    SWITCH_ROW("limit_loopback", limit_loopback, "off", "Limits by address count for loopback, too.", LIVE),
};

const struct ini_rows limits_rows = INI_ROWS(limits);

struct net_limits settings_net_limits(const struct limits_settings *settings) {
    return (struct net_limits){
        .max_connections = (uint32_t)settings->max_connections,
        .max_handshakes = (uint32_t)settings->max_handshakes,
        .handshake_rate = (uint32_t)settings->handshake_rate,
        .handshake_burst = (uint32_t)settings->handshake_burst,
        .cookie_handshakes = (uint32_t)settings->cookie_handshakes,
        .address_cookie_handshakes = (uint32_t)settings->address_cookie_handshakes,
        .cookie_rate = (uint32_t)settings->cookie_rate,
        .address_connections = (uint32_t)settings->address_connections,
        .address_handshakes = (uint32_t)settings->address_handshakes,
        .address_rate = (uint32_t)settings->address_rate,
        .address_burst = (uint32_t)settings->address_burst,
        .block_timeout_ms = (uint32_t)(settings->block_timeout * 1000),
        .unsent_bytes = (uint64_t)settings->unsent_bytes,
        .limit_loopback = settings->limit_loopback,
    };
}

/* ---- [INACTIVE_CLIENTS] */

#undef FIELD
#define FIELD(name) offsetof(struct inactive_settings, name)

static const struct ini_row inactive[] = {
    SWITCH_ROW("disconnect", disconnect, "off", "Close connections without subscriptions that are silent.", LIVE,
               .written = "off"),
    NUMBER_ROW("ttl", ttl, "21600", 1, UINT32_MAX, "For so many seconds.", LIVE, .written = "21600"),
    NUMBER_ROW("check_interval", check_interval, "3600", 1, UINT32_MAX / 1000, "Seconds between two looks at one.",
               LIVE, .written = "3600"),
};

const struct ini_rows inactive_rows = INI_ROWS(inactive);

/* ---- [ROLES] */

#undef FIELD
#define FIELD(name) offsetof(struct role_settings, name)

static const struct ini_row roles[] = {
    NUMBER_ROW("receive", receive, "0", 0, 64, "Threads that read; 0: as many as there are processors, here as below."),
    NUMBER_ROW("process", process, "0", 0, 64, "Threads that verify and answer."),
    NUMBER_ROW("send", send, "0", 0, 64, "Threads that write."),
};

const struct ini_rows role_rows = INI_ROWS(roles);

/* ---- [LOG] */

#undef FIELD
#define FIELD(name) offsetof(struct log_settings, name)

const char *const settings_log_levels[] = {"trace", "debug", "info", "note", "warn", "error", NULL};

static const struct ini_row logging[] = {
    CHOICE_ROW("level", level, "info", settings_log_levels, "What is logged: trace, debug, info, note, warn or error.",
               LIVE),
};

const struct ini_rows log_rows = INI_ROWS(logging);

void settings_set_log_level(int option, const struct log_settings *settings) {
    static const enum log_level levels[] = {LOG_LEVEL_DEBUG, LOG_LEVEL_DEBUG, LOG_LEVEL_INFO,
                                            LOG_LEVEL_INFO,  LOG_LEVEL_WARN,  LOG_LEVEL_ERROR};
    log_set_level(levels[option >= 0 ? option : settings->level]);
}
