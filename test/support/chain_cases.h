/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificate chains, honest and hostile, for everybody who judges one: each is shown by somebody who has the key of
 * its leaf, to somebody who expects a certain identity. Failures fail the test (cmocka). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "transport/tls/certificate.h"
#include "transport/tls/credentials_private.h"

enum { CASE_CHAIN_MAX = 5 };

struct chain_case {
    const char *name;
    enum certificate_fault fault; /* what a client finds that expects the identity */
    size_t count;
    struct slice chain[CASE_CHAIN_MAX];
    struct key_pair key;                   /* the leaf's */
    uint8_t fingerprint[FINGERPRINT_SIZE]; /* of the expected identity */
};

/* Makes all certificates; frees them. */
void chain_cases_make(void);
void chain_cases_free(void);

size_t chain_case_count(void);
/* Valid until chain_cases_free. */
struct chain_case chain_case(size_t index);
/* The attacker who has nothing of the victim but its public certificate: among the cases, too. */
struct chain_case chain_case_of_attacker(void);

/* The case as credentials, which borrow from it and are not to be destroyed. At most 4 certificates. */
struct credentials chain_case_credentials(const struct chain_case *chain_case);
