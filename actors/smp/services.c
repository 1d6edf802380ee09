/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The services role (reference: Server.hs, serverThread and subscribeServiceNotifications).
 *
 * A service is held by one session. When that changes, every subscriber lane is told, and only when all have taken it
 * in does the session before get its ENDS and the command its answer: from then on no lane sends to the session before.
 *
 * Counts stay true although a command comes here on several ways. The writer numbers the commits that concern
 * notifiers; NSUBS reads the number of the service's notifiers in a commit of its own, and what was committed before
 * that is in the number already, so it is not counted again when it comes here later. */
#include "actors/smp/services.h"

#include <stdatomic.h>
#include <string.h>

#include "actors/smp/command_slot.h"
#include "actors/smp/event.h"
#include "actors/smp/metrics.h"
#include "actors/smp/post.h"
#include "actors/smp/queue_notice.h"
#include "actors/smp/service_change.h"
#include "queues/base/memory.h"

/* A service that is held. */
struct service_holding {
    struct service_node node;
    struct client_session *session; /* borrowed: its farewell ends the holding */
};

struct services {
    struct smp_router *router;
    struct actor *actor;
    struct service_table holdings;
};

static struct slice service_id(const struct client_session *session) {
    return slice_of(session->service.id, SMP_ENTITY_ID_SIZE);
}

static struct service_holding *holding_of(const struct services *services, struct slice id) {
    struct service_node *node = service_table_find(&services->holdings, id);
    return node == NULL ? NULL : owner_of(node, struct service_holding, node);
}

/* Everything that a change of holder takes, so that nothing can fail once it has begun. */
struct preparation {
    struct service_change *change;
    struct service_holding *holding; /* NULL: there is one */
    unsigned lanes;
    struct service_copy *copies[ROUTER_LANES_MAX]; /* one a lane */
};

static void preparation_undo(struct preparation *preparation) {
    memory_free(preparation->change);
    memory_free(preparation->holding);
    for (unsigned lane = 0; lane < preparation->lanes; lane++)
        memory_free(preparation->copies[lane]);
}

static enum smq_result prepare(const struct services *services, bool is_held, struct preparation *preparation) {
    *preparation = (struct preparation){.change = memory_zalloc(sizeof *preparation->change),
                                        .lanes = services->router->subscriber_count};
    bool complete = preparation->change != NULL;
    if (!is_held)
        complete = (preparation->holding = memory_zalloc(sizeof *preparation->holding)) != NULL && complete;
    for (unsigned lane = 0; lane < preparation->lanes && complete; lane++)
        complete = (preparation->copies[lane] = memory_zalloc(sizeof *preparation->copies[lane])) != NULL;
    if (complete)
        return SMQ_OK;
    preparation_undo(preparation);
    return SMQ_ERR_NO_MEMORY;
}

/* The session before is not the holder any more. */
static void lose(struct service_change *change, struct client_session *before) {
    connection_reference(before->connection);
    change->before = before;
    change->count_before = before->service_place.count;
    before->service_place.count = 0;
    before->service_place.holding = NULL;
    atomic_fetch_sub_explicit(&before->subscription_count, 1, memory_order_relaxed);
    counters_add(smp_router_of(before)->counters, COUNT_NTF_SERVICES_HELD, -1);
}

static void tell_lanes(struct services *services, struct preparation *preparation, struct client_session *session) {
    for (unsigned lane = 0; lane < preparation->lanes; lane++) {
        struct service_copy *copy = preparation->copies[lane];
        copy->session = session;
        copy->change = preparation->change;
        memcpy(copy->node.id, session->service.id, SMP_ENTITY_ID_SIZE);
        if (post_subscriber_service_held(services->router, lane, copy) == SMQ_OK)
            continue;
        memory_free(copy); /* a lane that has stopped has applied it */
        struct service_change *change = preparation->change;
        service_change_applied(&change);
    }
}

/* Makes the slot's session the holder of its service with `count` notifiers, and takes the slot over: it has its
 * answer, which is sent when all lanes know. Whether the session holds the service now; otherwise it may be gone. */
static bool hold(struct services *services, struct command_slot *slot, int64_t count) {
    struct client_session *session = slot_session(slot);
    struct session_service_place *place = &session->service_place;
    struct service_holding *holding = holding_of(services, service_id(session));
    struct preparation preparation;
    if (place->closed) {
        slot_done(&slot->base);
        return false;
    }
    if (place->holding != NULL) {
        place->count = count;
        slot_done(&slot->base);
        return true;
    }
    enum smq_result result = prepare(services, holding != NULL, &preparation);
    if (result != SMQ_OK) {
        slot_answer_result(slot, result);
        slot_done(&slot->base);
        return false;
    }
    atomic_init(&preparation.change->lanes, preparation.lanes);
    preparation.change->slot = slot;
    memcpy(preparation.change->id, session->service.id, SMP_ENTITY_ID_SIZE);
    if (holding != NULL) {
        lose(preparation.change, holding->session);
    } else {
        holding = preparation.holding;
        memcpy(holding->node.id, session->service.id, SMP_ENTITY_ID_SIZE);
        service_table_insert(&services->holdings, &holding->node);
    }
    holding->session = session;
    place->holding = holding;
    place->count = count;
    atomic_fetch_add_explicit(&session->subscription_count, 1, memory_order_relaxed);
    counters_add(services->router->counters, COUNT_NTF_SERVICES_HELD, 1);
    tell_lanes(services, &preparation, session);
    return true;
}

/* NSUBS. The answer is given once a session; later it is the present count, also when another session has taken the
 * service since. */
static void subscribe(struct services *services, struct command_slot *slot) {
    struct session_service_place *place = &slot_session(slot)->service_place;
    struct smp_response response = {.tag = SMP_SOKS};
    if (place->subscribed) {
        response.count = place->count;
        slot_answer(slot, response);
        slot_done(&slot->base);
        return;
    }
    response.count = (int64_t)slot->service_count.count;
    slot_answer(slot, response);
    uint64_t order = slot->service_count.order;
    if (!hold(services, slot, response.count))
        return;
    place->subscribed = true;
    place->counted_at = order;
}

/* A service's notifier came to the slot's session, or was its already. */
static void join(struct services *services, struct command_slot *slot, bool moved) {
    const struct session_service_place *place = &slot_session(slot)->service_place;
    bool counted = place->holding != NULL && slot->move.order < place->counted_at;
    if (moved ? !counted : place->count == 0)
        (void)hold(services, slot, place->count + 1);
    else
        slot_done(&slot->base);
}

/* A notifier left its service: whoever holds that is told, unless the notifier was gone before it subscribed. */
static void leave(struct services *services, const struct notifier_move *move, enum smp_response_tag tag,
                  struct slice notifier_id) {
    struct service_holding *holding = holding_of(services, slice_of(move->service, SMP_ENTITY_ID_SIZE));
    if (holding == NULL)
        return;
    struct session_service_place *place = &holding->session->service_place;
    if (move->order < place->counted_at)
        return;
    if (place->count > 0)
        place->count--;
    event_send(holding->session, tag, notifier_id);
}

/* NSUB that gave a notifier to a service, or took it from one (reference: Server.hs, subscribeNotifications). */
static void count_moved(const struct services *services, const struct command_slot *slot, bool joins, bool stays) {
    struct counters *counters = services->router->counters;
    bool is_first = slot_session(slot)->service_place.count == 0;
    if (!joins) {
        counters_add(counters, COUNT_NTF_SERVICES_ASSOC_REMOVED, slot->move.had_service ? 1 : 0);
        return;
    }
    counters_add(counters,
                 stays                    ? COUNT_NTF_SERVICES_ASSOC_DUPLICATE
                 : slot->move.had_service ? COUNT_NTF_SERVICES_ASSOC_UPDATED
                                          : COUNT_NTF_SERVICES_ASSOC_NEW,
                 1);
    if (is_first)
        counters_add(counters, COUNT_NTF_SERVICES_SUB_COUNT, 1);
    if (is_first || !stays)
        counters_add(counters, COUNT_NTF_SERVICES_SUB_QUEUES, 1);
}

static void moved(struct services *services, struct command_slot *slot) {
    struct client_session *session = slot_session(slot);
    const struct notifier_move *move = &slot->move;
    if (slot->tag != SMP_NSUB) {
        leave(services, move, SMP_DELD, slice_of(slot->old_notifier->bytes, slot->old_notifier->length));
        slot_done(&slot->base);
        return;
    }
    bool joins = session->service.present;
    bool stays = joins && move->had_service && memcmp(move->service, session->service.id, SMP_ENTITY_ID_SIZE) == 0;
    count_moved(services, slot, joins, stays);
    if (move->had_service && !stays)
        leave(services, move, SMP_END, slot->entity_id);
    if (joins)
        join(services, slot, !stays);
    else
        slot_done(&slot->base);
}

/* The lanes hear it from the session itself. */
static void session_closed(struct services *services, struct client_session *session) {
    struct session_service_place *place = &session->service_place;
    place->closed = true;
    place->count = 0;
    if (place->holding != NULL) {
        service_table_remove(&services->holdings, &place->holding->node);
        memory_free(place->holding);
        place->holding = NULL;
        counters_add(services->router->counters, COUNT_NTF_SERVICES_HELD, -1);
    }
    connection_release(session->connection);
}

static void services_receive(void *state, struct message *message) {
    struct services *services = state;
    struct queue_notice *notice = (struct queue_notice *)(void *)message;
    switch ((enum services_message)message->kind) {
    case SERVICES_MOVED:
        moved(services, slot_of_message(message));
        break;
    case SERVICES_SUBSCRIBE:
        subscribe(services, slot_of_message(message));
        break;
    case SERVICES_NOTICE:
        leave(services, &notice->move, SMP_DELD, slice_of(notice->notifier.bytes, notice->notifier.length));
        notice->done(notice);
        break;
    case SERVICES_SESSION_CLOSED:
        session_closed(services, owner_of(message, struct session_farewell, message)->session);
        break;
    }
}

static const struct actor_ops services_ops = {.role = "services", .receive = services_receive};

enum smq_result services_create(struct smp_router *router, struct services **out) {
    struct services *services = memory_zalloc(sizeof *services);
    if (services == NULL)
        return SMQ_ERR_NO_MEMORY;
    services->router = router;
    enum smq_result result = service_table_init(&services->holdings);
    if (result == SMQ_OK)
        result = actor_create(&services_ops, services, -1, &services->actor);
    if (result != SMQ_OK) {
        services_destroy(&services);
        return result;
    }
    *out = services;
    router->role_addresses.services = services->actor;
    return supervisor_start_actor(router->supervisor, services->actor);
}

void services_destroy(struct services **services) {
    struct service_node *node;
    if (*services == NULL)
        return;
    while ((*services)->holdings.buckets != NULL && (node = service_table_any(&(*services)->holdings)) != NULL) {
        service_table_remove(&(*services)->holdings, node);
        memory_free((char *)node - offsetof(struct service_holding, node));
    }
    service_table_finish(&(*services)->holdings);
    memory_free(*services);
    *services = NULL;
}
