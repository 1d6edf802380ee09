/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The encryption of a chunk on its way to a recipient. */
#include "transport/xftp/chunk_cipher.h"

#include <string.h>

static enum smq_result begin_stream(struct box_stream *stream, const struct private_key *own,
                                    const struct public_key *peer, const uint8_t *nonce) {
    struct box_key key;
    enum smq_result result = box_key_agree(own, peer, &key);
    if (result != SMQ_OK)
        return result;
    box_stream_begin(stream, &key, nonce);
    box_key_wipe(&key);
    return SMQ_OK;
}

/* ---- router ---- */

enum smq_result xftp_chunk_encrypt_begin(struct xftp_chunk_encryption *encryption, const struct private_key *own,
                                         const struct public_key *client_key, const uint8_t nonce[BOX_NONCE_SIZE],
                                         uint32_t size) {
    encryption->left = size;
    return begin_stream(&encryption->stream, own, client_key, nonce);
}

enum smq_result xftp_chunk_offer(const struct public_key *client_key, uint32_t size,
                                 struct xftp_chunk_encryption *encryption, struct xftp_response *response) {
    struct key_pair pair;
    struct xftp_response offer = xftp_response_ok();
    enum smq_result result = key_pair_generate(KEY_X25519, &pair);
    if (result != SMQ_OK)
        return result;
    offer.tag = XFTP_FILE;
    offer.file.dh_key = pair.public_key;
    box_nonce_random(offer.file.nonce);
    result = xftp_chunk_encrypt_begin(encryption, &pair.private_key, client_key, offer.file.nonce, size);
    key_pair_wipe(&pair);
    if (result == SMQ_OK)
        *response = offer;
    return result;
}

enum smq_result xftp_chunk_encrypt(struct xftp_chunk_encryption *encryption, struct slice plain, uint8_t *output) {
    if (plain.length > encryption->left)
        return SMQ_ERR_TOO_LARGE;
    box_stream_encrypt(&encryption->stream, plain, output);
    encryption->left -= (uint32_t)plain.length;
    return SMQ_OK;
}

enum smq_result xftp_chunk_encrypt_end(struct xftp_chunk_encryption *encryption, uint8_t tag[BOX_TAG_SIZE]) {
    if (encryption->left > 0)
        return SMQ_ERR_INVALID;
    box_stream_end(&encryption->stream, tag);
    return SMQ_OK;
}

void xftp_chunk_encrypt_abort(struct xftp_chunk_encryption *encryption) {
    box_stream_wipe(&encryption->stream);
}

/* ---- client ---- */

enum smq_result xftp_chunk_decrypt_begin(struct xftp_chunk_decryption *decryption, const struct private_key *own,
                                         const struct public_key *router_key, const uint8_t nonce[BOX_NONCE_SIZE],
                                         uint32_t size, struct slice digest) {
    memset(decryption, 0, sizeof *decryption);
    decryption->left = size;
    enum smq_result result = xftp_chunk_check_begin(&decryption->check, size, digest);
    if (result == SMQ_OK)
        result = begin_stream(&decryption->stream, own, router_key, nonce);
    if (result != SMQ_OK)
        xftp_chunk_decrypt_close(decryption);
    return result;
}

static void gather_tag(struct xftp_chunk_decryption *decryption, const uint8_t *bytes, size_t length) {
    size_t missing = sizeof decryption->tag - decryption->tag_length;
    size_t count = length < missing ? length : missing;
    if (count > 0)
        memcpy(decryption->tag + decryption->tag_length, bytes, count);
    decryption->tag_length = (uint8_t)(decryption->tag_length + count);
}

/* The tag is gathered first: decrypting in place writes over nothing behind the chunk's bytes. */
enum smq_result xftp_chunk_decrypt(struct xftp_chunk_decryption *decryption, struct slice body, uint8_t *output,
                                   struct slice *plain, struct xftp_error *error) {
    size_t count = body.length < decryption->left ? body.length : decryption->left;
    if (count < body.length)
        gather_tag(decryption, body.bytes + count, body.length - count);
    box_stream_decrypt(&decryption->stream, slice_of(body.bytes, count), output);
    decryption->left -= (uint32_t)count;
    *plain = slice_of(output, count);
    return xftp_chunk_check_add(&decryption->check, *plain, error);
}

bool xftp_chunk_decrypt_is_complete(const struct xftp_chunk_decryption *decryption) {
    return decryption->left == 0 && decryption->tag_length == sizeof decryption->tag;
}

enum smq_result xftp_chunk_decrypt_end(struct xftp_chunk_decryption *decryption, struct xftp_error *error) {
    if (!xftp_chunk_decrypt_is_complete(decryption)) {
        *error = xftp_error_of(XFTP_ERROR_SIZE);
        return SMQ_ERR_PROTOCOL;
    }
    if (box_stream_verify(&decryption->stream, decryption->tag) != SMQ_OK) {
        *error = xftp_error_of(XFTP_ERROR_CRYPTO);
        return SMQ_ERR_PROTOCOL;
    }
    return xftp_chunk_check_end(&decryption->check, error);
}

void xftp_chunk_decrypt_close(struct xftp_chunk_decryption *decryption) {
    box_stream_wipe(&decryption->stream);
    xftp_chunk_check_close(&decryption->check);
}
