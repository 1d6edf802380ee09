/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Looking after a running router. */
#include "bin/common/smp_care.h"

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

int smp_care_interval_ms(const struct smp_care *care) {
    uint32_t watchdog_ms = care->notify.watchdog_ms;
    if (watchdog_ms == 0 || watchdog_ms / LOOKS_A_WATCHDOG >= LOOK_MS)
        return LOOK_MS;
    return 1 + (int)(watchdog_ms / LOOKS_A_WATCHDOG);
}

void smp_care_look(struct smp_care *care) {
    uint64_t now_ms = clock_monotonic_ms();
    if (watch_turns(LONG_TURN_MS) == 0 && care->notify.watchdog_ms != 0)
        service_notify_alive(&care->notify);
    if (now_ms - care->given_back_ms >= GIVE_BACK_MS) {
        size_t left = 0;
        care->given_back_ms = now_ms;
        (void)memory_give_back(&left);
    }
}
