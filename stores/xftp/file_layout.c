/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The layout of the XFTP router's store, and its totals. */
#include "stores/xftp/file_private.h"

enum { FILE_FIGURE_COUNT = sizeof(struct file_totals) / sizeof(uint64_t) };

static const char *const table_names[FILE_TABLE_COUNT] = {
    [FILE_TABLE_META] = "meta",
    [FILE_TABLE_FILES] = "files",
    [FILE_TABLE_RECIPIENTS] = "recipients",
    [FILE_TABLE_FILE_RECIPIENTS] = "file_recipients",
    [FILE_TABLE_EXPIRY] = "expiry",
    [FILE_TABLE_REMOVALS] = "removals",
    [FILE_TABLE_PURGE] = "purge",
};

static const uint64_t first_figures[FILE_FIGURE_COUNT];

const struct store_layout file_store_layout = {
    .tables = table_names,
    .table_count = FILE_TABLE_COUNT,
    .schema = FILE_SCHEMA,
    .check = "xftp-server store check",
    .purge_table = FILE_TABLE_PURGE,
    .purge_step = file_purge_step,
    .figure_count = FILE_FIGURE_COUNT,
    .first_figures = first_figures,
};

void file_totals_get(struct store_txn *txn, struct file_totals *out) {
    store_txn_figures(txn, (uint64_t *)(void *)out);
}
