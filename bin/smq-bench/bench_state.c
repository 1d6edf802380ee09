/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records are a length of two bytes and the export of a handle. The file is mapped, so that a million queues cost a
 * reader eight bytes each. */
#include "bin/smq-bench/bench_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/cursor.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum { EXPORT_MAX = 4096, GROWTH = 4096 };

static const char heading[] = "smq-bench queues 1\n";

struct bench_state_writer {
    FILE *file;
};

struct bench_state {
    uint8_t *bytes; /* the mapped file */
    size_t size;
    size_t count;
    struct slice *records;
};

enum smq_result bench_state_create(const char *path, struct bench_state_writer **writer) {
    struct bench_state_writer *made = memory_zalloc(sizeof *made);
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor >= 0)
        made->file = fdopen(descriptor, "wb");
    if (made->file == NULL) {
        int saved = errno;
        if (descriptor >= 0)
            (void)close(descriptor);
        memory_free(made);
        errno = saved;
        return SMQ_ERR_SYSTEM;
    }
    (void)fputs(heading, made->file);
    *writer = made;
    return SMQ_OK;
}

enum smq_result bench_state_write(struct bench_state_writer *writer, const struct smq_receive_queue *queue) {
    uint8_t record[2 + EXPORT_MAX];
    size_t size = EXPORT_MAX;
    enum smq_result result = smq_receive_queue_export(queue, record + 2, &size);
    if (result != SMQ_OK)
        return result;
    record[0] = (uint8_t)(size >> 8);
    record[1] = (uint8_t)size;
    bool written = fwrite(record, 1, size + 2, writer->file) == size + 2;
    secret_wipe(record, sizeof record);
    return written ? SMQ_OK : SMQ_ERR_SYSTEM;
}

enum smq_result bench_state_close(struct bench_state_writer **writer) {
    if (*writer == NULL)
        return SMQ_OK;
    bool failed = ferror((*writer)->file) != 0;
    if (fclose((*writer)->file) != 0)
        failed = true;
    memory_free(*writer);
    *writer = NULL;
    return failed ? SMQ_ERR_SYSTEM : SMQ_OK;
}

static enum smq_result map_file(const char *path, struct bench_state *state) {
    struct stat status;
    enum smq_result result = SMQ_ERR_SYSTEM;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return SMQ_ERR_SYSTEM;
    if (fstat(descriptor, &status) == 0 && status.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes != MAP_FAILED) {
            state->bytes = bytes;
            state->size = (size_t)status.st_size;
            result = SMQ_OK;
        }
    } else if (status.st_size == 0) {
        result = SMQ_ERR_SYNTAX;
    }
    (void)close(descriptor);
    return result;
}

static enum smq_result index_records(struct bench_state *state) {
    struct reader reader = reader_of(slice_of(state->bytes, state->size));
    size_t room = 0;
    read_literal(&reader, heading);
    while (reader_status(&reader) == SMQ_OK && reader_left(&reader) > 0) {
        if (state->count == room) {
            room = room == 0 ? GROWTH : 2 * room;
            struct slice *grown = memory_resize_array(state->records, room, sizeof *grown);
            if (grown == NULL)
                return SMQ_ERR_NO_MEMORY;
            state->records = grown;
        }
        state->records[state->count++] = read_large(&reader);
    }
    return reader_status(&reader);
}

enum smq_result bench_state_open(const char *path, struct bench_state **state) {
    struct bench_state *opened = memory_zalloc(sizeof *opened);
    if (opened == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = map_file(path, opened);
    if (result == SMQ_OK)
        result = index_records(opened);
    if (result != SMQ_OK)
        bench_state_destroy(&opened);
    else
        *state = opened;
    return result;
}

size_t bench_state_count(const struct bench_state *state) {
    return state->count;
}

enum smq_result bench_state_queue(const struct bench_state *state, size_t index, struct smq_receive_queue **queue) {
    if (index >= state->count)
        return SMQ_ERR_NOT_FOUND;
    return smq_receive_queue_import(state->records[index].bytes, state->records[index].length, queue);
}

void bench_state_destroy(struct bench_state **state) {
    if (*state == NULL)
        return;
    int saved = errno;
    if ((*state)->bytes != NULL)
        (void)munmap((*state)->bytes, (*state)->size);
    memory_free((*state)->records);
    memory_free(*state);
    *state = NULL;
    errno = saved;
}
