/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Faults of files, told up to a bound. */
#include "stores/logs/log_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "stores/logs/log_file.h"

enum { TEXT_SIZE = LOG_PATH_SIZE + 256 };

__attribute__((format(printf, 2, 3))) static void tell(const struct log_report *report, const char *format, ...) {
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report->tell(report->context, text);
}

void log_report_fault(struct log_report *report, const char *file, uint64_t line, const char *what) {
    report->faults++;
    if (report->faults - report->faults_before > LOG_REPORT_TOLD_MAX)
        return;
    if (line == 0)
        tell(report, "%s: %s", file, what);
    else
        tell(report, "%s: line %" PRIu64 ": %s", file, line, what);
}

void log_report_torn(struct log_report *report, const char *file, uint64_t line) {
    report->torn++;
    if (report->torn - report->torn_before <= LOG_REPORT_TOLD_MAX)
        tell(report, "%s: line %" PRIu64 ", the last, was cut; skipped", file, line);
}

void log_report_file_done(struct log_report *report, const char *file) {
    uint64_t faults = report->faults - report->faults_before;
    if (faults > LOG_REPORT_TOLD_MAX)
        tell(report, "%s: and %" PRIu64 " more like these", file, faults - LOG_REPORT_TOLD_MAX);
    report->faults_before = report->faults;
    report->torn_before = report->torn;
}
