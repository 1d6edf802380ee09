/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The store writer: the only role that changes the store. What arrives while one commit is on its way to the disk
 * shares the next. */
#include "actors/xftp/change.h"
#include "actors/xftp/roles.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"

enum {
    COMMIT_MAX = 512, /* changes that share a commit */
    PURGE_PAUSE_MS = 2,
};

struct xftp_writer {
    struct xftp_router *router;
    struct actor *actor;
    struct store_batch batch;
    struct wheel_timer turn; /* has no work of its own: a turn removes some of what was deleted */
    bool has_failed;
};

static void writer_receive(void *state, struct message *message) {
    struct xftp_writer *writer = state;
    store_batch_add(&writer->batch, &((struct change *)(void *)message)->operation);
}

/* A store that cannot be written to ends the router: whoever runs it starts it again, and sees that it failed. */
static void look_whether_dead(struct xftp_writer *writer) {
    if (writer->has_failed || !store_is_dead(writer->router->store))
        return;
    writer->has_failed = true;
    actor_fail(writer->actor, SMQ_ERR_STORE, "the store cannot be written to");
}

static void commit(struct xftp_writer *writer) {
    waiting_begins();
    FAULT_DELAY(writer_slow);
    store_batch_run(writer->router->store, &writer->batch);
    look_whether_dead(writer);
}

static void writer_batch_end(void *state) {
    struct xftp_writer *writer = state;
    if (writer->batch.count > 0 || store_has_to_purge(writer->router->store))
        commit(writer);
    if (store_has_to_purge(writer->router->store))
        wheel_add(actor_wheel(writer->actor), &writer->turn, clock_monotonic_ms() + PURGE_PAUSE_MS);
}

static void next_turn(struct wheel_timer *timer) {
    (void)timer;
}

static enum smq_result writer_start(void *state) {
    struct xftp_writer *writer = state;
    writer->turn.fire = next_turn;
    return SMQ_OK;
}

static void writer_stop(void *state) {
    struct xftp_writer *writer = state;
    wheel_cancel(actor_wheel(writer->actor), &writer->turn);
    if (writer->batch.count > 0)
        commit(writer);
}

static const struct actor_ops writer_ops = {.role = "writer",
                                            .start = writer_start,
                                            .receive = writer_receive,
                                            .batch_end = writer_batch_end,
                                            .stop = writer_stop,
                                            .batch_limit = COMMIT_MAX};

enum smq_result xftp_writer_create(struct xftp_router *router, struct xftp_writer **out) {
    struct xftp_writer *writer = memory_zalloc(sizeof *writer);
    if (writer == NULL)
        return SMQ_ERR_NO_MEMORY;
    writer->router = router;
    enum smq_result result = actor_create(&writer_ops, writer, -1, &writer->actor);
    if (result != SMQ_OK) {
        memory_free(writer);
        return result;
    }
    *out = writer;
    router->addresses.writer = writer->actor;
    return supervisor_start_actor(router->supervisor, writer->actor);
}

void xftp_writer_destroy(struct xftp_writer **writer) {
    memory_free(*writer);
    *writer = NULL;
}
