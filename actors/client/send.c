/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Send lane of clients: writes requests into blocks, authorizes and seals them. */
#include "actors/client/client.h"
#include "actors/client/context.h"
#include "actors/client/forward_private.h"
#include "actors/client/lane.h"
#include "actors/client/request.h"
#include "actors/client/service.h"
#include "actors/client/through_proxy.h"
#include "transport/crypto/signature.h"

static struct request *request_of(struct outgoing *item) {
    return (struct request *)(void *)((char *)item - offsetof(struct request, outgoing));
}

static void account_sent(struct smq_client *client, struct request *request) {
    atomic_fetch_sub_explicit(&client->unsent_bytes, request->data_size, memory_order_relaxed);
    if (request->proxied == NULL) { /* that may have to be sent again */
        request_drop_data(request);
    }
}

/* Tells the process lane that the request cannot be sent; the send lane's reference goes along. */
static void report_failure(struct smq_client *client, struct request *request, enum smq_result failure) {
    request->failure = failure;
    request->message.kind = LANE_FAILED;
    if (actor_send(client->lane->actor, &request->message) != SMQ_OK) {
        request_release(request);
    }
}

/* The first side to decide wins: whether a command is sent, or timed out before. A batch is sent in any case. */
static bool decide_to_send(struct request *request) {
    uint32_t stage = REQUEST_QUEUED;
    return atomic_compare_exchange_strong_explicit(&request->stage, &stage, REQUEST_SENT, memory_order_acq_rel,
                                                   memory_order_acquire) ||
           request->batch;
}

size_t request_authorization_length(const struct request *request) {
    if (smp_command_info(request->body.tag)->key == SMP_KEY_SERVICE) {
        return signature_size(KEY_ED25519);
    }
    return request->key == NULL ? 0 : queue_key_authorization_length(request->key);
}

/* By the session's service key, over the bytes without the fingerprint. */
static enum smq_result sign_as_service(const struct smq_client *client, struct smp_authorized authorized,
                                       uint8_t *scratch, uint8_t *signature) {
    if (!client->is_service) {
        return SMQ_ERR_AUTH;
    }
    authorized.parts[0] = slice_of(NULL, 0);
    return sign(&client->service_key, smp_authorized_contiguous(&authorized, scratch, SMP_AUTHORIZED_MAX), signature);
}

static enum smq_result write_direct(const struct smq_client *client, struct request *request, uint8_t *scratch,
                                    struct writer *writer) {
    struct smp_envelope envelope = smp_session_envelope(&client->session);
    struct slice correlation_id = slice_of(request->correlation_id, sizeof(request->correlation_id));
    const struct smq_service *service = client->options.service;
    bool service_signs = client_signs_as_service(client, request->body.tag);
    struct slice fingerprint =
        slice_of(service_signs ? service->fingerprint : NULL, service_signs ? FINGERPRINT_SIZE : 0);
    size_t authorization_length = request_authorization_length(request);
    struct smp_draft draft;
    struct smp_authorized authorized;
    smp_draft_begin(&envelope, writer, authorization_length, service_signs, correlation_id, request->entity, &draft);
    smp_command_write(envelope.version, &request->body, writer);
    enum smq_result result = smp_draft_end(&envelope, writer, &draft, fingerprint, &authorized);
    if (result == SMQ_OK && draft.service_signature != NULL) {
        result = sign_as_service(client, authorized, scratch, draft.service_signature);
    }
    if (result == SMQ_OK && smp_command_info(request->body.tag)->key == SMP_KEY_SERVICE) {
        result = sign_as_service(client, authorized, scratch, draft.authorization);
    } else if (result == SMQ_OK && authorization_length > 0) {
        struct authorization_context context = {.session = client->number,
                                                .server_key = &client->server_key,
                                                .correlation_id = correlation_id,
                                                .scratch = scratch};
        result = queue_key_authorize(request->key, &context, &authorized, draft.authorization);
    }
    return result;
}

/* SMQ_ERR_TIMEOUT: it must not be sent any more; SMQ_ERR_TOO_LARGE: not in this block. The block is then as before. */
static enum smq_result write_request(struct smq_client *client, struct request *request, struct send_lane_state *lane,
                                     struct smp_outgoing_block *block) {
    struct writer before = block->writer;
    enum smq_result result = request->proxied == NULL
                                 ? write_direct(client, request, lane->scratch, &block->writer)
                                 : through_proxy_write(client, request, lane->scratch, &block->writer);
    if (result == SMQ_OK && !decide_to_send(request)) {
        result = SMQ_ERR_TIMEOUT;
    }
    if (result == SMQ_OK) {
        smp_outgoing_block_added(block);
    } else {
        block->writer = before;
    }
    return result;
}

static enum smq_result write_hello(struct smq_client *client, uint8_t *bytes) {
    struct smp_client_hello hello = {.version = client->session.version,
                                     .key_hash = slice_of(client->router->address.key_hash, KEY_HASH_SIZE),
                                     .has_key = client->hello_key.algorithm != KEY_NONE,
                                     .key = client->hello_key,
                                     .is_proxy = client->context->is_proxy,
                                     .has_service = client->is_service};
    struct service_hello room;
    if (client->is_service) {
        const struct smq_service *service = client->options.service;
        hello.service_role = service->role;
        enum smq_result result =
            service_sign_key(service, &client->service_key.public_key, &room, &hello.service_chain_key);
        if (result != SMQ_OK) {
            return result;
        }
    }
    return smp_client_hello_write(&hello, bytes);
}

/* Ends the send lane's part of `request`. */
static void finish_request(struct smq_client *client, struct request *request, enum smq_result result) {
    account_sent(client, request);
    if (result == SMQ_OK || result == SMQ_ERR_TIMEOUT) {
        request_release(request);
    } else {
        report_failure(client, request, result);
    }
}

/* Writes the rest of a part whose first request was written: the process lane has made sure that all fit. */
static void write_rest(struct smq_client *client, struct request *request, uint32_t count, struct send_lane_state *lane,
                       struct smp_outgoing_block *block) {
    for (struct request *next; count > 0; count--, request = next) {
        next = request->group_next;
        finish_request(client, request, write_request(client, request, lane, block));
    }
}

/* Takes requests off the queue into one block until the next one does not fit, or leads a part of a batch, which
 * gets a block of its own that later commands may share. */
static void pack(struct smq_client *client, struct outgoing_queue *queue, struct send_lane_state *lane,
                 struct smp_outgoing_block *block) {
    for (struct outgoing *item = outgoing_first(queue); item != NULL; item = outgoing_first(queue)) {
        if (item->kind == OUTGOING_FORWARD) {
            if (block->count == SMP_BATCH_COUNT_MAX || forward_fill(client, queue, block) != SMQ_OK) {
                return;
            }
            continue;
        }
        struct request *request = request_of(item);
        uint32_t others = request->part_count - 1;
        if (block->count == SMP_BATCH_COUNT_MAX || (block->count > 0 && others > 0)) {
            return;
        }
        enum smq_result result = write_request(client, request, lane, block);
        if (result == SMQ_ERR_TOO_LARGE && block->count > 0) {
            return;
        }
        (void)outgoing_take(queue);
        struct request *next = request->group_next;
        finish_request(client, request, result);
        write_rest(client, next, others, lane, block);
    }
}

enum smq_result client_fill(struct connection *connection, void *state, struct outgoing_queue *queue, void *lane_state,
                            uint8_t *bytes) {
    (void)connection;
    struct smq_client *client = state;
    struct outgoing *first = outgoing_first(queue);
    if (first != NULL && first->kind == OUTGOING_HELLO) {
        (void)outgoing_take(queue);
        return write_hello(client, bytes);
    }
    struct smp_outgoing_block block;
    smp_session_begin_block(&client->session, bytes, &block);
    pack(client, queue, lane_state, &block);
    if (block.count == 0) {
        return SMQ_ERR_EMPTY;
    }
    atomic_fetch_add_explicit(&client->blocks_sent, 1, memory_order_relaxed);
    return smp_session_seal_block(&client->session, &block);
}

void client_discard(struct connection *connection, void *state, struct outgoing *item) {
    (void)connection;
    if (item->kind == OUTGOING_FORWARD) {
        forward_discard(state, item);
        return;
    }
    if (item->kind != OUTGOING_COMMAND) {
        return;
    }
    struct request *request = request_of(item), *next;
    for (uint32_t count = request->part_count; count > 0; count--, request = next) {
        next = request->group_next;
        account_sent(state, request);
        request_release(request);
    }
}
