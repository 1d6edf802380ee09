/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files of queues: written beside, made durable, then renamed. */
#include "bin/smq/smq_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queues/base/cursor.h"
#include "queues/base/secret.h"
#include "transport/wire/text.h"

enum { EXPORT_MAX = 4096, FILE_MAX = 2 * EXPORT_MAX };

static const char recipient_heading[] = "smq recipient 1\n";
static const char sender_heading[] = "smq sender 1\n";

enum smq_result queue_file_reserve(const char *path) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return errno == EEXIST ? SMQ_ERR_EXISTS : SMQ_ERR_SYSTEM;
    (void)close(descriptor);
    return SMQ_OK;
}

static bool write_all(int descriptor, const char *text, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        text += written;
        length -= (size_t)written;
    }
    return true;
}

/* The new name is durable only when the folder is. */
static bool sync_folder(const char *path) {
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int descriptor = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = descriptor >= 0 && fsync(descriptor) == 0;
    int saved = errno;
    if (descriptor >= 0)
        (void)close(descriptor);
    errno = saved;
    return synced;
}

static enum smq_result replace_file(const char *path, const char *text, size_t length) {
    char beside[PATH_MAX];
    if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= sizeof beside) {
        errno = ENAMETOOLONG;
        return SMQ_ERR_SYSTEM;
    }
    int descriptor = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
    if (descriptor < 0)
        return SMQ_ERR_SYSTEM;
    bool written = write_all(descriptor, text, length) && fsync(descriptor) == 0;
    int saved = errno;
    (void)close(descriptor);
    errno = saved;
    if (written && rename(beside, path) == 0)
        return sync_folder(path) ? SMQ_OK : SMQ_ERR_SYSTEM;
    saved = errno;
    (void)unlink(beside);
    errno = saved;
    return SMQ_ERR_SYSTEM;
}

static enum smq_result write_file(const char *path, const char *heading, struct slice bytes) {
    char text[FILE_MAX];
    struct writer writer = writer_of(text, sizeof text);
    write_text(&writer, heading);
    write_base64(&writer, bytes, BASE64_URL);
    write_text(&writer, "\n");
    enum smq_result result = writer_finish(&writer);
    if (result == SMQ_OK)
        result = replace_file(path, text, writer_length(&writer));
    int saved = errno;
    secret_wipe(text, sizeof text);
    errno = saved;
    return result;
}

enum smq_result queue_file_write_recipient(const char *path, const struct smq_receive_queue *queue) {
    uint8_t bytes[EXPORT_MAX];
    size_t size = sizeof bytes;
    enum smq_result result = smq_receive_queue_export(queue, bytes, &size);
    if (result == SMQ_OK)
        result = write_file(path, recipient_heading, slice_of(bytes, size));
    int saved = errno;
    secret_wipe(bytes, sizeof bytes);
    errno = saved;
    return result;
}

enum smq_result queue_file_write_sender(const char *path, const struct smq_send_queue *queue) {
    uint8_t bytes[EXPORT_MAX];
    size_t size = sizeof bytes;
    enum smq_result result = smq_send_queue_export(queue, bytes, &size);
    if (result == SMQ_OK)
        result = write_file(path, sender_heading, slice_of(bytes, size));
    int saved = errno;
    secret_wipe(bytes, sizeof bytes);
    errno = saved;
    return result;
}

static enum smq_result read_text(const char *path, char text[FILE_MAX], size_t *length) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return SMQ_ERR_SYSTEM;
    *length = fread(text, 1, FILE_MAX, file);
    bool failed = ferror(file) != 0;
    int saved = errno;
    (void)fclose(file);
    errno = saved;
    return failed ? SMQ_ERR_SYSTEM : *length == FILE_MAX ? SMQ_ERR_SYNTAX : SMQ_OK;
}

static enum smq_result parse(struct slice text, struct queue_sides *sides) {
    uint8_t bytes[EXPORT_MAX];
    size_t size = 0;
    struct reader reader = reader_of(text);
    bool recipient = read_if(&reader, recipient_heading);
    if (!recipient)
        read_literal(&reader, sender_heading);
    struct slice encoded = read_until(&reader, '\n');
    read_literal(&reader, "\n");
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        result = base64url_parse(encoded, bytes, sizeof bytes, &size);
    if (result == SMQ_OK)
        result = recipient ? smq_receive_queue_import(bytes, size, &sides->recipient)
                           : smq_send_queue_import(bytes, size, &sides->sender);
    secret_wipe(bytes, sizeof bytes);
    return result;
}

enum smq_result queue_file_read(const char *path, struct queue_sides *sides) {
    char text[FILE_MAX];
    size_t length = 0;
    *sides = (struct queue_sides){.recipient = NULL};
    enum smq_result result = read_text(path, text, &length);
    int saved = errno;
    if (result == SMQ_OK)
        result = parse(slice_of(text, length), sides);
    secret_wipe(text, sizeof text);
    errno = saved;
    return result;
}

void queue_sides_release(struct queue_sides *sides) {
    smq_receive_queue_release(&sides->recipient);
    smq_send_queue_release(&sides->sender);
}
