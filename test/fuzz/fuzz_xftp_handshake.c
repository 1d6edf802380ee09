/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Fuzzes the parsers of the XFTP handshake. The first byte selects which; the rest is the content of the block. */
#include "test/fuzz/fuzz.h"
#include "transport/wire/padding.h"
#include "transport/xftp/handshake.h"

static uint8_t block[XFTP_BLOCK_SIZE], written[XFTP_BLOCK_SIZE];

static struct slice whole(const uint8_t *bytes) {
    return slice_of(bytes, XFTP_BLOCK_SIZE);
}

static void fuzz_client_hello(void) {
    struct xftp_client_hello hello, again;
    if (xftp_client_hello_parse(whole(block), true, &hello) != SMQ_OK)
        return;
    PROMISE(xftp_client_hello_write(&hello, written) == SMQ_OK);
    PROMISE(xftp_client_hello_parse(whole(written), true, &again) == SMQ_OK);
    PROMISE(again.has_challenge == hello.has_challenge);
    PROMISE(memcmp(again.challenge, hello.challenge, sizeof again.challenge) == 0);
}

static void fuzz_server_handshake(void) {
    struct xftp_server_handshake handshake, again;
    const struct version_range own = {.min = XFTP_VERSION_MIN, .max = XFTP_VERSION_MAX};
    uint16_t version;
    if (xftp_server_handshake_parse(whole(block), &handshake) != SMQ_OK)
        return;
    PROMISE(xftp_server_handshake_write(&handshake, written) == SMQ_OK);
    PROMISE(xftp_server_handshake_parse(whole(written), &again) == SMQ_OK);
    PROMISE(fuzz_equal(again.session_id, handshake.session_id));
    PROMISE(fuzz_equal(again.chain_key.chain, handshake.chain_key.chain));
    PROMISE(fuzz_equal(again.chain_key.signed_key, handshake.chain_key.signed_key));
    PROMISE(fuzz_equal(again.identity_proof, handshake.identity_proof));
    if (xftp_client_agree(&handshake, own, handshake.session_id, &version) == SMQ_OK)
        PROMISE(version_range_contains(own, version) && version_range_contains(handshake.versions, version));
    struct public_key leaf = {.algorithm = KEY_ED25519, .length = 32}, key;
    static const uint8_t hash[32], challenge[XFTP_CHALLENGE_SIZE];
    PROMISE(xftp_session_key_verify(&handshake, hash, &leaf, &key) != SMQ_OK);
    (void)xftp_identity_proof_verify(&leaf, challenge, handshake.session_id, handshake.identity_proof);
}

static void fuzz_client_handshake(void) {
    struct xftp_client_handshake handshake, again;
    if (xftp_client_handshake_parse(whole(block), &handshake) != SMQ_OK)
        return;
    PROMISE(xftp_client_handshake_write(&handshake, written) == SMQ_OK);
    PROMISE(xftp_client_handshake_parse(whole(written), &again) == SMQ_OK);
    PROMISE(again.version == handshake.version && fuzz_equal(again.key_hash, handshake.key_hash));
}

static void fuzz_raw_error(void) {
    enum xftp_error_code code;
    if (xftp_raw_error_parse(whole(block), &code) == SMQ_OK)
        PROMISE(xftp_raw_error_write(code, written) == SMQ_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static void (*const parsers[])(void) = {fuzz_client_hello, fuzz_server_handshake, fuzz_client_handshake,
                                            fuzz_raw_error};
    if (length < 1 || pad(slice_of(bytes + 1, length - 1), block, sizeof block) != SMQ_OK)
        return 0;
    parsers[bytes[0] % 4]();
    struct xftp_client_hello hello;
    (void)xftp_client_hello_parse(slice_of(bytes, length), true, &hello); /* of any length */
    return 0;
}
