/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "bin/common/server_operator.h"

#include <inttypes.h>
#include <stdio.h>

struct operator_options server_operator_options(const struct server_files *files, const char *version,
                                                const struct statistics_settings *statistics,
                                                const struct control_settings *control) {
    return (struct operator_options){
        .version = version,
        .log_stats = statistics->log_stats,
        .statistics_path = files->statistics,
        .daily_path = files->daily_lines,
        .metrics_path = files->metrics,
        .metrics_interval_s = (uint32_t)statistics->prometheus_interval,
        .control = {.is_on = control->port > 0,
                    .port = (uint16_t)control->port,
                    .user_password = control->user_password,
                    .admin_password = control->admin_password,
                    .block_quota = (int32_t)control->daily_block_quota},
    };
}

void server_operator_print(const struct operator_options *options) {
    if (options->log_stats)
        printf("server stats log enabled: %s\n", options->daily_path);
    if (options->metrics_interval_s > 0)
        printf("Prometheus metrics saved every %" PRIu32 " seconds to %s\n", options->metrics_interval_s,
               options->metrics_path);
}
