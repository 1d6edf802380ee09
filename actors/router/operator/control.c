/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The control port's role: one actor listens and serves all sessions. */
#include "actors/router/operator/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/router/operator/control_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/net/address.h"
#include "transport/net/socket.h"

enum { ACCEPTS_A_TURN = 16, STRANGER_MS = 60000, IDLE_MS = 1800000, UNREAD_MS = 30000 };

static void accept_some(struct control *control) {
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int descriptor = -1;
        struct net_address address;
        enum smq_result result = socket_accept(control->listener, NULL, &descriptor, &address);
        if (result == SMQ_OK)
            control_session_open(control, descriptor);
        else if (result != SMQ_ERR_AGAIN)
            return;
    }
}

static void wait_for_events(void *state, int timeout_ms) {
    struct control *control = state;
    const struct poll_event *events;
    size_t count = poller_wait(control->poller, timeout_ms, &events);
    actor_wakes(control->actor, clock_monotonic_ms());
    bool has_newcomers = false;
    for (size_t i = 0; i < count; i++)
        if (events[i].subject == control)
            has_newcomers = true;
        else
            control_session_ready(events[i].subject, events[i].events);
    if (has_newcomers) /* last: a newcomer may end a session that an event is of */
        accept_some(control);
}

static void receive(void *state, struct message *message) {
    (void)state;
    control_session_answered((struct control_request *)(void *)message);
}

static enum smq_result start(void *state) {
    struct control *control = state;
    enum smq_result result = poller_add_waker(control->poller, actor_waker(control->actor));
    return result == SMQ_OK ? poller_add(control->poller, control->listener, POLL_READ, control) : result;
}

static void stop(void *state) {
    struct control *control = state;
    struct ring *place;
    socket_close(&control->listener);
    while ((place = ring_first(&control->sessions)) != NULL)
        control_session_close(
            (struct control_session *)(void *)((char *)place - offsetof(struct control_session, place)));
}

static const struct actor_ops control_ops = {
    .role = "control", .start = start, .receive = receive, .stop = stop, .wait = wait_for_events};

static enum smq_result set_password(struct control_password *password, const char *text) {
    size_t length = text == NULL ? 0 : strlen(text);
    if (length > sizeof password->bytes)
        return SMQ_ERR_TOO_LARGE;
    password->length = length;
    if (length > 0)
        memcpy(password->bytes, text, length);
    return SMQ_OK;
}

static enum smq_result bind_port(struct control *control, uint16_t port, char *error, size_t error_size) {
    struct net_address_list *list = NULL;
    enum smq_result result = net_address_resolve("127.0.0.1", port, NET_RESOLVE_LISTEN, &list);
    if (result == SMQ_OK)
        result = socket_listen(&list->addresses[0], false, &control->listener);
    struct net_address bound;
    if (result == SMQ_OK)
        result = socket_local_address(control->listener, &bound);
    if (result == SMQ_OK)
        control->port = net_address_port(&bound);
    else
        (void)snprintf(error, error_size, "control port: cannot listen on 127.0.0.1:%u: %s", port,
                       result == SMQ_ERR_SYSTEM ? strerror(errno) : smq_result_text(result));
    memory_free(list);
    return result;
}

static uint32_t or_default(uint32_t configured, uint32_t otherwise) {
    return configured == 0 ? otherwise : configured;
}

enum smq_result control_create(const char *protocol, const struct control_table *table,
                               const struct control_options *options, struct control **control, char *error,
                               size_t error_size) {
    struct control *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->protocol = protocol;
    created->table = *table;
    created->listener = -1;
    created->stranger_ms = or_default(options->stranger_ms, STRANGER_MS);
    created->idle_ms = or_default(options->idle_ms, IDLE_MS);
    created->unread_ms = or_default(options->unread_ms, UNREAD_MS);
    enum smq_result result = set_password(&created->passwords[CONTROL_USER], options->user_password);
    if (result == SMQ_OK)
        result = set_password(&created->passwords[CONTROL_ADMIN], options->admin_password);
    if (result == SMQ_OK)
        result = bind_port(created, options->port, error, error_size);
    if (result == SMQ_OK)
        result = poller_create(&created->poller);
    if (result == SMQ_OK)
        result = actor_create(&control_ops, created, -1, &created->actor);
    if (result != SMQ_OK) {
        control_destroy(&created);
        return result;
    }
    *control = created;
    return SMQ_OK;
}

struct actor *control_actor(struct control *control) {
    return control->actor;
}

void control_destroy(struct control **control) {
    struct control *destroyed = *control;
    *control = NULL;
    if (destroyed == NULL)
        return;
    struct control_request *request;
    while ((request = atomic_load(&destroyed->late)) != NULL) {
        atomic_store(&destroyed->late, request->next);
        control_request_destroy(request);
    }
    socket_close(&destroyed->listener);
    poller_destroy(&destroyed->poller);
    secret_wipe(destroyed->passwords, sizeof destroyed->passwords);
    memory_free(destroyed);
}

uint16_t control_port(const struct control *control) {
    return control->port;
}
