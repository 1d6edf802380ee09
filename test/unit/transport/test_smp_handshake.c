/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of the SMP handshake: hellos of every version, their layouts, and the rules of agreement. */
#include "test/unit/transport/smp_sample_responses.h"
#include "transport/smp/handshake.h"
#include "transport/wire/padding.h"

static uint8_t block[SMP_BLOCK_SIZE];

static struct slice block_content(void) {
    struct slice content;
    assert_int_equal(unpad(slice_of(block, sizeof block), &content), SMQ_OK);
    return content;
}

/* Makes `bytes` the content of the block. */
static void set_content(struct slice bytes) {
    assert_int_equal(pad(bytes, block, sizeof block), SMQ_OK);
}

static struct smp_server_hello sample_server_hello(uint16_t min, uint16_t max) {
    return (struct smp_server_hello){.versions = {.min = min, .max = max},
                                     .session_id = sample(32, 1),
                                     .has_key = true,
                                     .chain_key = sample_chain_key()};
}

static struct smp_client_hello sample_client_hello(uint16_t version) {
    return (struct smp_client_hello){
        .version = version, .key_hash = sample(32, 1), .has_key = true, .key = sample_key(KEY_X25519, 2)};
}

static struct smp_client_hello sample_service_hello(uint16_t version) {
    struct smp_client_hello hello = sample_client_hello(version);
    hello.has_service = true;
    hello.service_role = SMP_ROLE_MESSAGING;
    hello.service_chain_key = sample_chain_key();
    return hello;
}

static void assert_chain_keys_equal(const struct chain_key *a, const struct chain_key *b) {
    assert_int_equal(a->count, b->count);
    assert_slices_equal(a->chain, b->chain);
    assert_slices_equal(a->signed_key, b->signed_key);
}

/* ---- server hello ---- */

static void test_server_hello_is_written_and_read_back(void **state) {
    (void)state;
    for (uint16_t max = SMP_VERSION_MIN; max <= SMP_VERSION_MAX; max++) {
        struct smp_server_hello hello = sample_server_hello(6, max);
        struct smp_server_hello parsed;
        assert_int_equal(smp_server_hello_write(&hello, block), SMQ_OK);
        assert_int_equal(smp_server_hello_parse(block, &parsed), SMQ_OK);
        assert_int_equal(parsed.versions.min, 6);
        assert_int_equal(parsed.versions.max, max);
        assert_slices_equal(parsed.session_id, hello.session_id);
        assert_int_equal(parsed.has_key, max >= 7);
        if (max >= 7)
            assert_chain_keys_equal(&parsed.chain_key, &hello.chain_key);
    }
}

static void test_server_hello_layout(void **state) {
    (void)state;
    struct smp_server_hello hello = sample_server_hello(6, 18);
    assert_int_equal(smp_server_hello_write(&hello, block), SMQ_OK);
    assert_layout("server_hello_6_18", block_content());
}

static void test_server_hello_with_a_broken_chain_has_no_key(void **state) {
    (void)state;
    struct smp_server_hello hello = sample_server_hello(6, 18);
    struct smp_server_hello parsed;
    uint8_t bytes[512];
    assert_int_equal(smp_server_hello_write(&hello, block), SMQ_OK);
    struct slice content = block_content();
    memcpy(bytes, content.bytes, content.length);
    for (size_t length = 4 + 33; length < content.length; length++) {
        set_content(slice_of(bytes, length));
        assert_int_equal(smp_server_hello_parse(block, &parsed), SMQ_OK);
        assert_false(parsed.has_key);
        assert_int_equal(parsed.chain_key.count, 0);
    }
    for (size_t length = 0; length < 4 + 33; length++) {
        set_content(slice_of(bytes, length));
        assert_int_equal(smp_server_hello_parse(block, &parsed), SMQ_ERR_SYNTAX);
    }
}

static void test_server_hello_with_min_above_max_is_refused(void **state) {
    (void)state;
    struct smp_server_hello parsed;
    set_content(slice_of("\0\x12\0\x06\0", 5));
    assert_int_equal(smp_server_hello_parse(block, &parsed), SMQ_ERR_SYNTAX);
}

static void test_bytes_after_the_known_fields_are_ignored(void **state) {
    (void)state;
    uint8_t bytes[1024];
    struct smp_server_hello server_hello = sample_server_hello(6, 18);
    struct smp_server_hello parsed_server;
    assert_int_equal(smp_server_hello_write(&server_hello, block), SMQ_OK);
    struct slice content = block_content();
    memset(bytes, 0xff, sizeof bytes);
    memcpy(bytes, content.bytes, content.length);
    set_content(slice_of(bytes, content.length + 50));
    assert_int_equal(smp_server_hello_parse(block, &parsed_server), SMQ_OK);
    assert_true(parsed_server.has_key);

    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct smp_client_hello hello = sample_service_hello(version);
        struct smp_client_hello parsed;
        assert_int_equal(smp_client_hello_write(&hello, block), SMQ_OK);
        content = block_content();
        memset(bytes, 0xff, sizeof bytes);
        memcpy(bytes, content.bytes, content.length);
        set_content(slice_of(bytes, content.length + 50));
        assert_int_equal(smp_client_hello_parse(block, &parsed), SMQ_OK);
        assert_int_equal(parsed.has_key, version >= 7);
        assert_int_equal(parsed.has_service, version >= 16);
    }

    struct smp_service_response response;
    set_content(slice_of_text("R\x03idsmore"));
    assert_int_equal(smp_service_response_parse(block, &response), SMQ_OK);
    assert_slices_equal(response.service_id, slice_of_text("ids"));
    set_content(slice_of_text("EHANDSHAKE BAD_AUTH more"));
    assert_int_equal(smp_service_response_parse(block, &response), SMQ_OK);
    assert_int_equal(response.error.handshake, SMP_HANDSHAKE_BAD_AUTH);
}

/* ---- client hello ---- */

static void test_client_hello_is_written_and_read_back_in_every_version(void **state) {
    (void)state;
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        for (int options = 0; options < 8; options++) {
            struct smp_client_hello hello = sample_service_hello(version);
            struct smp_client_hello parsed;
            hello.has_key = (options & 1) != 0;
            hello.is_proxy = (options & 2) != 0;
            hello.has_service = (options & 4) != 0;
            assert_int_equal(smp_client_hello_write(&hello, block), SMQ_OK);
            assert_int_equal(smp_client_hello_parse(block, &parsed), SMQ_OK);
            assert_int_equal(parsed.version, version);
            assert_slices_equal(parsed.key_hash, hello.key_hash);
            assert_int_equal(parsed.has_key, version >= 7 && hello.has_key);
            if (parsed.has_key)
                assert_true(public_key_equal(&parsed.key, &hello.key));
            assert_int_equal(parsed.is_proxy, version >= 14 && hello.is_proxy);
            assert_int_equal(parsed.has_service, version >= 16 && hello.has_service);
            if (parsed.has_service) {
                assert_int_equal(parsed.service_role, SMP_ROLE_MESSAGING);
                assert_chain_keys_equal(&parsed.service_chain_key, &hello.service_chain_key);
            }
        }
    }
}

static void assert_client_layout(const char *name, struct smp_client_hello hello) {
    assert_int_equal(smp_client_hello_write(&hello, block), SMQ_OK);
    assert_layout(name, block_content());
}

static void test_client_hello_layouts(void **state) {
    (void)state;
    struct smp_client_hello hello = sample_client_hello(18);
    assert_client_layout("client_hello_18_key", hello);
    assert_int_equal(block_content().length, 82);
    hello.is_proxy = true;
    assert_client_layout("client_hello_18_key_proxy", hello);
    hello = sample_client_hello(18);
    hello.has_key = false;
    assert_client_layout("client_hello_18_no_key", hello);
    assert_client_layout("client_hello_10_key", sample_client_hello(10));
    assert_client_layout("client_hello_6", sample_client_hello(6));
    assert_client_layout("client_hello_18_service", sample_service_hello(18));
}

static void test_truncated_client_hello_is_refused_in_every_version(void **state) {
    (void)state;
    uint8_t bytes[1024];
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        struct smp_client_hello hello = sample_service_hello(version);
        struct smp_client_hello parsed;
        assert_int_equal(smp_client_hello_write(&hello, block), SMQ_OK);
        struct slice content = block_content();
        memcpy(bytes, content.bytes, content.length);
        for (size_t length = 0; length < content.length; length++) {
            set_content(slice_of(bytes, length));
            enum smq_result result = smp_client_hello_parse(block, &parsed);
            /* Without a later field a cut key is no key, and what is left of it is ignored. */
            bool key_cut = version >= 7 && version < 14 && length >= 2 + 33;
            assert_int_equal(result, key_cut ? SMQ_OK : SMQ_ERR_SYNTAX);
            assert_false(key_cut && parsed.has_key);
        }
    }
}

static void test_client_hello_with_another_key_algorithm_has_no_key(void **state) {
    (void)state;
    struct smp_client_hello hello = sample_client_hello(10);
    struct smp_client_hello parsed;
    hello.key = sample_key(KEY_ED25519, 1);
    assert_int_equal(smp_client_hello_write(&hello, block), SMQ_OK);
    assert_int_equal(smp_client_hello_parse(block, &parsed), SMQ_OK);
    assert_false(parsed.has_key);
    hello.version = 18; /* here the key's bytes are then no proxy flag */
    assert_int_equal(smp_client_hello_write(&hello, block), SMQ_OK);
    assert_int_equal(smp_client_hello_parse(block, &parsed), SMQ_ERR_SYNTAX);
}

static void test_service_roles(void **state) {
    (void)state;
    for (unsigned role = 0; role < 256; role++) {
        struct smp_client_hello hello = sample_service_hello(18);
        struct smp_client_hello parsed;
        bool known = role == 'M' || role == 'N' || role == 'P';
        assert_int_equal(smp_client_hello_write(&hello, block), SMQ_OK);
        block[2 + 2 + 33 + 45 + 1 + 1] = (uint8_t)role;
        assert_int_equal(smp_client_hello_parse(block, &parsed), known ? SMQ_OK : SMQ_ERR_SYNTAX);
        hello.service_role = (enum smp_service_role)role;
        assert_int_equal(smp_client_hello_write(&hello, block), known ? SMQ_OK : SMQ_ERR_TOO_LARGE);
    }
}

static void test_hello_in_a_block_that_does_not_unpad_is_refused(void **state) {
    (void)state;
    struct smp_server_hello server_hello;
    struct smp_client_hello client_hello;
    struct smp_service_response response;
    memset(block, 0xff, sizeof block);
    assert_int_equal(smp_server_hello_parse(block, &server_hello), SMQ_ERR_SYNTAX);
    assert_int_equal(smp_client_hello_parse(block, &client_hello), SMQ_ERR_SYNTAX);
    assert_int_equal(smp_service_response_parse(block, &response), SMQ_ERR_SYNTAX);
}

static void test_hello_larger_than_a_block_is_not_written(void **state) {
    (void)state;
    static uint8_t chain[20000];
    struct writer writer = writer_of(chain, sizeof chain);
    struct slice certificate = sample(16300, 1);
    struct smp_server_hello hello = sample_server_hello(6, 18);
    chain_encode(&writer, &certificate, 1);
    hello.chain_key.count = 1;
    hello.chain_key.chain = slice_of(chain, writer_length(&writer));
    assert_int_equal(smp_server_hello_write(&hello, block), SMQ_ERR_TOO_LARGE);
}

/* ---- service response ---- */

static void test_service_response_layouts(void **state) {
    (void)state;
    struct smp_service_response response = {.accepted = true, .service_id = sample(24, 1)};
    struct smp_service_response parsed;
    assert_int_equal(smp_service_response_write(&response, block), SMQ_OK);
    assert_layout("service_accepted", block_content());
    assert_int_equal(smp_service_response_parse(block, &parsed), SMQ_OK);
    assert_true(parsed.accepted);
    assert_slices_equal(parsed.service_id, response.service_id);

    response = (struct smp_service_response){.error = smp_handshake_error_of(SMP_HANDSHAKE_BAD_AUTH)};
    assert_int_equal(smp_service_response_write(&response, block), SMQ_OK);
    assert_layout("service_refused", block_content());
    assert_int_equal(smp_service_response_parse(block, &parsed), SMQ_OK);
    assert_false(parsed.accepted);
    assert_true(smp_transport_error_equal(parsed.error, response.error));
}

static void test_every_transport_error_refuses_a_service(void **state) {
    (void)state;
    static const char *const texts[] = {"EBLOCK",
                                        "EVERSION",
                                        "ELARGE_MSG",
                                        "ESESSION",
                                        "ENO_AUTH",
                                        "EHANDSHAKE PARSE",
                                        "EHANDSHAKE IDENTITY",
                                        "EHANDSHAKE BAD_AUTH",
                                        "EHANDSHAKE BAD_SERVICE"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct smp_service_response parsed;
        set_content(slice_of_text(texts[i]));
        assert_int_equal(smp_service_response_parse(block, &parsed), SMQ_OK);
        assert_int_equal(smp_service_response_write(&parsed, block), SMQ_OK);
        assert_slices_equal(block_content(), slice_of_text(texts[i]));
    }
}

static void test_bad_service_responses_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",           "R",           "R\x05id",      "E", "EWHAT",
                                        "EHANDSHAKE", "EHANDSHAKE ", "EHANDSHAKE X", "X"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct smp_service_response parsed;
        set_content(slice_of_text(texts[i]));
        assert_int_equal(smp_service_response_parse(block, &parsed), SMQ_ERR_SYNTAX);
    }
}

/* ---- agreement ---- */

static const struct version_range all_versions = {.min = SMP_VERSION_MIN, .max = SMP_VERSION_MAX};

static void test_without_alpn_the_router_announces_version_6_only(void **state) {
    (void)state;
    struct version_range range = smp_server_versions(all_versions, false);
    assert_int_equal(range.min, 6);
    assert_int_equal(range.max, 6);
    range = smp_server_versions(all_versions, true);
    assert_int_equal(range.min, 6);
    assert_int_equal(range.max, 18);
}

static void test_server_refuses_another_key_hash_before_the_version(void **state) {
    (void)state;
    struct smp_client_hello hello = sample_client_hello(99);
    struct version_range session;
    assert_int_equal(smp_server_accept(&hello, all_versions, sample(32, 2).bytes, &session), SMQ_ERR_IDENTITY);
    hello.key_hash = sample(31, 1);
    assert_int_equal(smp_server_accept(&hello, all_versions, sample(32, 1).bytes, &session), SMQ_ERR_IDENTITY);
    hello.key_hash = sample(32, 1);
    assert_int_equal(smp_server_accept(&hello, all_versions, sample(32, 1).bytes, &session), SMQ_ERR_VERSION);
}

static void test_server_accepts_versions_it_announced(void **state) {
    (void)state;
    for (uint16_t version = 0; version < 30; version++) {
        struct smp_client_hello hello = sample_client_hello(version);
        struct version_range session;
        bool known = version >= 6 && version <= 18;
        assert_int_equal(smp_server_accept(&hello, all_versions, sample(32, 1).bytes, &session),
                         known ? SMQ_OK : SMQ_ERR_VERSION);
        if (known) {
            assert_int_equal(session.min, 6);
            assert_int_equal(session.max, version);
        }
    }
    struct smp_client_hello hello = sample_client_hello(7);
    struct version_range session;
    assert_int_equal(smp_server_accept(&hello, smp_server_versions(all_versions, false), sample(32, 1).bytes, &session),
                     SMQ_ERR_VERSION);
}

static void test_client_takes_the_highest_common_version(void **state) {
    (void)state;
    struct version_range agreed;
    struct smp_transport_error error;
    struct smp_server_hello hello = sample_server_hello(6, 15);
    assert_int_equal(smp_client_agree(&hello, all_versions, false, sample(32, 1), &agreed, &error), SMQ_OK);
    assert_int_equal(agreed.min, 6);
    assert_int_equal(agreed.max, 15);
    hello = sample_server_hello(9, 30);
    assert_int_equal(smp_client_agree(&hello, all_versions, false, sample(32, 1), &agreed, &error), SMQ_OK);
    assert_int_equal(agreed.min, 9);
    assert_int_equal(agreed.max, 18);
}

static void test_client_refuses_without_a_common_version(void **state) {
    (void)state;
    struct version_range agreed;
    struct smp_transport_error error;
    struct smp_server_hello hello = sample_server_hello(19, 20);
    assert_int_equal(smp_client_agree(&hello, all_versions, false, sample(32, 1), &agreed, &error), SMQ_ERR_VERSION);
    assert_int_equal(error.code, SMP_TRANSPORT_VERSION);
}

static void test_client_refuses_another_session_id_before_the_version(void **state) {
    (void)state;
    struct version_range agreed;
    struct smp_transport_error error;
    struct smp_server_hello hello = sample_server_hello(19, 20);
    assert_int_equal(smp_client_agree(&hello, all_versions, false, sample(32, 2), &agreed, &error), SMQ_ERR_IDENTITY);
    assert_int_equal(error.code, SMP_TRANSPORT_SESSION);
}

static void test_proxy_agrees_at_most_10_with_relays_below_14(void **state) {
    (void)state;
    for (uint16_t max = SMP_VERSION_MIN; max <= SMP_VERSION_MAX; max++) {
        struct version_range agreed;
        struct smp_transport_error error;
        struct smp_server_hello hello = sample_server_hello(6, max);
        assert_int_equal(smp_client_agree(&hello, all_versions, true, sample(32, 1), &agreed, &error), SMQ_OK);
        assert_int_equal(agreed.max, max < 10 ? max : max < 14 ? 10 : max);
    }
}

static void test_proxy_with_a_minimum_above_10_keeps_its_minimum(void **state) {
    (void)state;
    struct version_range agreed;
    struct smp_transport_error error;
    struct smp_server_hello hello = sample_server_hello(6, 13);
    const struct version_range own = {.min = 12, .max = 18};
    assert_int_equal(smp_client_agree(&hello, own, true, sample(32, 1), &agreed, &error), SMQ_OK);
    assert_int_equal(agreed.max, 12);
}

static void test_service_is_sent_from_16_on_when_a_certificate_was_requested(void **state) {
    (void)state;
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        assert_int_equal(smp_client_sends_service(version, true), version >= 16);
        assert_false(smp_client_sends_service(version, false));
    }
}

static void test_blocks_are_encrypted_from_11_on_with_both_keys_and_not_for_proxies(void **state) {
    (void)state;
    for (uint16_t version = SMP_VERSION_MIN; version <= SMP_VERSION_MAX; version++) {
        assert_int_equal(smp_blocks_are_encrypted(version, true, true, false), version >= 11);
        assert_false(smp_blocks_are_encrypted(version, true, true, true));
        assert_false(smp_blocks_are_encrypted(version, false, true, false));
        assert_false(smp_blocks_are_encrypted(version, true, false, false));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_hello_is_written_and_read_back),
        cmocka_unit_test(test_server_hello_layout),
        cmocka_unit_test(test_server_hello_with_a_broken_chain_has_no_key),
        cmocka_unit_test(test_server_hello_with_min_above_max_is_refused),
        cmocka_unit_test(test_bytes_after_the_known_fields_are_ignored),
        cmocka_unit_test(test_client_hello_is_written_and_read_back_in_every_version),
        cmocka_unit_test(test_client_hello_layouts),
        cmocka_unit_test(test_truncated_client_hello_is_refused_in_every_version),
        cmocka_unit_test(test_client_hello_with_another_key_algorithm_has_no_key),
        cmocka_unit_test(test_service_roles),
        cmocka_unit_test(test_hello_in_a_block_that_does_not_unpad_is_refused),
        cmocka_unit_test(test_hello_larger_than_a_block_is_not_written),
        cmocka_unit_test(test_service_response_layouts),
        cmocka_unit_test(test_every_transport_error_refuses_a_service),
        cmocka_unit_test(test_bad_service_responses_are_refused),
        cmocka_unit_test(test_without_alpn_the_router_announces_version_6_only),
        cmocka_unit_test(test_server_refuses_another_key_hash_before_the_version),
        cmocka_unit_test(test_server_accepts_versions_it_announced),
        cmocka_unit_test(test_client_takes_the_highest_common_version),
        cmocka_unit_test(test_client_refuses_without_a_common_version),
        cmocka_unit_test(test_client_refuses_another_session_id_before_the_version),
        cmocka_unit_test(test_proxy_agrees_at_most_10_with_relays_below_14),
        cmocka_unit_test(test_proxy_with_a_minimum_above_10_keeps_its_minimum),
        cmocka_unit_test(test_service_is_sent_from_16_on_when_a_certificate_was_requested),
        cmocka_unit_test(test_blocks_are_encrypted_from_11_on_with_both_keys_and_not_for_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
