/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* RFWD and RRES, as the requests that they are. */
#include "actors/client/forward.h"

#include <string.h>

#include "actors/client/context.h"
#include "actors/client/forward_private.h"
#include "actors/client/request.h"
#include "queues/base/memory.h"

void context_become_proxy(struct smq_context *context) {
    context->is_proxy = true;
}

void client_relay_facts(const struct smq_client *client, struct relay_facts *facts) {
    client_check(client);
    const struct client_relay *relay = client->relay;
    *facts = (struct relay_facts){
        .version = client->session.version,
        .versions = relay->versions,
        .session_id = slice_of(client->session.session_id, client->session.session_id_length),
        .has_key = relay->has_key,
        .chain_key = relay->chain_key,
        .host = server_address_host(&client->router->address, 0),
    };
}

enum smq_result client_relay_create(struct version_range versions, const struct smp_chain_key *chain_key,
                                    struct client_relay **relay) {
    size_t chain = chain_key == NULL ? 0 : chain_key->chain.length;
    size_t signed_key = chain_key == NULL ? 0 : chain_key->signed_key.length;
    struct client_relay *made = memory_zalloc(sizeof(*made) + chain + signed_key);
    if (made == NULL) {
        return SMQ_ERR_NO_MEMORY;
    }
    made->versions = versions;
    if (chain_key != NULL) {
        memcpy(made->bytes, chain_key->chain.bytes, chain);
        memcpy(made->bytes + chain, chain_key->signed_key.bytes, signed_key);
        made->chain_key = (struct smp_chain_key){chain_key->count, slice_of(made->bytes, chain),
                                                 slice_of(made->bytes + chain, signed_key)};
    }
    *relay = made;
    return SMQ_OK;
}

void client_relay_destroy(struct client_relay **relay) {
    if (*relay != NULL) {
        box_key_wipe(&(*relay)->key);
        memory_free(*relay);
        *relay = NULL;
    }
}

enum smq_result client_forward(struct smq_client *client, const struct proxy_forward *command, uint32_t timeout_ms,
                               struct forward *forward) {
    if (!client->relay->has_key) {
        return SMQ_ERR_AUTH;
    }
    size_t capacity = BOX_TAG_SIZE + proxy_forward_header_size(command->corr_id.length) + command->payload.length;
    struct request *request = request_create(client, SMQ_COMMAND_FORWARD, capacity);
    if (request == NULL) {
        return SMQ_ERR_NO_MEMORY;
    }
    box_nonce_random(request->correlation_id);
    request->has_nonce = true;
    request->forward = forward;
    enum smq_result result = proxy_forward_seal_to(&client->relay->key, request->correlation_id, command, request->data,
                                                   capacity, &request->data_size);
    if (result != SMQ_OK) {
        request_release(request);
        return result;
    }
    request->body.payload = slice_of(request->data, request->data_size);
    struct call call = {.asynchronous = true, .timeout_ms = timeout_ms};
    return request_run(request, &call);
}

void forward_tell(struct request *request, const struct smq_event *outcome) {
    struct forward_answer answer = {.result = outcome->result, .text = "", .request = request};
    const struct smp_response *response = request->response;
    if (outcome->result == SMQ_OK) {
        answer.sealed = response->payload;
    } else if (outcome->result == SMQ_ERR_SYNTAX) {
        answer.error = request->syntax_error;
    } else if (outcome->result == SMQ_ERR_PROTOCOL && response == NULL) {
        answer.text = outcome->error_text;
    } else if (outcome->result == SMQ_ERR_PROTOCOL) {
        answer.error = response->tag == SMP_ERR ? &response->error : NULL;
        answer.text = smp_response_tag_text(response->tag);
    }
    struct forward *forward = request->forward;
    request->forward = NULL;
    forward->done(forward, &answer);
}

enum smq_result forward_open(const struct forward_answer *answer, uint8_t *output, struct slice *payload) {
    const struct request *request = answer->request;
    struct proxy_response response;
    enum smq_result result = proxy_response_open_to(&request->client->relay->key, request->correlation_id,
                                                    answer->sealed, output, &response);
    if (result == SMQ_OK) {
        *payload = response.payload;
    }
    return result;
}
