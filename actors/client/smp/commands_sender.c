/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Public commands of senders, of those who know a link, of notifiers, and PING. */
#include "actors/client/smp/commands.h"
#include "queues/base/memory.h"

/* A request in the name of the queue's sender. */
static struct request *sender_request(struct smq_client *client, struct smq_send_queue *queue, enum smq_command command,
                                      size_t data_size) {
    struct request *request = send_queue_is_valid(queue) ? request_create(client, command, data_size) : NULL;
    if (request != NULL) {
        smp_request(request)->send_queue = smq_send_queue_reference(queue);
        request->entity = slice_of(queue->sender_id, queue->sender_id_length);
    }
    return request;
}

struct request *send_request(struct smq_client *client, struct smq_send_queue *queue, bool notify,
                             struct smq_bytes body) {
    struct request *request = sender_request(client, queue, SMQ_COMMAND_SEND, body.length);
    if (request != NULL) {
        smp_request(request)->key = smq_send_queue_is_secured(queue) ? &queue->key : NULL;
        smp_request(request)->body.send.notification = notify;
        smp_request(request)->body.send.body = request_copy(request, body);
    }
    return request;
}

static enum smq_result send(struct smq_client *client, struct smq_send_queue *queue, bool notify, struct smq_bytes body,
                            const struct call *call) {
    if (body.length > SMP_BLOCK_SIZE)
        return call_fail(call, SMQ_ERR_TOO_LARGE);
    if (!bytes_are_valid(body))
        return call_fail(call, SMQ_ERR_INVALID);
    struct request *request = send_request(client, queue, notify, body);
    return request == NULL ? call_unmade(call, client, send_queue_is_valid(queue)) : request_run(request, call);
}

enum smq_result smq_send(struct smq_client *client, struct smq_send_queue *queue, bool notify, struct smq_bytes body,
                         uint32_t timeout_ms, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return send(client, queue, notify, body, &call);
}

enum smq_result smq_send_async(struct smq_client *client, struct smq_send_queue *queue, bool notify,
                               struct smq_bytes body, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return send(client, queue, notify, body, &call);
}

struct request *secure_request(struct smq_client *client, struct smq_send_queue *queue) {
    struct request *request = sender_request(client, queue, SMQ_COMMAND_SECURE_AS_SENDER, 0);
    if (request != NULL) {
        smp_request(request)->key = &queue->key;
        smp_request(request)->body.key = queue->key.pair.public_key;
    }
    return request;
}

static enum smq_result secure_as_sender(struct smq_client *client, struct smq_send_queue *queue,
                                        const struct call *call) {
    if (send_queue_is_valid(queue) && !atomic_load_explicit(&queue->has_key, memory_order_acquire))
        return call_fail(call, SMQ_ERR_NOT_FOUND);
    struct request *request = secure_request(client, queue);
    return request == NULL ? call_unmade(call, client, send_queue_is_valid(queue)) : request_run(request, call);
}

enum smq_result smq_secure_as_sender(struct smq_client *client, struct smq_send_queue *queue, uint32_t timeout_ms,
                                     struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return secure_as_sender(client, queue, &call);
}

enum smq_result smq_secure_as_sender_async(struct smq_client *client, struct smq_send_queue *queue, uint32_t timeout_ms,
                                           uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return secure_as_sender(client, queue, &call);
}

static struct request *link_request(struct smq_client *client, enum smq_command command, struct smq_bytes link_id) {
    struct request *request = request_create(client, command, link_id.length);
    if (request != NULL)
        request->entity = request_copy(request, link_id);
    return request;
}

enum smq_result link_secure_request(struct smq_client *client, struct smq_bytes link_id, struct smq_bytes private_key,
                                    struct request **made) {
    if (link_id.length == 0 || link_id.length > SMQ_ID_MAX || link_id.bytes == NULL || !client_is_valid(client))
        return SMQ_ERR_INVALID;
    if (!bytes_are_valid(private_key))
        return SMQ_ERR_INVALID;
    struct request *request = link_request(client, SMQ_COMMAND_SECURE_BY_LINK, link_id);
    if (request == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = SMQ_ERR_NO_MEMORY;
    smp_request(request)->secrets = memory_zalloc(sizeof(*smp_request(request)->secrets));
    if (smp_request(request)->secrets != NULL) {
        struct queue_key *key = &smp_request(request)->secrets->key;
        queue_key_init(key);
        result = private_key.length == 0 ? queue_key_generate(key, KEY_ED25519)
                                         : queue_key_set_der(key, slice_of(private_key.bytes, private_key.length));
    }
    if (result != SMQ_OK) {
        request_release(request);
        return result;
    }
    smp_request(request)->key = &smp_request(request)->secrets->key;
    smp_request(request)->body.key = smp_request(request)->secrets->key.pair.public_key;
    *made = request;
    return SMQ_OK;
}

static enum smq_result secure_by_link(struct smq_client *client, struct smq_bytes link_id, struct smq_bytes private_key,
                                      const struct call *call) {
    struct request *request;
    enum smq_result result = link_secure_request(client, link_id, private_key, &request);
    return result == SMQ_OK ? request_run(request, call) : call_fail(call, result);
}

enum smq_result smq_secure_by_link(struct smq_client *client, struct smq_bytes link_id, struct smq_bytes private_key,
                                   uint32_t timeout_ms, struct smq_batch **answer, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    call.answer = answer;
    return secure_by_link(client, link_id, private_key, &call);
}

enum smq_result smq_secure_by_link_async(struct smq_client *client, struct smq_bytes link_id,
                                         struct smq_bytes private_key, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return secure_by_link(client, link_id, private_key, &call);
}

enum smq_result link_get_request(struct smq_client *client, struct smq_bytes link_id, struct request **request) {
    if (link_id.length == 0 || link_id.length > SMQ_ID_MAX || link_id.bytes == NULL || !client_is_valid(client))
        return SMQ_ERR_INVALID;
    *request = link_request(client, SMQ_COMMAND_GET_LINK, link_id);
    return *request == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

static enum smq_result get_link(struct smq_client *client, struct smq_bytes link_id, const struct call *call) {
    struct request *request;
    enum smq_result result = link_get_request(client, link_id, &request);
    return result == SMQ_OK ? request_run(request, call) : call_fail(call, result);
}

enum smq_result smq_get_link(struct smq_client *client, struct smq_bytes link_id, uint32_t timeout_ms,
                             struct smq_batch **answer, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    call.answer = answer;
    return get_link(client, link_id, &call);
}

enum smq_result smq_get_link_async(struct smq_client *client, struct smq_bytes link_id, uint32_t timeout_ms,
                                   uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return get_link(client, link_id, &call);
}

struct request *notifier_request(struct smq_client *client, struct smq_notifier *notifier, enum smq_command command) {
    struct request *request = notifier_is_valid(notifier) ? request_create(client, command, 0) : NULL;
    if (request != NULL) {
        smp_request(request)->notifier = smq_notifier_reference(notifier);
        smp_request(request)->key = &notifier->key;
        request->entity = slice_of(notifier->id, notifier->id_length);
    }
    return request;
}

static enum smq_result subscribe_notifications(struct smq_client *client, struct smq_notifier *notifier,
                                               const struct call *call) {
    struct request *request = notifier_request(client, notifier, SMQ_COMMAND_SUBSCRIBE_NOTIFICATIONS);
    return request == NULL ? call_unmade(call, client, notifier_is_valid(notifier)) : request_run(request, call);
}

enum smq_result smq_subscribe_notifications(struct smq_client *client, struct smq_notifier *notifier,
                                            uint32_t timeout_ms, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return subscribe_notifications(client, notifier, &call);
}

enum smq_result smq_subscribe_notifications_async(struct smq_client *client, struct smq_notifier *notifier,
                                                  uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return subscribe_notifications(client, notifier, &call);
}

static enum smq_result ping(struct smq_client *client, const struct call *call) {
    struct request *request = request_create(client, SMQ_COMMAND_PING, 0);
    return request == NULL ? call_unmade(call, client, true) : request_run(request, call);
}

enum smq_result smq_ping(struct smq_client *client, uint32_t timeout_ms, struct smq_error *error) {
    struct call call = call_blocking(timeout_ms, error);
    return ping(client, &call);
}

enum smq_result smq_ping_async(struct smq_client *client, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return ping(client, &call);
}
