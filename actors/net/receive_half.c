/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Half-received blocks. Each holds 16 KB, or 33 within TLS, for as long as its peer likes; so it has a deadline, and
 * there are no more of them on a lane than blocks in its budget: the oldest one ends for one more. The deadline is for
 * a block, and begins again with each that was completed. */
#include "actors/net/receive_lane.h"

enum { CHECK_MS = 250, HALVES_MIN = 64 };

static size_t most_of(const struct receive_lane *lane) {
    size_t credit = block_pool_credit(lane->pool);
    return credit < HALVES_MIN ? HALVES_MIN : credit;
}

static struct connection *oldest(const struct receive_lane *lane) {
    struct ring *place = ring_first(&lane->half_received);
    return place == NULL ? NULL : caa_container_of(place, struct connection, half_place);
}

static void drop(struct receive_lane *lane, struct connection *connection, enum smq_result reason) {
    counter_add(&lane->net->dropped_blocks, 1);
    receive_end(lane, connection, reason); /* which takes it out of the ring */
}

void receive_note_half(struct receive_lane *lane, struct connection *connection, bool is_half) {
    bool is_noted = ring_is_member(&connection->half_place);
    if (is_half == is_noted)
        return;
    if (!is_half) {
        ring_remove(&connection->half_place);
        lane->half_count--;
        return;
    }
    connection->half_since_ms = lane->now_ms;
    ring_append(&lane->half_received, &connection->half_place);
    lane->half_count++;
    if (lane->half_count > most_of(lane))
        drop(lane, oldest(lane), SMQ_ERR_NO_CREDIT);
    if (lane->half_count > 0 && !wheel_timer_is_active(&lane->half_timer))
        wheel_add(actor_wheel(lane->actor), &lane->half_timer, lane->now_ms + CHECK_MS);
}

/* Whether the peer is to blame: it had its time, and we would have read. Otherwise its time begins again. */
static bool is_overdue(const struct receive_lane *lane, const struct connection *connection) {
    uint64_t since_ms = connection->half_since_ms;
    return connection_last_received_ms(connection) <= since_ms && !lane->is_reading_stopped &&
           !atomic_load(&connection->reading_is_off) && !connection->is_pending;
}

void receive_end_overdue(struct wheel_timer *half_timer) {
    struct receive_lane *lane = caa_container_of(half_timer, struct receive_lane, half_timer);
    uint32_t limit_ms = atomic_load(&lane->net->limits.block_timeout_ms);
    lane->now_ms = actor_now_ms(lane->actor);
    struct connection *connection;
    while (limit_ms != 0 && (connection = oldest(lane)) != NULL &&
           connection->half_since_ms + limit_ms <= lane->now_ms) {
        bool is_late = is_overdue(lane, connection);
        if (is_late) {
            drop(lane, connection, SMQ_ERR_TIMEOUT);
        } else {
            receive_note_half(lane, connection, false);
            receive_note_half(lane, connection, true);
        }
    }
    if (lane->half_count > 0 && !wheel_timer_is_active(half_timer))
        wheel_add(actor_wheel(lane->actor), half_timer, lane->now_ms + CHECK_MS);
}
