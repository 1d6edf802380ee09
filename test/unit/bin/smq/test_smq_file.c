/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files of queues: only for their owner, replaced in one step, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/smq/smq_file.h"
#include "queues/base/setup.h"
#include "test/support/process.h"
#include "transport/crypto/setup.h"

static const char uri[] =
    "smp://OI-ajpC-d0WGh7GFGhiKC5UvR849Udr2C65TghXx02E=@127.0.0.1:15223/y9AByYTQu9cCm1pt4DpcG_qaInNSobTz#/"
    "?v=1-4&dh=MCowBQYDK2VuAyEA2NzZtd-R26FYppHVobMKDobjsB1GC-p-nByxoy4boj4%3D&q=m&k=s";

struct fixture {
    char folder[64];
    char path[80];
    struct smq_send_queue *queue;
};

static int setup(void **state) {
    static struct fixture fixture;
    temporary_folder_create(fixture.folder);
    (void)snprintf(fixture.path, sizeof fixture.path, "%s/queue", fixture.folder);
    assert_int_equal(smq_send_queue_from_uri(uri, &fixture.queue), SMQ_OK);
    assert_int_equal(smq_send_queue_make_key(fixture.queue, SMQ_KEY_X25519), SMQ_OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    smq_send_queue_release(&fixture->queue);
    temporary_folder_remove(fixture->folder);
    return 0;
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static unsigned files_in(const char *folder) {
    unsigned count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += entry->d_name[0] != '.';
    (void)closedir(directory);
    return count;
}

static void test_a_sender_comes_back_with_its_key(void **state) {
    const struct fixture *fixture = *state;
    struct queue_sides sides;
    uint8_t written[SMQ_KEY_DER_MAX];
    uint8_t read[SMQ_KEY_DER_MAX];
    size_t size = sizeof written;
    assert_int_equal(queue_file_write_sender(fixture->path, fixture->queue), SMQ_OK);
    assert_int_equal(queue_file_read(fixture->path, &sides), SMQ_OK);
    assert_null(sides.recipient);
    assert_int_equal(smq_send_queue_public_key(fixture->queue, written, &size), SMQ_OK);
    assert_int_equal(smq_send_queue_public_key(sides.sender, read, &size), SMQ_OK);
    assert_memory_equal(written, read, size);
    queue_sides_release(&sides);
    assert_null(sides.sender);
}

static void test_a_file_is_for_its_owner_alone_and_leaves_nothing_beside(void **state) {
    const struct fixture *fixture = *state;
    struct stat status;
    mode_t former = umask(0);
    write_text(fixture->path, "old");
    assert_int_equal(chmod(fixture->path, 0644), 0);
    assert_int_equal(queue_file_write_sender(fixture->path, fixture->queue), SMQ_OK);
    (void)umask(former);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(files_in(fixture->folder), 1);
}

static void test_a_name_that_is_taken_cannot_be_reserved(void **state) {
    const struct fixture *fixture = *state;
    assert_int_equal(queue_file_reserve(fixture->path), SMQ_OK);
    assert_int_equal(queue_file_reserve(fixture->path), SMQ_ERR_EXISTS);
    assert_int_equal(queue_file_reserve("/nowhere/queue"), SMQ_ERR_SYSTEM);
    assert_int_equal(errno, ENOENT);
}

static void test_other_files_are_refused(void **state) {
    const struct fixture *fixture = *state;
    static const char *const texts[] = {"",
                                        "smq sender 1\n",
                                        "smq sender 1\n!\n",
                                        "smq sender 2\nAAAA\n",
                                        "smq recipient 1\nAAAA\n",
                                        "smq sender 1\nAAAA\nmore"};
    struct queue_sides sides;
    for (size_t index = 0; index < sizeof texts / sizeof texts[0]; index++) {
        write_text(fixture->path, texts[index]);
        assert_int_not_equal(queue_file_read(fixture->path, &sides), SMQ_OK);
        assert_null(sides.recipient);
        assert_null(sides.sender);
    }
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(queue_file_read(fixture->path, &sides), SMQ_ERR_SYSTEM);
}

static void test_a_folder_that_is_gone_is_a_clear_failure(void **state) {
    const struct fixture *fixture = *state;
    assert_int_equal(queue_file_write_sender("/nowhere/queue", fixture->queue), SMQ_ERR_SYSTEM);
    assert_int_equal(errno, ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_sender_comes_back_with_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_is_for_its_owner_alone_and_leaves_nothing_beside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_that_is_taken_cannot_be_reserved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_gone_is_a_clear_failure, setup, teardown),
    };
    if (base_setup() != SMQ_OK || crypto_setup() != SMQ_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
