/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The expirer: has files removed that are too old, one at a time at a pace that others do not notice, and looks for
 * chunk files that were to be removed and are still there. A round begins at each interval. Its pace is that of the
 * reference, a file each 100 ms, unless that would not be done before the next round begins. */
#include <inttypes.h>
#include <string.h>

#include "actors/xftp/disk.h"
#include "actors/xftp/metrics.h"
#include "actors/xftp/post.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"

enum {
    PACE_MS = 100,
    STEP_MAX = 200,     /* files that a step removes at most */
    PRECISION_S = 3600, /* a file counts as created up to so much before it was */
    COUNT_MAX = 1u << 30,
    LEFT_BEHIND_MAX = 256, /* chunk files that a round removes because nobody did */
};

/* A step: the store's change, and what it removed. */
struct step {
    struct change change; /* first */
    struct xftp_router *router;
    int64_t before;
    size_t wanted, count;
    struct file_removed removed[STEP_MAX];
};

struct xftp_expirer {
    struct xftp_router *router;
    struct actor *actor;
    struct store_reader *reader;
    struct wheel_timer timer;
    struct step step;
    bool is_under_way; /* the step is with the writer */
    uint64_t round_ends_ms;
    uint64_t expired; /* in this round */
    uint64_t used_before;
};

int64_t xftp_expiry_limit(const struct xftp_router_config *config, int64_t now_s) {
    return now_s - config->file_ttl_s - PRECISION_S;
}

/* ---- steps ---- */

static enum smq_result apply_step(struct store_operation *operation, struct store_txn *txn) {
    struct step *step = (struct step *)(void *)change_of(operation);
    for (step->count = 0; step->count < step->wanted; step->count++) {
        enum smq_result result = file_store_expire(txn, step->before, &step->removed[step->count]);
        if (result == SMQ_ERR_EMPTY)
            return SMQ_OK;
        if (result != SMQ_OK)
            return result;
    }
    return SMQ_OK;
}

/* Writer's thread. */
static void step_completed(struct store_operation *operation, enum smq_result result) {
    struct step *step = (struct step *)(void *)change_of(operation);
    if (result != SMQ_OK)
        step->count = 0;
    (void)post_round(step->router, &step->change); /* else the expirer has stopped */
}

static void arm(struct xftp_expirer *expirer, uint64_t after_ms) {
    wheel_add(actor_wheel(expirer->actor), &expirer->timer, clock_monotonic_ms() + after_ms);
}

static void remove_chunk(struct xftp_router *router, const struct file_id *file) {
    struct removal *removal = removal_create(file);
    if (removal != NULL && post_unlink(router, removal) != SMQ_OK)
        memory_free(removal);
}

static void end_round(struct xftp_expirer *expirer) {
    uint64_t used = file_quota_used(&expirer->router->quota);
    uint64_t now = clock_monotonic_ms();
    if (expirer->expired > 0)
        log_info("Used %" PRIu64 "mb -> %" PRIu64 "mb, %" PRIu64 " files expired", expirer->used_before >> 20,
                 used >> 20, expirer->expired);
    arm(expirer, expirer->round_ends_ms > now ? expirer->round_ends_ms - now : 0);
    expirer->expired = 0;
}

/* How many files a step removes, so that all are gone before the next round. */
static size_t pace_of(struct xftp_expirer *expirer, struct store_txn *txn, int64_t before) {
    uint64_t now = clock_monotonic_ms();
    uint64_t left_ms = expirer->round_ends_ms > now ? expirer->round_ends_ms - now : 0;
    uint64_t steps = left_ms / PACE_MS > 0 ? left_ms / PACE_MS : 1;
    uint64_t count = file_store_count_expired(txn, before, STEP_MAX * steps < COUNT_MAX ? STEP_MAX * steps : COUNT_MAX);
    uint64_t wanted = (count + steps - 1) / steps;
    return wanted < STEP_MAX ? (size_t)wanted : STEP_MAX;
}

static void begin_step(struct xftp_expirer *expirer, size_t wanted) {
    expirer->step.wanted = wanted;
    expirer->step.change.operation = (struct store_operation){.apply = apply_step, .completed = step_completed};
    expirer->is_under_way = post_change(expirer->router, &expirer->step.change) == SMQ_OK;
}

static void take_step(struct xftp_expirer *expirer) {
    const struct step *step = &expirer->step;
    for (size_t i = 0; i < step->count; i++) {
        if (step->removed[i].had_chunk)
            file_quota_give_back(&expirer->router->quota, step->removed[i].size);
        remove_chunk(expirer->router, &step->removed[i].sender_id);
    }
    counters_add(expirer->router->counters, COUNT_FILES_EXPIRED, (int64_t)step->count);
    expirer->expired += step->count;
    if (step->count < step->wanted)
        end_round(expirer);
    else
        arm(expirer, PACE_MS);
}

/* ---- rounds ---- */

static void remove_left_behind(struct xftp_expirer *expirer, struct store_txn *txn) {
    struct file_id file = {0};
    for (unsigned i = 0; i < LEFT_BEHIND_MAX; i++) {
        if (file_store_next_removal(txn, file_id_slice(&file), &file) != SMQ_OK)
            return;
        remove_chunk(expirer->router, &file);
    }
}

static void begin_round(struct xftp_expirer *expirer, struct store_txn *txn) {
    expirer->round_ends_ms = clock_monotonic_ms() + (uint64_t)expirer->router->config.expire_interval_s * 1000;
    expirer->used_before = file_quota_used(&expirer->router->quota);
    expirer->step.before = xftp_expiry_limit(&expirer->router->config, clock_realtime_s());
    remove_left_behind(expirer, txn);
}

static void go_on(struct wheel_timer *timer) {
    struct xftp_expirer *expirer = caa_container_of(timer, struct xftp_expirer, timer);
    struct store_txn *txn;
    if (store_reader_begin(expirer->reader, &txn) != SMQ_OK) {
        arm(expirer, PACE_MS);
        return;
    }
    if (clock_monotonic_ms() >= expirer->round_ends_ms)
        begin_round(expirer, txn);
    size_t wanted = pace_of(expirer, txn, expirer->step.before);
    store_reader_end(expirer->reader);
    if (wanted > 0)
        begin_step(expirer, wanted);
    else
        end_round(expirer);
}

static void expirer_receive(void *state, struct message *message) {
    (void)message;
    struct xftp_expirer *expirer = state;
    expirer->is_under_way = false;
    take_step(expirer);
}

static enum smq_result expirer_start(void *state) {
    struct xftp_expirer *expirer = state;
    uint64_t interval_ms = (uint64_t)expirer->router->config.expire_interval_s * 1000;
    expirer->timer.fire = go_on;
    expirer->round_ends_ms = clock_monotonic_ms() + interval_ms;
    arm(expirer, interval_ms);
    return SMQ_OK;
}

static void expirer_stop(void *state) {
    struct xftp_expirer *expirer = state;
    wheel_cancel(actor_wheel(expirer->actor), &expirer->timer);
}

static const struct actor_ops expirer_ops = {
    .role = "expirer", .start = expirer_start, .receive = expirer_receive, .stop = expirer_stop};

enum smq_result xftp_expirer_create(struct xftp_router *router, struct xftp_expirer **out) {
    struct xftp_expirer *expirer = memory_zalloc(sizeof *expirer);
    if (expirer == NULL)
        return SMQ_ERR_NO_MEMORY;
    expirer->router = expirer->step.router = router;
    enum smq_result result = store_reader_create(router->store, &expirer->reader);
    if (result == SMQ_OK)
        result = actor_create(&expirer_ops, expirer, -1, &expirer->actor);
    if (result != SMQ_OK) {
        xftp_expirer_destroy(&expirer);
        return result;
    }
    *out = expirer;
    router->addresses.expirer = expirer->actor;
    return supervisor_start_actor(router->supervisor, expirer->actor);
}

void xftp_expirer_destroy(struct xftp_expirer **expirer) {
    if (*expirer == NULL)
        return;
    store_reader_destroy(&(*expirer)->reader);
    memory_free(*expirer);
    *expirer = NULL;
}
