/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bin/smp-server/smp_ctl.h"

#include <stdio.h>

#include "bin/smp-server/smp_settings.h"

static void print_mistake(void *context, const char *line) {
    (void)context;
    (void)fprintf(stderr, "Error: %s\n", line);
}

int smp_ctl(const struct server_files *files, const struct server_ctl_options *options, int count, char **words) {
    struct smp_settings settings;
    struct ini_report report = {.mistake = print_mistake};
    if (!server_files_initialized(files) || smp_settings_load(files->ini, &settings, &report) != SMQ_OK)
        return 1;
    int status = server_ctl(files, &settings.control, options, count, words);
    smp_settings_destroy(&settings);
    return status;
}
