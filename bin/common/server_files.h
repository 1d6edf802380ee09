/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a router is to its operator: names, folders, files. Each router has one struct server_kind; the commands that
 * all have in common (server_init.h, server_cert.h, server_delete.h, ...) do the rest. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bin/common/ini.h"
#include "transport/wire/address.h"

enum { SERVER_FOLDER_SIZE = 1024, SERVER_PATH_SIZE = SERVER_FOLDER_SIZE + 64 };

struct server_kind {
    const char *program;     /* as it is called: "smp-server" */
    const char *version;     /* the line of --version */
    const char *initialized; /* what init says before the path of the INI file, in the words of the reference */
    enum address_scheme scheme;
    uint16_t default_port; /* left out of addresses */
    const char *ini_name;
    const struct ini_table *settings;
    size_t settings_size;                                      /* of the struct that the table fills in */
    const char *configuration_variable, *configuration_folder; /* of the environment, and without it */
    const char *data_variable, *data_folder;
    const char *statistics_name, *daily_name, *metrics_name; /* in the data folder, of operator_options */
    /* Names of what the router makes in the data folder; end with NULL. A name of two parts, as in "store/data.mdb", is
     * of a file in a folder, which goes when it is empty. Those of the other folder are the same for all. */
    const char *const *data_names;
};

/* Folders have no trailing slash. */
struct server_files {
    const struct server_kind *kind;
    char configuration[SERVER_FOLDER_SIZE];
    char data[SERVER_FOLDER_SIZE];
    char ini[SERVER_PATH_SIZE];
    char ca_certificate[SERVER_PATH_SIZE], ca_key[SERVER_PATH_SIZE];
    char server_certificate[SERVER_PATH_SIZE], server_key[SERVER_PATH_SIZE];
    char fingerprint[SERVER_PATH_SIZE];
    char store[SERVER_PATH_SIZE]; /* folder */
    char pages[SERVER_PATH_SIZE]; /* folder, of web pages */
    char statistics[SERVER_PATH_SIZE], daily_lines[SERVER_PATH_SIZE], metrics[SERVER_PATH_SIZE];
};

/* Fills in the paths from the environment. SMQ_ERR_TOO_LARGE. */
enum smq_result server_files_locate(const struct server_kind *kind, struct server_files *files);

/* Whether the path exists, of whatever kind. False with errno, which is ENOENT when it does not. */
bool file_exists(const char *path);

/* Makes a folder (mode 0700) and the missing ones above it (0755). SMQ_ERR_SYSTEM with errno. */
enum smq_result folder_create(const char *path);

/* Whether the INI file is there; if not, one line on stderr says why, and what to do. */
bool server_files_initialized(const struct server_files *files);

/* The first file of a router that is in its two folders already, copied to `found`; false: none is. */
bool server_files_any(const struct server_files *files, char *found, size_t size);

/* Gives what root made to whom the folder belongs to: a service that does not run as root reads it. Does nothing unless
 * called by root. */
void server_files_give(const struct server_files *files);

/* Whether others than owner and group can read or change a key: then one line on stderr names the command that mends
 * it. Of the INI file, which may hold passwords, that is a warning. */
bool server_files_exposed(const struct server_files *files);

/* Removes the router's own files, then the two folders, unless something else is in them or they are in `kept` (index
 * 0: configuration, 1: data), which tells afterwards which of them stay. SMQ_ERR_SYSTEM with errno: one could not be
 * removed, `failed` names it. */
enum smq_result server_files_remove(const struct server_files *files, bool kept[2], char *failed, size_t size);
