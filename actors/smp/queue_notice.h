/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A queue that an operator has blocked or deleted, on its way to the roles that serve it: its subscriber lane, then
 * services, as far as they are concerned. */
#pragma once

#include "actors/smp/command_slot.h"
#include "transport/smp/blocking_info.h"

enum queue_notice_kind { QUEUE_NOTICE_BLOCKED, QUEUE_NOTICE_DELETED };

/* Embedded in what `done` is for. */
struct queue_notice {
    struct message message; /* first */
    enum queue_notice_kind kind;
    uint64_t queue; /* number */
    struct queue_id recipient;
    struct smp_blocking_info blocked; /* BLOCKED */
    struct queue_id notifier;         /* DELETED: length 0, it had none */
    struct notifier_move move;        /* DELETED: the service that its notifier belonged to */
    /* All have taken it in, or have stopped. Any role's thread. */
    void (*done)(struct queue_notice *notice);
};

/* From the writer, after the commit. */
void queue_notice_send(struct smp_router *router, struct queue_notice *notice);
