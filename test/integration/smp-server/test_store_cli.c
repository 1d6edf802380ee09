/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store: backup beside a running router, check, compact, restore, stats; and the days on which the disk is
 * full or read-only. Real processes. */
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

#include "test/support/store_cli.h"

static void test_a_backup_beside_the_router_is_restored(void **state) {
    (void)state;
    char copied[112];
    struct stat original;
    struct stat copy;
    assert_int_equal(0, chmod(store_cli.data, 0640));
    assert_int_equal(0, store_command("backup", store_cli.backup));
    (void)snprintf(copied, sizeof copied, "%s/data.mdb", store_cli.backup);
    assert_int_equal(0, stat(store_cli.data, &original));
    assert_int_equal(0, stat(copied, &copy));
    assert_int_equal(original.st_mode, copy.st_mode);
    assert_int_equal(original.st_uid, copy.st_uid);
    store_cli_send("sent later");
    assert_int_equal(1, store_command("backup", store_cli.backup));  /* nothing is overwritten */
    assert_int_equal(1, store_command("restore", store_cli.backup)); /* nor taken from a router */
    assert_int_equal(1, store_command("compact", NULL));
    store_cli_stop_router();
    expect_messages(STORE_CLI_MESSAGES + 1);
    assert_int_equal(0, store_command("restore", store_cli.backup));
    expect_messages(STORE_CLI_MESSAGES);
    assert_int_equal(1, store_command("restore", store_cli.backup)); /* what was replaced first is kept */
    store_cli_start_router();
    store_cli_send("and on it goes");
    store_cli_stop_router();
    expect_messages(STORE_CLI_MESSAGES + 1);
}

static void test_compacting_gives_the_disk_back(void **state) {
    (void)state;
    store_cli_stop_router();
    uint64_t before = size_of(store_cli.data);
    assert_int_equal(0, store_command("compact", NULL));
    assert_true(size_of(store_cli.data) < before / 4);
    expect_messages(STORE_CLI_MESSAGES);
    store_cli_start_router();
    store_cli_stop_router();
}

/* A limit on the size of files stands for the full disk. */
static void test_a_full_disk_leaves_no_half_copy(void **state) {
    (void)state;
    struct rlimit before;
    char part[128];
    store_cli_stop_router();
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
    struct rlimit small = {.rlim_cur = 8192, .rlim_max = before.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
    int backed_up = store_command("backup", store_cli.backup);
    int compacted = store_command("compact", NULL);
    assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
    assert_int_equal(1, backed_up);
    assert_int_equal(1, compacted);
    (void)snprintf(part, sizeof part, "%s/data.mdb", store_cli.backup);
    assert_int_not_equal(0, access(part, F_OK));
    (void)snprintf(part, sizeof part, "%s/data.mdb.part", store_cli.backup);
    assert_int_not_equal(0, access(part, F_OK));
    expect_messages(STORE_CLI_MESSAGES);
    assert_int_equal(0, store_command("backup", store_cli.backup));
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
    (void)snprintf(folder, sizeof folder, "%s/store", store_cli.server.data);
    assert_int_equal(0, store_command("backup", store_cli.backup));
    store_cli_stop_router();
    if (!make_read_only(folder))
        skip(); /* mounting needs root */
    expect_messages(STORE_CLI_MESSAGES);
    assert_int_equal(0, store_command("stats", NULL));
    assert_non_null(strstr(process_output(store_cli.command), "readers                  0\n"));
    int compacted = store_command("compact", NULL);
    int restored = store_command("restore", store_cli.backup);
    char second[128];
    (void)snprintf(second, sizeof second, "%s-2", store_cli.backup);
    int backed_up = store_command("backup", second);
    int started = server_process_refusal(&store_cli.server, &errors);
    assert_int_equal(0, umount(folder));
    assert_int_equal(1, compacted);
    assert_int_equal(1, restored);
    assert_int_equal(0, backed_up);
    assert_int_equal(1, started);
    assert_int_equal(0, store_command("check", second));
    expect_messages(STORE_CLI_MESSAGES);
}

/* Whatever is written to standard streams that were closed misses the store. */
static void test_closed_standard_streams_do_not_reach_the_store(void **state) {
    (void)state;
    static const char line[] = "exec " BUILD_DIR "/bin/smp-server start --log-level debug <&- >&- 2>&-";
    const char *const arguments[] = {"/bin/sh", "-c", line, NULL};
    store_cli_stop_router();
    struct process *started = process_start(arguments, NULL);
    bool connected = false;
    for (unsigned i = 0; i < 500 && !connected; i++) {
        assert_int_equal(0, store_command("stats", NULL));
        connected = strstr(process_output(store_cli.command), "readers                  0\n") == NULL;
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
    assert_int_equal(0, process_wait(started, STORE_CLI_END_MS));
    process_destroy(&started);
    expect_messages(STORE_CLI_MESSAGES);
}

/* The second of two that copy to the same place must not write into the file of the first. */
static void test_two_backups_do_not_write_the_same_file(void **state) {
    (void)state;
    char part[128];
    assert_int_equal(0, mkdir(store_cli.backup, 0700));
    (void)snprintf(part, sizeof part, "%s/data.mdb.part", store_cli.backup);
    int other = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(other >= 0);
    assert_int_equal(0, flock(other, LOCK_EX));
    assert_int_equal(4, write(other, "half", 4));
    assert_int_equal(1, store_command("backup", store_cli.backup));
    assert_int_equal(4, size_of(part));
    assert_int_equal(0, close(other)); /* killed: what it left is no hindrance */
    assert_int_equal(0, store_command("backup", store_cli.backup));
    assert_int_not_equal(0, access(part, F_OK));
    assert_int_equal(0, store_command("check", store_cli.backup));
    store_cli_stop_router();
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
    assert_int_equal(0, store_command("backup", store_cli.backup));
    store_cli_stop_router();
    (void)snprintf(store, sizeof store, "%s/store", store_cli.server.data);
    temporary_folder_remove(store);
    assert_int_equal(0, chown(store_cli.server.data, OWNER, OWNER));
    assert_int_equal(0, store_command("restore", store_cli.backup));
    expect_owner(store_cli.server.data, "store", OWNER);
    expect_messages(STORE_CLI_MESSAGES);
    assert_int_equal(0, store_command("compact", NULL));
    expect_messages(STORE_CLI_MESSAGES);
    static const char *const names[] = {"data.mdb", "lock", "lock.mdb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        expect_owner(store, names[i], OWNER);
    assert_int_equal(0, store_command("restore", store_cli.backup));
    expect_owner(store, "data.mdb", OWNER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ROUTER(test_a_backup_beside_the_router_is_restored),
        WITH_ROUTER(test_compacting_gives_the_disk_back),
        WITH_ROUTER(test_a_full_disk_leaves_no_half_copy),
        WITH_ROUTER(test_a_read_only_folder_is_read_and_nothing_else),
        WITH_ROUTER(test_closed_standard_streams_do_not_reach_the_store),
        WITH_ROUTER(test_two_backups_do_not_write_the_same_file),
        WITH_ROUTER(test_root_leaves_a_store_to_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
