/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Handshakes, commands and chunks of the XFTP peer. */
#include <stdlib.h>
#include <string.h>

#include "test/support/require.h"
#include "test/support/xftp_peer.h"
#include "transport/block/certificate_chain.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/signed_key.h"
#include "transport/xftp/handshake.h"

static struct slice session_id(const struct xftp_peer *peer) {
    return slice_of(peer->session_id, peer->session_id_length);
}

/* ---- handshake ---- */

void xftp_peer_accept(struct xftp_peer *peer, const uint8_t *fingerprint, uint16_t version) {
    uint8_t block[XFTP_BLOCK_SIZE];
    const struct xftp_client_handshake handshake = {.version = version, .key_hash = slice_of(fingerprint, 32)};
    require(xftp_client_handshake_write(&handshake, block) == SMQ_OK);
    struct xftp_stream *stream = xftp_peer_begin(peer, "POST", NULL, block, sizeof block, true);
    xftp_peer_finish(peer, stream);
    require(stream->status == 200 && stream->answer_length == 0);
    xftp_stream_forget(stream);
    peer->version = version;
}

void xftp_peer_handshake(struct xftp_peer *peer, const uint8_t *fingerprint) {
    struct xftp_server_handshake handshake;
    struct signed_key signed_key;
    struct xftp_stream *stream = xftp_peer_begin(peer, "POST", NULL, NULL, 0, true);
    xftp_peer_finish(peer, stream);
    require(stream->status == 200 && stream->answer_length == XFTP_BLOCK_SIZE);
    require(xftp_server_handshake_parse(slice_of(stream->answer, stream->answer_length), &handshake) == SMQ_OK);
    require(slice_equal(handshake.session_id, session_id(peer)));
    require(signed_key_parse(handshake.chain_key.signed_key, &signed_key) == SMQ_OK);
    peer->session_key = signed_key.key;
    xftp_stream_forget(stream);
    xftp_peer_accept(peer, fingerprint, XFTP_VERSION_MAX);
}

/* ---- commands ---- */

void xftp_peer_block(struct xftp_peer *peer, const struct key_pair *key, struct slice entity,
                     const struct xftp_command *command, uint8_t block[XFTP_BLOCK_SIZE]) {
    static const uint8_t nonce[BOX_NONCE_SIZE] = "a nonce of 24 characters";
    bool is_x25519 = key != NULL && key->public_key.algorithm == KEY_X25519;
    const struct xftp_envelope envelope = {.session_id = session_id(peer),
                                           .correlation_id = slice_of(nonce, is_x25519 ? sizeof nonce : 0),
                                           .entity_id = entity};
    require(xftp_command_block_write(&envelope, key, is_x25519 ? &peer->session_key : NULL, command, block) == SMQ_OK);
}

void xftp_peer_response(struct xftp_peer *peer, const struct xftp_stream *stream, struct xftp_response *response) {
    struct transmission transmission;
    struct xftp_error error;
    require(stream->status == 200 && stream->answer_length >= XFTP_BLOCK_SIZE);
    require(xftp_block_open(slice_of(stream->answer, XFTP_BLOCK_SIZE), session_id(peer), &transmission, &error) ==
            SMQ_OK);
    require(transmission.authorization.length == 0);
    require(xftp_response_parse(transmission.command, response, &error) == SMQ_OK);
}

struct xftp_stream *xftp_peer_command(struct xftp_peer *peer, const struct key_pair *key, struct slice entity,
                                      const struct xftp_command *command, struct slice body,
                                      struct xftp_response *response) {
    uint8_t *bytes = malloc(XFTP_BLOCK_SIZE + body.length);
    require(bytes != NULL);
    xftp_peer_block(peer, key, entity, command, bytes);
    if (body.length > 0)
        memcpy(bytes + XFTP_BLOCK_SIZE, body.bytes, body.length);
    struct xftp_stream *stream = xftp_peer_begin(peer, "POST", NULL, bytes, XFTP_BLOCK_SIZE + body.length, true);
    stream->made = bytes;
    xftp_peer_finish(peer, stream);
    xftp_peer_response(peer, stream, response);
    return stream;
}

struct xftp_error xftp_peer_error(struct xftp_peer *peer, const struct key_pair *key, struct slice entity,
                                  enum xftp_command_tag tag, struct slice body) {
    struct xftp_command command = {.tag = tag};
    struct xftp_response response;
    struct key_pair pair;
    if (tag == XFTP_FGET) {
        require(key_pair_generate(KEY_X25519, &pair) == SMQ_OK);
        command.dh_key = pair.public_key;
    }
    struct xftp_stream *stream = xftp_peer_command(peer, key, entity, &command, body, &response);
    xftp_stream_forget(stream);
    return response.tag == XFTP_ERR ? response.error : xftp_error_of(XFTP_ERROR_NONE);
}

/* ---- chunks ---- */

uint8_t *xftp_chunk_bytes(uint32_t size, uint8_t seed) {
    uint8_t *bytes = malloc(size);
    require(bytes != NULL);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(seed + i * 7 + (i >> 8) * 13 + (i >> 16));
    return bytes;
}

struct slice xftp_file_sender(const struct xftp_peer_file *file) {
    return slice_of(file->sender_id, sizeof file->sender_id);
}

struct slice xftp_file_recipient(const struct xftp_peer_file *file, unsigned recipient) {
    return slice_of(file->recipient_ids[recipient], sizeof file->recipient_ids[recipient]);
}

static void make_file(uint32_t size, uint8_t seed, struct xftp_peer_file *file) {
    uint8_t *bytes = xftp_chunk_bytes(size, seed);
    *file = (struct xftp_peer_file){.size = size, .seed = seed};
    require(hash_slice(HASH_SHA256, slice_of(bytes, size), file->digest) == SMQ_OK);
    free(bytes);
    if (file->sender.public_key.algorithm == KEY_NONE)
        require(key_pair_generate(KEY_ED25519, &file->sender) == SMQ_OK);
    for (unsigned i = 0; i < 2; i++)
        require(key_pair_generate(KEY_ED25519, &file->recipients[i]) == SMQ_OK);
}

static void take_ids(const struct xftp_response *response, struct xftp_peer_file *file) {
    struct reader reader = reader_of(response->ids.recipient_ids.encoded);
    require(response->tag == XFTP_SIDS && response->ids.sender_id.length == XFTP_ENTITY_ID_SIZE);
    require(response->ids.recipient_ids.count == 2);
    memcpy(file->sender_id, response->ids.sender_id.bytes, XFTP_ENTITY_ID_SIZE);
    for (unsigned i = 0; i < 2; i++) {
        struct slice id;
        require(xftp_id_list_next(&reader, &id) && id.length == XFTP_ENTITY_ID_SIZE);
        memcpy(file->recipient_ids[i], id.bytes, XFTP_ENTITY_ID_SIZE);
    }
}

struct xftp_error xftp_peer_create(struct xftp_peer *peer, uint32_t size, uint8_t seed, const char *password,
                                   struct xftp_peer_file *file) {
    uint8_t keys[2 * (1 + KEY_SPKI_MAX)];
    struct writer writer = writer_of(keys, sizeof keys);
    struct xftp_response response;
    make_file(size, seed, file);
    for (unsigned i = 0; i < 2; i++)
        write_public_key(&writer, &file->recipients[i].public_key);
    struct xftp_command command = {
        .tag = XFTP_FNEW,
        .create = {.sender_key = file->sender.public_key,
                   .size = size,
                   .digest = slice_of(file->digest, sizeof file->digest),
                   .recipient_keys = {.count = 2, .encoded = slice_of(keys, writer_length(&writer))},
                   .has_password = password != NULL,
                   .password = slice_of_text(password != NULL ? password : "")},
    };
    struct xftp_stream *stream =
        xftp_peer_command(peer, &file->sender, slice_of(NULL, 0), &command, slice_of(NULL, 0), &response);
    if (response.tag != XFTP_ERR)
        take_ids(&response, file);
    xftp_stream_forget(stream);
    return response.tag == XFTP_ERR ? response.error : xftp_error_of(XFTP_ERROR_NONE);
}

struct xftp_error xftp_peer_put(struct xftp_peer *peer, const struct xftp_peer_file *file) {
    uint8_t *bytes = xftp_chunk_bytes(file->size, file->seed);
    struct xftp_error error =
        xftp_peer_error(peer, &file->sender, xftp_file_sender(file), XFTP_FPUT, slice_of(bytes, file->size));
    free(bytes);
    return error;
}

static struct xftp_error decrypt(const struct xftp_peer_file *file, const struct private_key *own,
                                 const struct xftp_response *response, struct slice body) {
    struct xftp_chunk_decryption decryption;
    struct xftp_error error = {0};
    struct slice plain;
    uint8_t *output = malloc(body.length + 1);
    uint8_t *expected = xftp_chunk_bytes(file->size, file->seed);
    require(output != NULL);
    require(xftp_chunk_decrypt_begin(&decryption, own, &response->file.dh_key, response->file.nonce, file->size,
                                     slice_of(file->digest, sizeof file->digest)) == SMQ_OK);
    require(xftp_chunk_decrypt(&decryption, body, output, &plain, &error) == SMQ_OK);
    if (xftp_chunk_decrypt_end(&decryption, &error) == SMQ_OK) {
        error = xftp_error_of(XFTP_ERROR_NONE);
        require(plain.length == file->size && memcmp(plain.bytes, expected, file->size) == 0);
        require(body.length == file->size + BOX_TAG_SIZE);
    }
    xftp_chunk_decrypt_close(&decryption);
    free(output);
    free(expected);
    return error;
}

struct xftp_error xftp_peer_get(struct xftp_peer *peer, const struct xftp_peer_file *file, unsigned recipient) {
    struct key_pair pair;
    struct xftp_response response;
    require(key_pair_generate(KEY_X25519, &pair) == SMQ_OK);
    const struct xftp_command command = {.tag = XFTP_FGET, .dh_key = pair.public_key};
    struct xftp_stream *stream =
        xftp_peer_command(peer, &file->recipients[recipient], xftp_file_recipient(file, recipient), &command,
                          slice_of(NULL, 0), &response);
    struct xftp_error error = response.tag == XFTP_ERR ? response.error : xftp_error_of(XFTP_ERROR_SIZE);
    if (response.tag == XFTP_FILE && stream->body_ended)
        error = decrypt(file, &pair.private_key, &response,
                        slice_of(stream->answer + XFTP_BLOCK_SIZE, stream->answer_length - XFTP_BLOCK_SIZE));
    xftp_stream_forget(stream);
    return error;
}
