/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections of an agent, from the attempt to the end. */
#include <string.h>

#include "actors/client_agent/client_agent_private.h"
#include "actors/client_agent/post.h"
#include "queues/base/memory.h"

enum { TELL_AGAIN_MS = 100 };

static struct client_agent_session *session_of_node(const struct map_node *node) {
    return (struct client_agent_session *)((uintptr_t)node - offsetof(struct client_agent_session, node));
}

struct client_agent_session *client_agent_session_reference(struct client_agent_session *session) {
    atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
    return session;
}

void client_agent_session_release(struct client_agent_session *session) {
    if (atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) != 1)
        return;
    if (session->client != NULL)
        client_release(session->client);
    struct smq_client_agent *agent = session->agent;
    memory_free(session);
    client_agent_release(agent);
}

/* ---- by id ---- */

static struct slice session_key(const struct map_node *node) {
    const struct smp_session *session = &smp_client(session_of_node(node)->client)->session;
    return slice_of(session->session_id, session->session_id_length);
}

static bool try_reference_node(struct map_node *node) {
    return map_count_reference(&session_of_node(node)->references);
}

static void release_node(struct map_node *node) {
    client_agent_session_release(session_of_node(node));
}

const struct map_options client_agent_session_map_options = {
    .key = session_key, .try_reference = try_reference_node, .release = release_node};

struct smq_client *client_agent_find_session(struct smq_client_agent *agent, struct slice session_id) {
    client_agent_check(agent);
    struct map_node *node = map_find(agent->sessions, session_id);
    if (node == NULL)
        return NULL;
    struct smq_client *client = session_of_node(node)->client;
    client = atomic_load(&client->is_connected) ? client_reference(client) : NULL;
    release_node(node);
    return client;
}

/* Two sessions with the same id, which only a broken router can make: the later one is not found by it. */
static void enter_map(struct client_agent_session *session) {
    session->in_map = map_insert(session->agent->sessions, &client_agent_session_reference(session)->node) == SMQ_OK;
    if (!session->in_map)
        client_agent_session_release(session);
}

static void leave_map(struct client_agent_session *session) {
    if (session->in_map) {
        session->in_map = false;
        (void)map_remove(session->agent->sessions, &session->node);
    }
}

/* ---- what the process lane tells ---- */

static struct client_agent_session *session_of_observer(struct client_observer *observer) {
    return (struct client_agent_session *)(void *)((char *)observer - offsetof(struct client_agent_session, observer));
}

static void observed_connected(struct client_observer *observer, struct smq_client *client, enum smq_result result) {
    (void)client;
    struct client_agent_session *session = session_of_observer(observer);
    session->connect_result = result;
    if (result == SMQ_OK)
        (void)client_agent_session_reference(session);
    if (post_agent_connected(session) != SMQ_OK)
        client_agent_session_release(session);
}

static void observed_disconnected(struct client_observer *observer, struct smq_client *client, enum smq_result reason) {
    (void)client;
    struct client_agent_session *session = session_of_observer(observer);
    session->end_reason = reason;
    if (post_agent_disconnected(session) != SMQ_OK)
        client_agent_session_release(session);
}

static void observed_end(struct client_observer *observer, struct smq_client *client, struct slice entity_id) {
    (void)client;
    client_agent_ended_send(session_of_observer(observer), entity_id);
}

/* ---- agent's thread ---- */

enum smq_result client_agent_session_connect(struct client_agent_server *server) {
    struct smq_client_agent *agent = server->agent;
    struct client_agent_session *session = memory_zalloc(sizeof(*session));
    if (session == NULL)
        return SMQ_ERR_NO_MEMORY;
    atomic_init(&session->references, 2);
    session->agent = client_agent_reference(agent);
    session->server = server;
    session->observer = (struct client_observer){
        .connected = observed_connected, .disconnected = observed_disconnected, .ended = observed_end};
    client_agent_list_init(&session->active);
    struct smq_client_options options = agent->options.client;
    options.events = agent->options.events;
    options.user = agent->options.user;
    const char *address = server->address != NULL ? server->address : server->name;
    atomic_fetch_add_explicit(&agent->attempts, 1, memory_order_relaxed);
    enum smq_result result =
        client_connect_observed(agent->context, address, &options, &session->observer, &session->client);
    if (result != SMQ_OK) {
        client_agent_session_release(session); /* the observer's */
        client_agent_session_release(session);
        return result;
    }
    server->session = session;
    agent->session_count++;
    agent->attempting++;
    return SMQ_OK;
}

bool client_agent_session_is_current(const struct client_agent_session *session) {
    const struct client_agent_server *server = session->server;
    return server != NULL && server->session == session && server->connected;
}

static void tell_connected(struct client_agent_server *server) {
    struct smq_client_agent *agent = server->agent;
    struct smq_client *client = server->session->client;
    struct smq_event event = {.client = client};
    struct smq_client_agent_event client_agent_event = {
        .kind = SMQ_CLIENT_AGENT_CONNECTED,
        .service_id = {smp_client(client)->service_id, smp_client(client)->service_id_length}};
    client_agent_deliver(agent, client_agent_make_event(agent, server, event, client_agent_event, 0));
}

static void connected(struct client_agent_server *server, struct client_agent_session *session) {
    struct smq_client_agent *agent = server->agent;
    server->connected = true;
    agent->attempting--;
    client_agent_limits_connected(server);
    session->since_ms = actor_now_ms(agent->actor);
    atomic_fetch_add_explicit(&agent->connections, 1, memory_order_relaxed);
    enter_map(session);
    tell_connected(server);
    client_agent_server_succeeded(server, session->client);
    client_agent_list_move(&server->pending, &server->waiting, SUBSCRIPTION_PENDING);
    client_agent_service_connected(server);
    client_agent_server_mark(server);
}

/* The server's reference to the session that was, or was to be, its connection. */
static void detach(struct client_agent_server *server) {
    struct client_agent_session *session = server->session;
    if (server->connected) {
        atomic_fetch_sub_explicit(&server->agent->connections, 1, memory_order_relaxed);
        leave_map(session);
        client_agent_limits_disconnected(server);
    } else {
        server->agent->attempting--;
    }
    server->agent->session_count--;
    client_agent_limits_session_ended(server);
    server->session = NULL;
    server->connected = false;
    session->server = NULL;
    client_agent_session_release(session);
}

void client_agent_session_connected(struct message *message) {
    struct client_agent_session *session =
        (struct client_agent_session *)(void *)((char *)message - offsetof(struct client_agent_session, connected));
    struct client_agent_server *server = session->server;
    if (server != NULL && session->connect_result == SMQ_OK) {
        connected(server, session);
    } else if (server != NULL) {
        struct smq_error error = session->client->connect_error;
        error.result = session->connect_result;
        detach(server);
        client_agent_server_failed(server, &error);
        client_agent_worker_failed(server);
    }
    client_agent_session_release(session);
}

/* Until the owner was told what is lost the session stays the server's: nothing becomes active meanwhile. */
static void lose(struct client_agent_session *session) {
    struct client_agent_server *server = session->server;
    struct actor *actor = session->agent->actor;
    if (server != NULL) {
        if (!client_agent_service_lost(server) || !client_agent_subscriptions_lost(server, session)) {
            wheel_add(actor_wheel(actor), &session->again, actor_now_ms(actor) + TELL_AGAIN_MS);
            return;
        }
        uint64_t lived_ms = actor_now_ms(actor) - session->since_ms;
        detach(server);
        client_agent_worker_lost(server, lived_ms < server->agent->options.reconnect_first_ms);
    }
    client_agent_session_release(session);
}

static void lose_again(struct wheel_timer *timer) {
    lose((struct client_agent_session *)(void *)((char *)timer - offsetof(struct client_agent_session, again)));
}

void client_agent_session_disconnected(struct message *message) {
    struct client_agent_session *session =
        (struct client_agent_session *)(void *)((char *)message - offsetof(struct client_agent_session, disconnected));
    session->again.fire = lose_again;
    lose(session);
}

/* Its client ends by itself, or is left to the owner's thread, which waits for the ends. */
static void close_session(struct client_agent_session *session) {
    struct smq_client_agent *agent = session->agent;
    if (atomic_load(&agent->closes_are_awaited)) {
        session->next_closing = agent->closing_sessions;
        agent->closing_sessions = client_agent_session_reference(session);
        return;
    }
    struct smq_client *handle = client_reference(session->client);
    smq_client_close(&handle);
}

void client_agent_session_abandon(struct client_agent_server *server) {
    struct client_agent_session *session = server->session;
    if (session != NULL) {
        if (wheel_timer_is_active(&session->again)) {
            wheel_cancel(actor_wheel(server->agent->actor), &session->again);
            client_agent_session_release(session);
        }
        close_session(session);
        detach(server);
    }
}
