/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The check values of NTF: agreement, the sealed code, a signed TNEW and its block, and PING. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/signature.h"
#include "transport/ntf/block.h"
#include "transport/ntf/command.h"
#include "transport/ntf/message.h"
#include "transport/push/payload.h"
#include "transport/wire/text.h"

static uint8_t block[NTF_BLOCK_SIZE];

static struct slice ntf_vector(const char *name, uint8_t *bytes, size_t capacity) {
    return vector_of("test/vectors/ntf/known_answers.txt", name, bytes, capacity);
}

static struct key_pair pair_of(enum key_algorithm algorithm, uint8_t byte) {
    uint8_t raw[32];
    struct private_key private_key;
    struct key_pair pair;
    memset(raw, byte, sizeof raw);
    assert_int_equal(private_key_of_raw(algorithm, slice_of(raw, sizeof raw), &private_key), SMQ_OK);
    assert_int_equal(key_pair_of_private(&private_key, &pair), SMQ_OK);
    return pair;
}

static void assert_vector(const char *name, const void *bytes, size_t length) {
    uint8_t expected[128];
    assert_slice_equal(slice_of(bytes, length), ntf_vector(name, expected, sizeof expected));
}

static void assert_digest(const char *name, const void *bytes, size_t length) {
    uint8_t digest[HASH_SHA256_SIZE];
    assert_int_equal(hash_slice(HASH_SHA256, slice_of(bytes, length), digest), SMQ_OK);
    assert_vector(name, digest, sizeof digest);
}

/* 40..57, the correlation id of all. */
static struct slice correlation_id(uint8_t bytes[24]) {
    for (uint8_t i = 0; i < 24; i++)
        bytes[i] = (uint8_t)(0x40 + i);
    return slice_of(bytes, 24);
}

static void test_keys_and_their_agreement(void **state) {
    (void)state;
    struct key_pair client = pair_of(KEY_X25519, 0x11), router = pair_of(KEY_X25519, 0x22);
    struct dh_secret secret;
    struct box_key key;
    assert_vector("client_public", client.public_key.bytes, 32);
    assert_vector("router_public", router.public_key.bytes, 32);
    assert_int_equal(dh(&router.private_key, &client.public_key, &secret), SMQ_OK);
    assert_vector("dh_secret", secret.bytes, sizeof secret.bytes);
    box_key_of_secret(secret.bytes, &key);
    assert_vector("box_key", key.bytes, sizeof key.bytes);
}

static void test_the_sealed_code_and_its_push(void **state) {
    (void)state;
    uint8_t nonce[BOX_NONCE_SIZE], code[NTF_CODE_SIZE], sealed[NTF_PADDED_DEFAULT + BOX_TAG_SIZE];
    static char body[PUSH_BODY_MAX];
    struct box_key key;
    uint8_t secret[32];
    for (uint8_t i = 0; i < sizeof nonce; i++)
        nonce[i] = i;
    memset(code, 0xaa, sizeof code);
    box_key_of_secret(ntf_vector("dh_secret", secret, sizeof secret).bytes, &key);
    assert_int_equal(ntf_push_seal(&key, nonce, slice_of(code, sizeof code), NTF_PADDED_DEFAULT, sealed), SMQ_OK);
    assert_vector("sealed_code_start", sealed, 32);
    assert_digest("sealed_code_sha256", sealed, sizeof sealed);

    struct writer writer = writer_of(body, sizeof body);
    push_apns_body_write(&writer, PUSH_VERIFICATION, nonce, slice_of(sealed, sizeof sealed));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(writer_length(&writer), 4233);
    static const char start[] = "{\"aps\":{\"content-available\":1},\"notificationData\":{\"nonce\":"
                                "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\",\"verification\":\""
                                "mROQoX-rztRhDkHDgY-QfFusszz0OVBi";
    static const char end[] = "kteUEg==\"}}";
    assert_memory_equal(body, start, strlen(start));
    assert_memory_equal(body + writer_length(&writer) - strlen(end), end, strlen(end));

    struct slice opened;
    assert_int_equal(ntf_push_open(&key, nonce, sealed, sizeof sealed, &opened), SMQ_OK);
    assert_slice_equal(opened, slice_of(code, sizeof code));
}

static void test_a_signed_registration_and_its_block(void **state) {
    (void)state;
    uint8_t session_id[32], corr_id[24], scratch[1024], command_bytes[256], signature[SIGNATURE_ED25519_SIZE];
    struct key_pair signer = pair_of(KEY_ED25519, 0x33), client = pair_of(KEY_X25519, 0x11);
    assert_vector("signer_public", signer.public_key.bytes, 32);
    memset(session_id, 0x55, sizeof session_id);
    struct ntf_command command = {.tag = NTF_TNEW,
                                  .token_new = {.device = {.provider = PUSH_APNS_TEST, .token = slice_of_text("abcd")},
                                                .verify_key = signer.public_key,
                                                .dh_key = client.public_key}};
    struct writer measured = writer_of(command_bytes, sizeof command_bytes);
    ntf_command_write(&command, &measured);
    assert_int_equal(writer_length(&measured), 103);

    struct transmission_form form = ntf_form(NTF_VERSION_MAX, slice_of(session_id, sizeof session_id));
    struct ntf_outgoing_block outgoing;
    struct transmission_draft draft;
    struct authorized authorized;
    ntf_block_begin(NTF_VERSION_MAX, block, &outgoing);
    transmission_begin(&form, &outgoing.writer, sizeof signature, false, correlation_id(corr_id), (struct slice){0},
                       &draft);
    ntf_command_write(&command, &outgoing.writer);
    assert_int_equal(transmission_end(&form, &outgoing.writer, &draft, (struct slice){0}, &authorized), SMQ_OK);
    struct slice signed_bytes = authorized_contiguous(&authorized, scratch, sizeof scratch);
    assert_int_equal(sign(&signer, signed_bytes, signature), SMQ_OK);
    assert_vector("tnew_signature", signature, sizeof signature);
    memcpy(draft.authorization, signature, sizeof signature);
    ntf_block_added(&outgoing);
    assert_int_equal(ntf_block_finish(&outgoing), SMQ_OK);
    assert_vector("tnew_block_start", block, 6);
    assert_digest("tnew_block_sha256", block, sizeof block);
}

static void test_ping(void **state) {
    (void)state;
    uint8_t corr_id[24], expected[64];
    struct transmission_form form = ntf_form(NTF_VERSION_MAX, (struct slice){0});
    struct ntf_outgoing_block outgoing;
    struct transmission_draft draft;
    struct ntf_command ping = {.tag = NTF_PING};
    ntf_block_begin(NTF_VERSION_MAX, block, &outgoing);
    transmission_begin(&form, &outgoing.writer, 0, false, correlation_id(corr_id), (struct slice){0}, &draft);
    ntf_command_write(&ping, &outgoing.writer);
    assert_int_equal(transmission_end(&form, &outgoing.writer, &draft, (struct slice){0}, NULL), SMQ_OK);
    ntf_block_added(&outgoing);
    assert_int_equal(ntf_block_finish(&outgoing), SMQ_OK);
    struct slice content = ntf_vector("ping_content", expected, sizeof expected);
    assert_slice_equal(slice_of(block, content.length), content);
    for (size_t i = content.length; i < sizeof block; i++)
        assert_int_equal(block[i], '#');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_their_agreement),
        cmocka_unit_test(test_the_sealed_code_and_its_push),
        cmocka_unit_test(test_a_signed_registration_and_its_block),
        cmocka_unit_test(test_ping),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
