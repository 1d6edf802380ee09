/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Import of a log, a buffer of lines at a time. */
#include "stores/logs/log_import.h"

#include "queues/base/memory.h"
#include "queues/base/secret.h"

struct run {
    const struct log_import *import;
    const char *name;
    struct log_report *report;
    struct log_lines *lines;
    void *record;
    uint8_t *room;
};

static enum smq_result apply_line(struct run *run, struct store_txn *txn, const struct log_line *line) {
    const struct log_import *import = run->import;
    const char *fault = NULL;
    enum smq_result result = SMQ_OK;
    unsigned kind;
    if (line->state == LOG_LINE_TORN) {
        log_report_torn(run->report, run->name, line->number);
        return SMQ_OK;
    }
    if (line->state == LOG_LINE_TOO_LONG || line->text.length > import->line_max)
        fault = "it is too long; skipped";
    else if (log_record_read(import->table, line->text, run->room, import->line_max, &kind, run->record) != SMQ_OK)
        fault = "it cannot be read; skipped";
    else
        result = import->apply(import->context, txn, kind, run->record, &fault);
    if (result == SMQ_OK && fault != NULL)
        log_report_fault(run->report, run->name, line->number, fault);
    return result;
}

static enum smq_result apply_lines(void *context, struct store_txn *txn) {
    struct run *run = context;
    struct log_line line;
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK && log_lines_next(run->lines, &line))
        result = apply_line(run, txn, &line);
    return result;
}

static enum smq_result run_all(struct run *run, struct store_import *store) {
    enum smq_result result = log_lines_load(run->lines);
    while (result == SMQ_OK) {
        result = store_import_run(store, log_lines_loaded(run->lines), apply_lines, run);
        if (result == SMQ_OK)
            result = log_lines_load(run->lines);
    }
    return result == SMQ_ERR_EMPTY ? SMQ_OK : result;
}

enum smq_result log_import_run(const struct log_import *import, struct store_import *store, struct log_source source,
                               const char *name, struct log_report *report, uint64_t *lines) {
    struct run run = {.import = import, .name = name, .report = report};
    enum smq_result result = log_lines_create(source, LOG_IMPORT_CHUNK, &run.lines);
    run.record = memory_zalloc(import->table->record_size);
    run.room = memory_alloc(import->line_max);
    if (result == SMQ_OK && (run.record == NULL || run.room == NULL))
        result = SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK)
        result = run_all(&run, store);
    *lines = run.lines != NULL ? log_lines_count(run.lines) : 0;
    log_report_file_done(report, name);
    if (run.room != NULL)
        secret_wipe(run.room, import->line_max);
    memory_free(run.room);
    memory_free(run.record);
    log_lines_destroy(&run.lines);
    return result;
}
