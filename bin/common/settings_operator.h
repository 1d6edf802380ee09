/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What every router's settings say of how it is looked at: statistics, control port, web pages, and of other routers
 * that it connects to. */
#pragma once

#include "actors/client/smq/network.h"
#include "actors/router/operator/operator.h"
#include "bin/common/ini.h"

/* Part of [STORE_LOG] */
struct statistics_settings {
    bool log_stats;
    int64_t prometheus_interval; /* s; 0: no metrics */
};

/* Parts of [TRANSPORT] and [AUTH] */
struct control_settings {
    int64_t port;                               /* 0: none */
    const char *admin_password, *user_password; /* NULL: nobody has that role */
    int64_t daily_block_quota;                  /* 0: no limit, -1: none may be blocked */
};

/* [WEB] */
struct web_settings {
    const char *static_path; /* NULL: no pages */
    int64_t http, https;     /* ports; 0: none */
    const char *certificate, *key;
};

/* Part of [TRANSPORT]: metrics and health over HTTP */
struct monitor_settings {
    int64_t port; /* 0: none */
    const char *bind;
};

/* Part of [PROXY], and of the notification router's [SUBSCRIBER]: how other routers are reached. */
struct network_settings {
    int host_mode; /* index: public, onion */
    bool required_host_mode;
    const char *own_server_domains; /* NULL: none */
    const char *socks_proxy;        /* NULL: none; a secret, since it may have a password; see settings_socks.h */
    int socks_mode;                 /* index: onion, always */
};

extern const struct ini_rows statistics_rows, control_port_rows, control_password_rows, monitor_rows, web_rows,
    network_rows;

/* Without the paths of its files; texts are borrowed. */
struct operator_options settings_operator_options(const struct statistics_settings *statistics,
                                                  const struct control_settings *control);

/* `socks_proxy` with its host as an address, or NULL; borrowed. */
struct smq_network_options settings_network(const struct network_settings *settings, const char *socks_proxy);
