/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The notification protocol of systemd: lines of NAME=VALUE in one datagram. */
#include "bin/common/service_notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "queues/base/clock.h"

/* A socket that sends to `name`, or -1. */
static int connect_to(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = 0;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (descriptor >= 0 && connect(descriptor, (const struct sockaddr *)&address, size) != 0) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

/* A number from the environment; 0: none, or no number. */
static uint64_t number_of(const char *name) {
    const char *text = getenv(name);
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    unsigned long long value = strtoull(text, &end, 10);
    return *end == 0 ? value : 0;
}

static uint32_t watchdog_ms(void) {
    uint64_t process = number_of("WATCHDOG_PID");
    uint64_t ms = number_of("WATCHDOG_USEC") / 1000;
    if (process != 0 && process != (uint64_t)getpid())
        return 0;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

void service_notify_open(struct service_notify *notify) {
    const char *name = getenv("NOTIFY_SOCKET");
    notify->descriptor = name == NULL ? -1 : connect_to(name);
    notify->watchdog_ms = notify->descriptor < 0 ? 0 : watchdog_ms();
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void service_notify_close(struct service_notify *notify) {
    if (notify->descriptor >= 0)
        (void)close(notify->descriptor);
    notify->descriptor = -1;
    notify->watchdog_ms = 0;
}

static void tell(const struct service_notify *notify, const char *lines) {
    if (notify->descriptor >= 0)
        (void)send(notify->descriptor, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void service_notify_ready(const struct service_notify *notify) {
    tell(notify, "READY=1");
}

void service_notify_reloading(const struct service_notify *notify) {
    char lines[64];
    (void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_us());
    tell(notify, lines);
}

void service_notify_stopping(const struct service_notify *notify) {
    tell(notify, "STOPPING=1");
}

void service_notify_alive(const struct service_notify *notify) {
    tell(notify, "WATCHDOG=1");
}
