/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Handshake of clients: judging the router's hello (reference: Transport.hs, smpClientHandshake). */
#include <string.h>

#include "actors/client/client.h"
#include "actors/client/context.h"
#include "actors/client/smp/forward_private.h"
#include "actors/client/smp/service.h"
#include "transport/crypto/signed_key.h"
#include "transport/tls/certificate.h"

static enum smq_result fail(struct smq_client *client, enum smq_result result, struct smp_transport_error error) {
    char text[SMQ_ERROR_TEXT_SIZE];
    struct writer writer = writer_of(text, sizeof(text) - 1);
    smp_transport_error_write(&writer, error);
    text[writer_length(&writer)] = 0;
    error_set(&client->connect_error, result, text);
    return result;
}

/* The chain in the hello must be the one that TLS has verified, and the session key must be signed by its leaf. */
static enum smq_result verify_key(const struct smq_client *client, const struct chain_key *chain_key,
                                  struct public_key *server_key) {
    struct slice chain[CERTIFICATE_CHAIN_MAX];
    size_t count = chain_certificates(chain_key, chain, CERTIFICATE_CHAIN_MAX);
    const struct connection_tls *tls = connection_tls(client->connection);
    if (!certificate_chain_equal(chain, count, tls->peer_chain, tls->peer_chain_count))
        return SMQ_ERR_IDENTITY;
    struct signed_key signed_key;
    struct public_key leaf_key;
    if (certificate_public_key(chain[0], &leaf_key) != SMQ_OK ||
        signed_key_parse(chain_key->signed_key, &signed_key) != SMQ_OK ||
        signed_key_verify(&signed_key, &leaf_key) != SMQ_OK || signed_key.key.algorithm != KEY_X25519)
        return SMQ_ERR_CRYPTO;
    *server_key = signed_key.key;
    return SMQ_OK;
}

/* Makes the client's key, when it sends one, and the session with it. */
static enum smq_result start_session(struct smq_client *client, uint16_t version, struct slice session_id) {
    struct key_pair pair = {.public_key.algorithm = KEY_NONE};
    struct dh_secret secret;
    enum smq_result result = SMQ_OK;
    bool sends_key = client->options.session_key && version >= SMP_VERSION_AUTH;
    if (sends_key)
        result = key_pair_generate(KEY_X25519, &pair);
    bool has_server_key = smp_client(client)->server_key.algorithm != KEY_NONE;
    bool encrypted = smp_blocks_are_encrypted(version, has_server_key, sends_key, (client->context->proxy != NULL));
    bool forwards = smp_client(client)->relay != NULL && has_server_key && sends_key;
    if (result == SMQ_OK && (encrypted || forwards))
        result = dh(&pair.private_key, &smp_client(client)->server_key, &secret);
    if (result == SMQ_OK) {
        smp_client(client)->hello_key = pair.public_key;
        result = smp_session_init(&smp_client(client)->session, SMP_SIDE_CLIENT, version, session_id,
                                  encrypted ? &secret : NULL);
    }
    if (result == SMQ_OK && forwards) {
        box_key_of_secret(secret.bytes, &smp_client(client)->relay->key);
        smp_client(client)->relay->has_key = true;
    }
    key_pair_wipe(&pair);
    dh_secret_wipe(&secret);
    return result;
}

enum smq_result smp_hello(struct smq_client *client, const uint8_t *block) {
    struct smp_server_hello hello;
    if (smp_server_hello_parse(block, &hello) != SMQ_OK)
        return fail(client, SMQ_ERR_SYNTAX, smp_handshake_error_of(SMP_HANDSHAKE_PARSE));
    const struct connection_tls *tls = connection_tls(client->connection);
    struct slice session_id = slice_of(tls->session_id, tls->session_id_length);
    struct version_range own = {client->options.version_min, client->options.version_max}, agreed;
    struct smp_transport_error error;
    enum smq_result result =
        smp_client_agree(&hello, own, (client->context->proxy != NULL), session_id, &agreed, &error);
    if (result != SMQ_OK)
        return fail(client, result, error);
    if (hello.has_key) {
        result = verify_key(client, &hello.chain_key, &smp_client(client)->server_key);
        if (result != SMQ_OK)
            return fail(client, result, smp_handshake_error_of(SMP_HANDSHAKE_BAD_AUTH));
    }
    if ((client->context->proxy != NULL))
        result = client_relay_create(agreed, hello.has_key ? &hello.chain_key : NULL, &smp_client(client)->relay);
    if (result == SMQ_OK)
        result = start_session(client, agreed.max, session_id);
    if (result == SMQ_OK && client->options.service != NULL)
        smp_client(client)->is_service = smp_client_sends_service(agreed.max, tls->client_certificate_requested);
    if (result == SMQ_OK && smp_client(client)->is_service)
        result = key_pair_generate(KEY_ED25519, &smp_client(client)->service_key);
    if (result != SMQ_OK)
        return result;
    client->hello.kind = OUTGOING_HELLO;
    return connection_send(client->connection, &client->hello);
}

enum smq_result smp_hello_answer(struct smq_client *client, const uint8_t *block) {
    struct smp_service_response response;
    if (smp_service_response_parse(block, &response) != SMQ_OK)
        return fail(client, SMQ_ERR_SYNTAX, smp_handshake_error_of(SMP_HANDSHAKE_PARSE));
    if (!response.accepted)
        return fail(client, SMQ_ERR_AUTH, response.error);
    _Static_assert(sizeof(smp_client(client)->service_id) >= UINT8_MAX, "room for a short string");
    memcpy(smp_client(client)->service_id, response.service_id.bytes, response.service_id.length);
    smp_client(client)->service_id_length = (uint8_t)response.service_id.length;
    return SMQ_OK;
}

bool client_signs_as_service(const struct smq_client *client, enum smp_command_tag tag) {
    const struct smp_command_info *info = smp_command_info(tag);
    return smp_client(client)->is_service && info->service_signature && info->role == client->options.service->role;
}

enum smq_result smp_write_hello(struct smq_client *client, uint8_t *bytes) {
    struct smp_client_hello hello = {.version = smp_client(client)->session.version,
                                     .key_hash = slice_of(client->router->address.key_hash, KEY_HASH_SIZE),
                                     .has_key = smp_client(client)->hello_key.algorithm != KEY_NONE,
                                     .key = smp_client(client)->hello_key,
                                     .is_proxy = client->context->proxy != NULL,
                                     .has_service = smp_client(client)->is_service};
    struct service_hello room;
    if (smp_client(client)->is_service) {
        const struct smq_service *service = client->options.service;
        hello.service_role = service->role;
        enum smq_result result =
            service_sign_key(service, &smp_client(client)->service_key.public_key, &room, &hello.service_chain_key);
        if (result != SMQ_OK)
            return result;
    }
    return smp_client_hello_write(&hello, bytes);
}
