/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Credentials and TLS contexts of a router and of its clients, for tests of connections. */
#pragma once

#include <stdint.h>

#include "transport/tls/credentials.h"
#include "transport/tls/tls.h"

struct test_pki {
    struct credentials *ca;
    struct credentials *server;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct tls_context *server_context; /* asks clients for certificates */
    struct tls_context *client_context;
};

/* Fails the test when something cannot be made. */
void test_pki_init(struct test_pki *pki);
void test_pki_finish(struct test_pki *pki);
