/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An agent's subscriptions through the death of their router. */
#pragma once

#include <stddef.h>

/* Subscribes to `count` queues of a real smp-server, kills it, starts it again on the same port, and waits until all
 * are active again: none lost, none twice; checks that messages arrive. Prints the times and the memory. */
void client_agent_restart_run(size_t count, int timeout_ms);
