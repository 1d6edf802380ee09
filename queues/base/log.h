/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The log: lines on stderr, whole, never mixed. A line is put in a bounded ring, and a thread of its own writes it, so
 * that no reader of the log can hold up who logs. That thread starts with the first line after base_setup and stays
 * until the process ends; before, and in a child of fork, a line is written at once if stderr takes it at once. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines that one place in the source may write a second. How many more there were is one line, a second later, which
 * shows the first of them. */
enum { LOG_SITE_LINES_PER_SECOND = 10, LOG_SAMPLE_SIZE = 200 };

/* Lines above `level` are dropped; the default is LOG_LEVEL_INFO. Any thread, at any time. */
void log_set_level(enum log_level level);
/* Whether a line of `level` would be written: to spare the making of its arguments. Any thread. */
bool log_enabled(enum log_level level);

/* A place in the source that logs: its share of the present second. Made by log_line, all zero; private. */
struct log_site {
    _Atomic uint64_t window;   /* the second, and in the upper bits how many lines it had */
    _Atomic uint64_t left_out; /* lines that were not told about yet */
    _Atomic bool is_listed;
    _Atomic int sample_state; /* of `sample`, the text of a line that was left out: none, being written, there */
    char sample[LOG_SAMPLE_SIZE];
    struct log_site *next;
};

/* Logs "2026-01-31T12:00:00.123Z ERROR text\n", or "<3>ERROR text\n" when stderr is what systemd's JOURNAL_STREAM
 * names: then the journal knows the priority, and tells the time. Longer than 1,000 bytes: cut. Control characters
 * become '?', so that text from a peer cannot forge a line. Keeps errno. Never blocks: when the ring is full the line
 * is counted, and "N lines lost" is written once there is room. `format` is a literal. Any thread. Never pass secrets,
 * queue ids or peer addresses. */
#define log_line(level, ...)                                                                                           \
    do {                                                                                                               \
        static struct log_site log_site_here;                                                                          \
        log_write(&log_site_here, level, __VA_ARGS__);                                                                 \
    } while (false)

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                                                 \
    do {                                                                                                               \
        if (log_enabled(LOG_LEVEL_DEBUG))                                                                              \
            log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                                                    \
    } while (false)

/* What log_line calls. */
void log_write(struct log_site *site, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How many lines of LOG_LEVEL_ERROR were logged: who is told of a failure may find that it was told already. Any
 * thread. */
uint64_t log_error_count(void);

/* Waits until what was logged before is written, at most `timeout_ms`; true if it is. At the end of the process it is
 * called by itself, with 500 ms. Any thread, in any state. */
bool log_flush(uint32_t timeout_ms);
