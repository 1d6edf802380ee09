/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Statistics and metrics of the XFTP router: names, order and words of the reference's files, then our own. */
#include "actors/xftp/metrics.h"

#include <stdlib.h>

#include "actors/xftp/roles.h"
#include "stores/xftp/file_store.h"

/* ---- statistics ---- */

static const struct counter_row counters[COUNT_XFTP_COUNTERS] = {
    [COUNT_FILES_CREATED] = {.name = "filesCreated"},
    [COUNT_FILE_RECIPIENTS] = {.name = "fileRecipients"},
    [COUNT_FILES_UPLOADED] = {.name = "filesUploaded"},
    [COUNT_FILES_EXPIRED] = {.name = "filesExpired"},
    [COUNT_FILES_DELETED] = {.name = "filesDeleted"},
    [COUNT_FILES_BLOCKED] = {.name = "filesBlocked", .kind = COUNTER_TOTAL},
    [COUNT_FILE_DOWNLOADS] = {.name = "fileDownloads"},
    [COUNT_FILE_DOWNLOAD_ACKS] = {.name = "fileDownloadAcks"},
    [COUNT_AUTHORIZATION_FAILURES] = {.name = "authorizationFailures", .kind = COUNTER_NOW},
    [COUNT_QUOTA_REFUSALS] = {.name = "quotaRefusals", .kind = COUNTER_NOW},
    [COUNT_STORE_FAILURES] = {.name = "storeFailures", .kind = COUNTER_NOW},
    [COUNT_VERIFICATIONS] = {.name = "verifications", .kind = COUNTER_NOW},
};

static const char *const active_sets[ACTIVE_XFTP_SETS] = {"filesDownloaded"};

static const struct statistics_file_row file[] = {
    {.statistic = OF_COUNTER(COUNT_FILES_CREATED)},
    {.statistic = OF_COUNTER(COUNT_FILE_RECIPIENTS)},
    {.statistic = OF_COUNTER(COUNT_FILES_UPLOADED)},
    {.statistic = OF_COUNTER(COUNT_FILES_EXPIRED)},
    {.statistic = OF_COUNTER(COUNT_FILES_DELETED)},
    {.statistic = OF_COUNTER(COUNT_FILES_BLOCKED)},
    {.statistic = OF_VALUE(VALUE_FILES_COUNT), .name = "filesCount"},
    {.statistic = OF_VALUE(VALUE_FILES_SIZE), .name = "filesSize"},
    {.statistic = OF_ACTIVE(ACTIVE_FILES, ACTIVE_DAY)},
    {.statistic = OF_COUNTER(COUNT_FILE_DOWNLOADS)},
    {.statistic = OF_COUNTER(COUNT_FILE_DOWNLOAD_ACKS)},
};

static const struct statistic columns[] = {
    OF_COUNTER(COUNT_FILES_CREATED),       OF_COUNTER(COUNT_FILE_RECIPIENTS),   OF_COUNTER(COUNT_FILES_UPLOADED),
    OF_COUNTER(COUNT_FILES_DELETED),       OF_ACTIVE(ACTIVE_FILES, ACTIVE_DAY), OF_ACTIVE(ACTIVE_FILES, ACTIVE_WEEK),
    OF_ACTIVE(ACTIVE_FILES, ACTIVE_MONTH), OF_COUNTER(COUNT_FILE_DOWNLOADS),    OF_COUNTER(COUNT_FILE_DOWNLOAD_ACKS),
    OF_VALUE(VALUE_FILES_COUNT),           OF_VALUE(VALUE_FILES_SIZE),          OF_COUNTER(COUNT_FILES_EXPIRED),
};

static void sample(void *context, int64_t *values) {
    struct xftp_router *router = context;
    struct file_totals totals;
    xftp_read_totals(router, &totals);
    values[VALUE_FILES_COUNT] = (int64_t)totals.chunks;
    values[VALUE_FILES_SIZE] = (int64_t)totals.chunk_bytes;
    values[VALUE_RECORDS] = (int64_t)totals.files;
    values[VALUE_RECIPIENTS] = (int64_t)totals.recipients;
    values[VALUE_QUOTA_USED] = (int64_t)file_quota_used(&router->quota);
    values[VALUE_QUOTA_LIMIT] = router->config.quota > INT64_MAX ? 0 : (int64_t)router->config.quota;
    values[VALUE_UPLOAD_BYTES] = (int64_t)atomic_load_explicit(&router->upload_bytes, memory_order_relaxed);
}

struct statistics_table xftp_statistics_table(struct xftp_router *router) {
    return (struct statistics_table){
        .counters = counters,
        .counter_count = COUNT_XFTP_COUNTERS,
        .active = active_sets,
        .active_count = ACTIVE_XFTP_SETS,
        .value_count = VALUE_XFTP_VALUES,
        .file = file,
        .file_count = sizeof file / sizeof file[0],
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .sample = sample,
        .context = router,
    };
}

/* ---- metrics ---- */

static void write_info(struct metrics_text *metrics, void *context) {
    const char *options = getenv("XFTP_RTS_OPTIONS");
    const struct xftp_router *router = context;
    struct text_buffer *text = metrics->text;
    text_add(text, "%s{version=\"%s\",rts_options=", metrics->family, operator_version(router->operator));
    text_add_quoted(text, options == NULL ? "set XFTP_RTS_OPTIONS" : options);
    text_add(text, "} 1\n");
}

#define COUNTER_ROW(name_, help_, counter_, note_, ...)                                                                \
    {                                                                                                                  \
        .name = "simplex_xftp_" name_, .help = help_, .type = "counter", .note = note_,                                \
        .statistic = OF_COUNTER(counter_), __VA_ARGS__                                                                 \
    }
#define GAUGE_ROW(name_, help_, statistic_, note_, ...)                                                                \
    {                                                                                                                  \
        .name = "simplex_xftp_" name_, .help = help_, .type = "gauge", .note = note_, .statistic = statistic_,         \
        __VA_ARGS__                                                                                                    \
    }

const struct metric_row xftp_metrics[] = {
    /* The reference's. */
    COUNTER_ROW("files_created", "Created files", COUNT_FILES_CREATED, "filesCreated", .section = "Files"),
    COUNTER_ROW("files_recipients", "Files recipients", COUNT_FILE_RECIPIENTS, "fileRecipients"),
    COUNTER_ROW("files_uploaded", "Uploaded files", COUNT_FILES_UPLOADED, "filesUploaded"),
    COUNTER_ROW("files_expired", "Expired files", COUNT_FILES_EXPIRED, "filesExpired"),
    COUNTER_ROW("files_deleted", "Deleted files", COUNT_FILES_DELETED, "filesDeleted"),
    COUNTER_ROW("files_blocked", "Blocked files", COUNT_FILES_BLOCKED, "filesBlocked"),
    COUNTER_ROW("file_downloads", "File downloads", COUNT_FILE_DOWNLOADS, "fileDownloads"),
    COUNTER_ROW("file_download_acks", "File download ACKs", COUNT_FILE_DOWNLOAD_ACKS, "fileDownloadAcks"),
    GAUGE_ROW("files_count_total", "Total files count ", OF_VALUE(VALUE_FILES_COUNT), "filesCount"),
    GAUGE_ROW("files_size", "Size of files ", OF_VALUE(VALUE_FILES_SIZE), "filesSize "),
    GAUGE_ROW("files_count_daily", "Daily files count", OF_ACTIVE(ACTIVE_FILES, ACTIVE_DAY),
              "filesDownloaded.dayCount"),
    GAUGE_ROW("files_count_weekly", "Weekly files count", OF_ACTIVE(ACTIVE_FILES, ACTIVE_WEEK),
              "filesDownloaded.weekCount"),
    GAUGE_ROW("files_count_monthly", "Monthly files count", OF_ACTIVE(ACTIVE_FILES, ACTIVE_MONTH),
              "filesDownloaded.monthCount"),
    {.section = "Info",
     .name = "simplex_xftp_info",
     .help = "Server information. RTS options have to be passed via XFTP_RTS_OPTIONS env var",
     .type = "gauge",
     .write = write_info},
    /* Our own. */
    GAUGE_ROW("records", "Records of files, with and without a chunk", OF_VALUE(VALUE_RECORDS), NULL,
              .section = "Store"),
    GAUGE_ROW("recipients", "Recipients of files", OF_VALUE(VALUE_RECIPIENTS), NULL),
    GAUGE_ROW("quota_used_bytes", "Bytes of chunks, with those that uploads have claimed", OF_VALUE(VALUE_QUOTA_USED),
              NULL),
    GAUGE_ROW("quota_limit_bytes", "What they may be; 0: no limit", OF_VALUE(VALUE_QUOTA_LIMIT), NULL),
    GAUGE_ROW("upload_waiting_bytes", "Bytes that were received and are not on the disk yet",
              OF_VALUE(VALUE_UPLOAD_BYTES), NULL),
    COUNTER_ROW("authorization_failures", "Commands without the right key", COUNT_AUTHORIZATION_FAILURES, NULL),
    COUNTER_ROW("quota_refusals", "Uploads refused for want of room", COUNT_QUOTA_REFUSALS, NULL),
    COUNTER_ROW("store_failures", "Commands that the store failed", COUNT_STORE_FAILURES, NULL),
};
const size_t xftp_metric_count = sizeof xftp_metrics / sizeof xftp_metrics[0];
