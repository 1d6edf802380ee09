/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The end of a connection, by whichever part of the lane finds it. */
#include "actors/net/receive_lane.h"
#include "actors/net/resolver.h"

static void unlink_connection(struct receive_lane *lane, struct connection *connection) {
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        lane->first = connection->next;
}

void receive_end(struct receive_lane *lane, struct connection *connection, enum smq_result reason) {
    if (connection->stage == STAGE_ENDED)
        return;
    reason = connection_enter_end(connection, reason);
    connection->stage = STAGE_ENDED;
    if (connection->is_polled)
        poller_remove(lane->poller, connection->descriptor);
    connection->is_polled = false;
    if (ring_is_member(&connection->handshake_place))
        ring_remove(&connection->handshake_place);
    receive_note_half(lane, connection, false);
    if (connection->partial != NULL)
        block_pool_put_back(lane->pool, connection->partial);
    connection->partial = NULL;
    if (connection->setup != NULL)
        wheel_cancel(actor_wheel(lane->actor), &connection->setup->timer);
    resolver_forget(connection);
    unlink_connection(lane, connection);
    if (connection->http != NULL)
        receive_http_end(lane, connection, reason);
    connection->protocol->closed(connection, connection->state, reason);
    /* Both roles are stopped after this one, so the requests cannot fail. */
    CHECK(connection_request_monitor(connection, MONITOR_DETACH) == SMQ_OK);
    CHECK(connection_request_send(connection, SEND_DETACH) == SMQ_OK);
    connection_request_listener(connection, LISTENER_ENDED);
    if (!connection->is_pending) {
        connection->pending_next = lane->ended;
        lane->ended = connection;
    }
}

void receive_set_interest(struct receive_lane *lane, struct connection *connection, unsigned interest) {
    if (connection->is_polled && connection->interest == interest)
        return;
    enum smq_result result = connection->is_polled
                                 ? poller_change(lane->poller, connection->descriptor, interest, connection)
                                 : poller_add(lane->poller, connection->descriptor, interest, connection);
    if (result != SMQ_OK) {
        receive_end(lane, connection, result);
        return;
    }
    connection->is_polled = true;
    connection->interest = (uint8_t)interest;
}
