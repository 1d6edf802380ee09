/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store: backup beside a running router, check, compact, restore, stats; and the days on which the disk is
 * full, the file damaged, or the program killed midway. Real processes. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queues/base/cursor.h"
#include "stores/lmdb/lmdb.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum { END_MS = 20000, MESSAGES = 40 };

static const char program[] = BUILD_DIR "/bin/smp-server";
static struct server_process server;
static struct peer peer;
static struct peer_queue queue;
static char backup[96];
static char data[112];
static struct process *command;

static int setup(void **state) {
    (void)state;
    server_process_init(&server, "map_size = 256M");
    (void)snprintf(backup, sizeof backup, "%s/backup", server.root);
    (void)snprintf(data, sizeof data, "%s/store/data.mdb", server.data);
    server_process_start(&server);
    server_process_connect(&server, &peer);
    peer_create_queue(&peer, PEER_SECURED, &queue);
    for (unsigned i = 0; i < MESSAGES; i++)
        peer_send_message(&peer, &queue, &queue.sender_key, "kept");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    process_destroy(&command);
    server_process_finish(&server);
    return 0;
}

/* Runs `smp-server store ACTION [FOLDER]` and answers its exit code. */
static int store_command(const char *action, const char *folder) {
    const char *const arguments[] = {program, "store", action, folder, NULL};
    process_destroy(&command);
    command = process_start(arguments, NULL);
    return process_wait(command, END_MS);
}

static void stop_router(void) {
    peer_close(&peer);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, END_MS));
}

static void expect_messages(unsigned count) {
    char text[64];
    assert_int_equal(0, store_command("stats", NULL));
    (void)snprintf(text, sizeof text, "messages                 %u\n", count);
    assert_non_null(strstr(process_output(command), text));
    assert_int_equal(0, store_command("check", NULL));
    (void)snprintf(text, sizeof text, "whole; 1 queues, %u messages", count);
    assert_non_null(strstr(process_output(command), text));
}

static uint64_t size_of(const char *path) {
    struct stat status;
    assert_int_equal(0, stat(path, &status));
    return (uint64_t)status.st_size;
}

static void damage(const char *path, long from, size_t length) {
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(0, fseek(file, from, SEEK_SET));
    for (size_t i = 0; i < length; i++)
        assert_int_equal(0xa5, fputc(0xa5, file));
    assert_int_equal(0, fclose(file));
}

static void test_a_backup_beside_the_router_is_restored(void **state) {
    (void)state;
    char copied[112];
    struct stat original;
    struct stat copy;
    assert_int_equal(0, chmod(data, 0640));
    assert_int_equal(0, store_command("backup", backup));
    (void)snprintf(copied, sizeof copied, "%s/data.mdb", backup);
    assert_int_equal(0, stat(data, &original));
    assert_int_equal(0, stat(copied, &copy));
    assert_int_equal(original.st_mode, copy.st_mode);
    assert_int_equal(original.st_uid, copy.st_uid);
    peer_send_message(&peer, &queue, &queue.sender_key, "sent later");
    assert_int_equal(1, store_command("backup", backup));  /* nothing is overwritten */
    assert_int_equal(1, store_command("restore", backup)); /* nor taken from a router */
    assert_int_equal(1, store_command("compact", NULL));
    stop_router();
    expect_messages(MESSAGES + 1);
    assert_int_equal(0, store_command("restore", backup));
    expect_messages(MESSAGES);
    assert_int_equal(1, store_command("restore", backup)); /* what was replaced first is kept */
    server_process_start(&server);
    server_process_connect(&server, &peer);
    peer_send_message(&peer, &queue, &queue.sender_key, "and on it goes");
    stop_router();
    expect_messages(MESSAGES + 1);
}

static void test_compacting_gives_the_disk_back(void **state) {
    (void)state;
    stop_router();
    uint64_t before = size_of(data);
    assert_int_equal(0, store_command("compact", NULL));
    assert_true(size_of(data) < before / 4);
    expect_messages(MESSAGES);
    server_process_start(&server);
    server_process_connect(&server, &peer);
    stop_router();
}

/* A limit on the size of files stands for the full disk. */
static void test_a_full_disk_leaves_no_half_copy(void **state) {
    (void)state;
    struct rlimit before;
    char part[128];
    stop_router();
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    struct rlimit small = {.rlim_cur = 8192, .rlim_max = before.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
    int backed_up = store_command("backup", backup);
    int compacted = store_command("compact", NULL);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    assert_int_equal(1, backed_up);
    assert_int_equal(1, compacted);
    (void)snprintf(part, sizeof part, "%s/data.mdb", backup);
    assert_int_not_equal(0, access(part, F_OK));
    (void)snprintf(part, sizeof part, "%s/data.mdb.part", backup);
    assert_int_not_equal(0, access(part, F_OK));
    expect_messages(MESSAGES);
    assert_int_equal(0, store_command("backup", backup));
}

/* Starts `smp-server store ACTION FOLDER` and kills it some time later: where it is then is meant to differ. */
static void kill_store_command(const char *action, const char *folder, unsigned delay_us) {
    const char *const arguments[] = {program, "store", action, folder, NULL};
    process_destroy(&command);
    command = process_start(arguments, NULL);
    usleep(delay_us);
    process_signal(command, SIGKILL);
    (void)process_wait(command, END_MS);
}

/* Killed at any instant: there is the old store or the new one, and the next attempt works. */
static void test_killed_midway_the_store_stays_whole(void **state) {
    (void)state;
    stop_router();
    for (unsigned delay_us = 200; delay_us < 20000; delay_us = delay_us * 5 / 3) {
        kill_store_command("compact", NULL, delay_us);
        expect_messages(MESSAGES);
    }
    assert_int_equal(0, store_command("compact", NULL));
    expect_messages(MESSAGES);
}

static void test_a_backup_killed_midway_is_whole_or_not_there(void **state) {
    (void)state;
    char copied[112];
    (void)snprintf(copied, sizeof copied, "%s/data.mdb", backup);
    for (unsigned delay_us = 200; delay_us < 20000; delay_us = delay_us * 5 / 3) {
        kill_store_command("backup", backup, delay_us);
        if (access(copied, F_OK) == 0) {
            assert_int_equal(0, store_command("check", backup));
            assert_int_equal(0, unlink(copied));
        }
        peer_send_message(&peer, &queue, &queue.sender_key, "the router goes on");
    }
    peer_close(&peer);
    assert_int_equal(0, store_command("backup", backup));
    assert_int_equal(0, store_command("check", backup));
}

static unsigned stored_messages(void) {
    static const char label[] = "messages                 ";
    assert_int_equal(0, store_command("stats", NULL));
    const char *line = strstr(process_output(command), label);
    assert_non_null(line);
    return (unsigned)strtoul(line + sizeof label - 1, NULL, 10);
}

/* There is what was there, or what is restored, and the next attempt works once the kept data is moved away. */
static void test_a_restore_killed_midway_leaves_one_or_the_other(void **state) {
    (void)state;
    char kept[128];
    (void)snprintf(kept, sizeof kept, "%s.before-restore", data);
    assert_int_equal(0, store_command("backup", backup));
    peer_send_message(&peer, &queue, &queue.sender_key, "sent later");
    stop_router();
    unsigned before = MESSAGES + 1;
    for (unsigned delay_us = 200; delay_us < 30000; delay_us = delay_us * 5 / 3) {
        kill_store_command("restore", backup, delay_us);
        unsigned after = stored_messages();
        assert_true(after == before || after == MESSAGES);
        if (after != before)
            assert_int_equal(0, access(kept, F_OK));
        before = after;
        expect_messages(after);
        (void)unlink(kept);
    }
    assert_int_equal(0, store_command("restore", backup));
    expect_messages(MESSAGES);
}

/* Seen by this process and its children only. */
static bool make_read_only(const char *folder) {
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(folder, folder, NULL, MS_BIND, NULL) == 0 &&
           mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0;
}

static void test_a_read_only_folder_is_read_and_nothing_else(void **state) {
    (void)state;
    char folder[96];
    const char *errors;
    (void)snprintf(folder, sizeof folder, "%s/store", server.data);
    assert_int_equal(0, store_command("backup", backup));
    stop_router();
    if (!make_read_only(folder))
        skip(); /* mounting needs root */
    expect_messages(MESSAGES);
    assert_int_equal(0, store_command("stats", NULL));
    assert_non_null(strstr(process_output(command), "readers                  0\n"));
    int compacted = store_command("compact", NULL);
    int restored = store_command("restore", backup);
    char second[128];
    (void)snprintf(second, sizeof second, "%s-2", backup);
    int backed_up = store_command("backup", second);
    int started = server_process_refusal(&server, &errors);
    assert_int_equal(0, umount(folder));
    assert_int_equal(1, compacted);
    assert_int_equal(1, restored);
    assert_int_equal(0, backed_up);
    assert_int_equal(1, started);
    assert_int_equal(0, store_command("check", second));
    expect_messages(MESSAGES);
}

/* A newer program may have other tables; it has its version where this one looks for it. */
static void write_newer_schema(const char *folder) {
    static const char *const names[] = {"meta"};
    const struct lmdb_options options = {.directory = folder, .map_size = 1 << 28, .max_readers = 8, .sync = true};
    uint8_t bytes[4];
    struct writer writer = writer_of(bytes, sizeof bytes);
    struct lmdb *lmdb;
    struct lmdb_txn *txn;
    write_u32(&writer, 1000);
    assert_int_equal(SMQ_OK, lmdb_open(&options, &lmdb));
    assert_int_equal(SMQ_OK, lmdb_open_tables(lmdb, names, 1));
    assert_int_equal(SMQ_OK, lmdb_txn_create(lmdb, true, &txn));
    assert_int_equal(SMQ_OK, lmdb_begin(txn));
    assert_true(lmdb_put(txn, 0, slice_of_text("schema"), slice_of(bytes, sizeof bytes)));
    assert_int_equal(SMQ_OK, lmdb_commit(txn));
    lmdb_txn_destroy(&txn);
    lmdb_close(&lmdb);
}

static void expect_newer(const char *action, const char *folder) {
    assert_int_equal(1, store_command(action, folder));
    assert_non_null(strstr(process_errors(command), "newer version"));
}

static void test_a_store_of_a_newer_version_is_left_alone(void **state) {
    (void)state;
    char folder[96];
    const char *errors;
    stop_router();
    assert_int_equal(0, mkdir(backup, 0700));
    write_newer_schema(backup);
    expect_newer("check", backup);
    expect_newer("stats", backup);
    expect_newer("restore", backup);
    expect_messages(MESSAGES);
    (void)snprintf(folder, sizeof folder, "%s/store", server.data);
    write_newer_schema(folder);
    expect_newer("backup", "/tmp/smq-never-made");
    expect_newer("compact", NULL);
    expect_newer("check", NULL);
    assert_int_equal(1, server_process_refusal(&server, &errors));
    assert_non_null(strstr(errors, "newer version"));
}

static void test_damage_is_found_and_not_restored(void **state) {
    (void)state;
    char copied[112];
    assert_int_equal(0, store_command("backup", backup));
    stop_router();
    (void)snprintf(copied, sizeof copied, "%s/data.mdb", backup);
    damage(copied, 8192, size_of(copied) - 8192);
    assert_int_not_equal(0, store_command("check", backup));
    assert_int_not_equal(0, store_command("restore", backup));
    expect_messages(MESSAGES);
    damage(copied, 0, 8192);
    assert_int_not_equal(0, store_command("check", backup));
    assert_int_not_equal(0, store_command("check", "/nonexistent"));
}

/* Whatever is written to standard streams that were closed misses the store. */
static void test_closed_standard_streams_do_not_reach_the_store(void **state) {
    (void)state;
    static const char line[] = "exec " BUILD_DIR "/bin/smp-server start --log-level debug <&- >&- 2>&-";
    const char *const arguments[] = {"/bin/sh", "-c", line, NULL};
    stop_router();
    struct process *started = process_start(arguments, NULL);
    bool connected = false;
    for (unsigned i = 0; i < 500 && !connected; i++) {
        assert_int_equal(0, store_command("stats", NULL));
        connected = strstr(process_output(command), "readers                  0\n") == NULL;
    }
    assert_true(connected);
    char path[64];
    char target[128];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", process_id(started), i);
        ssize_t length = readlink(path, target, sizeof target - 1);
        assert_true(length > 0);
        target[length] = '\0';
        assert_string_equal("/dev/null", target);
    }
    process_signal(started, SIGTERM);
    assert_int_equal(0, process_wait(started, END_MS));
    process_destroy(&started);
    expect_messages(MESSAGES);
}

/* The second of two that copy to the same place must not write into the file of the first. */
static void test_two_backups_do_not_write_the_same_file(void **state) {
    (void)state;
    char part[128];
    assert_int_equal(0, mkdir(backup, 0700));
    (void)snprintf(part, sizeof part, "%s/data.mdb.part", backup);
    int other = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(other >= 0);
    assert_int_equal(0, flock(other, LOCK_EX));
    assert_int_equal(4, write(other, "half", 4));
    assert_int_equal(1, store_command("backup", backup));
    assert_int_equal(4, size_of(part));
    assert_int_equal(0, close(other)); /* killed: what it left is no hindrance */
    assert_int_equal(0, store_command("backup", backup));
    assert_int_not_equal(0, access(part, F_OK));
    assert_int_equal(0, store_command("check", backup));
    stop_router();
}

/* Every page is whole, but a queue cannot be found by its sender's id. */
static void lose_a_sender(const char *folder) {
    static const char *const names[] = {"senders"};
    const struct lmdb_options options = {.directory = folder, .map_size = 1 << 28, .max_readers = 8, .sync = true};
    struct lmdb *lmdb;
    struct lmdb_txn *txn;
    assert_int_equal(SMQ_OK, lmdb_open(&options, &lmdb));
    assert_int_equal(SMQ_OK, lmdb_open_tables(lmdb, names, 1));
    assert_int_equal(SMQ_OK, lmdb_txn_create(lmdb, true, &txn));
    assert_int_equal(SMQ_OK, lmdb_begin(txn));
    assert_true(lmdb_seek(txn, 0, slice_of("\0", 1), NULL, NULL));
    assert_true(lmdb_remove(txn, 0));
    assert_int_equal(SMQ_OK, lmdb_commit(txn));
    lmdb_txn_destroy(&txn);
    lmdb_close(&lmdb);
}

/* A copy of what can still be read would take the place of all that is there. */
static void test_a_damaged_store_is_not_compacted(void **state) {
    (void)state;
    char folder[112];
    struct stat before, after;
    stop_router();
    (void)snprintf(folder, sizeof folder, "%s/store", server.data);
    lose_a_sender(folder);
    assert_int_equal(0, stat(data, &before));
    assert_int_equal(1, store_command("compact", NULL));
    assert_non_null(strstr(process_output(command), "sender id leads elsewhere"));
    assert_int_equal(0, stat(data, &after));
    assert_int_equal(before.st_ino, after.st_ino);
}

/* Pages that are missing end who reads them with a signal; the operator is told in words. */
static void test_a_file_that_was_cut_is_told_of(void **state) {
    (void)state;
    char fifo[112];
    stop_router();
    assert_int_equal(0, truncate(data, 8192));
    static const char *const actions[] = {"stats", "check", "compact", "backup"};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        assert_int_equal(1, store_command(actions[i], strcmp(actions[i], "backup") == 0 ? backup : NULL));
        assert_non_null(strstr(process_output(command), "damaged"));
    }
    (void)snprintf(fifo, sizeof fifo, "%s/data.mdb", server.root);
    assert_int_equal(0, mkfifo(fifo, 0600));
    assert_int_equal(1, store_command("check", server.root));
}

static void expect_owner(const char *folder, const char *name, uid_t owner) {
    char path[160];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(0, lstat(path, &status));
    assert_int_equal(owner, status.st_uid);
}

/* What root does must not keep the router's user from its store. */
static void test_root_leaves_a_store_to_its_owner(void **state) {
    (void)state;
    enum { OWNER = 12345 };
    char store[128];
    if (geteuid() != 0)
        skip();
    assert_int_equal(0, store_command("backup", backup));
    stop_router();
    (void)snprintf(store, sizeof store, "%s/store", server.data);
    temporary_folder_remove(store);
    assert_int_equal(0, chown(server.data, OWNER, OWNER));
    assert_int_equal(0, store_command("restore", backup));
    expect_owner(server.data, "store", OWNER);
    expect_messages(MESSAGES);
    assert_int_equal(0, store_command("compact", NULL));
    expect_messages(MESSAGES);
    static const char *const names[] = {"data.mdb", "lock", "lock.mdb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        expect_owner(store, names[i], OWNER);
    assert_int_equal(0, store_command("restore", backup));
    expect_owner(store, "data.mdb", OWNER);
}

#define WITH_ROUTER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ROUTER(test_a_backup_beside_the_router_is_restored),
        WITH_ROUTER(test_compacting_gives_the_disk_back),
        WITH_ROUTER(test_a_full_disk_leaves_no_half_copy),
        WITH_ROUTER(test_killed_midway_the_store_stays_whole),
        WITH_ROUTER(test_a_backup_killed_midway_is_whole_or_not_there),
        WITH_ROUTER(test_a_restore_killed_midway_leaves_one_or_the_other),
        WITH_ROUTER(test_a_read_only_folder_is_read_and_nothing_else),
        WITH_ROUTER(test_a_store_of_a_newer_version_is_left_alone),
        WITH_ROUTER(test_damage_is_found_and_not_restored),
        WITH_ROUTER(test_two_backups_do_not_write_the_same_file),
        WITH_ROUTER(test_a_damaged_store_is_not_compacted),
        WITH_ROUTER(test_a_file_that_was_cut_is_told_of),
        WITH_ROUTER(test_root_leaves_a_store_to_its_owner),
        WITH_ROUTER(test_closed_standard_streams_do_not_reach_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
