/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows that routers share: with a few of their own they read what the reference's init writes for its file and
 * notification routers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "bin/common/ini_rows.h"
#include "bin/common/settings_checks.h"
#include "bin/common/settings_information.h"
#include "bin/common/settings_operator.h"
#include "bin/common/settings_transport.h"

static const char *const stores[] = {"memory", "database", NULL};

struct own_settings {
    bool enable, new_files;
    int store_files;
    int64_t expire_files_hours, storage_quota;
    const char *create_password, *port, *path;
};

struct settings {
    struct information_settings information;
    struct own_settings own;
    struct statistics_settings statistics;
    struct control_settings control;
    struct transport_settings transport;
    struct limits_settings limits;
    struct network_settings network;
    struct inactive_settings inactive;
    struct role_settings roles;
    struct web_settings web;
    struct log_settings log;
};

#define FIELD(name) offsetof(struct own_settings, name)
#define DATABASE(key_, type_)                                                                                          \
    UNUSED_ROW(key_, type_, NULL, "without effect, the store is LMDB", "Of the reference.", .quiet = true)

static const struct ini_row store_keys[] = {
    SWITCH_ROW("enable", enable, "on", "The router always stores."),
    CHOICE_ROW("store_files", store_files, "memory", stores, "LMDB it is."),
    NUMBER_ROW("expire_files_hours", expire_files_hours, "48", 1, 876000, "Hours that files are kept."),
    DATABASE("db_connection", INI_TEXT),
    DATABASE("db_schema", INI_TEXT),
    DATABASE("db_pool_size", INI_NUMBER),
};
static const struct ini_row auth_keys[] = {
    SWITCH_ROW("new_files", new_files, "on", "off: no new files."),
    SECRET_ROW("create_password", create_password, "For new files.",
               CHECKED(settings_password_valid, SETTINGS_PASSWORD)),
};
static const struct ini_row port_keys[] = {
    TEXT_ROW("port", port, "Ports.", .initial = "443", CHECKED(settings_ports_valid, SETTINGS_PORTS)),
    UNUSED_ROW("websockets", INI_SWITCH, "off", "without effect", "Of the reference."),
};
static const struct ini_row file_keys[] = {
    TEXT_ROW("path", path, "Folder of the files."),
    SIZE_ROW("storage_quota", storage_quota, "1T", 1, INT64_C(1) << 50, "All files together."),
};
static const struct ini_row subscriber_keys[] = {
    UNUSED_ROW("use_service_credentials", INI_SWITCH, "off", NULL, "Of the reference."),
};

static const struct ini_rows store_rows = INI_ROWS(store_keys), auth_rows = INI_ROWS(auth_keys),
                             port_rows = INI_ROWS(port_keys), file_rows = INI_ROWS(file_keys),
                             subscriber_rows = INI_ROWS(subscriber_keys);

#define PART(section_, field_, rows_, ...)                                                                             \
    { .section = section_, .rows = &(rows_), .base = offsetof(struct settings, field_), __VA_ARGS__ }

static const struct ini_part xftp_parts[] = {
    PART("INFORMATION", information, information_rows),
    PART("STORE_LOG", own, store_rows),
    PART("STORE_LOG", statistics, statistics_rows),
    PART("AUTH", own, auth_rows, .strict = true),
    PART("AUTH", control, control_password_rows, .strict = true),
    PART("TRANSPORT", transport, transport_rows),
    PART("TRANSPORT", own, port_rows),
    PART("TRANSPORT", control, control_port_rows),
    PART("FILES", own, file_rows),
    PART("LIMITS", limits, limits_rows),
    PART("INACTIVE_CLIENTS", inactive, inactive_rows),
    PART("ROLES", roles, role_rows),
    PART("LOG", log, log_rows),
    PART("WEB", web, web_rows),
};

static const struct ini_part ntf_parts[] = {
    PART("STORE_LOG", own, store_rows),
    PART("STORE_LOG", statistics, statistics_rows),
    PART("AUTH", control, control_password_rows, .strict = true),
    PART("TRANSPORT", transport, transport_rows),
    PART("TRANSPORT", own, port_rows),
    PART("TRANSPORT", control, control_port_rows),
    PART("SUBSCRIBER", network, network_rows),
    PART("SUBSCRIBER", own, subscriber_rows),
    PART("INACTIVE_CLIENTS", inactive, inactive_rows),
    PART("LOG", log, log_rows),
};

static const struct ini_table xftp_table = {xftp_parts, sizeof xftp_parts / sizeof xftp_parts[0]};
static const struct ini_table ntf_table = {ntf_parts, sizeof ntf_parts / sizeof ntf_parts[0]};

static void refuse_warning(void *context, const char *line) {
    (void)context;
    fail_msg("%s", line);
}

static struct ini *load(const char *path, const struct ini_table *table, struct settings *settings) {
    struct ini *ini = NULL;
    struct ini_report report = {.warn = refuse_warning};
    *settings = (struct settings){.own = {.enable = false}};
    if (ini_load(path, table, settings, &report, &ini) != SMQ_OK)
        fail_msg("%s", report.error);
    return ini;
}

static void test_files_of_the_file_router_are_read(void **state) {
    (void)state;
    static const char *const names[] = {"test/vectors/files/xftp/init-default.ini",
                                        "test/vectors/files/xftp/init-n.ini"};
    for (size_t i = 0; i < 2; i++) {
        struct settings settings;
        struct ini *ini = load(names[i], &xftp_table, &settings);
        assert_true(settings.own.enable && settings.own.new_files);
        assert_int_equal(settings.own.storage_quota, INT64_C(10) << 30);
        assert_int_equal(settings.own.expire_files_hours, 48);
        assert_string_equal(settings.own.path, "/srv/xftp");
        assert_string_equal(settings.transport.host, i == 0 ? "<hostnames>" : "xftp.example.org");
        assert_string_equal(settings.own.port, "443");
        assert_string_equal(settings.web.static_path, "/var/opt/simplex-xftp/www");
        assert_false(settings.inactive.disconnect || settings.statistics.log_stats);
        ini_destroy(&ini);
    }
}

static void test_files_of_the_notification_router_are_read(void **state) {
    (void)state;
    static const char *const names[] = {"test/vectors/files/ntf/init-default.ini", "test/vectors/files/ntf/init-n.ini",
                                        "test/vectors/files/ntf/init-options.ini"};
    static const char *const hosts[] = {"<hostnames>", "ntf.example.org", "ntf.example.com"};
    for (size_t i = 0; i < 3; i++) {
        struct settings settings;
        struct ini *ini = load(names[i], &ntf_table, &settings);
        assert_int_equal(settings.own.enable, i != 2);
        assert_string_equal(settings.transport.host, hosts[i]);
        assert_int_equal(settings.network.socks_mode, 0);
        assert_null(settings.network.socks_proxy);
        assert_int_equal(settings.control.port, 0);
        ini_destroy(&ini);
    }
}

static void test_checks_take_what_is_right_and_nothing_else(void **state) {
    (void)state;
    static const char *const good[] = {"a",           "smp.example.org", "127.0.0.1", "[::1]",
                                       "2001:db8::5", "a_b.example",     "x2.onion",  "xn--bcher-kva.example"};
    static const char *const bad[] = {"",     ".",    "a..b", "-a",  "a b",     "1.2.3.4.5",         "1.2.3.400",
                                      "[::1", "::1]", "a/b",  "a:1", "A.onion", "b\xc3\xbc.example", "<x>"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!settings_host_valid(good[i]))
            fail_msg("%s is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (settings_host_valid(bad[i]))
            fail_msg("%s is taken", bad[i]);
    char text[SETTINGS_HOST_TEXT_MAX];
    assert_true(settings_hosts_text("a.example, 2001:db8:0::5,[::1]", text));
    assert_string_equal(text, "a.example,[2001:db8::5],[::1]");
    assert_false(settings_hosts_text("a.example,,b", text));
    assert_true(settings_uri_valid("https://e.org/x"));
    assert_false(settings_uri_valid("https://") || settings_uri_valid("ftp://x") || settings_uri_valid("https://a b"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_the_file_router_are_read),
        cmocka_unit_test(test_files_of_the_notification_router_are_read),
        cmocka_unit_test(test_checks_take_what_is_right_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
