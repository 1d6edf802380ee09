/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listener: one actor accepts for all listening sockets of a net. Without descriptors or memory it stops looking at
 * them for a while, since they would be reported again at once; those who wait stay in the kernel's backlog. So it does
 * when the net is full. It keeps the account of all accepted connections (admission.h): receive lanes and protocols
 * tell it when a handshake is done and when a connection has ended. */
#include "actors/net/listener_private.h"

#include <errno.h>
#include <string.h>

#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "transport/net/socket.h"

enum { ACCEPTS_A_TURN = 64, PAUSE_MS = 100, FULL_MS = 5 };

static void set_all(struct listener_role *role, unsigned events) {
    for (struct listener *listener = role->listeners; listener != NULL; listener = listener->next)
        for (size_t i = 0; i < listener->count; i++)
            (void)poller_change(role->poller, listener->sockets[i].descriptor, events, &listener->sockets[i].subject);
}

static void end_pause(struct wheel_timer *timer) {
    struct listener_role *role = caa_container_of(timer, struct listener_role, pause_timer);
    role->is_paused = false;
    set_all(role, POLL_READ);
}

static void pause_accepting(struct listener_role *role, int pause_ms) {
    role->is_paused = true;
    set_all(role, POLL_NOTHING);
    wheel_add(actor_wheel(role->actor), &role->pause_timer, clock_monotonic_ms() + (uint64_t)pause_ms);
}

static void accepting_failed(struct listener_role *role, int error) {
    if (!role->is_failing)
        log_warn("cannot accept connections: %s; trying again every %d ms", strerror(error), PAUSE_MS);
    role->is_failing = true;
    pause_accepting(role, PAUSE_MS);
}

/* Whether nobody can be let in for now. */
static bool is_full(struct listener_role *role, const struct net_limits *limits) {
    if (!admission_is_full(role->admission, limits)) {
        role->is_full = false;
        return false;
    }
    if (!role->is_full && admission_handshakes(role->admission) == 0)
        log_warn("there are as many connections as max_connections allows: others wait until some end");
    role->is_full = true;
    pause_accepting(role, FULL_MS);
    return true;
}

static void count_refusal(struct net *net, enum admission_verdict verdict) {
    if (verdict == REFUSED_CONNECTIONS)
        counter_add(&net->refused_connections, 1);
    else if (verdict == REFUSED_RATE)
        counter_add(&net->refused_rate, 1);
}

/* Whether the connection from `address` is let in, and counted from then on. Who has to go for it goes. */
static bool enter(struct listener_role *role, const struct net_limits *limits, const struct net_address *address,
                  struct connection *connection) {
    struct admission_place *dropped = NULL;
    enum admission_verdict verdict =
        admission_enter(role->admission, limits, address, clock_monotonic_ms(), &connection->place, &dropped);
    /* The receive lanes are stopped after this role. */
    if (dropped != NULL)
        CHECK(connection_request_receive(caa_container_of(dropped, struct connection, place), RECEIVE_DROP) == SMQ_OK);
    connection->has_address_key = admission_key_of(address, limits, &connection->address_key);
    if (verdict == ADMITTED)
        connection_reference(connection); /* until leave */
    else
        count_refusal(role->net, verdict);
    return verdict == ADMITTED;
}

static void leave(struct listener_role *role, struct connection *connection) {
    if (connection->place.address == NULL)
        return;
    admission_leave(role->admission, &connection->place, clock_monotonic_ms());
    if (connection->port != NULL)
        atomic_fetch_add_explicit(&connection->port->closed, 1, memory_order_relaxed);
    connection_release(connection);
}

/* Takes over `descriptor`, and `told`, an allocation or NULL. */
static void admit(struct listener_role *role, const struct listener *listener, const struct net_limits *limits,
                  int descriptor, const struct net_address *address, struct net_address *told) {
    const struct listen_options *options = &listener->options;
    struct connection *connection = connection_create(listener->net, options->protocol, options->tls_context, false);
    if (connection == NULL) {
        memory_free(told);
        socket_close(&descriptor);
        return;
    }
    connection->told_address = told;
    if (!enter(role, limits, address, connection)) {
        socket_close(&descriptor);
        connection_abandon(connection);
        return;
    }
    connection->needs_cookie = connection->place.needs_cookie;
    connection->http_service = options->http;
    connection->is_plain = options->is_plain;
    bool has_state = options->accept == NULL;
    if (!has_state) {
        connection->state = options->accept(options->context, connection);
        has_state = connection->state != NULL;
    }
    connection->handshake_timeout_ms = atomic_load_explicit(&listener->handshake_timeout_ms, memory_order_relaxed);
    connection->framing = options->framing;
    connection->log_tls_errors = atomic_load_explicit(&listener->log_tls_errors, memory_order_relaxed);
    connection->log_peers = atomic_load_explicit(&listener->log_peers, memory_order_relaxed);
    if (!has_state) {
        socket_close(&descriptor);
        admission_leave(role->admission, &connection->place, clock_monotonic_ms());
        connection_abandon(connection);
        return;
    }
    connection->descriptor = descriptor;
    atomic_store(&connection->budget_deadline_ms,
                 clock_monotonic_ms() + atomic_load_explicit(&listener->tls_timeout_ms, memory_order_relaxed));
    counter_add(&listener->net->accepted, 1);
    connection->port = listener->figures;
    if (connection->port != NULL)
        atomic_fetch_add_explicit(&connection->port->accepted, 1, memory_order_relaxed);
    /* The receive lanes are stopped after this role. */
    CHECK(connection_request_receive(connection, RECEIVE_START) == SMQ_OK);
}

void listener_admit(struct listener_role *role, struct listener *listener, int descriptor,
                    const struct net_address *peer, const struct net_address *told) {
    struct net_limits limits;
    struct net_address *copy = told == NULL ? NULL : memory_alloc(sizeof *copy);
    net_read_limits(role->net, &limits);
    if (admission_is_full(role->admission, &limits) || (told != NULL && copy == NULL)) {
        memory_free(copy);
        socket_close(&descriptor);
        return;
    }
    if (copy != NULL)
        *copy = *told;
    admit(role, listener, &limits, descriptor, told == NULL ? peer : told, copy);
}

static void accept_some(struct listener_role *role, const struct listening_socket *socket) {
    const struct listen_options *options = &socket->listener->options;
    struct net_limits limits;
    struct keep_alive keep_alive = atomic_load_explicit(&socket->listener->keep_alive, memory_order_relaxed);
    net_read_limits(role->net, &limits);
    for (int i = 0; i < ACCEPTS_A_TURN && !role->is_paused && !is_full(role, &limits); i++) {
        int descriptor = -1;
        struct net_address address;
        enum smq_result result =
            socket_accept(socket->descriptor, options->has_keep_alive ? &keep_alive : NULL, &descriptor, &address);
        if (result == SMQ_ERR_EMPTY)
            return;
        if (result == SMQ_ERR_AGAIN)
            continue;
        if (result != SMQ_OK) {
            accepting_failed(role, errno);
            return;
        }
        if (role->is_failing)
            log_info("accepting connections again");
        role->is_failing = false;
        if (socket->listener->proxy_count > 0)
            listener_await_header(role, socket->listener, descriptor, &address);
        else
            admit(role, socket->listener, &limits, descriptor, &address, NULL);
    }
}

static void wait_for_events(void *state, int timeout_ms) {
    struct listener_role *role = state;
    const struct poll_event *events;
    size_t count = poller_wait(role->poller, timeout_ms, &events);
    actor_wakes(role->actor, clock_monotonic_ms());
    for (size_t i = 0; i < count; i++) {
        struct listening_subject *subject = events[i].subject;
        if (subject->is_proxied)
            listener_look_for_header(role, subject);
        else if (!role->is_paused)
            accept_some(role, caa_container_of(subject, struct listening_socket, subject));
    }
}

void listener_close_sockets(struct listener *listener) {
    for (size_t i = 0; i < listener->count; i++)
        socket_close(&listener->sockets[i].descriptor);
}

/* Those of the port, or a free place for them. */
static struct port_figures *figures_of(struct net *net, uint16_t port) {
    for (size_t i = 0; i < NET_PORTS_MAX; i++) {
        uint16_t known = atomic_load_explicit(&net->ports[i].port, memory_order_relaxed);
        if (known == 0)
            atomic_store_explicit(&net->ports[i].port, port, memory_order_relaxed);
        if (known == 0 || known == port)
            return &net->ports[i];
    }
    return NULL;
}

static void add(struct listener_role *role, struct listener *listener) {
    listener->figures = figures_of(role->net, listener->port);
    listener->next = role->listeners;
    role->listeners = listener;
    for (size_t i = 0; i < listener->count; i++) {
        struct listening_socket *socket = &listener->sockets[i];
        unsigned events = role->is_paused ? POLL_NOTHING : POLL_READ;
        if (poller_add(role->poller, socket->descriptor, events, &socket->subject) != SMQ_OK)
            log_error("cannot watch a listening socket: %s", strerror(errno));
    }
}

static void remove_listener(struct listener_role *role, struct listener *listener) {
    struct listener **link = &role->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    listener_drop_proxied(role, listener);
    listener_close_sockets(listener); /* which takes them out of the poller */
}

/* What receive lanes and protocols tell about a connection. */
static void handle_requests(struct listener_role *role, struct connection *connection) {
    uint32_t bits = requests_take(&connection->listener_requests);
    if ((bits & LISTENER_ESTABLISHED) != 0)
        admission_established(role->admission, &connection->place);
    if ((bits & LISTENER_ENDED) != 0)
        leave(role, connection);
    connection_release(connection);
}

static void receive(void *state, struct message *message) {
    struct listener_role *role = state;
    if (message->kind == NET_CONNECTION) {
        handle_requests(role, caa_container_of(message, struct connection, listener_requests.message));
        return;
    }
    struct listener *listener = caa_container_of(message, struct listener, message);
    bool is_added = listener->added != NULL;
    struct promise *done = is_added ? listener->added : listener->removed;
    if (is_added) {
        listener->added = NULL;
        add(role, listener);
    } else {
        listener->removed = NULL;
        remove_listener(role, listener);
    }
    promise_set(done, SMQ_OK, NULL); /* from here on the listener may be gone */
    promise_release(&done);
}

void listener_free(struct listener *listener) {
    promise_release(&listener->added);
    promise_release(&listener->removed);
    memory_free(listener->proxies);
    memory_free(listener);
}

static enum smq_result start(void *state) {
    struct listener_role *role = state;
    role->pause_timer.fire = end_pause;
    return poller_add_waker(role->poller, actor_waker(role->actor));
}

static void stop(void *state) {
    struct listener_role *role = state;
    wheel_cancel(actor_wheel(role->actor), &role->pause_timer);
    while (role->listeners != NULL) {
        struct listener *listener = role->listeners;
        remove_listener(role, listener);
        listener_free(listener);
    }
    listener_free_proxied(role);
    struct admission_place *place;
    while ((place = admission_any(role->admission)) != NULL)
        leave(role, caa_container_of(place, struct connection, place));
}

static void end_turn(void *state) {
    listener_free_proxied(state);
}

static const struct actor_ops listener_ops = {
    .role = "listener",
    .start = start,
    .receive = receive,
    .batch_end = end_turn,
    .stop = stop,
    .wait = wait_for_events,
};

void listener_role_stop(struct listener_role *role) {
    actor_stop(role->actor);
    actor_join(role->actor);
}

void listener_role_destroy(struct listener_role **role) {
    struct listener_role *destroyed = *role;
    *role = NULL;
    if (destroyed == NULL)
        return;
    if (destroyed->actor != NULL)
        actor_destroy(&destroyed->actor);
    poller_destroy(&destroyed->poller);
    admission_destroy(&destroyed->admission);
    memory_free(destroyed);
}

static enum smq_result create_role(struct net *net, struct listener_role **role) {
    struct listener_role *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->net = net;
    enum smq_result result = poller_create(&created->poller);
    if (result == SMQ_OK)
        result = admission_create(&created->admission);
    if (result == SMQ_OK)
        result = actor_create(&listener_ops, created, -1, &created->actor);
    net->addresses.listener = created->actor;
    if (result == SMQ_OK)
        result = actor_start(created->actor);
    if (result == SMQ_OK)
        *role = created;
    else
        listener_role_destroy(&created);
    return result;
}

enum smq_result listener_need_role(struct net *net) {
    enum smq_result result = SMQ_OK;
    pthread_mutex_lock(&net->lock);
    if (net->listener_role == NULL)
        result = create_role(net, &net->listener_role);
    pthread_mutex_unlock(&net->lock);
    return result;
}
