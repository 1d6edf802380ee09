/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The parts of a process in the order of their start, and an eventfd that says "stop". */
#include "actors/runtime/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "queues/base/rcu.h"

#define SUPERVISOR_MAGIC MAGIC('S', 'U', 'P', 'V')

/* An actor, or something with a stop function of its own. */
struct part {
    struct actor *actor; /* NULL: the other kind */
    const char *name;
    void (*stop)(void *context);
    void *context;
};

struct supervisor {
    uint32_t magic;
    int fd;
    struct part *parts;
    size_t count;
    size_t running; /* parts[running..count) are stopped */
    size_t capacity;
    _Atomic uint32_t reason; /* enum smq_result of the first failure */
    _Atomic bool stop_requested;
};

static void signal_fd(struct supervisor *supervisor) {
    const uint64_t one = 1;
    int kept_errno = errno;
    while (write(supervisor->fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
    errno = kept_errno;
}

static void report(void *context, struct actor *actor) {
    struct supervisor *supervisor = context;
    uint32_t expected = SMQ_OK;
    atomic_compare_exchange_strong(&supervisor->reason, &expected, (uint32_t)actor_failure(actor));
    signal_fd(supervisor);
}

void supervisor_request_stop(struct supervisor *supervisor) {
    atomic_store(&supervisor->stop_requested, true);
    signal_fd(supervisor);
}

/* Makes sure that there is room for one part more than are there. */
static enum smq_result make_room(struct supervisor *supervisor) {
    if (supervisor->count < supervisor->capacity)
        return SMQ_OK;
    size_t capacity = supervisor->capacity > 0 ? supervisor->capacity * 2 : 16;
    struct part *parts = memory_resize_array(supervisor->parts, capacity, sizeof(*parts));
    if (parts == NULL)
        return SMQ_ERR_NO_MEMORY;
    supervisor->parts = parts;
    supervisor->capacity = capacity;
    return SMQ_OK;
}

/* Notes `part` in the room that is always there, so that it cannot be lost, and makes room for the next one. */
static enum smq_result add_part(struct supervisor *supervisor, struct part part) {
    CHECK(supervisor->running == supervisor->count && supervisor->count < supervisor->capacity);
    supervisor->parts[supervisor->count++] = part;
    supervisor->running = supervisor->count;
    return make_room(supervisor);
}

enum smq_result supervisor_create(struct supervisor **supervisor) {
    struct supervisor *created = memory_zalloc(sizeof(*created));
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = make_room(created);
    if (result == SMQ_OK) {
        created->fd = FAULT(eventfd_create) ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        result = created->fd >= 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
    }
    if (result != SMQ_OK) {
        memory_free(created->parts);
        memory_free(created);
        return result;
    }
    MAGIC_SET(created, SUPERVISOR_MAGIC);
    *supervisor = created;
    return SMQ_OK;
}

enum smq_result supervisor_start_actor(struct supervisor *supervisor, struct actor *actor) {
    MAGIC_CHECK(supervisor, SUPERVISOR_MAGIC);
    enum smq_result result = add_part(supervisor, (struct part){.actor = actor, .name = actor_name(actor)});
    if (result == SMQ_OK) {
        actor_on_failure(actor, report, supervisor);
        result = actor_start(actor);
    }
    if (result != SMQ_OK)
        log_error("%s did not start: %s", actor_name(actor), smq_result_text(result));
    return result;
}

enum smq_result supervisor_add(struct supervisor *supervisor, const char *name, void (*stop)(void *context),
                               void *context) {
    MAGIC_CHECK(supervisor, SUPERVISOR_MAGIC);
    enum smq_result result = add_part(supervisor, (struct part){.name = name, .stop = stop, .context = context});
    if (result != SMQ_OK)
        supervisor->running = --supervisor->count;
    return result;
}

int supervisor_fd(const struct supervisor *supervisor) {
    return supervisor->fd;
}

enum smq_result supervisor_wait(struct supervisor *supervisor, int timeout_ms) {
    MAGIC_CHECK(supervisor, SUPERVISOR_MAGIC);
    waiting_begins();
    uint64_t end = timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ms() + (uint64_t)timeout_ms;
    struct pollfd entry = {.fd = supervisor->fd, .events = POLLIN};
    int ready;
    while ((ready = poll(&entry, 1, timeout_ms)) < 0 && errno == EINTR) {
        uint64_t now = clock_monotonic_ms();
        if (timeout_ms > 0)
            timeout_ms = now < end ? (int)(end - now) : 0;
    }
    if (ready < 0)
        return SMQ_ERR_SYSTEM;
    enum smq_result reason = (enum smq_result)atomic_load(&supervisor->reason);
    if (reason != SMQ_OK)
        return reason;
    return ready > 0 || atomic_load(&supervisor->stop_requested) ? SMQ_OK : SMQ_ERR_TIMEOUT;
}

static void stop_part(const struct part *part) {
    log_debug("stopping %s", part->name);
    if (part->actor == NULL) {
        part->stop(part->context);
        return;
    }
    actor_stop(part->actor);
    actor_join(part->actor);
}

void supervisor_stop(struct supervisor *supervisor) {
    MAGIC_CHECK(supervisor, SUPERVISOR_MAGIC);
    while (supervisor->running > 0)
        stop_part(&supervisor->parts[--supervisor->running]);
}

void supervisor_destroy(struct supervisor **supervisor) {
    if (*supervisor == NULL)
        return;
    struct supervisor *destroyed = *supervisor;
    supervisor_stop(destroyed);
    for (size_t i = destroyed->count; i > 0; i--)
        actor_destroy(&destroyed->parts[i - 1].actor);
    reclaim_barrier();
    close(destroyed->fd);
    memory_free(destroyed->parts);
    MAGIC_CLEAR(destroyed);
    memory_free(destroyed);
    *supervisor = NULL;
}
