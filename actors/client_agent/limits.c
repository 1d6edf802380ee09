/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Limits of an agent that anybody may send anywhere. Which connection gives way is found as a clock's hand finds pages:
 * it passes some servers at a time, and takes one that nothing used since it came by last. */
#include "actors/client/context.h"
#include "actors/client/smp/forward_private.h"
#include "actors/client/smq/network.h"
#include "actors/client_agent/client_agent_private.h"
#include "actors/client_agent/post.h"
#include "queues/base/memory.h"

enum { PASSED_AT_ONCE = 32 };

void client_agent_limit(struct smq_client_agent *agent, const struct client_agent_limits *limits) {
    client_agent_check(agent);
    agent->limits = *limits;
    client_agent_shares_init(&agent->shares);
}

struct change_message {
    struct message message; /* first */
    struct client_agent_change change;
};

enum smq_result client_agent_change(struct smq_client_agent *agent, const struct client_agent_change *change) {
    struct change_message *message = memory_zalloc(sizeof *message);
    if (message == NULL)
        return SMQ_ERR_NO_MEMORY;
    message->change = *change;
    message->change.network = smq_network_reference(change->network);
    enum smq_result result = post_agent_change(agent, &message->message);
    if (result != SMQ_OK) {
        smq_network_release(&message->change.network);
        memory_free(message);
    }
    return result;
}

void client_agent_change_receive(struct smq_client_agent *agent, struct message *message) {
    struct change_message *received = (struct change_message *)(void *)message;
    const struct client_agent_change *change = &received->change;
    struct smq_client_options *client = &agent->options.client;
    struct smq_network *before = client->network;
    agent->limits = change->limits;
    agent->options.error_persistence_ms = change->error_persistence_ms;
    client->network = change->network;
    client->connect_timeout_ms = change->connect_timeout_ms;
    client->ping_interval_ms = change->ping_interval_ms;
    client->ping_window_ms = change->ping_window_ms;
    smq_network_release(&before);
    memory_free(received);
}

static uint64_t uses_of(const struct client_agent_server *server) {
    const struct smq_client *client = server->session->client;
    return smp_client(client)->relay == NULL
               ? 0
               : atomic_load_explicit(&smp_client(client)->relay->uses, memory_order_relaxed);
}

static bool is_busy(const struct client_agent_server *server) {
    return atomic_load_explicit(&server->session->client->commands, memory_order_relaxed) > 0;
}

static void give_up(struct client_agent_server *server) {
    client_agent_session_abandon(server);
    client_agent_server_mark(server);
}

static bool has_given_way(struct client_agent_server *server) {
    if (!server->connected || is_busy(server))
        return false;
    uint64_t uses = uses_of(server);
    if (uses == server->uses_seen_by_hand) {
        give_up(server);
        return true;
    }
    server->uses_seen_by_hand = uses;
    return false;
}

static bool make_room(struct smq_client_agent *agent) {
    for (unsigned passed = 0; passed < PASSED_AT_ONCE; passed++) {
        struct client_agent_server *server = agent->hand != NULL ? agent->hand : agent->all;
        if (server == NULL)
            return false;
        agent->hand = server->next;
        if (has_given_way(server))
            return true;
    }
    return false;
}

enum smq_result client_agent_limits_admit_wait(const struct smq_client_agent *agent,
                                               const struct client_agent_waiter *waiter) {
    const struct client_agent_limits *limits = &agent->limits;
    bool is_limited = waiter->owner_waits != NULL && limits->owner_waits > 0;
    return is_limited && *waiter->owner_waits >= limits->owner_waits ? SMQ_ERR_NO_CREDIT : SMQ_OK;
}

enum smq_result client_agent_limits_admit_attempt(struct smq_client_agent *agent,
                                                  const struct client_agent_waiter *waiter) {
    const struct client_agent_limits *limits = &agent->limits;
    if (limits->attempts == 0)
        return SMQ_OK;
    uint32_t left = limits->attempts > agent->attempting ? limits->attempts - agent->attempting : 0;
    uint32_t waits = waiter->owner_waits != NULL ? *waiter->owner_waits : 0;
    const struct client_agent_share *share =
        waiter->has_share ? client_agent_share_find(&agent->shares, waiter->share_key) : NULL;
    if (waits >= left)
        return SMQ_ERR_NO_CREDIT;
    if (share != NULL && (share->waits >= left || share->sessions >= (limits->connections + 1) / 2))
        return SMQ_ERR_NO_CREDIT;
    return agent->session_count < limits->connections || make_room(agent) ? SMQ_OK : SMQ_ERR_NO_CREDIT;
}

/* ---- shares */

enum smq_result client_agent_limits_wait_begun(struct smq_client_agent *agent, struct client_agent_waiter *waiter) {
    waiter->share = NULL;
    if (!waiter->has_share)
        return SMQ_OK;
    waiter->share = client_agent_share_get(&agent->shares, waiter->share_key);
    if (waiter->share == NULL)
        return SMQ_ERR_NO_MEMORY;
    waiter->share->waits++;
    return SMQ_OK;
}

void client_agent_limits_wait_ended(struct smq_client_agent *agent, struct client_agent_waiter *waiter) {
    if (waiter->share == NULL)
        return;
    waiter->share->waits--;
    client_agent_share_look(&agent->shares, waiter->share);
    waiter->share = NULL;
}

void client_agent_limits_attempt_begins(struct client_agent_server *server, const struct client_agent_waiter *waiter) {
    server->share = waiter->share;
    if (server->share != NULL)
        server->share->sessions++;
}

void client_agent_limits_session_ended(struct client_agent_server *server) {
    struct client_agent_share *share = server->share;
    server->share = NULL;
    if (share == NULL)
        return;
    share->sessions--;
    client_agent_share_look(&server->agent->shares, share);
}

/* ---- connections that are not used */

static void look_at_use(struct wheel_timer *timer) {
    struct client_agent_server *server =
        (struct client_agent_server *)(void *)((char *)timer - offsetof(struct client_agent_server, idle));
    if (uses_of(server) == server->uses_seen && !is_busy(server))
        give_up(server);
    else
        client_agent_limits_connected(server);
}

void client_agent_limits_connected(struct client_agent_server *server) {
    struct smq_client_agent *agent = server->agent;
    if (agent->limits.idle_ms == 0)
        return;
    server->uses_seen = uses_of(server);
    server->idle.fire = look_at_use;
    wheel_add(actor_wheel(agent->actor), &server->idle, actor_now_ms(agent->actor) + agent->limits.idle_ms);
}

void client_agent_limits_disconnected(struct client_agent_server *server) {
    wheel_cancel(actor_wheel(server->agent->actor), &server->idle);
    server->uses_seen_by_hand = 0;
}

/* ---- errors */

bool client_agent_limits_keep_error(struct client_agent_server *server) {
    struct smq_client_agent *agent = server->agent;
    if (server->error_is_counted)
        return true;
    if (agent->limits.errors > 0 && agent->errors >= agent->limits.errors)
        return false;
    server->error_is_counted = true;
    agent->errors++;
    return true;
}

void client_agent_limits_error_gone(struct client_agent_server *server) {
    if (server->error_is_counted)
        server->agent->errors--;
    server->error_is_counted = false;
}

void client_agent_limits_forget(struct client_agent_server *server) {
    client_agent_limits_session_ended(server);
    if (server->agent->hand == server)
        server->agent->hand = server->next;
    client_agent_limits_disconnected(server);
    client_agent_limits_error_gone(server);
}
