/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue handles from the inside: what smq_receive_queue, smq_send_queue and smq_notifier hold. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/router_address.h"
#include "actors/client/smp/queue_key.h"
#include "actors/client/smq/client.h"
#include "transport/crypto/box.h"
#include "transport/wire/queue_uri.h"

/* Immutable but for the end-to-end key and the references. */
struct smq_receive_queue {
    uint32_t magic;
    _Atomic uint32_t references;
    struct router_address *router;
    struct smq_notifier *notifier; /* made with the queue; may be NULL */
    struct queue_key key;
    struct box_key message_key;            /* opens bodies of MSG */
    uint8_t envelope_key[DH_SECRET_SIZE];  /* own X25519 private key for end-to-end envelopes */
    uint8_t envelope_peer[DH_SECRET_SIZE]; /* the sender's public key; guarded by key.lock */
    bool has_envelope_peer;                /* likewise */
    enum queue_mode mode;
    uint8_t recipient_id_length;
    uint8_t sender_id_length;
    uint8_t link_id_length;
    uint8_t ids[]; /* recipient, sender, link */
};

struct smq_send_queue {
    uint32_t magic;
    _Atomic uint32_t references;
    struct router_address *router;
    struct queue_key key; /* set once, before has_key */
    _Atomic bool has_key;
    _Atomic bool secured;
    bool has_recipient_key;                /* end-to-end envelopes are possible */
    uint8_t recipient_key[DH_SECRET_SIZE]; /* X25519 public key of the URI */
    uint8_t envelope_key[DH_SECRET_SIZE];  /* own X25519 private key */
    enum queue_mode mode;
    uint16_t envelope_version;
    uint8_t sender_id_length;
    uint8_t sender_id[];
};

struct smq_notifier {
    uint32_t magic;
    _Atomic uint32_t references;
    struct queue_key key;
    struct box_key metadata_key; /* opens metadata of NMSG */
    uint8_t id_length;
    uint8_t id[];
};

/* What a new receive queue is made of; borrowed. `link_id` may be empty. */
struct receive_queue_parts {
    struct router_address *router; /* a reference is taken */
    struct smq_notifier *notifier; /* the reference is taken over on success; may be NULL */
    const struct private_key *key;
    const struct box_key *message_key;
    enum queue_mode mode;
    struct slice recipient_id;
    struct slice sender_id;
    struct slice link_id;
    const uint8_t *envelope_key;  /* raw X25519 private key; NULL: a fresh one */
    const uint8_t *envelope_peer; /* NULL: not known yet */
};
/* SMQ_ERR_INVALID: an id over 255 bytes, or the key is none for queues; SMQ_ERR_CRYPTO. */
enum smq_result receive_queue_create(const struct receive_queue_parts *parts, struct smq_receive_queue **queue);
/* `key`: the private key that authorizes; KEY_NONE: none. `recipient_key` (raw X25519) may be NULL. */
enum smq_result send_queue_create(struct router_address *router, struct slice sender_id, enum queue_mode mode,
                                  const uint8_t *recipient_key, const struct private_key *key,
                                  struct smq_send_queue **queue);
enum smq_result notifier_create(const struct private_key *key, const struct box_key *metadata_key, struct slice id,
                                struct smq_notifier **notifier);

/* One byte of an export: an algorithm that queues accept, or KEY_NONE; anything else fails the reader. */
enum key_algorithm read_key_algorithm(struct reader *reader);
/* The algorithm behind the public name; KEY_NONE for a value that is none. */
enum key_algorithm key_algorithm_of(enum smq_key_algorithm algorithm);
/* `writer` holds the whole text or bytes: gives the size in and out, as the public export functions do. */
enum smq_result copy_out(struct slice content, uint8_t *buffer, size_t *size);

/* For pointers from outside, which may be NULL. */
bool receive_queue_is_valid(const struct smq_receive_queue *queue);
bool send_queue_is_valid(const struct smq_send_queue *queue);
bool notifier_is_valid(const struct smq_notifier *notifier);
