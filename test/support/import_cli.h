/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smp-server store import` and `export` with folders of their own for each test, and files of a reference server that
 * hold every kind of record. Failures fail the test (cmocka). One thread. */
#pragma once

#include "test/support/require.h"
#include "test/support/server_process.h"

enum { IMPORT_CLI_END_MS = 60000, IMPORT_CLI_FILE_MAX = 1 << 20 };

struct import_cli {
    struct server_process server; /* initialised, not started */
    char from[96];                /* an empty folder for files of the reference */
    char out[96];                 /* a folder that is not there yet */
    struct process *command;
};
extern struct import_cli import_cli;

int import_cli_setup(void **state);
int import_cli_teardown(void **state);
#define WITH_FOLDERS(test) cmocka_unit_test_setup_teardown(test, import_cli_setup, import_cli_teardown)

/* Runs `smp-server` with the words (up to NULL) and answers its exit code; `input` on its stdin, NULL: nobody answers.
 * `import_cli.command` has what it printed. */
int import_cli_run(const char *input, ...) __attribute__((sentinel));
void import_cli_start(const char *const words[]);
/* Whether it printed the text: on stdout, or stderr. */
void import_cli_expect_output(const char *text);
void import_cli_expect_error(const char *text);

/* A file of the folder: its whole text (valid until the next call but three), or what it shall hold. */
const char *import_cli_read(const char *folder, const char *name);
void import_cli_write(const char *folder, const char *name, const char *text);
bool import_cli_has(const char *folder, const char *name);
void import_cli_copy(const char *vector, const char *folder, const char *name);

/* An id, a key and a secret of 24, 44 and 32 bytes as base64url, the same for the same number; valid until 16 more were
 * made. */
const char *sample_id(unsigned number);
const char *sample_key(unsigned number);
const char *sample_secret(unsigned number);
/* Files with every kind of record, in every state that they can lead to. */
void import_cli_write_samples(const char *folder);
/* The store log that these are when they are compacted. */
void import_cli_write_compacted_samples(const char *folder, const char *name);
