/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the router is and does: stats, server-info, sockets, clients, threads. Lines and their order are the
 * reference's. */
#include <inttypes.h>

#include "actors/router/operator/date.h"
#include "actors/runtime/watch.h"
#include "actors/smp/clients.h"
#include "actors/smp/control.h"
#include "actors/smp/metrics.h"
#include "queues/base/clock.h"

/* ---- stats */

enum stats_form {
    STATS_FROM_TIME,
    STATS_NUMBER,
    STATS_TRIPLE, /* three counters, from `statistic` on */
    STATS_PROXY   /* five */
};

struct stats_row {
    const char *label;
    enum stats_form form;
    struct statistic statistic;
    unsigned more[2]; /* TRIPLE: the other two */
    bool is_admin;    /* only an admin sees it */
};

#define NUMBER(label_, counter)                                                                                        \
    { .label = label_, .form = STATS_NUMBER, .statistic = OF_COUNTER(counter) }
#define PROXY_ROW(label_, counter)                                                                                     \
    { .label = label_, .form = STATS_PROXY, .statistic = OF_COUNTER(counter) }
#define TOTAL(label_, value)                                                                                           \
    { .label = label_, .form = STATS_NUMBER, .statistic = OF_VALUE(value) }

static const struct stats_row stats_rows[] = {
    {.label = "fromTime", .form = STATS_FROM_TIME},
    NUMBER("qCreated", COUNT_Q_CREATED),
    NUMBER("qSecured", COUNT_Q_SECURED),
    NUMBER("qDeletedAll", COUNT_Q_DELETED_ALL),
    NUMBER("qDeletedAllB", COUNT_Q_DELETED_ALL_B),
    NUMBER("qDeletedNew", COUNT_Q_DELETED_NEW),
    NUMBER("qDeletedSecured", COUNT_Q_DELETED_SECURED),
    {.label = "daily active queues", .form = STATS_NUMBER, .statistic = OF_ACTIVE(ACTIVE_QUEUES, ACTIVE_DAY)},
    NUMBER("qSub", COUNT_Q_SUB),
    NUMBER("qSubAllB", COUNT_Q_SUB_ALL_B),
    NUMBER("qSubEnd", COUNT_Q_SUB_END),
    NUMBER("qSubEndB", COUNT_Q_SUB_END_B),
    {.label = "other SUB events (auth, duplicate, prohibited)",
     .form = STATS_TRIPLE,
     .statistic = OF_COUNTER(COUNT_Q_SUB_AUTH),
     .more = {COUNT_Q_SUB_DUPLICATE, COUNT_Q_SUB_PROHIBITED}},
    NUMBER("msgSent", COUNT_MSG_SENT),
    NUMBER("msgRecv", COUNT_MSG_RECV),
    NUMBER("msgRecvGet", COUNT_MSG_RECV_GET),
    NUMBER("msgGet", COUNT_MSG_GET),
    NUMBER("msgGetNoMsg", COUNT_MSG_GET_NO_MSG),
    {.label = "other GET events (auth, duplicate, prohibited)",
     .form = STATS_TRIPLE,
     .statistic = OF_COUNTER(COUNT_MSG_GET_AUTH),
     .more = {COUNT_MSG_GET_DUPLICATE, COUNT_MSG_GET_PROHIBITED}},
    NUMBER("msgSentNtf", COUNT_MSG_SENT_NTF),
    NUMBER("msgRecvNtf", COUNT_MSG_RECV_NTF),
    NUMBER("msgNtfs", COUNT_MSG_NTFS),
    NUMBER("msgNtfsB", COUNT_MSG_NTFS_B),
    NUMBER("msgNtfExpired", COUNT_MSG_NTF_EXPIRED),
    TOTAL("qCount", VALUE_QUEUES),
    TOTAL("qCount 2", VALUE_QUEUES),
    TOTAL("notifiers", VALUE_NOTIFIERS),
    TOTAL("msgCount", VALUE_MESSAGES),
    TOTAL("ntfCount", VALUE_NOTIFICATIONS),
    {.label = "ntfCount 2", .form = STATS_NUMBER, .statistic = OF_VALUE(VALUE_NOTIFICATIONS), .is_admin = true},
    PROXY_ROW("pRelays", COUNT_P_RELAYS_REQUESTS),
    PROXY_ROW("pRelaysOwn", COUNT_P_RELAYS_OWN_REQUESTS),
    PROXY_ROW("pMsgFwds", COUNT_P_MSG_FWDS_REQUESTS),
    PROXY_ROW("pMsgFwdsOwn", COUNT_P_MSG_FWDS_OWN_REQUESTS),
    NUMBER("pMsgFwdsRecv", COUNT_P_MSG_FWDS_RECV),
    TOTAL("rcvServiceCount", VALUE_RCV_SERVICES),
    TOTAL("ntfServiceCount", VALUE_NTF_SERVICES),
    TOTAL("rcvServiceQueuesCount", VALUE_RCV_SERVICE_QUEUES),
    TOTAL("ntfServiceQueuesCount", VALUE_NTF_SERVICE_QUEUES),
};

static void write_numbers(const struct counters *counters, unsigned first, const char *const *names, unsigned count,
                          const char *between, struct text_buffer *text) {
    for (unsigned i = 0; i < count; i++)
        text_add(text, "%s%s%" PRId64, i == 0 ? "" : between, names[i], counters_read(counters, first + i));
}

static void write_stats_row(struct text_buffer *text, const struct smp_router *router, const struct stats_row *row,
                            const int64_t *values) {
    static const char *const proxy[] = {"requests=", "successes=", "errorsConnect=", "errorsCompat=", "errorsOther="};
    const struct counters *counters = router->counters;
    char date[DATE_TEXT_SIZE];
    text_add(text, "%s: ", row->label);
    switch (row->form) {
    case STATS_FROM_TIME:
        date_write(atomic_load(&router->statistics->from_ns), DATE_SHOWN, date);
        text_add(text, "%s", date);
        break;
    case STATS_NUMBER:
        text_add(text, "%" PRId64, statistics_read(router->statistics, row->statistic, values));
        break;
    case STATS_TRIPLE:
        text_add(text, "(%" PRId64 ",%" PRId64 ",%" PRId64 ")", counters_read(counters, row->statistic.index),
                 counters_read(counters, row->more[0]), counters_read(counters, row->more[1]));
        break;
    case STATS_PROXY:
        write_numbers(counters, row->statistic.index, proxy, sizeof proxy / sizeof proxy[0], ", ", text);
        break;
    }
    text_add(text, "\n");
}

/* Everything that the statistics file holds, with the present totals. */
static void write_stats_json(struct text_buffer *text, const struct smp_router *router, const int64_t *values) {
    static const struct {
        const char *name;
        enum smp_value value;
    } totals[] = {
        {"qCount", VALUE_QUEUES},
        {"msgCount", VALUE_MESSAGES},
        {"ntfCount", VALUE_NOTIFICATIONS},
        {"notifiers", VALUE_NOTIFIERS},
        {"rcvServiceCount", VALUE_RCV_SERVICES},
        {"ntfServiceCount", VALUE_NTF_SERVICES},
        {"rcvServiceQueuesCount", VALUE_RCV_SERVICE_QUEUES},
        {"ntfServiceQueuesCount", VALUE_NTF_SERVICE_QUEUES},
    };
    char date[DATE_TEXT_SIZE];
    date_write(atomic_load(&router->statistics->from_ns), DATE_ISO, date);
    text_add(text, "{\"fromTime\":\"%s\"", date);
    for (size_t i = 0; i < counters_count(router->counters); i++) {
        const struct counter_row *row = counters_row(router->counters, i);
        text_add(text, ",\"%s%s%s\":%" PRId64, row->scope == NULL ? "" : row->scope, row->scope == NULL ? "" : ".",
                 row->name, counters_read(router->counters, i));
    }
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++)
        text_add(text, ",\"%s\":%" PRId64, totals[i].name, values[totals[i].value]);
    for (unsigned set = 0; set < ACTIVE_SMP_SETS; set++)
        text_add(text, ",\"%s\":{\"day\":%" PRIu64 ",\"week\":%" PRIu64 ",\"month\":%" PRIu64 "}",
                 router->statistics->table.active[set], active_count(router->statistics->active[set], ACTIVE_DAY),
                 active_count(router->statistics->active[set], ACTIVE_WEEK),
                 active_count(router->statistics->active[set], ACTIVE_MONTH));
    text_add(text, "}\n");
}

void control_stats(void *context, struct control_request *request) {
    const struct smp_router *router = context;
    int64_t values[STATISTICS_VALUES_MAX];
    statistics_sample(router->statistics, values);
    if (request->is_json)
        write_stats_json(&request->answer, router, values);
    for (size_t i = 0; i < sizeof stats_rows / sizeof stats_rows[0] && !request->is_json; i++)
        if (!stats_rows[i].is_admin || request->role == CONTROL_ADMIN)
            write_stats_row(&request->answer, router, &stats_rows[i], values);
    control_done(request);
}

/* ---- server-info */

/* Of all clients. What waits is what was received and is not answered yet; what waits to be sent is known of
 * notifications only. */
struct client_sums {
    int64_t received, notifications; /* that wait */
    int64_t received_subscribed,
        ntf_subscribed;             /* likewise, of clients with subscriptions, to messages; to notifications */
    struct text_buffer ntf_clients; /* their numbers, with commas */
};

static bool sum_client(void *context, struct client_session *session) {
    struct client_sums *sums = context;
    int64_t received = (int64_t)(uint32_t)atomic_load_explicit(&session->credit, memory_order_relaxed);
    sums->received += received;
    sums->notifications += client_figure(&session->queued_notifications);
    if (client_figure(&session->figures.subscriptions) > 0)
        sums->received_subscribed += received;
    if (client_figure(&session->figures.ntf_subscriptions) == 0)
        return true;
    sums->ntf_subscribed += received;
    text_add(&sums->ntf_clients, "%s%" PRIu64, sums->ntf_clients.length == 0 ? "" : ",", session->number);
    return true;
}

static const char *text_of(const struct text_buffer *text) {
    return text->bytes == NULL ? "" : text->bytes;
}

static void write_admin_info(struct text_buffer *text, const struct smp_router *router, const int64_t *values,
                             const struct client_sums *sums) {
    int64_t subscriptions = counters_read(router->counters, COUNT_SUBSCRIPTIONS);
    int64_t gets = counters_read(router->counters, COUNT_GETS);
    int64_t ntf_subscriptions = counters_read(router->counters, COUNT_NTF_SUBSCRIPTIONS);
    text_add(text, "Client queues (rcvQ, sndQ, msgQ): (%" PRId64 ",%" PRId64 ",0)\n", sums->received,
             sums->notifications);
    text_add(text, "SMP subscriptions (via clients): %" PRId64 "\n", subscriptions + gets);
    text_add(text,
             "SMP subscriptions (by group: NoSub, SubPending, SubThread, ProhibitSub): (%" PRId64 ",0,0,%" PRId64 ")\n",
             subscriptions, gets);
    text_add(text, "SMP subscribed clients (via clients): %" PRId64 "\n", values[VALUE_SUBSCRIBED_CLIENTS]);
    text_add(text, "SMP subscribed clients queues (via clients, rcvQ, sndQ, msgQ): (%" PRId64 ",0,0)\n",
             sums->received_subscribed);
    text_add(text, "Ntf subscriptions (via clients): %" PRId64 "\n", ntf_subscriptions);
    text_add(text, "Ntf subscribed clients (via clients): %" PRId64 "\n", values[VALUE_NTF_CLIENTS]);
    text_add(text, "Ntf subscribed clients queues (via clients, rcvQ, sndQ, msgQ): (%" PRId64 ",%" PRId64 ",0)\n",
             sums->ntf_subscribed, sums->notifications);
}

static void write_info(struct text_buffer *text, const struct smp_router *router, const int64_t *values,
                       const struct client_sums *sums, bool is_admin) {
    text_add(text, "Threads: %" PRId64 "\n", values[VALUE_THREADS]);
    text_add(text, "Clients: %" PRId64 "\n", counters_read(router->counters, COUNT_CLIENTS));
    if (is_admin)
        write_admin_info(text, router, values, sums);
    text_add(text, "SMP subscriptions: %" PRId64 "\n", counters_read(router->counters, COUNT_SUBSCRIPTIONS));
    text_add(text, "SMP subscribed clients: %" PRId64 "\n", values[VALUE_SUBSCRIBED_CLIENTS]);
    text_add(text, "SMP subscribed clients count 2: %" PRId64 "\n", values[VALUE_SUBSCRIBED_CLIENTS]);
    text_add(text, "Ntf subscriptions: %" PRId64 "\n", counters_read(router->counters, COUNT_NTF_SUBSCRIPTIONS));
    text_add(text, "Ntf subscribed clients: %" PRId64 " [%s]\n", values[VALUE_NTF_CLIENTS],
             text_of(&sums->ntf_clients));
    text_add(text, "Ntf subscribed clients count 2: %" PRId64 " fromList [%s]\n", values[VALUE_NTF_CLIENTS],
             text_of(&sums->ntf_clients));
}

static void write_info_json(struct text_buffer *text, const struct smp_router *router, const int64_t *values,
                            const struct client_sums *sums) {
    text_add(text,
             "{\"threads\":%" PRId64 ",\"clients\":%" PRId64 ",\"subscriptions\":%" PRId64
             ",\"subscribedClients\":%" PRId64 ",\"getSubscriptions\":%" PRId64 ",\"ntfSubscriptions\":%" PRId64
             ",\"ntfSubscribedClients\":[%s],\"ntfServices\":%" PRId64 ",\"inFlight\":%" PRId64 "}\n",
             values[VALUE_THREADS], counters_read(router->counters, COUNT_CLIENTS),
             counters_read(router->counters, COUNT_SUBSCRIPTIONS), values[VALUE_SUBSCRIBED_CLIENTS],
             counters_read(router->counters, COUNT_GETS), counters_read(router->counters, COUNT_NTF_SUBSCRIPTIONS),
             text_of(&sums->ntf_clients), counters_read(router->counters, COUNT_NTF_SERVICES_HELD),
             counters_read(router->counters, COUNT_IN_FLIGHT));
}

void control_server_info(void *context, struct control_request *request) {
    struct smp_router *router = context;
    int64_t values[STATISTICS_VALUES_MAX];
    struct client_sums sums = {0};
    statistics_sample(router->statistics, values);
    clients_each(router, sum_client, &sums);
    if (request->is_json)
        write_info_json(&request->answer, router, values, &sums);
    else
        write_info(&request->answer, router, values, &sums, request->role == CONTROL_ADMIN);
    text_free(&sums.ntf_clients);
    control_done(request);
}

/* ---- sockets */

void control_sockets(void *context, struct control_request *request) {
    const struct smp_router *router = context;
    struct net_port ports[NET_PORTS_MAX];
    struct text_buffer *text = &request->answer;
    size_t count = net_read_ports(router->net, ports);
    text_add(text, request->is_json ? "[" : "");
    for (size_t i = 0; i < count; i++)
        if (request->is_json)
            text_add(text, "%s{\"port\":%u,\"accepted\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"active\":%" PRIu64 "}",
                     i == 0 ? "" : ",", ports[i].port, ports[i].accepted, ports[i].closed,
                     ports[i].accepted - ports[i].closed);
        else
            text_add(text,
                     "Sockets for port %u:\naccepted: %" PRIu64 "\nclosed: %" PRIu64 "\nactive: %" PRIu64
                     "\nleaked: 0\n",
                     ports[i].port, ports[i].accepted, ports[i].closed, ports[i].accepted - ports[i].closed);
    text_add(text, request->is_json ? "]\n" : "");
    control_done(request);
}

/* ---- clients */

struct client_list {
    struct control_request *request;
    int64_t now_ns;
    uint64_t now_ms;
    bool has_some;
};

static void date_before(const struct client_list *list, uint64_t at_ms, char date[DATE_TEXT_SIZE]) {
    int64_t ago_ms = list->now_ms > at_ms ? (int64_t)(list->now_ms - at_ms) : 0;
    date_write(list->now_ns - ago_ms * 1000000, DATE_ISO, date);
}

static void list_as_line(const struct client_list *list, const struct client_session *session,
                         const char *const dates[3]) {
    struct text_buffer *text = &list->request->answer;
    const struct connection_tls *tls = connection_tls(session->connection);
    text_add(text, "%" PRIu64 ",", session->number);
    text_add_base64url(text, slice_of(tls->session_id, tls->session_id_length));
    text_add(text, ",%s,%s,%s,%s,%" PRId64 ",%u\n", connection_is_open(session->connection) ? "True" : "False",
             dates[0], dates[1], dates[2], (list->now_ns - session->created_ns) / 1000000000,
             client_figure(&session->figures.subscriptions));
}

static void list_as_json(const struct client_list *list, const struct client_session *session,
                         const char *const dates[3]) {
    struct text_buffer *text = &list->request->answer;
    const struct connection_tls *tls = connection_tls(session->connection);
    text_add(text, "%s{\"clientId\":%" PRIu64 ",\"sessionId\":\"", list->has_some ? "," : "", session->number);
    text_add_base64url(text, slice_of(tls->session_id, tls->session_id_length));
    text_add(text,
             "\",\"connected\":%s,\"createdAt\":\"%s\",\"rcvActiveAt\":\"%s\",\"sndActiveAt\":\"%s\",\"age\":%" PRId64
             ",\"subscriptions\":%u}",
             connection_is_open(session->connection) ? "true" : "false", dates[0], dates[1], dates[2],
             (list->now_ns - session->created_ns) / 1000000000, client_figure(&session->figures.subscriptions));
}

static bool list_client(void *context, struct client_session *session) {
    struct client_list *list = context;
    char created[DATE_TEXT_SIZE], received[DATE_TEXT_SIZE], sent[DATE_TEXT_SIZE];
    const char *const dates[3] = {created, received, sent};
    date_write(session->created_ns, DATE_ISO, created);
    date_before(list, connection_last_received_ms(session->connection), received);
    date_before(list, connection_last_sent_ms(session->connection), sent);
    if (list->request->is_json)
        list_as_json(list, session, dates);
    else
        list_as_line(list, session, dates);
    list->has_some = true;
    return !list->request->answer.has_failed;
}

void control_clients(void *context, struct control_request *request) {
    struct client_list list = {.request = request, .now_ns = clock_realtime_ns(), .now_ms = clock_monotonic_ms()};
    text_add(&request->answer,
             request->is_json ? "["
                              : "clientId,sessionId,connected,createdAt,rcvActiveAt,sndActiveAt,age,subscriptions\n");
    clients_each(context, list_client, &list);
    text_add(&request->answer, request->is_json ? "]\n" : "");
    control_done(request);
}

/* ---- threads */

struct thread_list {
    struct text_buffer *text;
    bool is_json;
    unsigned count;
};

static void list_thread(void *context, const struct watched *watched) {
    struct thread_list *list = context;
    bool is_busy = atomic_load_explicit(&watched->began_ms, memory_order_relaxed) != 0;
    uint64_t busy_ms = atomic_load_explicit(&watched->busy_ms, memory_order_relaxed);
    text_add(list->text,
             list->is_json ? "%s{\"role\":\"%s\",\"state\":\"%s\",\"waiting\":%" PRIu64 ",\"busyMs\":%" PRIu64 "}"
                           : "%s%s (%s) %" PRIu64 " waiting, busy for %" PRIu64 " ms\n",
             list->is_json && list->count > 0 ? "," : "", watched->name, is_busy ? "running" : "waiting",
             watch_queue_length(watched), busy_ms);
    list->count++;
}

void control_threads(void *context, struct control_request *request) {
    struct text_buffer lines = {0};
    struct thread_list list = {.text = &lines, .is_json = request->is_json};
    (void)context;
    watch_each(list_thread, &list);
    if (request->is_json)
        text_add(&request->answer, "[%s]\n", text_of(&lines));
    else
        text_add(&request->answer, "Threads: %u\n%s", list.count, text_of(&lines));
    text_free(&lines);
    control_done(request);
}
