/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A hundred thousand subscriptions of an agent through the death of their router: all active again, none lost, none
 * twice; a fifth of them under a sanitizer. SMQ_STRESS_SUBSCRIPTIONS changes the number. */
#include <stdlib.h>

#include "queues/base/sanitizer.h"
#include "test/support/client_agent_restart.h"
#include "test/support/require.h"

#if defined(SANITIZER_THREAD) || defined(__SANITIZE_ADDRESS__)
enum { SUBSCRIPTIONS = 20000 };
#else
enum { SUBSCRIPTIONS = 100000 };
#endif

static void test_all_subscriptions_are_active_again_after_a_kill(void **state) {
    (void)state;
    const char *text = getenv("SMQ_STRESS_SUBSCRIPTIONS");
    client_agent_restart_run(text != NULL ? strtoul(text, NULL, 10) : SUBSCRIPTIONS, 90000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_subscriptions_are_active_again_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
