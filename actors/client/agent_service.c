/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service subscriptions of an agent: one a server (reference: Client/Agent.hs, smpSubscribeService). */
#include <stdio.h>
#include <string.h>

#include "actors/client/agent_private.h"
#include "actors/client/commands.h"
#include "actors/client/service.h"
#include "queues/base/memory.h"
#include "queues/base/thread.h"

struct service_message {
    struct message message;
    struct agent_address address;
    int64_t count;
    uint8_t id_length;
    uint8_t id[SMQ_ID_MAX];
};

enum smq_result smq_agent_subscribe_service(struct smq_agent *agent, const char *address, struct smq_bytes service_id,
                                            int64_t count) {
    if (!agent_is_valid(agent) || address == NULL || service_id.bytes == NULL) {
        return SMQ_ERR_INVALID;
    }
    thread_attach();
    if (service_id.length == 0 || service_id.length > SMQ_ID_MAX) {
        return SMQ_ERR_INVALID;
    }
    struct service_message *asked = memory_zalloc(sizeof(*asked));
    if (asked == NULL) {
        return SMQ_ERR_NO_MEMORY;
    }
    asked->message.kind = AGENT_SERVICE;
    asked->count = count;
    asked->id_length = (uint8_t)service_id.length;
    memcpy(asked->id, service_id.bytes, service_id.length);
    enum smq_result result = agent_address_parse(address, &asked->address);
    if (result == SMQ_OK) {
        result = actor_send(agent->actor, &asked->message);
    }
    if (result != SMQ_OK) {
        agent_address_free(&asked->address);
        memory_free(asked);
    }
    return result;
}

/* An event about the server's service. False: there is no memory for it. */
static bool tell(struct agent_server *server, enum smq_agent_event_kind kind, struct smq_event event, int64_t actual) {
    const struct agent_service *service = &server->service;
    struct smq_agent_event agent_event = {
        .kind = kind, .service_id = {service->id, service->id_length}, .expected = service->count, .actual = actual};
    struct smq_batch *batch = agent_make_event(server->agent, server, event, agent_event, 0);
    if (batch != NULL) {
        agent_deliver(server->agent, batch);
    }
    return batch != NULL;
}

static void set_service(struct agent_service *service, struct slice id, int64_t count) {
    service->id_length = (uint8_t)id.length;
    memcpy(service->id, id.bytes, id.length);
    service->count = count;
}

void agent_service_receive(struct smq_agent *agent, struct message *message) {
    struct service_message *asked = (struct service_message *)(void *)message;
    struct agent_server *server = agent_server_get(agent, &asked->address);
    if (server == NULL) {
        struct smq_agent_event agent_event = {
            .kind = SMQ_AGENT_SERVICE_FAILED, .service_id = {asked->id, asked->id_length}, .expected = asked->count};
        struct smq_event event = {.result = SMQ_ERR_NO_MEMORY};
        agent_deliver(agent, agent_make_event(agent, NULL, event, agent_event, 0));
    } else {
        struct agent_service *service = &server->service;
        set_service(service, slice_of(asked->id, asked->id_length), asked->count);
        service->again = service->state == SERVICE_IN_FLIGHT;
        service->state = service->again ? SERVICE_IN_FLIGHT : SERVICE_PENDING;
        agent_server_mark(server);
    }
    agent_address_free(&asked->address);
    memory_free(asked);
}

/* ---- in flight ---- */

struct agent_service_request {
    struct message message;
    struct request_owner owner;
    _Atomic uint32_t references;   /* the message's and the request's */
    struct agent_session *session; /* referenced */
    struct agent_server *server;   /* the agent's: it stays as long as it has a service */
    enum smq_result result;
    enum smq_protocol_error protocol;
    char text[SMQ_ERROR_TEXT_SIZE];
    int64_t count;
};

static void release(struct agent_service_request *asked) {
    if (atomic_fetch_sub_explicit(&asked->references, 1, memory_order_acq_rel) == 1) {
        agent_session_release(asked->session);
        memory_free(asked);
    }
}

static struct agent_service_request *of_owner(struct request_owner *owner) {
    return (struct agent_service_request *)(void *)((char *)owner - offsetof(struct agent_service_request, owner));
}

/* Process lane. What comes late is asked for again. */
static void completed(struct request_owner *owner, const struct request *request, const struct smq_event *outcome) {
    (void)request;
    struct agent_service_request *asked = of_owner(owner);
    if (outcome->kind == SMQ_EVENT_LATE) {
        return;
    }
    asked->result = outcome->result;
    asked->protocol = outcome->protocol;
    asked->count = outcome->service_count;
    if (outcome->error_text != NULL) {
        (void)snprintf(asked->text, sizeof(asked->text), "%s", outcome->error_text);
    }
    asked->message.kind = AGENT_SERVICE_DONE;
    if (actor_send(asked->session->agent->actor, &asked->message) != SMQ_OK) {
        release(asked);
    }
}

static void released(struct request_owner *owner, struct request *request) {
    (void)request;
    release(of_owner(owner));
}

static enum smq_result submit(struct agent_server *server) {
    struct agent_service_request *asked = memory_zalloc(sizeof(*asked));
    if (asked == NULL) {
        return SMQ_ERR_NO_MEMORY;
    }
    enum smq_result result;
    struct request *request = service_request(server->session->client, &result);
    if (request == NULL) {
        memory_free(asked);
        return result;
    }
    atomic_init(&asked->references, 2);
    asked->owner = (struct request_owner){.completed = completed, .released = released};
    asked->session = agent_session_reference(server->session);
    asked->server = server;
    request->owner = &asked->owner;
    struct call call = {.asynchronous = true};
    result = request_run(request, &call);
    if (result != SMQ_OK) {
        release(asked);
    }
    return result;
}

/* The owner is told, or, for want of memory, it is tried again in the next round. */
static void unavailable(struct agent_server *server) {
    struct smq_event event = {.client = server->session->client};
    bool told = tell(server, SMQ_AGENT_SERVICE_UNAVAILABLE, event, 0);
    server->service.state = told ? SERVICE_NONE : SERVICE_WAITING;
}

static bool is_available(const struct agent_server *server) {
    const struct smq_client *client = server->session->client;
    const struct agent_service *service = &server->service;
    return client->service_id_length > 0 && client->options.service->role != SMP_ROLE_PROXY &&
           slice_equal(slice_of(service->id, service->id_length),
                       slice_of(client->service_id, client->service_id_length));
}

void agent_service_submit(struct agent_server *server) {
    if (server->service.state != SERVICE_PENDING) {
        return;
    }
    if (!is_available(server)) {
        unavailable(server);
        return;
    }
    server->service.state = submit(server) == SMQ_OK ? SERVICE_IN_FLIGHT : SERVICE_WAITING;
}

static void apply(struct agent_server *server, const struct agent_service_request *asked) {
    struct agent_service *service = &server->service;
    struct smq_event event = {.client = asked->session->client};
    if (asked->result == SMQ_OK) {
        bool told = tell(server, SMQ_AGENT_SERVICE_SUBSCRIBED, event, asked->count);
        service->state = told ? SERVICE_ACTIVE : SERVICE_WAITING;
        service->count = told ? asked->count : service->count;
    } else if (asked->protocol == SMQ_PROTOCOL_SERVICE) {
        unavailable(server);
    } else if (agent_result_is_temporary(asked->result)) {
        service->state = SERVICE_WAITING;
    } else {
        event.result = asked->result;
        event.protocol = asked->protocol;
        event.error_text = asked->text;
        bool told = tell(server, SMQ_AGENT_SERVICE_FAILED, event, 0);
        service->state = told ? SERVICE_FAILED : SERVICE_WAITING;
    }
}

void agent_service_done_receive(struct message *message) {
    struct agent_service_request *asked = (struct agent_service_request *)(void *)message;
    struct agent_server *server = asked->server;
    if (server->service.again || !agent_session_is_current(asked->session)) {
        server->service.state = SERVICE_PENDING;
    } else {
        apply(server, asked);
    }
    server->service.again = false;
    agent_server_mark(server);
    release(asked);
}

/* ---- changes that were not asked for ---- */

void agent_service_connected(struct agent_server *server) {
    if (server->service.state == SERVICE_WAITING || server->service.state == SERVICE_FAILED) {
        server->service.state = SERVICE_PENDING;
    }
}

bool agent_service_lost(struct agent_server *server) {
    struct agent_service *service = &server->service;
    if (service->state != SERVICE_ACTIVE) {
        return true;
    }
    struct smq_event event = {.result = server->session->end_reason, .client = server->session->client};
    bool told = tell(server, SMQ_AGENT_SERVICE_DISCONNECTED, event, 0);
    service->state = told ? SERVICE_PENDING : SERVICE_ACTIVE;
    return told;
}

void agent_service_ended(struct agent_server *server, struct slice id) {
    struct agent_service *service = &server->service;
    if (service->state == SERVICE_ACTIVE && slice_equal(slice_of(service->id, service->id_length), id)) {
        service->state = SERVICE_NONE;
        agent_server_mark(server);
    }
}

void agent_service_add(struct agent_server *server, int64_t count) {
    struct agent_service *service = &server->service;
    const struct smq_client *client = server->session->client;
    if (service->state == SERVICE_ACTIVE) {
        service->count += count;
    } else if (service->state == SERVICE_NONE || service->state == SERVICE_FAILED) {
        set_service(service, slice_of(client->service_id, client->service_id_length), count);
        service->state = SERVICE_ACTIVE;
    }
}
