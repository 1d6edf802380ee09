/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A device that fails: the real smp-server ends in order with exit code 1, so that whoever runs it starts it again, and
 * nothing that it acknowledged is lost. */
#include <signal.h>
#include <stdlib.h>

#include "test/support/require.h"
#include "test/support/server_process.h"

enum { END_MS = 10000 };

static struct server_process server;
static struct peer peer;
static struct peer_queue queue;
static struct peer_answer answer;

/* Without these the router writes to the store by itself when it starts. */
#define QUIET_START "expire_messages_on_start = off\nexpire_ntfs_ttl = 0\n"

/* Starts a router in which the given calls fail, with a queue that was made before. */
static void start_failing(const char *store_keys, const char *faults) {
    server_process_init(&server, store_keys);
    server_process_start(&server);
    server_process_connect(&server, &peer);
    peer_create_queue(&peer, PEER_SECURED, &queue);
    peer_send_message(&peer, &queue, &queue.sender_key, "kept");
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, END_MS));
    (void)setenv("SMQ_FAULT", faults, 1);
    server_process_start(&server);
    (void)unsetenv("SMQ_FAULT");
    server_process_connect(&server, &peer);
}

/* Sends; whatever the answer is, it is one. */
static enum smp_response_tag send_text(const char *text) {
    struct smp_command command = peer_send_command(slice_of_text(text), false);
    peer_ask(&peer, &queue.sender_key, peer_sender(&queue), &command, &answer);
    return answer.response.tag;
}

static void expect_end_and_restart(void) {
    struct smp_command subscribe = peer_command(SMP_SUB);
    uint8_t id[24];
    assert_true(server_process_await_log(&server, "nothing can be written until it is opened anew"));
    assert_int_equal(1, process_wait(server.process, END_MS));
    peer_close(&peer);
    server_process_start(&server);
    server_process_connect(&server, &peer);
    peer_expect(&peer, &queue.recipient_key, peer_recipient(&queue), &subscribe, SMP_SOK, NULL);
    peer_receive(&peer, &answer);
    peer_check_message(&queue, &answer, "kept", id);
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, END_MS));
    server_process_finish(&server);
}

static void test_a_root_page_that_cannot_be_written_ends_the_router(void **state) {
    (void)state;
    start_failing(QUIET_START, "store_commit_io:0:*,store_panic:0:*");
    assert_int_equal(SMP_ERR, send_text("refused"));
    assert_int_equal(SMP_ERROR_STORE, answer.response.error.code);
    expect_end_and_restart();
}

static void test_commits_that_keep_failing_end_the_router(void **state) {
    (void)state;
    start_failing(QUIET_START, "store_commit_io:0:*");
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(SMP_ERR, send_text("refused"));
    expect_end_and_restart();
}

static void test_one_failing_commit_ends_nothing(void **state) {
    (void)state;
    start_failing(QUIET_START, "store_commit_io:0:1");
    assert_int_equal(SMP_OK, send_text("stored"));
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, END_MS));
    server_process_finish(&server);
}

/* The system forgets pages that it could not write: the next fsync would report success without them. */
static void test_a_sync_that_fails_once_ends_the_router(void **state) {
    (void)state;
    start_failing(QUIET_START "durability = interval\ndurability_interval = 50", "store_sync:0:1");
    assert_int_equal(SMP_OK, send_text("in the page cache"));
    expect_end_and_restart();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_root_page_that_cannot_be_written_ends_the_router),
        cmocka_unit_test(test_commits_that_keep_failing_end_the_router),
        cmocka_unit_test(test_one_failing_commit_ends_nothing),
        cmocka_unit_test(test_a_sync_that_fails_once_ends_the_router),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
