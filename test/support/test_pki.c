/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A fresh CA and server certificate for each test program. */
#include "test/support/test_pki.h"

#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "queues/base/setup.h"

void test_pki_init(struct test_pki *pki) {
    CHECK(base_setup() == SMQ_OK);
    struct certificate_request request = {
        .kind = CERTIFICATE_CA,
        .algorithm = KEY_ED25519,
        .common_name = "test CA",
        .not_before_s = clock_realtime_s() - 60,
        .days = 10,
    };
    CHECK(credentials_issue(NULL, &request, &pki->ca) == SMQ_OK);
    request.kind = CERTIFICATE_SERVER;
    request.common_name = "localhost";
    CHECK(credentials_issue(pki->ca, &request, &pki->server) == SMQ_OK);
    size_t count;
    CHECK(certificate_fingerprint(credentials_chain(pki->ca, &count)[0], pki->fingerprint) == SMQ_OK);
    CHECK(tls_context_create_server(pki->server, true, &pki->server_context) == SMQ_OK);
    CHECK(tls_context_create_client(NULL, &pki->client_context) == SMQ_OK);
}

void test_pki_finish(struct test_pki *pki) {
    tls_context_destroy(&pki->client_context);
    tls_context_destroy(&pki->server_context);
    credentials_destroy(&pki->server);
    credentials_destroy(&pki->ca);
}
