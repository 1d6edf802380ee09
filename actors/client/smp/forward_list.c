/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The forwarded commands of one connection to a relay: whose time is over, and what its end leaves. A command costs one
 * exchange when it is put on the list and one look when it is told, whatever else is under way; neither answers nor
 * those who forward wait for anybody. */
#include "actors/client/context.h"
#include "actors/client/smp/forwarding.h"

enum {
    LOOK_INTERVAL_MS = 1000,
    LOOK_USES = 1024,
    COMPACT_LEAST = 1024,
};

/* ---- any thread */

static void ask_for_look(struct smq_client *client) {
    struct forward_list *list = &smp_client(client)->relay->list;
    if (atomic_exchange(&list->is_asked, true))
        return;
    client_reference(client);
    if (post_protocol(client->lane, LANE_FORWARDS, &list->message) != SMQ_OK)
        client_release(client);
}

void forward_list_add(struct smq_client *client, struct forwarding *forwarding) {
    struct client_relay *relay = smp_client(client)->relay;
    struct forwarding *newest = atomic_load_explicit(&relay->list.arrived, memory_order_relaxed);
    do {
        forwarding->next = newest;
    } while (!atomic_compare_exchange_weak(&relay->list.arrived, &newest, forwarding));
    if ((atomic_fetch_add_explicit(&relay->uses, 1, memory_order_relaxed) + 1) % LOOK_USES == 0)
        ask_for_look(client);
}

/* Takes what has arrived off the list, the oldest first. */
static struct forwarding *take_arrived(struct forward_list *list) {
    struct forwarding *newest = atomic_exchange(&list->arrived, NULL), *oldest = NULL;
    while (newest != NULL) {
        struct forwarding *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* Ends the commands of a chain, whose references are given up. */
static void end_all(struct forwarding *first, enum smq_result result) {
    for (struct forwarding *forwarding = first, *next; forwarding != NULL; forwarding = next) {
        next = forwarding->next;
        (void)forwarding_fail(forwarding, result);
        forwarding_release(forwarding);
    }
}

void forward_list_added(struct smq_client *client) {
    struct client_relay *relay = smp_client(client)->relay;
    /* Either the lane found the command when it ended the connection, which it had taken away before, or it is seen
     * here that there is none. */
    if (atomic_load(&relay->connection) == NULL)
        end_all(take_arrived(&relay->list), (enum smq_result)atomic_load(&relay->end));
}

/* ---- the process lane */

static bool is_told(const struct forwarding *forwarding) {
    return atomic_load_explicit(&forwarding->is_taken, memory_order_acquire);
}

/* Puts those of a chain that are not told behind the others. */
static void keep(struct forward_list *list, struct forwarding *first) {
    for (struct forwarding *forwarding = first, *next; forwarding != NULL; forwarding = next) {
        next = forwarding->next;
        if (is_told(forwarding)) {
            forwarding_release(forwarding);
            continue;
        }
        forwarding->next = NULL;
        *(list->first == NULL ? &list->first : &list->last->next) = forwarding;
        list->last = forwarding;
        list->count++;
    }
}

/* Looks through the list each time that it has doubled, so that told commands are never more than the others. */
static void compact(struct forward_list *list) {
    struct forwarding *first = list->first;
    list->first = list->last = NULL;
    list->count = 0;
    keep(list, first);
    list->compact_at = list->count < COMPACT_LEAST / 2 ? COMPACT_LEAST : 2 * list->count;
}

static void end_late(struct client_relay *relay, uint64_t now_ms) {
    struct forward_list *list = &relay->list;
    while (list->first != NULL && (is_told(list->first) || list->first->deadline_ms <= now_ms)) {
        struct forwarding *forwarding = list->first;
        list->first = forwarding->next;
        list->count--;
        if (forwarding_fail(forwarding, SMQ_ERR_TIMEOUT))
            atomic_fetch_add_explicit(&relay->client->timeouts, 1, memory_order_relaxed);
        forwarding_release(forwarding);
    }
}

static void look(struct client_relay *relay) {
    struct forward_list *list = &relay->list;
    keep(list, take_arrived(list));
    end_late(relay, actor_now_ms(relay->client->lane->actor));
    if (list->count >= list->compact_at)
        compact(list);
}

static void look_again(struct wheel_timer *timer) {
    struct client_relay *relay = (struct client_relay *)(void *)((char *)timer - offsetof(struct client_relay, list) -
                                                                 offsetof(struct forward_list, timer));
    struct actor *actor = relay->client->lane->actor;
    wheel_add(actor_wheel(actor), timer, actor_now_ms(actor) + LOOK_INTERVAL_MS);
    look(relay);
}

void forward_list_received(struct message *message) {
    struct client_relay *relay = (struct client_relay *)(void *)((char *)message - offsetof(struct client_relay, list) -
                                                                 offsetof(struct forward_list, message));
    struct smq_client *client = relay->client;
    atomic_store(&relay->list.is_asked, false);
    if (atomic_load(&relay->connection) != NULL)
        look(relay);
    client_release(client);
}

void forward_list_opened(struct client_relay *relay) {
    struct actor *actor = relay->client->lane->actor;
    relay->list.compact_at = COMPACT_LEAST;
    relay->list.timer.fire = look_again;
    wheel_add(actor_wheel(actor), &relay->list.timer, actor_now_ms(actor) + LOOK_INTERVAL_MS);
}

void forward_list_ended(struct client_relay *relay) {
    struct forward_list *list = &relay->list;
    enum smq_result end = (enum smq_result)atomic_load(&relay->end);
    struct forwarding *kept = list->first;
    wheel_cancel(actor_wheel(relay->client->lane->actor), &list->timer);
    list->first = list->last = NULL;
    list->count = 0;
    end_all(kept, end);
    end_all(take_arrived(list), end);
}
