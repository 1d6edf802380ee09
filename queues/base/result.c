/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The words for the result codes. */
#include "smq/result.h"

#include <stddef.h>

static const char *const texts[SMQ_RESULT_COUNT] = {
    [SMQ_OK] = "success",
    [SMQ_ERR_AGAIN] = "try again later",
    [SMQ_ERR_EMPTY] = "nothing there",
    [SMQ_ERR_CLOSED] = "closed",
    [SMQ_ERR_TIMEOUT] = "timed out",
    [SMQ_ERR_CANCELLED] = "cancelled",
    [SMQ_ERR_NO_MEMORY] = "out of memory",
    [SMQ_ERR_NO_CREDIT] = "no credit left",
    [SMQ_ERR_SYSTEM] = "system call failed",
    [SMQ_ERR_INVALID] = "invalid argument",
    [SMQ_ERR_SYNTAX] = "syntax error",
    [SMQ_ERR_TOO_LARGE] = "too large",
    [SMQ_ERR_NOT_FOUND] = "not found",
    [SMQ_ERR_EXISTS] = "already exists",
    [SMQ_ERR_AUTH] = "not authorized",
    [SMQ_ERR_CRYPTO] = "cryptographic check failed",
    [SMQ_ERR_VERSION] = "no common version",
    [SMQ_ERR_IDENTITY] = "unexpected identity",
    [SMQ_ERR_TLS] = "TLS failed",
    [SMQ_ERR_NETWORK] = "network failed",
    [SMQ_ERR_PROTOCOL] = "protocol error",
    [SMQ_ERR_STORE_FULL] = "store is full",
    [SMQ_ERR_STORE] = "store failed",
    [SMQ_ERR_INTERNAL] = "internal error",
};

const char *smq_result_text(enum smq_result result) {
    const char *text = (unsigned)result < SMQ_RESULT_COUNT ? texts[result] : NULL;
    return text != NULL ? text : "unknown result";
}
