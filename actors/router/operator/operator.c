/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/operator.h"

#include "actors/router/operator/common_metrics.h"
#include "actors/router/operator/date.h"
#include "actors/router/operator/operator_private.h"
#include "actors/router/operator/post.h"
#include "actors/router/operator/statistics_file.h"
#include "actors/runtime/supervisor.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"

/* Copies the text, when there is one and it is `used`. False: memory is short. */
static bool keep_path(char **path, const char *text, bool used) {
    *path = text == NULL || !used ? NULL : memory_copy_of_text(text);
    return *path != NULL || text == NULL || !used;
}

static enum smq_result restore(struct operator* operator) {
    if (operator->statistics_path == NULL)
        return SMQ_OK;
    enum smq_result result = statistics_restore(operator->statistics, operator->statistics_path);
    if (result == SMQ_OK)
        log_info("statistics restored from %s", operator->statistics_path);
    return result == SMQ_ERR_NOT_FOUND || result == SMQ_ERR_SYNTAX ? SMQ_OK : result;
}

enum smq_result operator_create(const struct operator_table *table, const struct operator_options *options,
                                struct operator** created) {
    struct operator* operator= memory_zalloc(sizeof *operator);
    if (operator== NULL)
        return SMQ_ERR_NO_MEMORY;
    operator->table = * table;
    operator->version = options->version == NULL ? "unknown" : options->version;
    operator->metrics_interval_s = options->metrics_interval_s;
    operator_reload(operator, options);
    enum smq_result result = statistics_create(&table->statistics, &operator->statistics);
    if (result == SMQ_OK &&
        !(keep_path(&operator->statistics_path, options->statistics_path, options->log_stats) &&
          keep_path(&operator->daily_path, options->daily_path, options->log_stats) &&
          keep_path(&operator->metrics_path, options->metrics_path, options->metrics_interval_s > 0)))
        result = SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK)
        result = restore(operator);
    if (result != SMQ_OK)
        operator_destroy(&operator);
    else
        *created = operator;
    return result;
}

enum smq_result operator_start(struct operator* operator, const struct operator_options * options,
                               struct supervisor *supervisor, char *error, size_t error_size) {
    enum smq_result result = statistics_role_create(operator, & operator->role);
    if (result == SMQ_OK) {
        operator->statistics_actor = statistics_role_actor(operator->role);
        result = supervisor_start_actor(supervisor, operator->statistics_actor);
    }
    if (result == SMQ_OK && options->control.is_on) {
        result = control_create(operator->table.protocol, &operator->table.control, &options->control,
                                &operator->control, error, error_size);
        if (result == SMQ_OK)
            result = supervisor_start_actor(supervisor, control_actor(operator->control));
    }
    return result;
}

enum smq_result operator_keep(struct operator* operator) {
    if (operator->statistics_path == NULL)
        return SMQ_OK;
    enum smq_result result = statistics_save(operator->statistics, operator->statistics_path);
    if (result == SMQ_OK)
        log_info("statistics saved to %s", operator->statistics_path);
    else
        log_error("statistics could not be saved to %s: %s", operator->statistics_path, smq_result_text(result));
    return result;
}

void operator_destroy(struct operator** operator) {
    struct operator* destroyed = * operator;
    *operator= NULL;
    if (destroyed == NULL)
        return;
    control_destroy(&destroyed->control);
    statistics_role_destroy(&destroyed->role);
    statistics_destroy(&destroyed->statistics);
    memory_free(destroyed->statistics_path);
    memory_free(destroyed->daily_path);
    memory_free(destroyed->metrics_path);
    memory_free(destroyed);
}

void operator_reload(struct operator* operator, const struct operator_options * options) {
    atomic_store_explicit(&operator->block_quota, options->control.block_quota, memory_order_relaxed);
}

const char *operator_version(const struct operator* operator) {
    return operator->version;
}

int32_t operator_block_quota(const struct operator* operator) {
    return atomic_load_explicit(&operator->block_quota, memory_order_relaxed);
}

struct statistics *operator_statistics(struct operator* operator) {
    return operator->statistics;
}

void operator_save(struct operator* operator, struct control_request * request) {
    if (post_statistics_save(operator, request) == SMQ_OK)
        return;
    control_error(request, "the router is stopping");
    control_done(request);
}

uint16_t operator_control_port(const struct operator* operator) {
    return operator->control == NULL ? 0 : control_port(operator->control);
}

static void write_histograms(struct metrics_text *metrics, const struct operator_table *table) {
    for (size_t i = 0; i < table->histogram_count; i++) {
        const struct histogram_row *row = &table->histograms[i];
        if (row->name != NULL) {
            metrics->family = row->name;
            text_add(metrics->text, "\n# HELP %s %s\n# TYPE %s histogram\n", row->name, row->help, row->name);
        }
        metrics_histogram(metrics, row->labels, row->histogram);
    }
}

enum smq_result operator_metrics(struct operator* operator, bool has_times, struct text_buffer *text) {
    struct metrics_text metrics = {
        .text = text, .statistics = operator->statistics, .now_ns = clock_realtime_ns(), .has_times = has_times};
    char now[DATE_TEXT_SIZE], from[DATE_TEXT_SIZE];
    statistics_sample(operator->statistics, metrics.values);
    date_write(metrics.now_ns, DATE_ISO, now);
    date_write(atomic_load(&operator->statistics->from_ns), DATE_ISO, from);
    text_add(text, "# Recorded at: %s\n# Stats from: %s\n\n", now, from);
    metrics_write(&metrics, operator->table.metrics, operator->table.metric_count, operator->table.metrics_context);
    metrics_write(&metrics, common_metrics, common_metric_count, operator);
    write_histograms(&metrics, &operator->table);
    return text_result(text);
}
