/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Options of smq-bench, how things are dealt out to connections, and what it knows of a process and of cryptography. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "bin/smq-bench/bench_floor.h"
#include "bin/smq-bench/bench_options.h"
#include "bin/smq-bench/bench_process.h"
#include "queues/base/setup.h"
#include "transport/crypto/setup.h"

static struct bench_options options_of(enum bench_mode mode) {
    struct bench_options options;
    bench_options_init(&options, mode);
    options.servers = (struct cli_list){.texts = {"smp://hash@host"}, .count = 1};
    return options;
}

static void assert_mistake(struct bench_options options, const char *word) {
    const char *mistake = NULL;
    assert_int_equal(bench_options_complete(&options, &mistake), SMQ_ERR_INVALID);
    assert_non_null(strstr(mistake, word));
}

static void test_what_cannot_be_measured_is_refused(void **state) {
    (void)state;
    struct bench_options options = options_of(BENCH_SUBS);
    options.servers.count = 0;
    assert_mistake(options, "--server");
    options = options_of(BENCH_MSG);
    options.connections = 1;
    assert_mistake(options, "2 connections");
    options = options_of(BENCH_MSG);
    options.state = "file";
    assert_mistake(options, "--state");
    options = options_of(BENCH_MSG);
    options.servers = (struct cli_list){.texts = {"smp://hash@one", "smp://hash@two"}, .count = 2};
    assert_mistake(options, "several --server");
    options.mode = BENCH_AGENT;
    options.connections = 3;
    assert_mistake(options, "multiple");
    options.mode = BENCH_PROXY;
    assert_mistake(options, "--proxy");
    options.proxies = (struct cli_list){.texts = {"smp://hash@proxy"}, .count = 1};
    options.queues = 1;
    assert_mistake(options, "each server");
    options = options_of(BENCH_QUEUES);
    options.connections = 1000000;
    options.queues = 100000000;
    assert_mistake(options, "queues");
    options = options_of(BENCH_SUBS);
    options.restart = "true";
    assert_mistake(options, "for agent");
    options = options_of(BENCH_AGENT);
    options.restarts = 2;
    assert_mistake(options, "needs --restart");
}

static void test_queues_are_in_all_for_msg_and_of_each_connection_otherwise(void **state) {
    const char *mistake;
    (void)state;
    struct bench_options options = options_of(BENCH_MSG);
    options.connections = 100;
    assert_int_equal(bench_options_complete(&options, &mistake), SMQ_OK);
    assert_int_equal(bench_options_queue_count(&options), 50);
    options.queues = 7;
    assert_int_equal(bench_options_queue_count(&options), 7);
    options = options_of(BENCH_PROXY);
    options.proxies = options.servers;
    assert_int_equal(bench_options_complete(&options, &mistake), SMQ_OK);
    assert_int_equal(bench_options_queue_count(&options), options.connections);
    options = options_of(BENCH_QUEUES);
    options.connections = 100;
    options.queues = 7;
    assert_int_equal(bench_options_complete(&options, &mistake), SMQ_OK);
    assert_int_equal(bench_options_queue_count(&options), 700);
}

static void test_a_command_restarts_routers_once_unless_told_otherwise(void **state) {
    const char *mistake;
    (void)state;
    struct bench_options options = options_of(BENCH_AGENT);
    assert_int_equal(bench_options_complete(&options, &mistake), SMQ_OK);
    assert_int_equal(options.restarts, 0);
    options.restart = "true";
    assert_int_equal(bench_options_complete(&options, &mistake), SMQ_OK);
    assert_int_equal(options.restarts, 1);
    options.restarts = 3;
    assert_int_equal(bench_options_complete(&options, &mistake), SMQ_OK);
    assert_int_equal(options.restarts, 3);
}

static void test_connections_are_dealt_out_to_the_servers_in_turn(void **state) {
    const char *mistake;
    (void)state;
    struct bench_options options = options_of(BENCH_AGENT);
    options.servers = (struct cli_list){.texts = {"smp://hash@one", "smp://hash@two"}, .count = 2};
    options.connections = 4;
    assert_int_equal(bench_options_complete(&options, &mistake), SMQ_OK);
    for (size_t index = 0; index < 4; index++)
        assert_string_equal(bench_server_of(&options.servers, index),
                            index % 2 == 0 ? "smp://hash@one" : "smp://hash@two");
}

static void test_every_thing_has_the_owner_whose_share_it_is_in(void **state) {
    (void)state;
    for (size_t total = 1; total < 40; total++) {
        for (size_t owners = 1; owners < 40; owners++) {
            assert_int_equal(bench_first_of(total, owners, 0), 0);
            assert_int_equal(bench_first_of(total, owners, owners), total);
            for (size_t index = 0; index < total; index++) {
                size_t owner = bench_owner_of(total, owners, index);
                assert_true(owner < owners);
                assert_true(bench_first_of(total, owners, owner) <= index);
                assert_true(index < bench_first_of(total, owners, owner + 1));
            }
        }
    }
}

static void test_cpu_and_memory_of_a_process_are_known(void **state) {
    uint64_t before = 0;
    uint64_t after = 0;
    uint64_t bytes = 0;
    (void)state;
    assert_int_equal(bench_process_cpu_us(getpid(), &before), SMQ_OK);
    do {
        assert_int_equal(bench_process_cpu_us(getpid(), &after), SMQ_OK);
    } while (after < before + 1000);
    assert_int_equal(bench_process_rss_anon(getpid(), &bytes), SMQ_OK);
    assert_true(bytes > 4096 && bytes < (UINT64_C(1) << 32));
    assert_int_equal(bench_process_cpu_us(0x7ffffffe, &before), SMQ_ERR_SYSTEM);
    assert_int_equal(bench_process_rss_anon(0x7ffffffe, &bytes), SMQ_ERR_SYSTEM);
}

static void test_the_floor_of_a_mode_is_the_sum_of_its_parts(void **state) {
    static const size_t parts[BENCH_MODE_COUNT] = {
        [BENCH_MSG] = 7, [BENCH_IDLE] = 0, [BENCH_QUEUES] = 2, [BENCH_SUBS] = 1, [BENCH_AGENT] = 1, [BENCH_PROXY] = 4};
    (void)state;
    for (int mode = 0; mode < BENCH_MODE_COUNT; mode++) {
        struct bench_floor floor;
        double sum = 0;
        assert_int_equal(bench_floor_measure((enum bench_mode)mode, 16048, &floor), SMQ_OK);
        assert_int_equal(floor.count, parts[mode]);
        for (size_t index = 0; index < floor.count; index++) {
            assert_true(floor.parts[index].microseconds > 0);
            sum += floor.parts[index].count * floor.parts[index].microseconds;
        }
        assert_true(sum > floor.microseconds - 0.001 && sum < floor.microseconds + 0.001);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_measured_is_refused),
        cmocka_unit_test(test_queues_are_in_all_for_msg_and_of_each_connection_otherwise),
        cmocka_unit_test(test_a_command_restarts_routers_once_unless_told_otherwise),
        cmocka_unit_test(test_connections_are_dealt_out_to_the_servers_in_turn),
        cmocka_unit_test(test_every_thing_has_the_owner_whose_share_it_is_in),
        cmocka_unit_test(test_cpu_and_memory_of_a_process_are_known),
        cmocka_unit_test(test_the_floor_of_a_mode_is_the_sum_of_its_parts),
    };
    if (base_setup() != SMQ_OK || crypto_setup() != SMQ_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
