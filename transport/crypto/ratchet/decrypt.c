/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Receiving. What a message says is tried on a copy of the state, cheap things first: the header, then the receiving
 * half of a step and the body; only a message whose body is true gets to the sending half, with its new keys. */
#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/ratchet/ratchet.h"
#include "transport/wire/padding.h"

/* Which chain a message is of. */
enum chain {
    CHAIN_OLD, /* one of which only skipped keys are kept */
    CHAIN_CURRENT,
    CHAIN_NEXT,
};

/* One message on its way. */
struct decryption {
    struct ratchet state;         /* the copy that becomes the next state */
    struct skipped_keys *skipped; /* what is added is taken away again when the message fails */
    const struct random_source *random;
    struct sealed_message message;
    enum chain chain;
    uint8_t header_key[RATCHET_KEY_SIZE]; /* the one that opened the header */
    struct message_header header;
    uint8_t *buffer;
    struct ratchet_received *received;
    enum smq_result failure; /* of the machine; then the verdict means nothing */
};

/* Steps return RATCHET_RECEIVED to go on, and any other verdict to end. */
static enum ratchet_verdict machine_failed(struct decryption *decryption, enum smq_result failure) {
    decryption->failure = failure;
    return RATCHET_MALFORMED;
}

/* ---- header */

static enum ratchet_verdict try_header(struct decryption *decryption, const uint8_t *key) {
    uint8_t buffer[HEADER_RECEIVED_MAX];
    struct slice plaintext;
    const struct sealed_header *header = &decryption->message.parsed_header;
    struct gcm_associated associated = {{slice_of(decryption->state.associated, RATCHET_ASSOCIATED_SIZE)}};
    enum smq_result result = gcm_open(key, header->iv, &associated, header->ciphertext, header->tag, buffer);
    if (result == SMQ_ERR_AUTH)
        return RATCHET_UNKNOWN_HEADER;
    if (result != SMQ_OK)
        return machine_failed(decryption, result);
    enum ratchet_verdict verdict = RATCHET_RECEIVED;
    if (unpad(slice_of(buffer, header->ciphertext.length), &plaintext) != SMQ_OK)
        verdict = RATCHET_UNKNOWN_HEADER;
    else if (message_header_parse(header->version, plaintext, &decryption->header) != SMQ_OK)
        verdict = RATCHET_MALFORMED;
    memcpy(decryption->header_key, key, RATCHET_KEY_SIZE);
    secret_wipe(buffer, header->ciphertext.length);
    return verdict;
}

/* The chains of skipped keys, but the current one, which has been tried. */
static enum ratchet_verdict try_old_chains(struct decryption *decryption) {
    const struct skipped_keys *skipped = decryption->skipped;
    const uint8_t *tried = decryption->state.receiving.header_key;
    enum ratchet_verdict verdict = RATCHET_UNKNOWN_HEADER;
    for (size_t i = skipped->count; i > 0 && verdict == RATCHET_UNKNOWN_HEADER; i--) {
        const uint8_t *key = skipped->keys[i - 1].header_key;
        if (!secret_equal(key, tried, RATCHET_KEY_SIZE))
            verdict = try_header(decryption, key);
        tried = key;
    }
    return verdict;
}

static enum ratchet_verdict open_header(struct decryption *decryption) {
    enum ratchet_verdict verdict = RATCHET_UNKNOWN_HEADER;
    decryption->chain = CHAIN_CURRENT;
    if (decryption->state.receiving.exists)
        verdict = try_header(decryption, decryption->state.receiving.header_key);
    if (verdict == RATCHET_UNKNOWN_HEADER) {
        decryption->chain = CHAIN_NEXT;
        verdict = try_header(decryption, decryption->state.next_receiving_header_key);
    }
    if (verdict == RATCHET_UNKNOWN_HEADER) {
        decryption->chain = CHAIN_OLD;
        verdict = try_old_chains(decryption);
    }
    return verdict;
}

/* ---- body */

static enum ratchet_verdict open_body(struct decryption *decryption, const uint8_t *key, const uint8_t *iv) {
    const struct sealed_message *message = &decryption->message;
    struct gcm_associated associated = {
        {slice_of(decryption->state.associated, RATCHET_ASSOCIATED_SIZE), message->header}};
    enum smq_result result = gcm_open(key, iv, &associated, message->ciphertext, message->tag, decryption->buffer);
    if (result == SMQ_ERR_AUTH)
        return RATCHET_WRONG_BODY;
    if (result != SMQ_OK)
        return machine_failed(decryption, result);
    struct slice padded = slice_of(decryption->buffer, message->ciphertext.length);
    return unpad(padded, &decryption->received->plaintext) == SMQ_OK ? RATCHET_RECEIVED : RATCHET_MALFORMED;
}

/* ---- chains */

static enum ratchet_verdict at_distance(struct decryption *decryption, enum ratchet_verdict verdict,
                                        uint64_t distance) {
    decryption->received->distance = distance < UINT32_MAX ? (uint32_t)distance : UINT32_MAX;
    return verdict;
}

static void skip_one(struct decryption *decryption) {
    struct receiving_chain *chain = &decryption->state.receiving;
    struct chain_step step;
    chain_advance(chain->chain_key, &step);
    struct skipped_key key = {.number = chain->count++};
    memcpy(key.header_key, chain->header_key, sizeof key.header_key);
    memcpy(key.message_key, step.message_key, sizeof key.message_key);
    memcpy(key.body_iv, step.body_iv, sizeof key.body_iv);
    skipped_keys_add(decryption->skipped, &key);
    memcpy(chain->chain_key, step.next, RATCHET_KEY_SIZE);
    secret_wipe(&key, sizeof key);
    secret_wipe(&step, sizeof step);
}

/* Keeps the keys of the chain's messages before number `until`, which then is the one expected next. */
static enum ratchet_verdict skip_until(struct decryption *decryption, uint32_t until) {
    struct receiving_chain *chain = &decryption->state.receiving;
    uint64_t next = chain->count, end = (uint64_t)until + 1;
    if (!chain->exists)
        return RATCHET_RECEIVED;
    if (next > end)
        return at_distance(decryption, RATCHET_EARLIER, next - end);
    if (next == end)
        return RATCHET_DUPLICATE;
    if (next + SKIPPED_A_STEP_MAX < until)
        return at_distance(decryption, RATCHET_TOO_MANY, end - next);
    enum smq_result result = skipped_keys_reserve(decryption->skipped, until - chain->count);
    if (result != SMQ_OK)
        return machine_failed(decryption, result);
    while (chain->count < until)
        skip_one(decryption);
    return RATCHET_RECEIVED;
}

static enum ratchet_verdict receive_in_chain(struct decryption *decryption) {
    struct receiving_chain *chain = &decryption->state.receiving;
    struct chain_step step;
    enum ratchet_verdict verdict = skip_until(decryption, decryption->header.number);
    if (verdict != RATCHET_RECEIVED)
        return verdict;
    chain_advance(chain->chain_key, &step);
    verdict = open_body(decryption, step.message_key, step.body_iv);
    memcpy(chain->chain_key, step.next, RATCHET_KEY_SIZE);
    chain->count++;
    secret_wipe(&step, sizeof step);
    return verdict;
}

/* ---- step of the root */

static bool kem_goes_on(const struct ratchet *ratchet) {
    return ratchet->kem_enabled && ratchet->version >= E2E_VERSION_KEM;
}

/* The receiving half: the chain that the peer has begun. */
static enum ratchet_verdict begin_receiving(struct decryption *decryption) {
    struct ratchet *ratchet = &decryption->state;
    const struct message_header *header = &decryption->header;
    uint8_t secret[SNTRUP761_SHARED_SECRET_SIZE];
    struct root_step step;
    enum smq_result result = SMQ_OK;
    ratchet->kem_receiving = header->kem.offer == KEM_ACCEPTED;
    if (ratchet->kem_receiving && ratchet->kem.offer == KEM_NONE)
        return RATCHET_WRONG_KEM;
    if (ratchet->kem_receiving)
        result = sntrup761_decapsulate(ratchet->kem.secret_key, header->kem.ciphertext, secret);
    if (result != SMQ_OK)
        return machine_failed(decryption, result);
    result = root_advance(ratchet->root_key, &ratchet->own, &header->ratchet_key,
                          ratchet->kem_receiving ? secret : NULL, &step);
    secret_wipe(secret, sizeof secret);
    if (result != SMQ_OK)
        return RATCHET_MALFORMED; /* a key of small order */
    ratchet->receiving = (struct receiving_chain){.exists = true};
    memcpy(ratchet->root_key, step.root_key, RATCHET_KEY_SIZE);
    memcpy(ratchet->receiving.chain_key, step.chain_key, RATCHET_KEY_SIZE);
    memcpy(ratchet->receiving.header_key, ratchet->next_receiving_header_key, RATCHET_KEY_SIZE);
    memcpy(ratchet->next_receiving_header_key, step.next_header_key, RATCHET_KEY_SIZE);
    secret_wipe(&step, sizeof step);
    return RATCHET_RECEIVED;
}

/* Accepts the peer's KEM key and proposes the next of one's own; or proposes, when the peer has none yet and the
 * application wants it; or ends the KEM. `ratchet->kem_sending` says whether there is a secret. */
static enum smq_result answer_kem(struct decryption *decryption, uint8_t secret[SNTRUP761_SHARED_SECRET_SIZE]) {
    struct ratchet *ratchet = &decryption->state;
    const struct kem_parameters *peer = &decryption->header.kem;
    uint8_t public_key[SNTRUP761_PUBLIC_KEY_SIZE];
    bool accepts = kem_goes_on(ratchet) && peer->offer != KEM_NONE;
    bool proposes = kem_goes_on(ratchet) && peer->offer == KEM_NONE && ratchet->kem.offer == KEM_NONE;
    enum smq_result result = SMQ_OK;
    ratchet->kem_sending = accepts;
    secret_wipe(&ratchet->kem, sizeof ratchet->kem);
    if (accepts)
        result = sntrup761_encapsulate(decryption->random, peer->public_key, ratchet->kem.ciphertext, secret);
    if (result == SMQ_OK && (accepts || proposes))
        result = sntrup761_keypair(decryption->random, public_key, ratchet->kem.secret_key);
    ratchet->kem.offer = accepts ? KEM_ACCEPTED : proposes ? KEM_PROPOSED : KEM_NONE;
    return result;
}

/* The sending half: a chain of one's own with fresh keys. */
static enum smq_result begin_sending(struct decryption *decryption) {
    struct ratchet *ratchet = &decryption->state;
    uint8_t secret[SNTRUP761_SHARED_SECRET_SIZE];
    struct root_step step;
    enum smq_result result = answer_kem(decryption, secret);
    if (result == SMQ_OK)
        result = key_pair_generate_from(decryption->random, KEY_X448, &ratchet->own);
    if (result == SMQ_OK)
        result = root_advance(ratchet->root_key, &ratchet->own, &decryption->header.ratchet_key,
                              ratchet->kem_sending ? secret : NULL, &step);
    secret_wipe(secret, sizeof secret);
    if (result != SMQ_OK)
        return result;
    ratchet->sending = (struct sending_chain){.exists = true, .previous_count = ratchet->sending.count};
    memcpy(ratchet->root_key, step.root_key, RATCHET_KEY_SIZE);
    memcpy(ratchet->sending.chain_key, step.chain_key, RATCHET_KEY_SIZE);
    memcpy(ratchet->sending.header_key, ratchet->next_sending_header_key, RATCHET_KEY_SIZE);
    memcpy(ratchet->next_sending_header_key, step.next_header_key, RATCHET_KEY_SIZE);
    ratchet->kem_enabled = ratchet->kem_sending || ratchet->kem_receiving || ratchet->kem.offer != KEM_NONE;
    if (ratchet->version >= E2E_VERSION_KEM && ratchet->kem_enabled)
        ratchet->kem_supported = true;
    secret_wipe(&step, sizeof step);
    return SMQ_OK;
}

static enum ratchet_verdict receive_in_next_chain(struct decryption *decryption) {
    enum ratchet_verdict verdict = skip_until(decryption, decryption->header.previous_count);
    if (verdict == RATCHET_RECEIVED)
        verdict = begin_receiving(decryption);
    if (verdict == RATCHET_RECEIVED)
        verdict = receive_in_chain(decryption);
    if (verdict != RATCHET_RECEIVED)
        return verdict;
    enum smq_result result = begin_sending(decryption);
    return result == SMQ_OK ? RATCHET_RECEIVED : machine_failed(decryption, result);
}

/* ---- all of it */

static void upgrade_version(struct decryption *decryption) {
    struct ratchet *ratchet = &decryption->state;
    uint16_t peer = decryption->header.version_max;
    uint16_t common = peer < ratchet->version_max ? peer : ratchet->version_max;
    if (common > ratchet->version)
        ratchet->version = common;
}

static enum ratchet_verdict receive_skipped(struct decryption *decryption, const struct skipped_key *key) {
    enum ratchet_verdict verdict = open_body(decryption, key->message_key, key->body_iv);
    if (verdict == RATCHET_RECEIVED) {
        decryption->received->skipped.used = key->order;
        skipped_keys_remove(decryption->skipped, key);
    }
    return verdict;
}

static enum ratchet_verdict receive(struct decryption *decryption, struct slice message) {
    if (sealed_message_parse(message, &decryption->message) != SMQ_OK)
        return RATCHET_MALFORMED;
    enum ratchet_verdict verdict = open_header(decryption);
    if (verdict != RATCHET_RECEIVED)
        return verdict;
    const struct skipped_key *key =
        skipped_keys_find(decryption->skipped, decryption->header_key, decryption->header.number);
    if (key != NULL)
        return receive_skipped(decryption, key);
    if (decryption->chain == CHAIN_OLD)
        return RATCHET_UNKNOWN_HEADER;
    upgrade_version(decryption);
    return decryption->chain == CHAIN_NEXT ? receive_in_next_chain(decryption) : receive_in_chain(decryption);
}

/* Bounds the set and says what is to be stored. */
static void note_skipped(struct skipped_keys *skipped, size_t count_before, struct skipped_change *change) {
    if (skipped->count > count_before)
        change->added_from = skipped->keys[count_before].order;
    size_t count = skipped->count;
    skipped_keys_bound(skipped);
    if (skipped->count < count)
        change->kept_from = skipped->keys[0].order;
}

enum smq_result ratchet_decrypt(struct ratchet *ratchet, struct skipped_keys *skipped,
                                const struct random_source *random, struct slice message, uint8_t *buffer,
                                struct ratchet_received *received) {
    size_t count_before = skipped->count;
    *received = (struct ratchet_received){.skipped.added_from = UINT64_MAX};
    struct decryption decryption = {
        .state = *ratchet, .skipped = skipped, .random = random, .buffer = buffer, .received = received};
    enum ratchet_verdict verdict = receive(&decryption, message);
    bool done = verdict == RATCHET_RECEIVED && decryption.failure == SMQ_OK;
    if (done) {
        *ratchet = decryption.state;
        note_skipped(skipped, count_before, &received->skipped);
        received->pq = ratchet->kem_receiving;
    } else {
        skipped_keys_truncate(skipped, count_before);
        received->plaintext = slice_of(NULL, 0);
        secret_wipe(buffer, message.length);
    }
    received->verdict = verdict;
    enum smq_result failure = decryption.failure;
    secret_wipe(&decryption, sizeof decryption);
    return failure;
}
