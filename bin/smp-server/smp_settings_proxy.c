/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of [PROXY] that only this router has. */
#include "bin/common/ini_rows.h"
#include "bin/smp-server/smp_settings.h"
#include "bin/smp-server/smp_settings_rows.h"

#define FIELD(name) offsetof(struct smp_proxy_settings, name)

static const struct ini_row rows[] = {
    SWITCH_ROW("enable", enable, "on", "Forward messages of clients to other servers."),
    NUMBER_ROW("client_concurrency", client_concurrency, "32", 1, 100000,
               "Forwarded commands that one client may have under way.", LIVE),
    SWITCH_ROW("allow_private", allow_private, "off", "on: also to addresses that are not of the public internet.",
               LIVE),
    NUMBER_ROW("relay_connections", relay_connections, "1000", 1, 1000000, "Connections to other servers.", LIVE),
    NUMBER_ROW("relay_attempts", relay_attempts, "256", 1, 100000, "Of them, those that are being set up.", LIVE),
    NUMBER_ROW("client_attempts", client_attempts, "16", 1, 100000, "And those that one client waits for.", LIVE),
    NUMBER_ROW("relay_idle", relay_idle, "1800", 1, 1000000, "Seconds after which an unused one is closed.", LIVE),
    SIZE_ROW("forward_bytes", forward_bytes, "256M", 1 << 20, INT64_C(1) << 40,
             "Memory of what is being forwarded, for all clients.", LIVE),
    NUMBER_ROW("relay_error_interval", relay_error_interval, "30", 0, 86400,
               "Seconds for which a server that could not be reached is not tried again.", LIVE),
    NUMBER_ROW("relay_connect_timeout", relay_connect_timeout, "45", 1, 3600, "Seconds to connect to one.", LIVE),
    NUMBER_ROW("relay_timeout", relay_timeout, "30", 1, 3600, "Seconds for its answer.", LIVE),
    NUMBER_ROW("relay_ping_interval", relay_ping_interval, "30", 1, 86400,
               "Seconds between two looks at a server whose commands time out.", LIVE),
    NUMBER_ROW("relay_silence", relay_silence, "60", 1, 86400, "Seconds of its silence after which it is given up.",
               LIVE),
};

const struct ini_rows smp_proxy_rows = INI_ROWS(rows);
