/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The example program of the documentation, built as a stranger would build it, against a router. */
#include <string.h>

#include "test/support/client_fixture.h"
#include "test/support/process.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"

static const char echo[] = BUILD_DIR "/examples/echo";

static void test_echo_prints_what_it_sent(void **state) {
    (void)state;
    struct router_fixture router;
    router_fixture_init(&router);
    router_fixture_start(&router);
    char address[256];
    client_fixture_address(router.fingerprint, router.port, address, sizeof(address));
    const char *const argv[] = {echo, address, "first", "second text", "", "last", NULL};
    struct process *process = process_start(argv, NULL);
    assert_int_equal(process_wait(process, 20000), 0);
    assert_string_equal(process_output(process), "first\nsecond text\n\nlast\n");
    assert_string_equal(process_errors(process), "");
    process_destroy(&process);
    router_fixture_finish(&router);
}

static void test_echo_says_why_it_failed(void **state) {
    (void)state;
    const char *const argv[] = {echo, "smp://nonsense", "text", NULL};
    struct process *process = process_start(argv, NULL);
    assert_int_equal(process_wait(process, 20000), 1);
    assert_non_null(strstr(process_errors(process), "connecting: "));
    process_destroy(&process);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_prints_what_it_sent),
        cmocka_unit_test(test_echo_says_why_it_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
