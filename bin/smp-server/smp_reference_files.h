/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names of the reference's files in its data folder. */
#pragma once

#include <stdbool.h>

#include "stores/logs/log_file.h"

struct smp_reference_files {
    char store_log[LOG_PATH_SIZE];
    char store_log_current[LOG_PATH_SIZE]; /* see log_file_current */
    char messages[LOG_PATH_SIZE];
    char journal[LOG_PATH_SIZE]; /* folder */
    char notifications[LOG_PATH_SIZE];
    char statistics[LOG_PATH_SIZE];
};

/* False: the name is too long. */
bool smp_reference_files_locate(const char *folder, struct smp_reference_files *files);
