/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bin/smp-server/smp_pages.h"

#include <inttypes.h>
#include <stdio.h>

#include "bin/common/server_pages.h"
#include "bin/smp-server/smp_address.h"

/* What clients make of queues' addresses, long and short; the same as the reference's. */
static const char *const links[] = {"contact", "invitation", "a", "c", "g", "r", "i", NULL};

static const char *yes_no(bool is_so) {
    return is_so ? "Yes" : "No";
}

static void write_expiry(const struct smp_router_config *config, char *text, size_t size) {
    uint64_t seconds = config->message_ttl_s;
    if (seconds == 0)
        (void)snprintf(text, size, "Never");
    else if (seconds % 86400 == 0)
        (void)snprintf(text, size, "After %" PRIu64 " days", seconds / 86400);
    else
        (void)snprintf(text, size, "After %" PRIu64 " seconds", seconds);
}

void smp_pages_prepare(const struct server_files *files, const struct smp_settings *settings,
                       const uint8_t fingerprint[FINGERPRINT_SIZE], struct smp_router_config *config) {
    static const char heading[] = "Configuration";
    struct server_identity identity = smp_identity(settings, fingerprint);
    char expiry[64];
    write_expiry(config, expiry, sizeof expiry);
    const struct web_row rows[] = {
        {heading, "Kept on disk", "Queues and messages", WEB_ROW_TEXT},
        {heading, "Messages expire", expiry, WEB_ROW_TEXT},
        {heading, "New queues allowed", yes_no(settings->auth.new_queues), WEB_ROW_TEXT},
        {heading, "Password for new queues", yes_no(settings->auth.create_password != NULL), WEB_ROW_TEXT},
        {heading, "Statistics are kept", yes_no(settings->statistics.log_stats), WEB_ROW_TEXT},
    };
    const struct server_pages pages = {
        .name = "SMP server",
        .folder = settings->web.static_path,
        .identity = &identity,
        .information = &settings->information,
        .rows = rows,
        .row_count = sizeof rows / sizeof rows[0],
        .links = links,
    };
    if (config->pages_directory != NULL && !server_pages_write(&pages, files->kind->version))
        config->pages_directory = NULL;
}

void smp_pages_configure(const struct smp_settings *settings, struct smp_router_config *config) {
    const struct web_settings *web = &settings->web;
    config->pages_directory = web->static_path;
    config->web_ports = (struct web_ports){
        .http = (uint16_t)web->http,
        .https = (uint16_t)web->https,
        .monitor = (uint16_t)settings->monitor.port,
        .monitor_address = settings->monitor.bind,
    };
    if (web->static_path != NULL && web->https != 0) {
        config->web_certificate_path = web->certificate;
        config->web_key_path = web->key;
    }
}

static void print_port(const struct smp_router *router, enum web_port which, const char *what, const char *how) {
    uint16_t port = smp_router_web_port(router, which);
    if (port != 0)
        printf("Serving %s on port %" PRIu16 "%s\n", what, port, how);
}

void smp_pages_print(const struct smp_settings *settings, const struct smp_router *router) {
    const struct web_settings *web = &settings->web;
    print_port(router, WEB_HTTP, "static site", "");
    print_port(router, WEB_HTTPS, "static site", " (TLS)");
    if (web->static_path != NULL && web->https != 0 && smp_listens_on(settings, (uint16_t)web->https))
        printf("Serving static site on port %" PRId64 " (TLS, shared with SMP)\n", web->https);
    print_port(router, WEB_MONITOR, "metrics", "");
}
