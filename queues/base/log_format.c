/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Time, level, text; for the journal, which has its own time, a priority instead (sd-daemon(3)). */
#include "queues/base/log_format.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 1000, HEAD_MAX_BYTES = 64, NS_PER_MS = 1000000 };
_Static_assert(HEAD_MAX_BYTES + TEXT_MAX_BYTES + 2 <= LOG_LINE_MAX, "a line fits");

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "ERROR",
    [LOG_LEVEL_WARN] = "WARN",
    [LOG_LEVEL_INFO] = "INFO",
    [LOG_LEVEL_DEBUG] = "DEBUG",
};

static const int priorities[] = {
    [LOG_LEVEL_ERROR] = 3,
    [LOG_LEVEL_WARN] = 4,
    [LOG_LEVEL_INFO] = 6,
    [LOG_LEVEL_DEBUG] = 7,
};

enum reader { READER_UNKNOWN, READER_ANY, READER_JOURNAL };

/* The journal names its stream in JOURNAL_STREAM; stderr may lead elsewhere all the same. */
static enum reader find_reader(void) {
    const char *named = getenv("JOURNAL_STREAM");
    struct stat status;
    char found[64];
    if (named == NULL || fstat(STDERR_FILENO, &status) != 0)
        return READER_ANY;
    (void)snprintf(found, sizeof found, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(found, named) == 0 ? READER_JOURNAL : READER_ANY;
}

static bool is_read_by_journal(void) {
    static _Atomic int reader = READER_UNKNOWN;
    int known = atomic_load_explicit(&reader, memory_order_relaxed);
    if (known == READER_UNKNOWN) {
        known = (int)find_reader();
        atomic_store_explicit(&reader, known, memory_order_relaxed);
    }
    return known == READER_JOURNAL;
}

/* Writes "time level " or "<priority>level " and returns its length. */
static size_t write_head(char *line, size_t size, enum log_level level) {
    struct timespec now = {0};
    struct tm date = {0};
    if (is_read_by_journal()) {
        int length = snprintf(line, size, "<%d>%s ", priorities[level], level_names[level]);
        return length > 0 ? (size_t)length : 0;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &date);
    size_t length = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &date);
    int rest = snprintf(line + length, size - length, ".%03dZ %s ", (int)(now.tv_nsec / NS_PER_MS), level_names[level]);
    return length + (rest > 0 ? (size_t)rest : 0);
}

static void replace_control_characters(char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
}

size_t log_format_arguments(char line[LOG_LINE_MAX], enum log_level level, const char *format, va_list arguments) {
    size_t head = write_head(line, HEAD_MAX_BYTES, level);
    int wanted = vsnprintf(line + head, TEXT_MAX_BYTES + 1, format, arguments);
    size_t text = wanted < 0 ? 0 : (wanted > TEXT_MAX_BYTES ? TEXT_MAX_BYTES : (size_t)wanted);
    replace_control_characters(line + head, text);
    line[head + text] = '\n';
    return head + text + 1;
}

size_t log_format_line(char line[LOG_LINE_MAX], enum log_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t length = log_format_arguments(line, level, format, arguments);
    va_end(arguments);
    return length;
}
