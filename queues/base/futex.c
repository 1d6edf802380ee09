/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The futex system call. */
#include "queues/base/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "queues/base/postpone.h"

enum { NS_PER_MS = 1000000 };
#define NS_PER_S UINT64_C(1000000000)

uint64_t futex_deadline(int timeout_ms) {
    return timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

bool futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns) {
    waiting_begins();
    /* FUTEX_WAIT_BITSET takes an absolute time, on the monotonic clock. */
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    const struct timespec *limit = deadline_ns == UINT64_MAX ? NULL : &deadline;
    if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, limit, NULL, FUTEX_BITSET_MATCH_ANY) == 0)
        return true;
    CHECK(errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT);
    return errno != ETIMEDOUT;
}

void futex_wake(_Atomic uint32_t *word) {
    CHECK(syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) >= 0);
}
