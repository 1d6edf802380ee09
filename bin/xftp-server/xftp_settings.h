/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* file-server.ini: its keys, and the router configuration that they make. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/xftp/router.h"
#include "bin/common/ini.h"
#include "bin/common/settings_checks.h"
#include "bin/common/settings_information.h"
#include "bin/common/settings_operator.h"
#include "bin/common/settings_transport.h"

/* [STORE_LOG], besides struct statistics_settings */
struct xftp_store_settings {
    bool enable;                                  /* of the reference: whether it keeps anything */
    int store_files;                              /* index: memory, database */
    int64_t expire_files_hours, expire_files_ttl; /* the ttl, in seconds, counts when it is not negative */
    int64_t expire_files_interval;
    int64_t map_size;
};

/* [AUTH], besides struct control_settings */
struct xftp_auth_settings {
    bool new_files;
    const char *create_password; /* NULL: none is needed */
};

/* [TRANSPORT], besides struct transport_settings and control_settings */
struct xftp_transport_settings {
    const char *port;
};

/* [FILES] */
struct xftp_files_settings {
    const char *path;
    int64_t storage_quota; /* -1: none */
    const char *chunk_sizes;
    int64_t file_timeout; /* s */
    int64_t upload_buffer;
};

/* [ROLES], besides struct role_settings */
struct xftp_role_settings {
    int64_t disk;
};

/* Values as they stand in the file; texts are owned by `ini`. */
struct xftp_settings {
    struct ini *ini;
    struct information_settings information;
    struct xftp_store_settings store;
    struct statistics_settings statistics;
    struct xftp_auth_settings auth;
    struct control_settings control;
    struct transport_settings transport;
    struct xftp_transport_settings xftp_transport;
    struct xftp_files_settings files;
    struct limits_settings limits;
    struct inactive_settings inactive;
    struct role_settings roles;
    struct xftp_role_settings xftp_roles;
    struct web_settings web;
    struct log_settings log;
    /* Parsed from `port` and `bind`. */
    uint16_t ports[SETTINGS_LIST_MAX];
    size_t port_count;
    char bind_text[SETTINGS_LIST_TEXT_MAX];
    const char *bind_addresses[SETTINGS_LIST_MAX];
    size_t bind_address_count;
};

/* The keys of file-server.ini. */
extern const struct ini_table xftp_settings_table;

/* Reads the file; errors of ini_load, with report->error, and SMQ_ERR_INVALID: a key that must be there is not. Destroy
 * the settings only after a success. They stay where they are: parts point into each other. */
enum smq_result xftp_settings_load(const char *path, struct xftp_settings *settings, struct ini_report *report);
/* Wipes and frees the texts. */
void xftp_settings_destroy(struct xftp_settings *settings);

/* The router's configuration without the paths of credentials, store and statistics. Its texts and lists are those of
 * `settings`. */
struct xftp_router_config xftp_settings_router_config(const struct xftp_settings *settings);
