/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A subscriber lane's copy of who holds which service, and its search for what is undelivered.
 *
 * Queues of a service have no subscriptions. One of the kind SERVICE is made when a notification is stored, and goes
 * when all is handed over and deleted. When a session takes a service, the lane goes once through the queues that have
 * notifications in the store, some at a time; a session that takes no more for now stops the search until it does. */
#include <string.h>

#include "actors/smp/service_change.h"
#include "actors/smp/subscriber_lane.h"
#include "queues/base/memory.h"
#include "stores/smp/ntf_store.h"

enum {
    SCAN_STEP = 256,    /* queues looked at before other work gets its turn */
    SCAN_AHEAD = 1024,  /* subscriptions waiting for delivery to a session at which the search pauses */
    PENDING_MAX = 4096, /* and beyond which none are made: the search finds them later */
};

static struct service_copy *copy_of(struct service_node *node) {
    return owner_of(node, struct service_copy, node);
}

struct service_copy *service_find(const struct subscriber_lane *lane, struct slice id) {
    struct service_node *node = service_table_find(&lane->services, id);
    return node == NULL ? NULL : copy_of(node);
}

static void scan_again(struct subscriber_lane *lane, struct service_copy *copy) {
    if (ring_is_member(&copy->scan)) {
        copy->scan_once_again = true;
        return;
    }
    copy->scanned = 0;
    ring_append(&lane->scanning, &copy->scan);
}

/* A queue that still has a subscriber of its own came to the service by a commit that the lane will hear of. */
void service_enlist(struct subscriber_lane *lane, struct service_copy *copy, uint64_t queue) {
    struct subscription *subscription = subscription_holder(&lane->table, queue, SUBSCRIPTION_SERVICE);
    if (subscription_holder(&lane->table, queue, SUBSCRIPTION_NOTIFY) != NULL)
        return;
    if (subscription == NULL) {
        if (copy->session->lanes[lane->index].pending_count >= PENDING_MAX ||
            subscription_add(&lane->table, queue, SUBSCRIPTION_SERVICE, copy->session, &subscription) != SMQ_OK) {
            scan_again(lane, copy);
            return;
        }
    } else if (subscription->session != copy->session) {
        deliver_forget(lane, subscription);
        subscription_rehome(&lane->table, subscription, copy->session);
    }
    deliver_later(lane, subscription);
}

static void remove_copy(struct subscriber_lane *lane, struct service_copy *copy) {
    copy->session->lanes[lane->index].service = NULL;
    service_table_remove(&lane->services, &copy->node);
    if (ring_is_member(&copy->scan))
        ring_remove(&copy->scan);
    memory_free(copy);
}

/* What was on its way to the session that held the service goes to the one that took it, or to none (NULL). */
static void hand_on(struct subscriber_lane *lane, struct client_session *from, struct client_session *to) {
    struct subscription *next = from->lanes[lane->index].subscriptions;
    while (next != NULL) {
        struct subscription *subscription = next;
        next = subscription->session_next;
        if (subscription->kind != SUBSCRIPTION_SERVICE)
            continue;
        bool waited = ring_is_member(&subscription->pending);
        deliver_forget(lane, subscription);
        if (to == NULL) {
            subscription_remove(&lane->table, &subscription);
            continue;
        }
        subscription_rehome(&lane->table, subscription, to);
        if (waited)
            deliver_later(lane, subscription);
    }
}

void service_held(struct subscriber_lane *lane, struct service_copy *copy) {
    struct session_lane *place = &copy->session->lanes[lane->index];
    struct service_copy *before = service_find(lane, slice_of(copy->node.id, SMP_ENTITY_ID_SIZE));
    struct service_change *change = copy->change;
    if (before != NULL) {
        hand_on(lane, before->session, place->closed ? NULL : copy->session);
        remove_copy(lane, before);
    }
    if (place->closed) {
        memory_free(copy);
    } else {
        copy->change = NULL;
        place->service = copy;
        service_table_insert(&lane->services, &copy->node);
        ring_append(&lane->scanning, &copy->scan);
    }
    service_change_applied(&change);
}

void service_forget(struct subscriber_lane *lane, struct client_session *session) {
    if (session->lanes[lane->index].service != NULL)
        remove_copy(lane, session->lanes[lane->index].service);
}

static bool belongs_to(struct store_txn *txn, uint64_t queue, const struct service_copy *copy) {
    struct queue_record record;
    return queue_store_get(txn, queue, &record) == SMQ_OK &&
           slice_equal(record.notifier.service_id, slice_of(copy->node.id, SMP_ENTITY_ID_SIZE));
}

static void scan_completed(struct service_copy *copy) {
    if (!copy->scan_once_again) {
        ring_remove(&copy->scan);
        return;
    }
    copy->scan_once_again = false;
    copy->scanned = 0;
}

static void scan_step(struct subscriber_lane *lane, struct store_txn *txn, struct service_copy *copy) {
    for (unsigned i = 0; i < SCAN_STEP; i++) {
        uint64_t queue;
        if (ntf_store_next_queue(txn, copy->scanned, &queue) != SMQ_OK) {
            scan_completed(copy);
            return;
        }
        copy->scanned = queue;
        if (subscriber_lane_of(lane->router, queue) == lane->index && belongs_to(txn, queue, copy))
            service_enlist(lane, copy, queue);
    }
}

bool service_scan(struct subscriber_lane *lane, struct store_txn *txn) {
    struct ring *node = ring_first(&lane->scanning);
    for (; node != NULL; node = ring_next(&lane->scanning, node)) {
        struct service_copy *copy = owner_of(node, struct service_copy, scan);
        if (copy->session->lanes[lane->index].pending_count >= SCAN_AHEAD)
            continue;
        ring_remove(&copy->scan);
        ring_append(&lane->scanning, &copy->scan);
        scan_step(lane, txn, copy);
        return !ring_is_empty(&lane->scanning);
    }
    return false;
}

void service_copies_destroy(struct subscriber_lane *lane) {
    struct service_node *node;
    while (lane->services.buckets != NULL && (node = service_table_any(&lane->services)) != NULL) {
        service_table_remove(&lane->services, node);
        memory_free(copy_of(node));
    }
    service_table_finish(&lane->services);
}
