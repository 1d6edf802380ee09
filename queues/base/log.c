/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The entrance: level, share of the site, and the line on its way. */
#include "queues/base/log.h"

#include <errno.h>

#include "queues/base/clock.h"
#include "queues/base/log_format.h"
#include "queues/base/log_writer.h"

enum { SECOND_BITS = 40, MS_PER_S = 1000 };

static _Atomic int current_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level) {
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level) {
    return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

/* Takes one of the lines that the site may write in this second. */
static bool take_share(struct log_site *site) {
    uint64_t second = clock_monotonic_ms() / MS_PER_S;
    uint64_t window = atomic_load_explicit(&site->window, memory_order_relaxed);
    uint64_t next;
    do {
        uint64_t count = window >> SECOND_BITS;
        if ((window & ((UINT64_C(1) << SECOND_BITS) - 1)) != second)
            count = 0;
        if (count >= LOG_SITE_LINES_PER_SECOND)
            return false;
        next = (count + 1) << SECOND_BITS | second;
    } while (!atomic_compare_exchange_weak_explicit(&site->window, &window, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static _Atomic uint64_t error_count;

uint64_t log_error_count(void) {
    return atomic_load_explicit(&error_count, memory_order_relaxed);
}

void log_write(struct log_site *site, enum log_level level, const char *format, ...) {
    if (!log_enabled(level))
        return;
    int kept_errno = errno;
    if (level == LOG_LEVEL_ERROR)
        (void)atomic_fetch_add_explicit(&error_count, 1, memory_order_relaxed);
    va_list arguments;
    va_start(arguments, format);
    if (!log_writer_is_used() || take_share(site)) {
        char line[LOG_LINE_MAX];
        log_writer_line(line, log_format_arguments(line, level, format, arguments));
    } else {
        log_writer_leave_out(site, format, arguments);
    }
    va_end(arguments);
    errno = kept_errno;
}
