/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP handshake. */
#include "transport/smp/handshake.h"

#include <string.h>

#include "transport/wire/padding.h"

static struct writer begin_block(uint8_t *block) {
    return padded_writer(block, SMP_BLOCK_SIZE);
}

static enum smq_result finish_block(const struct writer *writer, uint8_t *block) {
    return padded_finish(writer, block, SMP_BLOCK_SIZE);
}

static struct reader open_block(const uint8_t *block) {
    return padded_reader(slice_of(block, SMP_BLOCK_SIZE));
}

/* ---- server hello ---- */

enum smq_result smp_server_hello_write(const struct smp_server_hello *hello, uint8_t block[SMP_BLOCK_SIZE]) {
    struct writer writer = begin_block(block);
    write_version_range(&writer, hello->versions);
    write_short(&writer, hello->session_id);
    if (hello->has_key && hello->versions.max >= SMP_VERSION_AUTH)
        chain_key_write(&writer, &hello->chain_key);
    return finish_block(&writer, block);
}

/* Chain and key are optional without a mark: they are there when they parse. */
enum smq_result smp_server_hello_parse(const uint8_t block[SMP_BLOCK_SIZE], struct smp_server_hello *hello) {
    struct reader reader = open_block(block);
    memset(hello, 0, sizeof *hello);
    hello->versions = read_version_range(&reader);
    hello->session_id = read_short(&reader);
    if (hello->versions.max >= SMP_VERSION_AUTH) {
        struct reader attempt = reader;
        chain_key_read(&attempt, &hello->chain_key);
        hello->has_key = !attempt.failed;
    }
    return reader_status(&reader);
}

/* ---- client hello ---- */

static bool is_service_role(uint8_t role) {
    return role == SMP_ROLE_MESSAGING || role == SMP_ROLE_NOTIFIER || role == SMP_ROLE_PROXY;
}

enum smq_result smp_client_hello_write(const struct smp_client_hello *hello, uint8_t block[SMP_BLOCK_SIZE]) {
    struct writer writer = begin_block(block);
    write_u16(&writer, hello->version);
    write_short(&writer, hello->key_hash);
    if (hello->version >= SMP_VERSION_AUTH && hello->has_key)
        write_public_key(&writer, &hello->key);
    if (hello->version >= SMP_VERSION_PROXY_FLAG)
        write_bool(&writer, hello->is_proxy);
    if (hello->version >= SMP_VERSION_SERVICE) {
        write_maybe(&writer, hello->has_service);
        if (hello->has_service) {
            if (!is_service_role((uint8_t)hello->service_role))
                writer_fail(&writer);
            write_u8(&writer, (uint8_t)hello->service_role);
            chain_key_write(&writer, &hello->service_chain_key);
        }
    }
    return finish_block(&writer, block);
}

static void read_service(struct reader *reader, struct smp_client_hello *hello) {
    uint8_t role = read_u8(reader);
    if (!is_service_role(role))
        reader_fail(reader);
    chain_key_read(reader, &hello->service_chain_key);
    hello->service_role = reader->failed ? SMP_ROLE_ANY : (enum smp_service_role)role;
}

enum smq_result smp_client_hello_parse(const uint8_t block[SMP_BLOCK_SIZE], struct smp_client_hello *hello) {
    struct reader reader = open_block(block);
    memset(hello, 0, sizeof *hello);
    hello->version = read_u16(&reader);
    hello->key_hash = read_short(&reader);
    if (hello->version >= SMP_VERSION_AUTH) {
        /* A client without a key sends nothing in its place, so whatever is no X25519 key is the next field. */
        struct reader attempt = reader;
        read_public_key_of(&attempt, KEY_X25519, &hello->key);
        hello->has_key = !attempt.failed;
        if (hello->has_key)
            reader = attempt;
    }
    if (hello->version >= SMP_VERSION_PROXY_FLAG)
        hello->is_proxy = read_bool(&reader);
    if (hello->version >= SMP_VERSION_SERVICE && read_maybe(&reader)) {
        hello->has_service = true;
        read_service(&reader, hello);
    }
    return reader_status(&reader);
}

/* ---- service response ---- */

enum smq_result smp_service_response_write(const struct smp_service_response *response, uint8_t block[SMP_BLOCK_SIZE]) {
    struct writer writer = begin_block(block);
    if (response->accepted) {
        write_u8(&writer, 'R');
        write_short(&writer, response->service_id);
    } else {
        write_u8(&writer, 'E');
        smp_transport_error_write(&writer, response->error);
    }
    return finish_block(&writer, block);
}

enum smq_result smp_service_response_parse(const uint8_t block[SMP_BLOCK_SIZE], struct smp_service_response *response) {
    struct reader reader = open_block(block);
    memset(response, 0, sizeof *response);
    uint8_t kind = read_u8(&reader);
    if (kind == 'R') {
        response->accepted = true;
        response->service_id = read_short(&reader);
    } else if (kind == 'E') {
        smp_transport_error_read(&reader, &response->error);
    } else {
        reader_fail(&reader);
    }
    return reader_status(&reader);
}

/* ---- agreement ---- */

struct version_range smp_server_versions(struct version_range own, bool has_alpn) {
    return has_alpn ? own : (struct version_range){.min = SMP_VERSION_MIN, .max = SMP_VERSION_MIN};
}

enum smq_result smp_server_accept(const struct smp_client_hello *hello, struct version_range announced,
                                  const uint8_t key_hash[SMP_FINGERPRINT_SIZE],
                                  struct version_range *session_versions) {
    if (!slice_equal(hello->key_hash, slice_of(key_hash, SMP_FINGERPRINT_SIZE)))
        return SMQ_ERR_IDENTITY;
    if (!version_range_contains(announced, hello->version))
        return SMQ_ERR_VERSION;
    *session_versions = (struct version_range){.min = announced.min, .max = hello->version};
    return SMQ_OK;
}

enum smq_result smp_client_agree(const struct smp_server_hello *hello, struct version_range own, bool is_proxy,
                                 struct slice session_id, struct version_range *agreed,
                                 struct smp_transport_error *error) {
    *error = smp_transport_error_of(SMP_TRANSPORT_NONE);
    if (!slice_equal(hello->session_id, session_id)) {
        *error = smp_transport_error_of(SMP_TRANSPORT_SESSION);
        return SMQ_ERR_IDENTITY;
    }
    if (is_proxy && hello->versions.max < SMP_VERSION_PROXY_FLAG && own.max > SMP_VERSION_DELETED_EVENT)
        own.max = own.min > SMP_VERSION_DELETED_EVENT ? own.min : SMP_VERSION_DELETED_EVENT;
    if (version_range_intersect(own, hello->versions, agreed) != SMQ_OK) {
        *error = smp_transport_error_of(SMP_TRANSPORT_VERSION);
        return SMQ_ERR_VERSION;
    }
    return SMQ_OK;
}

bool smp_client_sends_service(uint16_t version, bool certificate_requested) {
    return version >= SMP_VERSION_SERVICE && certificate_requested;
}

bool smp_blocks_are_encrypted(uint16_t version, bool has_server_key, bool has_client_key, bool is_proxy) {
    return version >= SMP_VERSION_BLOCK_ENCRYPTION && has_server_key && has_client_key && !is_proxy;
}
