/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of smp-server.ini: the reference's keys and defaults (Main.hs, Main/Init.hs, Env/STM.hs) and our own beside
 * them. */
#include "bin/smp-server/smp_settings.h"

#include <stdlib.h>
#include <string.h>

#include "actors/net/net.h"
#include "queues/base/cursor.h"
#include "transport/net/socks.h"
#include "transport/wire/address.h"
#include "transport/wire/text.h"
#include "transport/wire/version.h"

#define SECONDS_MAX INT64_C(3153600000) /* a hundred years */
#define FIELD(name) offsetof(struct smp_settings, name)

const char *const smp_settings_log_levels[] = {"trace", "debug", "info", "note", "warn", "error", NULL};

static const char *const durabilities[] = {"commit", "interval", NULL};
static const char *const queue_stores[] = {"memory", "database", NULL};
static const char *const message_stores[] = {"memory", "journal", "database", NULL};
static const char *const host_modes[] = {"public", "onion", NULL};
static const char *const socks_modes[] = {"onion", "always", NULL};

static const char always_stored[] = "without effect, the router always stores what it acknowledges";
static const char lmdb_only[] = "without effect, queues and messages are kept in LMDB";
static const char not_yet[] = "not in this version, ignored";

/* Comma-separated decimals up to 65,535. */
static bool parse_ports(const char *text, uint16_t *ports, size_t *count) {
    struct reader reader = reader_of(slice_of_text(text));
    size_t found = 0;
    for (;;) {
        uint64_t port = read_decimal(&reader, UINT16_MAX);
        if (reader.failed || found == SETTINGS_LIST_MAX)
            return false;
        ports[found++] = (uint16_t)port;
        if (reader_left(&reader) == 0)
            break;
        read_literal(&reader, ",");
    }
    *count = found;
    return true;
}

/* off, on (port 80), or a list of ports. */
static bool parse_websockets(const char *text, uint16_t *ports, size_t *count) {
    *count = 0;
    if (strcmp(text, "off") == 0)
        return true;
    return parse_ports(strcmp(text, "on") == 0 ? "80" : text, ports, count);
}

static bool websockets_valid(const char *text) {
    uint16_t ports[SETTINGS_LIST_MAX];
    size_t count = 0;
    return parse_websockets(text, ports, &count);
}

static bool socks_proxy_valid(const char *text) {
    struct socks_proxy proxy;
    bool valid = socks_proxy_parse(slice_of_text(text), &proxy) == SMQ_OK;
    socks_credentials_wipe(&proxy.credentials);
    return valid;
}

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

static bool ports_valid(const char *text) {
    uint16_t ports[SETTINGS_LIST_MAX];
    size_t count = 0;
    return parse_ports(text, ports, &count);
}

/* Addresses separated by commas or spaces. `copy` holds them, zero-terminated; "all" is no address. */
static bool parse_addresses(const char *text, char *copy, const char **addresses, size_t *count) {
    size_t length = strlen(text);
    *count = 0;
    if (length >= SETTINGS_LIST_TEXT_MAX)
        return false;
    memcpy(copy, text, length + 1);
    if (strcmp(text, "all") == 0)
        return true;
    char *rest = copy;
    for (char *word = strsep(&rest, ", "); word != NULL; word = strsep(&rest, ", ")) {
        if (word[0] == '\0')
            continue;
        if (*count == SETTINGS_LIST_MAX)
            return false;
        addresses[(*count)++] = word;
    }
    return *count > 0;
}

static bool bind_valid(const char *text) {
    char copy[SETTINGS_LIST_TEXT_MAX];
    const char *addresses[SETTINGS_LIST_MAX];
    size_t count = 0;
    return parse_addresses(text, copy, addresses, &count);
}

static bool parse_versions(const char *text, struct version_range *range) {
    struct reader reader = reader_of(slice_of_text(text));
    *range = read_version_range_text(&reader);
    return reader_finish(&reader) == SMQ_OK && range->min >= SMP_VERSION_MIN && range->max <= SMP_VERSION_MAX;
}

static bool versions_valid(const char *text) {
    struct version_range range;
    return parse_versions(text, &range);
}

bool smp_settings_password_valid(const char *text) {
    return password_valid(slice_of_text(text));
}

bool smp_settings_country_valid(const char *text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return strlen(text) == 2 && strspn(text, letters) == 2;
}

bool smp_settings_hosting_type_valid(const char *text) {
    static const char *const types[] = {"virtual", "dedicated", "colocation", "owned"};
    for (size_t index = 0; index < sizeof types / sizeof types[0]; index++)
        if (strcmp(text, types[index]) == 0)
            return true;
    return false;
}

/* Rows of one kind each; fields that a kind does not name are zero. */
#define TEXT_KEY(section_, key_, field_, initial_, check_, accepted_)                                                  \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = INI_TEXT, .offset = FIELD(field_), .initial = initial_,              \
        .check = check_, .accepted = accepted_                                                                         \
    }
#define NUMBER_KEY(section_, key_, field_, initial_, minimum_, maximum_)                                               \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = INI_NUMBER, .offset = FIELD(field_), .initial = initial_,            \
        .minimum = minimum_, .maximum = maximum_                                                                       \
    }
#define LIVE_NUMBER(section_, key_, field_, initial_, minimum_, maximum_)                                              \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = INI_NUMBER, .offset = FIELD(field_), .initial = initial_,            \
        .minimum = minimum_, .maximum = maximum_, .live = true                                                         \
    }
#define LIVE_SWITCH(section_, key_, field_, initial_)                                                                  \
    { .section = section_, .key = key_, .type = INI_SWITCH, .offset = FIELD(field_), .initial = initial_, .live = true }
#define SWITCH_KEY(section_, key_, field_, initial_)                                                                   \
    { .section = section_, .key = key_, .type = INI_SWITCH, .offset = FIELD(field_), .initial = initial_ }
/* Keys of the reference whose features are not here: checked, not stored. */
#define UNUSED_KEY(section_, key_, type_, initial_, warning_)                                                          \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = type_, .offset = INI_NOT_STORED, .initial = initial_,                \
        .without_effect = warning_                                                                                     \
    }
#define UNUSED_NUMBER(section_, key_, minimum_, maximum_, warning_)                                                    \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = INI_NUMBER, .offset = INI_NOT_STORED, .minimum = minimum_,           \
        .maximum = maximum_, .without_effect = warning_                                                                \
    }
#define UNUSED_CHOICE(section_, key_, initial_, choices_, warning_)                                                    \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = INI_CHOICE, .offset = INI_NOT_STORED, .initial = initial_,           \
        .choices = choices_, .without_effect = warning_                                                                \
    }
#define UNUSED_CHECKED(section_, key_, check_, accepted_)                                                              \
    {                                                                                                                  \
        .section = section_, .key = key_, .type = INI_TEXT, .offset = INI_NOT_STORED, .check = check_,                 \
        .accepted = accepted_                                                                                          \
    }

#define COUNTRY  "a two-letter country code of ISO 3166"
#define PASSWORD "printable characters without spaces, '@', ':' and '/', 255 at most"

static const struct ini_row rows[] = {
    TEXT_KEY("INFORMATION", "source_code", source_code, NULL, NULL, NULL),
    UNUSED_KEY("INFORMATION", "usage_conditions", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "condition_amendments", INI_TEXT, NULL, NULL),
    UNUSED_CHECKED("INFORMATION", "server_country", smp_settings_country_valid, COUNTRY),
    UNUSED_KEY("INFORMATION", "operator", INI_TEXT, NULL, NULL),
    UNUSED_CHECKED("INFORMATION", "operator_country", smp_settings_country_valid, COUNTRY),
    UNUSED_KEY("INFORMATION", "website", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "admin_simplex", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "admin_email", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "admin_pgp", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "admin_pgp_fingerprint", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "complaints_simplex", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "complaints_email", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "complaints_pgp", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "complaints_pgp_fingerprint", INI_TEXT, NULL, NULL),
    UNUSED_KEY("INFORMATION", "hosting", INI_TEXT, NULL, NULL),
    UNUSED_CHECKED("INFORMATION", "hosting_country", smp_settings_country_valid, COUNTRY),
    UNUSED_CHECKED("INFORMATION", "hosting_type", smp_settings_hosting_type_valid,
                   "virtual, dedicated, colocation or owned"),

    UNUSED_KEY("STORE_LOG", "enable", INI_SWITCH, "on", always_stored),
    UNUSED_CHOICE("STORE_LOG", "store_queues", "memory", queue_stores, lmdb_only),
    UNUSED_CHOICE("STORE_LOG", "store_messages", "memory", message_stores, lmdb_only),
    UNUSED_KEY("STORE_LOG", "restore_messages", INI_SWITCH, "on", always_stored),
    LIVE_NUMBER("STORE_LOG", "queue_quota", queue_quota, "128", 1, 1000000),
    LIVE_NUMBER("STORE_LOG", "expire_messages_days", expire_messages_days, "21", 1, 36500),
    LIVE_NUMBER("STORE_LOG", "expire_messages_ttl", expire_messages_ttl, NULL, 0, SECONDS_MAX),
    LIVE_NUMBER("STORE_LOG", "expire_messages_interval", expire_messages_interval, "7200", 1, UINT32_MAX),
    SWITCH_KEY("STORE_LOG", "expire_messages_on_start", expire_messages_on_start, "on"),
    LIVE_SWITCH("STORE_LOG", "expire_messages_on_send", expire_messages_on_send, "on"),
    LIVE_NUMBER("STORE_LOG", "expire_ntfs_hours", expire_ntfs_hours, "24", 1, 876000),
    LIVE_NUMBER("STORE_LOG", "expire_ntfs_ttl", expire_ntfs_ttl, NULL, 0, SECONDS_MAX),
    LIVE_NUMBER("STORE_LOG", "expire_ntfs_interval", expire_ntfs_interval, "3600", 1, UINT32_MAX),
    LIVE_NUMBER("STORE_LOG", "deliver_ntfs_interval", deliver_ntfs_interval, "1500", 1, 3600000),
    NUMBER_KEY("STORE_LOG", "deliver_ends_interval", deliver_ends_interval, "0", 0, 3600000),
    {.section = "STORE_LOG",
     .key = "durability",
     .type = INI_CHOICE,
     .offset = FIELD(durability),
     .initial = "commit",
     .choices = durabilities},
    NUMBER_KEY("STORE_LOG", "durability_interval", durability_interval, "1000", 1, 3600000),
    {.section = "STORE_LOG",
     .key = "map_size",
     .type = INI_SIZE,
     .offset = FIELD(map_size),
     .initial = "64G",
     .minimum = 1 << 20,
     .maximum = INT64_C(1) << 46},
    UNUSED_KEY("STORE_LOG", "log_stats", INI_SWITCH, "off", not_yet),
    UNUSED_NUMBER("STORE_LOG", "prometheus_interval", 1, SECONDS_MAX, not_yet),
    UNUSED_KEY("STORE_LOG", "db_connection", INI_TEXT, NULL, lmdb_only),
    UNUSED_KEY("STORE_LOG", "db_schema", INI_TEXT, NULL, NULL),
    UNUSED_NUMBER("STORE_LOG", "db_pool_size", 0, 0, NULL),
    UNUSED_KEY("STORE_LOG", "db_store_log", INI_SWITCH, NULL, NULL),
    UNUSED_NUMBER("STORE_LOG", "db_deleted_ttl", 0, 0, NULL),

    {.section = "LOG",
     .key = "level",
     .type = INI_CHOICE,
     .offset = FIELD(log_level),
     .initial = "info",
     .choices = smp_settings_log_levels,
     .live = true},

    LIVE_SWITCH("AUTH", "new_queues", new_queues, "on"),
    {.section = "AUTH",
     .key = "create_password",
     .type = INI_SECRET,
     .offset = FIELD(create_password),
     .check = smp_settings_password_valid,
     .accepted = PASSWORD,
     .live = true},
    UNUSED_KEY("AUTH", "control_port_admin_password", INI_SECRET, NULL, NULL),
    UNUSED_KEY("AUTH", "control_port_user_password", INI_SECRET, NULL, NULL),
    UNUSED_NUMBER("AUTH", "daily_block_queue_quota", -1, INT32_MAX, NULL),

    TEXT_KEY("TRANSPORT", "host", host, NULL, NULL, NULL),
    TEXT_KEY("TRANSPORT", "port", port, "5223", ports_valid, "ports from 0 to 65535, separated by commas"),
    TEXT_KEY("TRANSPORT", "bind", bind, "all", bind_valid, "all, or up to 16 addresses separated by commas"),
    {.section = "TRANSPORT",
     .key = "smp_versions",
     .type = INI_TEXT,
     .offset = FIELD(smp_versions),
     .initial = "6-18",
     .check = versions_valid,
     .accepted = "a range within 6-18",
     .live = true},
    LIVE_NUMBER("TRANSPORT", "tls_timeout", tls_timeout, "10", 1, 86400),
    LIVE_NUMBER("TRANSPORT", "handshake_timeout", handshake_timeout, "30", 1, 86400),
    LIVE_NUMBER("TRANSPORT", "tcp_keepalive_idle", tcp_keepalive_idle, "300", 1, 32767),
    LIVE_NUMBER("TRANSPORT", "tcp_keepalive_interval", tcp_keepalive_interval, "60", 1, 32767),
    LIVE_NUMBER("TRANSPORT", "tcp_keepalive_probes", tcp_keepalive_probes, "5", 1, 127),
    LIVE_NUMBER("TRANSPORT", "tcp_user_timeout", tcp_user_timeout, "420", 0, UINT16_MAX),
    LIVE_SWITCH("TRANSPORT", "log_tls_errors", log_tls_errors, "off"),
    LIVE_SWITCH("TRANSPORT", "log_peers", log_peers, "off"),
    TEXT_KEY("TRANSPORT", "dns_servers", dns_servers, NULL, net_dns_servers_valid,
             "IP addresses of name servers, each with :port or without, separated by commas"),
    LIVE_SWITCH("TRANSPORT", "accept_service_credentials", accept_service_credentials, "on"),
    TEXT_KEY("TRANSPORT", "websockets", websockets, "off", websockets_valid,
             "off, on (port 80), or ports separated by commas"),
    UNUSED_NUMBER("TRANSPORT", "control_port", 1, UINT16_MAX, not_yet),

    LIVE_NUMBER("LIMITS", "max_connections", max_connections, "0", 0, UINT32_MAX),
    LIVE_NUMBER("LIMITS", "max_handshakes", max_handshakes, "4096", 0, UINT32_MAX),
    LIVE_NUMBER("LIMITS", "handshake_rate", handshake_rate, "1000", 0, 1000000),
    LIVE_NUMBER("LIMITS", "handshake_burst", handshake_burst, "2000", 0, 1000000),
    LIVE_NUMBER("LIMITS", "cookie_handshakes", cookie_handshakes, "64", 0, UINT32_MAX),
    LIVE_NUMBER("LIMITS", "cookie_handshakes_per_address", address_cookie_handshakes, "16", 0, UINT32_MAX),
    LIVE_NUMBER("LIMITS", "cookie_rate", cookie_rate, "100", 0, 1000000),
    LIVE_NUMBER("LIMITS", "max_connections_per_address", address_connections, "10000", 0, UINT32_MAX),
    LIVE_NUMBER("LIMITS", "max_handshakes_per_address", address_handshakes, "512", 0, UINT32_MAX),
    LIVE_NUMBER("LIMITS", "handshake_rate_per_address", address_rate, "100", 0, 1000000),
    LIVE_NUMBER("LIMITS", "handshake_burst_per_address", address_burst, "1000", 0, 1000000),
    LIVE_NUMBER("LIMITS", "block_timeout", block_timeout, "60", 0, 86400),
    LIVE_SWITCH("LIMITS", "limit_loopback", limit_loopback, "off"),

    {.section = "PROXY",
     .key = "host_mode",
     .type = INI_CHOICE,
     .offset = FIELD(host_mode),
     .initial = "public",
     .choices = host_modes},
    SWITCH_KEY("PROXY", "required_host_mode", required_host_mode, "off"),
    SWITCH_KEY("PROXY", "enable", proxy, "on"),
    TEXT_KEY("PROXY", "own_server_domains", own_server_domains, NULL, NULL, NULL),
    {.section = "PROXY",
     .key = "socks_proxy",
     .type = INI_SECRET,
     .offset = FIELD(socks_proxy),
     .check = socks_proxy_valid,
     .accepted = "[user:password@ or @]host[:port] with an IP address as host"},
    {.section = "PROXY",
     .key = "socks_mode",
     .type = INI_CHOICE,
     .offset = FIELD(socks_mode),
     .initial = "onion",
     .choices = socks_modes},
    SWITCH_KEY("PROXY", "allow_private", allow_private, "off"),
    NUMBER_KEY("PROXY", "relay_connections", relay_connections, "1000", 1, 1000000),
    NUMBER_KEY("PROXY", "relay_attempts", relay_attempts, "256", 1, 100000),
    NUMBER_KEY("PROXY", "client_attempts", client_attempts, "16", 1, 100000),
    NUMBER_KEY("PROXY", "relay_idle", relay_idle, "1800", 1, 1000000),
    {.section = "PROXY",
     .key = "forward_bytes",
     .type = INI_SIZE,
     .offset = FIELD(forward_bytes),
     .initial = "256M",
     .minimum = 1 << 20,
     .maximum = INT64_C(1) << 40,
     .live = true},
    LIVE_NUMBER("PROXY", "client_concurrency", client_concurrency, "32", 1, 100000),
    NUMBER_KEY("PROXY", "relay_error_interval", relay_error_interval, "30", 0, 86400),
    NUMBER_KEY("PROXY", "relay_connect_timeout", relay_connect_timeout, "45", 1, 3600),
    NUMBER_KEY("PROXY", "relay_timeout", relay_timeout, "30", 1, 3600),
    NUMBER_KEY("PROXY", "relay_ping_interval", relay_ping_interval, "30", 1, 86400),
    NUMBER_KEY("PROXY", "relay_silence", relay_silence, "60", 1, 86400),

    LIVE_SWITCH("INACTIVE_CLIENTS", "disconnect", disconnect, "off"),
    LIVE_NUMBER("INACTIVE_CLIENTS", "ttl", inactive_ttl, "21600", 1, UINT32_MAX),
    LIVE_NUMBER("INACTIVE_CLIENTS", "check_interval", inactive_check_interval, "3600", 1, UINT32_MAX / 1000),

    NUMBER_KEY("ROLES", "receive", receive, "0", 0, 64),
    NUMBER_KEY("ROLES", "process", process, "0", 0, 64),
    NUMBER_KEY("ROLES", "send", send, "0", 0, 64),

    UNUSED_KEY("WEB", "static_path", INI_TEXT, NULL, NULL),
    UNUSED_NUMBER("WEB", "http", 1, UINT16_MAX, not_yet),
    UNUSED_NUMBER("WEB", "https", 1, UINT16_MAX, not_yet),
    UNUSED_KEY("WEB", "cert", INI_TEXT, NULL, NULL),
    UNUSED_KEY("WEB", "key", INI_TEXT, NULL, NULL),
};

const struct ini_table smp_settings_table = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

enum smq_result smp_settings_load(const char *path, struct smp_settings *settings, struct ini_report *report) {
    *settings = (struct smp_settings){.expire_messages_ttl = -1, .expire_ntfs_ttl = -1};
    enum smq_result result = ini_load(path, &smp_settings_table, settings, report, &settings->ini);
    if (result != SMQ_OK)
        return result;
    /* All were checked line by line and parse again. */
    if (!parse_ports(settings->port, settings->ports, &settings->port_count) ||
        !parse_websockets(settings->websockets, settings->websocket_ports, &settings->websocket_port_count) ||
        !parse_addresses(settings->bind, settings->bind_text, settings->bind_addresses,
                         &settings->bind_address_count)) {
        smp_settings_destroy(settings);
        return SMQ_ERR_INTERNAL;
    }
    remove_ports(settings->websocket_ports, &settings->websocket_port_count, settings->ports, settings->port_count);
    return SMQ_OK;
}

void smp_settings_destroy(struct smp_settings *settings) {
    ini_destroy(&settings->ini);
}

static struct smq_network_options proxy_network(const struct smp_settings *settings) {
    static const enum smq_host_mode modes[] = {SMQ_HOST_PUBLIC, SMQ_HOST_ONION_VIA_SOCKS};
    static const enum smq_socks_mode uses[] = {SMQ_SOCKS_ONION, SMQ_SOCKS_ALWAYS};
    struct smq_network_options options = smp_router_config_default().proxy_network;
    options.socks_proxy = settings->socks_proxy;
    options.socks_mode = uses[settings->socks_mode];
    options.host_mode = modes[settings->host_mode];
    options.host_mode_required = settings->required_host_mode;
    return options;
}

struct net_limits smp_settings_limits(const struct smp_settings *settings) {
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
        .limit_loopback = settings->limit_loopback,
    };
}

struct smp_router_config smp_settings_router_config(const struct smp_settings *settings) {
    struct smp_router_config config = smp_router_config_default();
    struct version_range versions = {SMP_VERSION_MIN, SMP_VERSION_MAX};
    (void)parse_versions(settings->smp_versions, &versions); /* was checked when it was read */
    config.bind_addresses = settings->bind_addresses;
    config.bind_address_count = settings->bind_address_count;
    config.ports = settings->ports;
    config.port_count = settings->port_count;
    config.websocket_ports = settings->websocket_ports;
    config.websocket_port_count = settings->websocket_port_count;
    config.proxy_network = proxy_network(settings);
    config.version_min = versions.min;
    config.version_max = versions.max;
    config.tls_timeout_ms = (uint32_t)(settings->tls_timeout * 1000);
    config.handshake_timeout_ms = (uint32_t)(settings->handshake_timeout * 1000);
    config.keep_alive = (struct keep_alive){.idle_s = (uint16_t)settings->tcp_keepalive_idle,
                                            .interval_s = (uint16_t)settings->tcp_keepalive_interval,
                                            .probes = (uint16_t)settings->tcp_keepalive_probes,
                                            .user_timeout_s = (uint16_t)settings->tcp_user_timeout};
    config.limits = smp_settings_limits(settings);
    config.accept_service_credentials = settings->accept_service_credentials;
    config.log_tls_errors = settings->log_tls_errors;
    config.log_peers = settings->log_peers;
    config.new_queues = settings->new_queues;
    config.create_password = settings->create_password;
    config.map_size = (uint64_t)settings->map_size;
    config.durability = settings->durability == 0 ? ROUTER_DURABILITY_COMMIT : ROUTER_DURABILITY_INTERVAL;
    config.durability_interval_ms = (uint32_t)settings->durability_interval;
    config.queue_quota = (uint32_t)settings->queue_quota;
    config.message_ttl_s = (uint64_t)(settings->expire_messages_ttl >= 0 ? settings->expire_messages_ttl
                                                                         : settings->expire_messages_days * 86400);
    config.message_expiry_interval_s = (uint32_t)settings->expire_messages_interval;
    config.expire_messages_on_start = settings->expire_messages_on_start;
    config.expire_messages_on_send = settings->expire_messages_on_send;
    config.notification_ttl_s =
        (uint64_t)(settings->expire_ntfs_ttl >= 0 ? settings->expire_ntfs_ttl : settings->expire_ntfs_hours * 3600);
    config.notification_expiry_interval_s = (uint32_t)settings->expire_ntfs_interval;
    config.notification_delivery_interval_ms = (uint32_t)settings->deliver_ntfs_interval;
    config.end_delivery_interval_ms = (uint32_t)settings->deliver_ends_interval;
    config.proxy.enabled = settings->proxy;
    config.proxy.own_server_domains = settings->own_server_domains;
    config.proxy.client_concurrency = (uint32_t)settings->client_concurrency;
    config.proxy.allow_private = settings->allow_private;
    config.proxy.relay_connections = (uint32_t)settings->relay_connections;
    config.proxy.relay_attempts = (uint32_t)settings->relay_attempts;
    config.proxy.client_attempts = (uint32_t)settings->client_attempts;
    config.proxy.relay_idle_ms = (uint32_t)(settings->relay_idle * 1000);
    config.proxy.forward_bytes = (uint64_t)settings->forward_bytes;
    config.dns_servers = settings->dns_servers;
    config.proxy.error_persistence_ms = (uint32_t)(settings->relay_error_interval * 1000);
    config.proxy.connect_timeout_ms = (uint32_t)(settings->relay_connect_timeout * 1000);
    config.proxy.forward_timeout_ms = (uint32_t)(settings->relay_timeout * 1000);
    config.proxy.ping_interval_ms = (uint32_t)(settings->relay_ping_interval * 1000);
    config.proxy.silence_ms = (uint32_t)(settings->relay_silence * 1000);
    config.disconnect_inactive = settings->disconnect;
    config.inactive_ttl_s = (uint32_t)settings->inactive_ttl;
    config.inactive_check_interval_s = (uint32_t)settings->inactive_check_interval;
    config.receive_lanes = (unsigned)settings->receive;
    config.process_lanes = (unsigned)settings->process;
    config.send_lanes = (unsigned)settings->send;
    return config;
}
