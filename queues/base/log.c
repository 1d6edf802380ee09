/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Formats a line in a buffer on the stack and writes it at once. */
#include "queues/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, TEXT_MAX_BYTES = 1000, NS_PER_MS = 1000000 };

static _Atomic int current_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "ERROR",
    [LOG_LEVEL_WARN] = "WARN",
    [LOG_LEVEL_INFO] = "INFO",
    [LOG_LEVEL_DEBUG] = "DEBUG",
};

void log_set_level(enum log_level level) {
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level) {
    return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

/* Writes "time level " and returns its length. */
static size_t write_head(char *line, size_t size, enum log_level level) {
    struct timespec now = {0};
    struct tm date = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &date);
    size_t length = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &date);
    int rest = snprintf(line + length, size - length, ".%03dZ %s ", (int)(now.tv_nsec / NS_PER_MS), level_names[level]);
    return length + (rest > 0 ? (size_t)rest : 0);
}

static void replace_control_characters(char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    }
}

void log_line(enum log_level level, const char *format, ...) {
    if (!log_enabled(level))
        return;
    int kept_errno = errno;
    char line[LINE_MAX_BYTES + LINE_MAX_BYTES / 8];
    size_t head = write_head(line, sizeof(line), level);
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line + head, TEXT_MAX_BYTES + 1, format, arguments);
    va_end(arguments);
    size_t text = wanted < 0 ? 0 : (wanted > TEXT_MAX_BYTES ? TEXT_MAX_BYTES : (size_t)wanted);
    replace_control_characters(line + head, text);
    line[head + text] = '\n';
    /* A log that cannot be written has nowhere to complain. */
    while (write(STDERR_FILENO, line, head + text + 1) < 0 && errno == EINTR)
        continue;
    errno = kept_errno;
}
