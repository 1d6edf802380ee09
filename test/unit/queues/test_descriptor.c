/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Closed standard descriptors, each case in a child process of its own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "queues/base/descriptor.h"

static bool is_open(int descriptor) {
    return fcntl(descriptor, F_GETFD) >= 0;
}

/* Runs `story` without the descriptors in `closed` (bits 0 to 2), in a child: whether it returned true. */
static bool holds_without(unsigned closed, bool (*story)(unsigned closed)) {
    pid_t child = fork();
    if (child == 0) {
        for (int descriptor = 0; descriptor < DESCRIPTOR_FIRST_OWN; descriptor++)
            if ((closed >> descriptor & 1) != 0)
                (void)close(descriptor);
        _exit(story(closed) ? 0 : 1);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool occupies(unsigned closed) {
    (void)closed;
    return descriptors_occupy_standard() == SMQ_OK && is_open(0) && is_open(1) && is_open(2) &&
           open("/dev/null", O_RDONLY | O_CLOEXEC) >= DESCRIPTOR_FIRST_OWN;
}

static bool holds_and_releases(unsigned closed) {
    struct descriptor_hold hold;
    if (descriptors_hold_standard(&hold) != SMQ_OK || open("/dev/null", O_RDONLY | O_CLOEXEC) < DESCRIPTOR_FIRST_OWN)
        return false;
    descriptors_release_standard(&hold);
    for (int descriptor = 0; descriptor < DESCRIPTOR_FIRST_OWN; descriptor++)
        if (is_open(descriptor) == ((closed >> descriptor & 1) != 0))
            return false;
    return true;
}

static bool moves_above(unsigned closed) {
    int made = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int moved = descriptor_above_standard(made);
    return moved >= DESCRIPTOR_FIRST_OWN && (fcntl(moved, F_GETFD) & FD_CLOEXEC) != 0 &&
           is_open(made) == (made == moved) && (closed == 0) == (made == moved);
}

static void test_programs_occupy_whichever_standard_descriptors_are_closed(void **state) {
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++)
        assert_true(holds_without(closed, occupies));
}

static void test_a_hold_leaves_the_standard_descriptors_as_they_were(void **state) {
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++)
        assert_true(holds_without(closed, holds_and_releases));
}

static void test_new_descriptors_move_above_the_standard_ones(void **state) {
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++)
        assert_true(holds_without(closed, moves_above));
    assert_int_equal(-1, descriptor_above_standard(-1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs_occupy_whichever_standard_descriptors_are_closed),
        cmocka_unit_test(test_a_hold_leaves_the_standard_descriptors_as_they_were),
        cmocka_unit_test(test_new_descriptors_move_above_the_standard_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
