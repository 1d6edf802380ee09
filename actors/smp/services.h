/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The services role: which session holds each service, how many notifiers it counts, and the events END, ENDS and DELD
 * to it. One thread. */
#pragma once

#include "actors/smp/roles.h"
#include "actors/smp/service_table.h"
#include "queues/ring.h"

struct client_session;
struct service_change;

/* What one subscriber lane knows of a service: who holds it. Made by the services role; the lane owns it from its
 * message on. */
struct service_copy {
    struct message message;   /* first */
    struct service_node node; /* in the lane's table */
    struct client_session *session;
    struct service_change *change; /* until service_change_applied */
    /* The lane's look through the store for undelivered notifications, see subscriber_services.c. */
    struct ring scan;     /* in the lane's ring while it is not complete */
    uint64_t scanned;     /* the last queue looked at */
    bool scan_once_again; /* when it is complete */
};

/* Creates and starts the role under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result services_create(struct smp_router *router, struct services **services);
/* After its thread has ended. */
void services_destroy(struct services **services);
