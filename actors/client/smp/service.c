/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_service: loading, lifetime, and the service part of the hello. */
#include "actors/client/smp/service.h"

#include <stdatomic.h>
#include <string.h>

#include "actors/client/client.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/setup.h"
#include "transport/crypto/setup.h"
#include "transport/crypto/signed_key.h"

enum { SERVICE_MAGIC = MAGIC('s', 'r', 'v', 'c') };

enum smq_result service_create(enum smp_service_role role, struct credentials *credentials,
                               struct smq_service **service) {
    size_t count;
    const struct slice *chain = credentials_chain(credentials, &count);
    struct certificate_chain_class class = certificate_chain_classify(count);
    if (class.kind != CHAIN_SELF && class.kind != CHAIN_VALID)
        return SMQ_ERR_INVALID;
    struct smq_service *made = memory_zalloc(sizeof(*made));
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    atomic_init(&made->references, 1);
    MAGIC_SET(made, SERVICE_MAGIC);
    made->role = role;
    enum smq_result result = certificate_fingerprint(chain[class.identity], made->fingerprint);
    if (result == SMQ_OK)
        result = tls_context_create_client(credentials, &made->tls);
    if (result != SMQ_OK) {
        smq_service_release(&made);
        return result;
    }
    made->credentials = credentials;
    *service = made;
    return SMQ_OK;
}

enum smq_result smq_service_load(enum smq_service_role role, const char *certificate_path, const char *chain_path,
                                 const char *key_path, struct smq_service **service, struct smq_error *error) {
    static const enum smp_service_role roles[] = {SMP_ROLE_MESSAGING, SMP_ROLE_NOTIFIER, SMP_ROLE_PROXY};
    struct credentials *credentials = NULL;
    char text[SMQ_ERROR_TEXT_SIZE] = "";
    enum smq_result result =
        (unsigned)role <= SMQ_SERVICE_PROXY && certificate_path != NULL && key_path != NULL && service != NULL
            ? SMQ_OK
            : SMQ_ERR_INVALID;
    if (result == SMQ_OK)
        result = base_setup();
    if (result == SMQ_OK)
        result = crypto_setup();
    if (result == SMQ_OK)
        result = credentials_load(certificate_path, chain_path, key_path, &credentials, text, sizeof(text));
    if (result == SMQ_OK)
        result = service_create(roles[role], credentials, service);
    if (result != SMQ_OK) {
        credentials_destroy(&credentials);
        error_set(error, result, text[0] != 0 ? text : smq_result_text(result));
    }
    return result;
}

bool service_is_valid(const struct smq_service *service) {
    return MAGIC_IS(service, SERVICE_MAGIC);
}

struct smq_service *smq_service_reference(struct smq_service *service) {
    if (!MAGIC_IS(service, SERVICE_MAGIC))
        return NULL;
    atomic_fetch_add_explicit(&service->references, 1, memory_order_relaxed);
    return service;
}

void smq_service_release(struct smq_service **service) {
    if (service == NULL)
        return;
    struct smq_service *released = *service;
    *service = NULL;
    if (!MAGIC_IS(released, SERVICE_MAGIC))
        return;
    if (atomic_fetch_sub_explicit(&released->references, 1, memory_order_acq_rel) != 1)
        return;
    MAGIC_CLEAR(released);
    tls_context_destroy(&released->tls);
    credentials_destroy(&released->credentials);
    memory_free(released);
}

enum smq_result service_sign_key(const struct smq_service *service, const struct public_key *key,
                                 struct service_hello *room, struct chain_key *chain_key) {
    size_t count;
    const struct slice *chain = credentials_chain(service->credentials, &count);
    struct writer chain_writer = writer_of(room->chain, sizeof(room->chain));
    struct writer key_writer = writer_of(room->signed_key, sizeof(room->signed_key));
    chain_encode(&chain_writer, chain, count);
    enum smq_result result = writer_finish(&chain_writer);
    if (result == SMQ_OK)
        result = write_signed_key(&key_writer, credentials_key(service->credentials), key);
    *chain_key = (struct chain_key){(uint8_t)count, slice_of(room->chain, writer_length(&chain_writer)),
                                    slice_of(room->signed_key, writer_length(&key_writer))};
    return result;
}
