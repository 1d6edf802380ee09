/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* End-to-end envelopes around bodies, by the keys of the queue handles. */
#include <string.h>

#include "actors/client/smp/queues.h"
#include "queues/base/check.h"
#include "transport/crypto/client_envelope.h"

_Static_assert((int)SMQ_ENVELOPE_SIZE == (int)ENVELOPE_MESSAGE_SIZE, "the larger of the two kinds");
_Static_assert((int)SMQ_ENVELOPE_SIZE >= (int)ENVELOPE_CONFIRMATION_SIZE, "room for both kinds");

/* The agreement of an own raw private key and a peer's raw public key. */
static enum smq_result agree(const uint8_t *own, const uint8_t *peer, struct box_key *key) {
    struct private_key private_key;
    struct public_key public_key;
    enum smq_result result = private_key_of_raw(KEY_X25519, slice_of(own, DH_SECRET_SIZE), &private_key);
    if (result == SMQ_OK)
        result = public_key_of_raw(KEY_X25519, slice_of(peer, DH_SECRET_SIZE), &public_key);
    if (result == SMQ_OK)
        result = box_key_agree(&private_key, &public_key, key);
    private_key_wipe(&private_key);
    return result;
}

static enum smq_result public_of(const uint8_t *own, struct public_key *public_key) {
    struct private_key private_key;
    struct key_pair pair;
    enum smq_result result = private_key_of_raw(KEY_X25519, slice_of(own, DH_SECRET_SIZE), &private_key);
    if (result == SMQ_OK)
        result = key_pair_of_private(&private_key, &pair);
    if (result == SMQ_OK) {
        *public_key = pair.public_key;
        key_pair_wipe(&pair);
    }
    private_key_wipe(&private_key);
    return result;
}

enum smq_result smq_send_queue_seal(const struct smq_send_queue *queue, bool with_key, bool tell_key,
                                    struct smq_bytes payload, uint8_t envelope[SMQ_ENVELOPE_SIZE], size_t *length) {
    if (!send_queue_is_valid(queue) || envelope == NULL || length == NULL ||
        (payload.length > 0 && payload.bytes == NULL))
        return SMQ_ERR_INVALID;
    bool has_key = atomic_load_explicit(&queue->has_key, memory_order_acquire);
    if (!queue->has_recipient_key || (tell_key && !has_key))
        return SMQ_ERR_NOT_FOUND;
    struct client_message message = {.has_auth_key = tell_key, .payload = slice_of(payload.bytes, payload.length)};
    if (tell_key)
        message.auth_key = queue->key.pair.public_key;
    struct public_key sender_key;
    struct box_key key;
    enum smq_result result = public_of(queue->envelope_key, &sender_key);
    if (result == SMQ_OK)
        result = agree(queue->envelope_key, queue->recipient_key, &key);
    if (result != SMQ_OK)
        return result;
    uint8_t nonce[BOX_NONCE_SIZE];
    box_nonce_random(nonce);
    result =
        client_envelope_seal(&key, nonce, queue->envelope_version, with_key ? &sender_key : NULL, &message, envelope);
    box_key_wipe(&key);
    if (result == SMQ_OK)
        *length = with_key ? ENVELOPE_CONFIRMATION_SIZE : ENVELOPE_MESSAGE_SIZE;
    return result;
}

/* The sender's key of this envelope: its own, or the one remembered. */
static enum smq_result peer_of(struct smq_receive_queue *queue, const struct client_envelope *envelope,
                               uint8_t peer[DH_SECRET_SIZE]) {
    if (envelope->has_sender_key) {
        memcpy(peer, envelope->sender_key.bytes, DH_SECRET_SIZE);
        return SMQ_OK;
    }
    CHECK(pthread_mutex_lock(&queue->key.lock) == 0);
    bool known = queue->has_envelope_peer;
    memcpy(peer, queue->envelope_peer, DH_SECRET_SIZE);
    CHECK(pthread_mutex_unlock(&queue->key.lock) == 0);
    return known ? SMQ_OK : SMQ_ERR_NOT_FOUND;
}

/* The first sender of a messaging queue is the only one; a contact queue's senders each bring a key of their own. */
static void remember(struct smq_receive_queue *queue, const uint8_t peer[DH_SECRET_SIZE]) {
    CHECK(pthread_mutex_lock(&queue->key.lock) == 0);
    if (queue->mode != QUEUE_MODE_CONTACT && !queue->has_envelope_peer) {
        memcpy(queue->envelope_peer, peer, DH_SECRET_SIZE);
        queue->has_envelope_peer = true;
    }
    CHECK(pthread_mutex_unlock(&queue->key.lock) == 0);
}

enum smq_result smq_receive_queue_open(struct smq_receive_queue *queue, uint8_t *envelope, size_t length,
                                       struct smq_opened *opened) {
    struct client_envelope parsed;
    struct client_message message;
    uint8_t peer[DH_SECRET_SIZE];
    struct box_key key;
    if (!receive_queue_is_valid(queue) || envelope == NULL || opened == NULL)
        return SMQ_ERR_INVALID;
    enum smq_result result = client_envelope_parse(slice_of(envelope, length), &parsed);
    if (result == SMQ_OK)
        result = parsed.version <= SMP_CLIENT_VERSION_MAX ? peer_of(queue, &parsed, peer) : SMQ_ERR_VERSION;
    if (result == SMQ_OK)
        result = agree(queue->envelope_key, peer, &key);
    if (result != SMQ_OK)
        return result;
    result = client_envelope_open(&key, &parsed, envelope, &message);
    box_key_wipe(&key);
    if (result != SMQ_OK)
        return result;
    if (parsed.has_sender_key)
        remember(queue, peer);
    *opened = (struct smq_opened){.payload = {message.payload.bytes, message.payload.length},
                                  .has_sender_key = message.has_auth_key};
    if (message.has_auth_key) {
        struct writer writer = writer_of(opened->sender_key, sizeof(opened->sender_key));
        write_public_key_der(&writer, &message.auth_key);
        opened->sender_key_length = (uint8_t)writer_length(&writer);
    }
    return SMQ_OK;
}
