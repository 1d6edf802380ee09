/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bytes written where they are. */
#include "stores/lmdb/lmdb_overwrite.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "queues/base/fault.h"
#include "stores/lmdb/lmdb_private.h"

/* The header of a run: number of the page, padding, flags, number of pages. */
enum { FLAGS_AT = 10, COUNT_AT = 12, FLAG_OVERFLOW = 4 };

static bool is_run_of(const uint8_t *header, size_t length, uint64_t page_size) {
    uint16_t flags;
    uint32_t count;
    memcpy(&flags, header + FLAGS_AT, sizeof flags);
    memcpy(&count, header + COUNT_AT, sizeof count);
    return (flags & FLAG_OVERFLOW) != 0 && count == (LMDB_RUN_HEADER + length + page_size - 1) / page_size;
}

static bool read_at(mdb_filehandle_t file, uint8_t *bytes, size_t length, uint64_t offset) {
    ssize_t done;
    do
        done = pread(file, bytes, length, (off_t)offset);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)length;
}

uint64_t lmdb_place(struct lmdb_txn *txn, struct slice value) {
    uint8_t found[LMDB_RUN_HEADER + LMDB_PLACE_BYTES];
    mdb_filehandle_t file;
    uint64_t page = 0;
    uint64_t page_size = txn->lmdb->page_size;
    if (value.length < LMDB_PLACE_BYTES || page_size < sizeof found ||
        ((uintptr_t)value.bytes - LMDB_RUN_HEADER) % page_size != 0)
        return 0;
    const uint8_t *run = value.bytes - LMDB_RUN_HEADER;
    if (!is_run_of(run, value.length, page_size))
        return 0;
    memcpy(&page, run, sizeof page);
    if (mdb_env_get_fd(txn->lmdb->env, &file) != MDB_SUCCESS || page > INT64_MAX / page_size ||
        !read_at(file, found, sizeof found, page * page_size) || memcmp(found, run, sizeof found) != 0)
        return 0;
    return page * page_size;
}

static int write_at(mdb_filehandle_t file, struct slice bytes, uint64_t offset) {
    if (FAULT(store_body_full))
        return ENOSPC;
    if (FAULT(store_body_io))
        return EIO;
    while (bytes.length > 0) {
        ssize_t done = pwrite(file, bytes.bytes, bytes.length, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? errno : EIO;
        bytes = slice_of(bytes.bytes + done, bytes.length - (size_t)done);
        offset += (uint64_t)done;
    }
    return MDB_SUCCESS;
}

enum smq_result lmdb_overwrite(struct lmdb_txn *txn, uint64_t offset, struct slice bytes) {
    mdb_filehandle_t file;
    int code = mdb_env_get_fd(txn->lmdb->env, &file);
    if (code == MDB_SUCCESS)
        code = write_at(file, bytes, offset);
    if (code != MDB_SUCCESS)
        lmdb_txn_fail_code(txn, code);
    return txn->error;
}
