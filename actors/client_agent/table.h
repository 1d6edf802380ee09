/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscriptions of an agent: a hash table by server and id, and lists of those in the same state. Owned by one
 * actor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/client.h"
#include "queues/base/cursor.h"

struct client_agent_group;
struct client_agent_server;

enum client_agent_subscription_state {
    SUBSCRIPTION_PENDING,   /* to be submitted as soon as there is a connection: on the server's list */
    SUBSCRIPTION_WAITING,   /* failed for the time being, to be submitted in the next round: likewise */
    SUBSCRIPTION_IN_FLIGHT, /* submitted, without an outcome: in a group, on no list */
    SUBSCRIPTION_ACTIVE,    /* on the list of the session that it is active in */
};

/* One queue or notifier. Small, since there are hundreds of thousands. */
struct client_agent_subscription {
    struct client_agent_subscription *bucket_next;
    union {
        struct {
            struct client_agent_subscription *next, **link;
        }; /* in a list */
        struct {
            struct client_agent_group *group;
            size_t index;
        }; /* in flight */
    };
    struct client_agent_server *server;
    void *handle; /* struct smq_receive_queue or struct smq_notifier, referenced */
    uint8_t state;
    bool is_notifier;
    bool forgotten; /* in flight: the owner does not want it any more */
    bool ended;     /* in flight: another connection, or the deletion, has ended it after its outcome */
};

struct client_agent_subscription_list {
    struct client_agent_subscription *first;
    struct client_agent_subscription **end;
    size_t count;
};

struct client_agent_table {
    struct client_agent_subscription **buckets;
    size_t mask;
    size_t count;
    uint8_t key[16]; /* routers choose the ids */
};

enum smq_result client_agent_table_init(struct client_agent_table *table);
/* Gives up all subscriptions that are left, wherever they are listed. */
void client_agent_table_destroy(struct client_agent_table *table);
/* The subscription, or NULL. */
struct client_agent_subscription *client_agent_table_find(const struct client_agent_table *table,
                                                          const struct client_agent_server *server, bool is_notifier,
                                                          struct slice id);
/* Adds one that is not there, in no list; takes a reference to the handle. NULL when out of memory. */
struct client_agent_subscription *client_agent_table_add(struct client_agent_table *table,
                                                         struct client_agent_server *server, bool is_notifier,
                                                         void *handle);
/* Takes it out, in no list, and frees it. */
void client_agent_table_remove(struct client_agent_table *table, struct client_agent_subscription *subscription);

struct smq_receive_queue *
client_agent_subscription_queue(const struct client_agent_subscription *subscription); /* or NULL */
struct smq_notifier *
client_agent_subscription_notifier(const struct client_agent_subscription *subscription); /* or NULL */
/* Another handle with the same id. */
void client_agent_subscription_set_handle(struct client_agent_subscription *subscription, void *handle);
/* The id of a handle. */
struct slice client_agent_handle_id(bool is_notifier, const void *handle);

void client_agent_list_init(struct client_agent_subscription_list *list);
/* Appends one that is in no list, which is in `state` from now on. */
void client_agent_list_add(struct client_agent_subscription_list *list, struct client_agent_subscription *subscription,
                           enum client_agent_subscription_state state);
void client_agent_list_remove(struct client_agent_subscription_list *list,
                              struct client_agent_subscription *subscription);
/* Moves all of `from` to the end of `to`, in order, and into `state`. */
void client_agent_list_move(struct client_agent_subscription_list *to, struct client_agent_subscription_list *from,
                            enum client_agent_subscription_state state);
