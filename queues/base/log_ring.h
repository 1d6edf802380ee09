/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The ring of lines between who logs and the thread that writes; private to queues/base. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_MAX = 1088, LOG_RING_LINES = 512 };

/* Copies a line; false: the ring is full. Any thread, lock-free. */
bool log_ring_put(const char *line, size_t length);
/* Takes the oldest line into `line`; 0: there is none that is complete. One thread. */
size_t log_ring_take(char line[LOG_LINE_MAX]);
/* Lines put so far. Any thread. */
uint64_t log_ring_put_count(void);
