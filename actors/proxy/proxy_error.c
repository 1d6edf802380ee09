/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What clients are told about relays (reference: Client.hs, smpProxyError). */
#include <stddef.h>
#include <string.h>

#include "actors/proxy/proxy.h"

/* The handshake's own errors have the protocol's text form. */
static bool is_transport_error(const struct smq_error *error, struct smp_transport_error *transport) {
    struct reader reader = reader_of(slice_of(error->text, strnlen(error->text, sizeof error->text)));
    smp_transport_error_read(&reader, transport);
    return reader_finish(&reader) == SMQ_OK;
}

struct smp_error proxy_error_of_connect(enum smq_result result, const struct smq_error *error, size_t *counter) {
    struct smp_transport_error transport;
    *counter = PROXY_COUNTER(errors_other);
    if (error != NULL && is_transport_error(error, &transport))
        return smp_error_broker_transport(transport);
    if (result == SMQ_ERR_NOT_FOUND)
        return smp_error_broker(SMP_BROKER_HOST);
    *counter = PROXY_COUNTER(errors_connect);
    if (result == SMQ_ERR_NO_MEMORY || result == SMQ_ERR_SYSTEM || result == SMQ_ERR_INTERNAL)
        return smp_error_of(SMP_ERROR_INTERNAL);
    return smp_error_broker(SMP_BROKER_NETWORK);
}

struct smp_error proxy_error_of_send(enum smq_result result) {
    switch (result) {
    case SMQ_ERR_AUTH:
        return smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_NO_AUTH));
    case SMQ_ERR_TOO_LARGE:
        return smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_LARGE_MESSAGE));
    case SMQ_ERR_CRYPTO:
        return smp_error_of(SMP_ERROR_CRYPTO);
    case SMQ_ERR_NO_CREDIT: /* it would wait behind what the relay does not take */
    case SMQ_ERR_TIMEOUT:
        return smp_error_broker(SMP_BROKER_TIMEOUT);
    case SMQ_ERR_CLOSED:
    case SMQ_ERR_CANCELLED:
        return smp_error_broker(SMP_BROKER_NETWORK);
    default:
        return smp_error_of(SMP_ERROR_INTERNAL);
    }
}

struct smp_error proxy_error_of_answer(const struct forward_answer *answer, char text[SMQ_ERROR_TEXT_SIZE]) {
    if (answer->result == SMQ_ERR_SYNTAX) {
        struct smp_error block = smp_error_of(SMP_ERROR_BLOCK);
        (void)smp_error_text(answer->error != NULL ? answer->error : &block, text, SMQ_ERROR_TEXT_SIZE);
        return smp_error_broker_text(SMP_BROKER_RESPONSE, slice_of_text(text));
    }
    if (answer->result != SMQ_ERR_PROTOCOL)
        return proxy_error_of_send(answer->result);
    if (answer->error != NULL)
        return smp_error_protocol(*answer->error);
    return smp_error_broker_text(SMP_BROKER_UNEXPECTED, slice_of_text(answer->text));
}

struct smp_response proxy_key_response(const struct relay_facts *facts) {
    const struct version_range proxied = {SMP_VERSION_PROXY, SMP_PROXIED_VERSION_MAX};
    struct smp_response response = {.tag = SMP_PKEY};
    if (facts->version < SMP_VERSION_PROXY ||
        version_range_intersect(facts->versions, proxied, &response.proxy_key.versions) != SMQ_OK)
        return smp_response_error(smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_VERSION)));
    if (!facts->has_key)
        return smp_response_error(smp_error_broker_transport(smp_transport_error_of(SMP_TRANSPORT_NO_AUTH)));
    response.proxy_key.session_id = facts->session_id;
    response.proxy_key.chain_key = facts->chain_key;
    return response;
}
