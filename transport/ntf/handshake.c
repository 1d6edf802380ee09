/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The NTF handshake. */
#include "transport/ntf/handshake.h"

#include <string.h>

#include "transport/crypto/signed_key.h"
#include "transport/wire/padding.h"

static bool has_session_key(struct version_range announced) {
    return announced.max >= NTF_VERSION_AUTH;
}

enum smq_result ntf_server_hello_write(const struct ntf_server_hello *hello, uint8_t block[NTF_BLOCK_SIZE]) {
    struct writer writer = padded_writer(block, NTF_BLOCK_SIZE);
    write_version_range(&writer, hello->versions);
    write_short(&writer, hello->session_id);
    if (has_session_key(hello->versions))
        write_large(&writer, hello->signed_key);
    return padded_finish(&writer, block, NTF_BLOCK_SIZE);
}

enum smq_result ntf_server_hello_parse(const uint8_t block[NTF_BLOCK_SIZE], struct ntf_server_hello *hello) {
    struct reader reader = padded_reader(slice_of(block, NTF_BLOCK_SIZE));
    memset(hello, 0, sizeof *hello);
    hello->versions = read_version_range(&reader);
    hello->session_id = read_short(&reader);
    if (has_session_key(hello->versions))
        hello->signed_key = read_large(&reader);
    return reader_status(&reader);
}

enum smq_result ntf_client_hello_write(const struct ntf_client_hello *hello, uint8_t block[NTF_BLOCK_SIZE]) {
    struct writer writer = padded_writer(block, NTF_BLOCK_SIZE);
    write_u16(&writer, hello->version);
    write_short(&writer, hello->key_hash);
    return padded_finish(&writer, block, NTF_BLOCK_SIZE);
}

enum smq_result ntf_client_hello_parse(const uint8_t block[NTF_BLOCK_SIZE], struct ntf_client_hello *hello) {
    struct reader reader = padded_reader(slice_of(block, NTF_BLOCK_SIZE));
    memset(hello, 0, sizeof *hello);
    hello->version = read_u16(&reader);
    hello->key_hash = read_short(&reader);
    return reader_status(&reader);
}

struct version_range ntf_server_versions(struct version_range own, bool has_alpn) {
    return has_alpn ? own : (struct version_range){.min = NTF_VERSION_MIN, .max = NTF_VERSION_MIN};
}

enum smq_result ntf_server_accept(const struct ntf_client_hello *hello, struct version_range announced,
                                  const uint8_t key_hash[KEY_HASH_SIZE]) {
    if (!slice_equal(hello->key_hash, slice_of(key_hash, KEY_HASH_SIZE)))
        return SMQ_ERR_IDENTITY;
    return version_range_contains(announced, hello->version) ? SMQ_OK : SMQ_ERR_VERSION;
}

enum smq_result ntf_client_agree(const struct ntf_server_hello *hello, struct version_range own,
                                 struct slice session_id, struct version_range *agreed,
                                 struct smp_transport_error *error) {
    *error = smp_transport_error_of(SMP_TRANSPORT_NONE);
    if (!slice_equal(hello->session_id, session_id)) {
        *error = smp_transport_error_of(SMP_TRANSPORT_SESSION);
        return SMQ_ERR_IDENTITY;
    }
    if (version_range_intersect(own, hello->versions, agreed) != SMQ_OK) {
        *error = smp_transport_error_of(SMP_TRANSPORT_VERSION);
        return SMQ_ERR_VERSION;
    }
    return SMQ_OK;
}

enum smq_result ntf_client_session_key(const struct ntf_server_hello *hello, const struct public_key *leaf_key,
                                       struct public_key *session_key) {
    struct signed_key signed_key;
    memset(session_key, 0, sizeof *session_key);
    if (!has_session_key(hello->versions))
        return SMQ_OK;
    enum smq_result result = signed_key_parse(hello->signed_key, &signed_key);
    if (result == SMQ_OK && signed_key.key.algorithm != KEY_X25519)
        result = SMQ_ERR_SYNTAX;
    if (result == SMQ_OK)
        result = signed_key_verify(&signed_key, leaf_key);
    if (result == SMQ_OK)
        *session_key = signed_key.key;
    return result;
}
