/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LABELS_SIZE = 160 };

static void add_value(struct text_buffer *text, int64_t value, enum metric_scale scale) {
    static const int64_t units[] = {1, 1000, 1000000};
    static const int digits[] = {0, 3, 6};
    if (scale == SCALE_ONE)
        text_add(text, "%" PRId64, value);
    else
        text_add(text, "%s%" PRId64 ".%0*" PRId64, value < 0 ? "-" : "", (value < 0 ? -value : value) / units[scale],
                 digits[scale], (value < 0 ? -value : value) % units[scale]);
}

void metrics_sample(struct metrics_text *metrics, const char *ending, const char *labels, int64_t value,
                    enum metric_scale scale) {
    struct text_buffer *text = metrics->text;
    text_add(text, "%s%s", metrics->family, ending);
    if (labels != NULL)
        text_add(text, "{%s}", labels);
    text_add(text, " ");
    add_value(text, value, scale);
    if (metrics->has_times)
        text_add(text, " %" PRId64, metrics->now_ns / 1000000);
    text_add(text, "\n");
}

void metrics_histogram(struct metrics_text *metrics, const char *labels, const struct histogram *histogram) {
    const uint64_t *bounds;
    size_t count = histogram_bounds(histogram, &bounds);
    const char *before = labels == NULL ? "" : labels, *comma = labels == NULL ? "" : ",";
    int64_t total = 0;
    char all[LABELS_SIZE];
    for (size_t i = 0; i <= count; i++) {
        total += (int64_t)histogram_in_range(histogram, i);
        if (i < count)
            (void)snprintf(all, sizeof all, "%s%sle=\"%" PRIu64 ".%06" PRIu64 "\"", before, comma, bounds[i] / 1000000,
                           bounds[i] % 1000000);
        else
            (void)snprintf(all, sizeof all, "%s%sle=\"+Inf\"", before, comma);
        metrics_sample(metrics, "_bucket", all, total, SCALE_ONE);
    }
    metrics_sample(metrics, "_sum", labels, (int64_t)histogram_sum(histogram), SCALE_MICRO);
    metrics_sample(metrics, "_count", labels, total, SCALE_ONE);
}

static void write_heading(struct text_buffer *text, const struct metric_row *row) {
    size_t length = strlen(row->section);
    text_add(text, "# %s\n# ", row->section);
    for (size_t i = 0; i < length; i++)
        text_add(text, "-");
    text_add(text, row->is_close ? "\n" : "\n\n");
}

static void write_row(struct metrics_text *metrics, const struct metric_row *row, void *context) {
    if (row->write != NULL)
        row->write(metrics, context);
    else
        metrics_sample(metrics, "", row->labels, statistics_read(metrics->statistics, row->statistic, metrics->values),
                       row->scale);
    if (row->note != NULL)
        text_add(metrics->text, "# %s\n", row->note);
}

void metrics_write(struct metrics_text *metrics, const struct metric_row *rows, size_t count, void *context) {
    for (size_t i = 0; i < count; i++) {
        const struct metric_row *row = &rows[i];
        if (row->name != NULL && metrics->family != NULL)
            text_add(metrics->text, "\n");
        if (row->section != NULL)
            write_heading(metrics->text, row);
        if (row->name != NULL) {
            metrics->family = row->name;
            text_add(metrics->text, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, row->type);
        }
        write_row(metrics, row, context);
    }
}
