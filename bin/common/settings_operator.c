/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of what operators look at, and of how a router reaches others. */
#include "bin/common/settings_operator.h"

#include "bin/common/ini_rows.h"
#include "bin/common/settings_checks.h"

/* ---- statistics */

#define FIELD(name) offsetof(struct statistics_settings, name)

static const struct ini_row statistics_keys[] = {
    SWITCH_ROW("log_stats", log_stats, "off", "Daily statistics in a CSV file, and their counters over restarts.",
               .written = "off"),
    NUMBER_ROW("prometheus_interval", prometheus_interval, NULL, 1, 86400,
               "Seconds between two writings of the file of Prometheus metrics.", .example = "60"),
};

const struct ini_rows statistics_rows = INI_ROWS(statistics_keys);

/* ---- the control port */

#undef FIELD
#define FIELD(name) offsetof(struct control_settings, name)

static const struct ini_row port_of_control[] = {
    NUMBER_ROW("control_port", port, NULL, 1, UINT16_MAX, "Port of 127.0.0.1 for commands of operators.",
               .example = "5224"),
};

static const struct ini_row control_passwords[] = {
    SECRET_ROW("control_port_admin_password", admin_password, "Passwords of the two roles at the control port.",
               CHECKED(settings_password_valid, SETTINGS_PASSWORD)),
    SECRET_ROW("control_port_user_password", user_password, NULL, CHECKED(settings_password_valid, SETTINGS_PASSWORD)),
    NUMBER_ROW("daily_block_queue_quota", daily_block_quota, "20", -1, INT32_MAX,
               "Queues that may be blocked there in a day; 0: no limit, -1: none may.", LIVE),
};

const struct ini_rows control_port_rows = INI_ROWS(port_of_control);
const struct ini_rows control_password_rows = INI_ROWS(control_passwords);

struct operator_options settings_operator_options(const struct statistics_settings *statistics,
                                                  const struct control_settings *control) {
    return (struct operator_options){
        .log_stats = statistics->log_stats,
        .metrics_interval_s = (uint32_t)statistics->prometheus_interval,
        .control = {.is_on = control->port != 0,
                    .port = (uint16_t)control->port,
                    .user_password = control->user_password,
                    .admin_password = control->admin_password,
                    .block_quota = (int32_t)control->daily_block_quota},
    };
}

/* ---- [WEB] */

#undef FIELD
#define FIELD(name) offsetof(struct web_settings, name)

static const struct ini_row web[] = {
    TEXT_ROW("static_path", static_path, "Folder of the pages with information on the server and for links."),
    NUMBER_ROW("http", http, NULL, 1, UINT16_MAX, "Port that serves them without TLS, for an onion address say.",
               .example = "8000"),
    NUMBER_ROW("https", https, NULL, 1, UINT16_MAX, "Port that serves them with TLS; it may be one of the server's.",
               .example = "443"),
    TEXT_ROW("cert", certificate, "Certificate chain and key for it, as browsers want them."),
    TEXT_ROW("key", key, NULL),
};

const struct ini_rows web_rows = INI_ROWS(web);

/* ---- other routers */

#undef FIELD
#define FIELD(name) offsetof(struct network_settings, name)

static const char *const host_modes[] = {"public", "onion", NULL};
static const char *const socks_modes[] = {"onion", "always", NULL};

static const struct ini_row network[] = {
    CHOICE_ROW("host_mode", host_mode, "public", host_modes,
               "public or onion: which host is preferred where an address has several.", LIVE),
    SWITCH_ROW("required_host_mode", required_host_mode, "off", "on: servers without such a host are not connected to.",
               LIVE),
    TEXT_ROW("own_server_domains", own_server_domains,
             "Domains of servers that you run, with commas or blanks: they are counted apart.", LIVE,
             .example = "example.org", CHECKED(settings_domains_valid, SETTINGS_DOMAINS)),
    SECRET_ROW("socks_proxy", socks_proxy, "SOCKS5 proxy, [user:password@ or @]host[:port].", LIVE,
               .example = "localhost:9050", CHECKED(settings_socks_valid, SETTINGS_SOCKS)),
    CHOICE_ROW("socks_mode", socks_mode, "onion", socks_modes,
               "onion: only onion hosts are reached through the proxy; always: all.", LIVE),
};

const struct ini_rows network_rows = INI_ROWS(network);

struct smq_network_options settings_network(const struct network_settings *settings, const char *socks_proxy) {
    static const enum smq_host_mode modes[] = {SMQ_HOST_PUBLIC, SMQ_HOST_ONION_VIA_SOCKS};
    static const enum smq_socks_mode uses[] = {SMQ_SOCKS_ONION, SMQ_SOCKS_ALWAYS};
    struct smq_network_options options;
    smq_network_options_init(&options);
    options.socks_proxy = socks_proxy;
    options.socks_mode = uses[settings->socks_mode];
    options.host_mode = modes[settings->host_mode];
    options.host_mode_required = settings->required_host_mode;
    return options;
}
