/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Outcome: what a response means for the command that it answers, and what messages and notifications contain. */
#include "actors/client/lane.h"
#include "actors/client/smp/through_proxy.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/notification_meta.h"

static struct smq_bytes bytes_of(struct slice slice) {
    return (struct smq_bytes){slice.bytes, slice.length};
}

/* The writable place of bytes that lie in the block. */
static uint8_t *in_block(struct block *block, const uint8_t *bytes) {
    return block->bytes + (bytes - block->bytes);
}

void message_outcome(const struct smq_client *client, struct smq_receive_queue *queue,
                     const struct smp_response *response, struct block *block, struct smq_event *outcome) {
    struct slice sealed = response->message.body;
    outcome->message_id = bytes_of(response->message.id);
    outcome->body = bytes_of(sealed);
    outcome->encrypted = true;
    if (queue == NULL || client->options.raw_messages)
        return;
    struct message_body message;
    outcome->result = message_body_open(&queue->message_key, response->message.id, in_block(block, sealed.bytes),
                                        sealed.length, &message);
    if (outcome->result != SMQ_OK)
        return;
    outcome->encrypted = false;
    outcome->quota = message.quota;
    outcome->notification = message.notification;
    outcome->timestamp = message.timestamp;
    outcome->body = message.quota ? (struct smq_bytes){NULL, 0} : bytes_of(message.body);
}

void notification_outcome(struct smq_notifier *notifier, const struct smp_response *response, struct block *block,
                          struct smq_event *outcome) {
    struct slice sealed = response->notification.metadata;
    outcome->body = bytes_of(sealed);
    outcome->encrypted = true;
    if (notifier == NULL)
        return;
    struct notification_meta meta;
    outcome->result = notification_meta_open(&notifier->metadata_key, response->notification.nonce.bytes,
                                             in_block(block, sealed.bytes), sealed.length, &meta);
    if (outcome->result == SMQ_OK) {
        outcome->encrypted = false;
        outcome->body = (struct smq_bytes){NULL, 0};
        outcome->message_id = bytes_of(meta.message_id);
        outcome->timestamp = meta.timestamp;
    }
}

/* A notifier that opens metadata with the agreement of our key and the router's. */
static enum smq_result new_notifier(const struct private_key *key, const struct private_key *dh_key,
                                    const struct public_key *server_key, struct slice id,
                                    struct smq_notifier **notifier) {
    struct box_key metadata_key;
    enum smq_result result = box_key_agree(dh_key, server_key, &metadata_key);
    if (result == SMQ_OK) {
        result = notifier_create(key, &metadata_key, id, notifier);
        box_key_wipe(&metadata_key);
    }
    return result;
}

static enum smq_result created(struct process_lane *lane, struct request *request, const struct smp_response *response,
                               struct smq_event *outcome) {
    const struct smp_queue_ids *ids = &response->ids;
    const struct smp_new *body = &smp_request(request)->body.create;
    const struct request_secrets *secrets = smp_request(request)->secrets;
    struct smq_client *client = request->client;
    struct box_key message_key;
    enum smq_result result = box_key_agree(&secrets->dh, &ids->dh_key, &message_key);
    if (result != SMQ_OK)
        return result;
    struct receive_queue_parts parts = {.router = client->router,
                                        .key = &secrets->key.pair.private_key,
                                        .message_key = &message_key,
                                        .mode =
                                            body->mode == SMP_MODE_CONTACT ? QUEUE_MODE_CONTACT : QUEUE_MODE_MESSAGING,
                                        .recipient_id = ids->recipient_id,
                                        .sender_id = ids->sender_id,
                                        .link_id = ids->has_link_id ? ids->link_id : slice_of(NULL, 0)};
    if (body->has_notifier && ids->has_notifier) {
        result = new_notifier(&secrets->notifier, &secrets->notifier_dh, &ids->notifier_dh_key, ids->notifier_id,
                              &parts.notifier);
    }
    if (result == SMQ_OK)
        result = receive_queue_create(&parts, &outcome->receive_queue);
    if (result != SMQ_OK) {
        smq_notifier_release(&parts.notifier);
    } else if (body->subscribe) {
        atomic_store_explicit(&client->ping_enabled, true, memory_order_relaxed);
        result = registry_add(lane_registry(lane), client, outcome->receive_queue, NULL);
    }
    box_key_wipe(&message_key);
    return result;
}

static void deleted(struct process_lane *lane, struct request *request) {
    struct subscription *subscription = registry_find(lane_registry(lane), request->client, request->entity);
    if (subscription != NULL)
        registry_remove(lane_registry(lane), subscription);
}

static enum smq_result linked(struct request *request, const struct smp_response *response, struct smq_event *outcome) {
    outcome->sender_id = bytes_of(response->link.sender_id);
    outcome->fixed_data = bytes_of(response->link.data.fixed_data);
    outcome->body = bytes_of(response->link.data.user_data);
    if (request->command != SMQ_COMMAND_SECURE_BY_LINK)
        return SMQ_OK;
    struct router_address *router =
        smp_request(request)->proxied == NULL ? request->client->router : smp_request(request)->proxied->address;
    enum smq_result result =
        send_queue_create(router, response->link.sender_id, QUEUE_MODE_MESSAGING, NULL,
                          &smp_request(request)->secrets->key.pair.private_key, &outcome->send_queue);
    return result == SMQ_OK ? smq_send_queue_set_secured(outcome->send_queue, true) : result;
}

/* SOK names the service that the queue is associated with. */
static bool is_by_service(const struct smq_client *client, const struct smp_response *response) {
    return response->tag == SMP_SOK && response->service.present && smp_client(client)->service_id_length > 0 &&
           slice_equal(response->service.id,
                       slice_of(smp_client(client)->service_id, smp_client(client)->service_id_length));
}

/* What a success gives beyond itself. */
static enum smq_result succeed(struct process_lane *lane, struct request *request, const struct smp_response *response,
                               struct block *block, struct smq_event *outcome) {
    switch (request->command) {
    case SMQ_COMMAND_CREATE:
        return created(lane, request, response, outcome);
    case SMQ_COMMAND_ENABLE_NOTIFICATIONS:
        return new_notifier(&smp_request(request)->secrets->key.pair.private_key, &smp_request(request)->secrets->dh,
                            &response->notifier.dh_key, response->notifier.id, &outcome->notifier);
    case SMQ_COMMAND_GET_MESSAGE:
        outcome->has_message = response->tag == SMP_MSG;
        if (outcome->has_message)
            message_outcome(request->client, smp_request(request)->receive_queue, response, block, outcome);
        return outcome->result;
    case SMQ_COMMAND_SUBSCRIBE:
    case SMQ_COMMAND_SUBSCRIBE_NOTIFICATIONS:
        outcome->by_service = is_by_service(request->client, response);
        return SMQ_OK;
    case SMQ_COMMAND_SUBSCRIBE_SERVICE:
        outcome->service_count = response->count;
        return SMQ_OK;
    case SMQ_COMMAND_INFO:
        outcome->body = bytes_of(response->json);
        return SMQ_OK;
    case SMQ_COMMAND_DELETE:
        deleted(lane, request);
        return SMQ_OK;
    case SMQ_COMMAND_SECURE_AS_SENDER:
        return smq_send_queue_set_secured(smp_request(request)->send_queue, true);
    case SMQ_COMMAND_SECURE_BY_LINK:
    case SMQ_COMMAND_GET_LINK:
        return linked(request, response, outcome);
    default:
        return SMQ_OK;
    }
}

void request_outcome(struct process_lane *lane, struct request *request, const struct smp_response *response,
                     struct block *block, struct smq_event *outcome) {
    struct smp_response inner;
    bool answered =
        smp_request(request)->proxied == NULL || through_proxy_open(lane, request, response, block, &inner, outcome);
    if (answered && smp_request(request)->proxied != NULL)
        response = &inner;
    if (!answered) {
        /* by the proxy itself, or by nothing that can be read: the outcome says so */
    } else if (response->tag == SMP_ERR) {
        outcome->result = SMQ_ERR_PROTOCOL;
        outcome->protocol = protocol_error_of(&response->error);
        outcome->error_text = lane_error_text(lane, &response->error);
    } else if ((smp_rule(request->command)->answers & (UINT32_C(1) << response->tag)) == 0) {
        outcome->result = SMQ_ERR_PROTOCOL;
        outcome->error_text = "unexpected response";
    } else {
        outcome->result = succeed(lane, request, response, block, outcome);
    }
    if (outcome->receive_queue == NULL && smp_request(request)->receive_queue != NULL)
        outcome->receive_queue = smq_receive_queue_reference(smp_request(request)->receive_queue);
    if (outcome->send_queue == NULL && smp_request(request)->send_queue != NULL)
        outcome->send_queue = smq_send_queue_reference(smp_request(request)->send_queue);
    if (outcome->notifier == NULL && smp_request(request)->notifier != NULL)
        outcome->notifier = smq_notifier_reference(smp_request(request)->notifier);
}
