/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What was wrong with files that were read: each place told, up to a bound, and all of them counted. */
#pragma once

#include <stdint.h>

enum { LOG_REPORT_TOLD_MAX = 20 }; /* of one file */

struct log_report {
    void (*tell)(void *context, const char *text); /* a line without an end */
    void *context;
    uint64_t faults;                     /* of all files: lines that were skipped, files that are not whole */
    uint64_t torn;                       /* last lines that were cut; not among the faults */
    uint64_t faults_before, torn_before; /* the present file */
};

/* Line `line` of `file` (0: the file as a whole): `what` is wrong, and what was done. */
void log_report_fault(struct log_report *report, const char *file, uint64_t line, const char *what);
/* The last line of `file` was cut, and skipped. */
void log_report_torn(struct log_report *report, const char *file, uint64_t line);
/* Tells how many faults of `file` were not told. Before the next file. */
void log_report_file_done(struct log_report *report, const char *file);
