/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Values of now: totals of the store, what clients hold, how long messages have been in flight. */
#include "actors/runtime/watch.h"
#include "actors/smp/clients.h"
#include "actors/smp/metrics.h"
#include "actors/smp/subscriber_lane.h"
#include "queues/base/clock.h"
#include "stores/lmdb/store.h"
#include "stores/smp/queue_store.h"
#include "stores/smp/service_store.h"

static void sample_totals(struct smp_router *router, int64_t *values) {
    struct store_totals totals = {0};
    struct store_reader *reader;
    struct store_txn *txn;
    if (store_reader_create(router->store, &reader) == SMQ_OK) {
        if (store_reader_begin(reader, &txn) == SMQ_OK)
            store_totals_get(txn, &totals);
        store_reader_destroy(&reader);
    }
    values[VALUE_QUEUES] = (int64_t)totals.queues;
    values[VALUE_MESSAGES] = (int64_t)totals.messages;
    values[VALUE_NOTIFICATIONS] = (int64_t)totals.notifications;
    values[VALUE_NOTIFIERS] = (int64_t)totals.notifiers;
    values[VALUE_RCV_SERVICES] = (int64_t)totals.services[SERVICE_MESSAGING];
    values[VALUE_NTF_SERVICES] = (int64_t)totals.services[SERVICE_NOTIFIER];
    values[VALUE_RCV_SERVICE_QUEUES] = (int64_t)totals.recipient_service_queues;
    values[VALUE_NTF_SERVICE_QUEUES] = (int64_t)totals.notifier_service_queues;
    values[VALUE_STORE_SECURED] = (int64_t)totals.queues_secured;
    values[VALUE_STORE_LINKS] = (int64_t)totals.links;
    values[VALUE_UNUSED_QUEUES] = (int64_t)unused_queues_count(&router->new_quota->unused);
    values[VALUE_STORE_BLOCKED] = (int64_t)totals.queues_by_status[QUEUE_BLOCKED];
}

static void sample_store(const struct smp_router *router, int64_t *values) {
    struct store_statistics statistics;
    enum store_condition condition = store_condition(router->store);
    store_statistics_get(router->store, &statistics);
    values[VALUE_STORE_USED] = (int64_t)statistics.used_bytes;
    values[VALUE_STORE_LIMIT] = (int64_t)statistics.limit_bytes;
    values[VALUE_STORE_COMMITS] = (int64_t)statistics.commits;
    values[VALUE_STORE_COMMIT_US] = (int64_t)statistics.commit_us_total;
    values[VALUE_STORE_COMMIT_MAX_US] = (int64_t)statistics.commit_us_max;
    values[VALUE_STORE_OPERATIONS] = (int64_t)statistics.operations;
    values[VALUE_STORE_REFUSED] = (int64_t)statistics.refused;
    values[VALUE_STORE_FAILURES] = (int64_t)statistics.commit_failures;
    values[VALUE_STORE_FULL] = condition == STORE_CONDITION_FULL;
    values[VALUE_STORE_FAILED] = condition == STORE_CONDITION_FAILED || store_is_dead(router->store);
}

static bool count_client(void *context, struct client_session *session) {
    int64_t *values = context;
    values[VALUE_SUBSCRIBED_CLIENTS] += client_figure(&session->figures.subscriptions) > 0;
    values[VALUE_DELIVERED_CLIENTS] += client_figure(&session->figures.in_flight) > 0;
    values[VALUE_NTF_CLIENTS] += client_figure(&session->figures.ntf_subscriptions) > 0;
    return true;
}

static void sample_pending(const struct smp_router *router, int64_t *values) {
    struct age_counts ages = {0};
    for (unsigned i = 0; i < router->subscriber_count; i++)
        if (router->subscribers[i] != NULL) /* at the end of a start that has failed */
            ages_read(router->subscribers[i]->in_flight, (uint32_t)clock_realtime_s(), &ages);
    for (int period = 0; period < AGE_PERIODS; period++)
        values[VALUE_PENDING + period] = ages.counts[period];
    values[VALUE_PENDING_MAX] = ages.oldest_s;
}

static void count_thread(void *context, const struct watched *watched) {
    (void)watched;
    (*(int64_t *)context)++;
}

void smp_metrics_sample(void *context, int64_t *values) {
    struct smp_router *router = context;
    sample_totals(router, values);
    sample_store(router, values);
    sample_pending(router, values);
    clients_each(router, count_client, values);
    watch_each(count_thread, &values[VALUE_THREADS]);
}
