/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The thread that writes the log; private to queues/base. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "smq/result.h"

struct log_site;
struct thread;

/* How the thread is made: thread_create, given by base_setup, since what makes threads may have something to log. */
typedef enum smq_result log_thread_create(struct thread **thread, const char *name, void (*run)(void *argument),
                                          void *argument);
/* From now on the first line starts the thread. Once, by base_setup. */
void log_writer_allow(log_thread_create *create);
/* Whether lines go through the ring; else they are written at once. */
bool log_writer_is_used(void);
/* Takes a whole line: never blocks. Any thread. */
void log_writer_line(const char *line, size_t length);
/* Leaves a line of `site` out: a second later it is told how many there were, and the text of the first. Any thread. */
__attribute__((format(printf, 2, 0))) void log_writer_leave_out(struct log_site *site, const char *format,
                                                                va_list arguments);
