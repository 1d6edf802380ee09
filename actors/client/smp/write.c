/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands on their way into blocks: written and authorized. Send lane, but for smp_split. */
#include <string.h>

#include "actors/client/context.h"
#include "actors/client/smp/service.h"
#include "actors/client/smp/smp_request.h"
#include "actors/client/smp/through_proxy.h"
#include "queues/base/memory.h"
#include "transport/block/batch.h"
#include "transport/crypto/signature.h"

_Static_assert((int)SEND_SCRATCH_SIZE >= (int)AUTHORIZED_MAX, "room for what is signed");
_Static_assert((int)CORRELATION_ID_SIZE == (int)SMP_CORRELATION_ID_SIZE, "as requests draw them");

size_t request_authorization_length(const struct request *request) {
    if (smp_command_info(smp_request(request)->body.tag)->key == SMP_KEY_SERVICE)
        return signature_size(KEY_ED25519);
    return smp_request(request)->key == NULL ? 0 : queue_key_authorization_length(smp_request(request)->key);
}

/* By the session's service key, over the bytes without the fingerprint. */
static enum smq_result sign_as_service(const struct smq_client *client, struct authorized authorized, uint8_t *scratch,
                                       uint8_t *signature) {
    if (!smp_client(client)->is_service)
        return SMQ_ERR_AUTH;
    authorized.parts[0] = slice_of(NULL, 0);
    return sign(&smp_client(client)->service_key, authorized_contiguous(&authorized, scratch, AUTHORIZED_MAX),
                signature);
}

static enum smq_result write_direct(const struct smq_client *client, struct request *request, uint8_t *scratch,
                                    struct writer *writer) {
    struct transmission_form form = smp_session_form(&smp_client(client)->session);
    struct slice correlation_id = slice_of(request->correlation_id, sizeof(request->correlation_id));
    const struct smq_service *service = client->options.service;
    bool service_signs = client_signs_as_service(client, smp_request(request)->body.tag);
    struct slice fingerprint =
        slice_of(service_signs ? service->fingerprint : NULL, service_signs ? FINGERPRINT_SIZE : 0);
    size_t authorization_length = request_authorization_length(request);
    struct transmission_draft draft;
    struct authorized authorized;
    transmission_begin(&form, writer, authorization_length, service_signs, correlation_id, request->entity, &draft);
    smp_command_write(form.version, &smp_request(request)->body, writer);
    enum smq_result result = transmission_end(&form, writer, &draft, fingerprint, &authorized);
    if (result == SMQ_OK && draft.service_signature != NULL)
        result = sign_as_service(client, authorized, scratch, draft.service_signature);
    if (result == SMQ_OK && smp_command_info(smp_request(request)->body.tag)->key == SMP_KEY_SERVICE) {
        result = sign_as_service(client, authorized, scratch, draft.authorization);
    } else if (result == SMQ_OK && authorization_length > 0) {
        struct authorization_context context = {.session = client->number,
                                                .server_key = &smp_client(client)->server_key,
                                                .correlation_id = correlation_id,
                                                .scratch = scratch};
        result = queue_key_authorize(smp_request(request)->key, &context, &authorized, draft.authorization);
    }
    return result;
}

enum smq_result smp_write(struct smq_client *client, struct request *request, uint8_t *scratch, struct writer *writer) {
    return smp_request(request)->proxied == NULL ? write_direct(client, request, scratch, writer)
                                                 : through_proxy_write(client, request, scratch, writer);
}

/* ---- blocks ---- */

void smp_begin_block(struct smq_client *client, uint8_t *bytes, struct request_block *block) {
    struct smp_outgoing_block outgoing;
    smp_session_begin_block(&smp_client(client)->session, bytes, &outgoing);
    *block = (struct request_block){.writer = outgoing.writer, .bytes = bytes};
}

enum smq_result smp_seal_block(struct smq_client *client, struct request_block *block) {
    struct smp_outgoing_block outgoing = {.writer = block->writer, .block = block->bytes, .count = block->count};
    return smp_session_seal_block(&smp_client(client)->session, &outgoing);
}

static size_t encoded_size(const struct request *request) {
    struct transmission_form form = smp_session_form(&smp_client(request->client)->session);
    size_t command_length =
        strlen(smp_command_info(smp_request(request)->body.tag)->text); /* commands of batches have no parameters */
    return transmission_size(&form, request_authorization_length(request),
                             client_signs_as_service(request->client, smp_request(request)->body.tag),
                             CORRELATION_ID_SIZE, request->entity.length, command_length);
}

/* Packed from its end. */
enum smq_result smp_split(const struct request *first, size_t count, uint32_t *counts) {
    size_t *sizes = memory_zalloc_array(count, sizeof(size_t));
    struct block_part *parts = memory_zalloc_array(count, sizeof(struct block_part));
    enum smq_result result = sizes == NULL || parts == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
    if (result == SMQ_OK) {
        size_t i = 0;
        for (const struct request *request = first; request != NULL; request = request->group_next)
            sizes[i++] = encoded_size(request);
        size_t part_count = block_split(SMP_BATCH_BYTES_MAX, sizes, count, parts);
        for (i = 0; i < part_count; i++)
            counts[i] = (uint32_t)parts[i].count;
    }
    memory_free(sizes);
    memory_free(parts);
    return result;
}
