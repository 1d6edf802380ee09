/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A change of who holds a service, on its way through the subscriber lanes. Until all of them have made it their own,
 * the session before is not told and the command is not answered. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "transport/smp/limits.h"

struct client_session;
struct command_slot;

/* Made by the services role; belongs to the lanes that have not applied it. */
struct service_change {
    _Atomic unsigned lanes; /* that have not applied it */
    struct command_slot *slot;
    struct client_session *before; /* with a reference to its connection; NULL: nobody held the service */
    int64_t count_before;
    uint8_t id[SMP_ENTITY_ID_SIZE];
};

/* A lane has made the change its own. The last one lets the session before know, answers the command, and frees the
 * change. Any thread. */
void service_change_applied(struct service_change **change);
