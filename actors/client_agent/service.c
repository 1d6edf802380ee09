/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service subscriptions of an agent: one a server (reference: Client/Agent.hs, smpSubscribeService). */
#include <stdio.h>
#include <string.h>

#include "actors/client/smp/commands.h"
#include "actors/client/smp/service.h"
#include "actors/client_agent/client_agent_private.h"
#include "actors/client_agent/post.h"
#include "queues/base/memory.h"
#include "queues/base/thread.h"

struct service_message {
    struct message message;
    struct client_agent_address address;
    int64_t count;
    uint8_t id_length;
    uint8_t id[SMQ_ID_MAX];
};

enum smq_result smq_client_agent_subscribe_service(struct smq_client_agent *agent, const char *address,
                                                   struct smq_bytes service_id, int64_t count) {
    if (!client_agent_is_valid(agent) || address == NULL || service_id.bytes == NULL)
        return SMQ_ERR_INVALID;
    thread_attach();
    if (service_id.length == 0 || service_id.length > SMQ_ID_MAX)
        return SMQ_ERR_INVALID;
    struct service_message *asked = memory_zalloc(sizeof(*asked));
    if (asked == NULL)
        return SMQ_ERR_NO_MEMORY;
    asked->count = count;
    asked->id_length = (uint8_t)service_id.length;
    memcpy(asked->id, service_id.bytes, service_id.length);
    enum smq_result result = client_agent_address_parse(address, &asked->address);
    if (result == SMQ_OK)
        result = post_agent_service(agent, &asked->message);
    if (result != SMQ_OK) {
        client_agent_address_free(&asked->address);
        memory_free(asked);
    }
    return result;
}

/* An event about the server's service. False: there is no memory for it. */
static bool tell(struct client_agent_server *server, enum smq_client_agent_event_kind kind, struct smq_event event,
                 int64_t actual) {
    const struct client_agent_service *service = &server->service;
    struct smq_client_agent_event client_agent_event = {
        .kind = kind, .service_id = {service->id, service->id_length}, .expected = service->count, .actual = actual};
    struct smq_batch *batch = client_agent_make_event(server->agent, server, event, client_agent_event, 0);
    if (batch != NULL)
        client_agent_deliver(server->agent, batch);
    return batch != NULL;
}

static void set_service(struct client_agent_service *service, struct slice id, int64_t count) {
    service->id_length = (uint8_t)id.length;
    memcpy(service->id, id.bytes, id.length);
    service->count = count;
}

void client_agent_service_receive(struct smq_client_agent *agent, struct message *message) {
    struct service_message *asked = (struct service_message *)(void *)message;
    struct client_agent_server *server = client_agent_server_get(agent, &asked->address);
    if (server == NULL) {
        struct smq_client_agent_event client_agent_event = {.kind = SMQ_CLIENT_AGENT_SERVICE_FAILED,
                                                            .service_id = {asked->id, asked->id_length},
                                                            .expected = asked->count};
        struct smq_event event = {.result = SMQ_ERR_NO_MEMORY};
        client_agent_deliver(agent, client_agent_make_event(agent, NULL, event, client_agent_event, 0));
    } else {
        struct client_agent_service *service = &server->service;
        set_service(service, slice_of(asked->id, asked->id_length), asked->count);
        service->again = service->state == SERVICE_IN_FLIGHT;
        service->state = service->again ? SERVICE_IN_FLIGHT : SERVICE_PENDING;
        client_agent_server_mark(server);
    }
    client_agent_address_free(&asked->address);
    memory_free(asked);
}

/* ---- in flight ---- */

struct client_agent_service_request {
    struct message message;
    struct request_owner owner;
    _Atomic uint32_t references;          /* the message's and the request's */
    struct client_agent_session *session; /* referenced */
    struct client_agent_server *server;   /* the agent's: it stays as long as it has a service */
    enum smq_result result;
    enum smq_protocol_error protocol;
    char text[SMQ_ERROR_TEXT_SIZE];
    int64_t count;
};

static void release(struct client_agent_service_request *asked) {
    if (atomic_fetch_sub_explicit(&asked->references, 1, memory_order_acq_rel) == 1) {
        client_agent_session_release(asked->session);
        memory_free(asked);
    }
}

static struct client_agent_service_request *of_owner(struct request_owner *owner) {
    return (struct client_agent_service_request *)(void *)((char *)owner -
                                                           offsetof(struct client_agent_service_request, owner));
}

/* Process lane. What comes late is asked for again. */
static void completed(struct request_owner *owner, const struct request *request, const struct smq_event *outcome) {
    (void)request;
    struct client_agent_service_request *asked = of_owner(owner);
    if (outcome->kind == SMQ_EVENT_LATE)
        return;
    asked->result = outcome->result;
    asked->protocol = outcome->protocol;
    asked->count = outcome->service_count;
    if (outcome->error_text != NULL)
        (void)snprintf(asked->text, sizeof(asked->text), "%s", outcome->error_text);
    if (post_agent_service_done(asked->session, &asked->message) != SMQ_OK)
        release(asked);
}

static void released(struct request_owner *owner, struct request *request) {
    (void)request;
    release(of_owner(owner));
}

static enum smq_result submit(struct client_agent_server *server) {
    struct client_agent_service_request *asked = memory_zalloc(sizeof(*asked));
    if (asked == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result;
    struct request *request = service_request(server->session->client, &result);
    if (request == NULL) {
        memory_free(asked);
        return result;
    }
    atomic_init(&asked->references, 2);
    asked->owner = (struct request_owner){.completed = completed, .released = released};
    asked->session = client_agent_session_reference(server->session);
    asked->server = server;
    request->owner = &asked->owner;
    struct call call = {.asynchronous = true};
    result = request_run(request, &call);
    if (result != SMQ_OK)
        release(asked);
    return result;
}

/* The owner is told, or, for want of memory, it is tried again in the next round. */
static void unavailable(struct client_agent_server *server) {
    struct smq_event event = {.client = server->session->client};
    bool told = tell(server, SMQ_CLIENT_AGENT_SERVICE_UNAVAILABLE, event, 0);
    server->service.state = told ? SERVICE_NONE : SERVICE_WAITING;
}

static bool is_available(const struct client_agent_server *server) {
    const struct smq_client *client = server->session->client;
    const struct client_agent_service *service = &server->service;
    return smp_client(client)->service_id_length > 0 && client->options.service->role != SMP_ROLE_PROXY &&
           slice_equal(slice_of(service->id, service->id_length),
                       slice_of(smp_client(client)->service_id, smp_client(client)->service_id_length));
}

void client_agent_service_submit(struct client_agent_server *server) {
    if (server->service.state != SERVICE_PENDING)
        return;
    if (!is_available(server)) {
        unavailable(server);
        return;
    }
    server->service.state = submit(server) == SMQ_OK ? SERVICE_IN_FLIGHT : SERVICE_WAITING;
}

static void apply(struct client_agent_server *server, const struct client_agent_service_request *asked) {
    struct client_agent_service *service = &server->service;
    struct smq_event event = {.client = asked->session->client};
    if (asked->result == SMQ_OK) {
        bool told = tell(server, SMQ_CLIENT_AGENT_SERVICE_SUBSCRIBED, event, asked->count);
        service->state = told ? SERVICE_ACTIVE : SERVICE_WAITING;
        service->count = told ? asked->count : service->count;
    } else if (asked->protocol == SMQ_PROTOCOL_SERVICE) {
        unavailable(server);
    } else if (client_agent_result_is_temporary(asked->result)) {
        service->state = SERVICE_WAITING;
    } else {
        event.result = asked->result;
        event.protocol = asked->protocol;
        event.error_text = asked->text;
        bool told = tell(server, SMQ_CLIENT_AGENT_SERVICE_FAILED, event, 0);
        service->state = told ? SERVICE_FAILED : SERVICE_WAITING;
    }
}

void client_agent_service_done_receive(struct message *message) {
    struct client_agent_service_request *asked = (struct client_agent_service_request *)(void *)message;
    struct client_agent_server *server = asked->server;
    if (server->service.again || !client_agent_session_is_current(asked->session))
        server->service.state = SERVICE_PENDING;
    else
        apply(server, asked);
    server->service.again = false;
    client_agent_server_mark(server);
    release(asked);
}

/* ---- changes that were not asked for ---- */

void client_agent_service_connected(struct client_agent_server *server) {
    if (server->service.state == SERVICE_WAITING || server->service.state == SERVICE_FAILED)
        server->service.state = SERVICE_PENDING;
}

bool client_agent_service_lost(struct client_agent_server *server) {
    struct client_agent_service *service = &server->service;
    if (service->state != SERVICE_ACTIVE)
        return true;
    struct smq_event event = {.result = server->session->end_reason, .client = server->session->client};
    bool told = tell(server, SMQ_CLIENT_AGENT_SERVICE_DISCONNECTED, event, 0);
    service->state = told ? SERVICE_PENDING : SERVICE_ACTIVE;
    return told;
}

void client_agent_service_ended(struct client_agent_server *server, struct slice id) {
    struct client_agent_service *service = &server->service;
    if (service->state == SERVICE_ACTIVE && slice_equal(slice_of(service->id, service->id_length), id)) {
        service->state = SERVICE_NONE;
        client_agent_server_mark(server);
    }
}

void client_agent_service_add(struct client_agent_server *server, int64_t count) {
    struct client_agent_service *service = &server->service;
    const struct smq_client *client = server->session->client;
    if (service->state == SERVICE_ACTIVE) {
        service->count += count;
    } else if (service->state == SERVICE_NONE || service->state == SERVICE_FAILED) {
        set_service(service, slice_of(smp_client(client)->service_id, smp_client(client)->service_id_length), count);
        service->state = SERVICE_ACTIVE;
    }
}
