/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The expirer. It also looks when the router's own certificate ends. Each kind of record has a round: a step of bounded
 * size goes to the writer, its completion comes back as a message, and while there is more the next step follows; then
 * the round waits for its interval. Other operations get their turn between steps. */
#include "actors/router/expirer.h"

#include "actors/router/writer.h"
#include "actors/smp/metrics.h"
#include "actors/smp/post.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/ntf_store.h"

/* Records that are not in memory take a hundred times as long as others, so that a step is bounded by time. */
enum { STEP_US = 2000, STEP_QUEUES = 1024, STEP_RECORDS = 1024 };

/* One kind of record to expire. The request is with the writer, or on its way back, while `timer` is idle. */
struct round {
    struct writer_request request; /* first: also the message that comes back */
    struct expirer *expirer;
    struct wheel_timer timer;
    const _Atomic uint64_t *ttl_s; /* 0: nothing expires */
    const _Atomic uint32_t *interval_s;
    int64_t before;
    uint64_t expired; /* of the last step */
    bool more;
    enum smp_counter count;
    enum smq_result (*step)(struct round *round, struct store_txn *txn);
};

struct expirer {
    struct smp_router *router;
    struct actor *actor;
    struct round messages;
    struct round notifications;
    struct wheel_timer certificate; /* when to look next whether the router's certificate ends soon */
    struct message changed;         /* tells that settings changed */
    _Atomic bool changed_sent;
};

static struct store_expiry step_of(const struct round *round) {
    return (struct store_expiry){.before = round->before,
                                 .until_us = clock_monotonic_us() + STEP_US,
                                 .max_queues = STEP_QUEUES,
                                 .max_records = STEP_RECORDS};
}

static enum smq_result expire_messages(struct round *round, struct store_txn *txn) {
    struct msg_expired expired;
    const struct store_expiry expiry = step_of(round);
    enum smq_result result = msg_store_expire(txn, &expiry, &expired);
    round->expired = result == SMQ_OK ? expired.messages : 0;
    round->more = result == SMQ_OK && expired.more;
    return result;
}

static enum smq_result expire_notifications(struct round *round, struct store_txn *txn) {
    struct ntf_expired expired;
    const struct store_expiry expiry = step_of(round);
    enum smq_result result = ntf_store_expire(txn, &expiry, &expired);
    round->expired = result == SMQ_OK ? expired.notifications : 0;
    round->more = result == SMQ_OK && expired.more;
    return result;
}

static enum smq_result round_apply(struct store_operation *operation, struct store_txn *txn) {
    struct round *round = (struct round *)(void *)writer_request_of(operation);
    return round->step(round, txn);
}

/* On the writer's thread. When the expirer has stopped, the round just ends. */
static void round_completed(struct store_operation *operation, enum smq_result result) {
    struct round *round = (struct round *)(void *)writer_request_of(operation);
    if (result != SMQ_OK) {
        round->more = false;
        round->expired = 0;
    }
    (void)post_expirer_round(round->expirer->router, &round->request);
}

static void submit(struct round *round) {
    round->before = clock_realtime_s() - (int64_t)live_value(*round->ttl_s);
    round->request.operation = (struct store_operation){.apply = round_apply, .completed = round_completed};
    post_writer(round->expirer->router, &round->request);
}

static void wait_for_interval(struct round *round) {
    wheel_add(actor_wheel(round->expirer->actor), &round->timer,
              clock_monotonic_ms() + (uint64_t)live_value(*round->interval_s) * 1000);
}

static void begin(struct round *round) {
    if (live_value(*round->ttl_s) > 0)
        submit(round);
    else
        wait_for_interval(round);
}

static void round_due(struct wheel_timer *timer) {
    begin((struct round *)(void *)((char *)timer - offsetof(struct round, timer)));
}

static void certificate_due(struct wheel_timer *timer) {
    struct expirer *expirer = (struct expirer *)(void *)((char *)timer - offsetof(struct expirer, certificate));
    struct router_identity *identity = identity_current(&expirer->router->identity);
    identity_warn(identity, clock_realtime_s());
    identity_release(&identity);
    wheel_add(actor_wheel(expirer->actor), timer,
              clock_monotonic_ms() + (uint64_t)expirer->router->config.certificate_check_interval_s * 1000);
}

/* Rounds that wait begin anew: what they wait for may be another interval. Those that are with the writer come back. */
static void settings_changed(struct expirer *expirer) {
    struct round *const rounds[] = {&expirer->messages, &expirer->notifications};
    atomic_store(&expirer->changed_sent, false);
    for (size_t i = 0; i < sizeof rounds / sizeof rounds[0]; i++) {
        if (!wheel_timer_is_active(&rounds[i]->timer))
            continue;
        wheel_cancel(actor_wheel(expirer->actor), &rounds[i]->timer);
        begin(rounds[i]);
    }
}

static void expirer_receive(void *state, struct message *message) {
    struct expirer *expirer = state;
    if (message->kind == EXPIRER_SETTINGS) {
        settings_changed(expirer);
        return;
    }
    struct round *round = (struct round *)(void *)((char *)message - offsetof(struct round, request.message));
    counters_add(expirer->router->counters, round->count, (int64_t)round->expired);
    if (round->more)
        submit(round);
    else
        wait_for_interval(round);
}

static enum smq_result expirer_start(void *state) {
    struct expirer *expirer = state;
    if (expirer->router->config.expire_messages_on_start)
        begin(&expirer->messages);
    else
        wait_for_interval(&expirer->messages);
    begin(&expirer->notifications);
    certificate_due(&expirer->certificate);
    return SMQ_OK;
}

static void expirer_stop(void *state) {
    struct expirer *expirer = state;
    wheel_cancel(actor_wheel(expirer->actor), &expirer->messages.timer);
    wheel_cancel(actor_wheel(expirer->actor), &expirer->notifications.timer);
    wheel_cancel(actor_wheel(expirer->actor), &expirer->certificate);
}

static const struct actor_ops expirer_ops = {
    .role = "expirer", .start = expirer_start, .receive = expirer_receive, .stop = expirer_stop};

enum smq_result expirer_create(struct smp_router *router, struct expirer **out) {
    const struct live_settings *live = &router->live;
    struct expirer *expirer = memory_zalloc(sizeof *expirer);
    if (expirer == NULL)
        return SMQ_ERR_NO_MEMORY;
    expirer->router = router;
    expirer->certificate.fire = certificate_due;
    expirer->messages = (struct round){.expirer = expirer,
                                       .timer = {.fire = round_due},
                                       .ttl_s = &live->message_ttl_s,
                                       .interval_s = &live->message_expiry_interval_s,
                                       .count = COUNT_MSG_EXPIRED,
                                       .step = expire_messages};
    expirer->notifications = (struct round){.expirer = expirer,
                                            .timer = {.fire = round_due},
                                            .ttl_s = &live->notification_ttl_s,
                                            .interval_s = &live->notification_expiry_interval_s,
                                            .count = COUNT_MSG_NTF_EXPIRED,
                                            .step = expire_notifications};
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
