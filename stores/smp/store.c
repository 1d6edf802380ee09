/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening and closing the store, its lock, schema version and readers. */
#include "stores/smp/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/descriptor.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "stores/smp/body_segments.h"
#include "stores/smp/internal.h"
#include "stores/smp/store_owner.h"

static const uint32_t STORE_MAGIC = MAGIC('S', 'T', 'O', 'R');

static const char *const table_names[TABLE_COUNT] = {
    [TABLE_META] = "meta",
    [TABLE_QUEUES] = "queues",
    [TABLE_RECIPIENTS] = "recipients",
    [TABLE_SENDERS] = "senders",
    [TABLE_NOTIFIERS] = "notifiers",
    [TABLE_LINKS] = "links",
    [TABLE_LINK_DATA] = "link_data",
    [TABLE_MESSAGES] = "messages",
    [TABLE_MESSAGE_EXPIRY] = "message_expiry",
    [TABLE_NOTIFICATIONS] = "notifications",
    [TABLE_NOTIFICATION_EXPIRY] = "notification_expiry",
    [TABLE_SERVICES] = "services",
    [TABLE_SERVICE_FINGERPRINTS] = "service_fingerprints",
    [TABLE_SERVICE_COUNTS] = "service_counts",
    [TABLE_PURGE] = "purge",
    [TABLE_BODY_SEGMENTS] = "body_segments",
    [TABLE_BODY_USE] = "body_use",
    [TABLE_BODY_EMPTY] = "body_empty",
};

struct store_reader {
    struct store_txn txn;
};

/* ---- opening ---- */

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
    enum smq_result result = lmdb_begin(store->writer.lmdb);
    if (result != SMQ_OK)
        return result;
    struct slice value;
    if (lmdb_find(store->writer.lmdb, TABLE_META, schema_key(), &value)) {
        struct reader reader = reader_of(value);
        uint32_t schema = read_u32(&reader);
        lmdb_abort(store->writer.lmdb);
        if (reader_status(&reader) != SMQ_OK || schema == 0) {
            log_error("store: %s has no readable schema version", directory);
            return SMQ_ERR_STORE;
        }
        if (schema > STORE_SCHEMA) {
            log_error("store: %s was written by a newer version of this program (schema %u; this one knows up to %d)",
                      directory, schema, STORE_SCHEMA);
            return SMQ_ERR_VERSION;
        }
        if (schema == STORE_SCHEMA)
            return SMQ_OK;
        log_info("store: %s is of schema %u; from now on it is %d", directory, schema, STORE_SCHEMA);
        if (lmdb_begin(store->writer.lmdb) != SMQ_OK)
            return lmdb_status(store->writer.lmdb);
    }
    uint8_t bytes[4];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u32(&writer, STORE_SCHEMA);
    lmdb_put(store->writer.lmdb, TABLE_META, schema_key(), slice_of(bytes, sizeof bytes));
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
        result = lmdb_open_tables(store->lmdb, table_names, 1);
    if (result == SMQ_OK)
        result = check_schema(store, options->directory);
    if (result == SMQ_OK)
        result = lmdb_open_tables(store->lmdb, table_names + 1, TABLE_COUNT - 1);
    if (result == SMQ_OK)
        result = lmdb_begin(store->writer_view);
    if (result == SMQ_OK) {
        store->purge_pending = lmdb_table_size(store->writer_view, TABLE_PURGE) > 0;
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
    descriptors_release_standard(&hold);
    return result;
}

enum smq_result store_open(const struct store_options *options, struct store **out) {
    if (!options_are_valid(options))
        return SMQ_ERR_INVALID;
    struct store *store = memory_zalloc(sizeof *store);
    if (store == NULL)
        return SMQ_ERR_NO_MEMORY;
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
    if (lmdb_find(txn, TABLE_META, schema_key(), &value)) {
        struct reader reader = reader_of(value);
        schema = read_u32(&reader);
    }
    lmdb_abort(txn);
    if (schema == 0) {
        log_error("store: %s has no readable schema version", directory);
        return SMQ_ERR_STORE;
    }
    if (schema <= STORE_SCHEMA)
        return SMQ_OK;
    log_error("store: %s was written by a newer version of this program (schema %u; this one knows up to %d)",
              directory, schema, STORE_SCHEMA);
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

enum smq_result store_open_to_read(const char *directory, struct store **out) {
    const struct lmdb_options options = {
        .directory = directory, .max_readers = STORE_MAX_READERS + 1, .read_only = true};
    struct store *store = memory_zalloc(sizeof *store);
    struct descriptor_hold hold;
    if (store == NULL)
        return SMQ_ERR_NO_MEMORY;
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
        result = lmdb_open_tables(store->lmdb, table_names, 1);
    }
    if (result == SMQ_OK)
        result = lmdb_txn_create(store->lmdb, false, &store->writer_view);
    if (result == SMQ_OK)
        result = check_readable_schema(store, directory);
    if (result == SMQ_OK)
        result = lmdb_open_tables(store->lmdb, table_names + 1, TABLE_COUNT - 1);
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
    segments_close(closing);
    lmdb_close(&closing->lmdb);
    if (closing->lock_file >= 0)
        (void)close(closing->lock_file);
    secret_wipe(closing->scratch, sizeof closing->scratch);
    MAGIC_CLEAR(closing);
    memory_free(closing);
    *store = NULL;
}

enum smq_result store_sync(struct store *store) {
    if (store_is_dead(store))
        return SMQ_ERR_STORE;
    if (!store->unsynced)
        return SMQ_OK;
    if (FAULT(store_sync) || lmdb_sync(store->lmdb) != SMQ_OK) {
        store_die(store, "what was committed cannot be made durable");
        return SMQ_ERR_STORE;
    }
    store->unsynced = false;
    return SMQ_OK;
}

bool store_is_dead(const struct store *store) {
    return atomic_load_explicit(&store->dead, memory_order_relaxed);
}

void store_die(struct store *store, const char *reason) {
    if (!atomic_exchange_explicit(&store->dead, true, memory_order_relaxed))
        log_error("store: nothing can be written until it is opened anew: %s", reason);
}

uint32_t store_interval_ms(const struct store *store) {
    return store->interval_ms;
}

/* ---- readers ---- */

enum smq_result store_reader_create(struct store *store, struct store_reader **out) {
    MAGIC_CHECK(store, STORE_MAGIC);
    struct store_reader *reader = memory_zalloc(sizeof *reader);
    if (reader == NULL)
        return SMQ_ERR_NO_MEMORY;
    reader->txn.store = store;
    enum smq_result result = lmdb_txn_create(store->lmdb, false, &reader->txn.lmdb);
    if (result != SMQ_OK) {
        memory_free(reader);
        return result;
    }
    *out = reader;
    return SMQ_OK;
}

void store_reader_destroy(struct store_reader **reader) {
    if (*reader == NULL)
        return;
    lmdb_txn_destroy(&(*reader)->txn.lmdb);
    memory_free((*reader)->txn.gathered);
    memory_free(*reader);
    *reader = NULL;
}

enum smq_result store_reader_begin(struct store_reader *reader, struct store_txn **out) {
    enum smq_result result = lmdb_begin(reader->txn.lmdb);
    if (result == SMQ_OK)
        *out = &reader->txn;
    return result;
}

void store_reader_end(struct store_reader *reader) {
    lmdb_abort(reader->txn.lmdb);
}

/* ---- condition ---- */

enum store_condition store_condition(const struct store *store) {
    return (enum store_condition)atomic_load_explicit(&store->condition, memory_order_relaxed);
}

void store_statistics_get(const struct store *store, struct store_statistics *out) {
    *out = (struct store_statistics){
        .commits = atomic_load_explicit(&store->commits, memory_order_relaxed),
        .commit_failures = atomic_load_explicit(&store->commit_failures, memory_order_relaxed),
        .operations = atomic_load_explicit(&store->operations, memory_order_relaxed),
        .refused = atomic_load_explicit(&store->refused, memory_order_relaxed),
        .used_bytes = atomic_load_explicit(&store->used_bytes, memory_order_relaxed),
        .limit_bytes = atomic_load_explicit(&store->limit_bytes, memory_order_relaxed),
        .commit_us_total = atomic_load_explicit(&store->commit_us_total, memory_order_relaxed),
        .commit_us_max = atomic_load_explicit(&store->commit_us_max, memory_order_relaxed),
    };
}

enum smq_result store_space_get(struct store *store, struct store_space *space, struct store_totals *totals) {
    struct lmdb_pages pages;
    struct lmdb_readers readers;
    struct store_txn txn = {.lmdb = store->writer_view, .store = store};
    lmdb_readers_get(store->lmdb, &readers);
    lmdb_pages_get(store->lmdb, &pages);
    enum smq_result result = lmdb_begin(store->writer_view);
    if (result != SMQ_OK)
        return result;
    uint64_t used = lmdb_pages_used(store->writer_view);
    uint64_t purges = lmdb_table_size(store->writer_view, TABLE_PURGE);
    store_totals_get(&txn, totals);
    result = lmdb_status(store->writer_view);
    lmdb_abort(store->writer_view);
    *space = (struct store_space){
        .file_bytes = pages.end * pages.page_size,
        .used_bytes = used * pages.page_size,
        .free_bytes = (pages.end > used ? pages.end - used : 0) * pages.page_size,
        .purges = purges,
        .readers = readers.places > 0 ? readers.places - 1 : 0, /* but for this one; none where nobody can write */
        .snapshots = readers.open,
        .oldest_commits = readers.oldest < pages.commit ? pages.commit - readers.oldest : 0,
        .oldest_process = readers.open > 0 ? (uint64_t)readers.oldest_process : 0,
    };
    return result;
}
