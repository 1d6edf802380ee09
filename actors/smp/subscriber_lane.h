/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a subscriber lane consists of; for the files that make it up: subscriber.c, subscriber_notify.c,
 * queue_info.c. */
#pragma once

#include "actors/smp/command_batch.h"
#include "actors/smp/roles.h"
#include "actors/smp/subscription.h"
#include "queues/wheel.h"

struct subscriber_lane {
    struct smp_router *router;
    struct actor *actor;
    struct store_reader *reader;
    unsigned index;
    struct subscription_table table;
    struct subscription *pending; /* NOTIFY subscriptions that may have notifications in the store */
    struct wheel_timer delivery;  /* the notification timer */
};

/* subscriber_notify.c: notifier subscriptions. */
void notify_subscribe(struct subscriber_lane *lane, struct command_slot *slot);
void notify_stored(struct subscriber_lane *lane, uint64_t queue);
/* The notifier `id` is gone: its subscriber gets DELD, unless it is `session`. */
void notify_gone(struct subscriber_lane *lane, uint64_t queue, struct slice id, const struct client_session *session);
void notify_forget(struct subscriber_lane *lane, struct subscription *subscription); /* before it is removed */
void notify_deliver(struct wheel_timer *timer);

/* queue_info.c: the answer to QUE. */
void queue_inform(struct subscriber_lane *lane, struct command_slot *slot);
