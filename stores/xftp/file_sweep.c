/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Removal of chunk files that a process left behind. */
#include "stores/xftp/file_sweep.h"

enum { NAMES_A_STEP = 1024 };

static enum smq_result look_at(struct store_txn *txn, struct chunk_folder *folder, int64_t before,
                               const struct chunk_entry *entry, struct file_sweep *sweep) {
    struct slice id = slice_of(entry->id, entry->id_length);
    struct file_record record;
    enum smq_result result = file_store_find(txn, id, &record);
    if (result != SMQ_OK && result != SMQ_ERR_NOT_FOUND)
        return result;
    sweep->seen++;
    if (result == SMQ_OK && record.has_chunk)
        return SMQ_OK;
    if (result == SMQ_ERR_NOT_FOUND && entry->modified >= before) {
        sweep->unknown++;
        return SMQ_OK;
    }
    result = chunk_remove(folder, id);
    sweep->removed += result == SMQ_OK;
    return result == SMQ_ERR_NOT_FOUND ? SMQ_OK : result;
}

enum smq_result file_sweep_run(struct store_txn *txn, struct chunk_folder *folder, int64_t before,
                               struct file_sweep *sweep) {
    struct chunk_walk walk;
    struct chunk_entry entry;
    *sweep = (struct file_sweep){0};
    enum smq_result result = chunk_walk_begin(folder, &walk);
    if (result != SMQ_OK)
        return result;
    while ((result = chunk_walk_next(&walk, NAMES_A_STEP, &entry)) != SMQ_ERR_EMPTY) {
        if (result == SMQ_OK)
            result = look_at(txn, folder, before, &entry, sweep);
        if (result != SMQ_OK && result != SMQ_ERR_AGAIN)
            break;
    }
    chunk_walk_end(&walk);
    return result == SMQ_ERR_EMPTY ? SMQ_OK : result;
}
