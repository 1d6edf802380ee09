/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two parties with a ratchet between them. Alice initiates, Bob joins and sends first. What does not hold fails the
 * running test. */
#pragma once

#include "transport/crypto/ratchet/ratchet.h"

enum { PAIR_PADDED = 100, PAIR_MESSAGE_MAX = 2 + SEALED_HEADER_MAX + GCM_TAG_SIZE + PAIR_PADDED };

struct ratchet_party {
    struct ratchet ratchet;
    struct skipped_keys skipped;
    uint16_t version_max;
};

struct ratchet_pair {
    struct ratchet_party alice;
    struct ratchet_party bob;
};

/* What they do about the KEM when they agree. */
enum ratchet_handshake {
    HANDSHAKE_NO_KEM,
    HANDSHAKE_PROPOSED,       /* by Bob, in the reply */
    HANDSHAKE_ACCEPTED,       /* by Bob; Alice proposed */
    HANDSHAKE_PROPOSED_AGAIN, /* by both, as in a re-synchronisation */
    HANDSHAKE_COUNT,
};

struct ratchet_message {
    size_t length;
    uint8_t bytes[PAIR_MESSAGE_MAX];
};

/* `version`: agreed, and the highest that both support. */
void ratchet_pair_create(struct ratchet_pair *pair, enum ratchet_handshake handshake, uint16_t version);
void ratchet_pair_destroy(struct ratchet_pair *pair);

/* A message whose text is `length` bytes. */
void ratchet_party_send(struct ratchet_party *party, enum pq_request request, struct slice text,
                        struct ratchet_message *message);
/* The verdict of a message. A refusal must not change anything; RATCHET_RECEIVED must give this text. */
enum ratchet_verdict ratchet_party_receive(struct ratchet_party *party, const struct ratchet_message *message,
                                           struct slice text, struct ratchet_received *received);
/* State and skipped keys, written and read again, as by a program that was started again. */
void ratchet_party_restart(struct ratchet_party *party);

/* The encoded state and skipped keys, one after the other; allocated, the caller frees it. */
uint8_t *ratchet_party_bytes(const struct ratchet_party *party, size_t *length);
