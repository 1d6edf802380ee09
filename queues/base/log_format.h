/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How a line looks; private to queues/base. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "queues/base/log.h"
#include "queues/base/log_ring.h"

/* Writes "time level text\n", or the journal's form of it, into `line`, cut and with control characters replaced as
 * log.h says; its length. */
size_t log_format_line(char line[LOG_LINE_MAX], enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t log_format_arguments(char line[LOG_LINE_MAX], enum log_level level, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
