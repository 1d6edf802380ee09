/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The log: one line a call to stderr, written by one write(2), so that lines of several threads never mix. */
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above `level` are dropped; the default is LOG_LEVEL_INFO. Any thread. */
void log_set_level(enum log_level level);
/* Whether a line of `level` would be written: to spare the making of its arguments. Any thread. */
bool log_enabled(enum log_level level);

/* Writes "2026-01-31T12:00:00.123Z ERROR text\n". Longer than 1,000 bytes: cut. Control characters become '?', so that
 * text from a peer cannot forge a line. Keeps errno. Blocks only as long as the write to stderr does. Any thread. Never
 * pass secrets, queue ids or peer addresses. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) (log_enabled(LOG_LEVEL_DEBUG) ? log_line(LOG_LEVEL_DEBUG, __VA_ARGS__) : (void)0)
