/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Encryption of WebPush bodies. A body: salt, record size, length of the key id, key id (the sender's point), and one
 * record: the plaintext, a delimiter, the tag. */
#include "transport/push/web_encryption.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "queues/base/secret.h"

enum { KEY_SIZE = 16, NONCE_SIZE = 12, LAST_RECORD = 2, INFO_MAX = 160 };

struct content_key {
    uint8_t key[KEY_SIZE];
    uint8_t nonce[NONCE_SIZE];
};

/* HKDF-SHA256 with an output of at most one hash. `info` includes the zero that ends its label. */
static void hkdf_sha256(const uint8_t *salt, size_t salt_length, struct slice secret, struct slice info,
                        uint8_t *output, size_t length) {
    uint8_t extracted[crypto_auth_hmacsha256_BYTES], expanded[crypto_auth_hmacsha256_BYTES];
    const uint8_t one = 1;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, salt, salt_length);
    crypto_auth_hmacsha256_update(&state, secret.bytes, secret.length);
    crypto_auth_hmacsha256_final(&state, extracted);
    crypto_auth_hmacsha256_init(&state, extracted, sizeof extracted);
    crypto_auth_hmacsha256_update(&state, info.bytes, info.length);
    crypto_auth_hmacsha256_update(&state, &one, sizeof one);
    crypto_auth_hmacsha256_final(&state, expanded);
    memcpy(output, expanded, length);
    secret_wipe(extracted, sizeof extracted);
    secret_wipe(expanded, sizeof expanded);
    secret_wipe(&state, sizeof state);
}

/* The key and nonce that both sides derive: from the agreement, the receiver's secret and both points, then the salt.
 */
static enum smq_result derive(const struct p256_key *own, const uint8_t peer[P256_POINT_SIZE],
                              const struct web_push_receiver *receiver, const uint8_t sender[P256_POINT_SIZE],
                              const uint8_t salt[WEB_PUSH_SALT_SIZE], struct content_key *content) {
    static const char label[] = "WebPush: info";
    static const char key_info[] = "Content-Encoding: aes128gcm";
    static const char nonce_info[] = "Content-Encoding: nonce";
    uint8_t shared[P256_SHARED_SIZE], secret[crypto_auth_hmacsha256_BYTES], info_bytes[INFO_MAX];
    enum smq_result result = p256_agree(own, peer, shared);
    if (result != SMQ_OK)
        return result;
    struct writer info = writer_of(info_bytes, sizeof info_bytes);
    write_bytes(&info, label, sizeof label);
    write_bytes(&info, receiver->point, P256_POINT_SIZE);
    write_bytes(&info, sender, P256_POINT_SIZE);
    hkdf_sha256(receiver->auth, WEB_PUSH_AUTH_SIZE, slice_of(shared, sizeof shared),
                slice_of(info_bytes, writer_length(&info)), secret, sizeof secret);
    struct slice derived = slice_of(secret, sizeof secret);
    hkdf_sha256(salt, WEB_PUSH_SALT_SIZE, derived, slice_of(key_info, sizeof key_info), content->key, KEY_SIZE);
    hkdf_sha256(salt, WEB_PUSH_SALT_SIZE, derived, slice_of(nonce_info, sizeof nonce_info), content->nonce, NONCE_SIZE);
    secret_wipe(shared, sizeof shared);
    secret_wipe(secret, sizeof secret);
    return SMQ_OK;
}

/* Encrypts plaintext and delimiter into `record`, and puts the tag behind. */
static bool seal_record(const struct content_key *content, struct slice plaintext, uint8_t *record) {
    static const uint8_t delimiter = LAST_RECORD;
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool sealed = context != NULL &&
                  EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, content->key, content->nonce) == 1 &&
                  EVP_EncryptUpdate(context, record, &length, plaintext.bytes, (int)plaintext.length) == 1 &&
                  EVP_EncryptUpdate(context, record + plaintext.length, &length, &delimiter, sizeof delimiter) == 1 &&
                  EVP_EncryptFinal_ex(context, record, &length) == 1 &&
                  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, WEB_PUSH_TAG_SIZE,
                                      record + plaintext.length + sizeof delimiter) == 1;
    EVP_CIPHER_CTX_free(context);
    return sealed;
}

enum smq_result web_push_encrypt(struct writer *writer, const struct web_push_receiver *receiver,
                                 const struct p256_key *key, const uint8_t salt[WEB_PUSH_SALT_SIZE],
                                 struct slice plaintext) {
    struct content_key content;
    uint8_t sender[P256_POINT_SIZE];
    if (plaintext.length > WEB_PUSH_PLAINTEXT_MAX)
        return SMQ_ERR_TOO_LARGE;
    p256_key_point(key, sender);
    write_bytes(writer, salt, WEB_PUSH_SALT_SIZE);
    write_u32(writer, WEB_PUSH_BODY_MAX);
    write_short(writer, slice_of(sender, sizeof sender));
    uint8_t *record = write_reserve(writer, plaintext.length + 1 + WEB_PUSH_TAG_SIZE);
    if (record == NULL)
        return SMQ_ERR_TOO_LARGE;
    enum smq_result result = derive(key, receiver->point, receiver, sender, salt, &content);
    if (result == SMQ_OK && !seal_record(&content, plaintext, record))
        result = SMQ_ERR_CRYPTO;
    secret_wipe(&content, sizeof content);
    return result;
}

/* Decrypts a record without its tag. */
static bool open_record(const struct content_key *content, struct slice sealed, struct slice tag, uint8_t *opened) {
    uint8_t expected[WEB_PUSH_TAG_SIZE];
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    memcpy(expected, tag.bytes, sizeof expected);
    bool good = context != NULL &&
                EVP_DecryptInit_ex(context, EVP_aes_128_gcm(), NULL, content->key, content->nonce) == 1 &&
                EVP_DecryptUpdate(context, opened, &length, sealed.bytes, (int)sealed.length) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, sizeof expected, expected) == 1 &&
                EVP_DecryptFinal_ex(context, opened, &length) == 1;
    EVP_CIPHER_CTX_free(context);
    return good;
}

enum smq_result web_push_decrypt(struct slice body, const struct p256_key *key, const uint8_t auth[WEB_PUSH_AUTH_SIZE],
                                 uint8_t *plaintext, size_t *length) {
    uint8_t opened[WEB_PUSH_PLAINTEXT_MAX + 1];
    struct web_push_receiver receiver;
    struct content_key content;
    struct reader reader = reader_of(body);
    struct slice salt = read_bytes(&reader, WEB_PUSH_SALT_SIZE);
    (void)read_u32(&reader);
    struct slice sender = read_short(&reader);
    size_t left = reader_left(&reader);
    if (reader.failed || sender.length != P256_POINT_SIZE || left <= WEB_PUSH_TAG_SIZE ||
        left - WEB_PUSH_TAG_SIZE > sizeof opened)
        return SMQ_ERR_SYNTAX;
    struct slice sealed = read_bytes(&reader, left - WEB_PUSH_TAG_SIZE);
    struct slice tag = read_tail(&reader);
    p256_key_point(key, receiver.point);
    memcpy(receiver.auth, auth, sizeof receiver.auth);
    enum smq_result result = derive(key, sender.bytes, &receiver, sender.bytes, salt.bytes, &content);
    if (result == SMQ_OK && !open_record(&content, sealed, tag, opened))
        result = SMQ_ERR_CRYPTO;
    *length = sealed.length - 1;
    if (result == SMQ_OK && opened[*length] != LAST_RECORD)
        result = SMQ_ERR_SYNTAX;
    if (result == SMQ_OK)
        memcpy(plaintext, opened, *length);
    secret_wipe(&content, sizeof content);
    secret_wipe(opened, sizeof opened);
    secret_wipe(&receiver, sizeof receiver);
    return result;
}
