/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* LMDB environment, room in its file, transactions. */
#include "stores/lmdb/lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "stores/lmdb/lmdb_private.h"

enum smq_result lmdb_result_of(int code) {
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

static uint64_t file_size(struct lmdb *lmdb) {
    mdb_filehandle_t file;
    struct stat status;
    if (mdb_env_get_fd(lmdb->env, &file) != MDB_SUCCESS || fstat(file, &status) != 0)
        return 0;
    return (uint64_t)status.st_size;
}

/* LMDB would run into the missing end of the file when it reads there, and the process with it. The last pages that a
 * commit counts may never have been written. */
static int check_length(struct lmdb *lmdb, uint64_t pages, const char *directory) {
    enum { UNWRITTEN_MAX = 64 };
    uint64_t length = file_size(lmdb);
    uint64_t expected = pages * lmdb->page_size;
    if (pages < UNWRITTEN_MAX || length >= expected - UNWRITTEN_MAX * lmdb->page_size)
        return MDB_SUCCESS;
    log_error("store: the data file in %s is cut short: %llu bytes of %llu", directory, (unsigned long long)length,
              (unsigned long long)expected);
    return MDB_CORRUPTED;
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
    lmdb->read_only = options->read_only;
    code = check_length(lmdb, (uint64_t)info.me_last_pgno + 1, options->directory);
    if (code != MDB_SUCCESS)
        return code;
    if (options->read_only)
        return MDB_SUCCESS;
    uint64_t needed = ((uint64_t)info.me_last_pgno + 1) * lmdb->page_size + options->map_reserve;
    return info.me_mapsize < needed ? mdb_env_set_mapsize(lmdb->env, (size_t)needed) : MDB_SUCCESS;
}

static int open_environment(struct lmdb *lmdb, const struct lmdb_options *options) {
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (options->read_only ? MDB_RDONLY : options->sync ? 0 : MDB_NOSYNC);
    if (options->is_file)
        flags |= MDB_NOSUBDIR | MDB_NOLOCK;
    int code = mdb_env_set_maxdbs(lmdb->env, LMDB_MAX_TABLES);
    if (code == MDB_SUCCESS)
        code = mdb_env_set_maxreaders(lmdb->env, options->max_readers);
    if (code == MDB_SUCCESS && !options->read_only)
        code = mdb_env_set_mapsize(lmdb->env, (size_t)options->map_size);
    if (code == MDB_SUCCESS)
        code = mdb_env_open(lmdb->env, options->directory, flags, 0600);
    return code == MDB_SUCCESS ? fit_map(lmdb, options) : code;
}

enum smq_result lmdb_open(const struct lmdb_options *options, struct lmdb **out) {
    struct lmdb *lmdb = memory_zalloc(sizeof *lmdb);
    if (lmdb == NULL)
        return SMQ_ERR_NO_MEMORY;
    int code = mdb_env_create(&lmdb->env);
    if (code == MDB_SUCCESS)
        code = open_environment(lmdb, options);
    if (code != MDB_SUCCESS) {
        log_error("store: cannot open %s: %s", options->directory, mdb_strerror(code));
        lmdb_close(&lmdb);
        return lmdb_result_of(code);
    }
    lmdb->allocated = file_size(lmdb);
    *out = lmdb;
    return SMQ_OK;
}

enum smq_result lmdb_open_tables(struct lmdb *lmdb, const char *const *names, unsigned count) {
    if (count > LMDB_MAX_TABLES - lmdb->table_count)
        return SMQ_ERR_INVALID;
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(lmdb->env, NULL, lmdb->read_only ? MDB_RDONLY : 0, &txn);
    for (unsigned i = 0; i < count && code == MDB_SUCCESS; i++) {
        MDB_dbi *table = &lmdb->tables[lmdb->table_count + i];
        code = mdb_dbi_open(txn, names[i], lmdb->read_only ? 0 : MDB_CREATE, table);
        if (code == MDB_NOTFOUND && lmdb->read_only) {
            *table = NO_TABLE;
            code = MDB_SUCCESS;
        }
    }
    if (code == MDB_SUCCESS)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    if (code != MDB_SUCCESS) {
        log_error("store: cannot open its tables: %s", mdb_strerror(code));
        return lmdb_result_of(code);
    }
    lmdb->table_count += count;
    return SMQ_OK;
}

void lmdb_close(struct lmdb **lmdb) {
    if (*lmdb == NULL)
        return;
    if ((*lmdb)->env != NULL)
        mdb_env_close((*lmdb)->env);
    memory_free(*lmdb);
    *lmdb = NULL;
}

enum smq_result lmdb_sync(struct lmdb *lmdb) {
    int code = mdb_env_sync(lmdb->env, 1);
    if (code != MDB_SUCCESS)
        log_error("store: cannot write to the disk: %s", mdb_strerror(code));
    return lmdb_result_of(code);
}

/* ---- transactions ---- */

/* Claims a place in LMDB's table of readers now, so that no later lmdb_begin fails for want of one. */
static enum smq_result register_reader(struct lmdb_txn *txn) {
    int code = mdb_txn_begin(txn->lmdb->env, NULL, MDB_RDONLY, &txn->txn);
    if (code == MDB_SUCCESS)
        mdb_txn_reset(txn->txn);
    return lmdb_result_of(code);
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
        mdb_txn_abort((*txn)->txn);
    memory_free(*txn);
    *txn = NULL;
}

bool lmdb_txn_fail_code(struct lmdb_txn *txn, int code) {
    if (txn->error == SMQ_OK) {
        txn->code = code;
        txn->error = lmdb_result_of(code);
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

uint64_t lmdb_number(const struct lmdb_txn *txn) {
    return mdb_txn_id(txn->txn);
}

enum smq_result lmdb_status(const struct lmdb_txn *txn) {
    return txn->error;
}

void lmdb_fail(struct lmdb_txn *txn, enum smq_result error) {
    if (txn->error == SMQ_OK)
        txn->error = error;
}

bool lmdb_is_damaged(const struct lmdb_txn *txn) {
    return txn->error == SMQ_ERR_STORE && txn->code == 0;
}

bool lmdb_is_broken(const struct lmdb_txn *txn) {
    return txn->code == MDB_PANIC || FAULT(store_panic);
}

const char *lmdb_error_text(const struct lmdb_txn *txn) {
    return txn->code != 0 ? mdb_strerror(txn->code) : smq_result_text(txn->error);
}

uint64_t lmdb_table_size(struct lmdb_txn *txn, unsigned table) {
    MDB_stat stat;
    if (txn->lmdb->tables[table] == NO_TABLE)
        return 0;
    return mdb_stat(txn->txn, txn->lmdb->tables[table], &stat) == MDB_SUCCESS ? stat.ms_entries : 0;
}
