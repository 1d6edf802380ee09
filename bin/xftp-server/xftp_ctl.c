/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bin/xftp-server/xftp_ctl.h"

#include <stdio.h>

#include "bin/xftp-server/xftp_settings.h"

static void print_mistake(void *context, const char *line) {
    (void)context;
    (void)fprintf(stderr, "Error: %s\n", line);
}

int xftp_ctl(const struct server_files *files, const struct server_ctl_options *options, int count, char **words) {
    struct xftp_settings settings;
    struct ini_report report = {.mistake = print_mistake};
    if (!server_files_initialized(files) || xftp_settings_load(files->ini, &settings, &report) != SMQ_OK)
        return 1;
    int status = server_ctl(files, &settings.control, options, count, words);
    xftp_settings_destroy(&settings);
    return status;
}
