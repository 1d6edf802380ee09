/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an agent is subscribed to: what its owner asks for, and what routers take away. */
#include <string.h>

#include "actors/client_agent/client_agent_private.h"
#include "actors/client_agent/post.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "queues/base/thread.h"

enum { MESSAGE_HANDLES = 4096 };

/* Some handles of one call. */
struct subscribe_message {
    struct message message;
    struct subscribe_message *next; /* of the same call, until it is sent */
    bool is_notifier;
    struct client_agent_address address; /* of notifiers */
    size_t count;
    void *handles[]; /* referenced */
};

void client_agent_count(struct smq_client_agent *agent, int64_t pending, int64_t active) {
    atomic_fetch_add_explicit(&agent->pending, (uint64_t)pending, memory_order_relaxed);
    atomic_fetch_add_explicit(&agent->active, (uint64_t)active, memory_order_relaxed);
}

bool client_agent_result_is_temporary(enum smq_result result) {
    static const uint32_t temporary = 1U << SMQ_ERR_TIMEOUT | 1U << SMQ_ERR_CLOSED | 1U << SMQ_ERR_CANCELLED |
                                      1U << SMQ_ERR_NETWORK | 1U << SMQ_ERR_TLS | 1U << SMQ_ERR_SYSTEM |
                                      1U << SMQ_ERR_NO_MEMORY | 1U << SMQ_ERR_NO_CREDIT | 1U << SMQ_ERR_AGAIN;
    return (temporary & 1U << result) != 0;
}

void client_agent_subscription_drop(struct smq_client_agent *agent, struct client_agent_subscription *subscription) {
    subscription->server->subscriptions--;
    client_agent_server_mark(subscription->server);
    client_agent_table_remove(&agent->table, subscription);
}

/* ---- asking ---- */

static void free_message(struct subscribe_message *message) {
    for (size_t i = 0; i < message->count; i++) {
        if (message->is_notifier) {
            struct smq_notifier *notifier = message->handles[i];
            smq_notifier_release(&notifier);
        } else {
            struct smq_receive_queue *queue = message->handles[i];
            smq_receive_queue_release(&queue);
        }
    }
    client_agent_address_free(&message->address);
    memory_free(message);
}

/* What a caller gave: one of the two arrays. */
struct given {
    const char *address; /* of notifiers */
    bool is_notifier;
    struct smq_receive_queue *const *queues;
    struct smq_notifier *const *notifiers;
    size_t count;
};

static void *reference_given(const struct given *given, size_t index) {
    return given->is_notifier ? (void *)smq_notifier_reference(given->notifiers[index])
                              : (void *)smq_receive_queue_reference(given->queues[index]);
}

static enum smq_result create_message(const struct given *given, size_t first, size_t count,
                                      struct subscribe_message **message) {
    struct subscribe_message *made = memory_zalloc(sizeof(*made) + count * sizeof(made->handles[0]));
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    made->is_notifier = given->is_notifier;
    enum smq_result result = given->is_notifier ? client_agent_address_parse(given->address, &made->address) : SMQ_OK;
    if (result != SMQ_OK) {
        memory_free(made);
        return result;
    }
    for (size_t i = 0; i < count; i++)
        made->handles[i] = reference_given(given, first + i);
    made->count = count;
    *message = made;
    return SMQ_OK;
}

static bool given_is_valid(const struct given *given) {
    bool valid = given->is_notifier ? given->address != NULL && (given->count == 0 || given->notifiers != NULL)
                                    : given->count == 0 || given->queues != NULL;
    for (size_t i = 0; i < given->count && valid; i++)
        valid = given->is_notifier ? notifier_is_valid(given->notifiers[i]) : receive_queue_is_valid(given->queues[i]);
    return valid;
}

/* Sends the handles in messages of limited size, so that the agent's turns stay short; or none. */
static enum smq_result send_handles(struct smq_client_agent *agent,
                                    enum smq_result (*send)(struct smq_client_agent *agent, struct message *message),
                                    const struct given *given) {
    if (!client_agent_is_valid(agent) || !given_is_valid(given))
        return SMQ_ERR_INVALID;
    thread_attach();
    enum smq_result result = SMQ_OK;
    struct subscribe_message *first = NULL, **end = &first;
    for (size_t done = 0; done < given->count && result == SMQ_OK;) {
        size_t left = given->count - done, size = left < MESSAGE_HANDLES ? left : MESSAGE_HANDLES;
        result = create_message(given, done, size, end);
        if (result == SMQ_OK) {
            end = &(*end)->next;
            done += size;
        }
    }
    for (struct subscribe_message *message = first, *next; message != NULL; message = next) {
        next = message->next;
        result = result == SMQ_OK ? send(agent, &message->message) : result;
        if (result != SMQ_OK)
            free_message(message);
    }
    return result;
}

enum smq_result smq_client_agent_subscribe(struct smq_client_agent *agent, struct smq_receive_queue *const *queues,
                                           size_t count) {
    struct given given = {.queues = queues, .count = count};
    return send_handles(agent, post_agent_subscribe, &given);
}

enum smq_result smq_client_agent_subscribe_notifications(struct smq_client_agent *agent, const char *address,
                                                         struct smq_notifier *const *notifiers, size_t count) {
    struct given given = {.address = address, .is_notifier = true, .notifiers = notifiers, .count = count};
    return send_handles(agent, post_agent_subscribe, &given);
}

enum smq_result smq_client_agent_unsubscribe(struct smq_client_agent *agent, struct smq_receive_queue *const *queues,
                                             size_t count) {
    struct given given = {.queues = queues, .count = count};
    return send_handles(agent, post_agent_unsubscribe, &given);
}

enum smq_result smq_client_agent_unsubscribe_notifications(struct smq_client_agent *agent, const char *address,
                                                           struct smq_notifier *const *notifiers, size_t count) {
    struct given given = {.address = address, .is_notifier = true, .notifiers = notifiers, .count = count};
    return send_handles(agent, post_agent_unsubscribe, &given);
}

/* ---- agent's thread ---- */

/* The servers of a message's handles, one after the other; most follow each other with the same one. */
struct server_cursor {
    struct smq_client_agent *agent;
    struct subscribe_message *message;
    const struct router_address *router; /* that `server` is for */
    struct client_agent_server *server;
    bool create;
};

static struct client_agent_server *look_up(const struct server_cursor *cursor, struct client_agent_address *address) {
    return cursor->create ? client_agent_server_get(cursor->agent, address)
                          : client_agent_server_find(cursor->agent, address->name);
}

/* The server of the handle with this index; NULL: unknown, or out of memory. */
static struct client_agent_server *server_of_handle(struct server_cursor *cursor, size_t index) {
    if (cursor->message->is_notifier) {
        if (index == 0)
            cursor->server = look_up(cursor, &cursor->message->address);
        return cursor->server;
    }
    const struct router_address *router = ((const struct smq_receive_queue *)cursor->message->handles[index])->router;
    bool same = cursor->router != NULL &&
                (cursor->router == router || server_address_equal(&cursor->router->address, &router->address));
    if (!same) {
        struct client_agent_address address;
        cursor->router = router;
        cursor->server = NULL;
        if (client_agent_address_of(&router->address, &address) == SMQ_OK) {
            cursor->server = look_up(cursor, &address);
            client_agent_address_free(&address);
        }
    }
    return cursor->server;
}

static void refuse(struct smq_client_agent *agent, bool is_notifier, void *handle) {
    struct smq_client_agent_event client_agent_event = {.kind = SMQ_CLIENT_AGENT_SUBSCRIBE_FAILED};
    struct smq_batch *batch =
        client_agent_make_event(agent, NULL, (struct smq_event){.result = SMQ_OK}, client_agent_event, 1);
    if (batch != NULL) {
        client_agent_event_add(batch, is_notifier ? NULL : handle, is_notifier ? handle : NULL, SMQ_ERR_NO_MEMORY,
                               SMQ_PROTOCOL_NONE);
    }
    client_agent_deliver(agent, batch);
}

/* Takes an active subscription off its session's list. */
static void deactivate(struct client_agent_subscription *subscription) {
    client_agent_list_remove(&subscription->server->session->active, subscription);
    client_agent_count(subscription->server->agent, 0, -1);
}

static void subscribe(struct smq_client_agent *agent, struct client_agent_server *server, bool is_notifier,
                      void *handle) {
    struct client_agent_subscription *subscription =
        server == NULL
            ? NULL
            : client_agent_table_find(&agent->table, server, is_notifier, client_agent_handle_id(is_notifier, handle));
    if (subscription == NULL) {
        subscription = server == NULL ? NULL : client_agent_table_add(&agent->table, server, is_notifier, handle);
        if (subscription == NULL) {
            refuse(agent, is_notifier, handle);
            return;
        }
        server->subscriptions++;
    } else {
        client_agent_subscription_set_handle(subscription, handle);
        subscription->forgotten = false;
        if (subscription->state != SUBSCRIPTION_ACTIVE)
            return;
        deactivate(subscription);
    }
    client_agent_list_add(&server->pending, subscription, SUBSCRIPTION_PENDING);
    client_agent_count(agent, 1, 0);
    client_agent_server_mark(server);
}

void client_agent_subscribe_receive(struct smq_client_agent *agent, struct message *message) {
    struct subscribe_message *asked = (struct subscribe_message *)(void *)message;
    struct server_cursor cursor = {.agent = agent, .message = asked, .create = true};
    for (size_t i = 0; i < asked->count; i++)
        subscribe(agent, server_of_handle(&cursor, i), asked->is_notifier, asked->handles[i]);
    free_message(asked);
}

static void unsubscribe(struct smq_client_agent *agent, struct client_agent_server *server, bool is_notifier,
                        const void *handle) {
    struct client_agent_subscription *subscription =
        server == NULL
            ? NULL
            : client_agent_table_find(&agent->table, server, is_notifier, client_agent_handle_id(is_notifier, handle));
    if (subscription == NULL)
        return;
    switch ((enum client_agent_subscription_state)subscription->state) {
    case SUBSCRIPTION_IN_FLIGHT:
        subscription->forgotten = true;
        return;
    case SUBSCRIPTION_PENDING:
    case SUBSCRIPTION_WAITING:
        client_agent_list_remove(subscription->state == SUBSCRIPTION_PENDING ? &server->pending : &server->waiting,
                                 subscription);
        client_agent_count(agent, -1, 0);
        break;
    case SUBSCRIPTION_ACTIVE:
        deactivate(subscription);
        break;
    }
    client_agent_subscription_drop(agent, subscription);
}

void client_agent_unsubscribe_receive(struct smq_client_agent *agent, struct message *message) {
    struct subscribe_message *asked = (struct subscribe_message *)(void *)message;
    struct server_cursor cursor = {.agent = agent, .message = asked};
    for (size_t i = 0; i < asked->count; i++)
        unsubscribe(agent, server_of_handle(&cursor, i), asked->is_notifier, asked->handles[i]);
    free_message(asked);
}

/* ---- losing ---- */

/* The event about the first `size` active subscriptions, which then are pending. NULL: neither. */
static struct smq_batch *lose(struct client_agent_server *server, struct client_agent_session *session, size_t size) {
    struct smq_client_agent *agent = server->agent;
    struct smq_event event = {.result = session->end_reason, .client = session->client};
    struct smq_client_agent_event client_agent_event = {.kind = SMQ_CLIENT_AGENT_DISCONNECTED};
    struct smq_batch *batch = client_agent_make_event(agent, server, event, client_agent_event, size);
    if (batch == NULL)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        struct client_agent_subscription *subscription = session->active.first;
        client_agent_event_add(batch, client_agent_subscription_queue(subscription),
                               client_agent_subscription_notifier(subscription), SMQ_OK, SMQ_PROTOCOL_NONE);
        client_agent_list_remove(&session->active, subscription);
        client_agent_list_add(&server->pending, subscription, SUBSCRIPTION_PENDING);
    }
    client_agent_count(agent, (int64_t)size, -(int64_t)size);
    return batch;
}

bool client_agent_subscriptions_lost(struct client_agent_server *server, struct client_agent_session *session) {
    do {
        size_t left = session->active.count, limit = server->agent->options.batch_size;
        struct smq_batch *batch = lose(server, session, left < limit ? left : limit);
        if (batch == NULL)
            return false;
        client_agent_deliver(server->agent, batch);
    } while (session->active.count > 0);
    return true;
}

/* A subscription that is not this session's any more. */
struct ended_message {
    struct message message;
    struct client_agent_session *session; /* referenced */
    uint32_t sequence;
    size_t id_length;
    uint8_t id[];
};

void client_agent_ended_send(struct client_agent_session *session, struct slice entity_id) {
    struct ended_message *ended = memory_zalloc(sizeof(*ended) + entity_id.length);
    if (ended == NULL) {
        log_error("agent: out of memory; the end of a subscription is not noticed");
        return;
    }
    ended->session = client_agent_session_reference(session);
    ended->sequence = ++session->sequence;
    ended->id_length = entity_id.length;
    if (entity_id.length > 0)
        memcpy(ended->id, entity_id.bytes, entity_id.length);
    if (post_agent_ended(session, &ended->message) != SMQ_OK) {
        client_agent_session_release(session);
        memory_free(ended);
    }
}

/* A subscription whose outcome is not known here yet may have had it before it ended, or be a new one that has nothing
 * to do with the end. One that is active had its outcome before, since messages keep their order. */
static void end_subscription(struct smq_client_agent *agent, const struct ended_message *ended, bool is_notifier) {
    struct client_agent_subscription *subscription = client_agent_table_find(
        &agent->table, ended->session->server, is_notifier, slice_of(ended->id, ended->id_length));
    if (subscription == NULL)
        return;
    if (subscription->state == SUBSCRIPTION_ACTIVE) {
        deactivate(subscription);
        client_agent_subscription_drop(agent, subscription);
    } else if (subscription->state == SUBSCRIPTION_IN_FLIGHT &&
               client_agent_group_was_done(subscription, ended->session, ended->sequence)) {
        subscription->ended = true;
    }
}

void client_agent_ended_receive(struct smq_client_agent *agent, struct message *message) {
    struct ended_message *ended = (struct ended_message *)(void *)message;
    if (client_agent_session_is_current(ended->session)) {
        end_subscription(agent, ended, false);
        end_subscription(agent, ended, true);
        client_agent_service_ended(ended->session->server, slice_of(ended->id, ended->id_length));
    }
    client_agent_session_release(ended->session);
    memory_free(ended);
}
