/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Map full, disk full, failing commits: a clear error to the client, nothing acknowledged is lost, reading and
 * deleting go on, and service returns when space does. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "queues/base/fault.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/server_process.h"

enum { BODY_SIZE = 15000, ENOUGH = 20, MOST = 4000 };

/* A queue that is filled and emptied; both sides count. */
struct vessel {
    struct peer sender;
    struct peer recipient;
    struct peer_queue queue;
    uint32_t sent;     /* acknowledged SENDs */
    uint32_t received; /* acknowledged ACKs */
    uint8_t id[24];    /* of the message in flight */
};

static struct vessel vessel;
static struct peer_answer answer;
static char expected_text[BODY_SIZE + 1];

/* The number, then padding. */
static const char *body_of(uint32_t number) {
    memset(expected_text, 'a' + (int)(number % 26), BODY_SIZE);
    int length = snprintf(expected_text, sizeof expected_text, "%u", number);
    expected_text[length] = ' ';
    expected_text[BODY_SIZE] = '\0';
    return expected_text;
}

static void open_vessel(const struct peer_options *options) {
    memset(&vessel, 0, sizeof vessel);
    peer_connect(&vessel.sender, options);
    peer_connect(&vessel.recipient, options);
    peer_create_queue(&vessel.recipient, PEER_SECURED, &vessel.queue);
}

static void reconnect(const struct peer_options *options) {
    peer_close(&vessel.sender);
    peer_close(&vessel.recipient);
    peer_connect(&vessel.sender, options);
    peer_connect(&vessel.recipient, options);
}

static void close_vessel(void) {
    peer_close(&vessel.sender);
    peer_close(&vessel.recipient);
}

/* Whether the next message was accepted; if not, the answer must be the error of a full store. */
static bool try_send(void) {
    struct smp_command command = peer_send_command(slice_of_text(body_of(vessel.sent)), false);
    peer_ask(&vessel.sender, &vessel.queue.sender_key, peer_sender(&vessel.queue), &command, &answer);
    if (answer.response.tag == SMP_OK) {
        vessel.sent++;
        return true;
    }
    char text[256];
    assert_string_equal("ERR", smp_response_tag_text(answer.response.tag));
    assert_string_equal("STORE the store is full", smp_error_text(&answer.response.error, text, sizeof text));
    return false;
}

static void fill(void) {
    uint32_t before = vessel.sent;
    while (try_send())
        assert_true(vessel.sent < before + MOST);
}

static void subscribe(void) {
    struct smp_command command = peer_command(SMP_SUB);
    peer_expect(&vessel.recipient, &vessel.queue.recipient_key, peer_recipient(&vessel.queue), &command, SMP_SOK, NULL);
    if (vessel.received == vessel.sent)
        return;
    peer_receive(&vessel.recipient, &answer);
    peer_check_message(&vessel.queue, &answer, body_of(vessel.received), vessel.id);
}

/* Acknowledges the message in flight, and gets the next. */
static void consume_one(void) {
    bool is_last = vessel.received + 1 == vessel.sent;
    peer_acknowledge(&vessel.recipient, &vessel.queue, vessel.id, is_last ? SMP_OK : SMP_MSG, &answer);
    vessel.received++;
    if (!is_last)
        peer_check_message(&vessel.queue, &answer, body_of(vessel.received), vessel.id);
}

/* The first message of an empty queue comes by itself. */
static void receive_pushed(void) {
    peer_receive(&vessel.recipient, &answer);
    peer_check_message(&vessel.queue, &answer, body_of(vessel.received), vessel.id);
}

static void consume_all(void) {
    while (vessel.received < vessel.sent)
        consume_one();
}

/* Frees room message by message until the store takes one again, which it must before half of them are gone. */
static void consume_until_accepted(void) {
    uint32_t most = vessel.received + (vessel.sent - vessel.received) / 2;
    do {
        assert_true(vessel.received < most);
        consume_one();
    } while (!try_send());
}

/* ---- map full ---- */

static struct router_fixture fixture;
static struct peer_options options;

static int setup_router(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.map_size = 2 << 20;
    fixture.config.queue_quota = MOST;
    router_fixture_start(&fixture);
    options = router_fixture_peer_options(&fixture);
    return 0;
}

static int teardown_router(void **state) {
    (void)state;
    fault_disarm_all();
    router_fixture_finish(&fixture);
    return 0;
}

static void test_full_map_refuses_what_grows_and_serves_the_rest(void **state) {
    (void)state;
    struct smp_router_statistics statistics;
    open_vessel(&options);
    fill();
    assert_true(vessel.sent >= ENOUGH);
    smp_router_statistics(fixture.router, &statistics);
    assert_int_equal(vessel.sent, statistics.messages);
    assert_true(statistics.store_failures > 0);
    struct smp_command ping = peer_command(SMP_PING);
    peer_expect(&vessel.sender, NULL, slice_of(NULL, 0), &ping, SMP_PONG, NULL);
    subscribe();
    consume_until_accepted();
    consume_all();
    fill();
    assert_true(vessel.sent - vessel.received >= ENOUGH);
    receive_pushed();
    consume_all();
    close_vessel();
}

static void test_full_map_takes_a_deletion_and_then_new_queues(void **state) {
    (void)state;
    struct smp_command delete = peer_command(SMP_DEL);
    struct smp_router_statistics statistics;
    open_vessel(&options);
    fill();
    peer_expect(&vessel.recipient, &vessel.queue.recipient_key, peer_recipient(&vessel.queue), &delete, SMP_OK, NULL);
    close_vessel();
    smp_router_statistics(fixture.router, &statistics);
    assert_int_equal(0, statistics.messages);
    assert_int_equal(0, statistics.queues);
    open_vessel(&options);
    fill();
    assert_true(vessel.sent >= ENOUGH);
    subscribe();
    consume_all();
    close_vessel();
}

static void test_full_map_survives_a_restart(void **state) {
    (void)state;
    open_vessel(&options);
    fill();
    router_fixture_stop(&fixture);
    router_fixture_start(&fixture);
    reconnect(&options);
    assert_false(try_send());
    subscribe();
    consume_until_accepted();
    consume_all();
    close_vessel();
}

/* ---- commits that fail ---- */

static void expect_store_error(struct peer *peer, const struct key_pair *key, struct slice entity_id,
                               const struct smp_command *command) {
    peer_ask(peer, key, entity_id, command, &answer);
    assert_string_equal("ERR", smp_response_tag_text(answer.response.tag));
    assert_int_equal(SMP_ERROR_STORE, answer.response.error.code);
}

static void fail_commits_and_recover(enum fault_point point) {
    struct smp_command send = peer_send_command(slice_of_text("refused"), false);
    struct smp_command acknowledge = peer_command(SMP_ACK);
    open_vessel(&options);
    for (unsigned i = 0; i < 3; i++)
        assert_true(try_send());
    subscribe();
    fault_arm(point, 0, UINT64_MAX);
    expect_store_error(&vessel.sender, &vessel.queue.sender_key, peer_sender(&vessel.queue), &send);
    acknowledge.message_id = slice_of(vessel.id, sizeof vessel.id);
    expect_store_error(&vessel.recipient, &vessel.queue.recipient_key, peer_recipient(&vessel.queue), &acknowledge);
    assert_true(fault_fired(point) >= 2);
    fault_disarm_all();
    consume_one();
    assert_true(try_send());
    consume_all();
    close_vessel();
}

static void test_failing_commits_are_told_and_nothing_else_is_lost(void **state) {
    (void)state;
    fail_commits_and_recover(FAULT_POINT_store_commit_io);
    fail_commits_and_recover(FAULT_POINT_store_commit_full);
}

/* Of the commands that one transaction gathered, only those that need room may fail for want of it. */
static void test_one_full_commit_spares_what_needs_no_room(void **state) {
    (void)state;
    open_vessel(&options);
    assert_true(try_send());
    assert_true(try_send());
    subscribe();
    fault_arm(FAULT_POINT_store_commit_full, 0, 1);
    consume_one();
    assert_int_equal(1, fault_fired(FAULT_POINT_store_commit_full));
    fault_arm(FAULT_POINT_store_commit_full, 0, 1);
    assert_false(try_send());
    assert_true(try_send());
    consume_all();
    close_vessel();
}

/* ---- disk full ---- */

static struct server_process server;

static int setup_server(void **state) {
    (void)state;
    (void)signal(SIGXFSZ, SIG_DFL); /* what whoever started the test ignores, smp-server would inherit */
    server_process_init(&server, "map_size = 256M\nqueue_quota = 4000");
    server_process_start(&server);
    options = server_process_peer_options(&server);
    return 0;
}

static int teardown_server(void **state) {
    (void)state;
    server_process_finish(&server);
    return 0;
}

static uint64_t data_file_size(void) {
    char path[112];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/store/data.mdb", server.data);
    assert_int_equal(0, stat(path, &status));
    return (uint64_t)status.st_size;
}

/* The kernel refuses to make files larger than they are: to the store, a disk without room. */
static void test_full_disk_refuses_what_grows_loses_nothing_and_service_returns(void **state) {
    (void)state;
    open_vessel(&options);
    for (unsigned i = 0; i < ENOUGH; i++)
        assert_true(try_send());
    server_process_limit(&server, RLIMIT_FSIZE, data_file_size());
    fill();
    assert_true(server_process_await_log(&server, "store: full"));
    subscribe();
    consume_until_accepted();
    fill();
    server_process_limit(&server, RLIMIT_FSIZE, RLIM_INFINITY);
    for (unsigned i = 0; i < 5 * ENOUGH; i++)
        assert_true(try_send());
    consume_all();
    close_vessel();
    assert_int_equal(0, server_process_stop(&server, SIGTERM, 3000));
}

static void test_what_a_full_disk_took_survives_sigkill(void **state) {
    (void)state;
    open_vessel(&options);
    assert_true(try_send());
    server_process_limit(&server, RLIMIT_FSIZE, data_file_size());
    fill();
    assert_true(vessel.sent >= ENOUGH);
    server_process_kill(&server);
    server_process_start(&server);
    reconnect(&options);
    assert_true(try_send());
    subscribe();
    consume_all();
    close_vessel();
}

#define IN_ROUTER(test) cmocka_unit_test_setup_teardown(test, setup_router, teardown_router)
#define IN_SERVER(test) cmocka_unit_test_setup_teardown(test, setup_server, teardown_server)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_ROUTER(test_full_map_refuses_what_grows_and_serves_the_rest),
        IN_ROUTER(test_full_map_takes_a_deletion_and_then_new_queues),
        IN_ROUTER(test_full_map_survives_a_restart),
        IN_ROUTER(test_failing_commits_are_told_and_nothing_else_is_lost),
        IN_ROUTER(test_one_full_commit_spares_what_needs_no_room),
        IN_SERVER(test_full_disk_refuses_what_grows_loses_nothing_and_service_returns),
        IN_SERVER(test_what_a_full_disk_took_survives_sigkill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
