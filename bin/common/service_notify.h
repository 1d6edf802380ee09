/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What systemd wants to know of a service (sd_notify(3)): a datagram to the socket that it names in NOTIFY_SOCKET.
 * Without that variable nothing is told. All from the main thread; none blocks, and a service manager that does not
 * listen does no harm. */
#pragma once

#include <stdint.h>

struct service_notify {
    int descriptor;       /* -1: nobody is told */
    uint32_t watchdog_ms; /* the manager wants to hear WATCHDOG=1 so often, or restarts the service; 0: it does not */
};

/* Reads NOTIFY_SOCKET (a path, or '@' and a name of the abstract kind), WATCHDOG_USEC and WATCHDOG_PID, and takes them
 * out of the environment. */
void service_notify_open(struct service_notify *notify);
void service_notify_close(struct service_notify *notify);

void service_notify_ready(const struct service_notify *notify);     /* it serves; also the end of a reload */
void service_notify_reloading(const struct service_notify *notify); /* with the time, for Type=notify-reload */
void service_notify_stopping(const struct service_notify *notify);
void service_notify_alive(const struct service_notify *notify); /* WATCHDOG=1 */
