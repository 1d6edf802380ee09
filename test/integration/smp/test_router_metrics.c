/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Metrics of a running router: every name and label of the reference, in its order; text that Prometheus takes; the
 * file, and what is kept over a restart. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "actors/router/operator/file.h"
#include "queues/base/clock.h"
#include "test/support/control_peer.h"
#include "test/support/router_fixture.h"

#define CAPTURE   "test/vectors/files/smp/smp-server-metrics.txt"
#define DASHBOARD "docs/grafana.json"

enum { DEADLINE_MS = 20000 };

static struct router_fixture fixture;
static struct text_buffer text;
static char paths[3][128];

static int set_up(void **state) {
    static const char *const names[] = {"stats.log", "stats.daily.log", "metrics.txt"};
    (void)state;
    router_fixture_init(&fixture);
    for (size_t i = 0; i < 3; i++)
        (void)snprintf(paths[i], sizeof paths[i], "%s/%s", fixture.directory, names[i]);
    fixture.config.operator.version = "6.5.5.0";
    fixture.config.operator.log_stats = true;
    fixture.config.operator.statistics_path = paths[0];
    fixture.config.operator.daily_path = paths[1];
    fixture.config.operator.metrics_path = paths[2];
    fixture.config.operator.metrics_interval_s = 1;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    text_free(&text);
    return 0;
}

/* Messages of which one is acknowledged, so that all kinds of samples are there. */
static void use_the_router(void) {
    struct peer recipient, sender;
    struct peer_queue queue;
    struct peer_answer answer;
    uint8_t id[24];
    router_fixture_connect(&fixture, 0, &recipient);
    router_fixture_connect(&fixture, 0, &sender);
    peer_create_queue(&recipient, PEER_SUBSCRIBE, &queue);
    peer_send_message(&sender, &queue, NULL, "one");
    peer_send_message(&sender, &queue, NULL, "two");
    peer_receive(&recipient, &answer);
    peer_check_message(&queue, &answer, "one", id);
    peer_acknowledge(&recipient, &queue, id, SMP_MSG, &answer);
    peer_close(&sender);
    peer_close(&recipient);
}

static const char *metrics(bool has_times) {
    text_clear(&text);
    assert_int_equal(SMQ_OK, operator_metrics(smp_router_operator(fixture.router), has_times, &text));
    return text.bytes;
}

/* The value of a sample, by its name with labels; fails when there is none. */
static double sample(const char *name) {
    size_t length = strlen(name);
    for (const char *line = text.bytes; line != NULL; line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1)
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strtod(line + length, NULL);
    fail_msg("no sample %s", name);
    return 0;
}

/* ---- the capture */

/* Values, times and dates do not matter: what is after the name of a sample, and after ": ". */
static void blur_line(char *line) {
    char *end = line[0] == '#' ? strstr(line, ": 20") : strrchr(line, '}');
    if (line[0] != '#' && line[0] != 0 && end == NULL)
        end = strchr(line, ' ') == NULL ? NULL : strchr(line, ' ') - 1;
    if (end != NULL)
        end[1] = 0;
}

static bool is_data(const char *line) {
    return strstr(line, "_time_bucket{le=") != NULL || strstr(line, "port=") != NULL;
}

static const char *next_line(const char *from, char *line, size_t size) {
    size_t length = strcspn(from, "\n");
    (void)snprintf(line, size, "%.*s", (int)length, from);
    return from[length] == 0 ? from + length : from + length + 1;
}

static void every_name_and_label_of_the_reference_is_there_in_its_order(void **state) {
    struct text_buffer capture = {0};
    char expected[512], got[512];
    (void)state;
    router_fixture_start(&fixture);
    use_the_router();
    const char *ours = metrics(true);
    assert_int_equal(SMQ_OK, file_read(CAPTURE, &capture));
    for (const char *theirs = capture.bytes; *theirs != 0;) {
        do
            theirs = next_line(theirs, expected, sizeof expected);
        while (is_data(expected));
        do
            ours = next_line(ours, got, sizeof got);
        while (is_data(got));
        blur_line(expected);
        blur_line(got);
        assert_string_equal(expected, got);
    }
    text_free(&capture);
    metrics(true);
    assert_int_equal(2, (int)sample("simplex_smp_messages_sent"));
    assert_int_equal(1, (int)sample("simplex_smp_messages_received"));
    assert_int_equal(1, (int)sample("simplex_smp_delivery_ack_confirmed_time_bucket{le=\"+Inf\"}"));
    assert_int_equal(1, (int)sample("simplex_smp_queues_daily"));
}

/* ---- the format */

struct seen {
    char names[4096][160];
    size_t count;
};

static bool was_seen(struct seen *seen, const char *name) {
    for (size_t i = 0; i < seen->count; i++)
        if (strcmp(seen->names[i], name) == 0)
            return true;
    assert_true(seen->count < 4096);
    (void)snprintf(seen->names[seen->count++], sizeof seen->names[0], "%s", name);
    return false;
}

static void check_sample(const char *line, const char *family, struct seen *samples) {
    char name[512];
    const char *end = strrchr(line, '}');
    size_t length = end != NULL ? (size_t)(end - line) + 1 : strcspn(line, " ");
    (void)snprintf(name, sizeof name, "%.*s", (int)length, line);
    if (was_seen(samples, name))
        fail_msg("%s is there twice", name);
    if (strncmp(name, family, strlen(family)) != 0)
        fail_msg("%s is in the family %s", name, family);
    char *rest;
    (void)strtod(line + length, &rest);
    if (rest == line + length || *rest != 0)
        fail_msg("no value: %s", line);
}

static void the_text_is_one_that_prometheus_takes(void **state) {
    static struct seen families, samples;
    char line[512], family[160] = "";
    (void)state;
    fixture.config.proxy.enabled = true;
    router_fixture_start(&fixture);
    use_the_router();
    families.count = samples.count = 0;
    for (const char *ours = metrics(false); *ours != 0;) {
        ours = next_line(ours, line, sizeof line);
        if (strncmp(line, "# TYPE ", 7) == 0) {
            (void)snprintf(family, sizeof family, "%.*s", (int)strcspn(line + 7, " "), line + 7);
            if (was_seen(&families, family))
                fail_msg("%s is there twice", family);
        } else if (line[0] != '#' && line[0] != 0) {
            check_sample(line, family, &samples);
        }
    }
    assert_true(families.count > 100);
    assert_true(sample("smq_command_seconds_count{command=\"SEND\"}") >= 2);
    assert_true(sample("smq_memory_resident_bytes") > 1000000);
    assert_true(sample("smq_role_messages_total{role=\"writer\"}") > 0);
    assert_true(sample("smq_role_queue_length{role=\"writer\"}") >= 0);
    assert_true(sample("smq_store_commits_total") > 0);
    assert_true(sample("smq_connections_accepted_total") >= 2);
}

/* ---- files */

static void await_file(const char *path) {
    uint64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    while (access(path, F_OK) != 0)
        assert_true(clock_monotonic_ms() < deadline);
}

static void the_file_is_written_at_its_interval(void **state) {
    struct text_buffer file = {0};
    (void)state;
    router_fixture_start(&fixture);
    use_the_router();
    await_file(paths[2]);
    assert_int_equal(0, unlink(paths[2]));
    await_file(paths[2]);
    assert_int_equal(SMQ_OK, file_read(paths[2], &file));
    assert_int_equal(0, strncmp(file.bytes, "# Recorded at: ", 15));
    assert_non_null(strstr(file.bytes, "\nsimplex_smp_messages_sent 2 1"));
    text_free(&file);
}

/* A folder that cannot be written to stands for a disk that is full. */
static void a_file_that_cannot_be_written_is_counted_and_tried_again(void **state) {
    (void)state;
    char missing[160];
    (void)snprintf(missing, sizeof missing, "%s/not there yet/metrics.txt", fixture.directory);
    fixture.config.operator.metrics_path = missing;
    router_fixture_start(&fixture);
    uint64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    do {
        metrics(false);
        assert_true(clock_monotonic_ms() < deadline);
    } while (sample("smq_file_failures_total") < 1);
    use_the_router(); /* nothing else suffers */
    char folder[160];
    (void)snprintf(folder, sizeof folder, "%s/not there yet", fixture.directory);
    assert_int_equal(0, mkdir(folder, 0700));
    await_file(missing);
}

static void counts_are_kept_over_a_restart(void **state) {
    (void)state;
    router_fixture_start(&fixture);
    use_the_router();
    router_fixture_stop(&fixture);
    assert_int_equal(0, access(paths[0], F_OK));
    router_fixture_start(&fixture);
    char aside[160];
    (void)snprintf(aside, sizeof aside, "%s.bak", paths[0]);
    assert_int_equal(0, access(aside, F_OK));
    metrics(false);
    assert_int_equal(2, (int)sample("simplex_smp_messages_sent"));
    assert_int_equal(1, (int)sample("simplex_smp_queues_created"));
    assert_int_equal(1, (int)sample("simplex_smp_queues_monthly"));
    assert_int_equal(0, (int)sample("simplex_smp_clients_total"));
    use_the_router();
    metrics(false);
    assert_int_equal(4, (int)sample("simplex_smp_messages_sent"));
}

/* ---- the dashboard */

/* Every name in the expression `from` is of a metric that there is. */
static void check_expression(const char *expression) {
    for (const char *from = expression; *from != 0;) {
        size_t length = strspn(from, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        char name[160];
        (void)snprintf(name, sizeof name, "%.*s", (int)length, from);
        if (strncmp(name, "simplex_", 8) == 0 || strncmp(name, "smq_", 4) == 0) {
            char start[2][170];
            (void)snprintf(start[0], sizeof start[0], "\n%s ", name);
            (void)snprintf(start[1], sizeof start[1], "\n%s{", name);
            if (strstr(text.bytes, start[0]) == NULL && strstr(text.bytes, start[1]) == NULL)
                fail_msg("no metric %s", name);
        }
        from += length == 0 ? 1 : length;
    }
}

static void the_dashboard_shows_metrics_that_there_are(void **state) {
    json_error_t error;
    unsigned expressions = 0;
    (void)state;
    router_fixture_start(&fixture);
    use_the_router();
    metrics(false);
    json_t *dashboard = json_load_file(DASHBOARD, 0, &error);
    if (dashboard == NULL)
        fail_msg("%s:%d: %s", DASHBOARD, error.line, error.text);
    assert_true(json_is_string(json_object_get(dashboard, "title")));
    assert_true(json_is_string(json_object_get(dashboard, "uid")));
    assert_true(json_is_integer(json_object_get(dashboard, "schemaVersion")));
    json_t *panels = json_object_get(dashboard, "panels"), *panel, *target;
    size_t i, j;
    int64_t ids[256] = {0};
    json_array_foreach(panels, i, panel) {
        assert_true(json_is_string(json_object_get(panel, "type")));
        assert_true(json_is_string(json_object_get(panel, "title")));
        assert_true(json_is_object(json_object_get(panel, "gridPos")));
        int64_t id = json_integer_value(json_object_get(panel, "id"));
        assert_true(id > 0 && id < 256 && ids[id]++ == 0);
        json_array_foreach(json_object_get(panel, "targets"), j, target) {
            const char *expression = json_string_value(json_object_get(target, "expr"));
            assert_non_null(expression);
            check_expression(expression);
            expressions++;
        }
    }
    assert_true(expressions >= 20);
    json_decref(dashboard);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_name_and_label_of_the_reference_is_there_in_its_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_text_is_one_that_prometheus_takes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_is_written_at_its_interval, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_written_is_counted_and_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_are_kept_over_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_dashboard_shows_metrics_that_there_are, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
