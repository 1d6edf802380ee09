/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscriptions in flight (reference: Client/Agent.hs, smpSubscribeQueues).
 *
 * A group is one batch of commands. The process lane of the connection notes each outcome in the group; with the last
 * one the group goes back to the agent as one message, so that an outcome costs neither an allocation nor a wake. The
 * outcomes count only if the session in which they came is still the server's. */
#include "actors/client/smp/commands.h"
#include "actors/client_agent/client_agent_private.h"
#include "actors/client_agent/post.h"
#include "queues/base/memory.h"

enum {
    GROUPS_PER_SERVER = 4,
    IN_FLIGHT_MAX = 32768, /* above it every server may have one group: none waits for another one's */
};

struct group_entry {
    struct client_agent_subscription *subscription; /* the agent's; in flight until the group is received */
    _Atomic uint32_t sequence;                      /* of the outcome in its session; 0: none yet; releases the rest */
    uint8_t result;
    uint8_t protocol;
    bool by_service; /* active as part of the session's service */
};

struct client_agent_group {
    struct message message;
    struct request_owner owner;
    _Atomic uint32_t references;          /* the message's, and each request's */
    struct client_agent_session *session; /* referenced */
    struct client_agent_server *server;   /* the agent's: it stays as long as it has groups */
    uint32_t count;
    uint32_t done; /* process lane */
    struct group_entry entries[];
};

static void release_group(struct client_agent_group *group) {
    if (atomic_fetch_sub_explicit(&group->references, 1, memory_order_acq_rel) == 1) {
        client_agent_session_release(group->session);
        memory_free(group);
    }
}

static struct client_agent_group *group_of_owner(struct request_owner *owner) {
    return (struct client_agent_group *)(void *)((char *)owner - offsetof(struct client_agent_group, owner));
}

/* ---- process lane ---- */

/* An outcome that came after the group was told that there is none. */
struct late_message {
    struct message message;
    struct client_agent_session *session; /* referenced */
    bool is_notifier;
    void *handle; /* referenced */
};

static void free_late(struct late_message *late) {
    struct smq_receive_queue *queue = late->is_notifier ? NULL : late->handle;
    struct smq_notifier *notifier = late->is_notifier ? late->handle : NULL;
    smq_receive_queue_release(&queue);
    smq_notifier_release(&notifier);
    client_agent_session_release(late->session);
    memory_free(late);
}

/* Without memory the subscription is made once more instead. */
static void send_late(struct client_agent_session *session, const struct request *request) {
    struct late_message *late = memory_zalloc(sizeof(*late));
    if (late == NULL)
        return;
    late->session = client_agent_session_reference(session);
    late->is_notifier = smp_request(request)->notifier != NULL;
    late->handle = late->is_notifier ? (void *)smq_notifier_reference(smp_request(request)->notifier)
                                     : (void *)smq_receive_queue_reference(smp_request(request)->receive_queue);
    if (post_agent_late(session, &late->message) != SMQ_OK)
        free_late(late);
}

static void request_completed(struct request_owner *owner, const struct request *request,
                              const struct smq_event *outcome) {
    struct client_agent_group *group = group_of_owner(owner);
    struct client_agent_session *session = group->session;
    if (outcome->kind == SMQ_EVENT_LATE) {
        if (outcome->result == SMQ_OK)
            send_late(session, request);
        return;
    }
    struct group_entry *entry = &group->entries[request->tag];
    entry->result = (uint8_t)outcome->result;
    entry->protocol = (uint8_t)outcome->protocol;
    entry->by_service = outcome->by_service;
    atomic_store_explicit(&entry->sequence, ++session->sequence, memory_order_release);
    if (++group->done == group->count) {
        if (post_agent_group(session, &group->message) != SMQ_OK)
            release_group(group);
    }
}

static void request_released(struct request_owner *owner, struct request *request) {
    (void)request;
    release_group(group_of_owner(owner));
}

/* ---- submitting ---- */

static struct request *request_for(struct smq_client *client, const struct client_agent_subscription *subscription) {
    if (!subscription->is_notifier)
        return recipient_request(client, client_agent_subscription_queue(subscription), SMQ_COMMAND_SUBSCRIBE, 0);
    return notifier_request(client, client_agent_subscription_notifier(subscription),
                            SMQ_COMMAND_SUBSCRIBE_NOTIFICATIONS);
}

static struct client_agent_group *create_group(struct client_agent_server *server, uint32_t count) {
    struct client_agent_group *group = memory_zalloc(sizeof(*group) + count * sizeof(group->entries[0]));
    if (group == NULL)
        return NULL;
    atomic_init(&group->references, 1);
    group->owner = (struct request_owner){.completed = request_completed, .released = request_released};
    group->session = client_agent_session_reference(server->session);
    group->server = server;
    group->count = count;
    return group;
}

/* A request for each of the first subscriptions that are pending, which stay so. */
static enum smq_result make_requests(struct client_agent_group *group, struct request **requests) {
    struct smq_client *client = group->session->client;
    const struct client_agent_subscription *subscription = group->server->pending.first;
    for (uint32_t i = 0; i < group->count; i++, subscription = subscription->next) {
        requests[i] = request_for(client, subscription);
        if (requests[i] == NULL) {
            for (uint32_t j = 0; j < i; j++)
                request_release(requests[j]);
            return SMQ_ERR_NO_MEMORY;
        }
        requests[i]->owner = &group->owner;
        atomic_fetch_add_explicit(&group->references, 1, memory_order_relaxed);
    }
    return SMQ_OK;
}

/* Before the requests are handed over, since their outcomes may come at once. */
static void take_pending(struct client_agent_group *group) {
    struct client_agent_server *server = group->server;
    for (uint32_t i = 0; i < group->count; i++) {
        struct client_agent_subscription *subscription = server->pending.first;
        client_agent_list_remove(&server->pending, subscription);
        subscription->state = SUBSCRIPTION_IN_FLIGHT;
        subscription->group = group;
        subscription->index = i;
        group->entries[i].subscription = subscription;
    }
    server->groups++;
    server->agent->in_flight += group->count;
}

static void end_flight(struct client_agent_group *group) {
    group->server->groups--;
    group->server->agent->in_flight -= group->count;
    client_agent_server_mark(group->server);
}

/* `requests` has room for `count`. */
static enum smq_result submit_group(struct client_agent_server *server, uint32_t count, struct request **requests) {
    struct client_agent_group *group = create_group(server, count);
    if (group == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = make_requests(group, requests);
    if (result != SMQ_OK) {
        release_group(group);
        return result;
    }
    take_pending(group);
    struct call call = {.asynchronous = true};
    result = request_run_many(requests, count, &call, NULL);
    if (result != SMQ_OK) {
        for (uint32_t i = 0; i < count; i++)
            client_agent_list_add(&server->waiting, group->entries[i].subscription, SUBSCRIPTION_WAITING);
        end_flight(group);
        release_group(group);
    }
    return result;
}

static bool may_submit(const struct client_agent_server *server) {
    bool roomy = server->groups < GROUPS_PER_SERVER && server->agent->in_flight < IN_FLIGHT_MAX;
    return server->pending.count > 0 && (server->groups == 0 || roomy) && !client_agent_is_held(server->agent) &&
           server->service.state != SERVICE_IN_FLIGHT;
}

void client_agent_groups_submit(struct client_agent_server *server) {
    uint32_t size = server->agent->options.batch_size;
    struct request **requests = may_submit(server) ? memory_zalloc_array(size, sizeof(struct request *)) : NULL;
    enum smq_result result = requests == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
    while (may_submit(server)) {
        uint32_t count = server->pending.count < size ? (uint32_t)server->pending.count : size;
        if (result == SMQ_OK)
            result = submit_group(server, count, requests);
        if (result != SMQ_OK)
            client_agent_list_move(&server->waiting, &server->pending, SUBSCRIPTION_WAITING);
    }
    memory_free(requests);
}

/* ---- outcomes ---- */

enum outcome { OUTCOME_ACTIVE, OUTCOME_BY_SERVICE, OUTCOME_FAILED, OUTCOME_TEMPORARY, OUTCOME_STALE, OUTCOME_COUNT };

static enum outcome outcome_of(const struct group_entry *entry, bool current) {
    if (!current)
        return OUTCOME_STALE;
    if (entry->result == SMQ_OK)
        return entry->by_service ? OUTCOME_BY_SERVICE : OUTCOME_ACTIVE;
    return client_agent_result_is_temporary((enum smq_result)entry->result) ? OUTCOME_TEMPORARY : OUTCOME_FAILED;
}

/* The events that a group makes, by outcome; NULL where there is none. */
struct group_events {
    size_t counts[OUTCOME_COUNT];
    struct smq_batch *batches[OUTCOME_FAILED + 1];
};

static bool make_events(const struct client_agent_group *group, bool current, struct group_events *events) {
    struct smq_client_agent *agent = group->server->agent;
    struct smq_client *client = group->session->client;
    for (uint32_t i = 0; i < group->count; i++)
        events->counts[outcome_of(&group->entries[i], current)]++;
    bool made = true;
    for (unsigned outcome = OUTCOME_ACTIVE; outcome <= OUTCOME_FAILED; outcome++) {
        struct smq_event event = {.client = client};
        struct smq_client_agent_event client_agent_event = {
            .kind = outcome == OUTCOME_FAILED ? SMQ_CLIENT_AGENT_SUBSCRIBE_FAILED : SMQ_CLIENT_AGENT_SUBSCRIBED};
        if (outcome == OUTCOME_BY_SERVICE) {
            client_agent_event.service_id =
                (struct smq_bytes){smp_client(client)->service_id, smp_client(client)->service_id_length};
        }
        if (events->counts[outcome] > 0) {
            events->batches[outcome] =
                client_agent_make_event(agent, group->server, event, client_agent_event, events->counts[outcome]);
            made = made && events->batches[outcome] != NULL;
        }
    }
    return made;
}

/* Moves one subscription to where its outcome puts it. It is in no list. */
static void apply(struct client_agent_group *group, const struct group_entry *entry, enum outcome outcome) {
    struct client_agent_server *server = group->server;
    struct smq_client_agent *agent = server->agent;
    struct client_agent_subscription *subscription = entry->subscription;
    bool wanted = !subscription->forgotten && !(subscription->ended && outcome == OUTCOME_ACTIVE);
    subscription->ended = false;
    if (outcome == OUTCOME_ACTIVE && wanted) {
        client_agent_list_add(&group->session->active, subscription, SUBSCRIPTION_ACTIVE);
        client_agent_count(agent, -1, 1);
    } else if (outcome == OUTCOME_TEMPORARY && wanted) {
        client_agent_list_add(&server->waiting, subscription, SUBSCRIPTION_WAITING);
    } else if (outcome == OUTCOME_STALE && wanted) {
        client_agent_list_add(&server->pending, subscription, SUBSCRIPTION_PENDING);
    } else {
        client_agent_count(agent, -1, 0);
        client_agent_subscription_drop(agent, subscription);
    }
}

void client_agent_group_receive(struct smq_client_agent *agent, struct message *message) {
    struct client_agent_group *group = (struct client_agent_group *)(void *)message;
    bool current = client_agent_session_is_current(group->session);
    struct group_events events = {.counts = {0}};
    bool told = make_events(group, current, &events);
    size_t by_service = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        const struct group_entry *entry = &group->entries[i];
        const struct client_agent_subscription *subscription = entry->subscription;
        enum outcome outcome = outcome_of(entry, current);
        if (!told && outcome <= OUTCOME_FAILED)
            outcome = OUTCOME_TEMPORARY; /* what the owner cannot be told did not happen: it is done again */
        if (outcome <= OUTCOME_FAILED && !subscription->forgotten) {
            client_agent_event_add(events.batches[outcome], client_agent_subscription_queue(subscription),
                                   client_agent_subscription_notifier(subscription), (enum smq_result)entry->result,
                                   (enum smq_protocol_error)entry->protocol);
        }
        by_service += outcome == OUTCOME_BY_SERVICE;
        apply(group, entry, outcome);
    }
    if (by_service > 0)
        client_agent_service_add(group->server, (int64_t)by_service);
    for (unsigned outcome = OUTCOME_ACTIVE; outcome <= OUTCOME_FAILED; outcome++)
        if (events.batches[outcome] != NULL && client_agent_event_item_count(events.batches[outcome]) > 0)
            client_agent_deliver(agent, events.batches[outcome]);
        else
            smq_batch_release(&events.batches[outcome]);
    end_flight(group);
    release_group(group);
}

bool client_agent_group_was_done(const struct client_agent_subscription *subscription,
                                 const struct client_agent_session *session, uint32_t sequence) {
    const struct client_agent_group *group = subscription->group;
    uint32_t done = atomic_load_explicit(&group->entries[subscription->index].sequence, memory_order_acquire);
    return group->session == session && done != 0 && done < sequence;
}

/* The subscription of a time-out that was one only for us. */
static void activate_late(struct smq_client_agent *agent, const struct late_message *late) {
    struct client_agent_server *server = late->session->server;
    struct client_agent_subscription *subscription = client_agent_table_find(
        &agent->table, server, late->is_notifier, client_agent_handle_id(late->is_notifier, late->handle));
    if (subscription == NULL ||
        (subscription->state != SUBSCRIPTION_PENDING && subscription->state != SUBSCRIPTION_WAITING))
        return;
    struct smq_event event = {.client = late->session->client};
    struct smq_client_agent_event client_agent_event = {.kind = SMQ_CLIENT_AGENT_SUBSCRIBED};
    struct smq_batch *batch = client_agent_make_event(agent, server, event, client_agent_event, 1);
    if (batch == NULL)
        return;
    client_agent_event_add(batch, client_agent_subscription_queue(subscription),
                           client_agent_subscription_notifier(subscription), SMQ_OK, SMQ_PROTOCOL_NONE);
    client_agent_list_remove(subscription->state == SUBSCRIPTION_PENDING ? &server->pending : &server->waiting,
                             subscription);
    client_agent_list_add(&late->session->active, subscription, SUBSCRIPTION_ACTIVE);
    client_agent_count(agent, -1, 1);
    client_agent_server_mark(server);
    client_agent_deliver(agent, batch);
}

void client_agent_late_receive(struct smq_client_agent *agent, struct message *message) {
    struct late_message *late = (struct late_message *)(void *)message;
    if (client_agent_session_is_current(late->session))
        activate_late(agent, late);
    free_late(late);
}
