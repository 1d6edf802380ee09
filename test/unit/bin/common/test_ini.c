/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* INI files: values, defaults, warnings, and what is said about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/common/ini.h"
#include "bin/smp-server/smp_settings.h"

struct values {
    const char *text;
    const char *secret;
    bool flag;
    int64_t number;
    int64_t size;
    int choice;
};

static bool short_enough(const char *value) {
    return strlen(value) < 20;
}

static const char *const choices[] = {"red", "green", NULL};

static const struct ini_row rows[] = {
    {.section = "A", .key = "text", .type = INI_TEXT, .offset = offsetof(struct values, text), .initial = "nothing"},
    {.section = "A",
     .key = "secret",
     .type = INI_SECRET,
     .offset = offsetof(struct values, secret),
     .check = short_enough,
     .accepted = "fewer than 20 characters"},
    {.section = "A", .key = "flag", .type = INI_SWITCH, .offset = offsetof(struct values, flag), .initial = "on"},
    {.section = "B",
     .key = "number",
     .type = INI_NUMBER,
     .offset = offsetof(struct values, number),
     .initial = "7",
     .minimum = -5,
     .maximum = 100},
    {.section = "B",
     .key = "size",
     .type = INI_SIZE,
     .offset = offsetof(struct values, size),
     .initial = "1K",
     .minimum = 1,
     .maximum = INT64_C(1) << 50},
    {.section = "B",
     .key = "choice",
     .type = INI_CHOICE,
     .offset = offsetof(struct values, choice),
     .initial = "green",
     .choices = choices},
    {.section = "B",
     .key = "later",
     .type = INI_SWITCH,
     .offset = INI_NOT_STORED,
     .initial = "off",
     .without_effect = "not in this version, ignored"},
};

static const struct ini_table table = {rows, sizeof rows / sizeof rows[0]};

/* One file of a test, what was read from it and what was said about it. */
struct fixture {
    char path[64];
    struct values values;
    struct ini *ini;
    struct ini_report report;
    char warnings[2048];
};

static void note_warning(void *context, const char *line) {
    struct fixture *fixture = context;
    size_t length = strlen(fixture->warnings);
    (void)snprintf(fixture->warnings + length, sizeof fixture->warnings - length, "%s\n", line);
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
    return ini_load(fixture->path, &table, &fixture->values, &fixture->report, &fixture->ini);
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
    assert_string_equal(fixture->values.text, "nothing");
    assert_null(fixture->values.secret);
    assert_true(fixture->values.flag);
    assert_int_equal(fixture->values.number, 7);
    assert_int_equal(fixture->values.size, 1024);
    assert_int_equal(fixture->values.choice, 1);
    assert_string_equal(fixture->warnings, "");
}

static void test_values_of_every_type_are_read(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "# a comment\n; another\n[A]\n  text = a = b:c  \nsecret=hush\nflag = off\n\n"
                                   "[B]\nnumber=-5\r\nsize = 3G\nchoice = red\nlater = off\n"),
                     SMQ_OK);
    assert_string_equal(fixture->values.text, "a = b:c");
    assert_string_equal(fixture->values.secret, "hush");
    assert_false(fixture->values.flag);
    assert_int_equal(fixture->values.number, -5);
    assert_int_equal(fixture->values.size, INT64_C(3) << 30);
    assert_int_equal(fixture->values.choice, 0);
    assert_string_equal(fixture->warnings, "");
}

static void test_indented_key_is_a_key_of_its_own(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[B]\nchoice = red\n    number = 9\n"), SMQ_OK);
    assert_int_equal(fixture->values.choice, 0);
    assert_int_equal(fixture->values.number, 9);
}

static void test_unknown_key_is_a_warning_with_its_line(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[A]\n# x\ntxet = 1\ntext = ok\n"), SMQ_OK);
    assert_string_equal(fixture->values.text, "ok");
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
    assert_int_equal(ini_load(fixture->path, &table, &fixture->values, &fixture->report, &fixture->ini),
                     SMQ_ERR_SYNTAX);
    assert_error(fixture, ":2: a zero byte in the line");
}

static void test_long_comment_is_skipped_and_long_value_refused(void **state) {
    struct fixture *fixture = *state;
    enum { LENGTH = 100000 };
    char *text = malloc(LENGTH + 64);
    assert_non_null(text);
    memset(text, 'x', LENGTH);
    memcpy(text, "# ", 2);
    memcpy(text + LENGTH, "\n[A]\ntext = ok\n", 16);
    assert_int_equal(load(fixture, text), SMQ_OK);
    assert_string_equal(fixture->values.text, "ok");
    ini_destroy(&fixture->ini);
    memcpy(text, "k=", 2);
    assert_int_equal(load(fixture, text), SMQ_ERR_SYNTAX);
    assert_non_null(strstr(fixture->report.error, ":1: longer than "));
    free(text);
}

static void test_missing_file_and_folder_are_errors(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(ini_load("/nonexistent/x.ini", &table, &fixture->values, &fixture->report, &fixture->ini),
                     SMQ_ERR_SYSTEM);
    assert_string_equal(fixture->report.error, "/nonexistent/x.ini: No such file or directory");
    assert_int_equal(ini_load("/tmp", &table, &fixture->values, &fixture->report, &fixture->ini), SMQ_ERR_SYSTEM);
    assert_string_equal(fixture->report.error, "/tmp: Is a directory");
}

static void test_fifo_is_no_file_and_holds_nobody_up(void **state) {
    struct fixture *fixture = *state;
    char path[] = "/tmp/test_ini.fifo.XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0 && close(descriptor) == 0 && unlink(path) == 0 && mkfifo(path, 0600) == 0);
    assert_int_equal(ini_load(path, &table, &fixture->values, &fixture->report, &fixture->ini), SMQ_ERR_SYSTEM);
    assert_non_null(strstr(fixture->report.error, ": a FIFO, not a file"));
    assert_int_equal(unlink(path), 0);
}

/* Nobody waits for a file that was given by mistake, nor pays for a line without an end. */
static void test_huge_file_is_refused(void **state) {
    struct fixture *fixture = *state;
    write_file(fixture, "", 0);
    assert_int_equal(truncate(fixture->path, INT64_C(1) << 30), 0);
    assert_int_equal(ini_load(fixture->path, &table, &fixture->values, &fixture->report, &fixture->ini),
                     SMQ_ERR_SYSTEM);
    assert_error(fixture, ": File too large");
}

static enum smq_result load_settings(struct fixture *fixture, struct smp_settings *settings, const char *text) {
    write_file(fixture, text, strlen(text));
    fixture->warnings[0] = '\0';
    return smp_settings_load(fixture->path, settings, &fixture->report);
}

struct differences {
    char text[512];
};

static void note_difference(void *context, const struct ini_row *row) {
    struct differences *differences = context;
    size_t length = strlen(differences->text);
    (void)snprintf(differences->text + length, sizeof differences->text - length, "%s%s%s ", row->section,
                   row->live ? "+" : "-", row->key);
}

static void test_rows_that_differ_are_found_whatever_their_type(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings before, now;
    struct differences differences = {.text = ""};
    static const char text[] = "[AUTH]\ncreate_password = one\n[TRANSPORT]\nhost = a\n";
    assert_int_equal(load_settings(fixture, &before, text), SMQ_OK);
    assert_int_equal(load_settings(fixture, &now, text), SMQ_OK);
    ini_compare(&smp_settings_table, &before, &now, note_difference, &differences);
    assert_string_equal(differences.text, "");
    smp_settings_destroy(&now);
    assert_int_equal(load_settings(fixture, &now,
                                   "[STORE_LOG]\nqueue_quota = 7\ndurability = interval\nmap_size = 1G\n"
                                   "[AUTH]\nnew_queues = off\n[TRANSPORT]\nhost = b\n"),
                     SMQ_OK);
    ini_compare(&smp_settings_table, &before, &now, note_difference, &differences);
    assert_string_equal(differences.text,
                        "STORE_LOG+queue_quota STORE_LOG-durability STORE_LOG-map_size AUTH+new_queues "
                        "AUTH+create_password TRANSPORT-host ");
    smp_settings_destroy(&now);
    smp_settings_destroy(&before);
}

/* The list of docs/operating.md under Reload is that of the table. */
static void test_live_keys_are_documented(void **state) {
    (void)state;
    static char text[65536];
    FILE *file = fopen("docs/operating.md", "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    char *list = strstr(text, "\n## Reload");
    assert_non_null(list);
    char *end = strstr(list, "\n## Certificates");
    assert_non_null(end);
    *end = '\0';
    for (size_t index = 0; index < smp_settings_table.count; index++) {
        const struct ini_row *row = &smp_settings_table.rows[index];
        char section[64], key[64];
        (void)snprintf(section, sizeof section, "\n| `[%s]` |", row->section);
        (void)snprintf(key, sizeof key, "`%s`", row->key);
        const char *line = strstr(list, section);
        const char *found = line == NULL ? NULL : strstr(line, key);
        bool documented = found != NULL && found < line + 1 + strcspn(line + 1, "\n");
        if (documented != row->live)
            fail_msg("[%s] %s is %s", row->section, row->key, row->live ? "not documented as live" : "not live");
    }
}

/* ---- docs/operating.md and the table of keys */

struct documented {
    char keys[256], initial[256], accepted[256];
};

static char *read_operating(void) {
    static char text[65536];
    FILE *file = fopen("docs/operating.md", "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

/* The next line "| keys | default | accepted | ..." of a section's table; false at the section's end. */
static bool next_documented(const char **at, struct documented *line) {
    while (**at != '\0' && strncmp(*at, "\n### ", 5) != 0 && strncmp(*at, "\n## ", 4) != 0) {
        const char *begin = *at;
        *at += 1 + strcspn(*at + 1, "\n");
        memset(line, 0, sizeof *line);
        if (strncmp(begin, "\n| `", 4) == 0 &&
            sscanf(begin, "\n|%255[^|]|%255[^|]|%255[^|]|", line->keys, line->initial, line->accepted) == 3)
            return true;
    }
    return false;
}

/* Whether `word` stands in `text` between characters that are no part of a word or number. */
static bool has_word(const char *text, const char *word) {
    for (const char *found = strstr(text, word); found != NULL; found = strstr(found + 1, word)) {
        bool begins = found == text || strchr(" ,`(", found[-1]) != NULL;
        if (begins && strchr(" ,`):;", found[strlen(word)]) != NULL)
            return true;
    }
    return false;
}

/* `db_*` and `control_port_*_password` stand for several keys. */
static bool names_key(const char *keys, const char *key) {
    char copy[256];
    (void)snprintf(copy, sizeof copy, "%s", keys);
    char *rest = copy;
    for (char *word = strsep(&rest, " ,`"); word != NULL; word = strsep(&rest, " ,`"))
        if (word[0] != '\0' && fnmatch(word, key, 0) == 0)
            return true;
    return false;
}

static void size_text(int64_t bytes, char text[24]) {
    static const char suffixes[] = "KMGT";
    size_t power = 0;
    while (power < 4 && bytes % 1024 == 0 && bytes > 0) {
        bytes /= 1024;
        power++;
    }
    (void)snprintf(text, 24, power == 0 ? "%" PRId64 : "%" PRId64 "%c", bytes, suffixes[power == 0 ? 0 : power - 1]);
}

/* "1 to 60", or "from 1" where the upper end is that of the type. */
static bool range_is_documented(const struct ini_row *row, const char *accepted) {
    char minimum[24], maximum[24];
    size_text(row->minimum, minimum);
    size_text(row->maximum, maximum);
    if (row->type == INI_NUMBER) {
        (void)snprintf(minimum, sizeof minimum, "%" PRId64, row->minimum);
        (void)snprintf(maximum, sizeof maximum, "%" PRId64, row->maximum);
    }
    if (strstr(accepted, "as the reference") != NULL)
        return row->offset == INI_NOT_STORED;
    if (strstr(accepted, "from ") != NULL)
        return has_word(accepted, minimum) && (row->maximum == 0 || row->maximum >= 3153600000); /* a hundred years */
    return has_word(accepted, minimum) && has_word(accepted, maximum);
}

static bool is_documented_as_it_is(const struct ini_row *row, const struct documented *line) {
    bool initial = row->initial == NULL || row->offset == INI_NOT_STORED || has_word(line->initial, row->initial);
    bool accepted = true;
    if (row->type == INI_NUMBER || row->type == INI_SIZE)
        accepted = range_is_documented(row, line->accepted);
    else if (row->type == INI_SWITCH)
        accepted = has_word(line->accepted, "switch") || row->offset == INI_NOT_STORED;
    for (size_t i = 0; row->type == INI_CHOICE && row->offset != INI_NOT_STORED && row->choices[i] != NULL; i++)
        accepted = accepted && has_word(line->accepted, row->choices[i]);
    return initial && accepted;
}

static const char *section_of(const char *text, const char *section) {
    char heading[64];
    (void)snprintf(heading, sizeof heading, "\n### [%s]", section);
    const char *found = strstr(text, heading);
    return found == NULL ? NULL : found + strlen(heading);
}

static void test_every_key_is_documented_with_its_default_and_what_it_accepts(void **state) {
    (void)state;
    const char *text = read_operating();
    for (size_t index = 0; index < smp_settings_table.count; index++) {
        const struct ini_row *row = &smp_settings_table.rows[index];
        if (strcmp(row->section, "INFORMATION") == 0 || strcmp(row->section, "WEB") == 0)
            continue; /* "The reference's keys." */
        const char *at = section_of(text, row->section);
        struct documented line = {.keys = ""};
        if (at == NULL)
            fail_msg("[%s] is not documented", row->section);
        while (next_documented(&at, &line) && !names_key(line.keys, row->key))
            continue;
        if (!names_key(line.keys, row->key))
            fail_msg("[%s] %s is not documented", row->section, row->key);
        if (!is_documented_as_it_is(row, &line))
            fail_msg("[%s] %s: %s, %" PRId64 " to %" PRId64 ", but documented: %s|%s", row->section, row->key,
                     row->initial == NULL ? "no default" : row->initial, row->minimum, row->maximum, line.initial,
                     line.accepted);
    }
}

static bool table_has(const char *section, const char *key) {
    for (size_t index = 0; index < smp_settings_table.count; index++) {
        const struct ini_row *row = &smp_settings_table.rows[index];
        if (strcmp(row->section, section) == 0 && fnmatch(key, row->key, 0) == 0)
            return true;
    }
    return false;
}

static void test_nothing_is_documented_that_is_no_key(void **state) {
    (void)state;
    static const char *const sections[] = {"STORE_LOG", "TRANSPORT", "LIMITS", "LOG",
                                           "AUTH",      "ROLES",     "PROXY",  "INACTIVE_CLIENTS"};
    const char *text = read_operating();
    unsigned keys = 0;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        const char *at = section_of(text, sections[i]);
        struct documented line;
        assert_non_null(at);
        while (next_documented(&at, &line)) {
            char *rest = line.keys;
            for (char *word = strsep(&rest, " ,`"); word != NULL; word = strsep(&rest, " ,`")) {
                if (word[0] == '\0')
                    continue;
                if (!table_has(sections[i], word))
                    fail_msg("[%s] %s is documented, but no key", sections[i], word);
                keys++;
            }
        }
    }
    assert_true(keys > 60);
}

static void test_empty_settings_give_the_routers_defaults(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(load_settings(fixture, &settings, ""), SMQ_OK);
    struct smp_router_config config = smp_settings_router_config(&settings);
    struct smp_router_config standard = smp_router_config_default();
    assert_int_equal(config.port_count, 1);
    assert_int_equal(config.ports[0], 5223);
    assert_int_equal(config.bind_address_count, 0);
    assert_null(config.create_password);
    assert_int_equal(config.version_min, standard.version_min);
    assert_int_equal(config.version_max, standard.version_max);
    assert_int_equal(config.tls_timeout_ms, standard.tls_timeout_ms);
    assert_int_equal(config.handshake_timeout_ms, standard.handshake_timeout_ms);
    assert_int_equal(config.accept_service_credentials, standard.accept_service_credentials);
    assert_int_equal(config.log_tls_errors, standard.log_tls_errors);
    assert_int_equal(config.log_peers, standard.log_peers);
    assert_null(config.dns_servers);
    assert_int_equal(config.proxy.allow_private, standard.proxy.allow_private);
    assert_int_equal(config.proxy.relay_connections, standard.proxy.relay_connections);
    assert_int_equal(config.proxy.relay_attempts, standard.proxy.relay_attempts);
    assert_int_equal(config.proxy.client_attempts, standard.proxy.client_attempts);
    assert_int_equal(config.proxy.relay_idle_ms, standard.proxy.relay_idle_ms);
    assert_int_equal(config.proxy.forward_bytes, standard.proxy.forward_bytes);
    assert_int_equal(config.new_queues, standard.new_queues);
    assert_int_equal(config.map_size, standard.map_size);
    assert_int_equal(config.durability, standard.durability);
    assert_int_equal(config.durability_interval_ms, standard.durability_interval_ms);
    assert_int_equal(config.queue_quota, standard.queue_quota);
    assert_int_equal(config.message_ttl_s, standard.message_ttl_s);
    assert_int_equal(config.message_expiry_interval_s, standard.message_expiry_interval_s);
    assert_int_equal(config.expire_messages_on_start, standard.expire_messages_on_start);
    assert_int_equal(config.expire_messages_on_send, standard.expire_messages_on_send);
    assert_int_equal(config.notification_ttl_s, standard.notification_ttl_s);
    assert_int_equal(config.notification_expiry_interval_s, standard.notification_expiry_interval_s);
    assert_int_equal(config.notification_delivery_interval_ms, standard.notification_delivery_interval_ms);
    assert_int_equal(config.websocket_port_count, 0);
    assert_null(config.proxy_network.socks_proxy);
    assert_int_equal(config.proxy_network.socks_mode, standard.proxy_network.socks_mode);
    assert_int_equal(config.proxy_network.host_mode, standard.proxy_network.host_mode);
    assert_int_equal(config.proxy_network.host_mode_required, standard.proxy_network.host_mode_required);
    assert_int_equal(config.end_delivery_interval_ms, standard.end_delivery_interval_ms);
    assert_int_equal(config.proxy.error_persistence_ms, standard.proxy.error_persistence_ms);
    assert_int_equal(config.proxy.connect_timeout_ms, standard.proxy.connect_timeout_ms);
    assert_int_equal(config.proxy.forward_timeout_ms, standard.proxy.forward_timeout_ms);
    assert_int_equal(config.proxy.ping_interval_ms, standard.proxy.ping_interval_ms);
    assert_int_equal(config.proxy.silence_ms, standard.proxy.silence_ms);
    assert_int_equal(config.inactive_ttl_s, standard.inactive_ttl_s);
    assert_int_equal(config.inactive_check_interval_s, standard.inactive_check_interval_s);
    assert_int_equal(config.receive_lanes, standard.receive_lanes);
    assert_int_equal(config.process_lanes, standard.process_lanes);
    assert_int_equal(config.send_lanes, standard.send_lanes);
    smp_settings_destroy(&settings);
}

static void test_seconds_count_before_days_and_hours(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(
        load_settings(fixture, &settings, "[STORE_LOG]\nexpire_messages_days = 2\nexpire_ntfs_hours = 3\n"), SMQ_OK);
    struct smp_router_config config = smp_settings_router_config(&settings);
    assert_int_equal(config.message_ttl_s, 2 * 86400);
    assert_int_equal(config.notification_ttl_s, 3 * 3600);
    smp_settings_destroy(&settings);
    assert_int_equal(load_settings(fixture, &settings,
                                   "[STORE_LOG]\nexpire_messages_ttl = 5\nexpire_messages_days = 2\n"
                                   "expire_ntfs_ttl = 0\nexpire_ntfs_hours = 3\n"),
                     SMQ_OK);
    config = smp_settings_router_config(&settings);
    assert_int_equal(config.message_ttl_s, 5);
    assert_int_equal(config.notification_ttl_s, 0);
    smp_settings_destroy(&settings);
}

static void test_intervals_reach_the_router(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(load_settings(fixture, &settings,
                                   "[STORE_LOG]\ndeliver_ntfs_interval = 500\ndeliver_ends_interval = 600\n"
                                   "[PROXY]\nrelay_error_interval = 3\nrelay_connect_timeout = 4\nrelay_timeout = 5\n"
                                   "relay_ping_interval = 6\nrelay_silence = 7\n"),
                     SMQ_OK);
    struct smp_router_config config = smp_settings_router_config(&settings);
    assert_int_equal(config.notification_delivery_interval_ms, 500);
    assert_int_equal(config.end_delivery_interval_ms, 600);
    assert_int_equal(config.proxy.error_persistence_ms, 3000);
    assert_int_equal(config.proxy.connect_timeout_ms, 4000);
    assert_int_equal(config.proxy.forward_timeout_ms, 5000);
    assert_int_equal(config.proxy.ping_interval_ms, 6000);
    assert_int_equal(config.proxy.silence_ms, 7000);
    smp_settings_destroy(&settings);
}

static void test_transport_settings_reach_the_router(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(load_settings(fixture, &settings,
                                   "[TRANSPORT]\nport = 5223,443\nbind = 127.0.0.1, ::1\nsmp_versions = 7-17\n"
                                   "handshake_timeout = 3\n[AUTH]\ncreate_password = abc=\nnew_queues = off\n"
                                   "[INACTIVE_CLIENTS]\ndisconnect = on\nttl = 9\ncheck_interval = 4\n"
                                   "[ROLES]\nreceive = 1\nprocess = 2\nsend = 3\n"),
                     SMQ_OK);
    struct smp_router_config config = smp_settings_router_config(&settings);
    assert_int_equal(config.port_count, 2);
    assert_int_equal(config.ports[1], 443);
    assert_int_equal(config.bind_address_count, 2);
    assert_string_equal(config.bind_addresses[0], "127.0.0.1");
    assert_string_equal(config.bind_addresses[1], "::1");
    assert_int_equal(config.version_min, 7);
    assert_int_equal(config.version_max, 17);
    assert_int_equal(config.handshake_timeout_ms, 3000);
    assert_string_equal(config.create_password, "abc=");
    assert_false(config.new_queues);
    assert_true(config.disconnect_inactive);
    assert_int_equal(config.inactive_ttl_s, 9);
    assert_int_equal(config.inactive_check_interval_s, 4);
    assert_int_equal(config.receive_lanes, 1);
    assert_int_equal(config.process_lanes, 2);
    assert_int_equal(config.send_lanes, 3);
    smp_settings_destroy(&settings);
}

static void test_websocket_ports_are_off_80_or_a_list(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(load_settings(fixture, &settings, "[TRANSPORT]\nwebsockets = off\n"), SMQ_OK);
    assert_int_equal(settings.websocket_port_count, 0);
    smp_settings_destroy(&settings);
    assert_int_equal(load_settings(fixture, &settings, "[TRANSPORT]\nwebsockets = on\n"), SMQ_OK);
    assert_int_equal(settings.websocket_port_count, 1);
    assert_int_equal(settings.websocket_ports[0], 80);
    smp_settings_destroy(&settings);
    assert_int_equal(load_settings(fixture, &settings, "[TRANSPORT]\nport = 5223,443\nwebsockets = 443,8080,5223,81\n"),
                     SMQ_OK);
    struct smp_router_config config = smp_settings_router_config(&settings);
    assert_int_equal(config.websocket_port_count, 2);
    assert_int_equal(config.websocket_ports[0], 8080);
    assert_int_equal(config.websocket_ports[1], 81);
    assert_string_equal(fixture->warnings, "");
    smp_settings_destroy(&settings);
}

static void test_proxy_settings_reach_the_router(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(load_settings(fixture, &settings,
                                   "[PROXY]\nhost_mode = onion\nrequired_host_mode = on\n"
                                   "socks_proxy = me:secret@[::1]:9150\nsocks_mode = always\n"),
                     SMQ_OK);
    struct smp_router_config config = smp_settings_router_config(&settings);
    assert_int_equal(config.proxy_network.host_mode, SMQ_HOST_ONION_VIA_SOCKS);
    assert_true(config.proxy_network.host_mode_required);
    assert_string_equal(config.proxy_network.socks_proxy, "me:secret@[::1]:9150");
    assert_int_equal(config.proxy_network.socks_mode, SMQ_SOCKS_ALWAYS);
    assert_string_equal(fixture->warnings, "");
    smp_settings_destroy(&settings);
    assert_int_equal(load_settings(fixture, &settings, "[PROXY]\nsocks_proxy = me:secret@localhost\n"),
                     SMQ_ERR_INVALID);
    assert_non_null(strstr(fixture->report.error, "IP address"));
    assert_null(strstr(fixture->report.error, "secret"));
}

static void test_bad_settings_are_refused(void **state) {
    struct fixture *fixture = *state;
    static const char *const texts[] = {
        "[TRANSPORT]\nport = 5223,\n",
        "[TRANSPORT]\nport = 65536\n",
        "[TRANSPORT]\nport = ssl\n",
        "[TRANSPORT]\nsmp_versions = 5-18\n",
        "[TRANSPORT]\nsmp_versions = 19\n",
        "[TRANSPORT]\nsmp_versions = 9-8\n",
        "[TRANSPORT]\nbind =\n",
        "[TRANSPORT]\nwebsockets = yes\n",
        "[TRANSPORT]\nwebsockets = 80,\n",
        "[PROXY]\nhost_mode = tor\n",
        "[PROXY]\nrequired_host_mode = yes\n",
        "[PROXY]\nsocks_mode = never\n",
        "[PROXY]\nsocks_proxy = localhost:9050\n",
        "[AUTH]\ncreate_password = a b\n",
        "[AUTH]\ncreate_password = a@b\n",
        "[STORE_LOG]\nqueue_quota = 0\n",
        "[STORE_LOG]\nmap_size = 1K\n",
        "[STORE_LOG]\ndurability = never\n",
        "[INFORMATION]\noperator_country = XYZ\n",
    };
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        struct smp_settings settings;
        assert_int_equal(load_settings(fixture, &settings, texts[index]), SMQ_ERR_INVALID);
        assert_non_null(strstr(fixture->report.error, ":2: ["));
        assert_non_null(strstr(fixture->report.error, "expected "));
    }
}

/* What the reference's own `init` writes, uncommented (Main/Init.hs). */
static void test_reference_file_is_accepted(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(load_settings(fixture, &settings,
                                   "[INFORMATION]\nsource_code = https://example.org\n[STORE_LOG]\nenable = on\n"
                                   "store_queues = memory\nstore_messages = memory\nrestore_messages = on\n"
                                   "expire_messages_days = 21\nexpire_messages_on_start = on\n"
                                   "expire_messages_on_send = off\nexpire_ntfs_hours = 24\nlog_stats = off\n[AUTH]\n"
                                   "new_queues = on\ncreate_password = abcdef\n[TRANSPORT]\nhost = smp.example.org\n"
                                   "port = 5223,443\nlog_tls_errors = off\nwebsockets = off\n[PROXY]\n"
                                   "[INACTIVE_CLIENTS]\ndisconnect = on\nttl = 21600\ncheck_interval = 3600\n[WEB]\n"
                                   "static_path = /var/opt/simplex/www\ncert = /etc/opt/simplex/web.crt\n"
                                   "key = /etc/opt/simplex/web.key\n"),
                     SMQ_OK);
    assert_string_equal(fixture->warnings, "");
    assert_string_equal(settings.source_code, "https://example.org");
    assert_string_equal(settings.host, "smp.example.org");
    smp_settings_destroy(&settings);
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
        CASE(test_long_comment_is_skipped_and_long_value_refused),
        CASE(test_missing_file_and_folder_are_errors),
        CASE(test_fifo_is_no_file_and_holds_nobody_up),
        CASE(test_huge_file_is_refused),
        CASE(test_rows_that_differ_are_found_whatever_their_type),
        CASE(test_live_keys_are_documented),
        CASE(test_every_key_is_documented_with_its_default_and_what_it_accepts),
        CASE(test_nothing_is_documented_that_is_no_key),
        CASE(test_empty_settings_give_the_routers_defaults),
        CASE(test_seconds_count_before_days_and_hours),
        CASE(test_intervals_reach_the_router),
        CASE(test_transport_settings_reach_the_router),
        CASE(test_websocket_ports_are_off_80_or_a_list),
        CASE(test_proxy_settings_reach_the_router),
        CASE(test_bad_settings_are_refused),
        CASE(test_reference_file_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
