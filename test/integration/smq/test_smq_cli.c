/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq and smq-bench as programs, against a real smp-server process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "test/support/server_process.h"
#include "test/support/socks_server.h"

enum { DEADLINE_MS = 30000, TEXT_SIZE = 8192 };
enum { DONE, LOCAL, NETWORK, REFUSED, FEWER }; /* exit codes of smq */

static struct server_process server;
static struct process *program; /* that ran last */

static int start_router(void **state) {
    (void)state;
    server_process_init(&server, "queue_quota = 4\n[PROXY]\nallow_private = on\n");
    server_process_start(&server);
    return 0;
}

static int stop_router(void **state) {
    (void)state;
    process_destroy(&program);
    server_process_finish(&server);
    return 0;
}

/* Starts `line`, words between blanks, of which @ is the router's address and ~ begins with its folder. */
static void start(const char *name, const char *input, const char *line) {
    static char words[TEXT_SIZE];
    const char *argv[32] = {name};
    size_t count = 1;
    size_t length = 0;
    for (const char *next = line; *next != '\0' && length < sizeof words - 300; next++) {
        const char *piece = *next == '@' && next[-1] == ' '   ? server.address
                            : *next == '~' && next[-1] == ' ' ? server.root
                                                              : NULL;
        if (piece != NULL)
            length += (size_t)snprintf(words + length, sizeof words - length, "%s", piece);
        else
            words[length++] = *next;
    }
    words[length] = '\0';
    char *rest = words;
    for (char *word = strsep(&rest, " "); word != NULL && count < 31; word = strsep(&rest, " "))
        argv[count++] = word;
    argv[count] = NULL;
    process_destroy(&program);
    program = process_start(argv, input);
}

static int run(const char *name, const char *input, const char *line) {
    start(name, input, line);
    return process_wait(program, DEADLINE_MS);
}

static int smq(const char *input, const char *line) {
    return run(BUILD_DIR "/bin/smq", input, line);
}

static void assert_output(const char *text) {
    assert_string_equal(process_output(program), text);
}

static void assert_complaint(const char *text) {
    assert_non_null(strstr(process_errors(program), text));
}

/* A new queue in the files <name>.in and <name>.out; its URI goes to `uri`. */
static void create_queue(const char *name, char uri[TEXT_SIZE]) {
    char line[TEXT_SIZE + 64];
    (void)snprintf(line, sizeof line, "create --queue ~/%s.in @", name);
    assert_int_equal(smq(NULL, line), DONE);
    (void)snprintf(uri, TEXT_SIZE, "%.*s", (int)strcspn(process_output(program), "\n"), process_output(program));
    assert_memory_equal(uri, "smp://", 6);
    (void)snprintf(line, sizeof line, "join --queue ~/%s.out %s", name, uri);
    assert_int_equal(smq(NULL, line), DONE);
}

static void test_messages_go_from_sender_to_recipient(void **state) {
    char uri[TEXT_SIZE];
    (void)state;
    create_queue("basic", uri);
    assert_int_equal(smq(NULL, "secure --queue ~/basic.out"), DONE);
    assert_int_equal(smq("a message\nof two lines\n", "send --queue ~/basic.out"), DONE);
    assert_output("1 sent\n");
    assert_int_equal(smq("first\n\nlast", "send --lines --queue ~/basic.out"), DONE);
    assert_output("3 sent\n");
    assert_int_equal(smq(NULL, "receive --count 1 --queue ~/basic.in"), DONE);
    assert_output("a message\nof two lines\n");
    assert_int_equal(smq(NULL, "receive --lines --queue ~/basic.in"), DONE);
    assert_output("first\n\nlast\n");
    assert_int_equal(smq(NULL, "receive --queue ~/basic.in"), DONE);
    assert_output("");
}

static void test_ping_tells_whether_a_router_answers(void **state) {
    (void)state;
    assert_int_equal(smq(NULL, "ping @"), DONE);
    assert_non_null(strstr(process_output(program), " ms, answered in "));
    assert_int_equal(smq(NULL, "ping --json @"), DONE);
    assert_memory_equal(process_output(program), "{\"connect_ms\":", 14);
    assert_int_equal(smq(NULL, "ping --timeout 5 smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@127.0.0.1:9"),
                     NETWORK);
    assert_complaint("smq ping: cannot connect");
    assert_int_equal(smq(NULL, "ping"), LOCAL);
}

static void test_a_recipient_waits_for_messages_that_are_not_there_yet(void **state) {
    char uri[TEXT_SIZE];
    (void)state;
    create_queue("wait", uri);
    start(BUILD_DIR "/bin/smq", NULL, "receive --count 2 --lines --queue ~/wait.in");
    struct process *recipient = program;
    program = NULL;
    assert_int_equal(smq("one\ntwo\n", "send --lines --queue ~/wait.out"), DONE);
    assert_int_equal(process_wait(recipient, DEADLINE_MS), DONE);
    assert_string_equal(process_output(recipient), "one\ntwo\n");
    process_destroy(&recipient);
    assert_int_equal(smq(NULL, "receive --count 1 --wait 1 --queue ~/wait.in"), FEWER);
    assert_complaint("0 of 1 messages");
}

static void test_a_secured_queue_refuses_strangers(void **state) {
    char uri[TEXT_SIZE];
    char line[TEXT_SIZE + 64];
    (void)state;
    create_queue("secured", uri);
    (void)snprintf(line, sizeof line, "send --uri %s", uri);
    assert_int_equal(smq("before", line), DONE);
    assert_int_equal(smq(NULL, "secure --queue ~/secured.out"), DONE);
    assert_int_equal(smq("after", line), REFUSED);
    assert_complaint("AUTH");
    assert_int_equal(smq("of the sender", "send --queue ~/secured.out"), DONE);
    assert_int_equal(smq(NULL, "receive --lines --queue ~/secured.in"), DONE);
    assert_output("before\nof the sender\n");
}

static void test_the_recipient_secures_with_the_key_that_join_printed(void **state) {
    char uri[TEXT_SIZE];
    char line[TEXT_SIZE + 64];
    (void)state;
    create_queue("by-recipient", uri);
    (void)snprintf(line, sizeof line, "secure --queue ~/by-recipient.in --key %.*s",
                   (int)strcspn(process_output(program), "\n"), process_output(program));
    assert_int_equal(smq(NULL, "secure --queue ~/by-recipient.in"), LOCAL);
    assert_complaint("--key");
    assert_int_equal(smq(NULL, line), DONE);
    assert_int_equal(smq("too early", "send --queue ~/by-recipient.out"), REFUSED);
    assert_int_equal(smq(NULL, "secure --already --queue ~/by-recipient.out"), DONE);
    assert_int_equal(smq("let in", "send --queue ~/by-recipient.out"), DONE);
    assert_int_equal(smq(NULL, "receive --queue ~/by-recipient.in"), DONE);
    assert_output("let in");
}

/* The value of a text of the object that was printed last. */
static json_t *printed_object(void) {
    json_error_t mistake;
    json_t *object = json_loads(process_output(program), JSON_DISABLE_EOF_CHECK, &mistake);
    assert_non_null(object);
    return object;
}

static void test_json_tells_ids_bodies_and_mistakes(void **state) {
    char uri[TEXT_SIZE];
    char line[TEXT_SIZE];
    (void)state;
    create_queue("json", uri);
    assert_int_equal(smq("hello", "send --json --queue ~/json.out"), DONE);
    assert_output("{\"sent\":1}\n");
    assert_int_equal(smq(NULL, "receive --keep --json --queue ~/json.in"), DONE);
    json_t *message = printed_object();
    assert_string_equal(json_string_value(json_object_get(message, "body")), "hello");
    (void)snprintf(line, sizeof line, "acknowledge --json --queue ~/json.in --message %s",
                   json_string_value(json_object_get(message, "message_id")));
    assert_int_equal(smq(NULL, "acknowledge --queue ~/json.in --message AAAA"), REFUSED);
    assert_int_equal(smq(NULL, line), DONE);
    assert_int_equal(smq(NULL, line), REFUSED);
    assert_int_equal(json_object_size(message), 4);
    json_decref(message);
    json_t *mistake = printed_object();
    assert_non_null(strstr(json_string_value(json_object_get(mistake, "error")), "empty"));
    json_decref(mistake);
    assert_int_equal(smq("\377", "send --queue ~/json.out"), DONE);
    assert_int_equal(smq(NULL, "receive --json --queue ~/json.in"), DONE);
    message = printed_object();
    assert_string_equal(json_string_value(json_object_get(message, "body_base64url")), "_w==");
    json_decref(message);
    assert_int_equal(smq(NULL, "info --json --queue ~/json.in"), DONE);
    json_t *info = printed_object();
    assert_string_equal(json_string_value(json_object_get(info, "side")), "recipient");
    assert_string_equal(json_string_value(json_object_get(info, "uri")), uri);
    assert_true(json_is_object(json_object_get(info, "router")));
    json_decref(info);
    assert_int_equal(smq(NULL, "info --queue ~/json.out"), DONE);
    assert_non_null(strstr(process_output(program), "not secured"));
}

static void test_a_full_queue_tells_how_many_were_accepted(void **state) {
    char uri[TEXT_SIZE];
    (void)state;
    create_queue("full", uri);
    assert_int_equal(smq("1\n2\n3\n4\n5\n6\n", "send --lines --queue ~/full.out"), REFUSED);
    assert_output("4 sent\n");
    assert_complaint("QUOTA");
    assert_int_equal(smq(NULL, "receive --lines --queue ~/full.in"), DONE);
    assert_output("1\n2\n3\n4\n");
    assert_complaint("full");
    assert_int_equal(smq("7\n", "send --lines --queue ~/full.out"), DONE);
}

static void test_delete_ends_the_queue_and_its_file(void **state) {
    char uri[TEXT_SIZE];
    char path[128];
    (void)state;
    create_queue("gone", uri);
    (void)snprintf(path, sizeof path, "%s/gone.in", server.root);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(smq(NULL, "delete --queue ~/gone.out"), LOCAL);
    assert_int_equal(smq(NULL, "delete --queue ~/gone.in"), DONE);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(smq("x", "send --queue ~/gone.out"), REFUSED);
}

static void test_mistakes_are_told_and_leave_no_file(void **state) {
    char path[128];
    char line[128];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/none.in", server.root);
    assert_int_equal(smq(NULL, "create @"), LOCAL);
    assert_complaint("--queue is missing");
    assert_int_equal(smq(NULL, "create --queue ~/none.in smp://nonsense"), LOCAL);
    (void)snprintf(line, sizeof line, "create --queue ~/none.in smp://%.*s@127.0.0.1:%u",
                   (int)(strchr(server.address, '@') - server.address - 6), server.address + 6, (unsigned)free_port());
    assert_int_equal(smq(NULL, line), NETWORK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(smq(NULL, "join --queue ~/none.in nonsense"), LOCAL);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(smq(NULL, "receive --queue ~/none.in"), LOCAL);
    assert_complaint("No such file");
    assert_int_equal(smq(NULL, "send --queue ~/none.in /nowhere"), LOCAL);
    assert_int_equal(smq(NULL, "frobnicate"), LOCAL);
    assert_int_equal(smq(NULL, "receive --help"), DONE);
}

static void test_routers_are_reached_through_a_proxy(void **state) {
    char line[TEXT_SIZE];
    int identity = (int)strcspn(server.address, "@");
    struct socks_server proxy = {.target_port = server.port};
    (void)state;
    socks_server_start(&proxy);
    (void)snprintf(line, sizeof line, "create --queue ~/onion.in --socks 127.0.0.1:%u %.*s@a.invalid,b.onion",
                   (unsigned)proxy.port, identity, server.address);
    assert_int_equal(smq(NULL, line), DONE);
    assert_int_equal(atomic_load(&proxy.request_count), 1);
    assert_string_equal(proxy.requests[0].host, "b.onion");
    assert_int_equal(strlen(proxy.requests[0].user), 44);
    (void)snprintf(line, sizeof line, "receive --queue ~/onion.in --socks me:secret@127.0.0.1:%u --host-mode public",
                   (unsigned)proxy.port);
    assert_int_equal(smq(NULL, line), DONE);
    assert_int_equal(atomic_load(&proxy.request_count), 2);
    assert_string_equal(proxy.requests[1].host, "a.invalid");
    assert_string_equal(proxy.requests[1].user, "me");
    assert_string_equal(proxy.requests[1].password, "secret");
    socks_server_stop(&proxy);
    assert_int_equal(smq(NULL, line), NETWORK);
    assert_int_equal(smq(NULL, "receive --queue ~/onion.in --socks localhost:9050"), LOCAL);
    assert_complaint("--socks: expected");
    assert_int_equal(smq(NULL, "receive --queue ~/onion.in --host-mode tor"), LOCAL);
}

static void test_a_recipient_is_told_when_the_router_dies(void **state) {
    char uri[TEXT_SIZE];
    (void)state;
    create_queue("dies", uri);
    start(BUILD_DIR "/bin/smq", NULL, "receive --count 2 --lines --queue ~/dies.in");
    struct process *recipient = program;
    program = NULL;
    assert_int_equal(smq("one\n", "send --lines --queue ~/dies.out"), DONE);
    assert_true(process_wait_output(recipient, "one\n", DEADLINE_MS));
    server_process_kill(&server);
    assert_int_equal(process_wait(recipient, DEADLINE_MS), NETWORK);
    assert_memory_equal(process_errors(recipient), "smq receive: ", 13);
    process_destroy(&recipient);
    server_process_start(&server);
    assert_int_equal(smq("two\n", "send --lines --queue ~/dies.out"), DONE);
    assert_int_equal(smq(NULL, "receive --count 1 --lines --queue ~/dies.in"), DONE);
}

static void test_a_subscriber_gets_messages_until_it_is_ended(void **state) {
    char uri[TEXT_SIZE];
    (void)state;
    create_queue("subscriber", uri);
    start(BUILD_DIR "/bin/smq", NULL, "subscribe --lines --queue ~/subscriber.in");
    struct process *recipient = program;
    program = NULL;
    assert_int_equal(smq("one\ntwo\n", "send --lines --queue ~/subscriber.out"), DONE);
    assert_true(process_wait_output(recipient, "one\ntwo\n", DEADLINE_MS));
    assert_int_equal(smq(NULL, "delete --queue ~/subscriber.in"), DONE);
    assert_int_equal(process_wait(recipient, DEADLINE_MS), REFUSED);
    process_destroy(&recipient);
}

static void test_a_watcher_outlives_the_router(void **state) {
    char uri[TEXT_SIZE];
    (void)state;
    create_queue("watch-a", uri);
    create_queue("watch-b", uri);
    start(BUILD_DIR "/bin/smq", NULL, "watch --json ~/watch-a.in ~/watch-b.in");
    struct process *watcher = program;
    program = NULL;
    assert_int_equal(smq("first", "send --queue ~/watch-a.out"), DONE);
    assert_true(process_wait_output(watcher, "\"first\"", DEADLINE_MS));
    server_process_kill(&server);
    assert_true(process_wait_output(watcher, "connection lost", DEADLINE_MS));
    server_process_start(&server);
    assert_int_equal(smq("second", "send --queue ~/watch-b.out"), DONE);
    assert_int_equal(smq("third", "send --queue ~/watch-a.out"), DONE);
    assert_true(process_wait_output(watcher, "\"second\"", DEADLINE_MS));
    assert_true(process_wait_output(watcher, "\"third\"", DEADLINE_MS));
    process_signal(watcher, SIGINT);
    assert_int_equal(process_wait(watcher, DEADLINE_MS), DONE);
    const char *first = strstr(process_output(watcher), "\"first\"");
    assert_null(strstr(first + 1, "\"first\"")); /* once */
    process_destroy(&watcher);
    assert_int_equal(smq(NULL, "receive --queue ~/watch-a.in"), DONE);
    assert_output(""); /* all were acknowledged */
    assert_int_equal(smq(NULL, "receive --queue ~/watch-b.in"), DONE);
    assert_output("");
}

static void test_a_watcher_ends_after_so_many_messages_or_without_queues(void **state) {
    char uri[TEXT_SIZE];
    (void)state;
    create_queue("watch-c", uri);
    assert_int_equal(smq("1\n2\n3\n", "send --lines --queue ~/watch-c.out"), DONE);
    assert_int_equal(smq(NULL, "watch --count 2 --lines ~/watch-c.in"), DONE);
    assert_output("1\n2\n");
    assert_int_equal(smq(NULL, "watch ~/watch-c.out"), LOCAL);
    start(BUILD_DIR "/bin/smq", NULL, "watch --lines ~/watch-c.in");
    struct process *watcher = program;
    program = NULL;
    assert_true(process_wait_output(watcher, "3\n", DEADLINE_MS));
    assert_int_equal(smq(NULL, "delete --queue ~/watch-c.in"), DONE);
    assert_int_equal(process_wait(watcher, DEADLINE_MS), REFUSED);
    assert_non_null(strstr(process_errors(watcher), "the queue was deleted"));
    process_destroy(&watcher);
}

/* The router forwards to itself. */
static void test_a_sender_secures_and_sends_through_a_proxy(void **state) {
    char uri[TEXT_SIZE];
    (void)state;
    create_queue("proxied", uri);
    assert_int_equal(smq(NULL, "secure --queue ~/proxied.in --key AAAA --proxy @"), LOCAL);
    assert_complaint("--proxy is for senders");
    assert_int_equal(smq(NULL, "secure --queue ~/proxied.out --proxy @"), DONE);
    assert_int_equal(smq("one\ntwo\n", "send --lines --queue ~/proxied.out --proxy @"), DONE);
    assert_int_equal(smq(NULL, "receive --lines --queue ~/proxied.in"), DONE);
    assert_output("one\ntwo\n");
    assert_int_equal(smq(NULL, "delete --queue ~/proxied.in"), DONE);
    assert_int_equal(smq("x", "send --queue ~/proxied.out --proxy @"), REFUSED);
    assert_complaint("AUTH");
}

/* ---- smq-bench ---- */

/* Runs a mode with --json and --server-pid; checks the keys and gives the object. */
static json_t *bench(const char *line) {
    static const char *const percentiles[] = {"p50", "p99", "p999", "max"};
    char whole[512];
    (void)snprintf(whole, sizeof whole, "%s --json --server @ --server-pid %d", line, process_id(server.process));
    int status = run(BUILD_DIR "/bin/smq-bench", NULL, whole);
    if (status != 0)
        print_message("%s%s", process_output(program), process_errors(program));
    assert_int_equal(status, 0);
    json_t *object = printed_object();
    assert_true(json_real_value(json_object_get(object, "operations_per_s")) > 0);
    assert_true(json_real_value(json_object_get(object, "server_cpu_us_per_operation")) > 0);
    assert_true(json_integer_value(json_object_get(object, "server_rss_anon_bytes")) > 0);
    assert_int_equal(json_integer_value(json_object_get(object, "errors")), 0);
    double former = 0;
    for (size_t index = 0; index < 4; index++) {
        double value = json_real_value(json_object_get(json_object_get(object, "latency_ms"), percentiles[index]));
        assert_true(value >= former && value > 0);
        former = value;
    }
    return object;
}

static void assert_ratio(json_t *object) {
    double cpu = json_real_value(json_object_get(object, "server_cpu_us_per_operation"));
    double floor = json_real_value(json_object_get(object, "floor_us_per_operation"));
    double ratio = json_real_value(json_object_get(object, "floor_ratio"));
    assert_true(floor > 0);
    assert_true(ratio > cpu / floor * 0.999 && ratio < cpu / floor * 1.001);
    json_decref(object);
}

static void test_bench_measures_messages(void **state) {
    (void)state;
    assert_ratio(bench("msg --connections 4 --queues 3 --seconds 1 --warm-up 0"));
    json_t *paced = bench("msg --connections 2 --queues 2 --seconds 1 --warm-up 0 --rate 20 --size 100");
    assert_true(json_integer_value(json_object_get(paced, "operations")) <= 21);
    assert_int_equal(json_integer_value(json_object_get(paced, "size")), 100);
    assert_ratio(paced);
}

static void test_bench_creates_queues_and_subscribes_to_them_again(void **state) {
    (void)state;
    json_t *created = bench("queues --connections 2 --queues 300 --state ~/queues");
    assert_int_equal(json_integer_value(json_object_get(created, "operations")), 600);
    assert_ratio(created);
    json_t *subscribed = bench("subs --connections 3 --state ~/queues");
    assert_int_equal(json_integer_value(json_object_get(subscribed, "operations")), 600);
    assert_ratio(subscribed);
    subscribed = bench("subs --connections 2 --queues 5");
    assert_int_equal(json_integer_value(json_object_get(subscribed, "operations")), 10);
    assert_ratio(subscribed);
}

static void test_bench_subscribes_through_agents(void **state) {
    (void)state;
    json_t *created = bench("queues --connections 2 --queues 300 --state ~/queues");
    json_decref(created);
    json_t *subscribed = bench("agent --connections 3 --state ~/queues");
    assert_int_equal(json_integer_value(json_object_get(subscribed, "operations")), 600);
    assert_true(json_is_real(json_object_get(subscribed, "server_rss_anon_per_subscription_bytes")));
    assert_ratio(subscribed);
    subscribed = bench("agent --connections 2 --queues 5 --server @");
    assert_int_equal(json_integer_value(json_object_get(subscribed, "operations")), 10);
    assert_ratio(subscribed);
}

/* A command for smq-bench that asks this program to restart the router: it makes a file and waits for another one. */
static void write_restart_command(char path[128], char asked[128], char done[128]) {
    (void)snprintf(path, 128, "%s/restart", server.root);
    (void)snprintf(asked, 128, "%s/restart.asked", server.root);
    (void)snprintf(done, 128, "%s/restart.done", server.root);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(
        fputs("#!/bin/sh\necho restarting\n>$0.asked\nwhile [ ! -e $0.done ]; do sleep 0.02; done\nrm $0.done\n",
              file) >= 0);
    assert_int_equal(fchmod(fileno(file), 0700), 0);
    assert_int_equal(fclose(file), 0);
}

static void touch(const char *path) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void await_and_remove(const char *path) {
    uint64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    while (unlink(path) != 0) {
        assert_true(clock_monotonic_ms() < deadline);
        (void)poll(NULL, 0, 5);
    }
}

static void test_bench_restarts_routers_under_agents(void **state) {
    char path[128], asked[128], done[128], line[512];
    (void)state;
    write_restart_command(path, asked, done);
    (void)snprintf(line, sizeof line, "agent --json --server @ --connections 3 --queues 50 --restarts 2 --restart %s",
                   path);
    start(BUILD_DIR "/bin/smq-bench", NULL, line);
    for (int i = 0; i < 2; i++) {
        await_and_remove(asked);
        server_process_kill(&server);
        server_process_start(&server);
        touch(done);
    }
    assert_int_equal(process_wait(program, DEADLINE_MS), 0);
    json_t *told = printed_object();
    json_t *restarts = json_object_get(told, "restarts");
    assert_int_equal(json_array_size(restarts), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *restart = json_array_get(restarts, i);
        assert_int_equal(json_integer_value(json_object_get(restart, "lost")), 150);
        assert_true(json_real_value(json_object_get(restart, "active_again_s")) > 0);
        assert_true(json_real_value(json_object_get(restart, "command_s")) > 0);
    }
    assert_int_equal(json_integer_value(json_object_get(told, "errors")), 0);
    json_decref(told);
}

static void test_bench_tells_that_its_command_failed(void **state) {
    (void)state;
    assert_int_equal(run(BUILD_DIR "/bin/smq-bench", NULL, "agent --server @ --restart false"), 1);
    assert_complaint("the command that restarts routers failed");
}

static void test_bench_sends_through_a_proxy(void **state) {
    (void)state;
    json_t *forwarded = bench("proxy --proxy @ --connections 2 --queues 4 --seconds 1 --warm-up 0");
    assert_int_equal(json_object_size(json_object_get(forwarded, "floor")), 4);
    assert_ratio(forwarded);
}

static void test_bench_holds_idle_connections(void **state) {
    (void)state;
    json_t *idle = bench("idle --connections 20 --seconds 1");
    assert_int_equal(json_integer_value(json_object_get(idle, "operations")), 20);
    assert_true(json_is_null(json_object_get(idle, "floor_ratio")));
    json_decref(idle);
}

static void test_bench_refuses_what_it_cannot_measure(void **state) {
    (void)state;
    assert_int_equal(run(BUILD_DIR "/bin/smq-bench", NULL, "msg"), 1);
    assert_complaint("--server is missing");
    assert_int_equal(run(BUILD_DIR "/bin/smq-bench", NULL, "subs --server @ --state ~/absent"), 1);
    assert_complaint("No such file");
    assert_int_equal(run(BUILD_DIR "/bin/smq-bench", NULL, "msg --server @ --size 16088"), 1);
    assert_complaint("16048");
    assert_int_equal(run(BUILD_DIR "/bin/smq-bench", NULL, "idle --server @ --server-pid 2147483646"), 1);
    assert_complaint("no such process");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_go_from_sender_to_recipient),
        cmocka_unit_test(test_ping_tells_whether_a_router_answers),
        cmocka_unit_test(test_a_recipient_waits_for_messages_that_are_not_there_yet),
        cmocka_unit_test(test_a_secured_queue_refuses_strangers),
        cmocka_unit_test(test_the_recipient_secures_with_the_key_that_join_printed),
        cmocka_unit_test(test_json_tells_ids_bodies_and_mistakes),
        cmocka_unit_test(test_a_full_queue_tells_how_many_were_accepted),
        cmocka_unit_test(test_delete_ends_the_queue_and_its_file),
        cmocka_unit_test(test_mistakes_are_told_and_leave_no_file),
        cmocka_unit_test(test_routers_are_reached_through_a_proxy),
        cmocka_unit_test(test_a_recipient_is_told_when_the_router_dies),
        cmocka_unit_test(test_a_subscriber_gets_messages_until_it_is_ended),
        cmocka_unit_test(test_a_watcher_outlives_the_router),
        cmocka_unit_test(test_a_watcher_ends_after_so_many_messages_or_without_queues),
        cmocka_unit_test(test_a_sender_secures_and_sends_through_a_proxy),
        cmocka_unit_test(test_bench_measures_messages),
        cmocka_unit_test(test_bench_creates_queues_and_subscribes_to_them_again),
        cmocka_unit_test(test_bench_subscribes_through_agents),
        cmocka_unit_test(test_bench_restarts_routers_under_agents),
        cmocka_unit_test(test_bench_tells_that_its_command_failed),
        cmocka_unit_test(test_bench_sends_through_a_proxy),
        cmocka_unit_test(test_bench_holds_idle_connections),
        cmocka_unit_test(test_bench_refuses_what_it_cannot_measure),
    };
    return cmocka_run_group_tests(tests, start_router, stop_router);
}
