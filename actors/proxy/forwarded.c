/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two layers of forwarded commands. Both are opened in the received block and closed in the block that is sent, so
 * that nothing of their 16 KB is copied. */
#include "actors/proxy/forwarded.h"

#include <string.h>

#include "actors/smp/command_slot.h"
#include "queues/base/memory.h"
#include "transport/block/batch.h"
#include "transport/crypto/proxy_layer.h"

/* The writable place of bytes that lie in the slot's block. */
static uint8_t *in_block(const struct command_slot *slot, const uint8_t *bytes) {
    struct block *block = slot->batch->block;
    return block->bytes + (bytes - block->bytes);
}

/* The one transmission of the client's content. As in the reference, content that is no list of transmissions counts as
 * one that cannot be read, and is answered inside the layers. */
static enum smq_result take_transmission(struct slice content, struct slice *transmission) {
    struct block_content reader;
    *transmission = slice_of(NULL, 0);
    if (block_content_open(content, &reader) != SMQ_OK)
        return SMQ_OK;
    if (reader.count != 1)
        return SMQ_ERR_SYNTAX;
    (void)block_content_next(&reader, transmission);
    return SMQ_OK;
}

static enum smq_result open_client_layer(const struct command_slot *slot, const struct proxy_forward *forward,
                                         struct forwarded *forwarded, struct slice *content) {
    memcpy(forwarded->nonce, forward->corr_id.bytes, BOX_NONCE_SIZE);
    forwarded->version = forward->version;
    enum smq_result result =
        box_key_agree(&slot_session(slot)->handshake_key.private_key, &forward->client_key, &forwarded->client_key);
    if (result != SMQ_OK)
        return result;
    return proxy_payload_open(&forwarded->client_key, forwarded->nonce, in_block(slot, forward->payload.bytes),
                              forward->payload.length, content);
}

static enum smq_result fail(enum smq_result result, struct smp_error reason, struct smp_error *error) {
    *error = reason;
    return result;
}

enum smq_result forwarded_open(struct command_slot *slot, const struct smp_command *command, struct smp_error *error) {
    const struct client_session *session = slot_session(slot);
    if (!session->has_proxy_key)
        return fail(SMQ_ERR_AUTH, smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_NO_AUTH)), error);
    struct proxy_forward forward;
    struct slice content;
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_of(slot->correlation_id, nonce);
    enum smq_result result = proxy_forward_open(&session->proxy_key, nonce, in_block(slot, command->payload.bytes),
                                                command->payload.length, &forward);
    if (result != SMQ_OK)
        return fail(result,
                    result == SMQ_ERR_CRYPTO ? smp_error_of(SMP_ERROR_CRYPTO) : smp_error_command(COMMAND_SYNTAX),
                    error);
    struct forwarded *forwarded = memory_zalloc(sizeof *forwarded);
    if (forwarded == NULL)
        return fail(SMQ_ERR_NO_MEMORY, smp_error_of(SMP_ERROR_INTERNAL), error);
    *error = smp_error_of(SMP_ERROR_CRYPTO);
    result = open_client_layer(slot, &forward, forwarded, &content);
    if (result == SMQ_OK) {
        *error = smp_error_of(SMP_ERROR_BLOCK);
        result = take_transmission(content, &slot->bytes);
    }
    if (result != SMQ_OK) {
        forwarded_destroy(&forwarded);
        return result;
    }
    forwarded->proxy_id_length = (uint8_t)slot->correlation_id.length;
    if (forwarded->proxy_id_length > 0)
        memcpy(forwarded->proxy_id, slot->correlation_id.bytes, forwarded->proxy_id_length);
    slot->forwarded = forwarded;
    return SMQ_OK;
}

void forwarded_destroy(struct forwarded **forwarded) {
    if (*forwarded == NULL)
        return;
    box_key_wipe(&(*forwarded)->client_key);
    memory_free(*forwarded);
    *forwarded = NULL;
}

enum { COUNT_SIZE = 1, CONTENT_OFFSET = BOX_PADDED_OFFSET + COUNT_SIZE };

uint8_t *forwarded_answer_place(uint8_t *sealed, size_t *room) {
    *room = PROXY_PAYLOAD_CONTENT_MAX - COUNT_SIZE;
    return sealed + proxy_response_payload_at(BOX_NONCE_SIZE) + CONTENT_OFFSET;
}

enum smq_result forwarded_answer_seal(const struct forwarded *forwarded, const struct client_session *session,
                                      uint8_t *sealed, size_t length) {
    uint8_t *payload = sealed + proxy_response_payload_at(BOX_NONCE_SIZE);
    payload[BOX_PADDED_OFFSET] = 1;
    enum smq_result result = proxy_result_seal(&forwarded->client_key, forwarded->nonce, payload, COUNT_SIZE + length);
    if (result != SMQ_OK)
        return result;
    struct proxy_response response = {slice_of(forwarded->nonce, BOX_NONCE_SIZE),
                                      slice_of(payload, PROXY_PAYLOAD_SIZE)};
    uint8_t nonce[BOX_NONCE_SIZE];
    size_t sealed_length;
    box_nonce_of(slice_of(forwarded->proxy_id, forwarded->proxy_id_length), nonce);
    return proxy_response_seal(&session->proxy_key, nonce, &response, sealed, PROXY_RESPONSE_MAX, &sealed_length);
}
