/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A journal store, read folder by folder. */
#include "stores/logs/smp_journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/text.h"
#include "stores/logs/log_file.h"
#include "stores/logs/smp_message_log.h"

enum {
    LEVELS = 6,       /* folders: the root, four of two letters, the queue's with the rest of its id */
    PREFIX = 2,       /* letters of an upper folder's name */
    STATE_TAIL = 4096 /* bytes of a state file that are looked at */
};

/* ---- state ---- */

static struct slice read_journal_id(struct reader *reader) {
    struct slice id = read_until(reader, ',');
    for (size_t i = 0; i < id.length; i++)
        if (!is_base64url(id.bytes[i]))
            reader_fail(reader);
    if (id.length == 0)
        reader_fail(reader);
    return id;
}

static uint64_t read_number(struct reader *reader) {
    read_literal(reader, ",");
    return read_decimal(reader, INT64_MAX);
}

static void read_position(struct reader *reader, struct smp_journal_position *position) {
    position->journal = read_journal_id(reader);
    position->message = read_number(reader);
    position->messages = read_number(reader);
    position->byte = read_number(reader);
    position->bytes = read_number(reader);
}

static bool is_consistent(const struct smp_journal_state *state) {
    const struct smp_journal_position *read = &state->read, *write = &state->write;
    if (read->message > read->messages || read->byte > read->bytes || write->message != write->messages ||
        write->byte != write->bytes)
        return false;
    uint64_t left = read->messages - read->message;
    if (!slice_equal(read->journal, write->journal))
        return state->size == write->messages + left;
    return read->messages == write->messages && read->bytes == write->bytes && state->size == left;
}

enum smq_result smp_journal_state_read(struct slice line, struct smp_journal_state *state) {
    struct reader reader = reader_of(line);
    *state = (struct smp_journal_state){0};
    read_literal(&reader, "write=");
    read_position(&reader, &state->write);
    read_literal(&reader, " read=");
    read_position(&reader, &state->read);
    read_literal(&reader, " canWrite=");
    state->can_write = read_bool(&reader);
    read_literal(&reader, " size=");
    state->size = read_decimal(&reader, INT64_MAX);
    return reader_finish(&reader) == SMQ_OK && is_consistent(state) ? SMQ_OK : SMQ_ERR_SYNTAX;
}

/* ---- the tree ---- */

/* A run of bytes of one file, read as lines. */
struct segment {
    char path[LOG_PATH_SIZE];
    int file;
    uint64_t left;
    struct log_lines *lines;
};

/* What a queue still has to give. */
struct piece {
    char journal[64];
    uint64_t from, to;
};

struct smp_journal {
    struct log_report *report;
    char path[LOG_PATH_SIZE]; /* of the folder that is open deepest */
    size_t lengths[LEVELS];   /* of `path` at each level */
    DIR *folders[LEVELS];
    unsigned depth; /* open folders */
    char queue[LEVELS * 256];
    struct piece pieces[2];
    unsigned next_piece, piece_count;
    struct segment segment;
    uint8_t *line; /* a line on its way out, and room for decoding it */
    size_t line_start, line_end;
    uint8_t *room;
};

enum { LINE_SIZE = 2 * SMP_MESSAGE_LINE_MAX };

static enum smq_result cannot_read(const char *path) {
    log_error("cannot read %s: %s", path, strerror(errno));
    return SMQ_ERR_SYSTEM;
}

static enum smq_result enter(struct smp_journal *journal, int folder) {
    DIR *opened = folder >= 0 ? fdopendir(folder) : NULL;
    if (opened == NULL) {
        enum smq_result result = cannot_read(journal->path);
        if (folder >= 0)
            (void)close(folder);
        return result;
    }
    journal->lengths[journal->depth] = strlen(journal->path);
    journal->folders[journal->depth++] = opened;
    return SMQ_OK;
}

static void leave(struct smp_journal *journal) {
    (void)closedir(journal->folders[--journal->depth]);
}

enum smq_result smp_journal_open(const char *root, struct log_report *report, struct smp_journal **out) {
    int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT ? SMQ_ERR_NOT_FOUND : cannot_read(root);
    struct smp_journal *journal = memory_zalloc(sizeof *journal);
    if (journal == NULL) {
        (void)close(folder);
        return SMQ_ERR_NO_MEMORY;
    }
    journal->report = report;
    journal->segment.file = -1;
    (void)snprintf(journal->path, sizeof journal->path, "%s", root);
    enum smq_result result = enter(journal, folder);
    journal->line = memory_alloc(LINE_SIZE);
    journal->room = memory_alloc(SMP_MESSAGE_LINE_MAX);
    if (result == SMQ_OK && (journal->line == NULL || journal->room == NULL))
        result = SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK)
        *out = journal;
    else
        smp_journal_close(&journal);
    return result;
}

static void end_segment(struct segment *segment) {
    log_lines_destroy(&segment->lines);
    if (segment->file >= 0)
        (void)close(segment->file);
    segment->file = -1;
}

void smp_journal_close(struct smp_journal **journal) {
    struct smp_journal *closing = *journal;
    if (closing == NULL)
        return;
    end_segment(&closing->segment);
    while (closing->depth > 0)
        leave(closing);
    memory_free(closing->line);
    memory_free(closing->room);
    memory_free(closing);
    *journal = NULL;
}

/* Opens a file of the queue's folder; -1 with errno when it is missing or something else than a file. */
static int open_file(int folder, const char *name, uint64_t *size) {
    struct stat status;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0)
        return -1;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
        *size = (uint64_t)status.st_size;
        return file;
    }
    (void)close(file);
    errno = EINVAL;
    return -1;
}

/* ---- a queue's state ---- */

/* The last line that holds together: the reference may have died while it wrote one. */
static bool last_state(struct slice tail, struct smp_journal_state *state) {
    while (tail.length > 0) {
        const uint8_t *before = memrchr(tail.bytes, '\n', tail.length);
        size_t start = before != NULL ? (size_t)(before - tail.bytes) + 1 : 0;
        if (smp_journal_state_read(slice_of(tail.bytes + start, tail.length - start), state) == SMQ_OK)
            return true;
        tail.length = start > 0 ? start - 1 : 0;
    }
    return false;
}

static void plan_piece(struct smp_journal *journal, struct slice id, uint64_t from, uint64_t to) {
    struct piece *piece = &journal->pieces[journal->piece_count];
    if (from >= to)
        return;
    journal->piece_count++;
    piece->from = from;
    piece->to = to;
    (void)snprintf(piece->journal, sizeof piece->journal, "%.*s", (int)id.length, (const char *)id.bytes);
}

static void plan(struct smp_journal *journal, const struct smp_journal_state *state) {
    journal->next_piece = 0;
    journal->piece_count = 0;
    if (state->size == 0)
        return;
    plan_piece(journal, state->read.journal, state->read.byte, state->read.bytes);
    if (!slice_equal(state->read.journal, state->write.journal))
        plan_piece(journal, state->write.journal, 0, state->write.byte);
}

static enum smq_result read_tail_of(int file, uint64_t size, uint8_t *bytes, size_t *length) {
    uint64_t from = size > STATE_TAIL ? size - STATE_TAIL : 0;
    ssize_t count = pread(file, bytes, STATE_TAIL, (off_t)from);
    *length = count > 0 ? (size_t)count : 0;
    return count >= 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

/* A state that was being compacted is still in .bak. A queue without a state has no messages. */
static enum smq_result read_state(struct smp_journal *journal, int folder) {
    char name[sizeof journal->queue + 32];
    char path[LOG_PATH_SIZE + sizeof name];
    uint8_t tail[STATE_TAIL];
    size_t length = 0;
    uint64_t size = 0;
    struct smp_journal_state state;
    journal->piece_count = journal->next_piece = 0;
    (void)snprintf(name, sizeof name, "queue_state.%s.log.bak", journal->queue);
    int file = open_file(folder, name, &size);
    if (file < 0 && errno == ENOENT) {
        name[strlen(name) - strlen(".bak")] = '\0';
        file = open_file(folder, name, &size);
    }
    if (file < 0 && errno == ENOENT)
        return SMQ_OK;
    (void)snprintf(path, sizeof path, "%s/%s", journal->path, name);
    if (file < 0)
        return cannot_read(path);
    enum smq_result result = read_tail_of(file, size, tail, &length);
    if (result != SMQ_OK)
        result = cannot_read(path);
    (void)close(file);
    if (result != SMQ_OK || size == 0)
        return result;
    if (length > 0 && tail[length - 1] == '\n')
        length--;
    if (last_state(slice_of(tail, length), &state))
        plan(journal, &state);
    else
        log_report_fault(journal->report, path, 0, "no state that holds together; the queue's messages are left out");
    return SMQ_OK;
}

/* ---- a piece of a file ---- */

static enum smq_result read_segment(void *context, uint8_t *bytes, size_t capacity, size_t *length) {
    struct segment *segment = context;
    size_t wanted = segment->left < capacity ? (size_t)segment->left : capacity;
    ssize_t count;
    do
        count = wanted > 0 ? read(segment->file, bytes, wanted) : 0;
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return cannot_read(segment->path);
    *length = (size_t)count;
    segment->left -= (size_t)count;
    return SMQ_OK;
}

static enum smq_result begin_segment(struct smp_journal *journal, const struct piece *piece) {
    struct segment *segment = &journal->segment;
    char name[96];
    uint64_t size = 0;
    (void)snprintf(name, sizeof name, "messages.%s.log", piece->journal);
    if (snprintf(segment->path, sizeof segment->path, "%s/%s", journal->path, name) >= LOG_PATH_SIZE)
        return SMQ_ERR_INVALID;
    segment->file = open_file(dirfd(journal->folders[LEVELS - 1]), name, &size);
    if (segment->file < 0 && errno == ENOENT) {
        log_report_fault(journal->report, segment->path, 0, "is missing; its messages are left out");
        return SMQ_OK;
    }
    if (segment->file < 0)
        return cannot_read(segment->path);
    if (size < piece->to)
        log_report_fault(journal->report, segment->path, 0, "is shorter than the queue's state says");
    if (lseek(segment->file, (off_t)piece->from, SEEK_SET) < 0)
        return cannot_read(segment->path);
    segment->left = piece->to - piece->from;
    const struct log_source source = {.read = read_segment, .context = segment};
    return log_lines_create(source, SMP_MESSAGE_LINE_MAX, &segment->lines);
}

/* Puts the line out when it is a message. */
static void put_line(struct smp_journal *journal, const struct log_line *line) {
    struct smp_log_message message;
    const struct segment *segment = &journal->segment;
    if (line->state == LOG_LINE_TORN) {
        log_report_torn(journal->report, segment->path, line->number);
        return;
    }
    if (line->state == LOG_LINE_TOO_LONG ||
        smp_journal_message_read(line->text, journal->room, SMP_MESSAGE_LINE_MAX, &message) != SMQ_OK) {
        log_report_fault(journal->report, segment->path, line->number, "it is no message; skipped");
        return;
    }
    struct writer writer = writer_of(journal->line, LINE_SIZE);
    write_text(&writer, "v3 ");
    write_text(&writer, journal->queue);
    write_u8(&writer, ' ');
    write_slice(&writer, line->text);
    write_u8(&writer, '\n');
    journal->line_start = 0;
    journal->line_end = writer_finish(&writer) == SMQ_OK ? writer_length(&writer) : 0;
}

static enum smq_result next_of_segment(struct smp_journal *journal) {
    struct segment *segment = &journal->segment;
    struct log_line line;
    if (log_lines_next(segment->lines, &line)) {
        put_line(journal, &line);
        return SMQ_OK;
    }
    enum smq_result result = log_lines_load(segment->lines);
    if (result == SMQ_ERR_EMPTY) {
        end_segment(segment);
        return SMQ_OK;
    }
    return result;
}

/* ---- the walk ---- */

/* The queue's folder is open: its id is the names on the way to it. */
static enum smq_result begin_queue(struct smp_journal *journal) {
    const char *position = journal->path + journal->lengths[0];
    uint8_t id[256];
    size_t length = 0, decoded;
    for (; *position != '\0'; position++)
        if (*position != '/')
            journal->queue[length++] = *position;
    journal->queue[length] = '\0';
    if (base64url_parse(slice_of(journal->queue, length), id, sizeof id - 1, &decoded) != SMQ_OK) {
        log_report_fault(journal->report, journal->path, 0, "its name is no queue's; skipped");
        return SMQ_OK;
    }
    return read_state(journal, dirfd(journal->folders[LEVELS - 1]));
}

static bool is_name(const char *name, unsigned depth) {
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++)
        if (!is_base64url((uint8_t)name[i]) && name[i] != '=')
            return false;
    return depth < LEVELS - 1 ? length == PREFIX : length > 0;
}

/* Goes on by one entry of the folder that is open deepest; leaves it after the last. */
static enum smq_result next_folder(struct smp_journal *journal) {
    unsigned depth = journal->depth;
    size_t length = journal->lengths[depth - 1];
    journal->path[length] = '\0';
    errno = 0;
    const struct dirent *entry = readdir(journal->folders[depth - 1]);
    if (entry == NULL && errno != 0)
        return cannot_read(journal->path);
    if (entry == NULL) {
        leave(journal);
        return SMQ_OK;
    }
    if (entry->d_name[0] == '.')
        return SMQ_OK;
    (void)snprintf(journal->path + length, sizeof journal->path - length, "/%s", entry->d_name);
    if (!is_name(entry->d_name, depth)) {
        log_report_fault(journal->report, journal->path, 0, "is not of a journal; skipped");
        return SMQ_OK;
    }
    int folder =
        openat(dirfd(journal->folders[depth - 1]), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        log_report_fault(journal->report, journal->path, 0, "is no folder; skipped");
        return SMQ_OK;
    }
    enum smq_result result = enter(journal, folder);
    return result == SMQ_OK && journal->depth == LEVELS ? begin_queue(journal) : result;
}

static enum smq_result next_step(struct smp_journal *journal) {
    if (journal->segment.lines != NULL)
        return next_of_segment(journal);
    if (journal->next_piece < journal->piece_count)
        return begin_segment(journal, &journal->pieces[journal->next_piece++]);
    if (journal->depth == LEVELS)
        leave(journal);
    return journal->depth > 0 ? next_folder(journal) : SMQ_ERR_EMPTY;
}

static enum smq_result read_journal(void *context, uint8_t *bytes, size_t capacity, size_t *length) {
    struct smp_journal *journal = context;
    while (journal->line_start == journal->line_end) {
        enum smq_result result = next_step(journal);
        if (result == SMQ_ERR_EMPTY) {
            *length = 0;
            return SMQ_OK;
        }
        if (result != SMQ_OK)
            return result;
    }
    size_t left = journal->line_end - journal->line_start;
    *length = left < capacity ? left : capacity;
    memcpy(bytes, journal->line + journal->line_start, *length);
    journal->line_start += *length;
    return SMQ_OK;
}

struct log_source smp_journal_source(struct smp_journal *journal) {
    return (struct log_source){.read = read_journal, .context = journal};
}
