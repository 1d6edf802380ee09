/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Eight levels of 64 slots. A timer sits at the level of the highest 6-bit digit in which its deadline differs from the
 * wheel's time, in the slot of the deadline's digit there. So all timers of a level share the higher digits with the
 * wheel's time, every timer of a level is due before those of the levels above, and the next event is the lowest
 * occupied slot of the lowest occupied level: at level 0 the deadline itself; above, the moment when the digits below
 * are all zero and the slot's timers move down. One bit a slot tells whether it is occupied. */
#include "queues/wheel.h"

#include <limits.h>

#include "queues/base/check.h"
#include "queues/base/memory.h"

enum { LEVELS = 8, DIGIT_BITS = 6, SLOTS = 1 << DIGIT_BITS };
#define DEADLINE_MAX ((UINT64_C(1) << (LEVELS * DIGIT_BITS)) - 1)

struct wheel {
    uint64_t now;
    size_t count;
    uint64_t occupied[LEVELS];
    struct wheel_timer *slots[LEVELS][SLOTS];
    struct wheel_timer *due;
    struct wheel_timer **due_end;
};

enum smq_result wheel_create(uint64_t now_ms, struct wheel **wheel) {
    CHECK(now_ms < DEADLINE_MAX);
    struct wheel *created = memory_zalloc(sizeof(*created));
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->now = now_ms;
    created->due_end = &created->due;
    *wheel = created;
    return SMQ_OK;
}

void wheel_destroy(struct wheel **wheel) {
    memory_free(*wheel);
    *wheel = NULL;
}

size_t wheel_count(const struct wheel *wheel) {
    return wheel->count;
}

bool wheel_timer_is_active(const struct wheel_timer *timer) {
    return timer->link != NULL;
}

static unsigned level_of(const struct wheel *wheel, uint64_t deadline) {
    return (63 - (unsigned)__builtin_clzll(deadline ^ wheel->now)) / DIGIT_BITS;
}

static unsigned digit_of(uint64_t time, unsigned level) {
    return (unsigned)(time >> (level * DIGIT_BITS)) & (SLOTS - 1);
}

static void link_at(struct wheel_timer **link, struct wheel_timer *timer) {
    timer->next = *link;
    timer->link = link;
    if (timer->next != NULL)
        timer->next->link = &timer->next;
    *link = timer;
}

static void place(struct wheel *wheel, struct wheel_timer *timer) {
    if (timer->deadline_ms <= wheel->now) {
        link_at(wheel->due_end, timer);
        wheel->due_end = &timer->next;
        return;
    }
    unsigned level = level_of(wheel, timer->deadline_ms);
    unsigned digit = digit_of(timer->deadline_ms, level);
    link_at(&wheel->slots[level][digit], timer);
    wheel->occupied[level] |= UINT64_C(1) << digit;
}

void wheel_add(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms) {
    wheel_cancel(wheel, timer);
    timer->deadline_ms = deadline_ms < DEADLINE_MAX ? deadline_ms : DEADLINE_MAX;
    place(wheel, timer);
    wheel->count++;
}

void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer) {
    if (timer->link == NULL)
        return;
    struct wheel_timer **link = timer->link;
    *link = timer->next;
    if (timer->next != NULL)
        timer->next->link = link;
    else if (wheel->due_end == &timer->next)
        wheel->due_end = link;
    uintptr_t offset = (uintptr_t)link - (uintptr_t)wheel->slots;
    if (*link == NULL && offset < sizeof(wheel->slots)) {
        size_t slot = offset / sizeof(wheel->slots[0][0]);
        wheel->occupied[slot / SLOTS] &= ~(UINT64_C(1) << (slot % SLOTS));
    }
    timer->link = NULL;
    timer->next = NULL;
    wheel->count--;
}

/* The level of the next event and its time; false when no slot is occupied. */
static bool next_event(const struct wheel *wheel, unsigned *level, uint64_t *time) {
    for (unsigned i = 0; i < LEVELS; i++) {
        if (wheel->occupied[i] == 0)
            continue;
        unsigned shift = i * DIGIT_BITS;
        uint64_t digit = (uint64_t)__builtin_ctzll(wheel->occupied[i]);
        *level = i;
        *time = (wheel->now >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS)) | (digit << shift);
        return true;
    }
    return false;
}

/* Moves the timers of the slot whose time has come down a level, or to the due ones. */
static void spread_slot(struct wheel *wheel, unsigned level) {
    unsigned digit = digit_of(wheel->now, level);
    struct wheel_timer *timer = wheel->slots[level][digit];
    wheel->slots[level][digit] = NULL;
    wheel->occupied[level] &= ~(UINT64_C(1) << digit);
    while (timer != NULL) {
        struct wheel_timer *next = timer->next;
        place(wheel, timer);
        timer = next;
    }
}

size_t wheel_advance(struct wheel *wheel, uint64_t now_ms) {
    unsigned level;
    uint64_t time;
    while (next_event(wheel, &level, &time) && time <= now_ms) {
        wheel->now = time;
        spread_slot(wheel, level);
    }
    if (now_ms > wheel->now)
        wheel->now = now_ms;
    if (wheel->due == NULL)
        return 0;
    /* What is due now is taken aside: timers that fire add to an empty list. Cancelling works on both. */
    struct wheel_timer *firing = wheel->due;
    firing->link = &firing;
    wheel->due = NULL;
    wheel->due_end = &wheel->due;
    size_t fired = 0;
    while (firing != NULL) {
        struct wheel_timer *timer = firing;
        wheel_cancel(wheel, timer);
        timer->fire(timer);
        fired++;
    }
    return fired;
}

int wheel_next_timeout_ms(const struct wheel *wheel, uint64_t now_ms) {
    unsigned level;
    uint64_t time;
    if (wheel->due != NULL)
        return 0;
    if (!next_event(wheel, &level, &time))
        return -1;
    if (time <= now_ms)
        return 0;
    return time - now_ms < INT_MAX ? (int)(time - now_ms) : INT_MAX;
}
