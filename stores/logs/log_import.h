/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Import of a log: lines become records, records become changes of a store, some thousands in a transaction. What a
 * router brings is its table of records and how one is applied. One thread; blocks for source and store. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"
#include "stores/lmdb/store_import.h"
#include "stores/logs/log_lines.h"
#include "stores/logs/log_record.h"
#include "stores/logs/log_report.h"

struct log_import {
    const struct log_record_table *table;
    size_t line_max; /* bytes of the longest line; longer ones are faults */
    /* Applies a record. `fault` gets why it was not applied, or not wholly; the import goes on. An error is the
     * store's, and ends it. */
    enum smq_result (*apply)(void *context, struct store_txn *txn, unsigned kind, const void *record,
                             const char **fault);
    void *context;
};

/* Bytes of text that a transaction takes, and memory that an import needs, beside two longest lines. */
enum { LOG_IMPORT_CHUNK = 24 << 20 };

/* Reads `source` to its end; faults are told with `name` and line, but for those that the source tells. `lines` gets
 * how many there were. Errors: the source's, the store's, SMQ_ERR_NO_MEMORY. */
enum smq_result log_import_run(const struct log_import *import, struct store_import *store, struct log_source source,
                               const char *name, struct log_report *report, uint64_t *lines);
