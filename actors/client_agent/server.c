/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Servers of an agent: finding and forgetting them, and who waits for their connections (reference: Client/Agent.hs,
 * getSMPServerClient''). */
#include <string.h>

#include "actors/client_agent/client_agent_private.h"
#include "queues/base/memory.h"

static struct client_agent_server *server_of_node(const struct map_node *node) {
    return (struct client_agent_server *)((uintptr_t)node - offsetof(struct client_agent_server, node));
}

static struct slice server_key(const struct map_node *node) {
    return slice_of_text(server_of_node(node)->name);
}

/* A grace period after it was taken out, or never in: nobody knows it any more. */
static void free_server(struct map_node *node) {
    struct client_agent_server *server = server_of_node(node);
    struct client_agent_address address = {server->name, server->address};
    client_agent_address_free(&address);
    memory_free(server);
}

/* Only the agent's thread uses the map: what it finds stays until it takes it out itself. */
const struct map_options client_agent_server_map_options = {.key = server_key, .release = free_server};

struct client_agent_server *client_agent_server_find(struct smq_client_agent *agent, const char *name) {
    struct map_node *node = map_find(agent->servers, slice_of_text(name));
    return node == NULL ? NULL : server_of_node(node);
}

static void expired(struct wheel_timer *timer) {
    struct client_agent_server *server =
        (struct client_agent_server *)(void *)((char *)timer - offsetof(struct client_agent_server, expiry));
    client_agent_limits_error_gone(server);
    client_agent_server_mark(server);
}

static struct client_agent_server *create(struct smq_client_agent *agent, struct client_agent_address *address) {
    struct client_agent_server *server = memory_zalloc(sizeof(*server));
    if (server == NULL)
        return NULL;
    server->agent = agent;
    server->name = address->name;
    address->name = NULL;
    client_agent_list_init(&server->pending);
    client_agent_list_init(&server->waiting);
    client_agent_worker_init(server);
    server->expiry.fire = expired;
    if (map_insert(agent->servers, &server->node) != SMQ_OK) {
        free_server(&server->node);
        return NULL;
    }
    server->next = agent->all;
    if (agent->all != NULL)
        agent->all->previous = server;
    agent->all = server;
    atomic_fetch_add_explicit(&agent->server_count, 1, memory_order_relaxed);
    return server;
}

struct client_agent_server *client_agent_server_get(struct smq_client_agent *agent,
                                                    struct client_agent_address *address) {
    struct client_agent_server *server = client_agent_server_find(agent, address->name);
    if (server == NULL)
        server = create(agent, address);
    if (server != NULL && address->secret != NULL) {
        struct client_agent_address old = {NULL, server->address};
        client_agent_address_free(&old);
        server->address = address->secret;
        address->secret = NULL;
    }
    return server;
}

/* ---- the end of a turn ---- */

static bool has_error(const struct client_agent_server *server) {
    return server->error_until_ms > actor_now_ms(server->agent->actor);
}

static void unlink_server(struct client_agent_server *server) {
    struct smq_client_agent *agent = server->agent;
    client_agent_limits_forget(server);
    if (server->next != NULL)
        server->next->previous = server->previous;
    if (server->previous != NULL)
        server->previous->next = server->next;
    else
        agent->all = server->next;
    wheel_cancel(actor_wheel(agent->actor), &server->expiry);
    client_agent_worker_stop(server);
    atomic_fetch_sub_explicit(&agent->server_count, 1, memory_order_relaxed);
    (void)map_remove(agent->servers, &server->node);
}

static void tidy(struct client_agent_server *server) {
    bool known = server->session != NULL || server->waiters != NULL || server->subscriptions > 0 ||
                 server->groups > 0 || server->service.state != SERVICE_NONE || has_error(server);
    if (!known)
        unlink_server(server);
}

void client_agent_servers_advance(struct smq_client_agent *agent) {
    while (agent->marked != NULL) {
        struct client_agent_server *server = agent->marked;
        agent->marked = server->next_marked;
        server->marked = false;
        client_agent_worker_advance(server);
        if (!server->marked)
            tidy(server);
    }
}

/* ---- waiters ---- */

static void unlink_waiter(struct client_agent_waiter *waiter) {
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        waiter->server->waiters = waiter->next;
    if (waiter->owner_waits != NULL)
        (*waiter->owner_waits)--;
    client_agent_limits_wait_ended(waiter->server->agent, waiter);
}

/* Tells the outcome to one who is in no list. */
static void answer(struct client_agent_waiter *waiter, const struct smq_error *error, struct smq_client *client) {
    client_agent_address_free(&waiter->address);
    waiter->done(waiter, error->result, error, client == NULL ? NULL : client_reference(client));
}

static void answer_with(struct client_agent_waiter *waiter, enum smq_result result) {
    struct smq_error error;
    error_set(&error, result, NULL);
    answer(waiter, &error, NULL);
}

static void waited_too_long(struct wheel_timer *timer) {
    struct client_agent_waiter *waiter =
        (struct client_agent_waiter *)(void *)((char *)timer - offsetof(struct client_agent_waiter, timer));
    unlink_waiter(waiter);
    client_agent_server_mark(waiter->server);
    answer_with(waiter, SMQ_ERR_TIMEOUT);
}

static void answer_all(struct client_agent_server *server, const struct smq_error *error, struct smq_client *client) {
    while (server->waiters != NULL) {
        struct client_agent_waiter *waiter = server->waiters;
        unlink_waiter(waiter);
        wheel_cancel(actor_wheel(server->agent->actor), &waiter->timer);
        answer(waiter, error, client);
    }
}

static void link_waiter(struct client_agent_server *server, struct client_agent_waiter *waiter) {
    struct smq_client_agent *agent = server->agent;
    waiter->server = server;
    waiter->previous = NULL;
    waiter->next = server->waiters;
    if (server->waiters != NULL)
        server->waiters->previous = waiter;
    server->waiters = waiter;
    if (waiter->owner_waits != NULL)
        (*waiter->owner_waits)++;
    waiter->timer = (struct wheel_timer){.fire = waited_too_long};
    wheel_add(actor_wheel(agent->actor), &waiter->timer, actor_now_ms(agent->actor) + waiter->timeout_ms);
}

/* Joins those who wait for the attempt, which is started when there is none. */
static void wait_for_attempt(struct client_agent_server *server, struct client_agent_waiter *waiter) {
    struct smq_client_agent *agent = server->agent;
    bool is_first = server->session == NULL;
    enum smq_result result = client_agent_limits_admit_wait(agent, waiter);
    if (result == SMQ_OK && is_first)
        result = client_agent_limits_admit_attempt(agent, waiter);
    if (result == SMQ_OK)
        result = client_agent_limits_wait_begun(agent, waiter);
    if (result != SMQ_OK) {
        client_agent_server_mark(server);
        answer_with(waiter, result);
        return;
    }
    link_waiter(server, waiter);
    if (is_first) {
        client_agent_limits_attempt_begins(server, waiter);
        client_agent_worker_connect(server);
        if (server->session == NULL)
            client_agent_limits_session_ended(server);
    }
}

void client_agent_server_wait(struct smq_client_agent *agent, struct client_agent_waiter *waiter) {
    struct client_agent_server *server = client_agent_server_get(agent, &waiter->address);
    if (server == NULL)
        answer_with(waiter, SMQ_ERR_NO_MEMORY);
    else if (server->connected)
        answer(waiter, &(struct smq_error){.result = SMQ_OK}, server->session->client);
    else if (server->session == NULL && has_error(server))
        answer(waiter, &server->error, NULL);
    else
        wait_for_attempt(server, waiter);
}

void client_agent_server_succeeded(struct client_agent_server *server, struct smq_client *client) {
    wheel_cancel(actor_wheel(server->agent->actor), &server->expiry);
    server->error_until_ms = 0;
    client_agent_limits_error_gone(server);
    server->told = SMQ_OK;
    answer_all(server, &(struct smq_error){.result = SMQ_OK}, client);
}

void client_agent_server_failed(struct client_agent_server *server, const struct smq_error *error) {
    struct smq_client_agent *agent = server->agent;
    uint32_t kept_ms = agent->options.error_persistence_ms;
    if (kept_ms > 0 && client_agent_limits_keep_error(server)) {
        server->error = *error;
        server->error_until_ms = actor_now_ms(agent->actor) + kept_ms;
        wheel_add(actor_wheel(agent->actor), &server->expiry, server->error_until_ms);
    }
    if (server->told != error->result) {
        server->told = error->result;
        struct smq_event event = {.result = error->result, .protocol = error->protocol, .error_text = error->text};
        struct smq_client_agent_event client_agent_event = {.kind = SMQ_CLIENT_AGENT_CONNECT_FAILED};
        client_agent_deliver(agent, client_agent_make_event(agent, server, event, client_agent_event, 0));
    }
    answer_all(server, error, NULL);
}

void client_agent_servers_end(struct smq_client_agent *agent) {
    struct smq_error error;
    error_set(&error, SMQ_ERR_CANCELLED, NULL);
    while (agent->all != NULL) {
        struct client_agent_server *server = agent->all;
        answer_all(server, &error, NULL);
        client_agent_session_abandon(server);
        unlink_server(server);
    }
    agent->marked = NULL;
}
