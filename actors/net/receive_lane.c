/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Receive lane: the actor that owns the reading half and the life of its connections, and sleeps in epoll. */
#include "actors/net/http_private.h"

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "transport/net/socket.h"

enum { DEFAULT_CREDIT = 1024, TRIM_INTERVAL_MS = 1000, EVENTS_A_WAKE = 8 };

static void await_peer_end(struct receive_lane *lane, struct connection *connection) {
    if (connection->stage != STAGE_UP)
        return;
    connection->stage = STAGE_AWAIT_END;
    receive_set_interest(lane, connection, POLL_READ);
}

static void handle_requests(struct receive_lane *lane, struct connection *connection) {
    uint32_t bits = requests_take(&connection->receive_requests);
    if ((bits & RECEIVE_START) != 0)
        receive_start(lane, connection);
    if ((bits & RECEIVE_DROP) != 0)
        receive_drop(lane, connection);
    if ((bits & RECEIVE_END) != 0)
        receive_end(lane, connection, SMQ_ERR_CLOSED); /* the reason was given with the request */
    if ((bits & RECEIVE_RESOLVED) != 0)
        receive_resolved(lane, connection);
    if ((bits & RECEIVE_RESUME) != 0)
        receive_resume(lane, connection);
    if ((bits & RECEIVE_FLUSH) != 0)
        receive_http_flush(lane, connection);
    if ((bits & RECEIVE_AWAIT_END) != 0)
        await_peer_end(lane, connection);
    connection_release(connection);
}

static void handle_lane_requests(struct receive_lane *lane) {
    uint32_t bits = atomic_exchange(&lane->request_bits, 0);
    if ((bits & LANE_STOP_READING) != 0) {
        lane->is_reading_stopped = true;
        atomic_store(&lane->has_stopped_reading, true);
    }
    if ((bits & LANE_END_ALL) != 0) {
        lane->is_ending_all = true;
        while (lane->first != NULL)
            receive_end(lane, lane->first, SMQ_ERR_CANCELLED);
        atomic_store(&lane->has_ended_all, true);
    }
    waker_wake(&lane->net->progress);
}

static void run_task(struct connection_task *task) {
    struct connection *connection = task->connection;
    task->run(task);
    connection_release(connection);
}

static void receive(void *state, struct message *message) {
    struct receive_lane *lane = state;
    lane->now_ms = actor_now_ms(lane->actor);
    if (message->kind == NET_LANE)
        handle_lane_requests(lane);
    else if (message->kind == NET_TASK)
        run_task(caa_container_of(message, struct connection_task, message));
    else
        handle_requests(lane, caa_container_of(message, struct connection, receive_requests.message));
}

static void handle_event(struct receive_lane *lane, struct connection *connection, unsigned events) {
    switch ((enum stage)connection->stage) {
    case STAGE_CONNECTING:
        receive_connected(lane, connection);
        break;
    case STAGE_SOCKS:
        receive_socks(lane, connection);
        break;
    case STAGE_HELLO:
        receive_hello(lane, connection);
        break;
    case STAGE_HANDSHAKE:
        if (connection->awaits_flight && connection->interest == POLL_READ)
            receive_flight(lane, connection);
        else
            receive_queue_handshake(lane, connection);
        break;
    case STAGE_UP:
        if (connection->http != NULL)
            receive_http_event(lane, connection, events);
        else if (connection->interest == POLL_READ)
            receive_read(lane, connection);
        else if ((events & POLL_FAILED) != 0)
            receive_end(lane, connection, SMQ_ERR_NETWORK);
        break;
    case STAGE_AWAIT_END:
        if (socket_drain(connection->descriptor) != SMQ_OK)
            receive_end(lane, connection, SMQ_ERR_CLOSED);
        break;
    case STAGE_NEW:
    case STAGE_ENDED:
        break;
    }
}

/* Without credit only messages are waited for: sockets would be reported again and again. */
static void wait_for_events(void *state, int timeout_ms) {
    struct receive_lane *lane = state;
    const struct poll_event *events;
    if (block_pool_is_starved(lane->pool)) {
        poller_wait(lane->quiet_poller, timeout_ms, &events);
        return;
    }
    bool has_work = lane->pending != NULL || receive_has_handshakes(lane);
    size_t count = poller_wait(lane->poller, has_work ? 0 : timeout_ms, &events);
    lane->now_ms = clock_monotonic_ms();
    actor_wakes(lane->actor, lane->now_ms);
    for (size_t i = 0; i < count; i++) {
        handle_event(lane, events[i].subject, events[i].events);
        if (i % EVENTS_A_WAKE == EVENTS_A_WAKE - 1)
            postponed_run(); /* nobody waits for long because others have more to read, nor is a read section long */
    }
    receive_read_pending(lane);
    receive_some_handshakes(lane);
}

static void release_ended(void *state) {
    struct receive_lane *lane = state;
    while (lane->ended != NULL) {
        struct connection *connection = lane->ended;
        lane->ended = connection->pending_next;
        connection_release(connection);
    }
}

static void trim_blocks(struct wheel_timer *timer) {
    struct receive_lane *lane = caa_container_of(timer, struct receive_lane, trim_timer);
    if (block_pool_trim(lane->pool) || block_pool_held(lane->pool) > 0)
        wheel_add(actor_wheel(lane->actor), timer, actor_now_ms(lane->actor) + TRIM_INTERVAL_MS);
}

static enum smq_result start(void *state) {
    struct receive_lane *lane = state;
    lane->now_ms = clock_monotonic_ms();
    lane->trim_timer.fire = trim_blocks;
    lane->half_timer.fire = receive_end_overdue;
    lane->handshake_timer.fire = receive_end_wait;
    enum smq_result result = poller_add_waker(lane->poller, actor_waker(lane->actor));
    return result == SMQ_OK ? poller_add_waker(lane->quiet_poller, actor_waker(lane->actor)) : result;
}

static void stop(void *state) {
    struct receive_lane *lane = state;
    CHECK(lane->first == NULL);
    /* Connections that ended while they had input pending were kept for the list's sake. */
    lane->is_reading_stopped = true;
    receive_read_pending(lane);
    release_ended(lane);
    wheel_cancel(actor_wheel(lane->actor), &lane->trim_timer);
    wheel_cancel(actor_wheel(lane->actor), &lane->half_timer);
    wheel_cancel(actor_wheel(lane->actor), &lane->handshake_timer);
}

static const struct actor_ops receive_ops = {
    .role = "receive",
    .start = start,
    .receive = receive,
    .batch_end = release_ended,
    .stop = stop,
    .wait = wait_for_events,
};

static void pool_freed(void *context) {
    net_release(context);
}

enum smq_result receive_lane_create(struct net *net, unsigned number, struct receive_lane **lane) {
    struct receive_lane *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->net = net;
    created->request_message.kind = NET_LANE;
    created->pending_end = &created->pending;
    size_t credit = net->options.block_credit_per_lane;
    enum smq_result result = poller_create(&created->poller);
    if (result == SMQ_OK)
        result = poller_create(&created->quiet_poller);
    if (result == SMQ_OK)
        result = actor_create(&receive_ops, created, (int)number, &created->actor);
    if (result == SMQ_OK)
        result = block_pool_create(credit == 0 ? DEFAULT_CREDIT : credit, actor_waker(created->actor), pool_freed, net,
                                   &created->pool);
    if (result != SMQ_OK) {
        receive_lane_destroy(&created);
        return result;
    }
    net_reference(net);
    *lane = created;
    net->addresses.receive[number] = created->actor;
    return SMQ_OK;
}

size_t receive_lane_blocks_held(const struct receive_lane *lane) {
    return lane->pool == NULL ? 0 : block_pool_held(lane->pool);
}

static void request(struct receive_lane *lane, uint32_t bit) {
    if (atomic_fetch_or(&lane->request_bits, bit) == 0)
        CHECK(actor_send(lane->actor, &lane->request_message) == SMQ_OK);
}

void receive_lane_stop_reading(struct receive_lane *lane) {
    request(lane, LANE_STOP_READING);
}

bool receive_lane_has_stopped_reading(const struct receive_lane *lane) {
    return atomic_load(&lane->has_stopped_reading);
}

void receive_lane_end_all(struct receive_lane *lane) {
    request(lane, LANE_END_ALL);
}

bool receive_lane_has_ended_all(const struct receive_lane *lane) {
    return atomic_load(&lane->has_ended_all);
}

void receive_lane_retire(struct receive_lane *lane) {
    block_pool_retire(&lane->pool);
}

void receive_lane_destroy(struct receive_lane **lane) {
    struct receive_lane *destroyed = *lane;
    *lane = NULL;
    if (destroyed == NULL)
        return;
    if (destroyed->actor != NULL)
        actor_destroy(&destroyed->actor);
    poller_destroy(&destroyed->quiet_poller);
    poller_destroy(&destroyed->poller);
    memory_free(destroyed);
}
