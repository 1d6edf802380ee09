/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The words before the last one say what it is: a command, an option, the argument of one, or what follows options. */
#include "bin/common/cli_complete.h"

#include <stdio.h>
#include <string.h>

/* A word that is being completed, and what precedes it. */
struct position {
    const struct cli_command *command;
    const char *typed;
    const struct cli_option *option; /* whose argument it is; NULL: of none */
    int arguments;                   /* that are there already */
};

static bool begins_with(const char *word, const char *typed) {
    return strncmp(word, typed, strlen(typed)) == 0;
}

static void offer(const char *word, const char *typed) {
    if (begins_with(word, typed))
        printf("%s\n", word);
}

static void offer_long(const char *name, const char *typed) {
    char word[64];
    (void)snprintf(word, sizeof word, "--%s", name);
    offer(word, typed);
}

static const struct cli_option_list *options_of(const struct cli_command *command) {
    static const struct cli_option_list none = {0};
    return command->options != NULL ? command->options : &none;
}

/* The option that `word` names by its letter or its whole name. */
static const struct cli_option *option_of(const struct cli_command *command, const char *word) {
    const struct cli_option_list *options = options_of(command);
    for (size_t index = 0; index < options->count && word[0] == '-'; index++) {
        const struct cli_option *option = &options->rows[index];
        bool is_letter = option->short_name != 0 && word[1] == option->short_name && word[2] == 0;
        if (is_letter || (word[1] == '-' && strcmp(word + 2, option->long_name) == 0))
            return option;
    }
    return NULL;
}

static bool names_a_path(const char *text) {
    static const char *const paths[] = {"FILE", "FOLDER", "PATH", "DIR", "INPUT"};
    for (size_t index = 0; text != NULL && index < sizeof paths / sizeof paths[0]; index++)
        if (strstr(text, paths[index]) != NULL)
            return true;
    return false;
}

static void offer_argument(const struct cli_option *option, const char *typed) {
    if (option->type == CLI_CHOICE)
        for (size_t index = 0; option->choices[index] != NULL; index++)
            offer(option->choices[index], typed);
    else if (names_a_path(option->metavariable))
        printf(":path\n");
}

static void offer_options(const struct cli_command *command, const char *typed) {
    const struct cli_option_list *options = options_of(command);
    for (size_t index = 0; index < options->count; index++)
        offer_long(options->rows[index].long_name, typed);
    offer_long("help", typed);
    if (command->name == NULL)
        offer_long("version", typed);
}

/* `a|b|c FOLDER`: the first argument is one of these words, the others are not. */
static void offer_words(const struct position *position) {
    const char *text = position->command->arguments;
    if (text == NULL)
        return;
    size_t first = strcspn(text, " ");
    if (memchr(text, '|', first) == NULL || position->arguments > 0) {
        if (names_a_path(text))
            printf(":path\n");
        return;
    }
    for (size_t begin = 0; begin < first;) {
        size_t length = strcspn(text + begin, "| ");
        char word[64];
        (void)snprintf(word, sizeof word, "%.*s", (int)length, text + begin);
        offer(word, position->typed);
        begin += length + 1;
    }
}

/* Goes over the words before the last one. */
static struct position find_position(const struct cli_command *command, int count, char **words) {
    struct position position = {.command = command, .typed = words[count - 1]};
    for (int index = 0; index < count - 1; index++) {
        const struct cli_option *option = option_of(command, words[index]);
        if (strcmp(words[index], "=") == 0)
            continue; /* what is before it stays the option */
        if (position.option != NULL)
            position.option = NULL;
        else if (option != NULL)
            position.option = cli_option_takes_argument(option) ? option : NULL;
        else if (words[index][0] != '-')
            position.arguments++;
    }
    if (strcmp(position.typed, "=") == 0)
        position.typed = "";
    else if (position.option != NULL && position.option->type == CLI_TEXT_OPTIONAL && position.typed[0] == '-')
        position.option = NULL;
    return position;
}

static void complete_command(const struct cli_command *command, int count, char **words) {
    struct position position = find_position(command, count, words);
    if (position.option != NULL)
        offer_argument(position.option, position.typed);
    else if (position.typed[0] == '-')
        offer_options(command, position.typed);
    else
        offer_words(&position);
}

void cli_complete(const struct cli_program *program, int count, char **words) {
    if (count < 1)
        return;
    if (program->commands[0].name == NULL) {
        complete_command(&program->commands[0], count, words);
        return;
    }
    for (size_t index = 0; index < program->command_count; index++)
        if (count == 1)
            offer(program->commands[index].name, words[0]);
        else if (strcmp(program->commands[index].name, words[0]) == 0)
            complete_command(&program->commands[index], count - 1, words + 1);
    if (count == 1 && words[0][0] == '-') {
        offer("--help", words[0]);
        offer("--version", words[0]);
    }
}
