/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Proxied commands: the layer between client and relay (reference: Client.hs, proxySMPCommand). It is made in the block
 * that is sent, and opened in the one that is received. */
#include "actors/client/smp/through_proxy.h"

#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/block/batch.h"
#include "transport/crypto/proxy_layer.h"

/* How long it may take when the caller did not say. */
static uint32_t request_proxied_timeout_ms(const struct smq_client_options *options) {
    uint64_t timeout_ms = (uint64_t)options->connect_timeout_ms + 3 * (uint64_t)options->command_timeout_ms;
    return timeout_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)timeout_ms;
}

enum smq_result request_go_through_proxy(struct request *request, struct router_address *address, bool limited) {
    struct request_proxied *proxied = memory_zalloc(sizeof(*proxied));
    if (proxied == NULL)
        return SMQ_ERR_NO_MEMORY;
    proxied->address = router_address_reference(address);
    proxied->limited = limited;
    smp_request(request)->proxied = proxied;
    request->keeps_data = true;
    request->default_timeout_ms = request_proxied_timeout_ms(&request->client->options);
    return SMQ_OK;
}

void request_proxied_destroy(struct request_proxied **proxied) {
    if (*proxied == NULL)
        return;
    relay_session_release(&(*proxied)->session);
    router_address_release((*proxied)->address);
    secret_wipe(*proxied, sizeof(**proxied));
    memory_free(*proxied);
    *proxied = NULL;
}

static struct slice session_id_of(const struct relay_session *session) {
    return slice_of(session->session_id, session->session_id_length);
}

struct slice request_answered_entity(const struct request *request) {
    return smp_request(request)->proxied == NULL ? request->entity
                                                 : session_id_of(smp_request(request)->proxied->session);
}

/* ---- the layer ---- */

/* The one transmission inside, at `place`. */
static enum smq_result write_inner(struct request *request, uint8_t *scratch, uint8_t *place, size_t *length) {
    const struct relay_session *session = smp_request(request)->proxied->session;
    struct transmission_form form = {.version = session->version, .session_id = session_id_of(session)};
    struct slice correlation_id = slice_of(request->correlation_id, sizeof(request->correlation_id));
    size_t authorization_length = request_authorization_length(request);
    struct writer writer = writer_of(place, PROXY_PAYLOAD_CONTENT_MAX);
    struct transmission_draft draft;
    struct authorized authorized;
    write_u8(&writer, 1);
    transmission_begin(&form, &writer, authorization_length, false, correlation_id, request->entity, &draft);
    smp_command_write(form.version, &smp_request(request)->body, &writer);
    enum smq_result result = transmission_end(&form, &writer, &draft, slice_of(NULL, 0), &authorized);
    if (result == SMQ_OK && authorization_length > 0) {
        struct authorization_context context = {.session = session->number,
                                                .server_key = &session->key,
                                                .correlation_id = correlation_id,
                                                .scratch = scratch};
        result = queue_key_authorize(smp_request(request)->key, &context, &authorized, draft.authorization);
    }
    *length = writer_length(&writer);
    return result;
}

static enum smq_result write_payload(struct request *request, uint8_t *scratch, uint8_t *payload) {
    size_t length;
    enum smq_result result = write_inner(request, scratch, payload + BOX_PADDED_OFFSET, &length);
    if (result == SMQ_OK)
        result = proxy_payload_seal(&smp_request(request)->proxied->key, request->correlation_id, payload, length);
    return result;
}

enum smq_result through_proxy_write(const struct smq_client *client, struct request *request, uint8_t *scratch,
                                    struct writer *writer) {
    const struct relay_session *session = smp_request(request)->proxied->session;
    if (writer_room(writer) < PROXY_PAYLOAD_SIZE)
        return SMQ_ERR_TOO_LARGE; /* before a key is made in vain */
    struct key_pair pair;
    enum smq_result result = key_pair_generate(KEY_X25519, &pair);
    if (result == SMQ_OK)
        result = box_key_agree(&pair.private_key, &session->key, &smp_request(request)->proxied->key);
    if (result != SMQ_OK)
        return result;
    struct smp_command command = {.tag = SMP_PFWD};
    command.forward.version = session->version;
    command.forward.key = pair.public_key;
    key_pair_wipe(&pair);
    struct transmission_form form = smp_session_form(&smp_client(client)->session);
    struct transmission_draft draft;
    transmission_begin(&form, writer, 0, false, slice_of(request->correlation_id, sizeof(request->correlation_id)),
                       session_id_of(session), &draft);
    smp_command_write(form.version, &command, writer);
    uint8_t *payload = write_reserve(writer, PROXY_PAYLOAD_SIZE);
    result = payload == NULL ? SMQ_ERR_TOO_LARGE : write_payload(request, scratch, payload);
    return result == SMQ_OK ? transmission_end(&form, writer, &draft, slice_of(NULL, 0), NULL) : result;
}

/* An error of the proxy, not of the relay. */
static bool fail_by_proxy(struct process_lane *lane, const struct smp_response *response, struct smq_event *outcome) {
    outcome->result = SMQ_ERR_PROTOCOL;
    outcome->protocol = SMQ_PROTOCOL_PROXY;
    outcome->error_text =
        response->tag == SMP_ERR ? lane_error_text(lane, &response->error) : "unexpected response of the proxy";
    return false;
}

static enum smq_result parse_inner(const struct relay_session *session, struct slice content,
                                   struct smp_response *inner, struct smp_error *error) {
    struct transmission_form form = {.version = session->version, .session_id = session_id_of(session)};
    struct block_content reader;
    struct transmission transmission;
    struct slice bytes;
    *error = smp_error_of(SMP_ERROR_BLOCK);
    if (block_content_open(content, &reader) != SMQ_OK || reader.count != 1)
        return SMQ_ERR_SYNTAX;
    (void)block_content_next(&reader, &bytes);
    if (smp_transmission_parse(&form, bytes, &transmission, error) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    return smp_response_parse(form.version, transmission.command, inner, error);
}

bool through_proxy_open(struct process_lane *lane, struct request *request, const struct smp_response *response,
                        struct block *block, struct smp_response *inner, struct smq_event *outcome) {
    if (response->tag != SMP_PRES)
        return fail_by_proxy(lane, response, outcome);
    (void)atomic_load_explicit(&request->stage, memory_order_acquire); /* SENT: the send lane wrote the key before */
    struct slice sealed = response->payload, content;
    struct smp_error error;
    outcome->result = proxy_result_open(&smp_request(request)->proxied->key, request->correlation_id,
                                        block->bytes + (sealed.bytes - block->bytes), sealed.length, &content);
    if (outcome->result != SMQ_OK)
        return false;
    outcome->result = parse_inner(smp_request(request)->proxied->session, content, inner, &error);
    if (outcome->result != SMQ_OK) {
        outcome->error_text = lane_error_text(lane, &error);
        return false;
    }
    return true;
}
