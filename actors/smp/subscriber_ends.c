/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* END and DELD to those who lost a subscription. With an interval they are gathered: a client that comes back by
 * another connection takes thousands of subscriptions from its old one, which is then told of many in a block
 * (reference: Server.hs, pendingENDInterval). */
#include <string.h>

#include "actors/smp/event.h"
#include "actors/smp/metrics.h"
#include "actors/smp/subscriber_lane.h"
#include "queues/base/memory.h"

enum { ENDS_A_BLOCK = 255 };

/* One that waits, in the ring `ends` of its session's place. */
struct pending_end {
    struct ring node;
    uint64_t queue;
    enum smp_response_tag tag;
    enum subscription_kind kind;
    uint8_t entity_length;
    uint8_t entity_id[];
};

static struct pending_end *make_end(const struct subscription *lost, enum smp_response_tag tag,
                                    struct slice entity_id) {
    struct pending_end *end = memory_zalloc(sizeof *end + entity_id.length);
    if (end == NULL)
        return NULL;
    end->queue = lost->queue;
    end->tag = tag;
    end->kind = (enum subscription_kind)lost->kind;
    end->entity_length = (uint8_t)entity_id.length;
    memcpy(end->entity_id, entity_id.bytes, entity_id.length);
    return end;
}

static void count_ends(struct subscriber_lane *lane, uint32_t count) {
    if (count == 0)
        return;
    counters_add(lane->router->counters, COUNT_Q_SUB_END, count);
    counters_add(lane->router->counters, COUNT_Q_SUB_END_B, count / ENDS_A_BLOCK + 1);
}

void ends_tell(struct subscriber_lane *lane, const struct subscription *lost, enum smp_response_tag tag,
               struct slice entity_id) {
    uint32_t interval_ms = lane->router->config.end_delivery_interval_ms;
    struct session_lane *place = &lost->session->lanes[lane->index];
    struct pending_end *end = interval_ms == 0 || entity_id.length > UINT8_MAX ? NULL : make_end(lost, tag, entity_id);
    if (end == NULL) {
        event_send(lost->session, tag, entity_id);
        count_ends(lane, 1);
        return;
    }
    ring_append(&place->ends, &end->node);
    if (!ring_is_member(&place->ending)) {
        place->session = lost->session;
        ring_append(&lane->ending, &place->ending);
    }
    if (!wheel_timer_is_active(&lane->ends))
        wheel_add(actor_wheel(lane->actor), &lane->ends, actor_now_ms(lane->actor) + interval_ms);
}

/* Whoever has taken its subscription back meanwhile is not told that it lost it. */
static bool has_it_back(const struct subscriber_lane *lane, const struct client_session *session,
                        const struct pending_end *end) {
    const struct subscription *holder = subscription_holder(&lane->table, end->queue, end->kind);
    return end->tag == SMP_END && holder != NULL && holder->session == session;
}

static void take_out(struct subscriber_lane *lane, struct session_lane *place, bool tell) {
    uint32_t told = 0;
    for (struct ring *node = ring_first(&place->ends); node != NULL; node = ring_first(&place->ends)) {
        struct pending_end *end = owner_of(node, struct pending_end, node);
        ring_remove(node);
        if (tell && !has_it_back(lane, place->session, end)) {
            event_send(place->session, end->tag, slice_of(end->entity_id, end->entity_length));
            told++;
        }
        memory_free(end);
    }
    count_ends(lane, told);
    if (ring_is_member(&place->ending))
        ring_remove(&place->ending);
}

void ends_forget(struct subscriber_lane *lane, struct session_lane *place) {
    take_out(lane, place, false);
}

static void deliver_ends(struct wheel_timer *timer) {
    struct subscriber_lane *lane = owner_of(timer, struct subscriber_lane, ends);
    for (struct ring *node = ring_first(&lane->ending); node != NULL; node = ring_first(&lane->ending))
        take_out(lane, owner_of(node, struct session_lane, ending), true);
}

void ends_start(struct subscriber_lane *lane) {
    lane->ends.fire = deliver_ends;
}

void ends_stop(struct subscriber_lane *lane) {
    wheel_cancel(actor_wheel(lane->actor), &lane->ends);
    deliver_ends(&lane->ends);
}
