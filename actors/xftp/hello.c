/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The handshake on the process lane. A session keeps its key through all hellos, so that tabs of a browser that share a
 * connection do not disturb each other. */
#include "actors/xftp/process_lane.h"
#include "transport/crypto/signed_key.h"
#include "transport/xftp/handshake.h"

static const struct version_range versions = {.min = XFTP_VERSION_MIN, .max = XFTP_VERSION_MAX};

static enum smq_result need_key(struct xftp_session *session) {
    if (session->has_key)
        return SMQ_OK;
    enum smq_result result = key_pair_generate(KEY_X25519, &session->key);
    session->has_key = result == SMQ_OK;
    return result;
}

static enum smq_result write_handshake(struct request *request, const struct xftp_client_hello *hello) {
    struct xftp_session *session = request->session;
    const struct xftp_identity *identity = &session->router->identity;
    const struct key_pair *leaf = credentials_key(identity->credentials);
    struct xftp_identity_proof proof = {0};
    uint8_t signed_key[SIGNED_KEY_MAX];
    struct writer writer = writer_of(signed_key, sizeof signed_key);
    enum smq_result result = write_signed_key(&writer, leaf, &session->key.public_key);
    if (result == SMQ_OK && hello->has_challenge)
        result = xftp_identity_proof_create(leaf, hello->challenge, xftp_session_id(session), &proof);
    if (result == SMQ_OK)
        result = request_need_block(request);
    if (result != SMQ_OK)
        return result;
    const struct xftp_server_handshake handshake = {
        .versions = versions,
        .session_id = xftp_session_id(session),
        .chain_key = {.count = identity->chain_count,
                      .chain = slice_of(identity->chain, identity->chain_length),
                      .signed_key = slice_of(signed_key, writer_length(&writer))},
        .identity_proof = slice_of(proof.bytes, proof.length),
    };
    return xftp_server_handshake_write(&handshake, request->block);
}

void process_hello(struct request *request) {
    struct xftp_session *session = request->session;
    struct xftp_client_hello hello;
    enum smq_result result =
        xftp_client_hello_parse(slice_of(request->block, request->block_length), request->marks.server_name, &hello);
    if (result == SMQ_OK)
        result = need_key(session);
    if (result == SMQ_OK)
        result = write_handshake(request, &hello);
    if (result != SMQ_OK) {
        request_set_raw_error(request, XFTP_ERROR_HANDSHAKE);
        return;
    }
    request->block_length = XFTP_BLOCK_SIZE;
    request->outcome = OUTCOME_ANSWER;
    session->handshake = XFTP_HANDSHAKE_SENT;
}

void process_client_handshake(struct request *request) {
    struct xftp_session *session = request->session;
    struct xftp_client_handshake handshake;
    enum smq_result result = xftp_client_handshake_parse(slice_of(request->block, request->block_length), &handshake);
    if (result == SMQ_OK)
        result = xftp_server_accept(&handshake, versions, session->router->identity.fingerprint);
    if (result != SMQ_OK) {
        request_set_raw_error(request, XFTP_ERROR_HANDSHAKE);
        return;
    }
    session->version = handshake.version;
    session->handshake = XFTP_HANDSHAKE_ACCEPTED;
    request_set_empty(request);
}
