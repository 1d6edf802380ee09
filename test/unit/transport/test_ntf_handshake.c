/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of the NTF handshake: layouts, agreement, the session key, and routers and clients that lie. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/signed_key.h"
#include "transport/ntf/handshake.h"
#include "transport/wire/padding.h"

static uint8_t block[NTF_BLOCK_SIZE];
static const uint8_t session_id[32] = "the session id of this test.....";
static const uint8_t key_hash[KEY_HASH_SIZE] = "the key hash of this test.......";
static const struct version_range all = {NTF_VERSION_MIN, NTF_VERSION_MAX};

static struct slice content_of_block(void) {
    struct slice content;
    assert_int_equal(unpad(slice_of(block, sizeof block), &content), SMQ_OK);
    return content;
}

static void set_content(const void *bytes, size_t length) {
    assert_int_equal(pad(slice_of(bytes, length), block, sizeof block), SMQ_OK);
}

static struct ntf_server_hello hello_of(struct version_range versions, struct slice signed_key) {
    return (struct ntf_server_hello){
        .versions = versions, .session_id = slice_of(session_id, sizeof session_id), .signed_key = signed_key};
}

static void test_the_router_hello_has_a_key_from_version_2_on(void **state) {
    (void)state;
    for (uint16_t max = NTF_VERSION_MIN; max <= NTF_VERSION_MAX; max++) {
        struct ntf_server_hello hello = hello_of((struct version_range){1, max}, slice_of_text("key")), parsed;
        assert_int_equal(ntf_server_hello_write(&hello, block), SMQ_OK);
        assert_int_equal(content_of_block().length, 4 + 33 + (max >= 2 ? 2 + 3 : 0));
        assert_int_equal(ntf_server_hello_parse(block, &parsed), SMQ_OK);
        assert_int_equal(parsed.versions.max, max);
        assert_slice_equal(parsed.session_id, hello.session_id);
        assert_slice_equal(parsed.signed_key, max >= 2 ? hello.signed_key : (struct slice){0});
    }
}

/* The key's place depends on what the router announces, not on what is agreed. */
static void test_the_key_is_read_by_the_announced_maximum(void **state) {
    (void)state;
    struct ntf_server_hello hello = hello_of((struct version_range){1, 9}, slice_of_text("key")), parsed;
    struct version_range agreed;
    struct smp_transport_error error;
    assert_int_equal(ntf_server_hello_write(&hello, block), SMQ_OK);
    assert_int_equal(ntf_server_hello_parse(block, &parsed), SMQ_OK);
    assert_slice_text(parsed.signed_key, "key");
    assert_int_equal(ntf_client_agree(&parsed, (struct version_range){1, 1}, hello.session_id, &agreed, &error),
                     SMQ_OK);
    assert_int_equal(agreed.max, 1);
}

static void test_the_client_hello_has_35_bytes(void **state) {
    (void)state;
    struct ntf_client_hello hello = {.version = 3, .key_hash = slice_of(key_hash, sizeof key_hash)}, parsed;
    assert_int_equal(ntf_client_hello_write(&hello, block), SMQ_OK);
    struct slice content = content_of_block();
    assert_int_equal(content.length, 35);
    assert_memory_equal(content.bytes, "\0\3\x20", 3);
    assert_int_equal(ntf_client_hello_parse(block, &parsed), SMQ_OK);
    assert_int_equal(parsed.version, 3);
    assert_slice_equal(parsed.key_hash, hello.key_hash);
}

static void test_later_fields_are_ignored(void **state) {
    (void)state;
    struct ntf_client_hello client;
    struct ntf_server_hello server;
    set_content("\0\1\3abclater", 11);
    assert_int_equal(ntf_client_hello_parse(block, &client), SMQ_OK);
    assert_slice_text(client.key_hash, "abc");
    set_content("\0\1\0\2\1s\0\1klater", 15);
    assert_int_equal(ntf_server_hello_parse(block, &server), SMQ_OK);
    assert_slice_text(server.signed_key, "k");
}

static void test_every_truncated_hello_is_refused(void **state) {
    (void)state;
    static const char server_bytes[] = "\0\1\0\3\5sssss\0\4kkkk", client_bytes[] = "\0\3\5hhhhh";
    struct ntf_server_hello server;
    struct ntf_client_hello client;
    for (size_t length = 0; length < sizeof server_bytes - 1; length++) {
        set_content(server_bytes, length);
        assert_int_equal(ntf_server_hello_parse(block, &server), SMQ_ERR_SYNTAX);
    }
    for (size_t length = 0; length < sizeof client_bytes - 1; length++) {
        set_content(client_bytes, length);
        assert_int_equal(ntf_client_hello_parse(block, &client), SMQ_ERR_SYNTAX);
    }
}

static void test_lengths_beyond_the_block_are_refused(void **state) {
    (void)state;
    uint8_t *exact = heap_copy(block, sizeof block); /* so that a sanitizer sees reads behind it */
    struct ntf_server_hello server;
    struct ntf_client_hello client;
    memset(exact, 0xff, sizeof block);
    assert_int_equal(ntf_server_hello_parse(exact, &server), SMQ_ERR_SYNTAX);
    assert_int_equal(ntf_client_hello_parse(exact, &client), SMQ_ERR_SYNTAX);
    memcpy(exact, "\1\xfe\0\1\0\3\5sssss\xff\xff", 14); /* 510 bytes, whose last field says it has 65,535 */
    assert_int_equal(ntf_server_hello_parse(exact, &server), SMQ_ERR_SYNTAX);
    free(exact);
}

static void test_what_does_not_fit_a_block_is_not_written(void **state) {
    (void)state;
    uint8_t large[512] = {0};
    struct ntf_server_hello hello = hello_of(all, slice_of(large, sizeof large));
    assert_int_equal(ntf_server_hello_write(&hello, block), SMQ_ERR_TOO_LARGE);
}

static void test_without_alpn_a_router_offers_version_1(void **state) {
    (void)state;
    assert_int_equal(ntf_server_versions(all, true).max, NTF_VERSION_MAX);
    assert_int_equal(ntf_server_versions(all, false).max, 1);
    assert_int_equal(ntf_server_versions(all, false).min, 1);
}

static void test_a_router_accepts_its_own_hash_and_announced_versions(void **state) {
    (void)state;
    struct ntf_client_hello hello = {.version = 3, .key_hash = slice_of(key_hash, sizeof key_hash)};
    struct version_range announced = {2, 3};
    assert_int_equal(ntf_server_accept(&hello, announced, key_hash), SMQ_OK);
    assert_int_equal(ntf_server_accept(&hello, announced, session_id), SMQ_ERR_IDENTITY);
    for (uint16_t version = 0; version < 6; version++) {
        hello.version = version;
        assert_int_equal(ntf_server_accept(&hello, announced, key_hash),
                         version == 2 || version == 3 ? SMQ_OK : SMQ_ERR_VERSION);
    }
    hello.key_hash.length--;
    assert_int_equal(ntf_server_accept(&hello, announced, key_hash), SMQ_ERR_IDENTITY);
}

static void test_a_client_agrees_on_the_highest_common_version(void **state) {
    (void)state;
    struct ntf_server_hello hello = hello_of((struct version_range){2, 5}, slice_of_text("key"));
    struct version_range agreed;
    struct smp_transport_error error;
    assert_int_equal(ntf_client_agree(&hello, all, hello.session_id, &agreed, &error), SMQ_OK);
    assert_int_equal(agreed.max, 3);
    assert_int_equal(ntf_client_agree(&hello, (struct version_range){1, 1}, hello.session_id, &agreed, &error),
                     SMQ_ERR_VERSION);
    assert_int_equal(error.code, SMP_TRANSPORT_VERSION);
    assert_int_equal(ntf_client_agree(&hello, all, slice_of_text("another"), &agreed, &error), SMQ_ERR_IDENTITY);
    assert_int_equal(error.code, SMP_TRANSPORT_SESSION);
}

static struct slice signed_by(const struct key_pair *signer, const struct public_key *key, uint8_t *bytes) {
    struct writer writer = writer_of(bytes, SIGNED_KEY_MAX);
    assert_int_equal(write_signed_key(&writer, signer, key), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

static void test_the_session_key_is_signed_by_the_leaf(void **state) {
    (void)state;
    static const struct {
        enum key_algorithm algorithm;
        size_t size;
    } leaves[] = {{KEY_ED25519, 122}, {KEY_ED448, 173}};
    uint8_t bytes[SIGNED_KEY_MAX];
    struct key_pair session = fresh_pair(KEY_X25519), stranger = fresh_pair(KEY_ED25519);
    for (size_t i = 0; i < 2; i++) {
        struct key_pair leaf = fresh_pair(leaves[i].algorithm);
        struct ntf_server_hello hello = hello_of(all, signed_by(&leaf, &session.public_key, bytes));
        struct public_key key;
        assert_int_equal(hello.signed_key.length, leaves[i].size);
        assert_int_equal(ntf_client_session_key(&hello, &leaf.public_key, &key), SMQ_OK);
        assert_true(public_key_equal(&key, &session.public_key));
        assert_int_equal(ntf_client_session_key(&hello, &stranger.public_key, &key), SMQ_ERR_CRYPTO);
        assert_int_equal(key.algorithm, KEY_NONE);
        bytes[hello.signed_key.length - 1] ^= 1;
        assert_int_equal(ntf_client_session_key(&hello, &leaf.public_key, &key), SMQ_ERR_CRYPTO);
        hello.signed_key.length--;
        assert_int_equal(ntf_client_session_key(&hello, &leaf.public_key, &key), SMQ_ERR_SYNTAX);
    }
}

static void test_a_session_key_of_another_kind_is_refused(void **state) {
    (void)state;
    uint8_t bytes[SIGNED_KEY_MAX];
    struct key_pair leaf = fresh_pair(KEY_ED25519), session = fresh_pair(KEY_ED25519);
    struct ntf_server_hello hello = hello_of(all, signed_by(&leaf, &session.public_key, bytes));
    struct public_key key;
    assert_int_equal(ntf_client_session_key(&hello, &leaf.public_key, &key), SMQ_ERR_SYNTAX);
}

static void test_a_router_of_version_1_has_no_session_key(void **state) {
    (void)state;
    struct key_pair leaf = fresh_pair(KEY_ED25519);
    struct ntf_server_hello hello = hello_of((struct version_range){1, 1}, (struct slice){0});
    struct public_key key;
    assert_int_equal(ntf_client_session_key(&hello, &leaf.public_key, &key), SMQ_OK);
    assert_int_equal(key.algorithm, KEY_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_router_hello_has_a_key_from_version_2_on),
        cmocka_unit_test(test_the_key_is_read_by_the_announced_maximum),
        cmocka_unit_test(test_the_client_hello_has_35_bytes),
        cmocka_unit_test(test_later_fields_are_ignored),
        cmocka_unit_test(test_every_truncated_hello_is_refused),
        cmocka_unit_test(test_lengths_beyond_the_block_are_refused),
        cmocka_unit_test(test_what_does_not_fit_a_block_is_not_written),
        cmocka_unit_test(test_without_alpn_a_router_offers_version_1),
        cmocka_unit_test(test_a_router_accepts_its_own_hash_and_announced_versions),
        cmocka_unit_test(test_a_client_agrees_on_the_highest_common_version),
        cmocka_unit_test(test_the_session_key_is_signed_by_the_leaf),
        cmocka_unit_test(test_a_session_key_of_another_kind_is_refused),
        cmocka_unit_test(test_a_router_of_version_1_has_no_session_key),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
