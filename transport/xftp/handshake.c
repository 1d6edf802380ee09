/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The XFTP handshake. */
#include "transport/xftp/handshake.h"

#include <string.h>

#include "transport/crypto/hash.h"
#include "transport/crypto/signed_key.h"
#include "transport/wire/address.h"
#include "transport/wire/encoding.h"
#include "transport/wire/padding.h"

enum { CHAIN_LENGTH = 2 }; /* leaf and CA */

/* A reader over the content of a body that must be a block. */
static struct reader block_reader(struct slice body) {
    struct reader reader = padded_reader(body);
    if (body.length != XFTP_BLOCK_SIZE)
        reader_fail(&reader);
    return reader;
}

/* ---- client hello ---- */

enum smq_result xftp_client_hello_write(const struct xftp_client_hello *hello, uint8_t block[XFTP_BLOCK_SIZE]) {
    struct writer writer = padded_writer(block, XFTP_BLOCK_SIZE);
    struct slice challenge = slice_of(hello->challenge, XFTP_CHALLENGE_SIZE);
    write_maybe_short(&writer, hello->has_challenge ? &challenge : NULL);
    return padded_finish(&writer, block, XFTP_BLOCK_SIZE);
}

enum smq_result xftp_client_hello_parse(struct slice body, bool web, struct xftp_client_hello *hello) {
    memset(hello, 0, sizeof *hello);
    if (body.length == 0)
        return SMQ_OK;
    if (!web)
        return SMQ_ERR_SYNTAX;
    struct reader reader = padded_reader(body);
    struct slice challenge = read_maybe_short(&reader, &hello->has_challenge);
    if (hello->has_challenge && challenge.length != XFTP_CHALLENGE_SIZE)
        reader_fail(&reader);
    if (reader_status(&reader) == SMQ_OK && hello->has_challenge)
        memcpy(hello->challenge, challenge.bytes, XFTP_CHALLENGE_SIZE);
    return reader_status(&reader);
}

/* ---- server handshake ---- */

static bool is_signature_size(size_t length) {
    return length == SIGNATURE_ED25519_SIZE || length == SIGNATURE_ED448_SIZE;
}

enum smq_result xftp_server_handshake_write(const struct xftp_server_handshake *handshake,
                                            uint8_t block[XFTP_BLOCK_SIZE]) {
    struct writer writer = padded_writer(block, XFTP_BLOCK_SIZE);
    write_version_range(&writer, handshake->versions);
    write_short(&writer, handshake->session_id);
    chain_key_write(&writer, &handshake->chain_key);
    write_short(&writer, handshake->identity_proof);
    return padded_finish(&writer, block, XFTP_BLOCK_SIZE);
}

/* A proof that is not there, or is no signature, is no proof: what stands in its place belongs to later versions. */
enum smq_result xftp_server_handshake_parse(struct slice body, struct xftp_server_handshake *handshake) {
    struct reader reader = block_reader(body);
    memset(handshake, 0, sizeof *handshake);
    handshake->versions = read_version_range(&reader);
    handshake->session_id = read_short(&reader);
    chain_key_read(&reader, &handshake->chain_key);
    struct reader attempt = reader;
    struct slice proof = read_short(&attempt);
    if (!attempt.failed && is_signature_size(proof.length))
        handshake->identity_proof = proof;
    return reader_status(&reader);
}

/* ---- client handshake ---- */

enum smq_result xftp_client_handshake_write(const struct xftp_client_handshake *handshake,
                                            uint8_t block[XFTP_BLOCK_SIZE]) {
    struct writer writer = padded_writer(block, XFTP_BLOCK_SIZE);
    write_u16(&writer, handshake->version);
    write_short(&writer, handshake->key_hash);
    return padded_finish(&writer, block, XFTP_BLOCK_SIZE);
}

enum smq_result xftp_client_handshake_parse(struct slice body, struct xftp_client_handshake *handshake) {
    struct reader reader = block_reader(body);
    memset(handshake, 0, sizeof *handshake);
    handshake->version = read_u16(&reader);
    handshake->key_hash = read_short(&reader);
    return reader_status(&reader);
}

/* ---- raw errors ---- */

enum smq_result xftp_raw_error_write(enum xftp_error_code code, uint8_t block[XFTP_BLOCK_SIZE]) {
    struct writer writer = padded_writer(block, XFTP_BLOCK_SIZE);
    struct xftp_error error = xftp_error_of(code);
    if (code != XFTP_ERROR_SESSION && code != XFTP_ERROR_HANDSHAKE)
        return SMQ_ERR_INVALID;
    xftp_error_write(&writer, &error);
    return padded_finish(&writer, block, XFTP_BLOCK_SIZE);
}

enum smq_result xftp_raw_error_parse(struct slice body, enum xftp_error_code *code) {
    struct reader reader = block_reader(body);
    struct slice content = read_tail(&reader);
    if (reader_status(&reader) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    if (slice_equal(content, slice_of_text("SESSION")))
        *code = XFTP_ERROR_SESSION;
    else if (slice_equal(content, slice_of_text("HANDSHAKE")))
        *code = XFTP_ERROR_HANDSHAKE;
    else
        return SMQ_ERR_SYNTAX;
    return SMQ_OK;
}

/* ---- agreement ---- */

enum smq_result xftp_server_accept(const struct xftp_client_handshake *handshake, struct version_range announced,
                                   const uint8_t key_hash[32]) {
    if (!slice_equal(handshake->key_hash, slice_of(key_hash, KEY_HASH_SIZE)))
        return SMQ_ERR_IDENTITY;
    return version_range_contains(announced, handshake->version) ? SMQ_OK : SMQ_ERR_VERSION;
}

/* What a proof signs: challenge and session id, without lengths. */
static struct slice challenged(const uint8_t *challenge, struct slice session_id, uint8_t *bytes, size_t capacity) {
    struct writer writer = writer_of(bytes, capacity);
    write_bytes(&writer, challenge, XFTP_CHALLENGE_SIZE);
    write_slice(&writer, session_id);
    return slice_of(bytes, writer_finish(&writer) == SMQ_OK ? writer_length(&writer) : 0);
}

enum { CHALLENGED_MAX = XFTP_CHALLENGE_SIZE + UINT8_MAX };

enum smq_result xftp_identity_proof_create(const struct key_pair *leaf, const uint8_t challenge[XFTP_CHALLENGE_SIZE],
                                           struct slice session_id, struct xftp_identity_proof *proof) {
    uint8_t bytes[CHALLENGED_MAX];
    struct slice message = challenged(challenge, session_id, bytes, sizeof bytes);
    proof->length = signature_size(leaf->public_key.algorithm);
    return message.length > 0 ? sign(leaf, message, proof->bytes) : SMQ_ERR_CRYPTO;
}

enum smq_result xftp_identity_proof_verify(const struct public_key *leaf, const uint8_t challenge[XFTP_CHALLENGE_SIZE],
                                           struct slice session_id, struct slice proof) {
    uint8_t bytes[CHALLENGED_MAX];
    struct slice message = challenged(challenge, session_id, bytes, sizeof bytes);
    return message.length > 0 ? signature_verify(leaf, message, proof) : SMQ_ERR_CRYPTO;
}

enum smq_result xftp_client_agree(const struct xftp_server_handshake *handshake, struct version_range own,
                                  struct slice session_id, uint16_t *version) {
    struct version_range agreed;
    if (!slice_equal(handshake->session_id, session_id))
        return SMQ_ERR_IDENTITY;
    enum smq_result result = version_range_intersect(own, handshake->versions, &agreed);
    if (result == SMQ_OK)
        *version = agreed.max;
    return result;
}

enum smq_result xftp_session_key_verify(const struct xftp_server_handshake *handshake, const uint8_t key_hash[32],
                                        const struct public_key *leaf, struct public_key *session_key) {
    struct slice certificates[CHAIN_LENGTH];
    uint8_t digest[HASH_SHA256_SIZE];
    struct signed_key signed_key;
    if (chain_certificates(&handshake->chain_key, certificates, CHAIN_LENGTH) != CHAIN_LENGTH)
        return SMQ_ERR_IDENTITY;
    enum smq_result result = hash_slice(HASH_SHA256, certificates[1], digest);
    if (result != SMQ_OK)
        return result;
    if (memcmp(digest, key_hash, sizeof digest) != 0)
        return SMQ_ERR_IDENTITY;
    result = signed_key_parse(handshake->chain_key.signed_key, &signed_key);
    if (result == SMQ_OK)
        result = signed_key_verify(&signed_key, leaf);
    if (result != SMQ_OK)
        return result;
    if (signed_key.key.algorithm != KEY_X25519)
        return SMQ_ERR_CRYPTO;
    *session_key = signed_key.key;
    return SMQ_OK;
}
