/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A certificate chain with a key signed by its leaf, as the hellos and PKEY carry it. The bytes are passed on, not
 * judged: classification and verification are the business of those who hold the certificates. Pure and re-entrant:
 * any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

struct chain_key {
    uint8_t count;           /* certificates in the chain, 1..255 */
    struct slice chain;      /* `count` large strings: certificates in DER, leaf first */
    struct slice signed_key; /* signed object (transport/crypto/signed_key.h) */
};

/* Reads `[ls]+` chain, `ls` signed key. The reader fails on an empty list. */
void chain_key_read(struct reader *reader, struct chain_key *chain_key);
/* Writes them back, byte for byte. The writer fails when `count` is 0. */
void chain_key_write(struct writer *writer, const struct chain_key *chain_key);

/* Encodes `count` (1..255) certificates as the `chain` of a struct chain_key into `writer`. */
void chain_encode(struct writer *writer, const struct slice *certificates, size_t count);
/* The certificates of the chain, leaf first, at most `capacity`; returns how many the chain has, which may be more
 * than `capacity`. */
size_t chain_certificates(const struct chain_key *chain_key, struct slice *certificates, size_t capacity);
