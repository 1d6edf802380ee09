/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Result codes: the one error enum of the project, shared by every layer and by the public API. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* Every function that can fail returns one of these and writes its results to out-parameters only on SMQ_OK. */
enum smq_result {
    SMQ_OK = 0,
    SMQ_ERR_AGAIN,      /* nothing to do now; the caller is told, or asks, again later */
    SMQ_ERR_EMPTY,      /* there is nothing of what was asked for */
    SMQ_ERR_CLOSED,     /* the mailbox, connection or actor is closed */
    SMQ_ERR_TIMEOUT,    /* a deadline passed */
    SMQ_ERR_CANCELLED,  /* the waiter gave up, or the owner is shutting down */
    SMQ_ERR_NO_MEMORY,  /* an allocation failed */
    SMQ_ERR_NO_CREDIT,  /* the receiver's budget of messages or bytes is used up */
    SMQ_ERR_SYSTEM,     /* a system call failed; errno says why */
    SMQ_ERR_INVALID,    /* an argument or a configuration value is not acceptable */
    SMQ_ERR_SYNTAX,     /* bytes or text do not parse */
    SMQ_ERR_TOO_LARGE,  /* a value does not fit its field, block or limit */
    SMQ_ERR_NOT_FOUND,  /* no such object */
    SMQ_ERR_EXISTS,     /* an object of that identity is there already */
    SMQ_ERR_AUTH,       /* credentials are missing, wrong or not allowed */
    SMQ_ERR_CRYPTO,     /* a box, signature or key does not verify, or a library call failed */
    SMQ_ERR_VERSION,    /* no common protocol or file version */
    SMQ_ERR_IDENTITY,   /* a certificate, fingerprint or session id is not the expected one */
    SMQ_ERR_TLS,        /* the TLS handshake or record layer failed */
    SMQ_ERR_NETWORK,    /* name resolution, connect, read or write failed */
    SMQ_ERR_PROTOCOL,   /* the peer broke the protocol, or answered with a protocol error */
    SMQ_ERR_STORE_FULL, /* the store's map or its disk is full */
    SMQ_ERR_STORE,      /* the store failed: I/O error or damaged data */
    SMQ_ERR_INTERNAL,   /* a broken invariant */
    SMQ_RESULT_COUNT
};

/* A short English phrase for `result`; never NULL. Any thread. */
const char *smq_result_text(enum smq_result result);

#ifdef __cplusplus
}
#endif
