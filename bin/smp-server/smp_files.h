/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Where an SMP router keeps its files (reference: Main.hs, CLI.hs). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "smq/result.h"

enum { PATH_SIZE = 1024 };

/* Folders have no trailing slash. */
struct smp_files {
    char configuration[PATH_SIZE]; /* SMP_SERVER_CFG_PATH, default /etc/opt/simplex */
    char data[PATH_SIZE];          /* SMP_SERVER_LOG_PATH, default /var/opt/simplex */
    char ini[PATH_SIZE + 32];
    char ca_certificate[PATH_SIZE + 32];
    char ca_key[PATH_SIZE + 32];
    char server_certificate[PATH_SIZE + 32];
    char server_key[PATH_SIZE + 32];
    char fingerprint[PATH_SIZE + 32];
    char store[PATH_SIZE + 32]; /* folder */
    char pages[PATH_SIZE + 32]; /* folder, of the generated web pages */
};

/* Fills in the paths from the environment. SMQ_ERR_TOO_LARGE. */
enum smq_result smp_files_locate(struct smp_files *files);

/* Whether the path exists, of whatever kind. */
bool file_exists(const char *path);

/* Makes a folder (mode 0700) and the missing ones above it (0755). SMQ_ERR_SYSTEM with errno. */
enum smq_result folder_create(const char *path);

/* The first file of a router that is in its two folders already, copied to `found`; false: none is. */
bool smp_files_any(const struct smp_files *files, char *found, size_t size);

/* Removes the router's own files and folders, then the two folders when nothing else is in them; `kept` tells which
 * were not empty (index 0: configuration, 1: data). SMQ_ERR_SYSTEM with errno: one could not be removed, `failed` names
 * it. */
enum smq_result smp_files_remove(const struct smp_files *files, bool kept[2], char *failed, size_t size);
