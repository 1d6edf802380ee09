/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command lines of the form `program command --options arguments`, described by tables; --help and --version come from
 * them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_type {
    CLI_FLAG,          /* bool: set to true */
    CLI_FLAG_OFF,      /* bool: set to false */
    CLI_TEXT,          /* const char *: the argument, borrowed from argv */
    CLI_TEXT_LIST,     /* struct cli_list: the arguments of the option, which may be repeated, borrowed from argv */
    CLI_TEXT_OPTIONAL, /* const char *: the argument, or `implied` when there is none */
    CLI_NUMBER,        /* int64_t, decimal, from `minimum` to `maximum` */
    CLI_CHOICE         /* int: index into `choices` */
};

enum { CLI_LIST_MAX = 256 };

struct cli_list {
    const char *texts[CLI_LIST_MAX];
    size_t count;
};

struct cli_option {
    char short_name; /* 0: none */
    const char *long_name;
    enum cli_type type;
    size_t offset; /* of the field in the command's target; fields keep their values when the option is absent */
    const char *metavariable; /* what --help calls the argument */
    const char *help;
    int64_t minimum, maximum;
    const char *const *choices; /* ends with NULL */
    const char *implied;
    bool (*check)(const char *value); /* CLI_TEXT*: whether the value is acceptable; NULL: every one is */
    const char *accepted;             /* with `check`: the end of the sentence "expected ..." */
};

static inline bool cli_option_takes_argument(const struct cli_option *option) {
    return option->type != CLI_FLAG && option->type != CLI_FLAG_OFF;
}

struct cli_option_list {
    const struct cli_option *rows;
    size_t count;
};

/* Of an array of struct cli_option; &(const struct cli_option_list)CLI_OPTIONS(array) is what a command has. */
#define CLI_OPTIONS(array_)                                                                                            \
    { .rows = (array_), .count = sizeof(array_) / sizeof((array_)[0]) }

struct cli_command {
    const char *name; /* NULL in a program without commands: its one row */
    const char *summary;
    const char *arguments; /* what may follow the options, for --help; NULL: nothing may */
    int arguments_min, arguments_max;
    const struct cli_option_list *options; /* NULL: none */
    /* Runs the command: `target` is filled from the options, `arguments` are what followed them. Returns the exit
     * code. */
    int (*run)(void *target, int argument_count, char **arguments);
};

struct cli_program {
    const char *name;
    const char *version; /* the whole line that --version prints */
    const char *summary;
    const struct cli_command *commands;
    size_t command_count;
    void *target;      /* the struct that options are stored into, with its defaults */
    const char *notes; /* printed after --help of the program: environment, examples; may be NULL */
    /* `+RTS ... -RTS`, which scripts give to the reference's program, is skipped with a warning. */
    bool skips_runtime_options;
};

/* Writes out what was printed. False when that fails, now or before, which is told on stderr in one line, once. */
bool cli_flush(void);

/* Parses, then runs the command. Returns main's exit code: that of the command, 0 after --help and --version, 1 after a
 * mistake, which is told on stderr in one line: also when stdout could not be written. No option or argument may have
 * control characters. Main thread only (getopt). */
int cli_run(const struct cli_program *program, int argc, char **argv);
