/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The encryption of a chunk on its way to a recipient: exactly the chunk's bytes, then the tag, under a key that the
 * command's and the answer's X25519 keys agree on. Bytes come in pieces of any size; nothing grows with the chunk. One
 * thread at a time. (Uploads have no encryption of their own: a chunk is part of an encrypted file.) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/box_stream.h"
#include "transport/crypto/keys.h"
#include "transport/xftp/chunk_check.h"
#include "transport/xftp/response.h"

/* ---- router ---- */

/* Secret; wiped by xftp_chunk_encrypt_end and xftp_chunk_encrypt_abort. */
struct xftp_chunk_encryption {
    struct box_stream stream;
    uint32_t left;
};

/* Makes a fresh key and nonce for the client's key, and the FILE response that tells them. SMQ_ERR_CRYPTO for a client
 * key that agrees on nothing. */
enum smq_result xftp_chunk_offer(const struct public_key *client_key, uint32_t size,
                                 struct xftp_chunk_encryption *encryption, struct xftp_response *response);
/* The same for a key and nonce that are there. */
enum smq_result xftp_chunk_encrypt_begin(struct xftp_chunk_encryption *encryption, const struct private_key *own,
                                         const struct public_key *client_key, const uint8_t nonce[BOX_NONCE_SIZE],
                                         uint32_t size);
/* The next bytes of the chunk; `output` has room for as many and may be where they lie. SMQ_ERR_TOO_LARGE, with nothing
 * done, when they are more than the chunk has. */
enum smq_result xftp_chunk_encrypt(struct xftp_chunk_encryption *encryption, struct slice plain, uint8_t *output);
/* After the last bytes: what the body ends with. SMQ_ERR_INVALID, and no tag, when bytes are missing: the stream must
 * then be broken off. */
enum smq_result xftp_chunk_encrypt_end(struct xftp_chunk_encryption *encryption, uint8_t tag[BOX_TAG_SIZE]);
void xftp_chunk_encrypt_abort(struct xftp_chunk_encryption *encryption);

/* ---- client ---- */

/* Secret; to be given up with xftp_chunk_decrypt_close. */
struct xftp_chunk_decryption {
    struct box_stream stream;
    struct xftp_chunk_check check;
    uint32_t left; /* encrypted bytes to come before the tag */
    uint8_t tag_length;
    uint8_t tag[BOX_TAG_SIZE];
};

/* `own` is the private key of the FGET, key and nonce are the FILE response's, `size` and `digest` the description's.
 * SMQ_ERR_CRYPTO for a router key that agrees on nothing; SMQ_ERR_NO_MEMORY. */
enum smq_result xftp_chunk_decrypt_begin(struct xftp_chunk_decryption *decryption, const struct private_key *own,
                                         const struct public_key *router_key, const uint8_t nonce[BOX_NONCE_SIZE],
                                         uint32_t size, struct slice digest);
/* The next bytes of the body, behind its block. `*plain` is what they decrypt to, at `output`, which has room for
 * body.length bytes and may be where they lie; it is not to be trusted before the end. Bytes behind the tag are
 * ignored. SMQ_ERR_CRYPTO with `error` INTERNAL. */
enum smq_result xftp_chunk_decrypt(struct xftp_chunk_decryption *decryption, struct slice body, uint8_t *output,
                                   struct slice *plain, struct xftp_error *error);
/* Whether chunk and tag are there: nothing more need be read of the body, however long a router makes it. */
bool xftp_chunk_decrypt_is_complete(const struct xftp_chunk_decryption *decryption);
/* After the last bytes. SMQ_ERR_PROTOCOL with `error` SIZE (the body was too short), CRYPTO (the tag) or DIGEST (the
 * router has another chunk than the description says); what was written must then be thrown away. */
enum smq_result xftp_chunk_decrypt_end(struct xftp_chunk_decryption *decryption, struct xftp_error *error);
/* At any time after begin, also more than once. */
void xftp_chunk_decrypt_close(struct xftp_chunk_decryption *decryption);
