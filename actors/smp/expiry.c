/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The kinds of records that expire, one row each. */
#include "actors/smp/expiry.h"

#include "actors/smp/metrics.h"
#include "actors/smp/roles.h"
#include "stores/smp/msg_store.h"
#include "stores/smp/ntf_store.h"

static struct smp_router *router_of(const struct router *router) {
    return owner_of((struct router *)(uintptr_t)router, struct smp_router, base);
}

static struct expiry_settings message_settings(const struct router *common) {
    const struct smp_router *router = router_of(common);
    return (struct expiry_settings){.ttl_s = live_value(router->live.message_ttl_s),
                                    .interval_s = live_value(router->live.message_expiry_interval_s),
                                    .waits_at_start = !router->config.expire_messages_on_start};
}

static enum smq_result expire_messages(struct router *router, struct store_txn *txn, const struct store_expiry *limits,
                                       uint64_t *count, bool *more) {
    struct msg_expired expired;
    (void)router;
    enum smq_result result = msg_store_expire(txn, limits, &expired);
    if (result == SMQ_OK) {
        *count = expired.messages;
        *more = expired.more;
    }
    return result;
}

static void count_messages(struct router *router, uint64_t expired) {
    counters_add(router_of(router)->counters, COUNT_MSG_EXPIRED, (int64_t)expired);
}

static struct expiry_settings notification_settings(const struct router *common) {
    const struct smp_router *router = router_of(common);
    return (struct expiry_settings){.ttl_s = live_value(router->live.notification_ttl_s),
                                    .interval_s = live_value(router->live.notification_expiry_interval_s)};
}

static enum smq_result expire_notifications(struct router *router, struct store_txn *txn,
                                            const struct store_expiry *limits, uint64_t *count, bool *more) {
    struct ntf_expired expired;
    (void)router;
    enum smq_result result = ntf_store_expire(txn, limits, &expired);
    if (result == SMQ_OK) {
        *count = expired.notifications;
        *more = expired.more;
    }
    return result;
}

static void count_notifications(struct router *router, uint64_t expired) {
    counters_add(router_of(router)->counters, COUNT_MSG_NTF_EXPIRED, (int64_t)expired);
}

const struct expiry smp_expiries[SMP_EXPIRY_COUNT] = {
    {message_settings, expire_messages, count_messages},
    {notification_settings, expire_notifications, count_notifications},
};
