/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service handshake. The certificate chain of the hello must be the one shown in TLS; the session key must be signed by
 * its leaf; the fingerprint of the identity certificate then leads to a known service, or makes a new one. */
#include "actors/smp/service_hello.h"

#include <string.h>

#include "actors/router/writer.h"
#include "actors/smp/client_session.h"
#include "actors/smp/post.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "stores/smp/service_store.h"
#include "transport/crypto/signed_key.h"
#include "transport/tls/certificate.h"

/* A service being stored; keeps the hello's block for the chain's bytes. */
struct new_service {
    struct writer_request request;
    struct client_session *session;
    struct block *block;
    struct smp_client_hello hello;
};

static enum service_role stored_role(enum smp_service_role role) {
    switch (role) {
    case SMP_ROLE_NOTIFIER:
        return SERVICE_NOTIFIER;
    case SMP_ROLE_PROXY:
        return SERVICE_PROXY;
    default:
        return SERVICE_MESSAGING;
    }
}

/* Ends the handshake, one way or the other. */
static void answer(struct client_session *session, struct block *block, struct smp_transport_error error) {
    struct connection *connection = session->connection;
    session->service_error = error;
    session->service.present = error.code == SMP_TRANSPORT_NONE;
    session->service_response.kind = OUTGOING_SERVICE_RESPONSE;
    (void)connection_send(connection, &session->service_response);
    if (session->service.present)
        connection_established(connection);
    else
        connection_close(connection, SMQ_ERR_AUTH, true);
    connection_resume(connection);
    block_release(block);
    connection_release(connection);
}

static const struct smp_transport_error accepted = {.code = SMP_TRANSPORT_NONE};

/* The chain that TLS has verified, byte for byte, and the session key under its leaf. */
static enum smq_result check_proof(struct client_session *session, const struct smp_client_hello *hello) {
    const struct connection_tls *tls = connection_tls(session->connection);
    struct slice certificates[CERTIFICATE_CHAIN_MAX];
    struct signed_key signed_key;
    struct public_key leaf;
    size_t count = chain_certificates(&hello->service_chain_key, certificates, CERTIFICATE_CHAIN_MAX);
    if (!certificate_chain_equal(certificates, count, tls->peer_chain, tls->peer_chain_count))
        return SMQ_ERR_AUTH;
    enum smq_result result = signed_key_parse(hello->service_chain_key.signed_key, &signed_key);
    if (result == SMQ_OK)
        result = certificate_public_key(certificates[0], &leaf);
    if (result == SMQ_OK)
        result = signed_key_verify(&signed_key, &leaf);
    if (result == SMQ_OK && signed_key.key.algorithm != KEY_ED25519)
        result = SMQ_ERR_AUTH;
    if (result == SMQ_OK)
        result = certificate_fingerprint(certificates[certificate_chain_classify(count).identity],
                                         session->service.fingerprint);
    if (result != SMQ_OK)
        return result;
    session->service.key = signed_key.key;
    session->service.role = hello->service_role;
    return SMQ_OK;
}

static enum smq_result create_apply(struct store_operation *operation, struct store_txn *txn) {
    struct new_service *service = (struct new_service *)(void *)writer_request_of(operation);
    struct client_session *session = service->session;
    struct slice fingerprint = slice_of(session->service.fingerprint, SMP_FINGERPRINT_SIZE);
    struct service_record record;
    /* Another connection may have stored the service since the look-up. */
    if (service_store_find_fingerprint(txn, fingerprint, &record) == SMQ_OK) {
        if (record.role != stored_role(session->service.role) || record.id.length != SMP_ENTITY_ID_SIZE)
            return SMQ_ERR_EXISTS;
        memcpy(session->service.id, record.id.bytes, SMP_ENTITY_ID_SIZE);
        return SMQ_OK;
    }
    record = (struct service_record){
        .role = stored_role(session->service.role),
        .id = slice_of(session->service.id, SMP_ENTITY_ID_SIZE),
        .fingerprint = fingerprint,
        .certificate_chain = service->hello.service_chain_key.chain,
        .created_day = (uint32_t)(clock_realtime_s() / 86400),
    };
    return service_store_create(txn, &record);
}

/* On the writer's thread; the connection is paused, so nobody else looks at the session's service. */
static void create_completed(struct store_operation *operation, enum smq_result result) {
    struct new_service *service = (struct new_service *)(void *)writer_request_of(operation);
    struct client_session *session = service->session;
    struct block *block = service->block;
    memory_free(service);
    answer(session, block, result == SMQ_OK ? accepted : smp_handshake_error_of(SMP_HANDSHAKE_BAD_SERVICE));
}

static void store_service(struct client_session *session, struct block *block, const struct smp_client_hello *hello) {
    struct new_service *service = memory_zalloc(sizeof *service);
    if (service == NULL) {
        answer(session, block, smp_handshake_error_of(SMP_HANDSHAKE_BAD_SERVICE));
        return;
    }
    random_bytes(session->service.id, SMP_ENTITY_ID_SIZE);
    service->session = session;
    service->block = block;
    service->hello = *hello;
    service->request.source = &session->writes;
    service->request.operation = (struct store_operation){.grows = true,
                                                          .bytes = hello->service_chain_key.chain.length,
                                                          .apply = create_apply,
                                                          .completed = create_completed};
    post_writer(session->router, &service->request);
}

void service_hello_receive(struct store_reader *reader, struct block *block) {
    struct client_session *session = connection_state(block->connection);
    struct smp_client_hello hello;
    struct service_record record;
    struct store_txn *txn;
    enum smq_result result = smp_client_hello_parse(block->bytes, &hello);
    if (result == SMQ_OK)
        result = check_proof(session, &hello);
    if (result != SMQ_OK) {
        answer(session, block, smp_handshake_error_of(SMP_HANDSHAKE_BAD_AUTH));
        return;
    }
    result = store_reader_begin(reader, &txn);
    if (result == SMQ_OK) {
        result =
            service_store_find_fingerprint(txn, slice_of(session->service.fingerprint, SMP_FINGERPRINT_SIZE), &record);
        if (result == SMQ_OK &&
            (record.role != stored_role(hello.service_role) || record.id.length != SMP_ENTITY_ID_SIZE))
            result = SMQ_ERR_AUTH;
        if (result == SMQ_OK)
            memcpy(session->service.id, record.id.bytes, SMP_ENTITY_ID_SIZE);
        store_reader_end(reader);
    }
    if (result == SMQ_ERR_NOT_FOUND)
        store_service(session, block, &hello);
    else
        answer(session, block, result == SMQ_OK ? accepted : smp_handshake_error_of(SMP_HANDSHAKE_BAD_SERVICE));
}
