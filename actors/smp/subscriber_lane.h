/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a subscriber lane consists of; for the files that make it up: subscriber.c, subscriber_notify.c,
 * subscriber_deliver.c, subscriber_ends.c, subscriber_services.c, queue_info.c. */
#pragma once

#include "actors/router/operator/ages.h"
#include "actors/smp/command_slot.h"
#include "actors/smp/roles.h"
#include "actors/smp/service_table.h"
#include "actors/smp/services.h"
#include "actors/smp/subscription.h"
#include "queues/ring.h"
#include "queues/wheel.h"

struct subscriber_lane {
    struct smp_router *router;
    struct actor *actor;
    struct store_reader *reader;
    unsigned index;
    struct subscription_table table;
    struct ring
        waiting; /* sessions (session_lane.waiting) with subscriptions that may have undelivered notifications */
    uint32_t waiting_count;
    struct service_table services; /* struct service_copy: the services that are held */
    struct ring scanning;          /* service_copy.scan: those whose queues are being looked for in the store */
    struct wheel_timer delivery;   /* the notification timer */
    struct ring ending;            /* session_lane.ending: sessions with `ends` */
    struct wheel_timer ends;       /* active while there are any */
    struct ages *in_flight;        /* since when messages are in flight */
};

/* subscriber_notify.c: who gets the notifications of a queue. */
void notify_subscribe(struct subscriber_lane *lane, struct command_slot *slot);
void notify_moved(struct subscriber_lane *lane, struct command_slot *slot);
void notify_stored(struct subscriber_lane *lane, uint64_t queue);
/* DEL, NKEY, NDEL: the notifier slot->old_notifier is gone, and its subscriber gets DELD, unless it asked for it. */
void notify_gone(struct subscriber_lane *lane, struct command_slot *slot);
/* An operator has deleted the queue. */
void notify_dropped(struct subscriber_lane *lane, uint64_t queue, struct slice notifier_id);

/* subscriber_deliver.c: handing notifications over. */
struct handed_over;
/* The subscription (NOTIFY or SERVICE) may have undelivered notifications: the next round looks. */
void deliver_later(struct subscriber_lane *lane, struct subscription *subscription);
void deliver_forget(struct subscriber_lane *lane, struct subscription *subscription); /* before it is removed */
/* Removes a SERVICE subscription that has nothing to deliver and nothing to remember. */
void deliver_end_if_idle(struct subscriber_lane *lane, struct subscription *subscription);
void deliver_round(struct wheel_timer *timer);
void deliver_handed_over(struct subscriber_lane *lane, struct message *message);

/* subscriber_services.c: services and who holds them. */
/* The service `id`, or NULL when no session holds it. */
struct service_copy *service_find(const struct subscriber_lane *lane, struct slice id);
/* Another session holds the service. Takes `copy` over. */
void service_held(struct subscriber_lane *lane, struct service_copy *copy);
/* The session is closed; its subscriptions are gone already. */
void service_forget(struct subscriber_lane *lane, struct client_session *session);
/* The queue may have notifications for the holder of the service. */
void service_enlist(struct subscriber_lane *lane, struct service_copy *copy, uint64_t queue);
/* One step of looking for undelivered notifications of services that were taken. Whether there is more to do at
 * once. */
bool service_scan(struct subscriber_lane *lane, struct store_txn *txn);
void service_copies_destroy(struct subscriber_lane *lane);

/* subscriber_ends.c: END and DELD, at once or some time later (config.end_delivery_interval_ms). */
/* The holder of `lost`, which is still in the table, is told. */
void ends_tell(struct subscriber_lane *lane, const struct subscription *lost, enum smp_response_tag tag,
               struct slice entity_id);
/* The session is closed. */
void ends_forget(struct subscriber_lane *lane, struct session_lane *place);
void ends_start(struct subscriber_lane *lane);
void ends_stop(struct subscriber_lane *lane); /* tells what waits */

/* queue_info.c: the answer to QUE. */
void queue_inform(struct subscriber_lane *lane, struct command_slot *slot);
