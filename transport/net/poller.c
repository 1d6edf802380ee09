/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* epoll. The waker is registered without a subject and is left out of the events. */
#include "transport/net/poller.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "queues/base/check.h"
#include "queues/base/descriptor.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

struct poller {
    int descriptor;
    struct epoll_event raw[POLLER_BATCH];
    struct poll_event events[POLLER_BATCH];
};

enum smq_result poller_create(struct poller **poller) {
    struct poller *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->descriptor = descriptor_above_standard(epoll_create1(EPOLL_CLOEXEC));
    if (created->descriptor < 0) {
        memory_free(created);
        return SMQ_ERR_SYSTEM;
    }
    *poller = created;
    return SMQ_OK;
}

void poller_destroy(struct poller **poller) {
    struct poller *destroyed = *poller;
    *poller = NULL;
    if (destroyed == NULL)
        return;
    close(destroyed->descriptor);
    memory_free(destroyed);
}

static enum smq_result control(struct poller *poller, int operation, int descriptor, uint32_t events, void *subject) {
    struct epoll_event event = {.events = events, .data = {.ptr = subject}};
    return epoll_ctl(poller->descriptor, operation, descriptor, &event) == 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
}

static uint32_t to_epoll(unsigned events) {
    return ((events & POLL_READ) != 0 ? (uint32_t)EPOLLIN : 0) | ((events & POLL_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
}

static unsigned from_epoll(uint32_t events) {
    return ((events & EPOLLIN) != 0 ? POLL_READ : 0U) | ((events & EPOLLOUT) != 0 ? POLL_WRITE : 0U) |
           ((events & (EPOLLERR | EPOLLHUP)) != 0 ? POLL_FAILED : 0U);
}

enum smq_result poller_add_waker(struct poller *poller, const struct waker *waker) {
    return control(poller, EPOLL_CTL_ADD, waker_fd(waker), EPOLLIN | EPOLLET, NULL);
}

enum smq_result poller_add(struct poller *poller, int descriptor, unsigned events, void *subject) {
    CHECK(subject != NULL);
    return control(poller, EPOLL_CTL_ADD, descriptor, to_epoll(events), subject);
}

enum smq_result poller_change(struct poller *poller, int descriptor, unsigned events, void *subject) {
    CHECK(subject != NULL);
    return control(poller, EPOLL_CTL_MOD, descriptor, to_epoll(events), subject);
}

void poller_remove(struct poller *poller, int descriptor) {
    (void)control(poller, EPOLL_CTL_DEL, descriptor, 0, NULL);
}

size_t poller_wait(struct poller *poller, int timeout_ms, const struct poll_event **events) {
    waiting_begins();
    int ready = epoll_wait(poller->descriptor, poller->raw, POLLER_BATCH, timeout_ms);
    size_t count = 0;
    for (int i = 0; i < ready; i++) {
        if (poller->raw[i].data.ptr == NULL)
            continue;
        poller->events[count].subject = poller->raw[i].data.ptr;
        poller->events[count].events = from_epoll(poller->raw[i].events);
        count++;
    }
    *events = poller->events;
    return count;
}
