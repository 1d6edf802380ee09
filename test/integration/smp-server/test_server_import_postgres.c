/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store import --postgres, from a real PostgreSQL server with the reference's tables. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test/support/import_cli.h"
#include "test/support/postgres_server.h"

#define STORE_LOG     "smp-server-store.log"
#define MESSAGES      "smp-server-messages.log"
#define NOTIFICATIONS "smp-server-ntfs.log"

static struct postgres_server postgres;

/* The columns of the reference that are read; b() makes bytes of base64url. */
static const char tables[] =
    "CREATE SCHEMA smp_server; SET search_path TO smp_server;\n"
    "CREATE TABLE services (service_id BYTEA PRIMARY KEY, service_role TEXT NOT NULL, service_cert BYTEA NOT NULL,\n"
    "  service_cert_hash BYTEA NOT NULL UNIQUE, created_at BIGINT NOT NULL);\n"
    "CREATE TABLE msg_queues (recipient_id BYTEA PRIMARY KEY, recipient_keys BYTEA NOT NULL,\n"
    "  rcv_dh_secret BYTEA NOT NULL, sender_id BYTEA NOT NULL, sender_key BYTEA, notifier_id BYTEA,\n"
    "  notifier_key BYTEA, rcv_ntf_dh_secret BYTEA, status TEXT NOT NULL, updated_at BIGINT, deleted_at BIGINT,\n"
    "  queue_mode TEXT, link_id BYTEA, fixed_data BYTEA, user_data BYTEA,\n"
    "  rcv_service_id BYTEA REFERENCES services, ntf_service_id BYTEA REFERENCES services,\n"
    "  msg_can_write BOOLEAN NOT NULL DEFAULT true, msg_queue_expire BOOLEAN NOT NULL DEFAULT false,\n"
    "  msg_queue_size BIGINT NOT NULL DEFAULT 0);\n"
    "CREATE TABLE messages (message_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
    "  recipient_id BYTEA NOT NULL REFERENCES msg_queues ON DELETE CASCADE, msg_id BYTEA NOT NULL,\n"
    "  msg_ts BIGINT NOT NULL, msg_quota BOOLEAN NOT NULL, msg_ntf_flag BOOLEAN NOT NULL, msg_body BYTEA NOT NULL);\n"
    "CREATE FUNCTION b(t TEXT) RETURNS BYTEA LANGUAGE sql AS\n"
    "  $$ SELECT decode(translate(t, '-_', '+/'), 'base64') $$;\n"
    "CREATE FUNCTION k(t TEXT) RETURNS BYTEA LANGUAGE sql AS $$ SELECT '\\x012c'::bytea || b(t) $$;\n";

static char sql[65536];
static size_t used;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    used += (size_t)vsnprintf(sql + used, sizeof sql - used, format, arguments);
    va_end(arguments);
    assert_true(used < sizeof sql);
}

static void begin(void) {
    used = 0;
    add("SET search_path TO smp_server;\n");
}

static void execute(void) {
    postgres_server_execute(&postgres, sql);
}

static void add_service(unsigned service, char role) {
    add("INSERT INTO services VALUES (b('%s'), '%c', '\\x020003010203'::bytea || '\\x0003040506'::bytea, b('%s'), "
        "1795910400);\n",
        sample_id(service), role, sample_secret(service));
}

/* A row with what every queue has, and `assignments` for the rest. */
static void add_queue(unsigned queue, const char *assignments) {
    add("INSERT INTO msg_queues (recipient_id, recipient_keys, rcv_dh_secret, sender_id, status) VALUES (b('%s'), "
        "k('%s'), b('%s'), b('%s'), 'active');\n",
        sample_id(100 + queue), sample_key(100 + queue), sample_secret(100 + queue), sample_id(200 + queue));
    add("UPDATE msg_queues SET %s WHERE recipient_id = b('%s');\n", assignments, sample_id(100 + queue));
}

static const char *notifier_of(unsigned queue) {
    static char text[512];
    (void)snprintf(text, sizeof text, "notifier_id = b('%s'), notifier_key = b('%s'), rcv_ntf_dh_secret = b('%s')",
                   sample_id(300 + queue), sample_key(300 + queue), sample_secret(300 + queue));
    return text;
}

static const char *format(const char *text, ...) {
    static char texts[4][1024];
    static unsigned next;
    char *made = texts[next++ % 4];
    va_list arguments;
    va_start(arguments, text);
    (void)vsnprintf(made, sizeof texts[0], text, arguments);
    va_end(arguments);
    return made;
}

/* The queues of import_cli_write_compacted_samples. */
static void add_queues(void) {
    add_service(1, 'N');
    add_service(2, 'M');
    add_queue(1, "queue_mode = 'M'");
    add_queue(2, format("queue_mode = 'M', sender_key = b('%s'), updated_at = 1795910400", sample_key(202)));
    add_queue(3, format("queue_mode = 'C', link_id = b('%s'), fixed_data = '\\x010203', user_data = '\\x04050607'",
                        sample_id(403)));
    add_queue(4, format("status = 'off', recipient_keys = '\\x022c'::bytea || b('%s') || '\\x2c'::bytea || b('%s')",
                        sample_key(104), sample_key(504)));
    add_queue(5, format("queue_mode = 'M', ntf_service_id = b('%s'), %s", sample_id(1), notifier_of(5)));
    add_queue(6, "queue_mode = 'M', status = 'blocked,reason=spam'");
    add_queue(7, format("queue_mode = 'M', status = 'blocked,reason=content,notice={\"ttl\":3600}', rcv_service_id = "
                        "b('%s')",
                        sample_id(2)));
    add_queue(8, format("queue_mode = 'M', rcv_service_id = b('%s'), %s", sample_id(2), notifier_of(8)));
    add_queue(9, format("queue_mode = 'C', sender_key = b('%s'), recipient_keys = '\\x022c'::bytea || b('%s') || "
                        "'\\x2c'::bytea || b('%s'), link_id = b('%s'), fixed_data = '\\x010203', user_data = "
                        "'\\x040506', ntf_service_id = b('%s'), rcv_service_id = b('%s'), updated_at = 1795996800, "
                        "status = 'off', %s",
                        sample_key(209), sample_key(109), sample_key(509), sample_id(409), sample_id(1), sample_id(2),
                        notifier_of(9)));
    add_queue(10, "queue_mode = 'M', deleted_at = 1795910400");
    add_queue(11, "queue_mode = 'M'");
}

static void add_message(unsigned queue, unsigned number, const char *rest) {
    add("INSERT INTO messages (recipient_id, msg_id, msg_ts, msg_quota, msg_ntf_flag, msg_body) VALUES (b('%s'), "
        "b('%s'), %u, %s);\n",
        sample_id(100 + queue), sample_id(600 + number), 1795926000 + number, rest);
}

static void add_messages(void) {
    add_message(1, 1, "false, false, b('bWVzc2FnZSBvbmU=')");
    add_message(2, 3, "false, false, '\\x00'");
    add_message(1, 2, "false, true, b('bWVzc2FnZSB0d28=')");
    add_message(2, 4, "true, false, ''");
    add_message(6, 5, "false, false, b('YmxvY2tlZA==')");
    add_message(9, 6, "false, true, b('b2Zm')");
    add_message(10, 7, "false, false, 'of a queue that is deleted'");
}

static int set_up(void **state) {
    if (import_cli_setup(state) != 0)
        return -1;
    postgres_server_execute(&postgres, tables);
    return 0;
}

static int tear_down(void **state) {
    postgres_server_execute(&postgres, "DROP SCHEMA IF EXISTS smp_server CASCADE;");
    return import_cli_teardown(state);
}

static int import_database(const char *uri, const char *schema) {
    return import_cli_run(NULL, "store", "import", "-y", "--from", import_cli.from, "--postgres", uri, "--schema",
                          schema, NULL);
}

static void test_a_database_is_what_its_log_and_messages_would_be(void **state) {
    (void)state;
    begin();
    add_queues();
    add_messages();
    execute();
    import_cli_write_samples(import_cli.from); /* of these only the notifications are read */
    assert_int_equal(0, import_database(postgres.uri, "smp_server"));
    import_cli_expect_output("Import completed: 2 services, 10 queues, 6 messages, 3 notifications");
    assert_null(strstr(process_output(import_cli.command), "Left out"));
    assert_int_equal(0, import_cli_run(NULL, "store", "check", NULL));
    assert_int_equal(0, import_cli_run(NULL, "store", "export", "--out", import_cli.out, NULL));
    import_cli_write_compacted_samples(import_cli.from, "expected");
    assert_string_equal(import_cli_read(import_cli.from, "expected"), import_cli_read(import_cli.out, STORE_LOG));
    assert_string_equal(import_cli_read(import_cli.from, MESSAGES), import_cli_read(import_cli.out, MESSAGES));
    assert_string_equal(import_cli_read(import_cli.from, NOTIFICATIONS),
                        import_cli_read(import_cli.out, NOTIFICATIONS));
}

static void test_rows_that_are_none_of_the_references_are_told(void **state) {
    (void)state;
    begin();
    add_queue(1, "queue_mode = 'M'");
    add_queue(2, "rcv_dh_secret = '\\x0102'");
    add_queue(3, "status = 'neither'");
    add_queue(4, "recipient_keys = '\\x05ff00'");
    add_queue(5, "status = E'blocked,reason=spam,notice={\\n}\\nDELETE x'");
    add_queue(6, "queue_mode = 'X'");
    add_queue(7, "sender_id = ''");
    execute();
    assert_int_equal(0, import_database(postgres.uri, "smp_server"));
    import_cli_expect_output("msg_queues: line 2: the row is none of the reference's; skipped");
    import_cli_expect_output("msg_queues: line 3: ");
    import_cli_expect_output("msg_queues: line 4: ");
    import_cli_expect_output("msg_queues: line 5: ");
    import_cli_expect_output("msg_queues: line 7: ");
    import_cli_expect_output("database, queues: line 2: it cannot be read; skipped");
    import_cli_expect_output("Import completed: 0 services, 1 queues");
}

static void test_many_rows_come_one_by_one(void **state) {
    (void)state;
    begin();
    add("INSERT INTO msg_queues (recipient_id, recipient_keys, rcv_dh_secret, sender_id, status) SELECT substring("
        "sha256(n::text::bytea) from 1 for 24), k('%s'), b('%s'), substring(sha256(n::text::bytea) from 9 for 24), "
        "'active' FROM generate_series(1, 20000) n;\n",
        sample_key(1), sample_secret(1));
    add("INSERT INTO messages (recipient_id, msg_id, msg_ts, msg_quota, msg_ntf_flag, msg_body) SELECT recipient_id, "
        "recipient_id, 1795926000, false, false, decode(repeat('00', 10000), 'hex') FROM (SELECT * FROM msg_queues "
        "LIMIT "
        "2000) q;\n");
    execute();
    assert_int_equal(0, import_database(postgres.uri, "smp_server"));
    import_cli_expect_output("Import completed: 0 services, 20000 queues, 2000 messages");
    assert_int_equal(0, import_cli_run(NULL, "store", "check", NULL));
    import_cli_expect_output("whole");
}

static void test_what_keeps_it_from_reading_is_said(void **state) {
    (void)state;
    assert_int_equal(1, import_database(postgres.uri, "other_schema"));
    import_cli_expect_error("the database has no schema other_schema");
    assert_int_equal(1, import_database("postgresql:///none?host=/nowhere", "smp_server"));
    import_cli_expect_error("PostgreSQL: cannot connect: ");
    import_cli_expect_error("Error: nothing is imported: ");
    postgres_server_execute(&postgres, "DROP TABLE smp_server.messages;");
    assert_int_equal(1, import_database(postgres.uri, "smp_server"));
    import_cli_expect_error("relation \"messages\" does not exist");
    assert_false(import_cli_has(import_cli.server.data, "store/data.mdb"));
}

static int start_server(void **state) {
    (void)state;
    postgres_server_start(&postgres);
    return 0;
}

static int stop_server(void **state) {
    (void)state;
    postgres_server_stop(&postgres);
    return 0;
}

#define WITH_DATABASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DATABASE(test_a_database_is_what_its_log_and_messages_would_be),
        WITH_DATABASE(test_rows_that_are_none_of_the_references_are_told),
        WITH_DATABASE(test_many_rows_come_one_by_one),
        WITH_DATABASE(test_what_keeps_it_from_reading_is_said),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
