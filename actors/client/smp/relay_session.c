/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sessions between a proxy and relays, as the proxy's client keeps them: one for each relay (reference: Client.hs,
 * connectSMPProxiedRelay). */
#include <string.h>

#include "actors/client/context.h"
#include "actors/client/smp/through_proxy.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "transport/crypto/signed_key.h"
#include "transport/tls/certificate.h"

void relay_session_release(struct relay_session **session) {
    struct relay_session *released = *session;
    *session = NULL;
    if (released == NULL || atomic_fetch_sub_explicit(&released->references, 1, memory_order_acq_rel) != 1)
        return;
    router_address_release(released->address);
    memory_free(released);
}

static struct relay_session *reference(struct relay_session *session) {
    atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
    return session;
}

static void session_told(struct request_owner *owner, const struct request *request, const struct smq_event *outcome);
static void session_released(struct request_owner *owner, struct request *request);

/* ---- the client's list ---- */

static struct relay_session *find(const struct smq_client *client, const struct server_address *address) {
    struct relay_session *session = smp_client(client)->relay_sessions;
    while (session != NULL && !server_address_equal(&session->address->address, address))
        session = session->next;
    return session;
}

/* Takes it out of the list, whose reference is given up. Nothing when it is in none. */
static void forget(struct smq_client *client, struct relay_session *session) {
    struct relay_session **link = &smp_client(client)->relay_sessions;
    while (*link != NULL && *link != session)
        link = &(*link)->next;
    if (*link == NULL)
        return;
    *link = session->next;
    session->state = RELAY_STALE;
    struct relay_session *dropped = session;
    relay_session_release(&dropped);
}

/* PRXY for the session, submitted without going through the mailbox. */
static enum smq_result ask(struct process_lane *lane, struct smq_client *client, struct relay_session *session) {
    uint8_t binary[ADDRESS_TEXT_MAX];
    struct writer writer = writer_of(binary, sizeof(binary));
    write_server_address(&writer, &session->address->address);
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_INVALID;
    struct request *request = request_create(client, SMQ_COMMAND_PROXY, writer_length(&writer));
    if (request == NULL)
        return SMQ_ERR_NO_MEMORY;
    request->internal = true;
    request->owner = &reference(session)->owner;
    request->timeout_ms = client->options.connect_timeout_ms + client->options.command_timeout_ms;
    smp_request(request)->body.proxy.server = request_copy(request, (struct smq_bytes){binary, writer_length(&writer)});
    smp_request(request)->body.proxy.has_password = client->password.length > 0;
    smp_request(request)->body.proxy.password = slice_of(client->password.bytes, client->password.length);
    atomic_fetch_add_explicit(&client->commands, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&client->unsent_bytes, request->data_size, memory_order_relaxed);
    lane_send_single(lane, request);
    return SMQ_OK;
}

static struct relay_session *create(struct smq_client *client, struct router_address *address) {
    struct relay_session *session = memory_zalloc(sizeof(*session));
    if (session == NULL)
        return NULL;
    atomic_init(&session->references, 1);
    session->owner = (struct request_owner){.completed = session_told, .released = session_released};
    session->state = RELAY_ASKING;
    session->address = router_address_reference(address);
    session->number = context_next_number();
    session->next = smp_client(client)->relay_sessions;
    smp_client(client)->relay_sessions = session;
    return session;
}

/* ---- PKEY ---- */

/* The chain must be the relay's, and the key signed by its leaf. */
static enum smq_result verify(const struct chain_key *chain_key, const uint8_t key_hash[KEY_HASH_SIZE],
                              struct public_key *key) {
    struct slice chain[CERTIFICATE_CHAIN_MAX];
    struct signed_key signed_key;
    struct public_key leaf;
    size_t count = chain_certificates(chain_key, chain, CERTIFICATE_CHAIN_MAX);
    if (count > CERTIFICATE_CHAIN_MAX ||
        certificate_check_server(chain, count, key_hash, clock_realtime_s()) != CERTIFICATE_FAULT_NONE ||
        certificate_public_key(chain[0], &leaf) != SMQ_OK ||
        signed_key_parse(chain_key->signed_key, &signed_key) != SMQ_OK ||
        signed_key_verify(&signed_key, &leaf) != SMQ_OK || signed_key.key.algorithm != KEY_X25519)
        return SMQ_ERR_IDENTITY;
    *key = signed_key.key;
    return SMQ_OK;
}

static enum smq_result accept_key(const struct smq_client *client, struct relay_session *session,
                                  const struct smp_response *response, const char **text) {
    struct version_range own = {client->options.version_min, client->options.version_max}, common;
    struct slice session_id = response->proxy_key.session_id;
    *text = "VERSION";
    if (version_range_intersect(own, response->proxy_key.versions, &common) != SMQ_OK || common.max < SMP_VERSION_PROXY)
        return SMQ_ERR_VERSION;
    *text = "HANDSHAKE IDENTITY";
    if (session_id.length == 0 || session_id.length > sizeof(session->session_id))
        return SMQ_ERR_IDENTITY;
    enum smq_result result = verify(&response->proxy_key.chain_key, session->address->address.key_hash, &session->key);
    if (result == SMQ_OK) {
        session->version = common.max;
        session->session_id_length = (uint8_t)session_id.length;
        memcpy(session->session_id, session_id.bytes, session_id.length);
    }
    return result;
}

/* ---- commands ---- */

static void time_out(struct wheel_timer *timer);

static void join_waiting(struct process_lane *lane, struct relay_session *session, struct request *request) {
    struct request_proxied *proxied = smp_request(request)->proxied;
    proxied->session = reference(session);
    proxied->next = NULL;
    if (session->waiting_first == NULL)
        session->waiting_first = request;
    else
        smp_request(session->waiting_last)->proxied->next = request;
    session->waiting_last = request;
    request->timer = (struct wheel_timer){.fire = time_out};
    wheel_add(actor_wheel(lane->actor), &request->timer, proxied->deadline_ms);
}

static void leave_waiting(struct process_lane *lane, struct request *request) {
    struct relay_session *session = smp_request(request)->proxied->session;
    struct request *previous = NULL;
    wheel_cancel(actor_wheel(lane->actor), &request->timer);
    for (struct request *other = session->waiting_first; other != request; other = smp_request(other)->proxied->next)
        previous = other;
    if (previous == NULL)
        session->waiting_first = smp_request(request)->proxied->next;
    else
        smp_request(previous)->proxied->next = smp_request(request)->proxied->next;
    if (session->waiting_last == request)
        session->waiting_last = previous;
    relay_session_release(&smp_request(request)->proxied->session);
}

static void time_out(struct wheel_timer *timer) {
    struct request *request = (struct request *)(void *)((char *)timer - offsetof(struct request, timer));
    struct process_lane *lane = request->client->lane;
    leave_waiting(lane, request);
    lane_refuse(lane, request, &(struct smq_event){.result = SMQ_ERR_TIMEOUT});
}

/* The session is READY. */
static void send_for(struct process_lane *lane, struct relay_session *session, struct request *request) {
    struct request_proxied *proxied = smp_request(request)->proxied;
    uint64_t now_ms = actor_now_ms(lane->actor);
    uint64_t left_ms = proxied->deadline_ms > now_ms ? proxied->deadline_ms - now_ms : 1;
    uint64_t usual_ms = 2 * (uint64_t)request->client->options.command_timeout_ms;
    proxied->session = reference(session);
    request->timeout_ms = (uint32_t)(proxied->limited || left_ms < usual_ms ? left_ms : usual_ms);
    lane_send_single(lane, request);
}

void through_proxy_submit(struct process_lane *lane, struct request *request) {
    struct smq_client *client = request->client;
    struct request_proxied *proxied = smp_request(request)->proxied;
    if (!proxied->submitted) {
        proxied->submitted = true;
        proxied->deadline_ms = actor_now_ms(lane->actor) + request->timeout_ms;
    }
    if (client->phase != CLIENT_READY) {
        lane_refuse(lane, request,
                    &(struct smq_event){.result = client->own_close ? SMQ_ERR_CANCELLED : SMQ_ERR_CLOSED});
        return;
    }
    if (smp_client(client)->session.version < SMP_VERSION_PROXY) {
        lane_refuse(lane, request, &(struct smq_event){.result = SMQ_ERR_VERSION});
        return;
    }
    struct relay_session *session = find(client, &proxied->address->address);
    if (session != NULL && session->state == RELAY_READY) {
        send_for(lane, session, request);
        return;
    }
    bool fresh = session == NULL;
    if (fresh)
        session = create(client, proxied->address);
    if (session == NULL) {
        lane_refuse(lane, request, &(struct smq_event){.result = SMQ_ERR_NO_MEMORY});
        return;
    }
    join_waiting(lane, session, request);
    enum smq_result result = fresh ? ask(lane, client, session) : SMQ_OK;
    if (result != SMQ_OK) {
        leave_waiting(lane, request);
        forget(client, session);
        lane_refuse(lane, request, &(struct smq_event){.result = result});
    }
}

/* Those that wait are sent, or end like `cause`. */
static void settle(struct process_lane *lane, struct relay_session *session, const struct smq_event *cause) {
    while (session->waiting_first != NULL) {
        struct request *request = session->waiting_first;
        leave_waiting(lane, request);
        if (cause == NULL)
            send_for(lane, session, request);
        else
            lane_refuse(lane, request, cause);
    }
}

/* PRXY ended; the response is the PKEY of a success. */
static void session_told(struct request_owner *owner, const struct request *request, const struct smq_event *outcome) {
    struct smq_client *client = request->client;
    struct process_lane *lane = client->lane;
    struct relay_session *session = (struct relay_session *)owner;
    if (session->state != RELAY_ASKING)
        return;
    struct smq_event cause = {
        .result = outcome->result, .protocol = outcome->protocol, .error_text = outcome->error_text};
    const char *text = "";
    if (cause.result == SMQ_OK) {
        cause.result = accept_key(client, session, smp_request(request)->response, &text);
        cause.error_text = text;
    } else if (cause.result == SMQ_ERR_PROTOCOL) {
        cause.protocol = SMQ_PROTOCOL_PROXY;
    }
    if (cause.result == SMQ_OK) {
        session->state = RELAY_READY;
        settle(lane, session, NULL);
        return;
    }
    (void)reference(session);
    forget(client, session);
    settle(lane, session, &cause);
    relay_session_release(&session);
}

static void session_released(struct request_owner *owner, struct request *request) {
    (void)request;
    struct relay_session *session = (struct relay_session *)owner;
    relay_session_release(&session);
}

bool through_proxy_is_renewed(struct process_lane *lane, struct request *request, const struct smp_response *response) {
    struct request_proxied *proxied = smp_request(request)->proxied;
    bool unknown = proxied != NULL && response->tag == SMP_ERR && response->error.code == SMP_ERROR_PROXY &&
                   response->error.wrappers == 0 && response->error.proxy.kind == SMP_PROXY_NO_SESSION;
    if (!unknown)
        return false;
    if (proxied->session->state == RELAY_READY)
        forget(request->client, proxied->session);
    if (proxied->renewed || !request->pending)
        return false;
    proxied->renewed = true;
    relay_session_release(&proxied->session);
    /* The send lane is through with the request: what it did to it happened before. */
    (void)atomic_load_explicit(&request->references, memory_order_acquire);
    atomic_store_explicit(&request->stage, REQUEST_QUEUED, memory_order_relaxed);
    atomic_fetch_add_explicit(&request->client->unsent_bytes, request->data_size, memory_order_relaxed);
    through_proxy_submit(lane, request);
    return true;
}

void through_proxy_end(struct process_lane *lane, struct smq_client *client, enum smq_result result) {
    struct smq_event cause = {.result = result};
    while (smp_client(client)->relay_sessions != NULL) {
        struct relay_session *session = reference(smp_client(client)->relay_sessions);
        forget(client, session);
        settle(lane, session, &cause);
        relay_session_release(&session);
    }
}
