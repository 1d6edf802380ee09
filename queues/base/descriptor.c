/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keeping off the standard descriptors. open() takes the lowest free number: filling from below ends at the first one
 * that is not a standard descriptor. */
#include "queues/base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_open(int descriptor) {
    return fcntl(descriptor, F_GETFD) >= 0;
}

static void close_keeping_errno(int descriptor) {
    int saved = errno;
    (void)close(descriptor);
    errno = saved;
}

void descriptors_release_standard(struct descriptor_hold *hold) {
    for (int descriptor = 0; descriptor < DESCRIPTOR_FIRST_OWN; descriptor++) {
        if (hold->held[descriptor])
            close_keeping_errno(descriptor);
        hold->held[descriptor] = false;
    }
}

enum smq_result descriptors_hold_standard(struct descriptor_hold *hold) {
    *hold = (struct descriptor_hold){0};
    for (;;) {
        int opened = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (opened < 0) {
            descriptors_release_standard(hold);
            return SMQ_ERR_SYSTEM;
        }
        if (opened >= DESCRIPTOR_FIRST_OWN) {
            (void)close(opened);
            return SMQ_OK;
        }
        hold->held[opened] = true;
    }
}

enum smq_result descriptors_occupy_standard(void) {
    for (int descriptor = 0; descriptor < DESCRIPTOR_FIRST_OWN; descriptor++)
        if (!is_open(descriptor) && open("/dev/null", O_RDWR) != descriptor)
            return SMQ_ERR_SYSTEM;
    return SMQ_OK;
}

int descriptor_above_standard(int descriptor) {
    if (descriptor < 0 || descriptor >= DESCRIPTOR_FIRST_OWN)
        return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, DESCRIPTOR_FIRST_OWN);
    close_keeping_errno(descriptor);
    return moved;
}
