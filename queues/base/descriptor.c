/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The standard streams' descriptors. The system gives the lowest one that is free. */
#include "queues/base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { ABOVE_STANDARD = 3 };

enum smq_result descriptors_open_standard(void) {
    for (;;) {
        int opened = open("/dev/null", O_RDWR); /* stays open over exec, as standard streams do */
        if (opened < 0)
            return SMQ_ERR_SYSTEM;
        if (opened >= ABOVE_STANDARD) {
            (void)close(opened);
            return SMQ_OK;
        }
    }
}

int descriptor_above_standard(int descriptor) {
    if (descriptor < 0 || descriptor >= ABOVE_STANDARD)
        return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, ABOVE_STANDARD);
    int error = errno;
    (void)close(descriptor);
    errno = error;
    return moved;
}

void descriptor_guard_begin(struct descriptor_guard *guard) {
    guard->count = 0;
    while (guard->count < ABOVE_STANDARD) {
        int opened = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (opened < 0)
            return;
        if (opened >= ABOVE_STANDARD) {
            (void)close(opened);
            return;
        }
        guard->held[guard->count++] = opened;
    }
}

void descriptor_guard_end(struct descriptor_guard *guard) {
    while (guard->count > 0)
        (void)close(guard->held[--guard->count]);
}
