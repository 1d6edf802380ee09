/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key pairs of the four curves, their DER forms and Diffie-Hellman. */
#include "transport/crypto/keys.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "queues/base/secret.h"

/* All DER forms of one algorithm are a constant prefix and then the raw key (RFC 8410). */
struct key_format {
    uint8_t raw_length;
    uint8_t spki[12];
    uint8_t pkcs8[16];
    int openssl_type;
};

#define SPKI_PREFIX(total, curve, bits)                                                                                \
    { 0x30, total, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, curve, 0x03, bits, 0x00 }
#define PKCS8_PREFIX(total, curve, outer, inner)                                                                       \
    { 0x30, total, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, curve, 0x04, outer, 0x04, inner }

static const struct key_format formats[] = {
    [KEY_ED25519] = {32, SPKI_PREFIX(0x2a, 0x70, 0x21), PKCS8_PREFIX(0x2e, 0x70, 0x22, 0x20), EVP_PKEY_ED25519},
    [KEY_ED448] = {57, SPKI_PREFIX(0x43, 0x71, 0x3a), PKCS8_PREFIX(0x47, 0x71, 0x3b, 0x39), EVP_PKEY_ED448},
    [KEY_X25519] = {32, SPKI_PREFIX(0x2a, 0x6e, 0x21), PKCS8_PREFIX(0x2e, 0x6e, 0x22, 0x20), EVP_PKEY_X25519},
    [KEY_X448] = {56, SPKI_PREFIX(0x42, 0x6f, 0x39), PKCS8_PREFIX(0x46, 0x6f, 0x3a, 0x38), EVP_PKEY_X448},
};

size_t key_raw_length(enum key_algorithm algorithm) {
    return formats[algorithm].raw_length;
}

size_t key_spki_length(enum key_algorithm algorithm) {
    return algorithm == KEY_NONE ? 0 : sizeof formats[algorithm].spki + formats[algorithm].raw_length;
}

enum smq_result public_key_of_raw(enum key_algorithm algorithm, struct slice raw, struct public_key *key) {
    if (algorithm == KEY_NONE || raw.length != formats[algorithm].raw_length)
        return SMQ_ERR_SYNTAX;
    *key = (struct public_key){.algorithm = algorithm, .length = (uint8_t)raw.length};
    memcpy(key->bytes, raw.bytes, raw.length);
    return SMQ_OK;
}

enum smq_result private_key_of_raw(enum key_algorithm algorithm, struct slice raw, struct private_key *key) {
    if (algorithm == KEY_NONE || raw.length != formats[algorithm].raw_length)
        return SMQ_ERR_SYNTAX;
    *key = (struct private_key){.algorithm = algorithm, .length = (uint8_t)raw.length};
    memcpy(key->bytes, raw.bytes, raw.length);
    return SMQ_OK;
}

/* ---- DER */

enum smq_result public_key_parse(struct slice der, struct public_key *key) {
    for (enum key_algorithm algorithm = KEY_ED25519; algorithm <= KEY_X448; algorithm++) {
        const struct key_format *format = &formats[algorithm];
        if (der.length == sizeof format->spki + format->raw_length &&
            memcmp(der.bytes, format->spki, sizeof format->spki) == 0)
            return public_key_of_raw(algorithm, slice_of(der.bytes + sizeof format->spki, format->raw_length), key);
    }
    return SMQ_ERR_SYNTAX;
}

enum smq_result private_key_parse(struct slice der, struct private_key *key) {
    for (enum key_algorithm algorithm = KEY_ED25519; algorithm <= KEY_X448; algorithm++) {
        const struct key_format *format = &formats[algorithm];
        if (der.length == sizeof format->pkcs8 + format->raw_length &&
            memcmp(der.bytes, format->pkcs8, sizeof format->pkcs8) == 0)
            return private_key_of_raw(algorithm, slice_of(der.bytes + sizeof format->pkcs8, format->raw_length), key);
    }
    return SMQ_ERR_SYNTAX;
}

void write_public_key_der(struct writer *writer, const struct public_key *key) {
    if (key->algorithm == KEY_NONE) {
        writer_fail(writer);
        return;
    }
    write_bytes(writer, formats[key->algorithm].spki, sizeof formats[0].spki);
    write_bytes(writer, key->bytes, key->length);
}

void write_private_key_der(struct writer *writer, const struct private_key *key) {
    if (key->algorithm == KEY_NONE) {
        writer_fail(writer);
        return;
    }
    write_bytes(writer, formats[key->algorithm].pkcs8, sizeof formats[0].pkcs8);
    write_bytes(writer, key->bytes, key->length);
}

void read_public_key(struct reader *reader, struct public_key *key) {
    *key = (struct public_key){0};
    struct slice der = read_short(reader);
    if (!reader->failed && public_key_parse(der, key) != SMQ_OK)
        reader_fail(reader);
}

void read_public_key_of(struct reader *reader, enum key_algorithm algorithm, struct public_key *key) {
    read_public_key(reader, key);
    if (!reader->failed && key->algorithm != algorithm) {
        *key = (struct public_key){0};
        reader_fail(reader);
    }
}

void write_public_key(struct writer *writer, const struct public_key *key) {
    write_u8(writer, (uint8_t)key_spki_length(key->algorithm));
    write_public_key_der(writer, key);
}

/* ---- properties */

bool key_authorizes_queues(enum key_algorithm algorithm) {
    return algorithm == KEY_ED25519 || algorithm == KEY_ED448 || algorithm == KEY_X25519;
}

bool public_key_equal(const struct public_key *a, const struct public_key *b) {
    return a->algorithm == b->algorithm && secret_equal(a->bytes, b->bytes, sizeof a->bytes);
}

/* ---- pairs */

static enum smq_result derive_with_openssl(const struct private_key *private_key, struct public_key *public_key) {
    enum smq_result result = SMQ_ERR_CRYPTO;
    size_t length = sizeof public_key->bytes;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(formats[private_key->algorithm].openssl_type, NULL, private_key->bytes,
                                                 private_key->length);
    if (key != NULL && EVP_PKEY_get_raw_public_key(key, public_key->bytes, &length) == 1 &&
        length == private_key->length)
        result = SMQ_OK;
    EVP_PKEY_free(key);
    return result;
}

static enum smq_result derive_ed25519(const struct private_key *private_key, struct public_key *public_key) {
    uint8_t expanded[crypto_sign_SECRETKEYBYTES];
    int failed = crypto_sign_seed_keypair(public_key->bytes, expanded, private_key->bytes);
    secret_wipe(expanded, sizeof expanded);
    return failed ? SMQ_ERR_CRYPTO : SMQ_OK;
}

enum smq_result key_pair_of_private(const struct private_key *private_key, struct key_pair *pair) {
    enum smq_result result = SMQ_ERR_INVALID;
    struct public_key public_key = {.algorithm = private_key->algorithm, .length = private_key->length};
    switch (private_key->algorithm) {
    case KEY_ED25519:
        result = derive_ed25519(private_key, &public_key);
        break;
    case KEY_X25519:
        result = crypto_scalarmult_base(public_key.bytes, private_key->bytes) == 0 ? SMQ_OK : SMQ_ERR_CRYPTO;
        break;
    case KEY_ED448:
    case KEY_X448:
        result = derive_with_openssl(private_key, &public_key);
        break;
    case KEY_NONE:
        break;
    }
    if (result == SMQ_OK)
        *pair = (struct key_pair){.public_key = public_key, .private_key = *private_key};
    return result;
}

enum smq_result key_pair_generate(enum key_algorithm algorithm, struct key_pair *pair) {
    return key_pair_generate_from(&random_source_system, algorithm, pair);
}

enum smq_result key_pair_generate_from(const struct random_source *random, enum key_algorithm algorithm,
                                       struct key_pair *pair) {
    struct private_key private_key = {.algorithm = algorithm, .length = (uint8_t)key_raw_length(algorithm)};
    random_source_fill(random, private_key.bytes, private_key.length);
    enum smq_result result = key_pair_of_private(&private_key, pair);
    private_key_wipe(&private_key);
    return result;
}

void private_key_wipe(struct private_key *key) {
    secret_wipe(key, sizeof *key);
}

void key_pair_wipe(struct key_pair *pair) {
    secret_wipe(pair, sizeof *pair);
}

/* ---- Diffie-Hellman */

enum smq_result dh(const struct private_key *own, const struct public_key *peer, struct dh_secret *secret) {
    if (own->algorithm != KEY_X25519 || peer->algorithm != KEY_X25519)
        return SMQ_ERR_CRYPTO;
    struct dh_secret computed;
    int failed = crypto_scalarmult(computed.bytes, own->bytes, peer->bytes);
    if (!failed)
        *secret = computed;
    dh_secret_wipe(&computed);
    return failed ? SMQ_ERR_CRYPTO : SMQ_OK;
}

void dh_secret_wipe(struct dh_secret *secret) {
    secret_wipe(secret, sizeof *secret);
}

static EVP_PKEY *openssl_x448_pair(const struct key_pair *pair) {
    EVP_PKEY *key = NULL;
    struct key_pair copy = *pair; /* parameters are not const */
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, copy.private_key.bytes, KEY_X448_SIZE),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy.public_key.bytes, KEY_X448_SIZE),
        OSSL_PARAM_END,
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "X448", NULL);
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters); /* leaves NULL when it fails */
    EVP_PKEY_CTX_free(context);
    key_pair_wipe(&copy);
    return key;
}

enum smq_result dh448(const struct key_pair *own, const struct public_key *peer, struct dh448_secret *secret) {
    if (own->private_key.algorithm != KEY_X448 || peer->algorithm != KEY_X448)
        return SMQ_ERR_CRYPTO;
    enum smq_result result = SMQ_ERR_CRYPTO;
    struct dh448_secret computed;
    size_t length = sizeof computed.bytes;
    EVP_PKEY *own_key = openssl_x448_pair(own);
    EVP_PKEY *peer_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_X448, NULL, peer->bytes, peer->length);
    EVP_PKEY_CTX *context = own_key != NULL ? EVP_PKEY_CTX_new(own_key, NULL) : NULL;
    if (context != NULL && peer_key != NULL && EVP_PKEY_derive_init(context) == 1 &&
        EVP_PKEY_derive_set_peer(context, peer_key) == 1 && EVP_PKEY_derive(context, computed.bytes, &length) == 1 &&
        length == sizeof computed.bytes) {
        *secret = computed;
        result = SMQ_OK;
    }
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer_key);
    EVP_PKEY_free(own_key);
    dh448_secret_wipe(&computed);
    return result;
}

void dh448_secret_wipe(struct dh448_secret *secret) {
    secret_wipe(secret, sizeof *secret);
}
