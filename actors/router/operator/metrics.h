/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Metrics as text of Prometheus: a table of a router's rows, written in order. */
#pragma once

#include <stdbool.h>

#include "actors/router/operator/histogram.h"
#include "actors/router/operator/statistics.h"
#include "actors/router/operator/text_buffer.h"

/* A text under way. */
struct metrics_text {
    struct text_buffer *text;
    const struct statistics *statistics;
    int64_t values[STATISTICS_VALUES_MAX]; /* of now */
    int64_t now_ns;
    bool has_times;     /* each sample with its time, as in the file */
    const char *family; /* of the present row */
};

enum metric_scale { SCALE_ONE, SCALE_MILLI, SCALE_MICRO }; /* what a unit of the figure is of a unit of the metric */

struct metric_row {
    const char *section; /* begins with this heading */
    bool is_close;       /* the heading stands right before the row */
    const char *name;    /* begins the family of this name; NULL: one more sample of the row before */
    const char *help, *type;
    const char *labels; /* of the sample, without braces; NULL: none */
    const char *note;   /* a comment line after the sample; NULL: none */
    struct statistic statistic;
    enum metric_scale scale;
    /* Instead of one sample of `statistic`: writes the samples. */
    void (*write)(struct metrics_text *metrics, void *context);
};

/* Writes the rows. `context` is for the rows' `write`. */
void metrics_write(struct metrics_text *metrics, const struct metric_row *rows, size_t count, void *context);

/* For `write` functions: one sample of the present family, whose name gets `ending` ("" or "_sum"...). */
void metrics_sample(struct metrics_text *metrics, const char *ending, const char *labels, int64_t value,
                    enum metric_scale scale);
/* The samples of a histogram that counts microseconds, in seconds. `labels` NULL: none. */
void metrics_histogram(struct metrics_text *metrics, const char *labels, const struct histogram *histogram);
