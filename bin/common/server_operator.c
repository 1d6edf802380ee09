/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bin/common/server_operator.h"

#include <inttypes.h>
#include <stdio.h>

void server_operator_locate(struct operator_options *options, const struct server_files *files, const char *version) {
    options->version = version;
    options->statistics_path = files->statistics;
    options->daily_path = files->daily_lines;
    options->metrics_path = files->metrics;
}

void server_operator_print(const struct operator_options *options) {
    if (options->log_stats)
        printf("server stats log enabled: %s\n", options->daily_path);
    if (options->metrics_interval_s > 0)
        printf("Prometheus metrics saved every %" PRIu32 " seconds to %s\n", options->metrics_interval_s,
               options->metrics_path);
}
