/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "test/support/ratchet_pair.h"

#include <stdlib.h>
#include <string.h>

#include "test/support/require.h"

/* ---- the pair */

static void agree(struct ratchet_pair *pair, const struct x3dh_keys *alice, const struct x3dh_keys *bob,
                  uint16_t version, bool pq) {
    const struct version_range versions = {.min = version, .max = version};
    struct e2e_parameters alice_sends, bob_sends;
    x3dh_parameters(alice, versions, &alice_sends);
    x3dh_parameters(bob, versions, &bob_sends);
    require(ratchet_join(&random_source_system, bob, &alice_sends, version, &pair->bob.ratchet) == SMQ_OK);
    require(ratchet_initiate(alice, &bob_sends, version, pq, &pair->alice.ratchet) == SMQ_OK);
}

void ratchet_pair_create(struct ratchet_pair *pair, enum ratchet_handshake handshake, uint16_t version) {
    static const enum kem_offer offers[HANDSHAKE_COUNT][2] = {
        [HANDSHAKE_NO_KEM] = {KEM_NONE, KEM_NONE},
        [HANDSHAKE_PROPOSED] = {KEM_NONE, KEM_PROPOSED},
        [HANDSHAKE_ACCEPTED] = {KEM_PROPOSED, KEM_ACCEPTED},
        [HANDSHAKE_PROPOSED_AGAIN] = {KEM_PROPOSED, KEM_PROPOSED},
    };
    struct x3dh_keys alice, bob;
    struct e2e_parameters link;
    memset(pair, 0, sizeof *pair);
    pair->alice.version_max = pair->bob.version_max = version;
    require(x3dh_keys_generate(&random_source_system, offers[handshake][0], NULL, &alice) == SMQ_OK);
    x3dh_parameters(&alice, (struct version_range){version, version}, &link);
    require(x3dh_keys_generate(&random_source_system, offers[handshake][1], &link, &bob) == SMQ_OK);
    agree(pair, &alice, &bob, version, handshake != HANDSHAKE_NO_KEM);
}

void ratchet_pair_destroy(struct ratchet_pair *pair) {
    skipped_keys_clear(&pair->alice.skipped);
    skipped_keys_clear(&pair->bob.skipped);
    ratchet_wipe(&pair->alice.ratchet);
    ratchet_wipe(&pair->bob.ratchet);
}

/* ---- bytes */

static void write_party(struct writer *writer, const struct ratchet_party *party) {
    write_ratchet(writer, &party->ratchet);
    for (size_t i = 0; i < party->skipped.count; i++) {
        write_i64(writer, (int64_t)party->skipped.keys[i].order);
        write_skipped_key(writer, &party->skipped.keys[i]);
    }
}

uint8_t *ratchet_party_bytes(const struct ratchet_party *party, size_t *length) {
    size_t capacity = RATCHET_MAX + party->skipped.count * (SKIPPED_KEY_ENCODED + sizeof(uint64_t));
    uint8_t *bytes = malloc(capacity);
    require(bytes != NULL);
    struct writer writer = writer_of(bytes, capacity);
    write_party(&writer, party);
    require(writer_finish(&writer) == SMQ_OK);
    *length = writer_length(&writer);
    return bytes;
}

void ratchet_party_restart(struct ratchet_party *party) {
    struct skipped_keys loaded = {0};
    uint8_t bytes[RATCHET_MAX];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_ratchet(&writer, &party->ratchet);
    require(writer_finish(&writer) == SMQ_OK);
    ratchet_wipe(&party->ratchet);
    require(ratchet_decode(slice_of(bytes, writer_length(&writer)), &party->ratchet) == SMQ_OK);
    for (size_t i = 0; i < party->skipped.count; i++) {
        struct skipped_key key;
        writer = writer_of(bytes, sizeof bytes);
        write_skipped_key(&writer, &party->skipped.keys[i]);
        require(writer_length(&writer) == SKIPPED_KEY_ENCODED);
        require(skipped_key_decode(party->skipped.keys[i].order, slice_of(bytes, SKIPPED_KEY_ENCODED), &key) == SMQ_OK);
        require(skipped_keys_append(&loaded, &key) == SMQ_OK);
    }
    skipped_keys_clear(&party->skipped);
    party->skipped = loaded;
}

/* ---- messages */

void ratchet_party_send(struct ratchet_party *party, enum pq_request request, struct slice text,
                        struct ratchet_message *message) {
    struct message_key key;
    require(ratchet_encrypt(&party->ratchet, request, party->version_max, &key) == SMQ_OK);
    message->length = message_size(&key, PAIR_PADDED);
    require(message->length <= sizeof message->bytes);
    require(message_key_seal(&key, text, PAIR_PADDED, message->bytes) == SMQ_OK);
}

static bool same_key(const struct skipped_key *a, const struct skipped_key *b) {
    return a->order == b->order && a->number == b->number &&
           memcmp(a->message_key, b->message_key, sizeof a->message_key) == 0;
}

/* What the store holds after the changes that it was told of is what is in memory. */
static void check_change(const struct skipped_keys *before, const struct skipped_keys *after,
                         const struct skipped_change *change) {
    size_t kept = 0;
    for (size_t i = 0; i < before->count; i++) {
        const struct skipped_key *key = &before->keys[i];
        if (key->order == change->used || key->order < change->kept_from)
            continue;
        require(kept < after->count && same_key(key, &after->keys[kept]));
        kept++;
    }
    for (size_t i = kept; i < after->count; i++)
        require(after->keys[i].order >= change->added_from);
    require(kept == 0 || after->keys[kept - 1].order < change->added_from);
}

static struct skipped_keys copy_of(const struct skipped_keys *skipped) {
    struct skipped_keys copy = {0};
    for (size_t i = 0; i < skipped->count; i++)
        require(skipped_keys_append(&copy, &skipped->keys[i]) == SMQ_OK);
    return copy;
}

enum ratchet_verdict ratchet_party_receive(struct ratchet_party *party, const struct ratchet_message *message,
                                           struct slice text, struct ratchet_received *received) {
    uint8_t buffer[PAIR_MESSAGE_MAX];
    size_t before_length, after_length;
    struct skipped_keys skipped_before = copy_of(&party->skipped);
    uint8_t *before = ratchet_party_bytes(party, &before_length);
    uint8_t *exact = malloc(message->length > 0 ? message->length : 1);
    require(exact != NULL);
    memcpy(exact, message->bytes, message->length);
    require(ratchet_decrypt(&party->ratchet, &party->skipped, &random_source_system, slice_of(exact, message->length),
                            buffer, received) == SMQ_OK);
    free(exact);
    if (received->verdict == RATCHET_RECEIVED) {
        require(slice_equal(received->plaintext, text));
        check_change(&skipped_before, &party->skipped, &received->skipped);
    } else {
        uint8_t *after = ratchet_party_bytes(party, &after_length);
        require(after_length == before_length && memcmp(before, after, before_length) == 0);
        free(after);
    }
    skipped_keys_clear(&skipped_before);
    free(before);
    return received->verdict;
}
