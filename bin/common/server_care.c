/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Looking after a running router. */
#include "bin/common/server_care.h"

#include <stddef.h>

#include "actors/runtime/watch.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

enum {
    LOOK_MS = 1000,
    LOOKS_A_WATCHDOG = 4, /* so that one that comes late does no harm */
    LONG_TURN_MS = 1000,
    GIVE_BACK_MS = 2000,
};

int server_care_interval_ms(const struct server_care *care) {
    uint64_t now_ms = clock_monotonic_ms();
    return care->next_ms > now_ms ? (int)(care->next_ms - now_ms) : 0;
}

static uint32_t interval_ms(uint32_t watchdog_ms) {
    return watchdog_ms == 0 || watchdog_ms / LOOKS_A_WATCHDOG >= LOOK_MS ? LOOK_MS : 1 + watchdog_ms / LOOKS_A_WATCHDOG;
}

void server_care_look(struct server_care *care) {
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms < care->next_ms)
        return;
    care->next_ms = now_ms + interval_ms(care->notify.watchdog_ms);
    if (watch_turns(LONG_TURN_MS) == 0 && care->notify.watchdog_ms != 0)
        service_notify_alive(&care->notify);
    if (now_ms - care->given_back_ms >= GIVE_BACK_MS) {
        size_t left = 0;
        care->given_back_ms = now_ms;
        (void)memory_give_back(&left);
    }
}
