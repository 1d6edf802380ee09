/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files of the reference. */
#include "stores/logs/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

static enum smq_result failed(const char *what, const char *path) {
    enum smq_result result = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SMQ_ERR_STORE_FULL
                             : errno == EEXIST                                    ? SMQ_ERR_EXISTS
                                                                                  : SMQ_ERR_SYSTEM;
    log_error("cannot %s %s: %s", what, path, strerror(errno));
    return result;
}

/* ---- reading ---- */

/* Not waiting for who writes a FIFO. */
enum smq_result log_input_open(struct log_input *input, const char *path) {
    struct stat status;
    input->path = path;
    input->file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (input->file < 0)
        return errno == ENOENT ? SMQ_ERR_NOT_FOUND : failed("read", path);
    if (fstat(input->file, &status) == 0 && S_ISREG(status.st_mode))
        return SMQ_OK;
    log_error("%s is no file", path);
    log_input_close(input);
    return SMQ_ERR_SYSTEM;
}

void log_input_close(struct log_input *input) {
    if (input->file >= 0)
        (void)close(input->file);
    input->file = -1;
}

static enum smq_result read_file(void *context, uint8_t *bytes, size_t capacity, size_t *length) {
    const struct log_input *input = context;
    ssize_t count;
    do
        count = read(input->file, bytes, capacity);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return failed("read", input->path);
    *length = (size_t)count;
    return SMQ_OK;
}

struct log_source log_input_source(struct log_input *input) {
    return (struct log_source){.read = read_file, .context = input};
}

bool log_file_current(const char *path, char *current, bool *recovered) {
    int length = snprintf(current, LOG_PATH_SIZE, "%s.start", path);
    *recovered = length > 0 && length < LOG_PATH_SIZE && access(current, F_OK) == 0;
    if (*recovered)
        return true;
    length = snprintf(current, LOG_PATH_SIZE, "%s", path);
    return length > 0 && length < LOG_PATH_SIZE && access(current, F_OK) == 0;
}

/* ---- writing ---- */

enum { OUTPUT_SIZE = 4 * LOG_OUTPUT_ROOM };

struct log_output {
    char path[LOG_PATH_SIZE];
    char part[LOG_PATH_SIZE];
    char folder[LOG_PATH_SIZE];
    int file;
    enum smq_result error; /* the first */
    bool published;
    struct writer writer;
    uint8_t buffer[OUTPUT_SIZE];
};

static bool set_paths(struct log_output *output, const char *path) {
    if (snprintf(output->path, sizeof output->path, "%s", path) >= LOG_PATH_SIZE ||
        snprintf(output->part, sizeof output->part, "%s.part", path) >= LOG_PATH_SIZE)
        return false;
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    (void)snprintf(output->folder, sizeof output->folder, "%.*s", length, slash == NULL ? "." : path);
    return true;
}

static enum smq_result open_part(struct log_output *output) {
    struct stat owner;
    if (access(output->path, F_OK) == 0) {
        errno = EEXIST;
        return failed("write", output->path);
    }
    (void)unlink(output->part);
    output->file = open(output->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (output->file < 0)
        return failed("create", output->part);
    if (geteuid() == 0 && (stat(output->folder, &owner) != 0 || fchown(output->file, owner.st_uid, owner.st_gid) != 0))
        return failed("give away", output->part);
    return SMQ_OK;
}

enum smq_result log_output_create(const char *path, struct log_output **out) {
    struct log_output *output = memory_alloc(sizeof *output);
    if (output == NULL)
        return SMQ_ERR_NO_MEMORY;
    output->file = -1;
    output->error = SMQ_OK;
    output->published = false;
    output->writer = writer_of(output->buffer, sizeof output->buffer);
    enum smq_result result = set_paths(output, path) ? open_part(output) : SMQ_ERR_INVALID;
    if (result == SMQ_OK)
        *out = output;
    else
        log_output_destroy(&output);
    return result;
}

static void flush(struct log_output *output) {
    const uint8_t *position = output->buffer;
    while (output->error == SMQ_OK && position < output->writer.position) {
        ssize_t count = write(output->file, position, (size_t)(output->writer.position - position));
        if (count > 0)
            position += count;
        else if (count < 0 && errno != EINTR)
            output->error = failed("write", output->part);
    }
    output->writer = writer_of(output->buffer, sizeof output->buffer);
}

struct writer *log_output_writer(struct log_output *output) {
    if (writer_room(&output->writer) < LOG_OUTPUT_ROOM)
        flush(output);
    return output->error == SMQ_OK ? &output->writer : NULL;
}

enum smq_result log_output_finish(struct log_output *output) {
    flush(output);
    if (output->error == SMQ_OK && fsync(output->file) != 0)
        output->error = failed("make durable", output->part);
    return output->error;
}

static enum smq_result sync_folder(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum smq_result result = folder >= 0 && fsync(folder) == 0 ? SMQ_OK : failed("make durable", path);
    if (folder >= 0)
        (void)close(folder);
    return result;
}

/* Not every file system can refuse a name that is taken; there the look that went before has to do. */
enum smq_result log_output_publish(struct log_output *output) {
    if (renameat2(AT_FDCWD, output->part, AT_FDCWD, output->path, RENAME_NOREPLACE) != 0 &&
        (errno != EINVAL || access(output->path, F_OK) == 0 || rename(output->part, output->path) != 0))
        return failed("rename to", output->path);
    output->published = true;
    return sync_folder(output->folder);
}

void log_output_destroy(struct log_output **output) {
    if (*output == NULL)
        return;
    if ((*output)->file >= 0 && !(*output)->published)
        (void)unlink((*output)->part);
    if ((*output)->file >= 0)
        (void)close((*output)->file);
    secret_wipe((*output)->buffer, sizeof(*output)->buffer);
    memory_free(*output);
    *output = NULL;
}

static enum smq_result copy_bytes(struct log_input *input, struct log_output *output) {
    for (;;) {
        size_t length = 0;
        struct writer *writer = log_output_writer(output);
        if (writer == NULL)
            return log_output_finish(output);
        enum smq_result result = read_file(input, writer->position, LOG_OUTPUT_ROOM, &length);
        if (result != SMQ_OK || length == 0)
            return result;
        writer->position += length;
    }
}

enum smq_result log_file_copy(const char *from, const char *to) {
    struct log_input input;
    struct log_output *output = NULL;
    enum smq_result result = log_input_open(&input, from);
    if (result != SMQ_OK)
        return result;
    result = log_output_create(to, &output);
    if (result == SMQ_OK)
        result = copy_bytes(&input, output);
    if (result == SMQ_OK)
        result = log_output_finish(output);
    if (result == SMQ_OK)
        result = log_output_publish(output);
    log_output_destroy(&output);
    log_input_close(&input);
    return result;
}
