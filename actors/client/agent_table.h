/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscriptions of an agent: a hash table by server and id, and lists of those in the same state. Owned by one
 * actor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/client.h"
#include "queues/base/cursor.h"

struct agent_group;
struct agent_server;

enum agent_subscription_state {
    SUBSCRIPTION_PENDING,   /* to be submitted as soon as there is a connection: on the server's list */
    SUBSCRIPTION_WAITING,   /* failed for the time being, to be submitted in the next round: likewise */
    SUBSCRIPTION_IN_FLIGHT, /* submitted, without an outcome: in a group, on no list */
    SUBSCRIPTION_ACTIVE,    /* on the list of the session that it is active in */
};

/* One queue or notifier. Small, since there are hundreds of thousands. */
struct agent_subscription {
    struct agent_subscription *bucket_next;
    union {
        struct {
            struct agent_subscription *next, **link;
        }; /* in a list */
        struct {
            struct agent_group *group;
            size_t index;
        }; /* in flight */
    };
    struct agent_server *server;
    void *handle; /* struct smq_receive_queue or struct smq_notifier, referenced */
    uint8_t state;
    bool is_notifier;
    bool forgotten; /* in flight: the owner does not want it any more */
    bool ended;     /* in flight: another connection, or the deletion, has ended it after its outcome */
};

struct agent_subscription_list {
    struct agent_subscription *first;
    struct agent_subscription **end;
    size_t count;
};

struct agent_table {
    struct agent_subscription **buckets;
    size_t mask;
    size_t count;
    uint8_t key[16]; /* routers choose the ids */
};

enum smq_result agent_table_init(struct agent_table *table);
/* Gives up all subscriptions that are left, wherever they are listed. */
void agent_table_destroy(struct agent_table *table);
/* The subscription, or NULL. */
struct agent_subscription *agent_table_find(const struct agent_table *table, const struct agent_server *server,
                                            bool is_notifier, struct slice id);
/* Adds one that is not there, in no list; takes a reference to the handle. NULL when out of memory. */
struct agent_subscription *agent_table_add(struct agent_table *table, struct agent_server *server, bool is_notifier,
                                           void *handle);
/* Takes it out, in no list, and frees it. */
void agent_table_remove(struct agent_table *table, struct agent_subscription *subscription);

struct smq_receive_queue *agent_subscription_queue(const struct agent_subscription *subscription); /* or NULL */
struct smq_notifier *agent_subscription_notifier(const struct agent_subscription *subscription);   /* or NULL */
/* Another handle with the same id. */
void agent_subscription_set_handle(struct agent_subscription *subscription, void *handle);
/* The id of a handle. */
struct slice agent_handle_id(bool is_notifier, const void *handle);

void agent_list_init(struct agent_subscription_list *list);
/* Appends one that is in no list, which is in `state` from now on. */
void agent_list_add(struct agent_subscription_list *list, struct agent_subscription *subscription,
                    enum agent_subscription_state state);
void agent_list_remove(struct agent_subscription_list *list, struct agent_subscription *subscription);
/* Moves all of `from` to the end of `to`, in order, and into `state`. */
void agent_list_move(struct agent_subscription_list *to, struct agent_subscription_list *from,
                     enum agent_subscription_state state);
