/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The certificates of the XFTP router, and the TLS that shows them. */
#include <stdio.h>
#include <string.h>

#include "actors/xftp/roles.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "transport/block/certificate_chain.h"
#include "transport/tls/web_certificate.h"

static const char *const xftp_protocols[] = {"xftp/1", "h2", "http/1.1", NULL};

static enum smq_result check_chain(const struct xftp_router_config *config, struct xftp_identity *identity, char *error,
                                   size_t error_size) {
    size_t count;
    const struct slice *chain = credentials_chain(identity->credentials, &count);
    if (certificate_check_server(chain, count, identity->fingerprint, clock_realtime_s()) == CERTIFICATE_FAULT_NONE)
        return SMQ_OK;
    if (error_size > 0)
        (void)snprintf(error, error_size, "%s: not a valid certificate now, or not signed by the first one of %s",
                       config->server_certificate_path, config->ca_certificate_path);
    return SMQ_ERR_INVALID;
}

static enum smq_result encode_chain(struct xftp_identity *identity) {
    size_t count;
    const struct slice *chain = credentials_chain(identity->credentials, &count);
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += 2 + chain[i].length;
    identity->chain = memory_alloc(size);
    if (identity->chain == NULL)
        return SMQ_ERR_NO_MEMORY;
    struct writer writer = writer_of(identity->chain, size);
    chain_encode(&writer, chain, count);
    identity->chain_length = writer_length(&writer);
    identity->chain_count = (uint8_t)count;
    return writer_finish(&writer);
}

enum smq_result xftp_identity_load(const struct xftp_router_config *config, struct xftp_identity *identity, char *error,
                                   size_t error_size) {
    enum smq_result result = credentials_load(config->server_certificate_path, config->ca_certificate_path,
                                              config->server_key_path, &identity->credentials, error, error_size);
    if (result == SMQ_OK)
        result = credentials_ca_fingerprint(config->ca_certificate_path, identity->fingerprint);
    if (result == SMQ_OK)
        result = check_chain(config, identity, error, error_size);
    if (result == SMQ_OK && config->web_certificate_path != NULL)
        result =
            web_certificate_load(config->web_certificate_path, config->web_key_path, &identity->web, error, error_size);
    if (result == SMQ_OK)
        result = encode_chain(identity);
    if (result != SMQ_OK)
        return result;
    const struct tls_server_options options = {
        .credentials = identity->credentials, .web = identity->web, .alpn = xftp_protocols};
    return tls_context_create_web_server(&options, &identity->tls);
}

void xftp_identity_destroy(struct xftp_identity *identity) {
    tls_context_destroy(&identity->tls);
    credentials_destroy(&identity->credentials);
    web_certificate_destroy(&identity->web);
    memory_free(identity->chain);
    identity->chain = NULL;
}
