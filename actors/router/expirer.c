/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The expirer. It also looks when the router's own certificate ends. Each kind of record has a round: a step of bounded
 * size goes to the writer, its completion comes back as a message, and while there is more the next step follows; then
 * the round waits for its interval. Other operations get their turn between steps. */
#include "actors/router/expirer.h"

#include "actors/router/identity.h"
#include "actors/router/post.h"
#include "actors/router/router.h"
#include "actors/router/writer.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/owner.h"

/* Records that are not in memory take a hundred times as long as others, so that a step is bounded by time. */
enum { STEP_US = 2000, STEP_QUEUES = 1024, STEP_RECORDS = 1024 };

/* Of one kind of record. The request is with the writer, or on its way back, while `timer` is idle. */
struct round {
    struct writer_request request; /* first: also the message that comes back */
    struct expirer *expirer;
    const struct expiry *expiry;
    struct wheel_timer timer;
    int64_t before;
    uint64_t expired; /* of the last step */
    bool more;
};

struct expirer {
    struct router *router;
    struct actor *actor;
    struct round rounds[EXPIRIES_MAX];
    struct wheel_timer certificate; /* when to look next whether the router's certificate ends soon */
    struct message changed;         /* tells that settings changed */
    _Atomic bool changed_sent;
};

static struct round *round_of(struct store_operation *operation) {
    return owner_of(writer_request_of(operation), struct round, request);
}

static enum smq_result round_apply(struct store_operation *operation, struct store_txn *txn) {
    struct round *round = round_of(operation);
    const struct store_expiry limits = {.before = round->before,
                                        .until_us = clock_monotonic_us() + STEP_US,
                                        .max_queues = STEP_QUEUES,
                                        .max_records = STEP_RECORDS};
    round->expired = 0;
    round->more = false;
    return round->expiry->step(round->expirer->router, txn, &limits, &round->expired, &round->more);
}

/* On the writer's thread. When the expirer has stopped, the round just ends. */
static void round_completed(struct store_operation *operation, enum smq_result result) {
    struct round *round = round_of(operation);
    if (result != SMQ_OK) {
        round->more = false;
        round->expired = 0;
    }
    (void)post_expirer_round(round->expirer->router, &round->request);
}

static struct expiry_settings settings_of(const struct round *round) {
    return round->expiry->settings(round->expirer->router);
}

static void submit(struct round *round) {
    round->before = clock_realtime_s() - (int64_t)settings_of(round).ttl_s;
    round->request.operation = (struct store_operation){.apply = round_apply, .completed = round_completed};
    post_writer(round->expirer->router, &round->request);
}

static void wait_for_interval(struct round *round) {
    wheel_add(actor_wheel(round->expirer->actor), &round->timer,
              clock_monotonic_ms() + (uint64_t)settings_of(round).interval_s * 1000);
}

static void begin(struct round *round) {
    if (settings_of(round).ttl_s > 0)
        submit(round);
    else
        wait_for_interval(round);
}

static void round_due(struct wheel_timer *timer) {
    begin(owner_of(timer, struct round, timer));
}

static void certificate_due(struct wheel_timer *timer) {
    struct expirer *expirer = owner_of(timer, struct expirer, certificate);
    struct router_identity *identity = identity_current(&expirer->router->identity);
    identity_warn(identity, clock_realtime_s());
    identity_release(&identity);
    wheel_add(actor_wheel(expirer->actor), timer,
              clock_monotonic_ms() + (uint64_t)expirer->router->common.certificate_check_interval_s * 1000);
}

/* Rounds that wait begin anew: what they wait for may be another interval. Those that are with the writer come back. */
static void settings_changed(struct expirer *expirer) {
    atomic_store(&expirer->changed_sent, false);
    for (unsigned i = 0; i < expirer->router->kind->expiry_count; i++) {
        struct round *round = &expirer->rounds[i];
        if (!wheel_timer_is_active(&round->timer))
            continue;
        wheel_cancel(actor_wheel(expirer->actor), &round->timer);
        begin(round);
    }
}

static void expirer_receive(void *state, struct message *message) {
    struct expirer *expirer = state;
    if (message->kind == EXPIRER_SETTINGS) {
        settings_changed(expirer);
        return;
    }
    struct round *round = owner_of(message, struct round, request.message);
    round->expiry->count(expirer->router, round->expired);
    if (round->more)
        submit(round);
    else
        wait_for_interval(round);
}

static enum smq_result expirer_start(void *state) {
    struct expirer *expirer = state;
    for (unsigned i = 0; i < expirer->router->kind->expiry_count; i++)
        if (settings_of(&expirer->rounds[i]).waits_at_start)
            wait_for_interval(&expirer->rounds[i]);
        else
            begin(&expirer->rounds[i]);
    certificate_due(&expirer->certificate);
    return SMQ_OK;
}

static void expirer_stop(void *state) {
    struct expirer *expirer = state;
    for (unsigned i = 0; i < expirer->router->kind->expiry_count; i++)
        wheel_cancel(actor_wheel(expirer->actor), &expirer->rounds[i].timer);
    wheel_cancel(actor_wheel(expirer->actor), &expirer->certificate);
}

static const struct actor_ops expirer_ops = {
    .role = "expirer", .start = expirer_start, .receive = expirer_receive, .stop = expirer_stop};

enum smq_result expirer_create(struct router *router, struct expirer **out) {
    struct expirer *expirer = memory_zalloc(sizeof *expirer);
    if (expirer == NULL)
        return SMQ_ERR_NO_MEMORY;
    expirer->router = router;
    expirer->certificate.fire = certificate_due;
    for (unsigned i = 0; i < router->kind->expiry_count; i++)
        expirer->rounds[i] =
            (struct round){.expirer = expirer, .expiry = &router->kind->expiries[i], .timer = {.fire = round_due}};
    enum smq_result result = actor_create(&expirer_ops, expirer, -1, &expirer->actor);
    if (result != SMQ_OK) {
        memory_free(expirer);
        return result;
    }
    *out = expirer;
    router->addresses.expirer = expirer->actor;
    return supervisor_start_actor(router->supervisor, expirer->actor);
}

void expirer_settings_changed(struct expirer *expirer) {
    if (!atomic_exchange(&expirer->changed_sent, true))
        (void)post_expirer_settings(expirer->router, &expirer->changed); /* a stopped one expires nothing any more */
}

void expirer_destroy(struct expirer **expirer) {
    memory_free(*expirer);
    *expirer = NULL;
}
