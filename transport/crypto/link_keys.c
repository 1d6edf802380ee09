/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys and ids that follow from link data, and the signed and encrypted blobs that hold it. */
#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/hkdf.h"
#include "transport/crypto/link_data.h"
#include "transport/crypto/signature.h"

enum smq_result link_key_of(struct slice fixed_data, uint8_t link_key[LINK_KEY_SIZE]) {
    return hash_slice(HASH_SHA3_256, fixed_data, link_key);
}

void link_contact_keys(const uint8_t link_key[LINK_KEY_SIZE], uint8_t link_id[LINK_ID_SIZE], struct box_key *key) {
    uint8_t output[LINK_ID_SIZE + BOX_KEY_SIZE];
    hkdf_sha512((struct slice){0}, slice_of(link_key, LINK_KEY_SIZE), slice_of_text("SimpleXContactLink"), output,
                sizeof output);
    memcpy(link_id, output, LINK_ID_SIZE);
    box_key_of_secret(output + LINK_ID_SIZE, key);
    secret_wipe(output, sizeof output);
}

void link_invitation_key(const uint8_t link_key[LINK_KEY_SIZE], struct box_key *key) {
    uint8_t output[BOX_KEY_SIZE];
    hkdf_sha512((struct slice){0}, slice_of(link_key, LINK_KEY_SIZE), slice_of_text("SimpleXInvLink"), output,
                sizeof output);
    box_key_of_secret(output, key);
    secret_wipe(output, sizeof output);
}

enum smq_result link_sender_id(struct slice corr_id, uint8_t sender_id[LINK_SENDER_ID_SIZE]) {
    uint8_t digest[HASH_SHA3_384_SIZE];
    enum smq_result result = hash_slice(HASH_SHA3_384, corr_id, digest);
    if (result == SMQ_OK)
        memcpy(sender_id, digest, LINK_SENDER_ID_SIZE);
    return result;
}

enum smq_result link_blob_seal(const struct box_key *key, const struct key_pair *signer, uint8_t *blob, size_t length,
                               size_t padded) {
    if (length > padded - 2 - LINK_SIGNATURE_FIELD)
        return SMQ_ERR_TOO_LARGE;
    if (signer->public_key.algorithm != KEY_ED25519)
        return SMQ_ERR_CRYPTO;
    uint8_t *signature = blob + LINK_SIGNED_OFFSET - SIGNATURE_ED25519_SIZE;
    signature[-1] = SIGNATURE_ED25519_SIZE;
    enum smq_result result = sign(signer, slice_of(blob + LINK_SIGNED_OFFSET, length), signature);
    if (result != SMQ_OK)
        return result;
    box_nonce_random(blob);
    return box_seal_padded(key, blob, blob + BOX_NONCE_SIZE, LINK_SIGNATURE_FIELD + length, padded);
}

enum smq_result link_blob_open(const struct box_key *key, uint8_t *blob, size_t length, struct slice *data,
                               struct slice *signature) {
    if (length < BOX_NONCE_SIZE)
        return SMQ_ERR_SYNTAX;
    struct slice plaintext;
    enum smq_result result = box_open_padded(key, blob, blob + BOX_NONCE_SIZE, length - BOX_NONCE_SIZE, &plaintext);
    if (result != SMQ_OK)
        return result;
    struct reader reader = reader_of(plaintext);
    struct slice found = read_short(&reader);
    struct slice tail = read_tail(&reader);
    if (reader_finish(&reader) != SMQ_OK || found.length != SIGNATURE_ED25519_SIZE)
        return SMQ_ERR_SYNTAX;
    *signature = found;
    *data = tail;
    return SMQ_OK;
}
