/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Waits between the attempts of an agent. */
#include "actors/client_agent/backoff.h"

#include "test/support/require.h"

static void test_waits_are_constant_until_ten_seconds_then_grow_by_half_up_to_ten_seconds(void **state) {
    (void)state;
    struct client_agent_backoff backoff = {.first_ms = 1000, .grow_after_ms = 10000, .max_ms = 10000};
    for (int i = 0; i < 10; i++)
        assert_int_equal(client_agent_backoff_next(&backoff), 1000);
    static const uint32_t longer[] = {1500, 2250, 3375, 5062, 7593, 10000, 10000, 10000};
    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++)
        assert_int_equal(client_agent_backoff_next(&backoff), longer[i]);
    client_agent_backoff_reset(&backoff);
    assert_int_equal(client_agent_backoff_next(&backoff), 1000);
}

static void test_growth_does_not_overflow(void **state) {
    (void)state;
    struct client_agent_backoff backoff = {.first_ms = UINT32_MAX - 1, .grow_after_ms = 1, .max_ms = UINT32_MAX};
    assert_int_equal(client_agent_backoff_next(&backoff), UINT32_MAX - 1);
    assert_int_equal(client_agent_backoff_next(&backoff), UINT32_MAX);
    assert_int_equal(client_agent_backoff_next(&backoff), UINT32_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_are_constant_until_ten_seconds_then_grow_by_half_up_to_ten_seconds),
        cmocka_unit_test(test_growth_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
