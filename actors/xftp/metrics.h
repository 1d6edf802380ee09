/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the XFTP router counts, by the reference's names (FileTransfer/Server/Stats.hs), and where each figure is
 * written: rows for actors/router/operator. */
#pragma once

#include "actors/router/operator/counters.h"
#include "actors/router/operator/metrics.h"
#include "actors/router/operator/statistics.h"

struct xftp_router;

/* Rows of the counters, in order of the statistics file. */
enum xftp_counter {
    COUNT_FILES_CREATED,
    COUNT_FILE_RECIPIENTS,
    COUNT_FILES_UPLOADED,
    COUNT_FILES_EXPIRED,
    COUNT_FILES_DELETED,
    COUNT_FILES_BLOCKED,
    COUNT_FILE_DOWNLOADS,
    COUNT_FILE_DOWNLOAD_ACKS,
    /* our own */
    COUNT_AUTHORIZATION_FAILURES,
    COUNT_QUOTA_REFUSALS,
    COUNT_STORE_FAILURES,
    COUNT_VERIFICATIONS, /* of signatures and authenticators, those for show included */
    COUNT_XFTP_COUNTERS
};

/* Of the store, or of now. */
enum xftp_value {
    VALUE_FILES_COUNT, /* with a chunk */
    VALUE_FILES_SIZE,
    VALUE_RECORDS,
    VALUE_RECIPIENTS,
    VALUE_QUOTA_USED,
    VALUE_QUOTA_LIMIT, /* 0: none */
    VALUE_UPLOAD_BYTES,
    VALUE_XFTP_VALUES
};

enum { ACTIVE_FILES, ACTIVE_XFTP_SETS }; /* files that were downloaded */

struct statistics_table xftp_statistics_table(struct xftp_router *router);
extern const struct metric_row xftp_metrics[];
extern const size_t xftp_metric_count;
