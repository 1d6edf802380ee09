/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names of the reference's files. */
#include "bin/smp-server/smp_reference_files.h"

#include <stdio.h>

bool smp_reference_files_locate(const char *folder, struct smp_reference_files *files) {
    const struct {
        char *path;
        const char *name;
    } names[] = {
        {files->store_log, "smp-server-store.log"},
        {files->messages, "smp-server-messages.log"},
        {files->journal, "messages"},
        {files->notifications, "smp-server-ntfs.log"},
        {files->statistics, "smp-server-stats.log"},
    };
    files->store_log_current[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (snprintf(names[i].path, LOG_PATH_SIZE, "%s/%s", folder, names[i].name) >= LOG_PATH_SIZE)
            return false;
    return true;
}
