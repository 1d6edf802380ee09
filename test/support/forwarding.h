/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Proxied commands as tests make them, byte by byte: what a client puts into PFWD, what a proxy puts into RFWD, and the
 * answers. Failures fail the test (cmocka). */
#pragma once

#include "test/support/smp_peer.h"
#include "transport/crypto/proxy_layer.h"

/* The relay as a client knows it, and one command to it. */
struct forwarding {
    uint16_t version;
    uint8_t session_id[SMP_SESSION_ID_MAX]; /* of the connection between proxy and relay */
    uint8_t session_id_length;
    struct public_key relay_key;
    struct key_pair key; /* fresh for each command */
    uint8_t nonce[BOX_NONCE_SIZE];
    uint8_t payload[PROXY_PAYLOAD_SIZE];
    struct slice sealed; /* the payload of PFWD */
    uint8_t opened[SMP_BLOCK_SIZE];
};

/* The relay of the proxy's connection `proxy`: a test that plays both parts. `version` is what the client chooses. */
struct forwarding forwarding_to(const struct peer *proxy, uint16_t version);
/* The relay that a PKEY tells about. */
struct forwarding forwarding_of_key(const struct peer_answer *pkey, uint16_t version);

/* Makes the payload of PFWD with a fresh key and nonce. `key` NULL: no authorization. */
void forwarding_seal(struct forwarding *forwarding, const struct key_pair *key, struct slice entity_id,
                     const struct smp_command *command);
/* The same with any content instead of one well-formed transmission. */
void forwarding_seal_content(struct forwarding *forwarding, struct slice content);
/* Opens the payload of PRES: exactly one transmission with the nonce as its correlation id. `answer` is valid until the
 * next call. */
void forwarding_open(struct forwarding *forwarding, struct slice payload, struct peer_answer *answer);

/* As the client of a proxy. PRXY for the server at `address`; `password` NULL: none. */
void forwarding_connect(struct peer *client, const char *address, const char *password, struct peer_answer *answer);
/* The same in two steps. */
void forwarding_begin_connect(struct peer *client, const char *address, const char *password, uint8_t id[24]);
void forwarding_end_connect(struct peer *client, const uint8_t id[24], struct peer_answer *answer);
/* PFWD with what was sealed; its correlation id is the nonce. */
void forwarding_send(struct peer *client, const struct forwarding *forwarding);
/* The answer to it, whatever comes before it. */
void forwarding_await(struct peer *client, const struct forwarding *forwarding, struct peer_answer *answer);
/* Seal, send, await PRES, open. */
void forwarding_run_by_proxy(struct peer *client, struct forwarding *forwarding, const struct key_pair *key,
                             struct slice entity_id, const struct smp_command *command, struct peer_answer *answer);

/* As the proxy: sends what was sealed in RFWD and receives the answer, which carries the correlation id of RFWD and no
 * entity. */
void forwarding_ask(struct peer *proxy, const struct forwarding *forwarding, struct peer_answer *answer);
/* RFWD of any plaintext, sealed as it should be. */
void forwarding_ask_raw(struct peer *proxy, struct slice plaintext, struct peer_answer *answer);
/* The payload of PRES in the answer, which must be RRES of the right size. */
struct slice forwarding_unwrap(struct peer *proxy, const struct forwarding *forwarding,
                               const struct peer_answer *answer);
/* All of it: seal, ask, unwrap, open. */
void forwarding_run(struct peer *proxy, struct forwarding *forwarding, const struct key_pair *key,
                    struct slice entity_id, const struct smp_command *command, struct peer_answer *answer);
