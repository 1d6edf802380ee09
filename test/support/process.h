/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Child processes, temporary folders and free ports for tests. Failures of the helpers themselves fail the test
 * (cmocka). One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A running program; its stdout and stderr are collected. */
struct process;

/* Starts `argv` (ends with NULL) in the environment of the test, with `input` on its stdin (NULL: /dev/null). */
struct process *process_start(const char *const argv[], const char *input);
/* Whether `text` appeared on its stdout within the time; false also when it ended before. */
bool process_wait_output(struct process *process, const char *text, int timeout_ms);
/* Waits for its end. The exit code, 128 + signal, or -1 when the time passed. */
int process_wait(struct process *process, int timeout_ms);
void process_signal(struct process *process, int signal);
int process_id(const struct process *process);
/* What it printed so far, zero-terminated; valid until the next call. */
const char *process_output(struct process *process);
const char *process_errors(struct process *process);
/* Kills it when it still runs, frees it and nulls the pointer. NULL inside is allowed. */
void process_destroy(struct process **process);

/* Makes an empty folder below /tmp; the path is written to `path` (64 bytes). */
void temporary_folder_create(char path[64]);
/* Removes it with everything in it. */
void temporary_folder_remove(const char *path);

/* A TCP port on 127.0.0.1 that nothing listens on now. */
uint16_t free_port(void);
