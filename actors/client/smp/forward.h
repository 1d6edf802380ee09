/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a proxy does on its connections to relays: it shows that it is one, tells its clients what the relay's hello
 * said, and forwards their commands. For actors of this process; nothing here blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/client/smq/client.h"
#include "queues/base/cursor.h"
#include "transport/crypto/proxy_layer.h"
#include "transport/smp/certificate_chain.h"
#include "transport/smp/error.h"
#include "transport/wire/version.h"

struct block; /* actors/net/connection.h */
struct forwarding;

/* Makes all connections of the context those of a proxy: the hello says so, and blocks are not encrypted inside TLS.
 * Before the first one is made. Unless `allow_private`, only addresses of the public internet are connected to
 * (address_scope.h), since those who name relays are anybody. SMQ_ERR_NO_MEMORY, or what map_create returns. */
enum smq_result context_become_proxy(struct smq_context *context, bool allow_private);
/* For connections that are begun from now on. Any thread. */
void context_allow_private(struct smq_context *context, bool allow);

/* A relay as its hello showed it; the slices and the text live as long as the client. */
struct relay_facts {
    uint16_t version;              /* agreed */
    struct version_range versions; /* in common */
    struct slice session_id;
    bool has_key; /* the relay showed a session key; it was verified */
    struct smp_chain_key chain_key;
    const char *host; /* the first of its address */
};
/* Of a client that is, or was, connected, in a context that is a proxy's. Any thread. */
void client_relay_facts(const struct smq_client *client, struct relay_facts *facts);

/* How a forwarded command ended. Everything it points to is valid during the call that tells. */
struct forward_answer {
    /* SMQ_OK: `sealed` is the payload of RRES, for forward_open. SMQ_ERR_TIMEOUT; SMQ_ERR_CLOSED, SMQ_ERR_CANCELLED:
     * the connection ended; SMQ_ERR_PROTOCOL: the relay answered `error`, or, when that is NULL, something else, of
     * which `text` tells; SMQ_ERR_SYNTAX: its answer does not parse, for the reason `error`; SMQ_ERR_TOO_LARGE: the
     * command does not fit a block. */
    enum smq_result result;
    const struct smp_error *error;
    const char *text;
    struct slice sealed;
    struct block **block;                /* the received one that `sealed` lies in; NULL: it is not to be had */
    const struct forwarding *forwarding; /* private */
};

/* One command on its way to a relay; embedded in the caller's object. */
struct forward {
    /* The receive lane of the relay's connection, or, without an answer, any other lane; must not block. Exactly once
     * after client_forward returned SMQ_OK, perhaps before that; `forward` may be freed here. An answer that comes
     * after the time-out is dropped. */
    void (*done)(struct forward *forward, const struct forward_answer *answer);
};

/* Sends `command` in RFWD. In front of its payload there are proxy_forward_header_size() writable bytes, which are
 * overwritten. `*block` is the received block that it lies in, or NULL: when the block can be spared it is taken over,
 * set to NULL, and is what is sent; else the command moves to other memory by being encrypted. SMQ_ERR_AUTH: the relay
 * showed no key; SMQ_ERR_NO_CREDIT: too much waits to be sent to it; SMQ_ERR_TOO_LARGE, SMQ_ERR_NO_MEMORY,
 * SMQ_ERR_CLOSED; then `done` is not called. The time-out is kept to a second; it is
 * the same for all commands of a client, or a shorter one may last as long as one before it. Any attached thread. */
enum smq_result client_forward(struct smq_client *client, const struct proxy_forward *command, struct block **block,
                               uint32_t timeout_ms, struct forward *forward);

/* Decrypts the answer into `output`, which has room for answer->sealed.length bytes. `payload`: of PRES, in `output`,
 * with at least one byte in front of it. SMQ_ERR_CRYPTO, SMQ_ERR_SYNTAX. */
enum smq_result forward_open(const struct forward_answer *answer, uint8_t *output, struct slice *payload);
/* The same in the received block, which must be there. */
enum smq_result forward_open_in_block(const struct forward_answer *answer, struct slice *payload);
