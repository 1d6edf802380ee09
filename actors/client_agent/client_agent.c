/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_client_agent: its life, its messages, and callers that want a connection. */
#include <string.h>

#include "actors/client/context.h"
#include "actors/client/events.h"
#include "actors/client/flush.h"
#include "actors/client/network.h"
#include "actors/client/options.h"
#include "actors/client/smp/service.h"
#include "actors/client/smq/network.h"
#include "actors/client_agent/client_agent_private.h"
#include "actors/client_agent/post.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/thread.h"
#include "queues/promise.h"

enum {
    BATCH_SIZE_MAX = 8192, /* an event's items fit the smallest queue */
    WAIT_MARGIN_MS = 10000,
};

void smq_client_agent_options_init_sized(struct smq_client_agent_options *options, size_t size) {
    struct smq_client_agent_options defaults = {.reconnect_first_ms = 1000,
                                                .reconnect_grow_after_ms = 10000,
                                                .reconnect_max_ms = 10000,
                                                .error_persistence_ms = 30000,
                                                .batch_size = 1360};
    size_t before = offsetof(struct smq_client_agent_options, client);
    smq_client_options_init(&defaults.client);
    defaults.client.connect_timeout_ms = 45000;
    defaults.client.command_timeout_ms = 30000;
    options_init(options, size, &defaults, sizeof defaults);
    if (options != NULL && size >= before + sizeof size)
        options->client.size = size - before;
}

/* `chosen` has the defaults. */
static bool take_options(struct smq_client_agent_options *chosen, const struct smq_client_agent_options *given) {
    size_t before = offsetof(struct smq_client_agent_options, client);
    size_t smallest = before + OPTIONS_END(struct smq_client_options, entity);
    static const uint64_t none[sizeof chosen->reserved / sizeof chosen->reserved[0]];
    if (!options_take(chosen, smallest, given))
        return false;
    bool right = given == NULL || chosen->client.size == given->size - before;
    chosen->client.size = sizeof chosen->client;
    return right && memcmp(chosen->reserved, none, sizeof none) == 0;
}

/* ---- the actor ---- */

static void receive(void *state, struct message *message) {
    struct smq_client_agent *agent = state;
    switch ((enum client_agent_message)message->kind) {
    case CLIENT_AGENT_CONNECT:
        client_agent_server_wait(
            agent,
            (struct client_agent_waiter *)(void *)((char *)message - offsetof(struct client_agent_waiter, message)));
        break;
    case CLIENT_AGENT_SUBSCRIBE:
        client_agent_subscribe_receive(agent, message);
        break;
    case CLIENT_AGENT_UNSUBSCRIBE:
        client_agent_unsubscribe_receive(agent, message);
        break;
    case CLIENT_AGENT_SERVICE:
        client_agent_service_receive(agent, message);
        break;
    case CLIENT_AGENT_CONNECTED:
        client_agent_session_connected(message);
        break;
    case CLIENT_AGENT_DISCONNECTED:
        client_agent_session_disconnected(message);
        break;
    case CLIENT_AGENT_ENDED:
        client_agent_ended_receive(agent, message);
        break;
    case CLIENT_AGENT_GROUP:
        client_agent_group_receive(agent, message);
        break;
    case CLIENT_AGENT_LATE:
        client_agent_late_receive(agent, message);
        break;
    case CLIENT_AGENT_SERVICE_DONE:
        client_agent_service_done_receive(message);
        break;
    case CLIENT_AGENT_CHANGE:
        client_agent_change_receive(agent, message);
        break;
    case CLIENT_AGENT_CREDIT:
        client_agent_deliver_again(agent);
        client_agent_release(agent);
        break;
    }
}

static void batch_end(void *state) {
    client_agent_servers_advance(state);
}

static void stop(void *state) {
    struct smq_client_agent *agent = state;
    client_agent_servers_end(agent);
    client_agent_table_destroy(&agent->table);
    struct smq_batch *last = agent->closed_event;
    agent->closed_event = NULL;
    client_agent_deliver(agent, last);
    client_agent_deliver_last(agent);
}

static const struct actor_ops client_agent_ops = {
    .role = "agent", .receive = receive, .batch_end = batch_end, .stop = stop};

/* ---- life ---- */

static bool options_are_valid(const struct smq_client_agent_options *options) {
    return options->batch_size >= 1 && options->batch_size <= BATCH_SIZE_MAX &&
           (options->events == NULL || events_is_valid(options->events)) &&
           (options->client.network == NULL || network_is_valid(options->client.network)) &&
           (options->client.service == NULL || service_is_valid(options->client.service)) &&
           options->batch_size <= options->client.outstanding_max && options->reconnect_first_ms >= 1 &&
           options->reconnect_max_ms >= options->reconnect_first_ms;
}

/* The agent's thread has ended, or never ran. */
static void destroy(struct smq_client_agent *agent) {
    if (agent->sessions != NULL)
        map_destroy(&agent->sessions);
    if (agent->servers != NULL)
        map_destroy(&agent->servers);
    client_agent_table_destroy(&agent->table);
    client_agent_release(agent);
}

static enum smq_result make_parts(struct smq_client_agent *agent) {
    enum smq_result result = map_create(&client_agent_session_map_options, &agent->sessions);
    if (result == SMQ_OK)
        result = map_create(&client_agent_server_map_options, &agent->servers);
    if (result == SMQ_OK)
        result = client_agent_table_init(&agent->table);
    if (result == SMQ_OK) {
        struct smq_client_agent_event client_agent_event = {.kind = SMQ_CLIENT_AGENT_CLOSED};
        agent->closed_event =
            client_agent_make_event(agent, NULL, (struct smq_event){.result = SMQ_OK}, client_agent_event, 0);
        result = agent->closed_event == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
    }
    if (result == SMQ_OK)
        result = actor_create(&client_agent_ops, agent, -1, &agent->actor);
    return result == SMQ_OK ? actor_start(agent->actor) : result;
}

enum smq_result smq_client_agent_create(struct smq_context *context, const struct smq_client_agent_options *options,
                                        struct smq_client_agent **agent) {
    struct smq_client_agent_options chosen;
    smq_client_agent_options_init(&chosen);
    if (!take_options(&chosen, options) || !context_is_valid(context) || agent == NULL || !options_are_valid(&chosen))
        return SMQ_ERR_INVALID;
    thread_attach();
    struct smq_client_agent *made = memory_zalloc(sizeof(*made));
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    atomic_init(&made->references, 1);
    made->context = context_reference(context);
    made->options = chosen;
    made->options.client.entity = (struct smq_bytes){NULL, 0}; /* is of single clients */
    if (chosen.events != NULL)
        (void)events_reference(chosen.events);
    if (chosen.client.network != NULL)
        (void)smq_network_reference(chosen.client.network);
    if (chosen.client.service != NULL)
        (void)smq_service_reference(chosen.client.service);
    MAGIC_SET(made, CLIENT_AGENT_MAGIC);
    enum smq_result result = make_parts(made);
    if (result != SMQ_OK) {
        destroy(made);
        return result;
    }
    *agent = made;
    return SMQ_OK;
}

void smq_client_agent_close(struct smq_client_agent **agent) {
    if (agent == NULL)
        return;
    struct smq_client_agent *closed = *agent;
    *agent = NULL;
    if (!client_agent_is_valid(closed))
        return;
    thread_attach();
    actor_stop(closed->actor);
    actor_join(closed->actor);
    destroy(closed);
}

/* Lets all of them end at once. */
static void begin_closes(struct client_agent_session *sessions, uint32_t timeout_ms) {
    for (struct client_agent_session *session = sessions; session != NULL; session = session->next_closing) {
        if (client_close_begin(session->client, timeout_ms, &session->end) != SMQ_OK) {
            struct smq_client *handle = client_reference(session->client);
            session->end = NULL;
            smq_client_close(&handle);
        }
    }
}

/* The worst of the ends: a time that was over before a connection that was lost. */
static enum smq_result await_closes(struct client_agent_session *sessions, uint32_t timeout_ms) {
    enum smq_result worst = SMQ_OK;
    while (sessions != NULL) {
        struct client_agent_session *session = sessions;
        enum smq_result result = session->end == NULL ? SMQ_ERR_CLOSED : client_close_await(&session->end, timeout_ms);
        if (worst != SMQ_ERR_TIMEOUT && result != SMQ_OK)
            worst = result;
        sessions = session->next_closing;
        client_agent_session_release(session);
    }
    return worst;
}

enum smq_result smq_client_agent_close_within(struct smq_client_agent **agent, uint32_t timeout_ms) {
    if (agent == NULL || !client_agent_is_valid(*agent)) {
        smq_client_agent_close(agent);
        return SMQ_ERR_INVALID;
    }
    thread_attach();
    struct smq_client_agent *closed = *agent;
    *agent = NULL;
    atomic_store(&closed->closes_are_awaited, true);
    actor_stop(closed->actor);
    actor_join(closed->actor);
    begin_closes(closed->closing_sessions, timeout_ms);
    enum smq_result result = await_closes(closed->closing_sessions, timeout_ms);
    destroy(closed);
    return result;
}

void smq_client_agent_info(const struct smq_client_agent *agent, struct smq_client_agent_info *info) {
    if (!client_agent_is_valid(agent)) {
        *info = (struct smq_client_agent_info){.servers = 0};
        return;
    }
    *info = (struct smq_client_agent_info){
        .servers = atomic_load_explicit(&agent->server_count, memory_order_relaxed),
        .connections = atomic_load_explicit(&agent->connections, memory_order_relaxed),
        .active = atomic_load_explicit(&agent->active, memory_order_relaxed),
        .pending = atomic_load_explicit(&agent->pending, memory_order_relaxed),
        .attempts = atomic_load_explicit(&agent->attempts, memory_order_relaxed),
    };
}

/* ---- connections ---- */

enum smq_result client_agent_connect(struct smq_client_agent *agent, const char *address, uint32_t timeout_ms,
                                     struct client_agent_waiter *waiter) {
    if (!client_agent_is_valid(agent) || address == NULL)
        return SMQ_ERR_INVALID;
    thread_attach();
    enum smq_result result = client_agent_address_parse(address, &waiter->address);
    if (result != SMQ_OK)
        return result;
    waiter->timeout_ms = timeout_ms != 0 ? timeout_ms : agent->options.client.connect_timeout_ms;
    result = post_agent_connect(agent, waiter);
    if (result != SMQ_OK)
        client_agent_address_free(&waiter->address);
    return result;
}

/* The outcome for a caller that blocks. */
struct blocking_waiter {
    struct client_agent_waiter waiter;
    struct promise *promise; /* one of its two references */
};
struct connect_outcome {
    struct smq_error error;
    struct smq_client *client; /* referenced; or NULL */
};

static void discard_outcome(void *value) {
    struct connect_outcome *outcome = value;
    smq_client_agent_client_release(&outcome->client);
    memory_free(outcome);
}

static void blocking_done(struct client_agent_waiter *waiter, enum smq_result result, const struct smq_error *error,
                          struct smq_client *client) {
    struct blocking_waiter *blocking = (struct blocking_waiter *)waiter;
    struct connect_outcome *outcome = memory_zalloc(sizeof(*outcome));
    if (outcome == NULL) {
        smq_client_agent_client_release(&client);
        (void)promise_set(blocking->promise, SMQ_ERR_NO_MEMORY, NULL);
    } else {
        *outcome = (struct connect_outcome){*error, client};
        if (!promise_set(blocking->promise, result, outcome))
            discard_outcome(outcome);
    }
    promise_release(&blocking->promise);
    memory_free(blocking);
}

/* Waits for `promise`, and takes its outcome apart. */
static enum smq_result await_connection(struct promise *promise, uint32_t timeout_ms, struct smq_client **client,
                                        struct smq_error *error) {
    uint64_t wait_ms = (uint64_t)timeout_ms + WAIT_MARGIN_MS;
    void *value = NULL;
    enum smq_result result = promise_wait(promise, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms, &value);
    struct connect_outcome *outcome = value;
    if (result == SMQ_OK)
        *client = outcome->client;
    else if (outcome != NULL && error != NULL)
        *error = outcome->error;
    else
        error_set(error, result, NULL);
    memory_free(outcome);
    return result;
}

enum smq_result smq_client_agent_connect(struct smq_client_agent *agent, const char *address, uint32_t timeout_ms,
                                         struct smq_client **client, struct smq_error *error) {
    static const struct promise_options options = {.discard = discard_outcome};
    struct blocking_waiter *blocking = memory_zalloc(sizeof(*blocking));
    enum smq_result result = blocking == NULL ? SMQ_ERR_NO_MEMORY : promise_create(&options, &blocking->promise);
    if (result != SMQ_OK) {
        memory_free(blocking);
        error_set(error, result, NULL);
        return result;
    }
    struct promise *promise = blocking->promise;
    blocking->waiter.done = blocking_done;
    result = client_agent_connect(agent, address, timeout_ms, &blocking->waiter);
    if (result == SMQ_OK) {
        uint32_t wait_ms = timeout_ms != 0 ? timeout_ms : agent->options.client.connect_timeout_ms;
        result = await_connection(promise, wait_ms, client, error);
    } else {
        promise_release(&blocking->promise);
        memory_free(blocking);
        error_set(error, result, NULL);
    }
    promise_release(&promise);
    return result;
}

struct event_waiter {
    struct client_agent_waiter waiter;
    struct smq_client_agent *agent; /* valid as long as its thread, on which the waiter is done */
    struct smq_batch *batch;        /* made before, so that the outcome is told in any case */
};

static void event_done(struct client_agent_waiter *waiter, enum smq_result result, const struct smq_error *error,
                       struct smq_client *client) {
    struct event_waiter *told = (struct event_waiter *)waiter;
    client_agent_event_set_outcome(told->batch, result, result == SMQ_OK ? "" : error->text, client);
    smq_client_agent_client_release(&client);
    client_agent_deliver(told->agent, told->batch);
    memory_free(told);
}

enum smq_result smq_client_agent_connect_async(struct smq_client_agent *agent, const char *address, uint32_t timeout_ms,
                                               uint64_t tag) {
    struct client_agent_address parsed;
    if (!client_agent_is_valid(agent) || address == NULL)
        return SMQ_ERR_INVALID;
    enum smq_result result = client_agent_address_parse(address, &parsed);
    if (result != SMQ_OK)
        return result;
    struct smq_event event = {.tag = tag, .user = agent->options.user};
    struct smq_client_agent_event client_agent_event = {.kind = SMQ_CLIENT_AGENT_CONNECTION, .server = parsed.name};
    struct event_waiter *told = memory_zalloc(sizeof(*told));
    if (told != NULL)
        told->batch = client_agent_event_create(&event, &client_agent_event, 0);
    client_agent_address_free(&parsed);
    if (told == NULL || told->batch == NULL) {
        memory_free(told);
        return SMQ_ERR_NO_MEMORY;
    }
    told->agent = agent;
    told->waiter.done = event_done;
    result = client_agent_connect(agent, address, timeout_ms, &told->waiter);
    if (result != SMQ_OK) {
        smq_batch_release(&told->batch);
        memory_free(told);
    }
    return result;
}

struct smq_client *smq_client_agent_client_reference(struct smq_client *client) {
    return smq_client_reference(client);
}

void smq_client_agent_client_release(struct smq_client **client) {
    if (client == NULL)
        return;
    struct smq_client *released = *client;
    *client = NULL;
    if (client_is_valid(released))
        client_release(released);
}
