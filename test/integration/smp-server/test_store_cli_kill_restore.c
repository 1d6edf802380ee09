/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store restore, killed midway. Real processes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/support/store_cli.h"

static unsigned stored_messages(void) {
    static const char label[] = "messages                 ";
    assert_int_equal(0, store_command("stats", NULL));
    const char *line = strstr(process_output(store_cli.command), label);
    assert_non_null(line);
    return (unsigned)strtoul(line + sizeof label - 1, NULL, 10);
}

/* There is what was there, or what is restored, and the next attempt works once the kept data is moved away. */
static void test_a_restore_killed_midway_leaves_one_or_the_other(void **state) {
    (void)state;
    char kept[128];
    (void)snprintf(kept, sizeof kept, "%s.before-restore", store_cli.data);
    assert_int_equal(0, store_command("backup", store_cli.backup));
    store_cli_send("sent later");
    store_cli_stop_router();
    unsigned before = STORE_CLI_MESSAGES + 1;
    for (unsigned delay_us = 200; delay_us < 30000; delay_us = delay_us * 5 / 3) {
        kill_store_command("restore", store_cli.backup, delay_us);
        unsigned after = stored_messages();
        assert_true(after == before || after == STORE_CLI_MESSAGES);
        if (after != before)
            assert_int_equal(0, access(kept, F_OK));
        before = after;
        expect_messages(after);
        (void)unlink(kept);
    }
    assert_int_equal(0, store_command("restore", store_cli.backup));
    expect_messages(STORE_CLI_MESSAGES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ROUTER(test_a_restore_killed_midway_leaves_one_or_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
