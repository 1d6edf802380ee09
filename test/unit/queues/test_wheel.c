/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Timer wheels: deadlines, cancelling, sleeping times; and a long random run against a plain model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdlib.h>

#include "queues/base/fault.h"
#include "queues/base/rcu.h"
#include "queues/wheel.h"

#define START UINT64_C(1234567)

struct alarm {
    struct wheel_timer timer;
    int fired;
    int order;
};

static int fired_so_far;

static void fire(struct wheel_timer *timer) {
    struct alarm *alarm = caa_container_of(timer, struct alarm, timer);
    assert_false(wheel_timer_is_active(timer));
    alarm->fired++;
    alarm->order = fired_so_far++;
}

static struct wheel *make(void) {
    struct wheel *wheel = NULL;
    fired_so_far = 0;
    assert_int_equal(wheel_create(START, &wheel), SMQ_OK);
    return wheel;
}

static void test_timer_fires_at_its_deadline_and_not_before(void **state) {
    (void)state;
    const uint64_t delays[] = {1,    2,     63,    64,     65,      100,      4095,          4096,
                               4097, 60000, 86400, 262144, 9999999, 31536000, 3153600000000, 63072000000000};
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct wheel *wheel = make();
        struct alarm alarm = {.timer = {.fire = fire}};
        wheel_add(wheel, &alarm.timer, START + delays[i]);
        assert_int_equal(wheel_advance(wheel, START + delays[i] - 1), 0);
        assert_int_equal(alarm.fired, 0);
        assert_true(wheel_timer_is_active(&alarm.timer));
        assert_int_equal(wheel_advance(wheel, START + delays[i]), 1);
        assert_int_equal(alarm.fired, 1);
        assert_int_equal(wheel_count(wheel), 0);
        wheel_destroy(&wheel);
    }
}

static void test_timers_fire_in_the_order_of_deadlines(void **state) {
    (void)state;
    struct wheel *wheel = make();
    struct alarm alarms[4] = {0};
    const uint64_t delays[] = {70000, 5, 300, 299};
    const int orders[] = {3, 0, 2, 1};
    for (int i = 0; i < 4; i++) {
        alarms[i].timer.fire = fire;
        wheel_add(wheel, &alarms[i].timer, START + delays[i]);
    }
    assert_int_equal(wheel_advance(wheel, START + 100000), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(alarms[i].order, orders[i]);
    wheel_destroy(&wheel);
}

static void test_cancelled_timer_does_not_fire(void **state) {
    (void)state;
    struct wheel *wheel = make();
    struct alarm alarms[3] = {0};
    for (int i = 0; i < 3; i++) {
        alarms[i].timer.fire = fire;
        wheel_add(wheel, &alarms[i].timer, START + 50);
    }
    wheel_cancel(wheel, &alarms[1].timer);
    wheel_cancel(wheel, &alarms[1].timer);
    assert_int_equal(wheel_count(wheel), 2);
    wheel_cancel(wheel, &alarms[0].timer);
    wheel_cancel(wheel, &alarms[2].timer);
    assert_int_equal(wheel_next_timeout_ms(wheel, START), -1);
    assert_int_equal(wheel_advance(wheel, START + 100), 0);
    wheel_destroy(&wheel);
}

static void test_added_again_moves_the_timer(void **state) {
    (void)state;
    struct wheel *wheel = make();
    struct alarm alarm = {.timer = {.fire = fire}};
    wheel_add(wheel, &alarm.timer, START + 10);
    wheel_add(wheel, &alarm.timer, START + 20);
    assert_int_equal(wheel_count(wheel), 1);
    assert_int_equal(wheel_advance(wheel, START + 19), 0);
    assert_int_equal(wheel_advance(wheel, START + 20), 1);
    wheel_destroy(&wheel);
}

static void test_overdue_timer_fires_at_the_next_advance(void **state) {
    (void)state;
    struct wheel *wheel = make();
    struct alarm alarms[2] = {{.timer = {.fire = fire}}, {.timer = {.fire = fire}}};
    wheel_add(wheel, &alarms[0].timer, START - 5);
    wheel_add(wheel, &alarms[1].timer, 0);
    assert_int_equal(wheel_next_timeout_ms(wheel, START), 0);
    wheel_cancel(wheel, &alarms[1].timer);
    assert_int_equal(wheel_advance(wheel, START), 1);
    wheel_add(wheel, &alarms[1].timer, START);
    assert_int_equal(wheel_advance(wheel, START), 1);
    assert_int_equal(alarms[0].order, 0);
    assert_int_equal(alarms[1].order, 1);
    wheel_destroy(&wheel);
}

struct busy {
    struct wheel_timer timer;
    struct wheel *wheel;
    struct wheel_timer *victim;
    int fired;
};

static void fire_and_add_again(struct wheel_timer *timer) {
    struct busy *busy = caa_container_of(timer, struct busy, timer);
    busy->fired++;
    wheel_add(busy->wheel, timer, 0);
    if (busy->victim != NULL)
        wheel_cancel(busy->wheel, busy->victim);
}

static void test_firing_timer_may_add_itself_and_cancel_others(void **state) {
    (void)state;
    struct wheel *wheel = make();
    struct busy busy[2] = {{.timer = {.fire = fire_and_add_again}, .wheel = wheel},
                           {.timer = {.fire = fire_and_add_again}, .wheel = wheel}};
    busy[0].victim = &busy[1].timer;
    wheel_add(wheel, &busy[0].timer, START + 1);
    wheel_advance(wheel, START + 1);
    wheel_add(wheel, &busy[1].timer, START + 1);
    assert_int_equal(wheel_advance(wheel, START + 2), 1);
    assert_int_equal(busy[0].fired, 2);
    assert_int_equal(busy[1].fired, 0);
    assert_int_equal(wheel_count(wheel), 1);
    wheel_destroy(&wheel);
}

static void test_sleeping_time_is_never_late_and_ends(void **state) {
    (void)state;
    struct wheel *wheel = make();
    struct alarm alarm = {.timer = {.fire = fire}};
    assert_int_equal(wheel_next_timeout_ms(wheel, START), -1);
    wheel_add(wheel, &alarm.timer, START + 123456);
    uint64_t now = START;
    int sleeps = 0;
    while (alarm.fired == 0) {
        int timeout_ms = wheel_next_timeout_ms(wheel, now);
        assert_true(timeout_ms > 0 && ++sleeps < 10);
        now += (uint64_t)timeout_ms;
        assert_true(now <= START + 123456);
        wheel_advance(wheel, now);
    }
    wheel_add(wheel, &alarm.timer, UINT64_MAX);
    assert_int_equal(wheel_next_timeout_ms(wheel, now), INT_MAX);
    wheel_destroy(&wheel);
}

enum { MODEL_TIMERS = 300, MODEL_STEPS = 60000 };

struct modelled {
    struct wheel_timer timer;
    uint64_t deadline; /* 0: idle */
};

static uint64_t model_now;

static void fire_modelled(struct wheel_timer *timer) {
    struct modelled *modelled = caa_container_of(timer, struct modelled, timer);
    assert_true(modelled->deadline != 0 && modelled->deadline <= model_now);
    modelled->deadline = 0;
}

static uint64_t earliest_of(const struct modelled *timers) {
    uint64_t earliest = UINT64_MAX;
    for (int i = 0; i < MODEL_TIMERS; i++)
        if (timers[i].deadline != 0 && timers[i].deadline < earliest)
            earliest = timers[i].deadline;
    return earliest;
}

static void test_random_run_agrees_with_a_plain_model(void **state) {
    (void)state;
    static struct modelled timers[MODEL_TIMERS];
    struct wheel *wheel = make();
    unsigned seed = 20240501;
    model_now = START;
    for (int step = 0; step < MODEL_STEPS; step++) {
        struct modelled *modelled = &timers[rand_r(&seed) % MODEL_TIMERS];
        modelled->timer.fire = fire_modelled;
        int action = rand_r(&seed) % 4;
        if (action == 0) {
            wheel_cancel(wheel, &modelled->timer);
            modelled->deadline = 0;
        } else if (action < 3) {
            modelled->deadline = model_now + ((unsigned)rand_r(&seed) >> (rand_r(&seed) % 31));
            wheel_add(wheel, &modelled->timer, modelled->deadline);
        } else {
            model_now += (unsigned)rand_r(&seed) >> (12 + rand_r(&seed) % 19);
            wheel_advance(wheel, model_now);
            uint64_t earliest = earliest_of(timers);
            assert_true(earliest > model_now);
            int timeout_ms = wheel_next_timeout_ms(wheel, model_now);
            assert_true(earliest == UINT64_MAX ? timeout_ms == -1 : timeout_ms > 0);
            assert_true(earliest == UINT64_MAX || (uint64_t)timeout_ms <= earliest - model_now);
        }
    }
    wheel_destroy(&wheel);
}

#ifdef DEBUG_FAULTS
static void test_create_without_memory_is_an_error(void **state) {
    (void)state;
    struct wheel *wheel = NULL;
    fault_arm(FAULT_POINT_memory_alloc, 0, 1);
    assert_int_equal(wheel_create(START, &wheel), SMQ_ERR_NO_MEMORY);
    fault_disarm_all();
    wheel_destroy(&wheel);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer_fires_at_its_deadline_and_not_before),
        cmocka_unit_test(test_timers_fire_in_the_order_of_deadlines),
        cmocka_unit_test(test_cancelled_timer_does_not_fire),
        cmocka_unit_test(test_added_again_moves_the_timer),
        cmocka_unit_test(test_overdue_timer_fires_at_the_next_advance),
        cmocka_unit_test(test_firing_timer_may_add_itself_and_cancel_others),
        cmocka_unit_test(test_sleeping_time_is_never_late_and_ends),
        cmocka_unit_test(test_random_run_agrees_with_a_plain_model),
#ifdef DEBUG_FAULTS
        cmocka_unit_test(test_create_without_memory_is_an_error),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
