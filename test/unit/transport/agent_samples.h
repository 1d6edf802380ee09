/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the tests of the agent's codecs share: the queue and keys of the known answers. Their server has a key hash of
 * four bytes, which no real one has; ours has 28 zeroes behind, which `known_form` takes out of encodings. */
#pragma once

#include "test/unit/transport/test_helpers.h"
#include "transport/agent/connection_link.h"
#include "transport/crypto/hash.h"
#include "transport/wire/text.h"

#define SAMPLE_HASH     "1234-wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SAMPLE_SERVER   "smp://" SAMPLE_HASH "@smp.simplex.im:5223"
#define SAMPLE_DH       "MCowBQYDK2VuAyEAjiswwI3O_NlS8Fk3HJUW870EY2bAwmttMBsvRB9eV3o"
#define SAMPLE_QUEUE(v) SAMPLE_SERVER "/3456-w==#/?v=" v "&dh=" SAMPLE_DH "%3D"
#define SAMPLE_X448     "MEIwBQYDK2VvAzkAmKuSYeQ_m0SixPDS8Wq8VBaTS1cW-Lp0n0h4Diu-kUpR-qXx4SDJ32YGEFoGFGSbGPry5Ychr6U="

static inline struct queue_uri sample_queue(const char *text) {
    struct queue_uri queue;
    assert_int_equal(queue_uri_parse(slice_of_text(text), &queue), SMQ_OK);
    return queue;
}

static inline struct public_key sample_x448(void) {
    uint8_t der[KEY_SPKI_MAX];
    size_t length;
    struct public_key key;
    assert_int_equal(base64url_parse(slice_of_text(SAMPLE_X448), der, sizeof der, &length), SMQ_OK);
    assert_int_equal(public_key_parse(slice_of(der, length), &key), SMQ_OK);
    return key;
}

static inline struct connection_request sample_request(enum connection_mode mode) {
    struct connection_request request = {.mode = mode, .agent_versions = {2, 7}, .queue_count = 1};
    request.queues[0] = sample_queue(SAMPLE_QUEUE("1-4") "&q=m");
    if (mode == CONNECTION_CONTACT)
        request.queues[0].mode = QUEUE_MODE_CONTACT;
    request.e2e.versions = (struct version_range){2, 3};
    request.e2e.first = request.e2e.second = sample_x448();
    return request;
}

/* Shortens the sample's key hash in an encoding, in place, to its four bytes; returns the new length. */
static inline size_t known_form(uint8_t *bytes, size_t length) {
    static const uint8_t field[] = {0x20, 0xd7, 0x6d, 0xf8, 0xfb, 0, 0, 0, 0};
    enum { CUT = 28 };
    uint8_t *found = memmem(bytes, length, field, sizeof field);
    assert_non_null(found);
    *found = 4;
    memmove(found + 5, found + 5 + CUT, length - (size_t)(found + 5 + CUT - bytes));
    return length - CUT;
}

static inline void assert_sha256(const void *bytes, size_t length, const char *expected) {
    uint8_t digest[HASH_SHA256_SIZE], wanted[HASH_SHA256_SIZE];
    assert_int_equal(hash_slice(HASH_SHA256, slice_of(bytes, length), digest), SMQ_OK);
    assert_slice_equal(slice_of(digest, sizeof digest), from_hex(expected, wanted, sizeof wanted));
}
