/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The sections of file-server.ini, and what the router makes of their values. */
#include "bin/xftp-server/xftp_settings.h"

#include <stdio.h>

#include "bin/xftp-server/xftp_settings_rows.h"

#define PART(section_, field_, rows_, ...)                                                                             \
    { .section = section_, .rows = &(rows_), .base = offsetof(struct xftp_settings, field_), __VA_ARGS__ }

static const struct ini_part parts[] = {
    PART("INFORMATION", information, information_rows, .comment = information_comment),
    PART("STORE_LOG", store, xftp_store_rows, .comment = xftp_store_comment),
    PART("STORE_LOG", statistics, statistics_rows),
    PART("AUTH", auth, xftp_auth_rows, .strict = true),
    PART("AUTH", control, control_password_rows, .strict = true),
    PART("TRANSPORT", transport, transport_rows),
    PART("TRANSPORT", xftp_transport, xftp_transport_rows),
    PART("TRANSPORT", control, control_port_rows),
    PART("FILES", files, xftp_files_rows),
    PART("LIMITS", limits, limits_rows, .comment = "What peers may take of the router; 0: no limit."),
    PART("INACTIVE_CLIENTS", inactive, inactive_rows),
    PART("ROLES", roles, role_rows),
    PART("ROLES", xftp_roles, xftp_role_rows),
    PART("LOG", log, log_rows),
    PART("WEB", web, web_rows),
};

const struct ini_table xftp_settings_table = {.parts = parts, .count = sizeof parts / sizeof parts[0]};

/* All were checked line by line and parse again. */
static enum smq_result parse_lists(struct xftp_settings *settings) {
    bool is_good = settings_parse_ports(settings->xftp_transport.port, settings->ports, &settings->port_count) &&
                   settings_parse_addresses(settings->transport.bind, settings->bind_text, settings->bind_addresses,
                                            &settings->bind_address_count);
    return is_good ? SMQ_OK : SMQ_ERR_INTERNAL;
}

static enum smq_result require_keys(const struct xftp_settings *settings, const char *path, struct ini_report *report) {
    bool has_web = settings->web.certificate != NULL;
    const char *missing = settings->files.path == NULL             ? "[FILES] path is missing"
                          : has_web != (settings->web.key != NULL) ? "[WEB] cert and key need each other"
                                                                   : NULL;
    if (missing == NULL)
        return SMQ_OK;
    (void)snprintf(report->error, sizeof report->error, "%s: %s", path, missing);
    if (report->mistake != NULL)
        report->mistake(report->context, report->error);
    return SMQ_ERR_INVALID;
}

enum smq_result xftp_settings_load(const char *path, struct xftp_settings *settings, struct ini_report *report) {
    *settings = (struct xftp_settings){.store = {.expire_files_ttl = -1}, .files = {.storage_quota = -1}};
    enum smq_result result = ini_load(path, &xftp_settings_table, settings, report, &settings->ini);
    if (result != SMQ_OK)
        return result;
    result = parse_lists(settings);
    if (result == SMQ_OK)
        result = require_keys(settings, path, report);
    if (result != SMQ_OK)
        xftp_settings_destroy(settings);
    return result;
}

void xftp_settings_destroy(struct xftp_settings *settings) {
    ini_destroy(&settings->ini);
}

/* ---- the router's configuration */

static void configure_files(struct xftp_router_config *config, const struct xftp_settings *settings) {
    const struct xftp_files_settings *files = &settings->files;
    const struct xftp_store_settings *store = &settings->store;
    config->map_size = (uint64_t)store->map_size;
    config->files_path = files->path;
    config->quota = files->storage_quota < 0 ? UINT64_MAX : (uint64_t)files->storage_quota;
    (void)xftp_settings_parse_sizes(files->chunk_sizes, config->chunk_sizes, XFTP_CHUNK_SIZES_MAX,
                                    &config->chunk_size_count); /* checked when it was read */
    config->file_timeout_ms = (uint32_t)(files->file_timeout * 1000);
    config->upload_buffer = (uint64_t)files->upload_buffer;
    config->file_ttl_s =
        (uint32_t)(store->expire_files_ttl >= 0 ? store->expire_files_ttl : store->expire_files_hours * 3600);
    config->expire_interval_s = (uint32_t)store->expire_files_interval;
}

static void configure_transport(struct xftp_router_config *config, const struct xftp_settings *settings) {
    const struct transport_settings *transport = &settings->transport;
    config->ports = settings->ports;
    config->port_count = settings->port_count;
    config->bind_addresses = settings->bind_addresses;
    config->bind_address_count = settings->bind_address_count;
    config->limits = settings_net_limits(&settings->limits);
    config->tls_timeout_ms = (uint32_t)(transport->tls_timeout * 1000);
    config->keep_alive = settings_keep_alive(transport);
    config->log_tls_errors = transport->log_tls_errors;
    config->log_peers = transport->log_peers;
    config->inactive_ttl_s = settings->inactive.disconnect ? (uint32_t)settings->inactive.ttl : 0;
    config->web_certificate_path = settings->web.certificate;
    config->web_key_path = settings->web.key;
}

struct xftp_router_config xftp_settings_router_config(const struct xftp_settings *settings) {
    struct xftp_router_config config;
    xftp_router_config_default(&config);
    configure_files(&config, settings);
    configure_transport(&config, settings);
    config.operator= settings_operator_options(&settings->statistics, &settings->control);
    config.new_files = settings->auth.new_files;
    if (settings->auth.create_password != NULL)
        (void)password_parse(slice_of_text(settings->auth.create_password), &config.create_password);
    config.receive_lanes = (unsigned)settings->roles.receive;
    config.process_lanes = (unsigned)settings->roles.process;
    config.disk_lanes = (unsigned)settings->xftp_roles.disk;
    return config;
}
