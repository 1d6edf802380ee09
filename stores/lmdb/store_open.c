/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening and closing a store: its folder, its lock, its schema version. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/descriptor.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "stores/lmdb/store_owner.h"
#include "stores/lmdb/store_private.h"

static struct slice schema_key(void) {
    return slice_of_text("schema");
}

/* The lock is the open file description's: it holds against other processes and against this one, and goes with the
 * process. */
enum smq_result store_lock(const char *directory, int *lock_file) {
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/lock", directory);
    if (length < 0 || (size_t)length >= sizeof path)
        return SMQ_ERR_INVALID;
    *lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock_file < 0) {
        log_error("store: cannot open %s: %s", path, strerror(errno));
        return SMQ_ERR_SYSTEM;
    }
    store_keep_owner(directory);
    if (flock(*lock_file, LOCK_EX | LOCK_NB) == 0)
        return SMQ_OK;
    if (errno == EWOULDBLOCK) {
        log_error("store: %s is in use by another process", directory);
        return SMQ_ERR_EXISTS;
    }
    log_error("store: cannot lock %s: %s", path, strerror(errno));
    return SMQ_ERR_SYSTEM;
}

/* Looks before anything else is touched: a newer program may have changed every other table. What an older one wrote is
 * read as it is, so that an upgrade only notes that older programs are to keep away. */
static enum smq_result check_schema(struct store *store, const char *directory) {
    const uint32_t known = store->layout->schema;
    enum smq_result result = lmdb_begin(store->writer.lmdb);
    if (result != SMQ_OK)
        return result;
    struct slice value;
    if (lmdb_find(store->writer.lmdb, STORE_TABLE_META, schema_key(), &value)) {
        struct reader reader = reader_of(value);
        uint32_t schema = read_u32(&reader);
        lmdb_abort(store->writer.lmdb);
        if (reader_status(&reader) != SMQ_OK || schema == 0) {
            log_error("store: %s has no readable schema version", directory);
            return SMQ_ERR_STORE;
        }
        if (schema > known) {
            log_error("store: %s was written by a newer version of this program (schema %u; this one knows up to %u)",
                      directory, schema, known);
            return SMQ_ERR_VERSION;
        }
        if (schema == known)
            return SMQ_OK;
        log_info("store: %s is of schema %u; from now on it is %u", directory, schema, known);
        if (lmdb_begin(store->writer.lmdb) != SMQ_OK)
            return lmdb_status(store->writer.lmdb);
    }
    uint8_t bytes[4];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u32(&writer, known);
    lmdb_put(store->writer.lmdb, STORE_TABLE_META, schema_key(), slice_of(bytes, sizeof bytes));
    return lmdb_commit(store->writer.lmdb);
}

static enum smq_result open_data(struct store *store, const struct store_options *options) {
    struct lmdb_options lmdb_options = {
        .directory = options->directory,
        .map_size = options->map_size + STORE_RESERVE_ADDRESSES,
        .map_reserve = STORE_RESERVE_ADDRESSES,
        .max_readers = STORE_MAX_READERS + 1,
        .sync = options->durability == STORE_DURABILITY_COMMIT,
    };
    enum smq_result result = lmdb_open(&lmdb_options, &store->lmdb);
    if (result == SMQ_OK)
        result = lmdb_txn_create(store->lmdb, true, &store->writer.lmdb);
    if (result == SMQ_OK)
        result = lmdb_txn_create(store->lmdb, false, &store->writer_view);
    if (result == SMQ_OK)
        result = lmdb_open_tables(store->lmdb, store->layout->tables, 1);
    if (result == SMQ_OK)
        result = check_schema(store, options->directory);
    if (result == SMQ_OK)
        result = lmdb_open_tables(store->lmdb, store->layout->tables + 1, store->layout->table_count - 1);
    if (result == SMQ_OK)
        result = lmdb_begin(store->writer_view);
    if (result == SMQ_OK) {
        unsigned purge_table = store->layout->purge_table;
        store->purge_pending = purge_table != 0 && lmdb_table_size(store->writer_view, purge_table) > 0;
        lmdb_abort(store->writer_view);
    }
    return result;
}

static bool options_are_valid(const struct store_options *options) {
    return options->directory != NULL && options->map_size >= STORE_MIN_MAP_SIZE &&
           options->map_size <= SIZE_MAX - STORE_RESERVE_ADDRESSES &&
           (options->durability == STORE_DURABILITY_COMMIT || options->interval_ms > 0);
}

/* LMDB keeps the numbers that its files get. */
static enum smq_result open_files(struct store *store, const struct store_options *options) {
    struct descriptor_hold hold;
    enum smq_result result = descriptors_hold_standard(&hold);
    if (result != SMQ_OK)
        return result;
    result = store_make_directory(options->directory);
    if (result == SMQ_OK)
        result = store_lock(options->directory, &store->lock_file);
    if (result == SMQ_OK)
        result = open_data(store, options);
    if (result == SMQ_OK)
        store_keep_owner(options->directory); /* of the files that LMDB made */
    descriptors_release_standard(&hold);
    return result;
}

enum smq_result store_open(const struct store_layout *layout, const struct store_options *options, struct store **out) {
    if (!options_are_valid(options))
        return SMQ_ERR_INVALID;
    struct store *store = memory_zalloc(sizeof *store);
    if (store == NULL)
        return SMQ_ERR_NO_MEMORY;
    store->layout = layout;
    store->lock_file = -1;
    store->writer.store = store;
    store->map_size = options->map_size;
    store->durability = options->durability;
    store->interval_ms = options->durability == STORE_DURABILITY_INTERVAL ? options->interval_ms : 0;
    atomic_store_explicit(&store->limit_bytes, options->map_size, memory_order_relaxed);
    MAGIC_SET(store, STORE_MAGIC);
    enum smq_result result = open_files(store, options);
    if (result != SMQ_OK) {
        store_close(&store);
        return result;
    }
    *out = store;
    return SMQ_OK;
}

static enum smq_result check_readable_schema(struct store *store, const char *directory) {
    struct lmdb_txn *txn = store->writer_view;
    struct slice value;
    uint32_t schema = 0;
    enum smq_result result = lmdb_begin(txn);
    if (result != SMQ_OK)
        return result;
    if (lmdb_find(txn, STORE_TABLE_META, schema_key(), &value)) {
        struct reader reader = reader_of(value);
        schema = read_u32(&reader);
    }
    lmdb_abort(txn);
    if (schema == 0) {
        log_error("store: %s has no readable schema version", directory);
        return SMQ_ERR_STORE;
    }
    if (schema <= store->layout->schema)
        return SMQ_OK;
    log_error("store: %s was written by a newer version of this program (schema %u; this one knows up to %u)",
              directory, schema, store->layout->schema);
    return SMQ_ERR_VERSION;
}

/* LMDB would wait for who writes a FIFO. */
static enum smq_result check_is_file(const char *directory) {
    char path[4096];
    struct stat status;
    int length = snprintf(path, sizeof path, "%s/data.mdb", directory);
    if (length < 0 || (size_t)length >= sizeof path)
        return SMQ_ERR_INVALID;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
        return SMQ_OK;
    log_error("store: %s is missing or no file", path);
    return SMQ_ERR_STORE;
}

enum smq_result store_open_to_read(const struct store_layout *layout, const char *directory, struct store **out) {
    const struct lmdb_options options = {
        .directory = directory, .max_readers = STORE_MAX_READERS + 1, .read_only = true};
    struct store *store = memory_zalloc(sizeof *store);
    struct descriptor_hold hold;
    if (store == NULL)
        return SMQ_ERR_NO_MEMORY;
    store->layout = layout;
    store->lock_file = -1;
    MAGIC_SET(store, STORE_MAGIC);
    enum smq_result result = check_is_file(directory);
    if (result == SMQ_OK)
        result = descriptors_hold_standard(&hold);
    if (result == SMQ_OK) {
        result = lmdb_open(&options, &store->lmdb);
        descriptors_release_standard(&hold);
    }
    if (result == SMQ_OK) {
        store_keep_owner(directory);
        result = lmdb_open_tables(store->lmdb, store->layout->tables, 1);
    }
    if (result == SMQ_OK)
        result = lmdb_txn_create(store->lmdb, false, &store->writer_view);
    if (result == SMQ_OK)
        result = check_readable_schema(store, directory);
    if (result == SMQ_OK)
        result = lmdb_open_tables(store->lmdb, store->layout->tables + 1, store->layout->table_count - 1);
    if (result != SMQ_OK)
        store_close(&store);
    else
        *out = store;
    return result;
}

void store_close(struct store **store) {
    struct store *closing = *store;
    if (closing == NULL)
        return;
    MAGIC_CHECK(closing, STORE_MAGIC);
    (void)store_sync(closing); /* logs its failure */
    lmdb_txn_destroy(&closing->writer_view);
    lmdb_txn_destroy(&closing->writer.lmdb);
    memory_free(closing->writer.gathered);
    lmdb_close(&closing->lmdb);
    if (closing->lock_file >= 0)
        (void)close(closing->lock_file);
    secret_wipe(closing->scratch, sizeof closing->scratch);
    MAGIC_CLEAR(closing);
    memory_free(closing);
    *store = NULL;
}
