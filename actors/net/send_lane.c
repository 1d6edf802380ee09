/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Send lane: takes outgoing items per connection, lets the protocol pack them into a block, and hands a few blocks at a
 * time to TLS, going round all connections that have something to send.
 *
 * A connection whose socket is full keeps its one encrypted record inside of TLS, leaves the round, and comes back when
 * epoll says that there is room; TLS does not look at the plaintext again, so all connections share one buffer. */
#include <stdatomic.h>

#include "actors/net/framed.h"
#include "actors/net/net_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "transport/net/poller.h"
#include "transport/net/socket.h"

enum {
    STALLED_MS = 1000, /* nothing taken for so long */
    STEPS_A_TURN = 32,
    BLOCKS_A_STEP = 4, /* of one connection: 64 KB, which the kernel makes one segment of where it can */
};

struct send_lane {
    /* constant */
    struct net *net;
    unsigned number;
    struct actor *actor;
    /* shared */
    struct message flush_message;
    _Atomic bool flush_is_requested; /* flush_message is on its way */
    _Atomic uint64_t wish;           /* the last flush that was asked for */
    _Atomic uint64_t granted;        /* the last one that is done */
    /* the lane */
    struct poller *poller;
    void *lane_state;
    bool has_lane_state;
    struct connection *ready; /* the round, oldest first */
    struct connection **ready_end;
    struct connection *ended; /* to be released when no event can name them any more */
    size_t blocked;           /* connections that wait for room */
    struct ring stalled;      /* these, by the time since when */
    size_t awaiting_room;     /* connections in the poller that wait for room, to write or to read */
    uint64_t wanted;          /* the flush to be granted next */
    uint64_t now_ms;
    const uint8_t *prepared; /* the block to be written: `bytes`, or within `own` */
    struct block *own;       /* goes back once it is written; NULL: none */
    uint8_t bytes[BLOCK_SIZE];
};

static void make_ready(struct send_lane *lane, struct connection *connection) {
    if (connection->is_ready)
        return;
    connection->is_ready = true;
    connection->ready_next = NULL;
    *lane->ready_end = connection;
    lane->ready_end = &connection->ready_next;
}

/* Whether the connection is in the poller for room in its socket. */
static void set_awaiting_room(struct send_lane *lane, struct connection *connection, bool is_awaiting) {
    if (connection->awaits_room != is_awaiting)
        lane->awaiting_room = is_awaiting ? lane->awaiting_room + 1 : lane->awaiting_room - 1;
    connection->awaits_room = is_awaiting;
}

static void leave_poller(struct send_lane *lane, struct connection *connection) {
    if (connection->is_polled_for_room)
        poller_remove(lane->poller, connection->descriptor);
    connection->is_polled_for_room = false;
    set_awaiting_room(lane, connection, false);
}

static void set_write_pending(struct send_lane *lane, struct connection *connection, bool is_pending) {
    if (connection->write_is_pending == is_pending)
        return;
    lane->blocked = is_pending ? lane->blocked + 1 : lane->blocked - 1;
    connection->write_is_pending = is_pending;
    if (is_pending) {
        connection->stalled_since_ms = lane->now_ms;
        ring_append(&lane->stalled, &connection->stalled_place);
    } else {
        ring_remove(&connection->stalled_place);
    }
}

/* Nothing is written any more; the receive lane ends the connection. */
static void fail(struct send_lane *lane, struct connection *connection, enum smq_result reason) {
    connection->is_sent_out = true;
    set_write_pending(lane, connection, false);
    leave_poller(lane, connection);
    connection_close(connection, reason, false);
}

static void await_room(struct send_lane *lane, struct connection *connection) {
    enum smq_result result = connection->is_polled_for_room
                                 ? poller_change(lane->poller, connection->descriptor, POLL_WRITE, connection)
                                 : poller_add(lane->poller, connection->descriptor, POLL_WRITE, connection);
    if (result != SMQ_OK) {
        fail(lane, connection, result);
        return;
    }
    connection->is_polled_for_room = true;
    set_awaiting_room(lane, connection, true);
}

static void finish_flush(struct connection *connection) {
    connection->is_sent_out = true;
    if (connection->tls != NULL)
        tls_shutdown(connection->tls);
    socket_end_sending(connection->descriptor);
    connection_request_receive(connection, RECEIVE_AWAIT_END);
}

/* Lets the protocol pack a block. SMQ_ERR_EMPTY: nothing is left to be sent; SMQ_ERR_AGAIN: items were taken that made
 * no block, and others are left. */
static enum smq_result pack(struct send_lane *lane, struct connection *connection) {
    const struct protocol *protocol = connection->protocol;
    struct outgoing *first = connection->queue.head;
    enum smq_result result = SMQ_ERR_AGAIN;
    uint8_t *own = NULL;
    if (first == NULL)
        return SMQ_ERR_EMPTY;
    if (protocol->fill_own != NULL && connection->framed == NULL)
        result = protocol->fill_own(connection, connection->state, &connection->queue, &own, &lane->own);
    lane->prepared = own;
    if (result == SMQ_ERR_AGAIN) {
        result = protocol->fill(connection, connection->state, &connection->queue, lane->lane_state, lane->bytes);
        lane->prepared = lane->bytes;
    }
    if (result != SMQ_ERR_EMPTY || connection->queue.head == NULL)
        return result;
    return connection->queue.head == first ? SMQ_ERR_INTERNAL : SMQ_ERR_AGAIN;
}

/* Finds what is to be written next: a block, or a reply of the framing. Results of pack. */
static enum smq_result prepare(struct send_lane *lane, struct connection *connection) {
    struct framed *framed = connection->framed;
    if (framed != NULL && framed_take_reply(framed))
        return SMQ_OK;
    enum smq_result result = pack(lane, connection);
    if (framed != NULL && result == SMQ_OK)
        framed_take_block(framed, lane->bytes, connection->protocol->block_size);
    return result;
}

static void block_is_sent(struct send_lane *lane, struct connection *connection) {
    atomic_store_explicit(&connection->last_sent_ms, lane->now_ms, memory_order_relaxed);
    counter_add(&lane->net->blocks_sent, 1);
}

static bool has_more(const struct connection *connection) {
    return connection->queue.head != NULL || (connection->framed != NULL && framed_has_replies(connection->framed));
}

/* Hands what was prepared to TLS, or goes on with what is there. Whether it is written. */
static bool write_block(struct send_lane *lane, struct connection *connection, bool more) {
    enum tls_want want = TLS_WANT_WRITE;
    struct framed *framed = connection->framed;
    size_t size = connection->protocol->block_size;
    enum smq_result result = framed == NULL ? tls_write(connection->tls, lane->prepared, size, more, &want)
                                            : framed_write(framed, connection->tls, more, &want);
    if (lane->own != NULL)
        block_release(lane->own);
    lane->own = NULL;
    if (result == SMQ_OK) {
        set_write_pending(lane, connection, false);
        if (framed == NULL || framed->is_block)
            block_is_sent(lane, connection);
        return true;
    }
    if (result == SMQ_ERR_AGAIN && want == TLS_WANT_WRITE) {
        set_write_pending(lane, connection, true);
        await_room(lane, connection);
    } else {
        fail(lane, connection, result == SMQ_ERR_AGAIN ? SMQ_ERR_TLS : result);
    }
    return false;
}

/* One step of the round: a few blocks of one connection, which leave in one go. */
static void send_blocks(struct send_lane *lane, struct connection *connection) {
    bool more = false;
    for (int i = 1; i <= BLOCKS_A_STEP; i++) {
        enum smq_result result = SMQ_OK;
        lane->prepared = lane->bytes; /* of a pending write TLS does not look at the bytes again */
        if (!connection->write_is_pending)
            result = prepare(lane, connection);
        if (result != SMQ_OK) {
            if (more)
                socket_push(connection->descriptor);
            if (result == SMQ_ERR_AGAIN)
                make_ready(lane, connection);
            else if (result != SMQ_ERR_EMPTY)
                fail(lane, connection, result);
            else if (connection->is_flushing)
                finish_flush(connection);
            return;
        }
        more = i < BLOCKS_A_STEP && has_more(connection);
        if (!write_block(lane, connection, more))
            return;
        if (!more)
            break;
    }
    if (has_more(connection) || connection->is_flushing)
        make_ready(lane, connection);
}

/* Whether the connection can be written to now; if not, whoever makes it writable makes it ready. */
static bool may_send(struct connection *connection) {
    if (connection->is_sent_out || connection->is_detached)
        return false;
    if (atomic_load(&connection->tls_is_ready))
        return true;
    atomic_store(&connection->sending_waits_for_tls, true);
    return atomic_load(&connection->tls_is_ready);
}

static void send_ready(struct send_lane *lane) {
    lane->now_ms = clock_monotonic_ms();
    for (int i = 0; i < STEPS_A_TURN && lane->ready != NULL; i++) {
        struct connection *connection = lane->ready;
        lane->ready = connection->ready_next;
        if (lane->ready == NULL)
            lane->ready_end = &lane->ready;
        connection->is_ready = false;
        if (connection->is_detached) {
            connection->ready_next = lane->ended;
            lane->ended = connection;
        } else if (may_send(connection)) {
            send_blocks(lane, connection);
        }
    }
}

static void discard_queue(struct connection *connection) {
    struct outgoing *item;
    while ((item = outgoing_take(&connection->queue)) != NULL)
        connection->protocol->discard(connection, connection->state, item);
}

static void enqueue(struct send_lane *lane, struct outgoing *item) {
    struct connection *connection = item->connection;
    if (connection->is_detached || connection->is_sent_out) {
        connection->protocol->discard(connection, connection->state, item);
    } else {
        if (connection->queue.head == NULL)
            connection->queue.head = item;
        else
            connection->queue.tail->next = item;
        connection->queue.tail = item;
        if (item->bytes > 0)
            atomic_fetch_add_explicit(&lane->net->unsent_bytes, item->bytes, memory_order_relaxed);
        if (!connection->write_is_pending)
            make_ready(lane, connection);
    }
    connection_release(connection);
}

static void enqueue_reply(struct send_lane *lane, struct framed_reply *reply) {
    struct connection *connection = reply->connection;
    if (connection->is_detached || connection->is_sent_out) {
        memory_free(reply);
    } else {
        framed_add_reply(connection->framed, reply);
        if (!connection->write_is_pending)
            make_ready(lane, connection);
    }
    connection_release(connection);
}

/* The receive lane is done with the connection: this lane is the last to use its TLS and its socket. */
static void detach(struct send_lane *lane, struct connection *connection) {
    connection->is_detached = true;
    set_write_pending(lane, connection, false);
    discard_queue(connection);
    leave_poller(lane, connection);
    if (connection->tls != NULL && !connection->is_sent_out)
        tls_shutdown(connection->tls);
    tls_destroy(&connection->tls);
    socket_close(&connection->descriptor);
    if (!connection->is_ready) {
        connection->ready_next = lane->ended;
        lane->ended = connection;
    }
}

static void handle_requests(struct send_lane *lane, struct connection *connection) {
    uint32_t bits = requests_take(&connection->send_requests);
    /* Whoever asks need not know of the end yet. What was let go is in no list any more, or in the list of the ended
     * ones: it must not be made ready. */
    if (!connection->is_detached) {
        if ((bits & SEND_FLUSH) != 0)
            connection->is_flushing = true;
        if ((bits & (SEND_FLUSH | SEND_READY)) != 0 && !connection->write_is_pending)
            make_ready(lane, connection);
        if ((bits & SEND_AWAIT_ROOM) != 0 && !connection->is_sent_out) {
            connection->reader_waits = true;
            await_room(lane, connection);
        }
        if ((bits & SEND_DETACH) != 0)
            detach(lane, connection);
    }
    connection_release(connection);
}

static void receive(void *state, struct message *message) {
    struct send_lane *lane = state;
    switch ((enum net_message)message->kind) {
    case NET_OUTGOING:
        enqueue(lane, caa_container_of(message, struct outgoing, message));
        break;
    case NET_REPLY:
        enqueue_reply(lane, caa_container_of(message, struct framed_reply, message));
        break;
    case NET_CONNECTION:
        handle_requests(lane, caa_container_of(message, struct connection, send_requests.message));
        break;
    case NET_LANE:
        atomic_store(&lane->flush_is_requested, false);
        lane->wanted = atomic_load(&lane->wish);
        break;
    case NET_LISTENER:
    case NET_TASK:
        break;
    }
}

static void handle_event(struct send_lane *lane, struct connection *connection, unsigned events) {
    if (!connection->is_polled_for_room)
        return;
    if ((events & POLL_FAILED) != 0) {
        fail(lane, connection, SMQ_ERR_NETWORK);
        return;
    }
    if (poller_change(lane->poller, connection->descriptor, POLL_NOTHING, connection) != SMQ_OK) {
        fail(lane, connection, SMQ_ERR_SYSTEM);
        return;
    }
    set_awaiting_room(lane, connection, false);
    if (connection->reader_waits)
        connection_request_receive(connection, RECEIVE_RESUME);
    connection->reader_waits = false;
    if (connection->write_is_pending)
        make_ready(lane, connection);
}

/* Sockets are looked at only while one of them is full. */
static enum actor_rest rest(void *state) {
    const struct send_lane *lane = state;
    if (lane->awaiting_room > 0)
        return ACTOR_MUST_POLL;
    return lane->ready != NULL ? ACTOR_MUST_GO_ON : ACTOR_MAY_SLEEP;
}

static void wait_for_events(void *state, int timeout_ms) {
    struct send_lane *lane = state;
    const struct poll_event *events;
    size_t count = poller_wait(lane->poller, lane->ready != NULL ? 0 : timeout_ms, &events);
    actor_wakes(lane->actor, clock_monotonic_ms());
    for (size_t i = 0; i < count; i++)
        handle_event(lane, events[i].subject, events[i].events);
}

static bool is_over_limit(const struct net *net) {
    uint64_t limit = atomic_load_explicit(&net->limits.unsent_bytes, memory_order_relaxed);
    return limit > 0 && atomic_load_explicit(&net->unsent_bytes, memory_order_relaxed) > limit;
}

/* Who does not read gives way to those who do. */
static void drop_stalled(struct send_lane *lane) {
    struct ring *oldest;
    while ((oldest = ring_first(&lane->stalled)) != NULL && is_over_limit(lane->net)) {
        struct connection *connection = caa_container_of(oldest, struct connection, stalled_place);
        if (lane->now_ms < connection->stalled_since_ms + STALLED_MS)
            return;
        counter_add(&lane->net->dropped_unsent, 1);
        fail(lane, connection, SMQ_ERR_NO_CREDIT);
        discard_queue(connection);
    }
}

static void release_ended(struct send_lane *lane) {
    while (lane->ended != NULL) {
        struct connection *connection = lane->ended;
        lane->ended = connection->ready_next;
        connection_release(connection);
    }
}

static void end_turn(void *state) {
    struct send_lane *lane = state;
    send_ready(lane);
    drop_stalled(lane);
    if (lane->has_lane_state && lane->net->options.send_lane_batch_end != NULL)
        lane->net->options.send_lane_batch_end(lane->lane_state);
    release_ended(lane);
    if (atomic_load(&lane->granted) < lane->wanted && lane->ready == NULL && lane->blocked == 0) {
        atomic_store(&lane->granted, lane->wanted);
        waker_wake(&lane->net->progress);
    }
}

static enum smq_result start(void *state) {
    struct send_lane *lane = state;
    const struct net_options *options = &lane->net->options;
    enum smq_result result = poller_add_waker(lane->poller, actor_waker(lane->actor));
    if (result == SMQ_OK && options->send_lane_start != NULL)
        result = options->send_lane_start(options->context, lane->number, &lane->lane_state);
    lane->has_lane_state = result == SMQ_OK;
    return result;
}

static void stop(void *state) {
    struct send_lane *lane = state;
    while (lane->ready != NULL)
        send_ready(lane);
    release_ended(lane);
    if (lane->has_lane_state && lane->net->options.send_lane_stop != NULL)
        lane->net->options.send_lane_stop(lane->lane_state);
}

static const struct actor_ops send_ops = {
    .role = "send",
    .start = start,
    .receive = receive,
    .batch_end = end_turn,
    .stop = stop,
    .wait = wait_for_events,
    .rest = rest,
};

enum smq_result send_lane_create(struct net *net, unsigned number, struct send_lane **lane) {
    struct send_lane *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->net = net;
    created->number = number;
    created->flush_message.kind = NET_LANE;
    created->ready_end = &created->ready;
    enum smq_result result = poller_create(&created->poller);
    if (result == SMQ_OK)
        result = actor_create(&send_ops, created, (int)number, &created->actor);
    if (result != SMQ_OK) {
        send_lane_destroy(&created);
        return result;
    }
    *lane = created;
    net->addresses.send[number] = created->actor;
    return SMQ_OK;
}

uint64_t send_lane_request_flush(struct send_lane *lane) {
    uint64_t wish = atomic_fetch_add(&lane->wish, 1) + 1;
    if (!atomic_exchange(&lane->flush_is_requested, true))
        CHECK(actor_send(lane->actor, &lane->flush_message) == SMQ_OK);
    return wish;
}

bool send_lane_has_flushed(const struct send_lane *lane, uint64_t wish) {
    return atomic_load(&lane->granted) >= wish;
}

void send_lane_destroy(struct send_lane **lane) {
    struct send_lane *destroyed = *lane;
    *lane = NULL;
    if (destroyed == NULL)
        return;
    if (destroyed->actor != NULL)
        actor_destroy(&destroyed->actor);
    poller_destroy(&destroyed->poller);
    memory_free(destroyed);
}
