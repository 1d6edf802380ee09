/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Descriptions of a file that was sent. */
#include <string.h>

#include "actors/client/xftp/send_state_private.h"

static bool is_whole(const struct send_state *state) {
    for (uint32_t i = 0; i < state->head.chunk_count; i++) {
        const struct sent_chunk *chunk = &state->chunks[i];
        if (!chunk->is_uploaded || chunk->recipient_count != state->head.recipient_count)
            return false;
    }
    return true;
}

static enum smq_result add_chunk(const struct send_state *state, uint32_t index, uint32_t recipient,
                                 struct xftp_description *description) {
    const struct sent_chunk *chunk = &state->chunks[index];
    const struct sent_credential *credential =
        recipient == SEND_FOR_SENDER ? &chunk->sender
                                     : &state->recipients[(size_t)index * state->head.recipient_count + recipient];
    uint16_t server = 0;
    enum smq_result result = xftp_description_add_server(description, &chunk->server, &server);
    if (result == SMQ_OK)
        result = xftp_description_add_chunk(description, chunk->size, chunk->digest);
    if (result == SMQ_OK)
        result = xftp_description_add_replica(description, server, slice_of(credential->id, credential->id_length),
                                              &credential->key);
    description->size += chunk->size;
    return result;
}

enum smq_result send_state_describe(const struct send_state *state, const uint8_t digest[XFTP_FILE_DIGEST_SIZE],
                                    uint32_t recipient, struct xftp_description **out) {
    const struct send_head *head = &state->head;
    struct xftp_description *description = NULL;
    if (!is_whole(state) || (recipient != SEND_FOR_SENDER && recipient >= head->recipient_count))
        return SMQ_ERR_INVALID;
    size_t servers =
        head->chunk_count < XFTP_DESCRIPTION_SERVERS_MAX ? head->chunk_count : XFTP_DESCRIPTION_SERVERS_MAX;
    enum smq_result result = xftp_description_create(head->chunk_count, head->chunk_count, servers, &description);
    if (result != SMQ_OK)
        return result;
    description->party = recipient == SEND_FOR_SENDER ? XFTP_FILE_SENDER : XFTP_FILE_RECIPIENT;
    memcpy(description->digest, digest, sizeof description->digest);
    memcpy(description->key, head->key, sizeof description->key);
    memcpy(description->nonce, head->nonce, sizeof description->nonce);
    description->chunk_size = state->chunks[0].size;
    for (uint32_t i = 0; i < head->chunk_count && result == SMQ_OK; i++)
        result = add_chunk(state, i, recipient, description);
    if (result == SMQ_OK)
        *out = description;
    else
        xftp_description_destroy(&description);
    return result;
}
