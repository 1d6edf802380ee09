/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smp-server store compact and backup, killed midway. Real processes. */
#include <stdio.h>
#include <unistd.h>

#include "test/support/store_cli.h"

/* Killed at any instant: there is the old store or the new one, and the next attempt works. */
static void test_killed_midway_the_store_stays_whole(void **state) {
    (void)state;
    store_cli_stop_router();
    for (unsigned delay_us = 200; delay_us < 20000; delay_us = delay_us * 5 / 3) {
        kill_store_command("compact", NULL, delay_us);
        expect_messages(STORE_CLI_MESSAGES);
    }
    assert_int_equal(0, store_command("compact", NULL));
    expect_messages(STORE_CLI_MESSAGES);
}

static void test_a_backup_killed_midway_is_whole_or_not_there(void **state) {
    (void)state;
    char copied[112];
    (void)snprintf(copied, sizeof copied, "%s/data.mdb", store_cli.backup);
    for (unsigned delay_us = 200; delay_us < 20000; delay_us = delay_us * 5 / 3) {
        kill_store_command("backup", store_cli.backup, delay_us);
        if (access(copied, F_OK) == 0) {
            assert_int_equal(0, store_command("check", store_cli.backup));
            assert_int_equal(0, unlink(copied));
        }
        store_cli_send("the router goes on");
    }
    peer_close(&store_cli.peer);
    assert_int_equal(0, store_command("backup", store_cli.backup));
    assert_int_equal(0, store_command("check", store_cli.backup));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ROUTER(test_killed_midway_the_store_stays_whole),
        WITH_ROUTER(test_a_backup_killed_midway_is_whole_or_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
