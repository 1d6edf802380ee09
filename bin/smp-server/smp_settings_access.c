/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of [AUTH], [TRANSPORT] and [LIMITS] that only this router has. */
#include <string.h>

#include "bin/common/ini_rows.h"
#include "bin/smp-server/smp_settings.h"
#include "bin/smp-server/smp_settings_rows.h"
#include "queues/base/cursor.h"

/* ---- [AUTH] */

#define FIELD(name) offsetof(struct smp_auth_settings, name)

static const struct ini_row auth[] = {
    SWITCH_ROW("new_queues", new_queues, "on", "off: no new queues, for instance before the server is closed down.",
               LIVE, .written = "on"),
    SECRET_ROW("create_password", create_password,
               "Password for new queues, a part of the address that those get who may make queues here.", LIVE,
               .example = "printable characters without spaces, '@', ':' and '/'",
               CHECKED(settings_password_valid, SETTINGS_PASSWORD)),
};

const struct ini_rows smp_auth_rows = INI_ROWS(auth);

/* ---- [TRANSPORT] */

bool smp_settings_parse_versions(const char *text, struct version_range *range) {
    struct reader reader = reader_of(slice_of_text(text));
    *range = read_version_range_text(&reader);
    return reader_finish(&reader) == SMQ_OK && range->min >= SMP_VERSION_MIN && range->max <= SMP_VERSION_MAX;
}

static bool versions_valid(const char *text) {
    struct version_range range;
    return smp_settings_parse_versions(text, &range);
}

bool smp_settings_parse_websockets(const char *text, uint16_t *ports, size_t *count) {
    *count = 0;
    if (strcmp(text, "off") == 0)
        return true;
    return settings_parse_ports(strcmp(text, "on") == 0 ? "80" : text, ports, count);
}

static bool websockets_valid(const char *text) {
    uint16_t ports[SETTINGS_LIST_MAX];
    size_t count = 0;
    return smp_settings_parse_websockets(text, ports, &count);
}

#undef FIELD
#define FIELD(name) offsetof(struct smp_transport_settings, name)

static const struct ini_row transport[] = {
    TEXT_ROW("port", port, "Ports to listen on, with commas.", .initial = "5223", .written = "5223,443",
             CHECKED(settings_ports_valid, SETTINGS_PORTS)),
    TEXT_ROW("websockets", websockets, "WebSockets over TLS: off, on (port 80), or ports with commas.",
             .initial = "off", .written = "off",
             CHECKED(websockets_valid, "off, on (port 80), or ports separated by commas")),
    TEXT_ROW("smp_versions", smp_versions, "Versions of the protocol that are offered.", LIVE, .initial = "6-18",
             CHECKED(versions_valid, "a range within 6-18")),
    SWITCH_ROW("accept_service_credentials", accept_service_credentials, "on", "Ask clients for a TLS certificate.",
               LIVE),
};

const struct ini_rows smp_transport_rows = INI_ROWS(transport);

/* ---- [LIMITS] */

#undef FIELD
#define FIELD(name) offsetof(struct smp_limit_settings, name)

static const struct ini_row limits[] = {
    NUMBER_ROW("new_queues_per_address", new_queues_per_address, "36000", 0, 1000000000,
               "Queues that may be made in an hour from one address.", LIVE),
    NUMBER_ROW("new_queues_per_password", new_queues_per_password, "0", 0, 1000000000,
               "Queues that may be made in an hour with create_password, by all who have it.", LIVE),
    NUMBER_ROW("unused_queues", unused_queues, "1000000", 0, UINT32_MAX,
               "Queues made since the start that nobody has secured or sent to; then no more are made.", LIVE),
};

const struct ini_rows smp_limit_rows = INI_ROWS(limits);
