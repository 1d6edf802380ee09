/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listener: one actor accepts for all listening sockets of a net. Without descriptors or memory it stops looking at
 * them for a while, since they would be reported again at once; those who wait stay in the kernel's backlog. So it does
 * when the net is full. It keeps the account of all accepted connections (admission.h): receive lanes and protocols
 * tell it when a handshake is done and when a connection has ended. */
#include "actors/net/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/net/net_private.h"
#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/promise.h"
#include "transport/net/poller.h"
#include "transport/net/socket.h"

enum { ACCEPTS_A_TURN = 64, PAUSE_MS = 100, FULL_MS = 5, DEFAULT_TLS_TIMEOUT_MS = 10000 };

struct listening_socket {
    struct listener *listener;
    int descriptor;
};

struct listener {
    struct message message; /* to the role: make the next change */
    struct net *net;
    struct listen_options options;   /* without the addresses */
    _Atomic uint32_t tls_timeout_ms; /* the manners; any thread */
    _Atomic uint32_t handshake_timeout_ms;
    _Atomic(struct keep_alive) keep_alive;
    _Atomic bool log_tls_errors;
    _Atomic bool log_peers;
    uint16_t port;
    struct port_figures *figures; /* NULL: there are too many ports */
    struct promise *added;        /* decided by the role when it has made the change; NULL from then on */
    struct promise *removed;
    /* the role, once added */
    struct listener *next;
    size_t count;
    struct listening_socket sockets[];
};

struct listener_role {
    struct net *net;
    struct actor *actor;
    struct poller *poller;
    struct listener *listeners;
    struct admission *admission;
    struct wheel_timer pause_timer;
    bool is_paused;
    bool is_failing; /* logged; until the next success */
    bool is_full;    /* the same: max_connections */
};

static void set_all(struct listener_role *role, unsigned events) {
    for (struct listener *listener = role->listeners; listener != NULL; listener = listener->next)
        for (size_t i = 0; i < listener->count; i++)
            (void)poller_change(role->poller, listener->sockets[i].descriptor, events, &listener->sockets[i]);
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

/* Takes over `descriptor`. */
static void admit(struct listener_role *role, const struct listener *listener, const struct net_limits *limits,
                  int descriptor, const struct net_address *address) {
    const struct listen_options *options = &listener->options;
    struct connection *connection = connection_create(listener->net, options->protocol, options->tls_context, false);
    if (connection == NULL) {
        socket_close(&descriptor);
        return;
    }
    if (!enter(role, limits, address, connection)) {
        socket_close(&descriptor);
        connection_abandon(connection);
        return;
    }
    connection->needs_cookie = connection->place.needs_cookie;
    connection->state = options->accept(options->context, connection);
    connection->handshake_timeout_ms = atomic_load_explicit(&listener->handshake_timeout_ms, memory_order_relaxed);
    connection->framing = options->framing;
    connection->log_tls_errors = atomic_load_explicit(&listener->log_tls_errors, memory_order_relaxed);
    connection->log_peers = atomic_load_explicit(&listener->log_peers, memory_order_relaxed);
    if (connection->state == NULL) {
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
        admit(role, socket->listener, &limits, descriptor, &address);
    }
}

static void wait_for_events(void *state, int timeout_ms) {
    struct listener_role *role = state;
    const struct poll_event *events;
    size_t count = poller_wait(role->poller, timeout_ms, &events);
    actor_wakes(role->actor, clock_monotonic_ms());
    for (size_t i = 0; i < count && !role->is_paused; i++)
        accept_some(role, events[i].subject);
}

static void close_sockets(struct listener *listener) {
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
        if (poller_add(role->poller, socket->descriptor, role->is_paused ? POLL_NOTHING : POLL_READ, socket) != SMQ_OK)
            log_error("cannot watch a listening socket: %s", strerror(errno));
    }
}

static void remove_listener(struct listener_role *role, struct listener *listener) {
    struct listener **link = &role->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    close_sockets(listener); /* which takes them out of the poller */
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

static void free_listener(struct listener *listener) {
    promise_release(&listener->added);
    promise_release(&listener->removed);
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
        free_listener(listener);
    }
    struct admission_place *place;
    while ((place = admission_any(role->admission)) != NULL)
        leave(role, caa_container_of(place, struct connection, place));
}

static const struct actor_ops listener_ops = {
    .role = "listener",
    .start = start,
    .receive = receive,
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

/* Starts the role with the first listener. */
static enum smq_result need_role(struct net *net) {
    enum smq_result result = SMQ_OK;
    pthread_mutex_lock(&net->lock);
    if (net->listener_role == NULL)
        result = create_role(net, &net->listener_role);
    pthread_mutex_unlock(&net->lock);
    return result;
}

/* Has the role make the next change, which `done` (one of the listener's promises) tells, and waits for it. */
static enum smq_result change(struct listener *listener, struct promise *done) {
    promise_reference(done);
    enum smq_result result = actor_send(listener->net->addresses.listener, &listener->message);
    void *nothing;
    if (result == SMQ_OK)
        result = promise_wait(done, -1, &nothing);
    promise_release(&done);
    return result;
}

/* A promise with one reference: the listener's, for the role to decide. */
static enum smq_result make_promise(struct promise **promise) {
    enum smq_result result = promise_create(NULL, promise);
    if (result == SMQ_OK) {
        struct promise *second = *promise;
        promise_release(&second);
    }
    return result;
}

/* What binding fills. */
struct binding {
    const struct listen_options *options;
    struct listener *listener;
    char *error;
    size_t error_size;
};

static enum smq_result describe(const struct binding *binding, enum smq_result result, const char *address,
                                const char *reason) {
    if (binding->error != NULL)
        snprintf(binding->error, binding->error_size, "cannot listen on %s: %s", address, reason);
    return result;
}

/* Makes room for one more socket and binds it. The first port that the kernel chooses is used for all. */
static enum smq_result bind_one(struct binding *binding, struct net_address address, bool dual_stack) {
    struct listener *grown = memory_resize_array(
        binding->listener, sizeof *grown + (binding->listener->count + 1) * sizeof grown->sockets[0], 1);
    if (grown == NULL)
        return describe(binding, SMQ_ERR_NO_MEMORY, "a socket", smq_result_text(SMQ_ERR_NO_MEMORY));
    binding->listener = grown;
    net_address_set_port(&address, grown->port);
    char text[NET_ADDRESS_TEXT];
    net_address_text(&address, text);
    int descriptor = -1;
    enum smq_result result = socket_listen(&address, dual_stack, &descriptor);
    if (result == SMQ_OK)
        result = socket_local_address(descriptor, &address);
    if (result != SMQ_OK) {
        int saved = errno;
        socket_close(&descriptor);
        describe(binding, result, text, strerror(saved));
        errno = saved;
        return result;
    }
    grown->port = net_address_port(&address);
    grown->sockets[grown->count++] = (struct listening_socket){.descriptor = descriptor};
    return SMQ_OK;
}

static bool is_missing_family(int error) {
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/* Binds what `host` stands for (NULL: all addresses); addresses of a family that this machine lacks are skipped as long
 * as one is left. */
static enum smq_result bind_host(struct binding *binding, const char *host, bool dual_stack) {
    struct net_address_list *list = NULL;
    enum smq_result result = net_address_resolve(host, binding->options->port, NET_RESOLVE_LISTEN, &list);
    if (result != SMQ_OK)
        return describe(binding, SMQ_ERR_SYSTEM, host == NULL ? "all addresses" : host, "the address does not resolve");
    size_t bound = 0;
    bool has_ipv6 = false;
    for (int pass = 0; pass < 2; pass++) {
        int family = pass == 0 ? AF_INET6 : AF_INET;
        for (size_t i = 0; i < list->count; i++) {
            if (list->addresses[i].storage.ss_family != family || (dual_stack && host == NULL && has_ipv6))
                continue;
            errno = 0;
            result = bind_one(binding, list->addresses[i], dual_stack);
            if (result != SMQ_OK && !(result == SMQ_ERR_SYSTEM && is_missing_family(errno)))
                goto out;
            bound += result == SMQ_OK;
            has_ipv6 = has_ipv6 || (result == SMQ_OK && family == AF_INET6);
        }
    }
    result = bound > 0 ? SMQ_OK : SMQ_ERR_SYSTEM;
out:
    memory_free(list);
    return result;
}

/* An IPv6 socket takes IPv4, too, unless an IPv4 address is listed beside it. */
static bool wants_dual_stack(const struct listen_options *options) {
    for (size_t i = 0; i < options->address_count; i++)
        if (strchr(options->addresses[i], ':') == NULL)
            return false;
    return true;
}

static enum smq_result bind_all(struct binding *binding) {
    const struct listen_options *options = binding->options;
    if (options->address_count == 0)
        return bind_host(binding, NULL, true);
    enum smq_result result = SMQ_OK;
    for (size_t i = 0; i < options->address_count && result == SMQ_OK; i++)
        result = bind_host(binding, options->addresses[i], wants_dual_stack(options));
    return result;
}

/* Gives the bound sockets to the role. */
static enum smq_result begin_accepting(struct net *net, const struct listen_options *options,
                                       struct listener *listener) {
    listener->net = net;
    listener->message.kind = NET_LISTENER;
    listener->options = *options;
    listener->options.addresses = NULL;
    listener->options.address_count = 0;
    listener_change(listener, &options->manners);
    for (size_t i = 0; i < listener->count; i++)
        listener->sockets[i].listener = listener;
    enum smq_result result = atomic_load(&net->is_stopping) ? SMQ_ERR_CLOSED : need_role(net);
    if (result == SMQ_OK)
        result = make_promise(&listener->added);
    if (result == SMQ_OK)
        result = make_promise(&listener->removed);
    return result == SMQ_OK ? change(listener, listener->added) : result;
}

enum smq_result net_listen(struct net *net, const struct listen_options *options, struct listener **listener,
                           char *error, size_t error_size) {
    struct binding binding = {.options = options, .error = error, .error_size = error_size};
    binding.listener = memory_zalloc(sizeof *binding.listener);
    if (binding.listener == NULL)
        return describe(&binding, SMQ_ERR_NO_MEMORY, "a socket", smq_result_text(SMQ_ERR_NO_MEMORY));
    binding.listener->port = options->port;
    enum smq_result result = bind_all(&binding);
    if (result == SMQ_OK) {
        result = begin_accepting(net, options, binding.listener);
        if (result != SMQ_OK)
            describe(&binding, result, "the bound addresses", smq_result_text(result));
    }
    if (result != SMQ_OK) {
        close_sockets(binding.listener);
        free_listener(binding.listener);
        return result;
    }
    *listener = binding.listener;
    return SMQ_OK;
}

void listener_change(struct listener *listener, const struct listen_manners *manners) {
    uint32_t tls_timeout_ms = manners->tls_timeout_ms > 0 ? manners->tls_timeout_ms : DEFAULT_TLS_TIMEOUT_MS;
    atomic_store_explicit(&listener->tls_timeout_ms, tls_timeout_ms, memory_order_relaxed);
    atomic_store_explicit(&listener->handshake_timeout_ms, manners->handshake_timeout_ms, memory_order_relaxed);
    atomic_store_explicit(&listener->keep_alive, manners->keep_alive, memory_order_relaxed);
    atomic_store_explicit(&listener->log_tls_errors, manners->log_tls_errors, memory_order_relaxed);
    atomic_store_explicit(&listener->log_peers, manners->log_peers, memory_order_relaxed);
}

uint16_t listener_port(const struct listener *listener) {
    return listener->port;
}

void listener_stop(struct listener **listener) {
    struct listener *stopped = *listener;
    *listener = NULL;
    if (stopped == NULL)
        return;
    CHECK(change(stopped, stopped->removed) == SMQ_OK);
    free_listener(stopped);
}
