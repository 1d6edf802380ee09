/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* xftp-server killed at each step of an upload, and twenty times under load: what was answered is there and whole, the
 * quota is exact, and no chunk file is left that nobody would remove. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stores/lmdb/store.h"
#include "stores/xftp/file_check.h"
#include "test/support/require.h"
#include "test/support/xftp_process.h"

enum { KILLS = 20, FILES_MAX = 512, STREAMS = 6, KILL_STEPS_MAX = 16 };

static struct xftp_process server;
static struct xftp_peer_file answered[FILES_MAX];
static unsigned answered_count;

static int set_up(void **state) {
    (void)state;
    answered_count = 0;
    xftp_process_init(&server, "storage_quota: 1gb\n");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    xftp_process_finish(&server);
    return 0;
}

#define KILL_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void tell(void *context, const char *line) {
    (void)context;
    print_error("%s\n", line);
}

static unsigned count_chunk_files(void) {
    unsigned count = 0;
    DIR *directory = opendir(server.files);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += entry->d_type == DT_REG;
    closedir(directory);
    return count;
}

/* With the router stopped in order, after the start that put things right. */
static void expect_whole_store(void) {
    char path[128];
    struct store *store = NULL;
    struct store_reader *reader = NULL;
    struct store_txn *txn;
    struct chunk_folder *folder = NULL;
    struct file_totals totals;
    (void)snprintf(path, sizeof path, "%s/store", server.data);
    assert_int_equal(store_open_to_read(&file_store_layout, path, &store), SMQ_OK);
    assert_int_equal(store_reader_create(store, &reader), SMQ_OK);
    assert_int_equal(store_reader_begin(reader, &txn), SMQ_OK);
    assert_int_equal(chunk_folder_open(server.files, &folder), SMQ_OK);
    assert_false(chunk_folder_was_left(folder));
    assert_int_equal(file_store_check(txn, folder, tell, NULL), 0);
    file_totals_get(txn, &totals);
    chunk_folder_close(&folder, true);
    store_reader_destroy(&reader);
    store_close(&store);
    assert_int_equal(count_chunk_files(), totals.chunks);
}

/* Starts the router again, and looks at all that it has answered for; once, at the end of a test: each start looks at
 * what the last process left. */
static void expect_all_answered(void) {
    struct xftp_peer peer;
    xftp_process_start(&server);
    xftp_process_connect(&server, &peer);
    for (unsigned i = 0; i < answered_count; i++)
        assert_int_equal(xftp_peer_get(&peer, &answered[i], 0).code, XFTP_ERROR_NONE);
    xftp_peer_close(&peer);
    assert_int_equal(xftp_process_stop(&server, SIGTERM), 0);
    expect_whole_store();
}

/* One FPUT's stream. */
static struct xftp_stream *begin_put(struct xftp_peer *peer, const struct xftp_peer_file *file) {
    const struct xftp_command command = {.tag = XFTP_FPUT};
    uint8_t *body = malloc(XFTP_BLOCK_SIZE + file->size);
    uint8_t *bytes = xftp_chunk_bytes(file->size, file->seed);
    assert_non_null(body);
    xftp_peer_block(peer, &file->sender, xftp_file_sender(file), &command, body);
    memcpy(body + XFTP_BLOCK_SIZE, bytes, file->size);
    free(bytes);
    struct xftp_stream *stream = xftp_peer_begin(peer, "POST", NULL, body, XFTP_BLOCK_SIZE + file->size, true);
    stream->made = body;
    return stream;
}

static bool is_answered_ok(struct xftp_peer *peer, struct xftp_stream *stream) {
    struct xftp_response response;
    if (!stream->body_ended)
        return false;
    xftp_peer_response(peer, stream, &response);
    return response.tag == XFTP_OK;
}

/* ---- each step ---- */

/* Whether the router was killed by the upload; if not, it has been answered. */
static bool upload_with_fault(unsigned step) {
    char fault[64];
    struct xftp_peer peer;
    struct xftp_peer_file file = {0};
    (void)snprintf(fault, sizeof fault, "chunk_step:%u", step);
    xftp_process_start_with_fault(&server, fault);
    xftp_process_connect(&server, &peer);
    assert_int_equal(xftp_peer_create(&peer, 65536, (uint8_t)step, NULL, &file).code, XFTP_ERROR_NONE);
    struct xftp_stream *stream = begin_put(&peer, &file);
    xftp_peer_finish(&peer, stream);
    bool is_ok = is_answered_ok(&peer, stream);
    if (is_ok)
        answered[answered_count++] = file;
    xftp_peer_close(&peer);
    if (is_ok)
        assert_int_equal(xftp_process_stop(&server, SIGTERM), 0);
    else
        assert_int_equal(xftp_process_await_end(&server), 128 + SIGKILL);
    return !is_ok;
}

static void test_a_kill_at_each_step_of_an_upload(void **state) {
    (void)state;
    unsigned step = 0;
    while (upload_with_fault(step)) {
        step++;
        assert_true(step < KILL_STEPS_MAX);
    }
    assert_true(step >= 5);
    expect_all_answered();
}

/* ---- under load ---- */

static bool any_is_over(void *context) {
    struct xftp_stream **streams = context;
    for (unsigned i = 0; i < STREAMS; i++)
        if (streams[i] != NULL && (streams[i]->body_ended || streams[i]->is_over))
            return true;
    return false;
}

/* Uploads, several at a time, until `count` were answered; then kills, with the others under way. */
static void load_and_kill(unsigned count) {
    struct xftp_peer peer;
    struct xftp_peer_file files[STREAMS] = {0};
    struct xftp_stream *streams[STREAMS] = {NULL};
    unsigned done = 0;
    xftp_process_start(&server);
    xftp_process_connect(&server, &peer);
    while (done < count) {
        for (unsigned i = 0; i < STREAMS; i++) {
            if (streams[i] != NULL)
                continue;
            files[i] = (struct xftp_peer_file){0};
            assert_int_equal(xftp_peer_create(&peer, 65536, (uint8_t)(answered_count + i), NULL, &files[i]).code,
                             XFTP_ERROR_NONE);
            streams[i] = begin_put(&peer, &files[i]);
        }
        xftp_peer_until(&peer, any_is_over, streams);
        for (unsigned i = 0; i < STREAMS; i++) {
            if (!any_is_over(streams) || streams[i] == NULL || !streams[i]->body_ended)
                continue;
            assert_true(is_answered_ok(&peer, streams[i]));
            answered[answered_count++] = files[i];
            done++;
            xftp_stream_forget(streams[i]);
            streams[i] = NULL;
        }
    }
    assert_int_equal(xftp_process_stop(&server, SIGKILL), 128 + SIGKILL);
    xftp_peer_close(&peer);
}

static void test_twenty_kills_under_load(void **state) {
    (void)state;
    for (unsigned i = 0; i < KILLS; i++)
        load_and_kill(3 + i % 5);
    expect_all_answered();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KILL_TEST(test_a_kill_at_each_step_of_an_upload),
        KILL_TEST(test_twenty_kills_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
