/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscriptions of an agent survive the death of their router. */
#include "test/support/client_agent_restart.h"
#include "test/support/require.h"

static void test_five_thousand_subscriptions_are_active_again_after_a_kill(void **state) {
    (void)state;
    client_agent_restart_run(5000, 60000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_thousand_subscriptions_are_active_again_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
