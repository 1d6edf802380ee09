/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the SMP router counts, by the reference's names (Server/Stats.hs), and where each figure is written: rows for
 * actors/router/operator. */
#pragma once

#include "actors/router/operator/counters.h"
#include "actors/router/operator/metrics.h"
#include "actors/router/operator/statistics.h"
#include "transport/smp/command.h"
#include "transport/smp/error.h"

struct smp_router;

/* Rows of smp_counter_rows, in order of the statistics file. `B` counts batches: blocks of commands of one kind. */
enum smp_counter {
    COUNT_Q_CREATED,
    COUNT_Q_SECURED,
    COUNT_Q_DELETED_ALL,
    COUNT_Q_DELETED_NEW,
    COUNT_Q_DELETED_SECURED,
    COUNT_Q_DELETED_ALL_B,
    COUNT_Q_BLOCKED,
    COUNT_Q_SUB,
    COUNT_Q_SUB_ALL_B,
    COUNT_Q_SUB_AUTH,
    COUNT_Q_SUB_DUPLICATE,
    COUNT_Q_SUB_PROHIBITED,
    COUNT_Q_SUB_END,
    COUNT_Q_SUB_END_B,
    COUNT_NTF_CREATED,
    COUNT_NTF_NEW_CREATED,
    COUNT_NTF_DELETED,
    COUNT_NTF_DELETED_B,
    COUNT_NTF_SUB,
    COUNT_NTF_SUB_B,
    COUNT_NTF_SUB_AUTH,
    COUNT_NTF_SUB_DUPLICATE,
    COUNT_MSG_SENT,
    COUNT_MSG_SENT_AUTH,
    COUNT_MSG_SENT_QUOTA,
    COUNT_MSG_SENT_LARGE,
    COUNT_MSG_SENT_BLOCK,
    COUNT_MSG_RECV,
    COUNT_MSG_RECV_GET,
    COUNT_MSG_GET,
    COUNT_MSG_GET_NO_MSG,
    COUNT_MSG_GET_AUTH,
    COUNT_MSG_GET_DUPLICATE,
    COUNT_MSG_GET_PROHIBITED,
    COUNT_MSG_EXPIRED,
    COUNT_MSG_SENT_NTF,
    COUNT_MSG_RECV_NTF,
    COUNT_MSG_NTFS,
    COUNT_MSG_NTFS_B,
    COUNT_MSG_NTF_NO_SUB,
    COUNT_MSG_NTF_LOST,
    COUNT_MSG_NTF_EXPIRED,
    COUNT_P_RELAYS_REQUESTS,
    COUNT_P_RELAYS_SUCCESSES,
    COUNT_P_RELAYS_ERRORS_CONNECT,
    COUNT_P_RELAYS_ERRORS_COMPAT,
    COUNT_P_RELAYS_ERRORS_OTHER,
    COUNT_P_RELAYS_OWN_REQUESTS,
    COUNT_P_RELAYS_OWN_SUCCESSES,
    COUNT_P_RELAYS_OWN_ERRORS_CONNECT,
    COUNT_P_RELAYS_OWN_ERRORS_COMPAT,
    COUNT_P_RELAYS_OWN_ERRORS_OTHER,
    COUNT_P_MSG_FWDS_REQUESTS,
    COUNT_P_MSG_FWDS_SUCCESSES,
    COUNT_P_MSG_FWDS_ERRORS_CONNECT,
    COUNT_P_MSG_FWDS_ERRORS_COMPAT,
    COUNT_P_MSG_FWDS_ERRORS_OTHER,
    COUNT_P_MSG_FWDS_OWN_REQUESTS,
    COUNT_P_MSG_FWDS_OWN_SUCCESSES,
    COUNT_P_MSG_FWDS_OWN_ERRORS_CONNECT,
    COUNT_P_MSG_FWDS_OWN_ERRORS_COMPAT,
    COUNT_P_MSG_FWDS_OWN_ERRORS_OTHER,
    COUNT_P_MSG_FWDS_RECV,
    COUNT_RCV_SERVICES_ASSOC_NEW,
    COUNT_RCV_SERVICES_ASSOC_DUPLICATE,
    COUNT_RCV_SERVICES_ASSOC_UPDATED,
    COUNT_RCV_SERVICES_ASSOC_REMOVED,
    COUNT_RCV_SERVICES_SUB_COUNT,
    COUNT_RCV_SERVICES_SUB_DUPLICATE,
    COUNT_RCV_SERVICES_SUB_QUEUES,
    COUNT_RCV_SERVICES_SUB_END,
    COUNT_NTF_SERVICES_ASSOC_NEW,
    COUNT_NTF_SERVICES_ASSOC_DUPLICATE,
    COUNT_NTF_SERVICES_ASSOC_UPDATED,
    COUNT_NTF_SERVICES_ASSOC_REMOVED,
    COUNT_NTF_SERVICES_SUB_COUNT,
    COUNT_NTF_SERVICES_SUB_DUPLICATE,
    COUNT_NTF_SERVICES_SUB_QUEUES,
    COUNT_NTF_SERVICES_SUB_END,
    /* of this run */
    COUNT_CLIENTS,             /* connections whose handshake is done, open now */
    COUNT_CONNECTIONS,         /* those that are accepted, open now */
    COUNT_SUBSCRIPTIONS,       /* queues that somebody gets the messages of */
    COUNT_GETS,                /* queues that somebody has done GET on */
    COUNT_IN_FLIGHT,           /* of both, those with a message that was not acknowledged */
    COUNT_NTF_SUBSCRIPTIONS,   /* queues that somebody gets the notifications of */
    COUNT_NTF_SERVICES_HELD,   /* notification services that are subscribed */
    COUNT_AUTH_FAILURES,       /* commands that were answered AUTH */
    COUNT_STORE_FAILURES,      /* commands that were answered STORE */
    COUNT_NEW_REFUSED_ADDRESS, /* NEW, by the quotas on new queues */
    COUNT_NEW_REFUSED_PASSWORD,
    COUNT_NEW_REFUSED_UNUSED,
    COUNT_RELOAD_FAILURES, /* reloads that changed nothing, for a mistake in a file */
    COUNT_SMP_COUNTERS
};

/* Sets of statistics->active. */
enum smp_active { ACTIVE_QUEUES, ACTIVE_QUEUES_NTF, ACTIVE_SMP_SETS };

/* What smp_metrics_sample fills. */
enum smp_value {
    VALUE_QUEUES,
    VALUE_MESSAGES,
    VALUE_NOTIFICATIONS,
    VALUE_NOTIFIERS,
    VALUE_RCV_SERVICES,
    VALUE_NTF_SERVICES,
    VALUE_RCV_SERVICE_QUEUES,
    VALUE_NTF_SERVICE_QUEUES,
    VALUE_RCV_SERVICES_HELD,  /* none: SUBS is refused */
    VALUE_SUBSCRIBED_CLIENTS, /* clients with a subscription */
    VALUE_DELIVERED_CLIENTS,  /* clients with a message in flight */
    VALUE_NTF_CLIENTS,        /* clients with a subscription to notifications */
    VALUE_PENDING_MAX,        /* s, the oldest message in flight; those of the periods below */
    VALUE_PENDING,            /* up to a minute */
    VALUE_THREADS = VALUE_PENDING + 5,
    VALUE_STORE_USED,
    VALUE_STORE_LIMIT,
    VALUE_STORE_COMMITS,
    VALUE_STORE_COMMIT_US,
    VALUE_STORE_COMMIT_MAX_US,
    VALUE_STORE_OPERATIONS,
    VALUE_STORE_REFUSED,
    VALUE_STORE_FAILURES,
    VALUE_STORE_FULL, /* 1: the store takes nothing that grows it */
    VALUE_STORE_FAILED,
    VALUE_STORE_SECURED,
    VALUE_STORE_LINKS,
    VALUE_STORE_BLOCKED,
    VALUE_UNUSED_QUEUES, /* of those made since the start */
    VALUE_SMP_VALUES
};

/* A command was answered with an error. Any thread. */
void smp_count_error(struct smp_router *router, enum smp_command_tag tag, const struct smp_error *error);
/* A block of several commands came that begins with this one. Any thread. */
void smp_count_batch(struct smp_router *router, enum smp_command_tag tag);

/* The tables. `router` is the context of `sample`. */
struct statistics_table smp_statistics_table(struct smp_router *router);
extern const struct metric_row smp_metrics[]; /* `write` takes the router */
extern const size_t smp_metric_count;

/* Fills in the values of now, for statistics_sample. Any attached thread, while the router runs. */
void smp_metrics_sample(void *router, int64_t *values);
