/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* LMDB environment, room in its file, transactions. */
#include "stores/lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "stores/lmdb_private.h"

static enum smq_result result_of_code(int code) {
    switch (code) {
    case MDB_SUCCESS:
        return SMQ_OK;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return SMQ_ERR_STORE_FULL;
    case ENOMEM:
        return SMQ_ERR_NO_MEMORY;
    case MDB_READERS_FULL:
        return SMQ_ERR_NO_CREDIT;
    case MDB_VERSION_MISMATCH:
        return SMQ_ERR_VERSION;
    default:
        return SMQ_ERR_STORE;
    }
}

/* The map must hold the existing data and the room asked for beyond it, also when the setting was lowered since. */
static int fit_map(struct lmdb *lmdb, const struct lmdb_options *options) {
    MDB_envinfo info;
    int code = mdb_env_info(lmdb->env, &info);
    if (code != MDB_SUCCESS)
        return code;
    MDB_stat stat;
    code = mdb_env_stat(lmdb->env, &stat);
    if (code != MDB_SUCCESS)
        return code;
    lmdb->page_size = stat.ms_psize;
    uint64_t needed = ((uint64_t)info.me_last_pgno + 1) * lmdb->page_size + options->map_reserve;
    return info.me_mapsize < needed ? mdb_env_set_mapsize(lmdb->env, (size_t)needed) : MDB_SUCCESS;
}

static int open_environment(struct lmdb *lmdb, const struct lmdb_options *options) {
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (options->sync ? 0 : MDB_NOSYNC);
    int code = mdb_env_set_maxdbs(lmdb->env, LMDB_MAX_TABLES);
    if (code == MDB_SUCCESS)
        code = mdb_env_set_maxreaders(lmdb->env, options->max_readers);
    if (code == MDB_SUCCESS)
        code = mdb_env_set_mapsize(lmdb->env, (size_t)options->map_size);
    if (code == MDB_SUCCESS)
        code = mdb_env_open(lmdb->env, options->directory, flags, 0600);
    if (code == MDB_SUCCESS)
        code = fit_map(lmdb, options);
    return code;
}

static uint64_t file_size(struct lmdb *lmdb) {
    mdb_filehandle_t file;
    struct stat status;
    if (mdb_env_get_fd(lmdb->env, &file) != MDB_SUCCESS || fstat(file, &status) != 0)
        return 0;
    return (uint64_t)status.st_size;
}

enum smq_result lmdb_open(const struct lmdb_options *options, struct lmdb **out) {
    struct lmdb *lmdb = memory_zalloc(sizeof *lmdb);
    if (lmdb == NULL)
        return SMQ_ERR_NO_MEMORY;
    pthread_mutex_init(&lmdb->readers_lock, NULL);
    int code = mdb_env_create(&lmdb->env);
    if (code == MDB_SUCCESS)
        code = open_environment(lmdb, options);
    if (code != MDB_SUCCESS) {
        log_error("store: cannot open %s: %s", options->directory, mdb_strerror(code));
        lmdb_close(&lmdb);
        return result_of_code(code);
    }
    lmdb->allocated = file_size(lmdb);
    *out = lmdb;
    return SMQ_OK;
}

enum smq_result lmdb_open_tables(struct lmdb *lmdb, const char *const *names, unsigned count) {
    if (count > LMDB_MAX_TABLES - lmdb->table_count)
        return SMQ_ERR_INVALID;
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(lmdb->env, NULL, 0, &txn);
    for (unsigned i = 0; i < count && code == MDB_SUCCESS; i++)
        code = mdb_dbi_open(txn, names[i], MDB_CREATE, &lmdb->tables[lmdb->table_count + i]);
    if (code == MDB_SUCCESS)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    if (code != MDB_SUCCESS) {
        log_error("store: cannot open its tables: %s", mdb_strerror(code));
        return result_of_code(code);
    }
    lmdb->table_count += count;
    return SMQ_OK;
}

void lmdb_close(struct lmdb **lmdb) {
    if (*lmdb == NULL)
        return;
    if ((*lmdb)->env != NULL)
        mdb_env_close((*lmdb)->env);
    pthread_mutex_destroy(&(*lmdb)->readers_lock);
    memory_free(*lmdb);
    *lmdb = NULL;
}

enum smq_result lmdb_sync(struct lmdb *lmdb) {
    int code = mdb_env_sync(lmdb->env, 1);
    if (code != MDB_SUCCESS)
        log_error("store: cannot write to the disk: %s", mdb_strerror(code));
    return result_of_code(code);
}

/* ---- room ---- */

void lmdb_pages_get(const struct lmdb *lmdb, struct lmdb_pages *out) {
    MDB_envinfo info = {0};
    (void)mdb_env_info(lmdb->env, &info); /* fails only without an environment */
    out->page_size = lmdb->page_size;
    out->end = (uint64_t)info.me_last_pgno + 1;
    out->allocated = lmdb->allocated == UINT64_MAX ? UINT64_MAX : lmdb->allocated / lmdb->page_size;
    out->map = info.me_mapsize / lmdb->page_size;
}

/* The write transaction that the oldest open snapshot sees; SIZE_MAX when there is none. A snapshot that begins
 * meanwhile may be missed: it is as new as the last commit. */
static size_t oldest_snapshot(struct lmdb *lmdb, const struct lmdb_txn *except) {
    size_t oldest = SIZE_MAX;
    pthread_mutex_lock(&lmdb->readers_lock);
    for (const struct lmdb_txn *reader = lmdb->readers; reader != NULL; reader = reader->next) {
        size_t snapshot = atomic_load_explicit(&reader->snapshot, memory_order_relaxed);
        if (reader != except && snapshot != 0 && snapshot < oldest)
            oldest = snapshot;
    }
    pthread_mutex_unlock(&lmdb->readers_lock);
    return oldest;
}

/* How many of the pages, whose numbers descend, are not in runs. */
static uint64_t count_scattered(const size_t *pages, size_t count) {
    uint64_t scattered = 0;
    size_t run = 1;
    for (size_t i = 0; i < count; i += run) {
        run = 1;
        while (i + run < count && pages[i + run] + run == pages[i])
            run++;
        scattered += run % LMDB_RUN;
    }
    return scattered;
}

/* LMDB keeps its free list in table 0, by the transaction that freed: the value is a count and as many page numbers. */
struct lmdb_free lmdb_pages_free(struct lmdb_txn *txn) {
    struct lmdb_free found = {0};
    size_t oldest = oldest_snapshot(txn->lmdb, txn);
    MDB_cursor *cursor = NULL;
    if (txn->writable || mdb_cursor_open(txn->txn, 0, &cursor) != MDB_SUCCESS)
        return found;
    MDB_val key;
    MDB_val value;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
        const size_t *pages = value.mv_data; /* LMDB aligns it */
        size_t freed_by = 0;
        if (key.mv_size != sizeof freed_by || value.mv_size < sizeof *pages ||
            pages[0] > value.mv_size / sizeof *pages - 1)
            continue;
        memcpy(&freed_by, key.mv_data, sizeof freed_by);
        found.usable += freed_by <= oldest ? pages[0] : 0;
        found.scattered += count_scattered(pages + 1, pages[0]);
    }
    mdb_cursor_close(cursor);
    return found;
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
    return result_of_code(errno);
}

/* ---- transactions ---- */

/* Claims a place in LMDB's table of readers now, so that no later lmdb_begin fails for want of one. */
static enum smq_result register_reader(struct lmdb_txn *txn) {
    struct lmdb *lmdb = txn->lmdb;
    int code = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn->txn);
    if (code != MDB_SUCCESS)
        return result_of_code(code);
    mdb_txn_reset(txn->txn);
    pthread_mutex_lock(&lmdb->readers_lock);
    txn->next = lmdb->readers;
    if (txn->next != NULL)
        txn->next->previous = txn;
    lmdb->readers = txn;
    pthread_mutex_unlock(&lmdb->readers_lock);
    return SMQ_OK;
}

static void unregister_reader(struct lmdb_txn *txn) {
    struct lmdb *lmdb = txn->lmdb;
    pthread_mutex_lock(&lmdb->readers_lock);
    if (txn->previous != NULL)
        txn->previous->next = txn->next;
    else
        lmdb->readers = txn->next;
    if (txn->next != NULL)
        txn->next->previous = txn->previous;
    pthread_mutex_unlock(&lmdb->readers_lock);
    mdb_txn_abort(txn->txn);
}

enum smq_result lmdb_txn_create(struct lmdb *lmdb, bool writable, struct lmdb_txn **out) {
    struct lmdb_txn *txn = memory_zalloc(sizeof *txn);
    if (txn == NULL)
        return SMQ_ERR_NO_MEMORY;
    txn->lmdb = lmdb;
    txn->writable = writable;
    enum smq_result result = writable ? SMQ_OK : register_reader(txn);
    if (result != SMQ_OK) {
        memory_free(txn);
        return result;
    }
    *out = txn;
    return SMQ_OK;
}

void lmdb_txn_destroy(struct lmdb_txn **txn) {
    if (*txn == NULL)
        return;
    lmdb_abort(*txn);
    for (unsigned i = 0; i < LMDB_MAX_TABLES; i++)
        if ((*txn)->cursors[i] != NULL)
            mdb_cursor_close((*txn)->cursors[i]);
    if (!(*txn)->writable)
        unregister_reader(*txn);
    memory_free(*txn);
    *txn = NULL;
}

bool lmdb_txn_fail_code(struct lmdb_txn *txn, int code) {
    if (txn->error == SMQ_OK) {
        txn->code = code;
        txn->error = result_of_code(code);
    }
    return false;
}

enum smq_result lmdb_begin(struct lmdb_txn *txn) {
    if (txn->open)
        return SMQ_ERR_INVALID;
    txn->code = 0;
    txn->error = SMQ_OK;
    txn->current = 0;
    int code = txn->writable ? mdb_txn_begin(txn->lmdb->env, NULL, 0, &txn->txn) : mdb_txn_renew(txn->txn);
    if (code != MDB_SUCCESS) {
        lmdb_txn_fail_code(txn, code);
        if (txn->writable)
            txn->txn = NULL;
        return txn->error;
    }
    txn->open = true;
    if (!txn->writable)
        atomic_store_explicit(&txn->snapshot, mdb_txn_id(txn->txn), memory_order_relaxed);
    return SMQ_OK;
}

/* LMDB frees the cursors of a write transaction when it ends. */
static void forget_write(struct lmdb_txn *txn) {
    memset(txn->cursors, 0, sizeof txn->cursors);
    txn->txn = NULL;
    txn->open = false;
}

void lmdb_abort(struct lmdb_txn *txn) {
    if (!txn->open)
        return;
    if (txn->writable) {
        mdb_txn_abort(txn->txn);
        forget_write(txn);
    } else {
        mdb_txn_reset(txn->txn);
        atomic_store_explicit(&txn->snapshot, 0, memory_order_relaxed);
        txn->open = false;
    }
}

enum smq_result lmdb_commit(struct lmdb_txn *txn) {
    if (!txn->open || !txn->writable)
        return SMQ_ERR_INVALID;
    if (txn->error != SMQ_OK) {
        lmdb_abort(txn);
        return txn->error;
    }
    int code = mdb_txn_commit(txn->txn);
    forget_write(txn);
    if (code != MDB_SUCCESS)
        lmdb_txn_fail_code(txn, code);
    return txn->error;
}

bool lmdb_is_open(const struct lmdb_txn *txn) {
    return txn->open;
}

bool lmdb_is_writable(const struct lmdb_txn *txn) {
    return txn->open && txn->writable;
}

enum smq_result lmdb_status(const struct lmdb_txn *txn) {
    return txn->error;
}

void lmdb_fail(struct lmdb_txn *txn, enum smq_result error) {
    if (txn->error == SMQ_OK)
        txn->error = error;
}

const char *lmdb_error_text(const struct lmdb_txn *txn) {
    return txn->code != 0 ? mdb_strerror(txn->code) : smq_result_text(txn->error);
}
