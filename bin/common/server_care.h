/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the main thread of a router does while it waits for signals: it looks after the actors, tells the service
 * manager that they are well, and gives unused memory back to the system. */
#pragma once

#include <stdint.h>

#include "bin/common/service_notify.h"

struct server_care {
    struct service_notify notify;
    uint64_t next_ms;       /* when the next look is due */
    uint64_t given_back_ms; /* when memory was looked at last */
};

/* How long to wait until the next look. */
int server_care_interval_ms(const struct server_care *care);
/* One look, when it is due, however often this is called. Turns that take longer than a second are logged
 * (actors/runtime/watch.h); only while there are none the service manager is told that the router is alive. */
void server_care_look(struct server_care *care);
