/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store made beside its place. */
#include "stores/lmdb/store_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "stores/lmdb/batch.h"
#include "stores/lmdb/store_owner.h"
#include "stores/lmdb/store_private.h"

enum {
    PATH_SIZE = 4096,
    INTERVAL_MS = 1000, /* not kept: the one sync is at the end */
};

struct store_import {
    char directory[PATH_SIZE];
    char part[PATH_SIZE];
    int lock;
    bool locked; /* what is in `part` is this import's */
    struct store *store;
};

static enum smq_result failed(const char *what, const char *path) {
    log_error("store: cannot %s %s: %s", what, path, strerror(errno));
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SMQ_ERR_STORE_FULL : SMQ_ERR_SYSTEM;
}

/* What an import may have left, by exact names. */
static void remove_part(const struct store_import *import) {
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock"};
    char path[PATH_SIZE + 16];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", import->part, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(import->part);
}

/* ---- begin ---- */

/* Entries in all tables but those of the store's own affairs. */
static uint64_t count_entries(struct store *store) {
    uint64_t entries = 0;
    for (unsigned table = STORE_TABLE_META + 1; table < store->layout->table_count; table++)
        if (table != store->layout->purge_table)
            entries += lmdb_table_size(store->writer_view, table);
    return entries;
}

/* A folder without a store holds nothing. */
static enum smq_result check_is_empty(const struct store_layout *layout, const char *directory) {
    char data[PATH_SIZE + 16];
    struct store *store;
    (void)snprintf(data, sizeof data, "%s/data.mdb", directory);
    if (access(data, F_OK) != 0)
        return errno == ENOENT ? SMQ_OK : failed("read", data);
    enum smq_result result = store_open_to_read(layout, directory, &store);
    if (result != SMQ_OK)
        return result;
    result = lmdb_begin(store->writer_view);
    if (result == SMQ_OK && count_entries(store) > 0) {
        log_error("store: %s is not empty; an import needs an empty store", directory);
        result = SMQ_ERR_INVALID;
    }
    lmdb_abort(store->writer_view);
    store_close(&store);
    return result;
}

static enum smq_result open_part(const struct store_layout *layout, struct store_import *import, uint64_t map_size) {
    const struct store_options options = {.directory = import->part,
                                          .map_size = map_size,
                                          .durability = STORE_DURABILITY_INTERVAL,
                                          .interval_ms = INTERVAL_MS};
    remove_part(import);
    return store_open(layout, &options, &import->store);
}

enum smq_result store_import_begin(const struct store_layout *layout, const char *directory, uint64_t map_size,
                                   struct store_import **out) {
    struct store_import *import = memory_zalloc(sizeof *import);
    if (import == NULL)
        return SMQ_ERR_NO_MEMORY;
    import->lock = -1;
    enum smq_result result = SMQ_OK;
    if (snprintf(import->directory, PATH_SIZE, "%s", directory) >= PATH_SIZE ||
        snprintf(import->part, PATH_SIZE, "%s/import.part", directory) >= PATH_SIZE)
        result = SMQ_ERR_INVALID;
    if (result == SMQ_OK)
        result = store_make_directory(directory);
    if (result == SMQ_OK)
        result = store_lock(directory, &import->lock);
    import->locked = result == SMQ_OK;
    if (result == SMQ_OK)
        result = check_is_empty(layout, directory);
    if (result == SMQ_OK)
        result = open_part(layout, import, map_size);
    if (result == SMQ_OK)
        *out = import;
    else
        store_import_abandon(&import);
    return result;
}

/* ---- transactions ---- */

struct step {
    struct store_operation operation;
    enum smq_result (*run)(void *context, struct store_txn *txn);
    void *context;
    bool tried;
    enum smq_result result;
};

/* What a step has read is gone, so a transaction that broke ends the import. */
static enum smq_result apply_step(struct store_operation *operation, struct store_txn *txn) {
    struct step *step = (struct step *)(void *)operation;
    if (step->tried)
        return SMQ_ERR_STORE;
    step->tried = true;
    return step->run(step->context, txn);
}

static void step_completed(struct store_operation *operation, enum smq_result result) {
    ((struct step *)(void *)operation)->result = result;
}

enum smq_result store_import_run(struct store_import *import, size_t bytes,
                                 enum smq_result (*run)(void *context, struct store_txn *txn), void *context) {
    struct step step = {
        .operation = {.grows = true, .bytes = bytes, .apply = apply_step, .completed = step_completed},
        .run = run,
        .context = context,
    };
    struct store_batch batch = {0};
    store_batch_add(&batch, &step.operation);
    store_batch_run(import->store, &batch);
    return step.result;
}

struct store *store_import_store(struct store_import *import) {
    return import->store;
}

/* ---- end ---- */

static enum smq_result sync_folder(const char *directory) {
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum smq_result result = folder >= 0 && fsync(folder) == 0 ? SMQ_OK : failed("make durable", directory);
    if (folder >= 0)
        (void)close(folder);
    return result;
}

static enum smq_result give_to_owner(const char *path, const char *directory) {
    struct stat owner;
    if (geteuid() == 0 && (stat(directory, &owner) != 0 || lchown(path, owner.st_uid, owner.st_gid) != 0))
        return failed("give away", path);
    return SMQ_OK;
}

/* LMDB's table of readers belongs to the data that was there. */
static enum smq_result put_in_place(const struct store_import *import) {
    char part[PATH_SIZE + 16], data[PATH_SIZE + 16], readers[PATH_SIZE + 16];
    (void)snprintf(part, sizeof part, "%s/data.mdb", import->part);
    (void)snprintf(data, sizeof data, "%s/data.mdb", import->directory);
    (void)snprintf(readers, sizeof readers, "%s/lock.mdb", import->directory);
    enum smq_result result = give_to_owner(part, import->directory);
    if (result != SMQ_OK)
        return result;
    if (unlink(readers) != 0 && errno != ENOENT)
        return failed("remove", readers);
    if (rename(part, data) != 0)
        return failed("rename to", data);
    return sync_folder(import->directory);
}

enum smq_result store_import_finish(struct store_import **import) {
    enum smq_result result = store_sync((*import)->store);
    store_close(&(*import)->store);
    if (result == SMQ_OK)
        result = put_in_place(*import);
    store_import_abandon(import);
    return result;
}

void store_import_abandon(struct store_import **import) {
    struct store_import *ending = *import;
    if (ending == NULL)
        return;
    store_close(&ending->store);
    if (ending->locked)
        remove_part(ending);
    if (ending->lock >= 0)
        (void)close(ending->lock);
    memory_free(ending);
    *import = NULL;
}
