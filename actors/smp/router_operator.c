/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/smp/router_operator.h"

#include "actors/router/operator/date.h"
#include "actors/smp/acknowledgement_times.h"
#include "actors/smp/clients.h"
#include "actors/smp/control.h"
#include "actors/smp/metrics.h"
#include "queues/base/clock.h"

enum smq_result router_operator_create(struct smp_router *router, const struct operator_options *options) {
    struct operator_table table = {
        .protocol = "SMP",
        .statistics = smp_statistics_table(router),
        .metrics = smp_metrics,
        .metric_count = smp_metric_count,
        .metrics_context = router,
        .control = smp_control_table(router),
        .net = &router->net,
        .histogram_count = COMMAND_TIMES_KINDS,
    };
    enum smq_result result = clients_create(&router->clients);
    if (result == SMQ_OK)
        result = acknowledgement_times_create(&router->acknowledgement_times);
    if (result == SMQ_OK)
        result = command_times_create(&router->command_times);
    table.histograms = router->command_times.rows;
    if (result == SMQ_OK)
        result = operator_create(&table, options, &router->operator);
    if (result != SMQ_OK)
        return result;
    router->statistics = operator_statistics(router->operator);
    router->counters = router->statistics->counters;
    router->blocked.day = date_day(clock_realtime_s());
    if (date_day(atomic_load(&router->statistics->from_ns) / 1000000000) == router->blocked.day)
        router->blocked.count = (int32_t)counters_read(router->counters, COUNT_Q_BLOCKED);
    return SMQ_OK;
}

enum smq_result router_operator_start(struct smp_router *router, const struct operator_options *options, char *error,
                                      size_t error_size) {
    return operator_start(router->operator, options, router->supervisor, error, error_size);
}

void router_operator_destroy(struct smp_router *router) {
    if (router->operator!= NULL)
        (void)operator_keep(router->operator);
    operator_destroy(&router->operator);
    histogram_destroy(&router->acknowledgement_times);
    command_times_destroy(&router->command_times);
    if (router->clients != NULL)
        map_destroy(&router->clients);
}
