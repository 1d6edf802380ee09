/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server cert, and a machine that stops at any step of it. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/setup.h"
#include "test/support/require.h"
#include "test/support/server_process.h"
#include "transport/tls/credentials.h"

enum { STOP_MS = 3000, STEPS_MAX = 40, NOBODY = 65534, AT_ONCE = 8 };

static struct server_process server;
static char paths[5][160]; /* server.crt, server.key, ca.crt, and what lies ready */

static int setup(void **state) {
    static const char *const names[] = {"server.crt", "server.key", "ca.crt", "server.crt.new", "server.key.new"};
    (void)state;
    require(base_setup() == SMQ_OK); /* before SMQ_FAULT is set, which is for the server alone */
    server_process_init(&server, "map_size = 256M");
    for (size_t i = 0; i < 5; i++)
        (void)snprintf(paths[i], sizeof paths[i], "%s/%s", server.configuration, names[i]);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    (void)unsetenv("SMQ_FAULT");
    server_process_finish(&server);
    return 0;
}

static int run_cert(void) {
    static const char *const arguments[] = {BUILD_DIR "/bin/smp-server", "cert", NULL};
    (void)setenv("SMP_SERVER_CFG_PATH", server.configuration, 1);
    (void)setenv("SMP_SERVER_LOG_PATH", server.data, 1);
    process_destroy(&server.process);
    server.process = process_start(arguments, NULL);
    return process_wait(server.process, SERVER_DEADLINE_MS);
}

/* The pair that a router would take: the leaf's fingerprint. */
static void load(uint8_t leaf[FINGERPRINT_SIZE]) {
    struct credentials *credentials = NULL;
    char error[512] = "";
    size_t count;
    if (credentials_load(paths[0], paths[2], paths[1], &credentials, error, sizeof error) != SMQ_OK)
        fail_msg("%s", error);
    require(certificate_fingerprint(credentials_chain(credentials, &count)[0], leaf) == SMQ_OK);
    credentials_destroy(&credentials);
}

#ifdef DEBUG_FAULTS
/* Returns how the program ended that was to be stopped at `step`. */
static int run_cert_until(unsigned step) {
    char fault[32];
    (void)snprintf(fault, sizeof fault, "pem_file_step:%u", step);
    (void)setenv("SMQ_FAULT", fault, 1);
    int status = run_cert();
    (void)unsetenv("SMQ_FAULT");
    return status;
}

static void test_key_and_certificate_belong_together_at_whatever_step_the_machine_stops(void **state) {
    (void)state;
    uint8_t before[FINGERPRINT_SIZE], after[FINGERPRINT_SIZE];
    unsigned old = 0, new = 0, step = 0;
    load(before);
    for (; step < STEPS_MAX && run_cert_until(step) != 0; step++) {
        bool replaced;
        load(after);
        replaced = memcmp(before, after, FINGERPRINT_SIZE) != 0;
        old += !replaced;
        new += replaced;
        server_process_start(&server);
        assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
        assert_int_equal(0, run_cert()); /* and the next one is whole */
        load(before);
        assert_int_not_equal(0, access(paths[3], F_OK));
        assert_int_not_equal(0, access(paths[4], F_OK));
    }
    assert_true(step < STEPS_MAX);
    assert_true(old >= 3);
    assert_true(new >= 3);
}
#endif

static void expect_status(const char *path, mode_t mode, uid_t owner, gid_t group) {
    struct stat status;
    assert_int_equal(0, lstat(path, &status));
    assert_int_equal(S_IFREG | mode, status.st_mode);
    assert_int_equal(owner, status.st_uid);
    assert_int_equal(group, status.st_gid);
}

static void test_owner_group_and_mode_stay(void **state) {
    (void)state;
    bool root = geteuid() == 0; /* others cannot give files away */
    uid_t owner = root ? NOBODY : geteuid();
    gid_t group = root ? NOBODY : getegid();
    for (size_t i = 0; i < 2; i++) {
        require(!root || chown(paths[i], owner, group) == 0);
        require(chmod(paths[i], i == 0 ? 0664 : 0640) == 0);
    }
    assert_int_equal(0, run_cert());
    expect_status(paths[0], 0664, owner, group);
    expect_status(paths[1], 0640, owner, group);
}

static void test_a_link_keeps_leading_to_the_file(void **state) {
    (void)state;
    char elsewhere[160], target[200];
    struct stat status;
    uint8_t before[FINGERPRINT_SIZE], after[FINGERPRINT_SIZE];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/keys", server.root);
    require(mkdir(elsewhere, 0700) == 0);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(target, sizeof target, "%s/%s", elsewhere, i == 0 ? "crt" : "key");
        require(rename(paths[i], target) == 0);
        require(symlink(target, paths[i]) == 0);
    }
    load(before);
    assert_int_equal(0, run_cert());
    load(after);
    assert_memory_not_equal(before, after, FINGERPRINT_SIZE);
    for (size_t i = 0; i < 2; i++) {
        require(lstat(paths[i], &status) == 0);
        assert_true(S_ISLNK(status.st_mode));
    }
}

static void test_a_folder_that_takes_no_file_keeps_the_pair(void **state) {
    (void)state;
    uint8_t before[FINGERPRINT_SIZE], after[FINGERPRINT_SIZE];
    load(before);
    require(mkdir(paths[3], 0700) == 0); /* where the new certificate would lie ready */
    assert_int_equal(1, run_cert());
    assert_non_null(strstr(process_errors(server.process), "cannot make a certificate"));
    load(after);
    assert_memory_equal(before, after, FINGERPRINT_SIZE);
    assert_int_not_equal(0, access(paths[4], F_OK));
    require(rmdir(paths[3]) == 0);
}

static void test_read_only_files_are_replaced_and_stay_read_only(void **state) {
    (void)state;
    uint8_t before[FINGERPRINT_SIZE], after[FINGERPRINT_SIZE];
    load(before);
    require(chmod(paths[0], 0444) == 0 && chmod(paths[1], 0400) == 0);
    assert_int_equal(0, run_cert());
    load(after);
    assert_memory_not_equal(before, after, FINGERPRINT_SIZE);
    expect_status(paths[0], 0444, geteuid(), getegid());
    expect_status(paths[1], 0400, geteuid(), getegid());
}

static void test_several_at_once_leave_a_pair(void **state) {
    (void)state;
    static const char *const arguments[] = {BUILD_DIR "/bin/smp-server", "cert", NULL};
    struct process *processes[AT_ONCE];
    uint8_t before[FINGERPRINT_SIZE], after[FINGERPRINT_SIZE];
    load(before);
    (void)setenv("SMP_SERVER_CFG_PATH", server.configuration, 1);
    (void)setenv("SMP_SERVER_LOG_PATH", server.data, 1);
    for (size_t i = 0; i < AT_ONCE; i++)
        processes[i] = process_start(arguments, NULL);
    for (size_t i = 0; i < AT_ONCE; i++) {
        assert_int_equal(0, process_wait(processes[i], SERVER_DEADLINE_MS));
        process_destroy(&processes[i]);
    }
    load(after);
    assert_memory_not_equal(before, after, FINGERPRINT_SIZE);
    assert_int_not_equal(0, access(paths[3], F_OK));
    assert_int_not_equal(0, access(paths[4], F_OK));
}

/* ---- files that are mounted, as a container's are */

static char mounted[2][200]; /* what is mounted on server.crt and server.key */

static bool mount_pair(bool key_is_read_only) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (mount(mounted[i], paths[i], NULL, MS_BIND, NULL) != 0)
            return false;
    return !key_is_read_only || mount("none", paths[1], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0;
}

/* Runs `cert` where both files are mounted from elsewhere: its exit code, or -1 where nothing can be mounted. */
static int run_cert_on_mounts(bool key_is_read_only) {
    enum { CANNOT_MOUNT = 77 };
    int status = 0;
    (void)setenv("SMP_SERVER_CFG_PATH", server.configuration, 1);
    (void)setenv("SMP_SERVER_LOG_PATH", server.data, 1);
    pid_t child = fork();
    if (child == 0) {
        if (!mount_pair(key_is_read_only))
            _exit(CANNOT_MOUNT);
        (void)freopen("/dev/null", "w", stdout);
        (void)freopen("/dev/null", "w", stderr);
        (void)execl(BUILD_DIR "/bin/smp-server", "smp-server", "cert", (char *)NULL);
        _exit(CANNOT_MOUNT);
    }
    require(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status) == CANNOT_MOUNT ? -1 : WEXITSTATUS(status);
}

static void put_elsewhere(void) {
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(mounted[i], sizeof mounted[i], "%s/mounted.%zu", server.root, i);
        require(rename(paths[i], mounted[i]) == 0);
        FILE *place = fopen(paths[i], "we"); /* that something is mounted on */
        require(place != NULL && fclose(place) == 0);
    }
}

static void take_back(void) {
    for (size_t i = 0; i < 2; i++)
        require(rename(mounted[i], paths[i]) == 0);
}

static void test_mounted_files_are_written_over(void **state) {
    (void)state;
    uint8_t before[FINGERPRINT_SIZE], after[FINGERPRINT_SIZE];
    load(before);
    put_elsewhere();
    int status = run_cert_on_mounts(false);
    take_back();
    if (status < 0)
        skip();
    assert_int_equal(0, status);
    load(after);
    assert_memory_not_equal(before, after, FINGERPRINT_SIZE);
    assert_int_not_equal(0, access(paths[3], F_OK));
    assert_int_not_equal(0, access(paths[4], F_OK));
}

static void test_pair_stays_when_the_key_is_mounted_read_only(void **state) {
    (void)state;
    uint8_t before[FINGERPRINT_SIZE], after[FINGERPRINT_SIZE];
    load(before);
    put_elsewhere();
    int status = run_cert_on_mounts(true);
    take_back();
    if (status < 0)
        skip();
    assert_int_equal(1, status);
    load(after);
    assert_memory_equal(before, after, FINGERPRINT_SIZE);
    assert_int_not_equal(0, access(paths[4], F_OK));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef DEBUG_FAULTS
        CASE(test_key_and_certificate_belong_together_at_whatever_step_the_machine_stops),
#endif
        CASE(test_owner_group_and_mode_stay),
        CASE(test_a_link_keeps_leading_to_the_file),
        CASE(test_read_only_files_are_replaced_and_stay_read_only),
        CASE(test_several_at_once_leave_a_pair),
        CASE(test_mounted_files_are_written_over),
        CASE(test_pair_stays_when_the_key_is_mounted_read_only),
        CASE(test_a_folder_that_takes_no_file_keeps_the_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
