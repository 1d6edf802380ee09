/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Carrying out commands: one function a command, in a table. They run on the process lane, after verification; what
 * needs the store or the subscriptions is handed on from there. */
#pragma once

#include <stdbool.h>

#include "actors/router/commands.h"
#include "actors/smp/command_slot.h"
#include "actors/smp/roles.h"
#include "stores/smp/queue_store.h"
#include "transport/smp/command.h"

/* One command being carried out. */
struct execution {
    struct smp_router *router;
    struct client_session *session;
    struct command_slot *slot;
    const struct smp_command *command;
    const struct queue_record *record; /* NULL for commands without a queue; valid during the call only */
    int64_t now_s;
};

/* Where a command's effect takes place (command_order.h). */
enum execution_route {
    ROUTE_STORE = 1,                          /* SEND: in the order in which the writer gets them */
    ROUTE_SUBSCRIPTION = 2,                   /* SUB, GET, QUE: in the order in which the subscriber lane gets them */
    ROUTE_NOTIFIER = 3,                       /* NSUB: in a service session first the store, then the subscriber lane */
    ROUTE_ACKNOWLEDGE = 4 | ROUTE_ONE_BY_ONE, /* ACK: first the subscriber lane, then the store */
    ROUTE_CHANGE = 5 | ROUTE_CHANGES          /* changes the record: later commands on the queue wait for its commit */
};

struct execution_row {
    struct command_row base;
    bool refused_when_blocked; /* a blocked queue answers BLOCKED instead */
    bool touches_queue;        /* notes the day of use */
    /* Answers the slot and calls slot_done, or hands it over. NULL: RFWD, which is opened instead (forwarded.h). */
    void (*execute)(const struct execution *execution);
};

const struct execution_row *execution_row(enum smp_command_tag tag);

/* The rows' functions, by file. */
void execute_new(const struct execution *execution); /* execute_create.c */
void execute_change(
    const struct execution *execution); /* execute_change.c: KEY SKEY LKEY RKEY LSET LDEL NKEY NDEL OFF DEL */
void execute_send(const struct execution *execution);         /* execute_send.c */
void execute_subscription(const struct execution *execution); /* execute.c: SUB GET ACK QUE, to the subscriber lane */
void execute_link_get(const struct execution *execution);     /* execute.c: LGET */

void execute_notifier_subscribe(const struct execution *execution); /* execute_notify.c: NSUB */
void execute_service_subscribe(const struct execution *execution);  /* execute_notify.c: NSUBS */

/* Blocking info of a record, as the protocol's error. */
static inline struct smp_error blocked_error(const struct queue_record *record) {
    struct smp_blocking_info info = {.reason = SMP_BLOCKED_SPAM};
    struct reader reader = reader_of(record->status_info);
    smp_blocking_info_read(&reader, &info);
    return smp_error_blocked(info);
}
