/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The state word is AWAKE while the consumer works, one of SLEEPING_... once it has announced a sleep, and WOKEN from
 * a wake until the consumer takes it. A wake is an exchange to WOKEN; only the one that finds a sleep announced enters
 * the kernel, by the descriptor when the consumer sleeps in its poller, else by the futex, which costs less.
 *
 * The exchange is made even when the word is WOKEN already: it is what orders the publishing of work, which may end
 * with a plain store, before the word. A mere look could find a WOKEN that the consumer is about to take, while the
 * work is still in the store buffer: the consumer would see neither. */
#include "queues/waker.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "queues/base/check.h"
#include "queues/base/descriptor.h"
#include "queues/base/fault.h"
#include "queues/base/futex.h"
#include "queues/base/postpone.h"

enum { AWAKE, WOKEN, SLEEPING_IN_POLLER, SLEEPING_ON_FUTEX };

void waker_init_futex(struct waker *waker) {
    atomic_init(&waker->state, AWAKE);
    waker->fd = -1;
}

enum smq_result waker_init_eventfd(struct waker *waker) {
    atomic_init(&waker->state, AWAKE);
    waker->fd = FAULT(eventfd_create) ? -1 : descriptor_above_standard(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    return waker->fd >= 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

void waker_destroy(struct waker *waker) {
    if (waker->fd >= 0)
        close(waker->fd);
    waker->fd = -1;
}

int waker_fd(const struct waker *waker) {
    return waker->fd;
}

static void signal_poller(const struct waker *waker) {
    const uint64_t one = 1;
    int kept_errno = errno;
    ssize_t written;
    do
        written = write(waker->fd, &one, sizeof(one));
    while (written < 0 && errno == EINTR);
    /* EAGAIN: the count is at its limit, so the descriptor is readable. */
    CHECK(written == (ssize_t)sizeof(one) || errno == EAGAIN);
    errno = kept_errno;
}

void waker_wake(struct waker *waker) {
    uint32_t former = atomic_exchange(&waker->state, WOKEN);
    if (former == SLEEPING_ON_FUTEX)
        futex_wake(&waker->state);
    else if (former == SLEEPING_IN_POLLER)
        signal_poller(waker);
}

/* False: already woken. */
static bool announce(struct waker *waker, uint32_t sleep) {
    uint32_t expected = AWAKE;
    return atomic_compare_exchange_strong(&waker->state, &expected, sleep);
}

bool waker_prepare(struct waker *waker) {
    return announce(waker, SLEEPING_IN_POLLER);
}

void waker_clear(struct waker *waker) {
    atomic_exchange(&waker->state, AWAKE);
}

static void sleep_on_futex(struct waker *waker, int timeout_ms) {
    uint64_t deadline = futex_deadline(timeout_ms);
    while (atomic_load(&waker->state) == SLEEPING_ON_FUTEX && futex_wait(&waker->state, SLEEPING_ON_FUTEX, deadline))
        continue;
}

bool waker_wait(struct waker *waker, int timeout_ms) {
    waiting_begins();
    if (timeout_ms != 0 && announce(waker, SLEEPING_ON_FUTEX))
        sleep_on_futex(waker, timeout_ms);
    return atomic_exchange(&waker->state, AWAKE) == WOKEN;
}
