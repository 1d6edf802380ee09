/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Public commands of senders that go through a proxy. */
#include "actors/client/smp/commands.h"
#include "actors/client/smp/through_proxy.h"

/* A request to the relay instead of to the client's router; takes over `request` (NULL: out of memory). */
static enum smq_result run(struct request *request, struct router_address *relay, const struct call *call) {
    if (request == NULL)
        return call_fail(call, SMQ_ERR_NO_MEMORY);
    enum smq_result result = request_go_through_proxy(request, relay, call->timeout_ms != 0);
    if (result != SMQ_OK) {
        request_release(request);
        return call_fail(call, result);
    }
    return request_run(request, call);
}

/* The same for a relay that the caller names. */
static enum smq_result run_at(struct request *request, const char *relay, enum smq_result made,
                              const struct call *call) {
    struct server_address address;
    struct router_address *router = NULL;
    enum smq_result result = made != SMQ_OK || relay != NULL ? made : SMQ_ERR_INVALID;
    if (result == SMQ_OK)
        result = server_address_parse(slice_of_text(relay), ADDRESS_SMP, &address);
    if (result == SMQ_OK) {
        router = router_address_create(&address);
        result = router == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
    }
    if (result != SMQ_OK) {
        if (request != NULL)
            request_release(request);
        return call_fail(call, result);
    }
    result = run(request, router, call);
    router_address_release(router);
    return result;
}

static enum smq_result send(struct smq_client *proxy, struct smq_send_queue *queue, bool notify, struct smq_bytes body,
                            const struct call *call) {
    if (!client_is_valid(proxy) || !send_queue_is_valid(queue) || !bytes_are_valid(body))
        return call_fail(call, SMQ_ERR_INVALID);
    return body.length > SMP_BLOCK_SIZE ? call_fail(call, SMQ_ERR_TOO_LARGE)
                                        : run(send_request(proxy, queue, notify, body), queue->router, call);
}

enum smq_result smq_proxied_send(struct smq_client *proxy, struct smq_send_queue *queue, bool notify,
                                 struct smq_bytes body, uint32_t timeout_ms, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return send(proxy, queue, notify, body, &call);
}

enum smq_result smq_proxied_send_async(struct smq_client *proxy, struct smq_send_queue *queue, bool notify,
                                       struct smq_bytes body, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return send(proxy, queue, notify, body, &call);
}

static enum smq_result secure_as_sender(struct smq_client *proxy, struct smq_send_queue *queue,
                                        const struct call *call) {
    if (!client_is_valid(proxy) || !send_queue_is_valid(queue))
        return call_fail(call, SMQ_ERR_INVALID);
    if (!atomic_load_explicit(&queue->has_key, memory_order_acquire))
        return call_fail(call, SMQ_ERR_NOT_FOUND);
    return run(secure_request(proxy, queue), queue->router, call);
}

enum smq_result smq_proxied_secure_as_sender(struct smq_client *proxy, struct smq_send_queue *queue,
                                             uint32_t timeout_ms, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return secure_as_sender(proxy, queue, &call);
}

enum smq_result smq_proxied_secure_as_sender_async(struct smq_client *proxy, struct smq_send_queue *queue,
                                                   uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return secure_as_sender(proxy, queue, &call);
}

static enum smq_result secure_by_link(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                      struct smq_bytes private_key, const struct call *call) {
    struct request *request = NULL;
    enum smq_result made = link_secure_request(proxy, link_id, private_key, &request);
    return run_at(request, relay, made, call);
}

enum smq_result smq_proxied_secure_by_link(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                           struct smq_bytes private_key, uint32_t timeout_ms, struct smq_batch **answer,
                                           struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    call.answer = answer;
    return secure_by_link(proxy, relay, link_id, private_key, &call);
}

enum smq_result smq_proxied_secure_by_link_async(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                                 struct smq_bytes private_key, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return secure_by_link(proxy, relay, link_id, private_key, &call);
}

static enum smq_result get_link(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                const struct call *call) {
    struct request *request = NULL;
    enum smq_result made = link_get_request(proxy, link_id, &request);
    return run_at(request, relay, made, call);
}

enum smq_result smq_proxied_get_link(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                     uint32_t timeout_ms, struct smq_batch **answer, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    call.answer = answer;
    return get_link(proxy, relay, link_id, &call);
}

enum smq_result smq_proxied_get_link_async(struct smq_client *proxy, const char *relay, struct smq_bytes link_id,
                                           uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return get_link(proxy, relay, link_id, &call);
}
