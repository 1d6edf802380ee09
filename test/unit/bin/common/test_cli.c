/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command lines: options of every type, help, version, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bin/common/cli.h"

struct values {
    bool flag;
    bool other;
    const char *text;
    const char *optional;
    int64_t number;
    int choice;
    struct cli_list files;
    int runs, word_count;
    char words[64];
};

static const char *const choices[] = {"red", "green", NULL};

static bool lower_case(const char *value) {
    return strpbrk(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL;
}

static const struct cli_option options[] = {
    {.short_name = 'f',
     .long_name = "flag",
     .type = CLI_FLAG,
     .offset = offsetof(struct values, flag),
     .help = "Sets the flag"},
    {.long_name = "no-other", .type = CLI_FLAG_OFF, .offset = offsetof(struct values, other), .help = "Clears other"},
    {.short_name = 't',
     .long_name = "text",
     .type = CLI_TEXT,
     .offset = offsetof(struct values, text),
     .metavariable = "TEXT",
     .check = lower_case,
     .accepted = "small letters",
     .help = "Sets the text"},
    {.long_name = "optional",
     .type = CLI_TEXT_OPTIONAL,
     .offset = offsetof(struct values, optional),
     .metavariable = "WORD",
     .implied = "implied",
     .help = "Sets the word"},
    {.short_name = 'n',
     .long_name = "number",
     .type = CLI_NUMBER,
     .offset = offsetof(struct values, number),
     .metavariable = "N",
     .minimum = 1,
     .maximum = 9,
     .help = "Sets the number"},
    {.long_name = "file",
     .type = CLI_TEXT_LIST,
     .offset = offsetof(struct values, files),
     .metavariable = "FILE",
     .help = "Adds a file"},
    {.long_name = "choice",
     .type = CLI_CHOICE,
     .offset = offsetof(struct values, choice),
     .metavariable = "COLOUR",
     .choices = choices,
     .help = "Sets the choice"},
};

static const struct cli_option_list option_list = CLI_OPTIONS(options);

static int run_recorded(void *target, int count, char **words) {
    struct values *values = target;
    values->runs++;
    values->word_count = count;
    for (int index = 0; index < count; index++) {
        size_t length = strlen(values->words);
        (void)snprintf(values->words + length, sizeof values->words - length, "%s;", words[index]);
    }
    return 42;
}

static const struct cli_command commands[] = {
    {.name = "plain", .summary = "Does it", .options = &option_list, .run = run_recorded},
    {.name = "words",
     .summary = "Takes words",
     .arguments = "FIRST [SECOND]",
     .arguments_min = 1,
     .arguments_max = 2,
     .options = &option_list,
     .run = run_recorded},
    {.name = "play", .summary = "Takes a verb", .arguments = "start|stop|state [FOLDER]", .arguments_max = 2},
};

static struct values values;
static char output[8192], mistakes[2048];

static void read_back(FILE *file, int descriptor, int saved, char *text, size_t size) {
    (void)dup2(saved, descriptor);
    (void)close(saved);
    rewind(file);
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    (void)fclose(file);
}

/* Runs a command line of words separated by spaces, and records what it prints. The word _ is an empty one. */
static int run(const char *line) {
    static char copy[512]; /* stored texts point into it */
    char *argv[32] = {NULL};
    int argc = 0;
    (void)snprintf(copy, sizeof copy, "program %s", line);
    char *rest = copy;
    for (char *word = strsep(&rest, " "); word != NULL && argc < 31; word = strsep(&rest, " "))
        if (word[0] != '\0')
            argv[argc++] = strcmp(word, "_") == 0 ? word + 1 : word;
    values = (struct values){.other = true, .choice = -1};
    const struct cli_program program = {.name = "program",
                                        .version = "program v1",
                                        .summary = "A test.",
                                        .commands = commands,
                                        .command_count = 3,
                                        .target = &values,
                                        .notes = "Notes.\n"};
    (void)fflush(stdout);
    (void)fflush(stderr);
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int saved_out = dup(1);
    int saved_err = dup(2);
    (void)dup2(fileno(out), 1);
    (void)dup2(fileno(err), 2);
    int status = cli_run(&program, argc, argv);
    (void)fflush(stdout);
    (void)fflush(stderr);
    read_back(out, 1, saved_out, output, sizeof output);
    read_back(err, 2, saved_err, mistakes, sizeof mistakes);
    return status;
}

static void test_options_of_every_type_are_stored(void **state) {
    (void)state;
    assert_int_equal(run("plain -f --no-other --text abc --optional=word -n 7 --choice green"), 42);
    assert_true(values.flag);
    assert_false(values.other);
    assert_string_equal(values.text, "abc");
    assert_string_equal(values.optional, "word");
    assert_int_equal(values.number, 7);
    assert_int_equal(values.choice, 1);
    assert_int_equal(values.runs, 1);
    assert_string_equal(mistakes, "");
}

static void test_absent_options_keep_the_defaults(void **state) {
    (void)state;
    assert_int_equal(run("plain"), 42);
    assert_false(values.flag);
    assert_true(values.other);
    assert_null(values.text);
    assert_null(values.optional);
    assert_int_equal(values.choice, -1);
}

static void test_optional_argument_may_be_left_out_or_follow(void **state) {
    (void)state;
    assert_int_equal(run("plain --optional -f"), 42);
    assert_string_equal(values.optional, "implied");
    assert_true(values.flag);
    assert_int_equal(run("plain --optional --flag"), 42);
    assert_string_equal(values.optional, "implied");
    /* With words expected, a following word is one of them. */
    assert_int_equal(run("words --optional one"), 42);
    assert_string_equal(values.optional, "implied");
    assert_string_equal(values.words, "one;");
    assert_int_equal(run("plain --optional one -f"), 42);
    assert_string_equal(values.optional, "one");
    assert_true(values.flag);
}

static void test_words_are_counted(void **state) {
    (void)state;
    assert_int_equal(run("words one -f two"), 42);
    assert_string_equal(values.words, "one;two;");
    assert_int_equal(run("words"), 1);
    assert_string_equal(mistakes, "program words: missing argument: FIRST [SECOND] (try `program words --help`)\n");
    assert_int_equal(run("words a b c"), 1);
    assert_string_equal(mistakes, "program words: unexpected argument c (try `program words --help`)\n");
    assert_int_equal(values.runs, 0);
}

static void test_mistakes_are_one_line_on_stderr(void **state) {
    (void)state;
    static const struct {
        const char *line, *mistake;
    } cases[] = {
        {"fly", "program: unknown command fly (try `program --help`)\n"},
        {"--fly", "program: unknown option --fly (try `program --help`)\n"},
        {"plain --fly", "program plain: unknown option --fly (try `program plain --help`)\n"},
        {"plain -x", "program plain: unknown option -x (try `program plain --help`)\n"},
        {"plain --number", "program plain: --number needs an argument (try `program plain --help`)\n"},
        {"plain --number 10",
         "program plain: --number 10: expected a number from 1 to 9 (try `program plain --help`)\n"},
        {"plain -n 1x", "program plain: --number 1x: expected a number from 1 to 9 (try `program plain --help`)\n"},
        {"plain --choice blue",
         "program plain: --choice blue: expected one of red, green (try `program plain --help`)\n"},
        {"plain --text ABC", "program plain: --text: expected small letters (try `program plain --help`)\n"},
        {"plain word", "program plain: unexpected argument word (try `program plain --help`)\n"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        assert_int_equal(run(cases[index].line), 1);
        assert_string_equal(mistakes, cases[index].mistake);
        assert_string_equal(output, "");
        assert_int_equal(values.runs, 0);
    }
}

static void test_help_names_every_command_and_option(void **state) {
    (void)state;
    static const char *const spellings[] = {"--help", "-h"};
    for (size_t index = 0; index < 2; index++) {
        assert_int_equal(run(spellings[index]), 0);
        assert_non_null(strstr(output, "plain"));
        assert_non_null(strstr(output, "Takes words"));
        assert_non_null(strstr(output, "Notes."));
    }
    assert_int_equal(run("words --help"), 0);
    assert_non_null(strstr(output, "Usage: program words [OPTIONS] FIRST [SECOND]"));
    for (size_t index = 0; index < sizeof options / sizeof options[0]; index++) {
        assert_non_null(strstr(output, options[index].long_name));
        assert_non_null(strstr(output, options[index].help));
    }
    assert_int_equal(values.runs, 0);
}

static void test_version_is_printed(void **state) {
    (void)state;
    assert_int_equal(run("--version"), 0);
    assert_string_equal(output, "program v1\n");
    assert_int_equal(run("-v"), 0);
    assert_string_equal(output, "program v1\n");
}

static void test_no_command_shows_help_and_fails(void **state) {
    (void)state;
    assert_int_equal(run(""), 1);
    assert_non_null(strstr(output, "Usage: program COMMAND"));
}

static void assert_candidates(const char *line, const char *expected) {
    char whole[256];
    (void)snprintf(whole, sizeof whole, "--complete %s", line);
    assert_int_equal(run(whole), 0);
    assert_string_equal(output, expected);
    assert_string_equal(mistakes, "");
    assert_int_equal(values.runs, 0);
}

static void test_commands_options_choices_and_words_are_completed_from_the_tables(void **state) {
    (void)state;
    assert_candidates("_", "plain\nwords\nplay\n");
    assert_candidates("pl", "plain\nplay\n");
    assert_candidates("--", "--help\n--version\n");
    assert_candidates("plain --n", "--no-other\n--number\n");
    assert_candidates("plain --h", "--help\n");
    assert_candidates("plain --choice _", "red\ngreen\n");
    assert_candidates("plain --choice = g", "green\n");
    assert_candidates("plain --choice =", "red\ngreen\n");
    assert_candidates("plain --file a", ":path\n");
    assert_candidates("plain -t _", "");
    assert_candidates("play st", "start\nstop\nstate\n");
    assert_candidates("play sto", "stop\n");
    assert_candidates("play start _", ":path\n");
    assert_candidates("words -f --text a --optional --fl", "--flag\n");
}

static void test_what_cannot_be_completed_has_no_candidates(void **state) {
    (void)state;
    assert_int_equal(run("--complete"), 0);
    assert_string_equal(output, "");
    assert_candidates("nothing _", "");
    assert_candidates("nothing --", "");
    assert_candidates("plain _", "");
    assert_candidates("plain = = =", "");
    assert_candidates("plain --choice blue", "");
    assert_candidates("plain --unknown _", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_of_every_type_are_stored),
        cmocka_unit_test(test_absent_options_keep_the_defaults),
        cmocka_unit_test(test_optional_argument_may_be_left_out_or_follow),
        cmocka_unit_test(test_words_are_counted),
        cmocka_unit_test(test_mistakes_are_one_line_on_stderr),
        cmocka_unit_test(test_help_names_every_command_and_option),
        cmocka_unit_test(test_version_is_printed),
        cmocka_unit_test(test_no_command_shows_help_and_fails),
        cmocka_unit_test(test_commands_options_choices_and_words_are_completed_from_the_tables),
        cmocka_unit_test(test_what_cannot_be_completed_has_no_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
