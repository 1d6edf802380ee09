/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Room in LMDB's file.
 *
 * Free pages are those below the end of the data that no tree holds; LMDB keeps the size of each tree. It keeps the
 * pages that each transaction freed in table 0, by number of the transaction, and uses them again once no snapshot as
 * old is open. */
#include "stores/lmdb/lmdb_room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "stores/lmdb/lmdb_private.h"

enum { FREE_TABLE = 0, MAIN_TABLE = 1, META_PAGES = 2 };

void lmdb_pages_get(const struct lmdb *lmdb, struct lmdb_pages *out) {
    MDB_envinfo info = {0};
    (void)mdb_env_info(lmdb->env, &info); /* fails only without an environment */
    out->page_size = lmdb->page_size;
    out->end = (uint64_t)info.me_last_pgno + 1;
    out->allocated = lmdb->allocated == UINT64_MAX ? UINT64_MAX : lmdb->allocated / lmdb->page_size;
    out->map = info.me_mapsize / lmdb->page_size;
    out->commit = info.me_last_txnid;
}

enum smq_result lmdb_pages_allocate(struct lmdb *lmdb, uint64_t pages) {
    uint64_t end = pages * lmdb->page_size;
    if (end <= lmdb->allocated)
        return SMQ_OK;
    mdb_filehandle_t file;
    if (mdb_env_get_fd(lmdb->env, &file) != MDB_SUCCESS)
        return SMQ_ERR_STORE;
    if (fallocate(file, 0, (off_t)lmdb->allocated, (off_t)(end - lmdb->allocated)) == 0) {
        lmdb->allocated = end;
        return SMQ_OK;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
        lmdb->allocated = UINT64_MAX;
        return SMQ_OK;
    }
    return lmdb_result_of(errno);
}

static uint64_t pages_of_table(struct lmdb_txn *txn, MDB_dbi table) {
    MDB_stat stat;
    if (mdb_stat(txn->txn, table, &stat) != MDB_SUCCESS)
        return 0;
    return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

uint64_t lmdb_pages_used(struct lmdb_txn *txn) {
    uint64_t used = META_PAGES + pages_of_table(txn, FREE_TABLE) + pages_of_table(txn, MAIN_TABLE);
    for (unsigned i = 0; i < txn->lmdb->table_count; i++)
        if (txn->lmdb->tables[i] != NO_TABLE)
            used += pages_of_table(txn, txn->lmdb->tables[i]);
    return used;
}

uint64_t lmdb_pages_pinned(struct lmdb_txn *txn, uint64_t from) {
    struct lmdb *lmdb = txn->lmdb;
    MDB_cursor *cursor = NULL;
    if (lmdb->pinned_from != from) {
        lmdb->pinned_from = lmdb->pinned_next = from;
        lmdb->pinned = 0;
    }
    if (mdb_cursor_open(txn->txn, FREE_TABLE, &cursor) != MDB_SUCCESS)
        return lmdb->pinned;
    size_t start = lmdb->pinned_next;
    MDB_val key = {.mv_size = sizeof start, .mv_data = &start};
    MDB_val value;
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; code == MDB_SUCCESS; code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        size_t freed_by = 0;
        size_t count = 0; /* the value begins with it; page numbers follow */
        if (key.mv_size != sizeof freed_by || value.mv_size < sizeof count)
            continue;
        memcpy(&freed_by, key.mv_data, sizeof freed_by);
        memcpy(&count, value.mv_data, sizeof count);
        lmdb->pinned += count;
        lmdb->pinned_next = (uint64_t)freed_by + 1;
    }
    mdb_cursor_close(cursor);
    return lmdb->pinned;
}

/* ---- readers ---- */

/* LMDB tells of its readers only as text: "pid thread transaction", or "-" for a place without a snapshot. */
static int note_reader(const char *line, void *context) {
    struct lmdb_readers *readers = context;
    char *after_process;
    char *after_thread;
    char *end;
    long process = strtol(line, &after_process, 10);
    (void)strtoull(after_process, &after_thread, 16);
    size_t snapshot = (size_t)strtoull(after_thread, &end, 10);
    if (after_process == line || after_thread == after_process) /* the heading */
        return 0;
    readers->places++;
    if (end == after_thread)
        return 0;
    readers->open++;
    if (snapshot < readers->oldest) {
        readers->oldest = snapshot;
        readers->oldest_process = (int)process;
    }
    return 0;
}

void lmdb_readers_get(struct lmdb *lmdb, struct lmdb_readers *out) {
    *out = (struct lmdb_readers){.oldest = UINT64_MAX};
    (void)mdb_reader_list(lmdb->env, note_reader, out);
}

unsigned lmdb_readers_check(struct lmdb *lmdb) {
    int dead = 0;
    (void)mdb_reader_check(lmdb->env, &dead);
    return dead > 0 ? (unsigned)dead : 0;
}
