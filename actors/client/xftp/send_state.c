/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The state of a file that is being sent. A note is first applied as it would be when it is read, then written. */
#include "actors/client/xftp/send_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/client/xftp/receive_folder.h"
#include "actors/client/xftp/send_state_private.h"
#include "queues/base/descriptor.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

/* ---- opening ---- */

enum smq_result send_state_make_room(struct send_state *state) {
    const struct send_head *head = &state->head;
    if (head->chunk_count == 0 || head->chunk_count > XFTP_DESCRIPTION_CHUNKS_MAX || head->recipient_count == 0 ||
        head->recipient_count > SEND_RECIPIENTS_MAX)
        return SMQ_ERR_INVALID;
    state->chunks = memory_zalloc_array(head->chunk_count, sizeof *state->chunks);
    state->recipients =
        memory_zalloc_array((size_t)head->chunk_count * head->recipient_count, sizeof *state->recipients);
    return state->chunks != NULL && state->recipients != NULL ? SMQ_OK : SMQ_ERR_NO_MEMORY;
}

static enum smq_result open_file(struct send_state *state, const char *path, int flags) {
    state->path = memory_copy_of_text(path);
    if (state->path == NULL)
        return SMQ_ERR_NO_MEMORY;
    state->file = descriptor_above_standard(open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600));
    if (state->file < 0 && errno == EEXIST)
        return SMQ_ERR_EXISTS;
    if (state->file < 0)
        return errno == ENOENT ? SMQ_ERR_NOT_FOUND : file_failure();
    if (flock(state->file, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? SMQ_ERR_EXISTS : SMQ_ERR_SYSTEM;
    return SMQ_OK;
}

static enum smq_result append(struct send_state *state, struct slice line) {
    enum smq_result result = write_at(state->file, line, state->length);
    state->length += result == SMQ_OK ? line.length : 0;
    return result;
}

static enum smq_result begin(struct send_state *state, const struct send_head *head) {
    uint8_t line[SEND_LINE_MAX];
    struct writer writer = writer_of(line, sizeof line);
    state->head = *head;
    write_send_head(&writer, head);
    enum smq_result result = send_state_make_room(state);
    if (result == SMQ_OK)
        result = append(state, slice_of(line, writer_length(&writer)));
    secret_wipe(line, sizeof line);
    return result;
}

static struct send_state *new_state(void) {
    struct send_state *state = memory_zalloc(sizeof *state);
    if (state != NULL)
        state->file = -1;
    return state;
}

enum smq_result send_state_create(const char *path, const struct send_head *head, struct send_state **out) {
    struct send_state *state = new_state();
    if (state == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = open_file(state, path, O_CREAT | O_EXCL);
    bool is_made = result == SMQ_OK;
    if (is_made)
        result = begin(state, head);
    if (result == SMQ_OK)
        *out = state;
    else if (is_made)
        send_state_remove(&state);
    else
        send_state_close(&state);
    return result;
}

/* ---- reading ---- */

/* A line of the stream, in `line`. SMQ_ERR_EMPTY: no other whole one. */
static enum smq_result next_line(FILE *stream, char line[SEND_LINE_MAX], struct slice *text) {
    if (fgets(line, SEND_LINE_MAX, stream) == NULL)
        return SMQ_ERR_EMPTY;
    size_t length = strlen(line);
    if (length == 0 || line[length - 1] != '\n')
        return length + 1 < SEND_LINE_MAX ? SMQ_ERR_EMPTY : SMQ_ERR_SYNTAX;
    *text = slice_of(line, length - 1);
    return SMQ_OK;
}

static enum smq_result read_lines(struct send_state *state, FILE *stream, char line[SEND_LINE_MAX]) {
    struct slice text;
    if (next_line(stream, line, &text) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    struct reader reader = reader_of(text);
    if (!read_send_head(&reader, &state->head))
        return SMQ_ERR_SYNTAX;
    state->length = text.length + 1;
    enum smq_result result = send_state_make_room(state);
    if (result != SMQ_OK)
        return result == SMQ_ERR_INVALID ? SMQ_ERR_SYNTAX : result;
    while ((result = next_line(stream, line, &text)) == SMQ_OK) {
        if (!send_line_apply(state, text))
            return SMQ_ERR_SYNTAX;
        state->length += text.length + 1;
    }
    return result == SMQ_ERR_EMPTY ? SMQ_OK : result;
}

static enum smq_result read_file(struct send_state *state) {
    char line[SEND_LINE_MAX];
    char buffer[BUFSIZ]; /* holds secrets: of our own, to be wiped */
    int copy = dup(state->file);
    FILE *stream = copy >= 0 ? fdopen(copy, "r") : NULL;
    if (stream == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return SMQ_ERR_SYSTEM;
    }
    (void)setvbuf(stream, buffer, _IOFBF, sizeof buffer);
    enum smq_result result = read_lines(state, stream, line);
    (void)fclose(stream);
    secret_wipe(line, sizeof line);
    secret_wipe(buffer, sizeof buffer);
    return result;
}

enum smq_result send_state_open(const char *path, struct send_state **out) {
    struct send_state *state = new_state();
    if (state == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = open_file(state, path, 0);
    if (result == SMQ_OK)
        result = read_file(state);
    if (result == SMQ_OK && ftruncate(state->file, (off_t)state->length) != 0)
        result = file_failure();
    if (result == SMQ_OK)
        *out = state;
    else
        send_state_close(&state);
    return result;
}

void send_state_close(struct send_state **state) {
    struct send_state *dead = *state;
    if (dead == NULL)
        return;
    if (dead->file >= 0)
        (void)close(dead->file);
    if (dead->chunks != NULL)
        secret_wipe(dead->chunks, dead->head.chunk_count * sizeof *dead->chunks);
    if (dead->recipients != NULL)
        secret_wipe(dead->recipients,
                    (size_t)dead->head.chunk_count * dead->head.recipient_count * sizeof *dead->recipients);
    memory_free(dead->chunks);
    memory_free(dead->recipients);
    memory_free(dead->path);
    secret_wipe(dead, sizeof *dead);
    memory_free(dead);
    *state = NULL;
}

void send_state_remove(struct send_state **state) {
    if (*state != NULL)
        (void)unlink((*state)->path);
    send_state_close(state);
}

const struct send_head *send_state_head(const struct send_state *state) {
    return &state->head;
}

const struct sent_chunk *send_state_chunk(const struct send_state *state, uint32_t index) {
    return &state->chunks[index];
}

/* ---- notes ---- */

static enum smq_result note(struct send_state *state, struct writer *writer) {
    enum smq_result result = writer_finish(writer) == SMQ_OK ? SMQ_OK : SMQ_ERR_INVALID;
    size_t length = writer_length(writer);
    if (result == SMQ_OK && !send_line_apply(state, slice_of(writer->start, length - 1)))
        result = SMQ_ERR_INVALID;
    if (result == SMQ_OK)
        result = append(state, slice_of(writer->start, length));
    secret_wipe(writer->start, SEND_LINE_MAX);
    return result;
}

enum smq_result send_state_note_created(struct send_state *state, uint32_t index, const struct sent_chunk *chunk) {
    uint8_t line[SEND_LINE_MAX];
    struct writer writer = writer_of(line, sizeof line);
    write_created_line(&writer, index, chunk);
    return note(state, &writer);
}

enum smq_result send_state_note_recipient(struct send_state *state, uint32_t index,
                                          const struct sent_credential *recipient) {
    uint8_t line[SEND_LINE_MAX];
    struct writer writer = writer_of(line, sizeof line);
    write_recipient_line(&writer, index, recipient);
    return note(state, &writer);
}

static enum smq_result note_mark(struct send_state *state, const char *mark, uint32_t index) {
    uint8_t line[SEND_LINE_MAX];
    struct writer writer = writer_of(line, sizeof line);
    write_mark_line(&writer, mark, index);
    return note(state, &writer);
}

enum smq_result send_state_note_uploaded(struct send_state *state, uint32_t index) {
    return note_mark(state, "uploaded", index);
}

enum smq_result send_state_note_lost(struct send_state *state, uint32_t index) {
    return note_mark(state, "lost", index);
}
