/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The XFTP handshake: known answers, proofs, what a router or client of another mind sends, and the table of states. */
#include "test/unit/transport/xftp_known.h"
#include "transport/crypto/signed_key.h"
#include "transport/wire/padding.h"
#include "transport/xftp/handshake.h"
#include "transport/xftp/handshake_state.h"

static uint8_t block[XFTP_BLOCK_SIZE], counting[32];

static int set_up(void **state) {
    for (size_t i = 0; i < sizeof counting; i++)
        counting[i] = (uint8_t)i;
    return set_up_crypto(state);
}

static struct slice the_block(void) {
    return slice_of(block, sizeof block);
}

static void pad_hex(const char *hex) {
    uint8_t content[512];
    assert_int_equal(pad(from_hex(hex, content, sizeof content), block, sizeof block), SMQ_OK);
}

/* ---- client hello ---- */

static void test_hello_is_the_known_one(void **state) {
    (void)state;
    static const uint8_t start[] = {0x00, 0x22, 0x31, 0x20};
    struct xftp_client_hello hello = {.has_challenge = true}, again;
    memcpy(hello.challenge, counting, sizeof counting);
    assert_int_equal(xftp_client_hello_write(&hello, block), SMQ_OK);
    assert_memory_equal(block, start, sizeof start);
    assert_memory_equal(block + 4, counting, 32);
    assert_memory_equal(block + 36, "##", 2);
    assert_int_equal(xftp_client_hello_parse(the_block(), true, &again), SMQ_OK);
    assert_true(again.has_challenge);
    assert_memory_equal(again.challenge, counting, 32);
}

static void test_a_hello_of_any_length_that_unpads_is_taken(void **state) {
    (void)state;
    struct xftp_client_hello hello;
    uint8_t bytes[64];
    assert_int_equal(xftp_client_hello_parse(slice_of(NULL, 0), true, &hello), SMQ_OK);
    assert_false(hello.has_challenge);
    struct slice small = from_hex("0001 30", bytes, sizeof bytes);
    assert_int_equal(xftp_client_hello_parse(small, true, &hello), SMQ_OK);
    assert_false(hello.has_challenge);
    /* what later versions add */
    small = from_hex("0004 30 616263 2323", bytes, sizeof bytes);
    assert_int_equal(xftp_client_hello_parse(small, true, &hello), SMQ_OK);
    assert_false(hello.has_challenge);
}

static void test_a_hello_of_a_native_client_is_empty(void **state) {
    (void)state;
    struct xftp_client_hello hello = {0};
    assert_int_equal(xftp_client_hello_parse(slice_of(NULL, 0), false, &hello), SMQ_OK);
    assert_int_equal(xftp_client_hello_write(&hello, block), SMQ_OK);
    assert_int_equal(xftp_client_hello_parse(the_block(), false, &hello), SMQ_ERR_SYNTAX);
}

static void test_hellos_that_are_none(void **state) {
    (void)state;
    static const char *const rows[] = {"00",
                                       "0001",
                                       "0000",
                                       "0002 30",
                                       "0001 32",
                                       "0002 31 00",
                                       "0003 31 01 61",
                                       "0021 31 1f 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
                                       "0023 31 21 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
                                       "0022 31 20 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[64];
        struct xftp_client_hello hello;
        struct slice body = from_hex(rows[i], bytes, sizeof bytes);
        uint8_t *exact = heap_copy(body.bytes, body.length);
        assert_int_equal(xftp_client_hello_parse(slice_of(exact, body.length), true, &hello), SMQ_ERR_SYNTAX);
        free(exact);
    }
}

/* ---- client handshake ---- */

static void test_client_handshake_is_the_known_one(void **state) {
    (void)state;
    static const uint8_t start[] = {0x00, 0x23, 0x00, 0x03, 0x20};
    struct xftp_client_handshake handshake = {.version = 3, .key_hash = slice_of(counting, 32)}, again;
    assert_int_equal(xftp_client_handshake_write(&handshake, block), SMQ_OK);
    assert_memory_equal(block, start, sizeof start);
    assert_memory_equal(block + 5, counting, 32);
    assert_memory_equal(block + 37, "##", 2);
    assert_int_equal(xftp_client_handshake_parse(the_block(), &again), SMQ_OK);
    assert_int_equal(again.version, 3);
    assert_slice_equal(again.key_hash, handshake.key_hash);
    assert_int_equal(xftp_client_handshake_parse(slice_of(block, sizeof block - 1), &again), SMQ_ERR_SYNTAX);
    assert_int_equal(xftp_client_handshake_parse(slice_of(NULL, 0), &again), SMQ_ERR_SYNTAX);
}

static void test_client_handshakes_that_are_none(void **state) {
    (void)state;
    static const char *const rows[] = {"", "00", "0003", "0003 20", "0003 05 61626364"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct xftp_client_handshake handshake;
        pad_hex(rows[i]);
        assert_int_equal(xftp_client_handshake_parse(the_block(), &handshake), SMQ_ERR_SYNTAX);
    }
}

static void test_a_router_accepts_its_own_identity_and_versions(void **state) {
    (void)state;
    const struct version_range announced = {.min = XFTP_VERSION_MIN, .max = XFTP_VERSION_MAX};
    uint8_t other[32] = {1};
    struct xftp_client_handshake handshake = {.version = 1, .key_hash = slice_of(counting, 32)};
    for (uint16_t version = 0; version <= 5; version++) {
        handshake.version = version;
        assert_int_equal(xftp_server_accept(&handshake, announced, counting),
                         version >= 1 && version <= 3 ? SMQ_OK : SMQ_ERR_VERSION);
    }
    handshake.version = 3;
    assert_int_equal(xftp_server_accept(&handshake, announced, other), SMQ_ERR_IDENTITY);
    handshake.key_hash.length = 31;
    assert_int_equal(xftp_server_accept(&handshake, announced, counting), SMQ_ERR_IDENTITY);
    handshake.key_hash.length = 0;
    assert_int_equal(xftp_server_accept(&handshake, announced, counting), SMQ_ERR_IDENTITY);
}

/* ---- server handshake ---- */

/* A router with a chain of two made-up certificates. */
struct router {
    struct key_pair leaf, session;
    struct slice session_id;
    uint8_t key_hash[32];
    uint8_t chain[64], signed_key[SIGNED_KEY_MAX];
    struct xftp_server_handshake handshake;
};

static void make_router(struct router *router, enum key_algorithm leaf, enum key_algorithm session) {
    const struct slice certificates[] = {slice_of_text("leaf"), slice_of_text("certificate of the CA")};
    struct writer writer = writer_of(router->chain, sizeof router->chain);
    struct writer key_writer = writer_of(router->signed_key, sizeof router->signed_key);
    router->leaf = fresh_pair(leaf);
    router->session = fresh_pair(session);
    router->session_id = slice_of(counting, 32);
    chain_encode(&writer, certificates, 2);
    assert_int_equal(write_signed_key(&key_writer, &router->leaf, &router->session.public_key), SMQ_OK);
    assert_int_equal(hash_slice(HASH_SHA256, certificates[1], router->key_hash), SMQ_OK);
    router->handshake = (struct xftp_server_handshake){
        .versions = {.min = 1, .max = 3},
        .session_id = router->session_id,
        .chain_key = {.count = 2,
                      .chain = slice_of(router->chain, writer_length(&writer)),
                      .signed_key = slice_of(router->signed_key, writer_length(&key_writer))}};
}

static void test_both_kinds_of_client_verify_a_router(void **state) {
    (void)state;
    static const enum key_algorithm leaves[] = {KEY_ED25519, KEY_ED448};
    const struct version_range own = {.min = 1, .max = 3};
    for (size_t i = 0; i < 2; i++) {
        struct router router;
        struct xftp_identity_proof proof;
        struct xftp_server_handshake seen;
        struct public_key session_key;
        uint16_t version = 0;
        make_router(&router, leaves[i], KEY_X25519);
        assert_int_equal(router.handshake.chain_key.signed_key.length, i == 0 ? 122 : 173);
        assert_int_equal(xftp_identity_proof_create(&router.leaf, counting, router.session_id, &proof), SMQ_OK);
        assert_int_equal(proof.length, i == 0 ? 64 : 114);
        router.handshake.identity_proof = slice_of(proof.bytes, proof.length);
        assert_int_equal(xftp_server_handshake_write(&router.handshake, block), SMQ_OK);

        assert_int_equal(xftp_server_handshake_parse(the_block(), &seen), SMQ_OK);
        assert_int_equal(xftp_client_agree(&seen, own, router.session_id, &version), SMQ_OK);
        assert_int_equal(version, 3);
        assert_int_equal(xftp_session_key_verify(&seen, router.key_hash, &router.leaf.public_key, &session_key),
                         SMQ_OK);
        assert_true(public_key_equal(&session_key, &router.session.public_key));
        assert_int_equal(
            xftp_identity_proof_verify(&router.leaf.public_key, counting, seen.session_id, seen.identity_proof),
            SMQ_OK);
    }
}

static void test_a_proof_of_another_challenge_session_or_key_fails(void **state) {
    (void)state;
    struct router router;
    struct xftp_identity_proof proof;
    uint8_t other[32] = {1};
    struct key_pair stranger = fresh_pair(KEY_ED25519);
    make_router(&router, KEY_ED25519, KEY_X25519);
    assert_int_equal(xftp_identity_proof_create(&router.leaf, counting, router.session_id, &proof), SMQ_OK);
    struct slice bytes = slice_of(proof.bytes, proof.length);
    const struct public_key *leaf = &router.leaf.public_key;
    assert_int_equal(xftp_identity_proof_verify(leaf, other, router.session_id, bytes), SMQ_ERR_CRYPTO);
    assert_int_equal(xftp_identity_proof_verify(leaf, counting, slice_of(other, 32), bytes), SMQ_ERR_CRYPTO);
    assert_int_equal(xftp_identity_proof_verify(leaf, counting, slice_of(counting, 31), bytes), SMQ_ERR_CRYPTO);
    assert_int_equal(xftp_identity_proof_verify(&stranger.public_key, counting, router.session_id, bytes),
                     SMQ_ERR_CRYPTO);
    assert_int_equal(xftp_identity_proof_verify(leaf, counting, router.session_id, slice_of(NULL, 0)), SMQ_ERR_CRYPTO);
    for (size_t i = 0; i < proof.length; i++) {
        proof.bytes[i] ^= 0x10;
        assert_int_equal(xftp_identity_proof_verify(leaf, counting, router.session_id, bytes), SMQ_ERR_CRYPTO);
        proof.bytes[i] ^= 0x10;
    }
}

static void test_a_key_that_cannot_sign_proves_nothing(void **state) {
    (void)state;
    struct key_pair pair = fresh_pair(KEY_X25519);
    struct xftp_identity_proof proof;
    assert_int_equal(xftp_identity_proof_create(&pair, counting, slice_of(counting, 32), &proof), SMQ_ERR_CRYPTO);
}

static void test_session_keys_of_others_are_refused(void **state) {
    (void)state;
    struct router router, other;
    struct public_key key;
    make_router(&router, KEY_ED25519, KEY_X25519);
    make_router(&other, KEY_ED25519, KEY_X25519);
    const struct public_key *leaf = &router.leaf.public_key;
    struct xftp_server_handshake forged = router.handshake;
    forged.chain_key.signed_key = other.handshake.chain_key.signed_key;
    assert_int_equal(xftp_session_key_verify(&forged, router.key_hash, leaf, &key), SMQ_ERR_CRYPTO);
    assert_int_equal(xftp_session_key_verify(&router.handshake, counting, leaf, &key), SMQ_ERR_IDENTITY);
    forged = router.handshake;
    forged.chain_key.signed_key.length--;
    assert_int_equal(xftp_session_key_verify(&forged, router.key_hash, leaf, &key), SMQ_ERR_SYNTAX);
    make_router(&other, KEY_ED25519, KEY_ED25519); /* a key that agrees on nothing */
    assert_int_equal(xftp_session_key_verify(&other.handshake, other.key_hash, &other.leaf.public_key, &key),
                     SMQ_ERR_CRYPTO);
}

static void test_a_chain_is_leaf_and_CA(void **state) {
    (void)state;
    const struct slice certificates[] = {slice_of_text("leaf"), slice_of_text("certificate of the CA"),
                                         slice_of_text("third")};
    for (size_t count = 1; count <= 3; count++) {
        struct router router;
        struct public_key key;
        uint8_t chain[128];
        struct writer writer = writer_of(chain, sizeof chain);
        make_router(&router, KEY_ED25519, KEY_X25519);
        chain_encode(&writer, certificates, count);
        router.handshake.chain_key.count = (uint8_t)count;
        router.handshake.chain_key.chain = slice_of(chain, writer_length(&writer));
        assert_int_equal(xftp_session_key_verify(&router.handshake, router.key_hash, &router.leaf.public_key, &key),
                         count == 2 ? SMQ_OK : SMQ_ERR_IDENTITY);
    }
}

static void test_a_client_agrees_with_its_own_session_only(void **state) {
    (void)state;
    struct router router;
    uint16_t version = 0;
    const struct version_range own = {.min = 1, .max = 3}, newer = {.min = 4, .max = 9};
    make_router(&router, KEY_ED25519, KEY_X25519);
    assert_int_equal(xftp_client_agree(&router.handshake, own, slice_of(counting, 31), &version), SMQ_ERR_IDENTITY);
    assert_int_equal(xftp_client_agree(&router.handshake, newer, router.session_id, &version), SMQ_ERR_VERSION);
    router.handshake.versions = (struct version_range){.min = 2, .max = 77};
    assert_int_equal(xftp_client_agree(&router.handshake, own, router.session_id, &version), SMQ_OK);
    assert_int_equal(version, 3);
}

/* What stands where a proof may be: nothing, an empty one, fields of later versions. */
static void test_a_proof_may_be_missing(void **state) {
    (void)state;
    static const char *const tails[] = {"", "00", "00 6c61746572", "03 616263", "40 0102"};
    struct router router;
    make_router(&router, KEY_ED25519, KEY_X25519);
    assert_int_equal(xftp_server_handshake_write(&router.handshake, block), SMQ_OK);
    struct slice content;
    assert_int_equal(unpad(the_block(), &content), SMQ_OK);
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        uint8_t bytes[1024], tail[64];
        struct xftp_server_handshake seen;
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_bytes(&writer, content.bytes, content.length - 1);
        write_slice(&writer, from_hex(tails[i], tail, sizeof tail));
        uint8_t other[XFTP_BLOCK_SIZE];
        assert_int_equal(pad(slice_of(bytes, writer_length(&writer)), other, sizeof other), SMQ_OK);
        assert_int_equal(xftp_server_handshake_parse(slice_of(other, sizeof other), &seen), SMQ_OK);
        assert_int_equal(seen.identity_proof.length, 0);
    }
}

static void test_a_server_handshake_cut_anywhere_is_none(void **state) {
    (void)state;
    struct router router;
    struct xftp_server_handshake seen;
    make_router(&router, KEY_ED448, KEY_X25519);
    assert_int_equal(xftp_server_handshake_write(&router.handshake, block), SMQ_OK);
    size_t length = (size_t)(block[0] << 8 | block[1]);
    for (size_t cut = 0; cut < length - 1; cut++) {
        block[0] = (uint8_t)(cut >> 8);
        block[1] = (uint8_t)cut;
        assert_int_equal(xftp_server_handshake_parse(the_block(), &seen), SMQ_ERR_SYNTAX);
    }
    pad_hex("0003 0001 00 01 0001 61 0001 62 00"); /* least version above the most */
    assert_int_equal(xftp_server_handshake_parse(the_block(), &seen), SMQ_ERR_SYNTAX);
    pad_hex("0001 0003 00 00 0001 62 00"); /* no certificate */
    assert_int_equal(xftp_server_handshake_parse(the_block(), &seen), SMQ_ERR_SYNTAX);
}

/* ---- raw errors ---- */

static void test_raw_errors_are_the_known_ones(void **state) {
    (void)state;
    enum xftp_error_code code = XFTP_ERROR_NONE;
    struct xftp_server_handshake handshake;
    assert_int_equal(xftp_raw_error_write(XFTP_ERROR_SESSION, block), SMQ_OK);
    assert_known_sha256(the_block(), "raw_SESSION");
    assert_int_equal(xftp_raw_error_parse(the_block(), &code), SMQ_OK);
    assert_int_equal(code, XFTP_ERROR_SESSION);
    assert_int_equal(xftp_raw_error_write(XFTP_ERROR_HANDSHAKE, block), SMQ_OK);
    assert_known_sha256(the_block(), "raw_HANDSHAKE");
    assert_int_equal(xftp_raw_error_parse(the_block(), &code), SMQ_OK);
    assert_int_equal(code, XFTP_ERROR_HANDSHAKE);
    assert_int_equal(xftp_server_handshake_parse(the_block(), &handshake), SMQ_ERR_SYNTAX);
    assert_int_equal(xftp_raw_error_write(XFTP_ERROR_AUTH, block), SMQ_ERR_INVALID);
}

static void test_other_blocks_are_no_raw_error(void **state) {
    (void)state;
    enum xftp_error_code code;
    static const char *const rows[] = {"", "53455353494f4e53", "53455353494f", "41555448"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pad_hex(rows[i]);
        assert_int_equal(xftp_raw_error_parse(the_block(), &code), SMQ_ERR_SYNTAX);
    }
    assert_int_equal(xftp_raw_error_write(XFTP_ERROR_SESSION, block), SMQ_OK);
    assert_int_equal(xftp_raw_error_parse(slice_of(block, 9), &code), SMQ_ERR_SYNTAX);
}

/* ---- states ---- */

static void test_requests_by_state(void **state) {
    (void)state;
    enum { SNI = 1, HELLO = 2, HANDSHAKE = 4, ALL = 8 };
    const enum xftp_request_kind refuse = XFTP_REQUEST_NO_SESSION, hello = XFTP_REQUEST_HELLO,
                                 accept = XFTP_REQUEST_CLIENT_HANDSHAKE, command = XFTP_REQUEST_COMMAND;
    /*                                      none    SNI      hello  SNI hello  hs      SNI hs   both    all */
    const enum xftp_request_kind none[] = {hello, refuse, hello, hello, hello, refuse, hello, hello};
    const enum xftp_request_kind sent[] = {accept, accept, accept, hello, accept, accept, accept, hello};
    const enum xftp_request_kind accepted[] = {command, command, command, hello, command, accept, command, hello};
    for (unsigned bits = 0; bits < ALL; bits++) {
        struct xftp_request_marks marks = {
            .server_name = bits & SNI, .has_hello_header = bits & HELLO, .has_handshake_header = bits & HANDSHAKE};
        assert_int_equal(xftp_request_kind(XFTP_HANDSHAKE_NONE, marks), none[bits]);
        assert_int_equal(xftp_request_kind(XFTP_HANDSHAKE_SENT, marks), sent[bits]);
        assert_int_equal(xftp_request_kind(XFTP_HANDSHAKE_ACCEPTED, marks), accepted[bits]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_is_the_known_one),
        cmocka_unit_test(test_a_hello_of_any_length_that_unpads_is_taken),
        cmocka_unit_test(test_a_hello_of_a_native_client_is_empty),
        cmocka_unit_test(test_hellos_that_are_none),
        cmocka_unit_test(test_client_handshake_is_the_known_one),
        cmocka_unit_test(test_client_handshakes_that_are_none),
        cmocka_unit_test(test_a_router_accepts_its_own_identity_and_versions),
        cmocka_unit_test(test_both_kinds_of_client_verify_a_router),
        cmocka_unit_test(test_a_proof_of_another_challenge_session_or_key_fails),
        cmocka_unit_test(test_a_key_that_cannot_sign_proves_nothing),
        cmocka_unit_test(test_session_keys_of_others_are_refused),
        cmocka_unit_test(test_a_chain_is_leaf_and_CA),
        cmocka_unit_test(test_a_client_agrees_with_its_own_session_only),
        cmocka_unit_test(test_a_proof_may_be_missing),
        cmocka_unit_test(test_a_server_handshake_cut_anywhere_is_none),
        cmocka_unit_test(test_raw_errors_are_the_known_ones),
        cmocka_unit_test(test_other_blocks_are_no_raw_error),
        cmocka_unit_test(test_requests_by_state),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
