/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The double ratchet with encrypted headers and an optional post-quantum KEM (reference: Ratchet.hs;
 * protocol/pqdr.md). States are plain data and change in memory only: who stores them, stores the change of one call in
 * one transaction. Every call either changes a state as a whole, or leaves it as it was.
 *
 * Order of use: x3dh_keys_generate (x3dh.h), then ratchet_join or ratchet_initiate; then ratchet_encrypt and
 * message_key_seal for each message sent, ratchet_decrypt for each received. Nothing blocks. One thread at a time for
 * one state. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "transport/crypto/ratchet/header.h"
#include "transport/crypto/ratchet/skipped.h"
#include "transport/crypto/ratchet/stored_keys.h"
#include "transport/crypto/ratchet/x3dh.h"

enum {
    RATCHET_WITHOUT_KEM_MAX = 5 + RATCHET_ASSOCIATED_SIZE + STORED_PAIR_SIZE + 6 + 7 * RATCHET_KEY_SIZE + 12,
    RATCHET_MAX = RATCHET_WITHOUT_KEM_MAX + STORED_KEM_MAX, /* bytes of the largest encoded state */
};

struct sending_chain {
    bool exists; /* not before the initiator has received */
    uint8_t chain_key[RATCHET_KEY_SIZE];
    uint8_t header_key[RATCHET_KEY_SIZE];
    uint32_t count;          /* messages sent in it (Ns) */
    uint32_t previous_count; /* and in the one before (PN) */
};

struct receiving_chain {
    bool exists; /* not before this party has received */
    uint8_t chain_key[RATCHET_KEY_SIZE];
    uint8_t header_key[RATCHET_KEY_SIZE];
    uint32_t count; /* of the message expected next (Nr) */
};

/* A state. A secret: whoever holds one wipes it with ratchet_wipe. */
struct ratchet {
    uint16_t version;     /* current; never goes down */
    uint16_t version_max; /* the highest this party supports */
    uint8_t associated[RATCHET_ASSOCIATED_SIZE];
    struct key_pair own;  /* X448 (DHRs) */
    struct kem_state kem; /* goes into every header */
    bool kem_supported;   /* headers have room for a KEM; never goes off */
    bool kem_enabled;     /* the next step uses a KEM when the peer does */
    bool kem_sending;     /* the sending chain's keys come of a KEM too: what a sent message reports */
    bool kem_receiving;   /* the same of the receiving chain */
    uint8_t root_key[RATCHET_KEY_SIZE];
    uint8_t next_sending_header_key[RATCHET_KEY_SIZE];
    uint8_t next_receiving_header_key[RATCHET_KEY_SIZE];
    struct sending_chain sending;
    struct receiving_chain receiving;
};

/* The joiner's first state: it can send at once. `peer` are the link's parameters in the agreed version, which becomes
 * the current one. SMQ_ERR_PROTOCOL and SMQ_ERR_CRYPTO as of x3dh_agree_as_joiner. About two milliseconds. */
enum smq_result ratchet_join(const struct random_source *random, const struct x3dh_keys *own,
                             const struct e2e_parameters *peer, uint16_t version_max, struct ratchet *ratchet);
/* The initiator's: it receives first. `pq`: the connection supports the KEM. Errors as above. */
enum smq_result ratchet_initiate(const struct x3dh_keys *own, const struct e2e_parameters *peer, uint16_t version_max,
                                 bool pq, struct ratchet *ratchet);
void ratchet_wipe(struct ratchet *ratchet);

/* For the store; the form is this project's own. */
void write_ratchet(struct writer *writer, const struct ratchet *ratchet);
/* SMQ_ERR_SYNTAX for what write_ratchet did not write, SMQ_ERR_VERSION for the form of a newer release. */
enum smq_result ratchet_decode(struct slice bytes, struct ratchet *ratchet);

/* ---- sending */

enum pq_request {
    PQ_AS_IT_IS,
    PQ_ON,
    PQ_OFF,
};

/* What one message's body is encrypted with, and its header: kept with the message until it is sent. A secret. */
struct message_key {
    uint16_t version;
    uint8_t associated[RATCHET_ASSOCIATED_SIZE];
    uint8_t key[GCM_KEY_SIZE];
    uint8_t iv[GCM_IV_SIZE];
    uint16_t header_length;
    uint8_t header[SEALED_HEADER_MAX]; /* encrypted */
};

enum { MESSAGE_KEY_MAX = 2 + 1 + RATCHET_ASSOCIATED_SIZE + 1 + GCM_KEY_SIZE + GCM_IV_SIZE + 2 + SEALED_HEADER_MAX };

/* One step of the sending chain. `version_max`: the highest that this party supports now. ratchet->kem_sending says
 * afterwards what to report of the message. Whatever is requested, all headers of a chain have the KEM of its first, so
 * that any of them may come first. (The reference withdraws its ciphertext after PQ_OFF: when the messages before are
 * lost, its chain cannot be read.) SMQ_ERR_CLOSED when there is no sending chain yet, SMQ_ERR_TOO_LARGE when
 * its numbers or the header's room are used up, SMQ_ERR_CRYPTO. */
enum smq_result ratchet_encrypt(struct ratchet *ratchet, enum pq_request request, uint16_t version_max,
                                struct message_key *key);
/* Bytes of a message whose plaintext is padded to `padded`. */
size_t message_size(const struct message_key *key, size_t padded);
/* Writes the message, message_size bytes. SMQ_ERR_TOO_LARGE when the plaintext and two bytes do not fit `padded`,
 * SMQ_ERR_CRYPTO. */
enum smq_result message_key_seal(const struct message_key *key, struct slice plaintext, size_t padded,
                                 uint8_t *message);
void message_key_wipe(struct message_key *key);
void write_message_key(struct writer *writer, const struct message_key *key);
/* SMQ_ERR_SYNTAX. */
enum smq_result message_key_decode(struct slice bytes, struct message_key *key);

/* ---- receiving */

enum ratchet_verdict {
    RATCHET_RECEIVED,       /* the message is decrypted, and the state has changed */
    RATCHET_MALFORMED,      /* message, header or padding do not parse, or the header's key is of small order */
    RATCHET_UNKNOWN_HEADER, /* no key that is known opens it */
    RATCHET_EARLIER,        /* its number was passed, and its key is not kept: it came before, or too late */
    RATCHET_DUPLICATE,      /* it is the last one that came in its chain */
    RATCHET_TOO_MANY,       /* more messages are missing before it than a step may skip */
    RATCHET_WRONG_BODY,     /* the body is not what its sender encrypted */
    RATCHET_WRONG_KEM,      /* accepts a KEM key that was not offered */
};

struct ratchet_received {
    enum ratchet_verdict verdict;
    uint32_t distance;             /* RATCHET_EARLIER, RATCHET_TOO_MANY: by how many messages */
    bool pq;                       /* RATCHET_RECEIVED: to be reported of the message */
    struct slice plaintext;        /* RATCHET_RECEIVED: borrowed from the caller's buffer */
    struct skipped_change skipped; /* RATCHET_RECEIVED */
};

/* Decrypts one message into `buffer`, which has message.length bytes and does not overlap it. State and set change only
 * with the verdict RATCHET_RECEIVED: then both are to be stored; else they are as they were, so that a message that was
 * altered takes nothing from the true one. (The reference keeps the step of a message with a wrong body, and then takes
 * the true one for a duplicate.) Work is bounded: a header is tried with at most SKIPPED_CHAINS_MAX + 2 keys, and only
 * an authentic one makes up to 2 * SKIPPED_A_STEP_MAX keys and a KEM step.
 * SMQ_OK with any verdict; SMQ_ERR_NO_MEMORY, SMQ_ERR_CRYPTO: nothing has changed, and the message may be tried
 * again. */
enum smq_result ratchet_decrypt(struct ratchet *ratchet, struct skipped_keys *skipped,
                                const struct random_source *random, struct slice message, uint8_t *buffer,
                                struct ratchet_received *received);
