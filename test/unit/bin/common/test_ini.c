/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* INI files: values, defaults, warnings, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/common/ini.h"
#include "bin/common/ini_rows.h"

struct values {
    const char *text;
    const char *secret;
    bool flag;
    int64_t number;
    int64_t size;
    int choice;
};

struct target {
    struct values plain, strict;
};

static bool short_enough(const char *value) {
    return strlen(value) < 20;
}

static const char *const choices[] = {"red", "green", NULL};

#define FIELD(name) offsetof(struct values, name)

static const struct ini_row rows_a[] = {
    TEXT_ROW("text", text, "A text.", .initial = "nothing"),
    SECRET_ROW("secret", secret, "A secret.", CHECKED(short_enough, "fewer than 20 characters")),
    SWITCH_ROW("flag", flag, "on", "A switch.", .written = "on"),
};

static const struct ini_row rows_b[] = {
    NUMBER_ROW("number", number, "7", -5, 100, "A number."),
    SIZE_ROW("size", size, "1K", 1, INT64_C(1) << 50, "A size.", .written = "2G"),
    CHOICE_ROW("choice", choice, "green", choices, "red or green."),
};

static const struct ini_row rows_more[] = {
    UNUSED_ROW("later", INI_SWITCH, "off", "not in this version, ignored", "Nothing.\nIndeed.", .example = "on"),
};

static const struct ini_rows list_a = INI_ROWS(rows_a), list_b = INI_ROWS(rows_b), list_more = INI_ROWS(rows_more);

static const struct ini_part parts[] = {
    {.section = "A", .rows = &list_a, .comment = "The first."},
    {.section = "B", .rows = &list_b},
    {.section = "B", .rows = &list_more},
    {.section = "STRICT", .rows = &list_b, .base = offsetof(struct target, strict), .strict = true},
};

static const struct ini_table table = {parts, sizeof parts / sizeof parts[0]};

/* One file of a test, what was read from it and what was said about it. */
struct fixture {
    char path[64];
    struct target target;
    struct ini *ini;
    struct ini_report report;
    char warnings[2048];
    char mistakes[2048];
};

static void note_warning(void *context, const char *line) {
    struct fixture *fixture = context;
    size_t length = strlen(fixture->warnings);
    (void)snprintf(fixture->warnings + length, sizeof fixture->warnings - length, "%s\n", line);
}

static void note_mistake(void *context, const char *line) {
    struct fixture *fixture = context;
    size_t length = strlen(fixture->mistakes);
    (void)snprintf(fixture->mistakes + length, sizeof fixture->mistakes - length, "%s\n", line + strlen(fixture->path));
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    (void)snprintf(fixture->path, sizeof fixture->path, "/tmp/smq-test-ini-XXXXXX");
    int descriptor = mkstemp(fixture->path);
    if (descriptor < 0)
        return -1;
    (void)close(descriptor);
    fixture->report.warn = note_warning;
    fixture->report.mistake = note_mistake;
    fixture->report.context = fixture;
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    ini_destroy(&fixture->ini);
    (void)unlink(fixture->path);
    free(fixture);
    return 0;
}

static void write_file(const struct fixture *fixture, const void *bytes, size_t length) {
    FILE *file = fopen(fixture->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static enum smq_result load(struct fixture *fixture, const char *text) {
    write_file(fixture, text, strlen(text));
    return ini_load(fixture->path, &table, &fixture->target, &fixture->report, &fixture->ini);
}

static void assert_error(const struct fixture *fixture, const char *after_path) {
    char expected[512];
    (void)snprintf(expected, sizeof expected, "%s%s", fixture->path, after_path);
    assert_string_equal(fixture->report.error, expected);
}

static void assert_warnings(const struct fixture *fixture, const char *after_path) {
    char expected[512];
    (void)snprintf(expected, sizeof expected, "%s%s", fixture->path, after_path);
    assert_string_equal(fixture->warnings, expected);
}

static void test_absent_keys_have_their_defaults(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, ""), SMQ_OK);
    assert_string_equal(fixture->target.plain.text, "nothing");
    assert_null(fixture->target.plain.secret);
    assert_true(fixture->target.plain.flag);
    assert_int_equal(fixture->target.plain.number, 7);
    assert_int_equal(fixture->target.plain.size, 1024);
    assert_int_equal(fixture->target.plain.choice, 1);
    assert_string_equal(fixture->warnings, "");
}

static void test_values_of_every_type_are_read(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "# a comment\n; another\n[A]\n  text = a = b:c  \nsecret=hush\nflag = off\n\n"
                                   "[B]\nnumber=-5\r\nsize = 3G\nchoice = red\nlater = off\n"),
                     SMQ_OK);
    assert_string_equal(fixture->target.plain.text, "a = b:c");
    assert_string_equal(fixture->target.plain.secret, "hush");
    assert_false(fixture->target.plain.flag);
    assert_int_equal(fixture->target.plain.number, -5);
    assert_int_equal(fixture->target.plain.size, INT64_C(3) << 30);
    assert_int_equal(fixture->target.plain.choice, 0);
    assert_string_equal(fixture->warnings, "");
}

static void test_indented_key_is_a_key_of_its_own(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[B]\nchoice = red\n    number = 9\n"), SMQ_OK);
    assert_int_equal(fixture->target.plain.choice, 0);
    assert_int_equal(fixture->target.plain.number, 9);
}

static void test_unknown_key_is_a_warning_with_its_line(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[A]\n# x\ntxet = 1\ntext = ok\n"), SMQ_OK);
    assert_string_equal(fixture->target.plain.text, "ok");
    assert_warnings(fixture, ":3: warning: [A] txet: unknown key, ignored\n");
}

static void test_key_without_effect_is_a_warning_unless_it_is_the_default(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[B]\nlater = off\n[B]\n\nlater = on\n"), SMQ_OK);
    char expected[512];
    (void)snprintf(expected, sizeof expected,
                   "%s:5: warning: [B] later: given more than once, the last one counts\n"
                   "%s:5: warning: [B] later: not in this version, ignored\n",
                   fixture->path, fixture->path);
    assert_string_equal(fixture->warnings, expected);
}

static void test_bad_value_names_file_line_key_and_what_is_accepted(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"[A]\n\nflag = yes\n", ":3: [A] flag = yes: expected on or off"},
        {"[B]\nnumber = 101\n", ":2: [B] number = 101: expected a number from -5 to 100"},
        {"[B]\nnumber = 1x\n", ":2: [B] number = 1x: expected a number from -5 to 100"},
        {"[B]\nnumber = 99999999999999999999\n",
         ":2: [B] number = 99999999999999999999: expected a number from -5 to 100"},
        {"[B]\nnumber =\n", ":2: [B] number = : expected a number from -5 to 100"},
        {"[B]\nsize = 9999999T\n",
         ":2: [B] size = 9999999T: expected a number from 1 to 1125899906842624, with K, M, G or T as you like"},
        {"[B]\nchoice = blue\n", ":2: [B] choice = blue: expected red or green"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        assert_int_equal(load(fixture, cases[index].text), SMQ_ERR_INVALID);
        assert_error(fixture, cases[index].error);
        assert_null(fixture->ini);
    }
}

static void test_bad_secret_is_not_shown(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[A]\nsecret = aVeryLongPassPhraseIndeed\n"), SMQ_ERR_INVALID);
    assert_error(fixture, ":2: [A] secret: expected fewer than 20 characters");
}

static void test_line_that_is_no_ini_line_is_refused(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[A]\ntext = ok\nwhat is this\nflag = yes\n"), SMQ_ERR_SYNTAX);
    assert_error(fixture, ":3: expected [section], key = value or # comment");
    assert_int_equal(load(fixture, "[A\n"), SMQ_ERR_SYNTAX);
    assert_error(fixture, ":1: expected [section], key = value or # comment");
}

static void test_zero_byte_is_refused(void **state) {
    struct fixture *fixture = *state;
    write_file(fixture, "[A]\ntext = a\0b\n", 15);
    assert_int_equal(ini_load(fixture->path, &table, &fixture->target, &fixture->report, &fixture->ini),
                     SMQ_ERR_SYNTAX);
    assert_error(fixture, ":2: a control character in the line");
}

static void test_lines_may_be_of_any_length(void **state) {
    struct fixture *fixture = *state;
    enum { LENGTH = 100000 };
    char *text = malloc(LENGTH + 64);
    assert_non_null(text);
    memset(text, 'x', LENGTH);
    memcpy(text, "# ", 2);
    memcpy(text + LENGTH, "\n[A]\ntext = ok\n", 16);
    assert_int_equal(load(fixture, text), SMQ_OK);
    assert_string_equal(fixture->target.plain.text, "ok");
    ini_destroy(&fixture->ini);
    memcpy(text, "[A]\ntext = ", 11);
    memcpy(text + LENGTH, "\n[B]\nnumber = x\n", 17);
    assert_int_equal(load(fixture, text), SMQ_ERR_INVALID);
    assert_error(fixture, ":4: [B] number = x: expected a number from -5 to 100");
    memcpy(text + LENGTH, "\n[B]\nnumber = 8\n", 17);
    assert_int_equal(load(fixture, text), SMQ_OK);
    assert_int_equal(strlen(fixture->target.plain.text), LENGTH - 11);
    assert_int_equal(fixture->target.plain.number, 8);
    free(text);
}

static void test_semicolons_hashes_and_colons_belong_to_values(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[A]\ntext = Org ; and # more: yes\nsecret=a;b ;c\n"), SMQ_OK);
    assert_string_equal(fixture->target.plain.text, "Org ; and # more: yes");
    assert_string_equal(fixture->target.plain.secret, "a;b ;c");
    assert_string_equal(fixture->warnings, "");
}

static void test_colon_separates_like_an_equals_sign(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "\xEF\xBB\xBF[ A ]\ntext: x = y\nflag :off\n[B]\nnumber:9\n"), SMQ_OK);
    assert_string_equal(fixture->target.plain.text, "x = y");
    assert_false(fixture->target.plain.flag);
    assert_int_equal(fixture->target.plain.number, 9);
}

static void test_sizes_take_units_as_people_write_them(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        int64_t size;
    } cases[] = {{"10gb", INT64_C(10) << 30}, {"10G", INT64_C(10) << 30}, {"3m", 3 << 20}, {"5KB", 5 << 10}, {"7", 7}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "[B]\nsize = %s\n", cases[i].text);
        assert_int_equal(load(fixture, text), SMQ_OK);
        assert_int_equal(fixture->target.plain.size, cases[i].size);
        ini_destroy(&fixture->ini);
    }
    assert_int_equal(load(fixture, "[B]\nsize = 5 GB\n"), SMQ_ERR_INVALID);
    assert_int_equal(load(fixture, "[B]\nsize = 5bb\n"), SMQ_ERR_INVALID);
}

static void test_unknown_section_is_an_error_that_names_the_known_ones(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[A]\nflag = on\n[STRCT]\nnumber = 1\n"), SMQ_ERR_SYNTAX);
    assert_error(fixture, ":3: [STRCT]: unknown section: expected A, B, STRICT");
    assert_int_equal(load(fixture, "number = 1\n"), SMQ_ERR_SYNTAX);
    assert_error(fixture, ":1: number: before any [section]");
}

static void test_unknown_key_of_a_strict_section_is_an_error(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[STRICT]\nnumbr = 1\n"), SMQ_ERR_SYNTAX);
    assert_error(fixture, ":2: [STRICT] numbr: unknown key: expected number, size, choice");
    assert_int_equal(load(fixture, "[STRICT]\nnumber = 1\n\nnumber = 2\n"), SMQ_ERR_INVALID);
    assert_error(fixture, ":4: [STRICT] number: given before with another value: expected one of the two");
    assert_int_equal(load(fixture, "[STRICT]\nnumber = 1\nnumber = 1\n"), SMQ_OK);
    assert_int_equal(fixture->target.strict.number, 1);
    assert_int_equal(fixture->target.plain.number, 7);
}

static void test_every_mistake_of_a_file_is_told(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[A]\nflag = yes\nwhat\n[C]\nkey = 1\n[B]\nnumber = x\n"), SMQ_ERR_INVALID);
    assert_string_equal(fixture->mistakes, ":2: [A] flag = yes: expected on or off\n"
                                           ":3: expected [section], key = value or # comment\n"
                                           ":4: [C]: unknown section: expected A, B, STRICT\n"
                                           ":7: [B] number = x: expected a number from -5 to 100\n");
    assert_error(fixture, ":2: [A] flag = yes: expected on or off");
}

/* ---- new files */

static char *read_file(const struct fixture *fixture) {
    static char text[4096];
    FILE *file = fopen(fixture->path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static enum smq_result create(struct fixture *fixture, const struct ini_given *given, size_t count) {
    (void)unlink(fixture->path);
    return ini_create(fixture->path, &table, given, count, &fixture->target, &fixture->report, &fixture->ini);
}

static void test_new_file_has_every_key_with_its_comment_and_default(void **state) {
    struct fixture *fixture = *state;
    const struct ini_given given[] = {{"A", "text", "hello; you"}, {"B", "size", NULL}, {"STRICT", "number", "5"}};
    assert_int_equal(create(fixture, given, 3), SMQ_OK);
    assert_string_equal(read_file(fixture), "[A]\n# The first.\n\n# A text.\ntext = hello; you\n\n# A secret.\n"
                                            "# secret =\n\n# A switch.\nflag = on\n\n[B]\n# A number.\n"
                                            "# number = 7\n\n# A size.\n# size = 1K\n\n# red or green.\n"
                                            "# choice = green\n\n# Nothing.\n# Indeed.\n# later = on\n\n[STRICT]\n"
                                            "# A number.\nnumber = 5\n\n# A size.\nsize = 2G\n\n# red or green.\n"
                                            "# choice = green\n");
    assert_string_equal(fixture->target.plain.text, "hello; you");
    assert_int_equal(fixture->target.strict.number, 5);
    struct stat status;
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

/* What cannot be read back as it was given leaves no file. */
static void test_new_file_that_does_not_read_back_is_not_made(void **state) {
    struct fixture *fixture = *state;
    static const struct ini_given bad[] = {{"A", "text", "two\nflag = off"},
                                           {"A", "text", " blanks "},
                                           {"A", "flag", "perhaps"},
                                           {"A", "text", "bell\a"},
                                           {"A", "secret", "much too long for this row"},
                                           {"A", "unknown", "x"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(create(fixture, &bad[i], 1), SMQ_OK);
        assert_non_null(strstr(fixture->report.error, fixture->path));
        assert_int_not_equal(access(fixture->path, F_OK), 0);
        assert_null(fixture->ini);
    }
    write_file(fixture, "", 0);
    assert_int_equal(ini_create(fixture->path, &table, NULL, 0, &fixture->target, &fixture->report, &fixture->ini),
                     SMQ_ERR_EXISTS);
}

static void test_rows_say_what_they_accept(void **state) {
    (void)state;
    const struct ini_row *number = ini_find(&table, "B", "number");
    assert_non_null(number);
    assert_null(ini_find(&table, "A", "number"));
    assert_true(ini_accepts(number, "-5"));
    assert_false(ini_accepts(number, "101"));
    assert_false(ini_accepts(number, " 5"));
    assert_false(ini_accepts(ini_find(&table, "A", "text"), "a\x1b[2J"));
    assert_false(ini_accepts(ini_find(&table, "A", "text"), "end "));
    assert_true(ini_accepts(ini_find(&table, "A", "text"), "Zo\xc3\xab"));
}

static void test_missing_file_and_folder_are_errors(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(ini_load("/nonexistent/x.ini", &table, &fixture->target, &fixture->report, &fixture->ini),
                     SMQ_ERR_SYSTEM);
    assert_string_equal(fixture->report.error, "/nonexistent/x.ini: No such file or directory");
    assert_int_equal(ini_load("/tmp", &table, &fixture->target, &fixture->report, &fixture->ini), SMQ_ERR_SYSTEM);
    assert_string_equal(fixture->report.error, "/tmp: Is a directory");
}

static void test_fifo_is_no_file_and_holds_nobody_up(void **state) {
    struct fixture *fixture = *state;
    char path[] = "/tmp/test_ini.fifo.XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0 && close(descriptor) == 0 && unlink(path) == 0 && mkfifo(path, 0600) == 0);
    assert_int_equal(ini_load(path, &table, &fixture->target, &fixture->report, &fixture->ini), SMQ_ERR_SYSTEM);
    assert_non_null(strstr(fixture->report.error, ": a FIFO, not a file"));
    assert_int_equal(unlink(path), 0);
}

/* Nobody waits for a file that was given by mistake, nor pays for a line without an end. */
static void test_huge_file_is_refused(void **state) {
    struct fixture *fixture = *state;
    write_file(fixture, "", 0);
    assert_int_equal(truncate(fixture->path, INT64_C(1) << 30), 0);
    assert_int_equal(ini_load(fixture->path, &table, &fixture->target, &fixture->report, &fixture->ini),
                     SMQ_ERR_SYSTEM);
    assert_error(fixture, ": File too large");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_absent_keys_have_their_defaults),
        CASE(test_values_of_every_type_are_read),
        CASE(test_indented_key_is_a_key_of_its_own),
        CASE(test_unknown_key_is_a_warning_with_its_line),
        CASE(test_key_without_effect_is_a_warning_unless_it_is_the_default),
        CASE(test_bad_value_names_file_line_key_and_what_is_accepted),
        CASE(test_bad_secret_is_not_shown),
        CASE(test_line_that_is_no_ini_line_is_refused),
        CASE(test_zero_byte_is_refused),
        CASE(test_lines_may_be_of_any_length),
        CASE(test_semicolons_hashes_and_colons_belong_to_values),
        CASE(test_colon_separates_like_an_equals_sign),
        CASE(test_sizes_take_units_as_people_write_them),
        CASE(test_unknown_section_is_an_error_that_names_the_known_ones),
        CASE(test_unknown_key_of_a_strict_section_is_an_error),
        CASE(test_every_mistake_of_a_file_is_told),
        CASE(test_new_file_has_every_key_with_its_comment_and_default),
        CASE(test_new_file_that_does_not_read_back_is_not_made),
        CASE(test_rows_say_what_they_accept),
        CASE(test_missing_file_and_folder_are_errors),
        CASE(test_fifo_is_no_file_and_holds_nobody_up),
        CASE(test_huge_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
