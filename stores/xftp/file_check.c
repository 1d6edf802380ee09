/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The check of the XFTP router's store: one walk over the files with their recipients, then the totals and the sizes of
 * tables, in which nothing else may be but what waits for the purge. */
#include "stores/xftp/file_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "stores/xftp/chunk_file.h"
#include "stores/xftp/file_private.h"

struct check {
    struct store_txn *txn;
    struct chunk_folder *folder;
    void (*tell)(void *context, const char *line);
    void *context;
    uint64_t faults;
    uint64_t purged; /* recipients that wait for the purge */
    struct file_totals totals;
};

__attribute__((format(printf, 2, 3))) static void fault(struct check *check, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    check->faults++;
    check->tell(check->context, line);
}

static void compare(struct check *check, const char *what, uint64_t counted, uint64_t found) {
    if (counted != found)
        fault(check, "%s: %" PRIu64 " are counted, %" PRIu64 " are there", what, counted, found);
}

/* How many recipients lead to the file and back. */
static uint64_t count_recipients(struct check *check, struct slice sender_id) {
    struct file_recipient recipient = {0};
    struct file_id last = {0};
    uint64_t count = 0;
    while (file_store_next_recipient(check->txn, sender_id, file_id_slice(&last), &recipient) == SMQ_OK) {
        struct slice owner;
        struct slice value;
        struct slice key;
        count++;
        (void)file_id_set(&last, recipient.id);
        if (!lmdb_find(check->txn->lmdb, FILE_TABLE_RECIPIENTS, file_id_slice(&last), &value) ||
            !file_recipient_parse(value, &owner, &key) || !slice_equal(owner, sender_id))
            fault(check, "a recipient leads to another file");
    }
    return count;
}

static void check_chunk(struct check *check, const char *name, const struct file_record *record) {
    struct chunk_download download;
    if (check->folder == NULL || !record->has_chunk)
        return;
    if (chunk_download_begin(check->folder, record->sender_id, record->size, &download) != SMQ_OK)
        fault(check, "file %s: its chunk is missing, or of another size", name);
    chunk_download_end(&download);
}

static void check_file(struct check *check, const struct file_record *record) {
    char name[CHUNK_NAME_SIZE] = "";
    struct file_key expiry = file_expiry_key(record->created, record->sender_id);
    (void)chunk_name_of(record->sender_id, name);
    uint64_t recipients = count_recipients(check, record->sender_id);
    if (recipients != record->recipient_count)
        fault(check, "file %s: %" PRIu32 " recipients are counted, %" PRIu64 " are there", name,
              record->recipient_count, recipients);
    if (!lmdb_find(check->txn->lmdb, FILE_TABLE_EXPIRY, file_key_slice(&expiry), NULL))
        fault(check, "file %s: its expiry is not registered", name);
    if (record->has_chunk && record->status == FILE_BLOCKED)
        fault(check, "file %s: it is blocked and has a chunk", name);
    check_chunk(check, name, record);
    check->totals.files++;
    check->totals.recipients += recipients;
    check->totals.chunks += record->has_chunk;
    check->totals.chunk_bytes += record->has_chunk ? record->size : 0;
    check->totals.blocked += record->status == FILE_BLOCKED;
}

static void check_files(struct check *check) {
    struct file_record record;
    struct file_id last = {0};
    enum smq_result result;
    while ((result = file_store_next(check->txn, file_id_slice(&last), &record)) == SMQ_OK) {
        if (file_id_set(&last, record.sender_id) != SMQ_OK) {
            fault(check, "an id is too long");
            return;
        }
        record.sender_id = file_id_slice(&last);
        check_file(check, &record);
    }
    if (result != SMQ_ERR_EMPTY)
        fault(check, "a file cannot be read");
}

static void count_purged(struct check *check) {
    struct slice key;
    bool found = lmdb_seek(check->txn->lmdb, FILE_TABLE_PURGE, slice_of("", 1), &key, NULL);
    struct file_id last;
    while (found && file_id_set(&last, key) == SMQ_OK) {
        if (lmdb_find(check->txn->lmdb, FILE_TABLE_FILES, file_id_slice(&last), NULL))
            fault(check, "a file is to be purged, and there");
        check->purged += count_recipients(check, file_id_slice(&last));
        found = lmdb_seek(check->txn->lmdb, FILE_TABLE_PURGE, file_id_slice(&last), &key, NULL) &&
                lmdb_next(check->txn->lmdb, FILE_TABLE_PURGE, &key, NULL);
    }
}

static void check_table(struct check *check, const char *what, enum file_table table, uint64_t expected) {
    compare(check, what, expected, lmdb_table_size(check->txn->lmdb, table));
}

uint64_t file_store_check(struct store_txn *txn, struct chunk_folder *folder,
                          void (*tell)(void *context, const char *line), void *context) {
    struct check check = {.txn = txn, .folder = folder, .tell = tell, .context = context};
    struct file_totals counted;
    file_totals_get(txn, &counted);
    check_files(&check);
    count_purged(&check);
    compare(&check, "files", counted.files, check.totals.files);
    compare(&check, "recipients", counted.recipients, check.totals.recipients);
    compare(&check, "chunks", counted.chunks, check.totals.chunks);
    compare(&check, "bytes of chunks", counted.chunk_bytes, check.totals.chunk_bytes);
    compare(&check, "blocked files", counted.blocked, check.totals.blocked);
    check_table(&check, "expiry of files", FILE_TABLE_EXPIRY, check.totals.files);
    check_table(&check, "ids of recipients", FILE_TABLE_RECIPIENTS, check.totals.recipients + check.purged);
    check_table(&check, "recipients of files", FILE_TABLE_FILE_RECIPIENTS, check.totals.recipients + check.purged);
    if (store_txn_status(txn) != SMQ_OK)
        fault(&check, "something cannot be read");
    return check.faults;
}
