/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server.ini: its keys, what the router makes of them, and what docs/operating.md says of them. */
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
#include <unistd.h>

#include "actors/client_agent/client_agent.h"
#include "bin/smp-server/smp_settings.h"

/* One file of a test, and what was said about it. */
struct fixture {
    char path[64];
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

static enum smq_result load_settings(struct fixture *fixture, struct smp_settings *settings, const char *text) {
    write_file(fixture, text, strlen(text));
    fixture->warnings[0] = '\0';
    return smp_settings_load(fixture->path, settings, &fixture->report);
}

struct differences {
    char text[512];
};

static void note_difference(void *context, const char *section, const struct ini_row *row) {
    struct differences *differences = context;
    size_t length = strlen(differences->text);
    (void)snprintf(differences->text + length, sizeof differences->text - length, "%s%s%s ", section,
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
                        "STORE_LOG-durability STORE_LOG-map_size STORE_LOG+queue_quota AUTH+new_queues "
                        "AUTH+create_password TRANSPORT-host ");
    smp_settings_destroy(&now);
    smp_settings_destroy(&before);
}

/* Calls `visit` with every row of smp-server.ini. */
static void for_each_row(void (*visit)(const char *section, const struct ini_row *row, void *context), void *context) {
    for (size_t i = 0; i < smp_settings_table.count; i++) {
        const struct ini_part *part = &smp_settings_table.parts[i];
        for (size_t k = 0; k < part->rows->count; k++)
            visit(part->section, &part->rows->rows[k], context);
    }
}

static void expect_live_as_documented(const char *section, const struct ini_row *row, void *context) {
    const char *list = context;
    char heading[64], key[64];
    (void)snprintf(heading, sizeof heading, "\n| `[%s]` |", section);
    (void)snprintf(key, sizeof key, "`%s`", row->key);
    const char *line = strstr(list, heading);
    const char *found = line == NULL ? NULL : strstr(line, key);
    bool documented = found != NULL && found < line + 1 + strcspn(line + 1, "\n");
    if (documented != row->live)
        fail_msg("[%s] %s is %s", section, row->key, row->live ? "not documented as live" : "not live");
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
    for_each_row(expect_live_as_documented, list);
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

static void expect_documented(const char *section, const struct ini_row *row, void *context) {
    if (strcmp(section, "INFORMATION") == 0 || strcmp(section, "WEB") == 0)
        return; /* "The reference's keys." */
    const char *at = section_of(context, section);
    struct documented line = {.keys = ""};
    if (at == NULL)
        fail_msg("[%s] is not documented", section);
    while (next_documented(&at, &line) && !names_key(line.keys, row->key))
        continue;
    if (!names_key(line.keys, row->key))
        fail_msg("[%s] %s is not documented", section, row->key);
    if (!is_documented_as_it_is(row, &line))
        fail_msg("[%s] %s: %s, %" PRId64 " to %" PRId64 ", but documented: %s|%s", section, row->key,
                 row->initial == NULL ? "no default" : row->initial, row->minimum, row->maximum, line.initial,
                 line.accepted);
}

static void test_every_key_is_documented_with_its_default_and_what_it_accepts(void **state) {
    (void)state;
    for_each_row(expect_documented, read_operating());
}

static bool table_has(const char *section, const char *key) {
    for (size_t i = 0; i < smp_settings_table.count; i++) {
        const struct ini_part *part = &smp_settings_table.parts[i];
        for (size_t k = 0; k < part->rows->count && strcmp(part->section, section) == 0; k++)
            if (fnmatch(key, part->rows->rows[k].key, 0) == 0)
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
    assert_memory_equal(&config.limits, &standard.limits, sizeof config.limits);
    assert_int_equal(config.new_queues_per_address, standard.new_queues_per_address);
    assert_int_equal(config.new_queues_per_password, standard.new_queues_per_password);
    assert_int_equal(config.unused_queues, standard.unused_queues);
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
    assert_int_equal(load_settings(fixture, &settings, "[PROXY]\nsocks_proxy = me:secret@local host\n"),
                     SMQ_ERR_INVALID);
    assert_non_null(strstr(fixture->report.error, "host[:port]"));
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
        "[PROXY]\nsocks_proxy = localhost:port\n",
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
    assert_string_equal(settings.information.source_code, "https://example.org");
    assert_string_equal(settings.transport.host, "smp.example.org");
    smp_settings_destroy(&settings);
}

static void test_socks_proxy_may_be_a_name(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    static const struct {
        const char *given, *router;
    } cases[] = {{"localhost:9050", "127.0.0.1:9050"},
                 {"@localhost", "@127.0.0.1"},
                 {"me:se;cret@localhost:1080", "me:se;cret@127.0.0.1:1080"},
                 {"[::1]:9150", "[::1]:9150"},
                 {":9050", ":9050"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "[PROXY]\nsocks_proxy = %s\n", cases[i].given);
        assert_int_equal(load_settings(fixture, &settings, text), SMQ_OK);
        assert_string_equal(smp_settings_router_config(&settings).proxy_network.socks_proxy, cases[i].router);
        smp_settings_destroy(&settings);
    }
    assert_int_equal(load_settings(fixture, &settings, "[PROXY]\nsocks_proxy = no-such-host.invalid:9050\n"),
                     SMQ_ERR_NETWORK);
    assert_non_null(strstr(fixture->report.error, "[PROXY] socks_proxy: its host cannot be looked up: "));
}

static void test_lists_take_blanks_and_drop_duplicates(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(load_settings(fixture, &settings,
                                   "[TRANSPORT]\nport = 5223, 443 ,5223,443\nbind = 127.0.0.1, [::1],::1 127.0.0.1\n"
                                   "websockets = 80 , 80\nhost = smp1.example.com, smp2.example.com\n"
                                   "[PROXY]\nown_server_domains = example.com, example.org example.net\n"),
                     SMQ_OK);
    struct smp_router_config config = smp_settings_router_config(&settings);
    assert_int_equal(config.port_count, 2);
    assert_int_equal(config.ports[1], 443);
    assert_int_equal(config.bind_address_count, 2);
    assert_string_equal(config.bind_addresses[1], "::1");
    assert_int_equal(config.websocket_port_count, 1);
    assert_true(client_agent_is_own_server(config.proxy.own_server_domains, "smp9.example.com"));
    assert_true(client_agent_is_own_server(config.proxy.own_server_domains, "example.org"));
    assert_true(client_agent_is_own_server(config.proxy.own_server_domains, "a.example.net"));
    assert_false(client_agent_is_own_server(config.proxy.own_server_domains, "badexample.org"));
    smp_settings_destroy(&settings);
}

/* A router that a password closes is not opened by a mistyped name of it. */
static void test_typo_opens_no_router(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    assert_int_equal(load_settings(fixture, &settings, "[AUTH]\ncreate_pasword = secret\n"), SMQ_ERR_SYNTAX);
    assert_non_null(strstr(fixture->report.error, ":2: [AUTH] create_pasword: unknown key: expected new_queues, "));
    assert_null(strstr(fixture->report.error, "secret"));
    assert_int_equal(load_settings(fixture, &settings, "[AUHT]\ncreate_password = secret\n"), SMQ_ERR_SYNTAX);
    assert_int_equal(load_settings(fixture, &settings, "[AUTH]\ncreate_password =\n"), SMQ_ERR_INVALID);
    assert_int_equal(load_settings(fixture, &settings, "[AUTH]\nnew_queues = off\nnew_queues = on\n"), SMQ_ERR_INVALID);
    assert_int_equal(load_settings(fixture, &settings, "[AUTH]\ncreate_password = a;b\n"), SMQ_OK);
    assert_string_equal(smp_settings_router_config(&settings).create_password, "a;b");
    smp_settings_destroy(&settings);
}

/* ---- files that the reference's init wrote */

static void load_vector(struct fixture *fixture, const char *name, struct smp_settings *settings) {
    char path[96];
    (void)snprintf(path, sizeof path, "test/vectors/files/smp/%s", name);
    fixture->warnings[0] = '\0';
    if (smp_settings_load(path, settings, &fixture->report) != SMQ_OK)
        fail_msg("%s", fixture->report.error);
    assert_string_equal(fixture->warnings, "");
}

static void test_files_of_the_reference_are_read_as_they_are(void **state) {
    struct fixture *fixture = *state;
    static const char *const names[] = {"init-default.ini",  "init-database.ini", "init-l-n.ini",
                                        "init-options2.ini", "init-options.ini",  "init-socks-control-password.ini"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct smp_settings settings;
        load_vector(fixture, names[i], &settings);
        struct smp_router_config config = smp_settings_router_config(&settings);
        assert_int_equal(config.port_count, 2);
        assert_int_equal(config.ports[0], 5223);
        assert_int_equal(config.ports[1], 443);
        assert_true(config.disconnect_inactive);
        assert_false(config.expire_messages_on_send);
        assert_int_equal(config.websocket_port_count, 0);
        smp_settings_destroy(&settings);
    }
}

static void test_values_of_the_reference_files_are_kept(void **state) {
    struct fixture *fixture = *state;
    struct smp_settings settings;
    load_vector(fixture, "init-options.ini", &settings);
    assert_string_equal(settings.information.operator_name, "Example Org");
    assert_string_equal(settings.information.hosting_country, "DE");
    assert_string_equal(settings.auth.create_password, "secret-pwd");
    assert_string_equal(settings.control.admin_password, "ka2fF2mSUZw_ol5PXuVqKwS4");
    assert_int_equal(settings.control.port, 5224);
    assert_int_equal(settings.control.daily_block_quota, 20);
    assert_true(settings.statistics.log_stats);
    assert_string_equal(settings.network.own_server_domains, "example.com,example.org");
    assert_string_equal(settings.socks_proxy, "127.0.0.1:9050");
    assert_string_equal(settings.web.static_path, "/var/opt/simplex/site");
    assert_int_equal(settings.web.https, 443);
    smp_settings_destroy(&settings);
    load_vector(fixture, "init-options2.ini", &settings);
    assert_null(settings.auth.create_password);
    assert_int_equal(settings.control.port, 5555);
    assert_false(settings.store.enable);
    assert_int_equal(settings.web.https, 0);
    smp_settings_destroy(&settings);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
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
        CASE(test_socks_proxy_may_be_a_name),
        CASE(test_lists_take_blanks_and_drop_duplicates),
        CASE(test_typo_opens_no_router),
        CASE(test_files_of_the_reference_are_read_as_they_are),
        CASE(test_values_of_the_reference_files_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
