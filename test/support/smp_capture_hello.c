/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hellos and service answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/support/smp_capture_private.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/signed_key.h"
#include "transport/tls/certificate.h"
#include "transport/wire/padding.h"

enum { RECORDED_S = 1795924800 }; /* 2026-11-29 04:00 UTC, when the captures were made */

/* The block of such a line, which is not encrypted. */
static void hello_block(const struct capture_line *line, uint8_t block[SMP_BLOCK_SIZE]) {
    uint8_t content[SMP_BLOCK_SIZE], digest[HASH_SHA256_SIZE], expected[HASH_SHA256_SIZE];
    capture_check(line, !capture_is_cut(line, "content"));
    capture_check(line, pad(capture_hex(line, "content", content, sizeof content), block, SMP_BLOCK_SIZE) == SMQ_OK);
    capture_check(line, hash_slice(HASH_SHA256, slice_of(block, SMP_BLOCK_SIZE), digest) == SMQ_OK);
    capture_check(line,
                  slice_equal(slice_of(digest, sizeof digest), capture_hex(line, "sha256", expected, sizeof expected)));
}

/* The chain holds, and its leaf has signed the key. */
static struct signed_key check_chain_key(const struct capture_line *line, const struct chain_key *chain_key,
                                         uint8_t fingerprint[SMP_FINGERPRINT_SIZE], struct public_key *leaf) {
    struct slice certificates[CERTIFICATE_CHAIN_MAX];
    struct signed_key signed_key = {0};
    size_t count = chain_certificates(chain_key, certificates, CERTIFICATE_CHAIN_MAX);
    capture_check(line, count >= 2 && count <= CERTIFICATE_CHAIN_MAX);
    capture_check(line, certificate_fingerprint(certificates[1], fingerprint) == SMQ_OK);
    capture_check(line,
                  certificate_check_server(certificates, count, fingerprint, RECORDED_S) == CERTIFICATE_FAULT_NONE);
    capture_check(line, certificate_public_key(certificates[0], leaf) == SMQ_OK);
    capture_check(line, signed_key_parse(chain_key->signed_key, &signed_key) == SMQ_OK);
    capture_check(line, signed_key_verify(&signed_key, leaf) == SMQ_OK);
    return signed_key;
}

static void server_hello(struct captured_connection *connection, const struct capture_line *line) {
    uint8_t again[SMP_BLOCK_SIZE], fingerprint[SMP_FINGERPRINT_SIZE];
    char versions[16];
    struct public_key leaf;
    struct smp_server_hello *hello = &connection->server_hello;
    hello_block(line, connection->server_block);
    capture_check(line, smp_server_hello_parse(connection->server_block, hello) == SMQ_OK);
    capture_check(line,
                  slice_equal(hello->session_id, slice_of(connection->session_id, connection->session_id_length)));
    snprintf(versions, sizeof versions, "%u-%u", hello->versions.min, hello->versions.max);
    capture_check(line, capture_value_is(line, "versions", versions));
    capture_check(line, hello->has_key == (hello->versions.max >= SMP_VERSION_AUTH));
    if (hello->has_key) {
        connection->server_key = capture_dh_pair(line, "server-dh-priv");
        struct signed_key signed_key = check_chain_key(line, &hello->chain_key, fingerprint, &leaf);
        capture_check(line, public_key_equal(&signed_key.key, &connection->server_key.public_key));
        capture_check(line, hello->chain_key.count == capture_number(line, "certs"));
        capture_check(line, (long)hello->chain_key.signed_key.length == capture_number(line, "signed-key-len"));
    }
    capture_check(line, smp_server_hello_write(hello, again) == SMQ_OK);
    capture_check(line, memcmp(again, connection->server_block, SMP_BLOCK_SIZE) == 0);
}

/* Its certificate's private key is in the capture, so that the signed key can be made again. */
static void service_of_hello(struct smp_capture *replay, struct captured_connection *connection,
                             const struct capture_line *line) {
    const struct smp_client_hello *hello = &connection->client_hello;
    uint8_t expected[SMP_FINGERPRINT_SIZE], again[SIGNED_KEY_MAX];
    struct public_key leaf;
    struct signed_key signed_key =
        check_chain_key(line, &hello->service_chain_key, connection->service_fingerprint, &leaf);
    connection->has_service = true;
    connection->service_key = capture_public_key(line, "service-session-pub");
    capture_check(line, public_key_equal(&signed_key.key, &connection->service_key));
    capture_check(line, slice_equal(slice_of(connection->service_fingerprint, SMP_FINGERPRINT_SIZE),
                                    capture_hex(line, "service-fingerprint", expected, sizeof expected)));
    capture_check(line, hello->service_chain_key.count == capture_number(line, "service-certs"));
    capture_check(line, capture_value(line, "service-role").bytes[0] == (uint8_t)hello->service_role);

    struct key_pair signer = capture_key(&replay->capture, line, slice_of_text("service.cert"));
    struct writer writer = writer_of(again, sizeof again);
    capture_check(line, public_key_equal(&signer.public_key, &leaf));
    capture_check(line, write_signed_key(&writer, &signer, &connection->service_key) == SMQ_OK);
    capture_check(line, slice_equal(slice_of(again, writer_length(&writer)), hello->service_chain_key.signed_key));
}

/* The comment with the starts of the chains, where the capture has one. */
static void check_chains(struct smp_capture *replay, const struct captured_connection *connection,
                         const struct capture_line *line) {
    char start[32];
    uint8_t expected[32];
    struct slice number = capture_word(line, 0);
    snprintf(start, sizeof start, "# conn %.*s chains:", (int)number.length, (const char *)number.bytes);
    const struct capture_line *chains = capture_find(&replay->capture, start);
    capture_check(line, (chains != NULL) == connection->server.encrypted);
    if (chains == NULL)
        return;
    capture_check(chains, slice_equal(capture_hex(chains, "ck1", expected, sizeof expected),
                                      slice_of(connection->server.send.key, 32)));
    capture_check(chains, slice_equal(capture_hex(chains, "ck2", expected, sizeof expected),
                                      slice_of(connection->client.send.key, 32)));
    capture_check(chains, memcmp(connection->server.send.key, connection->client.receive.key, 32) == 0);
    capture_check(chains, memcmp(connection->client.send.key, connection->server.receive.key, 32) == 0);
}

static void start_sessions(struct smp_capture *replay, struct captured_connection *connection,
                           const struct capture_line *line) {
    const struct smp_client_hello *hello = &connection->client_hello;
    struct slice session_id = slice_of(connection->session_id, connection->session_id_length);
    struct dh_secret secret, of_client;
    uint8_t expected[DH_SECRET_SIZE];
    bool encrypted =
        smp_blocks_are_encrypted(hello->version, connection->server_hello.has_key, hello->has_key, hello->is_proxy);
    capture_check(line, capture_value_is(line, "block-encryption", encrypted ? "yes" : "no"));
    if (hello->has_key) {
        connection->client_key = capture_dh_pair(line, "client-dh-priv");
        capture_check(line, public_key_equal(&hello->key, &connection->client_key.public_key));
        capture_check(line, dh(&connection->server_key.private_key, &hello->key, &secret) == SMQ_OK);
        capture_check(line, dh(&connection->client_key.private_key, &connection->server_key.public_key, &of_client) ==
                                SMQ_OK);
        capture_check(line, memcmp(secret.bytes, of_client.bytes, DH_SECRET_SIZE) == 0);
        capture_check(line, slice_equal(slice_of(secret.bytes, DH_SECRET_SIZE),
                                        capture_hex(line, "secret", expected, sizeof expected)));
    }
    capture_check(line, smp_session_init(&connection->server, SMP_SIDE_SERVER, hello->version, session_id,
                                         encrypted ? &secret : NULL) == SMQ_OK);
    capture_check(line, smp_session_init(&connection->client, SMP_SIDE_CLIENT, hello->version, session_id,
                                         encrypted ? &of_client : NULL) == SMQ_OK);
    check_chains(replay, connection, line);
}

static void client_hello(struct smp_capture *replay, struct captured_connection *connection,
                         const struct capture_line *line) {
    uint8_t again[SMP_BLOCK_SIZE], fingerprint[SMP_FINGERPRINT_SIZE];
    struct smp_client_hello *hello = &connection->client_hello;
    struct smp_transport_error error;
    struct version_range agreed;
    hello_block(line, connection->client_block);
    capture_check(line, smp_client_hello_parse(connection->client_block, hello) == SMQ_OK);
    capture_check(line, hello->version == capture_number(line, "v"));
    if (connection->server_hello.has_key && connection->server_hello.chain_key.count >= 2) {
        struct slice certificates[CERTIFICATE_CHAIN_MAX];
        (void)chain_certificates(&connection->server_hello.chain_key, certificates, CERTIFICATE_CHAIN_MAX);
        capture_check(line, certificate_fingerprint(certificates[1], fingerprint) == SMQ_OK);
        capture_check(line,
                      smp_server_accept(hello, connection->server_hello.versions, fingerprint, &agreed) == SMQ_OK);
    }
    struct version_range own = {SMP_VERSION_MIN, hello->version};
    capture_check(line, smp_client_agree(&connection->server_hello, own, hello->is_proxy,
                                         slice_of(connection->session_id, connection->session_id_length), &agreed,
                                         &error) == SMQ_OK);
    capture_check(line, agreed.max == hello->version);
    if (hello->version >= SMP_VERSION_PROXY_FLAG)
        capture_check(line, capture_value_is(line, "proxy", hello->is_proxy ? "T" : "F"));
    capture_check(line, hello->has_service == (capture_value(line, "service-role").length > 0));
    if (hello->has_service)
        service_of_hello(replay, connection, line);
    start_sessions(replay, connection, line);
    capture_check(line, smp_client_hello_write(hello, again) == SMQ_OK);
    capture_check(line, memcmp(again, connection->client_block, SMP_BLOCK_SIZE) == 0);
}

static void service_answer(const struct capture_line *line) {
    uint8_t block[SMP_BLOCK_SIZE], again[SMP_BLOCK_SIZE];
    struct smp_service_response response;
    hello_block(line, block);
    capture_check(line, smp_service_response_parse(block, &response) == SMQ_OK);
    capture_check(line, response.accepted ? response.service_id.length == SMP_ENTITY_ID_SIZE
                                          : response.error.code == SMP_TRANSPORT_HANDSHAKE &&
                                                response.error.handshake == SMP_HANDSHAKE_BAD_SERVICE);
    capture_check(line, smp_service_response_write(&response, again) == SMQ_OK);
    capture_check(line, memcmp(again, block, SMP_BLOCK_SIZE) == 0);
}

struct captured_connection *captured_connection_of(struct smp_capture *replay, const struct capture_line *line) {
    unsigned long number = strtoul(line->text, NULL, 10);
    capture_check(line, number < CAPTURE_CONNECTIONS);
    return &replay->connections[number < CAPTURE_CONNECTIONS ? number : 0];
}

void captured_hello(struct smp_capture *replay, struct captured_connection *connection,
                    const struct capture_line *line) {
    struct slice kind = capture_word(line, 5);
    if (slice_equal(kind, slice_of_text("server-hello"))) {
        server_hello(connection, line);
        replay->counts->server_hellos++;
    } else if (slice_equal(kind, slice_of_text("client-hello"))) {
        client_hello(replay, connection, line);
        replay->counts->client_hellos++;
    } else {
        service_answer(line);
        replay->counts->service_answers++;
    }
}
