/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is done next for a server (reference: Client/Agent.hs, reconnectClient).
 *
 * What is pending is tried at once: submitted on the connection, or connected for. What fails makes the server's
 * worker run: a series of rounds, each of which connects if need be and submits all that is pending then, with the
 * back-off's waits between them, until nothing is left. The worker does not heed errors that are kept for callers; it
 * has its own pace. */
#include "actors/client_agent/client_agent_private.h"

/* Something that waits for a connection or an attempt. */
static bool has_work(const struct client_agent_server *server) {
    return server->pending.count > 0 || server->waiting.count > 0 || server->service.state == SERVICE_PENDING ||
           server->service.state == SERVICE_WAITING;
}

/* Something whose outcome will move the server on. */
static bool is_busy(const struct client_agent_server *server) {
    bool connecting = server->session != NULL && !server->connected;
    return connecting || server->groups > 0 || server->service.state == SERVICE_IN_FLIGHT;
}

static void schedule(struct client_agent_server *server, uint32_t wait_ms) {
    struct actor *actor = server->agent->actor;
    wheel_add(actor_wheel(actor), &server->retry, actor_now_ms(actor) + wait_ms);
}

void client_agent_worker_connect(struct client_agent_server *server) {
    enum smq_result result = client_agent_session_connect(server);
    if (result != SMQ_OK) {
        struct smq_error error;
        error_set(&error, result, NULL);
        client_agent_server_failed(server, &error);
        client_agent_worker_failed(server);
    }
}

static void submit(struct client_agent_server *server) {
    client_agent_service_submit(server);
    client_agent_groups_submit(server);
}

/* One round: everything that failed before is tried again. */
static void begin_round(struct wheel_timer *timer) {
    struct client_agent_server *server =
        (struct client_agent_server *)(void *)((char *)timer - offsetof(struct client_agent_server, retry));
    client_agent_server_mark(server);
    if (client_agent_is_held(server->agent))
        return;
    client_agent_list_move(&server->pending, &server->waiting, SUBSCRIPTION_PENDING);
    if (server->service.state == SERVICE_WAITING)
        server->service.state = SERVICE_PENDING;
    if (!server->connected && server->session == NULL && has_work(server))
        client_agent_worker_connect(server);
}

void client_agent_worker_init(struct client_agent_server *server) {
    const struct smq_client_agent_options *options = &server->agent->options;
    server->retry.fire = begin_round;
    server->backoff = (struct client_agent_backoff){.first_ms = options->reconnect_first_ms,
                                                    .grow_after_ms = options->reconnect_grow_after_ms,
                                                    .max_ms = options->reconnect_max_ms};
}

void client_agent_worker_stop(struct client_agent_server *server) {
    server->worker = false;
    wheel_cancel(actor_wheel(server->agent->actor), &server->retry);
}

static void start(struct client_agent_server *server) {
    server->worker = true;
    client_agent_backoff_reset(&server->backoff);
    schedule(server, 0);
}

void client_agent_worker_failed(struct client_agent_server *server) {
    if (!server->worker && has_work(server))
        start(server);
    client_agent_server_mark(server);
}

void client_agent_worker_lost(struct client_agent_server *server, bool short_lived) {
    if (short_lived) {
        server->worker = server->worker || has_work(server);
    } else {
        client_agent_worker_stop(server);
        client_agent_worker_failed(server);
    }
    client_agent_server_mark(server);
}

/* Decides about the worker when nothing more can be done now. */
static void settle(struct client_agent_server *server) {
    if (is_busy(server))
        return;
    if (!has_work(server))
        client_agent_worker_stop(server);
    else if (!server->worker)
        start(server);
    else if (!wheel_timer_is_active(&server->retry))
        schedule(server, client_agent_backoff_next(&server->backoff));
}

void client_agent_worker_advance(struct client_agent_server *server) {
    if (client_agent_is_held(server->agent))
        return;
    if (server->connected)
        submit(server);
    else if (server->session == NULL && has_work(server) && !server->worker)
        client_agent_worker_connect(server);
    settle(server);
}
