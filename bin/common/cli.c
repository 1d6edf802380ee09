/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command lines: the tables become getopt_long's tables, --help texts and typed fields. */
#include "bin/common/cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bin/common/cli_complete.h"

enum { OPTIONS_MAX = 48, HELP_COLUMN = 30, ID_FIRST = 1000 };

static size_t option_count(const struct cli_command *command) {
    return command->options == NULL ? 0 : command->options->count;
}

/* Where a parse is: for the messages. */
struct parsing {
    const struct cli_program *program;
    const struct cli_command *command;
};

__attribute__((format(printf, 2, 3))) static int mistake(const struct parsing *parsing, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *command = parsing->command != NULL && parsing->command->name != NULL ? parsing->command->name : NULL;
    const char *space = command != NULL ? " " : "";
    if (command == NULL)
        command = "";
    (void)fprintf(stderr, "%s%s%s: %s (try `%s%s%s --help`)\n", parsing->program->name, space, command, text,
                  parsing->program->name, space, command);
    return 1;
}

static void print_option(const struct cli_option *option) {
    char left[128];
    char argument[64] = "";
    if (option->type == CLI_TEXT_OPTIONAL)
        (void)snprintf(argument, sizeof argument, "[=%s]", option->metavariable);
    else if (cli_option_takes_argument(option))
        (void)snprintf(argument, sizeof argument, " %s", option->metavariable);
    if (option->short_name != 0)
        (void)snprintf(left, sizeof left, "-%c,--%s%s", option->short_name, option->long_name, argument);
    else
        (void)snprintf(left, sizeof left, "--%s%s", option->long_name, argument);
    if (strlen(left) + 2 >= HELP_COLUMN)
        printf("  %s\n%*s%s\n", left, HELP_COLUMN, "", option->help);
    else
        printf("  %-*s%s\n", HELP_COLUMN - 2, left, option->help);
}

static const struct cli_option help_option = {
    .short_name = 'h', .long_name = "help", .type = CLI_FLAG, .help = "Show this help text"};
static const struct cli_option version_option = {
    .short_name = 'v', .long_name = "version", .type = CLI_FLAG, .help = "Show version"};

static void print_command_help(const struct cli_program *program, const struct cli_command *command) {
    printf("Usage: %s%s%s%s%s%s\n\n  %s\n\nAvailable options:\n", program->name, command->name != NULL ? " " : "",
           command->name != NULL ? command->name : "", option_count(command) > 0 ? " [OPTIONS]" : "",
           command->arguments != NULL ? " " : "", command->arguments != NULL ? command->arguments : "",
           command->summary);
    for (size_t index = 0; index < option_count(command); index++)
        print_option(&command->options->rows[index]);
    print_option(&help_option);
    if (command->name == NULL) {
        print_option(&version_option);
        if (program->notes != NULL)
            printf("\n%s", program->notes);
    }
}

static void print_program_help(const struct cli_program *program) {
    printf("%s\n\nUsage: %s COMMAND\n\n  %s\n\nAvailable options:\n", program->version, program->name,
           program->summary);
    print_option(&help_option);
    print_option(&version_option);
    printf("\nAvailable commands:\n");
    for (size_t index = 0; index < program->command_count; index++)
        printf("  %-*s%s\n", HELP_COLUMN - 2, program->commands[index].name, program->commands[index].summary);
    if (program->notes != NULL)
        printf("\n%s", program->notes);
}

static bool store_number(const struct cli_option *option, const char *value, int64_t *number) {
    char *end = NULL;
    errno = 0;
    long long parsed = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || parsed < option->minimum || parsed > option->maximum)
        return false;
    *number = parsed;
    return true;
}

static int store_choice(const struct parsing *parsing, const struct cli_option *option, int *field, const char *value) {
    char accepted[256] = "";
    size_t length = 0;
    for (int index = 0; option->choices[index] != NULL; index++) {
        if (strcmp(value, option->choices[index]) == 0) {
            *field = index;
            return 0;
        }
        if (length < sizeof accepted)
            length += (size_t)snprintf(accepted + length, sizeof accepted - length, "%s%s", index == 0 ? "" : ", ",
                                       option->choices[index]);
    }
    return mistake(parsing, "--%s %s: expected one of %s", option->long_name, value, accepted);
}

static int store_text(const struct parsing *parsing, const struct cli_option *option, struct cli_list *list,
                      const char *value) {
    if (list->count == CLI_LIST_MAX)
        return mistake(parsing, "--%s: at most %d of them", option->long_name, (int)CLI_LIST_MAX);
    list->texts[list->count++] = value;
    return 0;
}

static bool has_control_character(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static int store_option(const struct parsing *parsing, const struct cli_option *option, const char *value) {
    char *field = (char *)parsing->program->target + option->offset;
    if (value != NULL && has_control_character(value))
        return mistake(parsing, "--%s: expected no control characters", option->long_name);
    switch (option->type) {
    case CLI_FLAG:
    case CLI_FLAG_OFF:
        *(bool *)field = option->type == CLI_FLAG;
        return 0;
    case CLI_NUMBER:
        if (!store_number(option, value, (int64_t *)(void *)field))
            return mistake(parsing, "--%s %s: expected a number from %" PRId64 " to %" PRId64, option->long_name, value,
                           option->minimum, option->maximum);
        return 0;
    case CLI_CHOICE:
        return store_choice(parsing, option, (int *)(void *)field, value);
    case CLI_TEXT_LIST:
        return store_text(parsing, option, (struct cli_list *)(void *)field, value);
    default:
        if (value == NULL)
            value = option->implied;
        if (option->check != NULL && !option->check(value))
            return mistake(parsing, "--%s: expected %s", option->long_name, option->accepted);
        *(const char **)(void *)field = value;
        return 0;
    }
}

struct getopt_tables {
    struct option options[OPTIONS_MAX + 3];
    char short_options[2 * OPTIONS_MAX + 8];
};

/* Long options return ID_FIRST + row; short ones their letter. */
static void fill_tables(const struct cli_command *command, struct getopt_tables *tables) {
    size_t short_length = 0;
    size_t count = 0;
    tables->short_options[short_length++] = ':'; /* tells a missing argument from an unknown option */
    for (size_t index = 0; index < option_count(command) && index < OPTIONS_MAX; index++) {
        const struct cli_option *option = &command->options->rows[index];
        int argument = option->type == CLI_TEXT_OPTIONAL   ? optional_argument
                       : cli_option_takes_argument(option) ? required_argument
                                                           : no_argument;
        tables->options[count++] =
            (struct option){.name = option->long_name, .has_arg = argument, .val = ID_FIRST + (int)index};
        if (option->short_name != 0) {
            tables->short_options[short_length++] = option->short_name;
            if (argument == required_argument)
                tables->short_options[short_length++] = ':';
        }
    }
    tables->options[count++] = (struct option){.name = "help", .val = 'h'};
    if (command->name == NULL)
        tables->options[count++] = (struct option){.name = "version", .val = 'v'};
    tables->options[count] = (struct option){0};
    tables->short_options[short_length++] = 'h';
    tables->short_options[short_length] = '\0';
}

static const struct cli_option *find_option(const struct cli_command *command, int id) {
    if (id >= ID_FIRST)
        return &command->options->rows[id - ID_FIRST];
    for (size_t index = 0; index < option_count(command); index++)
        if (command->options->rows[index].short_name == id)
            return &command->options->rows[index];
    return NULL;
}

/* `--option word` means the same as `--option=word` where the argument is optional and no words are expected. */
static const char *argument_of(const struct cli_command *command, const struct cli_option *option, int argc,
                               char **argv) {
    if (optarg == NULL && option->type == CLI_TEXT_OPTIONAL && command->arguments == NULL && optind < argc &&
        argv[optind][0] != '-')
        return argv[optind++];
    return optarg;
}

static int run_command(const struct parsing *parsing, int argc, char **argv) {
    const struct cli_command *command = parsing->command;
    struct getopt_tables tables;
    fill_tables(command, &tables);
    opterr = 0;
    optind = 0; /* glibc: start afresh, also after an earlier parse that stopped midway */
    for (;;) {
        int id = getopt_long(argc, argv, tables.short_options, tables.options, NULL);
        if (id == -1)
            break;
        const struct cli_option *option = id == '?' || id == ':' ? NULL : find_option(command, id);
        if (option != NULL) {
            int status = store_option(parsing, option, argument_of(command, option, argc, argv));
            if (status != 0)
                return status;
        } else if (id == 'h') {
            print_command_help(parsing->program, command);
            return 0;
        } else if (id == 'v') {
            printf("%s\n", parsing->program->version);
            return 0;
        } else if (id == ':') {
            return mistake(parsing, "%s needs an argument", argv[optind - 1]);
        } else {
            /* A bad letter is in optopt; of a bad long option only the word is known. */
            return optopt > 0 && optopt < ID_FIRST ? mistake(parsing, "unknown option -%c", optopt)
                                                   : mistake(parsing, "unknown option %s", argv[optind - 1]);
        }
    }
    int count = argc - optind;
    if (count > command->arguments_max)
        return mistake(parsing, "unexpected argument %s", argv[optind + command->arguments_max]);
    if (count < command->arguments_min)
        return mistake(parsing, "missing argument: %s", command->arguments);
    for (int index = optind; index < argc; index++)
        if (has_control_character(argv[index]))
            return mistake(parsing, "argument %d: expected no control characters", index - optind + 1);
    return command->run(parsing->program->target, count, argv + optind);
}

static int run_program(const struct cli_program *program, int argc, char **argv) {
    struct parsing parsing = {.program = program};
    if (argc >= 2 && strcmp(argv[1], "--complete") == 0) {
        cli_complete(program, argc - 2, argv + 2);
        return 0;
    }
    if (program->command_count == 1 && program->commands[0].name == NULL) {
        parsing.command = &program->commands[0];
        return run_command(&parsing, argc, argv);
    }
    if (argc < 2) {
        print_program_help(program);
        return 1;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_program_help(program);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0) {
        printf("%s\n", program->version);
        return 0;
    }
    for (size_t index = 0; index < program->command_count; index++) {
        if (strcmp(argv[1], program->commands[index].name) == 0) {
            parsing.command = &program->commands[index];
            return run_command(&parsing, argc - 1, argv + 1);
        }
    }
    return mistake(&parsing, argv[1][0] == '-' ? "unknown option %s" : "unknown command %s", argv[1]);
}

/* Takes out what is meant for the runtime system of Haskell; `--RTS` ends the look for it. */
static int skip_runtime_options(const char *program, int argc, char **argv) {
    int kept = 0;
    bool skipping = false, looking = true, skipped = false;
    for (int index = 0; index < argc; index++) {
        bool ends_look = looking && strcmp(argv[index], "--RTS") == 0;
        bool begins = looking && strcmp(argv[index], "+RTS") == 0;
        bool ends = looking && strcmp(argv[index], "-RTS") == 0;
        looking = looking && !ends_look;
        skipping = (skipping || begins) && !ends && !ends_look;
        if (skipping || ends || ends_look)
            skipped = true;
        else
            argv[kept++] = argv[index];
    }
    argv[kept] = NULL;
    if (skipped)
        (void)fprintf(stderr, "%s: warning: +RTS options are ignored: there is no Haskell runtime here\n", program);
    return kept;
}

bool cli_flush(void) {
    static bool failed;
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return true;
    if (!failed)
        (void)fprintf(stderr, "Error: cannot write to stdout: %s\n", errno != 0 ? strerror(errno) : "not all of it");
    failed = true;
    return false;
}

int cli_run(const struct cli_program *program, int argc, char **argv) {
    if (program->skips_runtime_options)
        argc = skip_runtime_options(program->name, argc, argv);
    int status = run_program(program, argc, argv);
    return cli_flush() || status != 0 ? status : 1;
}
