/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is installed, and what describes it. The tests are shell functions of test/packaging/quick.sh, since they are
 * about commands and files; chroots and packages are for `make test-packaging`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "test/support/process.h"

enum { DEADLINE_MS = 100000, EXIT_NO_TOOL = 77 };

static void run_part(const char *part) {
    const char *const argv[] = {"test/packaging/quick.sh", BUILD_DIR, part, NULL};
    struct process *process = process_start(argv, NULL);
    int status = process_wait(process, DEADLINE_MS);
    if (status != 0)
        print_message("%s%s", process_output(process), process_errors(process));
    process_destroy(&process);
    if (status == EXIT_NO_TOOL)
        skip();
    assert_int_equal(0, status);
}

#define PART(name)                                                                                                     \
    static void test_##name(void **state) {                                                                            \
        (void)state;                                                                                                   \
        run_part(#name);                                                                                               \
    }

PART(installed_and_removed)
PART(packaged)
PART(options_in_pages)
PART(settings_in_page)
PART(functions_in_pages)
PART(clean_pages)
PART(sandboxed_units)
PART(completed_in_bash)
PART(entrypoint_of_the_image)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_installed_and_removed),   cmocka_unit_test(test_packaged),
        cmocka_unit_test(test_options_in_pages),        cmocka_unit_test(test_settings_in_page),
        cmocka_unit_test(test_functions_in_pages),      cmocka_unit_test(test_clean_pages),
        cmocka_unit_test(test_sandboxed_units),         cmocka_unit_test(test_completed_in_bash),
        cmocka_unit_test(test_entrypoint_of_the_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
