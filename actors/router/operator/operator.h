/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an operator sees of a router: statistics and their files, metrics, the control port. The machinery is every
 * router's; a router brings its tables (struct operator_table). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/router/operator/control.h"
#include "actors/router/operator/histogram.h"
#include "actors/router/operator/metrics.h"
#include "actors/router/operator/statistics.h"
#include "actors/router/operator/text_buffer.h"
#include "smq/result.h"

struct net;
struct supervisor;

/* What is configured. Texts are borrowed until operator_create returns; NULL: none. */
struct operator_options {
    const char *version; /* of the program, a constant text */
    /* [STORE_LOG] log_stats: with it the daily line is written, and statistics are kept over restarts */
    bool log_stats;
    const char *statistics_path; /* read and renamed at the start, written at the stop, and now and then */
    const char *daily_path;
    const char *metrics_path;
    uint32_t metrics_interval_s; /* [STORE_LOG] prometheus_interval; 0: no metrics file */
    struct control_options control;
};

/* How long something takes, counted by the router in microseconds: written after its metrics, in seconds. */
struct histogram_row {
    const char *name, *help; /* NULL: the row before, with other labels */
    const char *labels;
    struct histogram *histogram;
};

struct operator_table {
    const char *protocol; /* "SMP": of the control port's greeting */
    struct statistics_table statistics;
    const struct metric_row *metrics;
    size_t metric_count;
    void *metrics_context; /* of their `write` */
    const struct histogram_row *histograms;
    size_t histogram_count;
    struct control_table control;
    struct net **net; /* where the net is whose connections there are metrics of; NULL: none */
};

struct operator;

/* Makes the statistics, and reads those of the run before. `table` is copied. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result operator_create(const struct operator_table *table, const struct operator_options *options,
                                struct operator** created);
/* Starts its roles under the supervisor, when all others run: statistics, and the control port where it is on.
 * SMQ_ERR_SYSTEM: `error` says why, in a line; SMQ_ERR_NO_MEMORY. */
enum smq_result operator_start(struct operator* operator, const struct operator_options * options,
                               struct supervisor *supervisor, char *error, size_t error_size);
/* At the end, when nothing is counted any more: writes the statistics file. Blocks for the disk; logs a failure. */
enum smq_result operator_keep(struct operator* operator);
/* After the supervisor has stopped the roles. NULL inside is allowed. */
void operator_destroy(struct operator** operator);

/* Takes over what of the options is live: the daily quota of blocked queues. Any thread. */
void operator_reload(struct operator* operator, const struct operator_options * options);
int32_t operator_block_quota(const struct operator* operator);

/* For `save` of a router's commands: has the statistics role write its file, and answers. */
void operator_save(struct operator* operator, struct control_request * request);

struct statistics *operator_statistics(struct operator* operator);
const char *operator_version(const struct operator* operator);
/* The port that the control port is bound to; 0: it is off. */
uint16_t operator_control_port(const struct operator* operator);

/* Metrics of now as Prometheus text; `has_times` as in the file. SMQ_ERR_NO_MEMORY. Any attached thread; takes some
 * milliseconds at most. */
enum smq_result operator_metrics(struct operator* operator, bool has_times, struct text_buffer *text);
