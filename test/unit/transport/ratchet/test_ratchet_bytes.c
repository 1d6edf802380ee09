/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Parameters of the agreement in their three forms, headers, and what the store keeps: written, read, refused. */
#include "test/support/ratchet_pair.h"
#include "test/unit/transport/test_helpers.h"
#include "transport/wire/text.h"

enum { TEXT_MAX = 4096 };

/* The key that the fact sheet on links has in all its examples. */
static const char known_key[] =
    "MEIwBQYDK2VvAzkAmKuSYeQ_m0SixPDS8Wq8VBaTS1cW-Lp0n0h4Diu-kUpR-qXx4SDJ32YGEFoGFGSbGPry5Ychr6U=";

static struct e2e_parameters parameters_of(enum kem_offer offer, uint16_t min, uint16_t max) {
    struct x3dh_keys keys, proposer;
    struct e2e_parameters parameters;
    const struct version_range versions = {.min = min, .max = max};
    assert_int_equal(x3dh_keys_generate(&random_source_system, KEM_PROPOSED, NULL, &proposer), SMQ_OK);
    x3dh_parameters(&proposer, versions, &parameters);
    assert_int_equal(x3dh_keys_generate(&random_source_system, offer, &parameters, &keys), SMQ_OK);
    x3dh_parameters(&keys, versions, &parameters);
    return parameters;
}

static void assert_same_parameters(const struct e2e_parameters *a, const struct e2e_parameters *b) {
    assert_int_equal(a->versions.min, b->versions.min);
    assert_int_equal(a->versions.max, b->versions.max);
    assert_true(public_key_equal(&a->first, &b->first));
    assert_true(public_key_equal(&a->second, &b->second));
    assert_int_equal(a->kem.offer, b->kem.offer);
    if (a->kem.offer != KEM_NONE)
        assert_memory_equal(a->kem.public_key, b->kem.public_key, sizeof a->kem.public_key);
    if (a->kem.offer == KEM_ACCEPTED)
        assert_memory_equal(a->kem.ciphertext, b->kem.ciphertext, sizeof a->kem.ciphertext);
}

/* ---- binary parameters */

static enum smq_result read_whole(void (*read)(struct reader *, struct e2e_parameters *), struct slice bytes,
                                  struct e2e_parameters *parameters) {
    uint8_t *exact = heap_copy(bytes.bytes, bytes.length);
    struct reader reader = reader_of(slice_of(exact, bytes.length));
    read(&reader, parameters);
    free(exact);
    return reader_finish(&reader);
}

static void test_parameters_have_the_sizes_of_the_protocol_and_come_back(void **state) {
    (void)state;
    static const struct {
        enum kem_offer offer;
        uint16_t version;
        size_t size;
    } rows[] = {{KEM_NONE, 2, 140}, {KEM_NONE, 3, 141}, {KEM_PROPOSED, 3, 1302}, {KEM_ACCEPTED, 3, 2343}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct e2e_parameters made = parameters_of(rows[i].offer, rows[i].version, rows[i].version), again;
        uint8_t bytes[E2E_PARAMETERS_MAX];
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_e2e_parameters(&writer, &made);
        assert_int_equal(writer_finish(&writer), SMQ_OK);
        assert_int_equal(writer_length(&writer), rows[i].size);
        assert_int_equal(read_whole(read_e2e_parameters, slice_of(bytes, rows[i].size), &again), SMQ_OK);
        assert_same_parameters(&made, &again);
        for (size_t length = 0; length < rows[i].size; length++)
            assert_int_equal(read_whole(read_e2e_parameters, slice_of(bytes, length), &again), SMQ_ERR_SYNTAX);
    }
}

static void test_link_parameters_have_a_range_and_always_say_whether_there_is_a_kem(void **state) {
    (void)state;
    for (enum kem_offer offer = KEM_NONE; offer <= KEM_ACCEPTED; offer++) {
        struct e2e_parameters made = parameters_of(offer, 1, 2), again;
        uint8_t bytes[E2E_LINK_PARAMETERS_MAX];
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_e2e_link_parameters(&writer, &made);
        assert_int_equal(writer_finish(&writer), SMQ_OK);
        struct slice written = slice_of(bytes, writer_length(&writer));
        if (offer == KEM_ACCEPTED) { /* which no link can do */
            assert_int_equal(read_whole(read_e2e_link_parameters, written, &again), SMQ_ERR_SYNTAX);
            continue;
        }
        assert_int_equal(read_whole(read_e2e_link_parameters, written, &again), SMQ_OK);
        assert_same_parameters(&made, &again);
    }
}

static void assert_kem_refused(const char *letter, size_t first_length, size_t second_length) {
    static const uint8_t zeroes[2000];
    uint8_t bytes[4000];
    struct kem_parameters kem;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_text(&writer, letter);
    write_large(&writer, slice_of(zeroes, first_length));
    if (second_length > 0)
        write_large(&writer, slice_of(zeroes, second_length));
    struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_kem_parameters(&reader, &kem);
    assert_int_equal(reader_finish(&reader), SMQ_ERR_SYNTAX);
    assert_int_equal(kem.offer, KEM_NONE);
}

static void test_kem_keys_and_ciphertexts_of_any_other_length_are_refused(void **state) {
    (void)state;
    assert_kem_refused("1P", 1157, 0);
    assert_kem_refused("1P", 1159, 0);
    assert_kem_refused("1P", 0, 0);
    assert_kem_refused("1A", 1038, 1158);
    assert_kem_refused("1A", 1040, 1158);
    assert_kem_refused("1A", 1039, 1157);
    assert_kem_refused("1X", 1158, 0);
    assert_kem_refused("2P", 1158, 0);
}

static void test_keys_of_another_algorithm_are_refused(void **state) {
    (void)state;
    static const enum key_algorithm algorithms[] = {KEY_X25519, KEY_ED448};
    for (size_t i = 0; i < 2; i++) {
        struct key_pair other = fresh_pair(algorithms[i]);
        struct e2e_parameters made = parameters_of(KEM_NONE, 3, 3), again;
        uint8_t bytes[E2E_PARAMETERS_MAX];
        made.second = other.public_key;
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_e2e_parameters(&writer, &made);
        assert_int_equal(read_whole(read_e2e_parameters, slice_of(bytes, writer_length(&writer)), &again),
                         SMQ_ERR_SYNTAX);
    }
}

/* ---- text */

static void test_known_link_text_is_read_and_written(void **state) {
    (void)state;
    char expected[TEXT_MAX], escaped[TEXT_MAX], known_escaped[TEXT_MAX];
    struct e2e_parameters parameters;
    assert_true(snprintf(expected, sizeof expected, "v=1&x3dh=%s,%s", known_key, known_key) > 0);
    assert_true(snprintf(known_escaped, sizeof known_escaped, "v%%3D1%%26x3dh%%3D%.*s%%3D%%2C%.*s%%3D",
                         (int)strlen(known_key) - 1, known_key, (int)strlen(known_key) - 1, known_key) > 0);
    assert_int_equal(e2e_link_text_parse(slice_of_text(expected), &parameters), SMQ_OK);
    assert_int_equal(parameters.versions.max, 1);
    assert_true(public_key_equal(&parameters.first, &parameters.second));
    struct writer writer = writer_of(escaped, sizeof escaped);
    uint8_t text[TEXT_MAX];
    struct writer text_writer = writer_of(text, sizeof text);
    write_e2e_link_text(&text_writer, &parameters);
    assert_slice_text(slice_of(text, writer_length(&text_writer)), expected);
    write_percent_encoded(&writer, slice_of(text, writer_length(&text_writer)));
    assert_slice_text(slice_of(escaped, writer_length(&writer)), known_escaped);
}

static void test_link_text_with_a_proposal_comes_back(void **state) {
    (void)state;
    struct e2e_parameters made = parameters_of(KEM_PROPOSED, 2, 3), again;
    uint8_t text[TEXT_MAX];
    struct writer writer = writer_of(text, sizeof text);
    write_e2e_link_text(&writer, &made);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_int_equal(e2e_link_text_parse(slice_of(text, writer_length(&writer)), &again), SMQ_OK);
    assert_same_parameters(&made, &again);
    write_text(&writer, "&kem_ct=AAAA"); /* which no link has */
    assert_int_equal(e2e_link_text_parse(slice_of(text, writer_length(&writer)), &again), SMQ_ERR_SYNTAX);
    made.versions.max = 2; /* no KEM below its version, neither written nor read */
    writer = writer_of(text, sizeof text);
    write_e2e_link_text(&writer, &made);
    assert_int_equal(e2e_link_text_parse(slice_of(text, writer_length(&writer)), &again), SMQ_OK);
    assert_int_equal(again.kem.offer, KEM_NONE);
}

static void test_link_texts_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const formats[] = {
        "",
        "v=2-3",
        "x3dh=%s,%s",
        "v=3-2&x3dh=%s,%s",
        "v=2-3&x3dh=%s",
        "v=2-3&x3dh=%s,%s,%s",
        "v=2-3&x3dh=%s;%s",
        "v=2-3&x3dh=%s,%s&kem_key=",
        "v=2-3&x3dh=%s,%s&kem_key=AAAA",
        "v=2-3&x3dh=%s,%s&kem_key=%s",
        "v=2-3&x3dh=AAAA,AAAA",
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        char text[TEXT_MAX];
        struct e2e_parameters parameters;
        size_t length = 0;
        for (const char *at = formats[i]; *at != '\0'; at++) {
            bool key = strncmp(at, "%s", 2) == 0;
            length +=
                (size_t)snprintf(text + length, sizeof text - length, "%.*s", key ? 100 : 1, key ? known_key : at);
            at += key;
        }
        assert_int_equal(e2e_link_text_parse(slice_of(text, length), &parameters), SMQ_ERR_SYNTAX);
    }
}

/* ---- headers */

static void test_header_may_have_more_at_its_end(void **state) {
    (void)state;
    struct message_header header = {.version_max = 4, .previous_count = 7, .number = 9}, again;
    uint8_t bytes[HEADER_PADDED] = {0};
    header.ratchet_key = fresh_pair(KEY_X448).public_key;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_message_header(&writer, 3, &header);
    assert_int_equal(writer_length(&writer), 80);
    assert_int_equal(message_header_parse(3, slice_of(bytes, 83), &again), SMQ_OK);
    assert_int_equal(again.version_max, 4);
    assert_int_equal(again.previous_count, 7);
    assert_int_equal(again.number, 9);
    assert_int_equal(message_header_parse(3, slice_of(bytes, 79), &again), SMQ_ERR_SYNTAX);
    assert_int_equal(message_header_parse(2, slice_of(bytes, 83), &again), SMQ_OK); /* '0' is of the number there */
}

static void test_header_lengths_of_both_forms_are_read(void **state) {
    (void)state;
    uint8_t bytes[2 + 300 + GCM_TAG_SIZE + 5] = {0};
    struct sealed_message message;
    for (size_t length_size = 1; length_size <= 2; length_size++) {
        struct writer writer = writer_of(bytes, sizeof bytes);
        uint8_t header[SEALED_HEADER_OVERHEAD + 40] = {0, 3};
        size_t header_length = sizeof header - (length_size == 1);
        memset(header + 2 + GCM_IV_SIZE + GCM_TAG_SIZE, 0, 2);
        header[2 + GCM_IV_SIZE + GCM_TAG_SIZE + length_size - 1] = 40;
        write_header_length(&writer, length_size == 1 ? 2 : 3, header_length);
        write_bytes(&writer, header, header_length);
        write_bytes(&writer, header, GCM_TAG_SIZE + 5);
        assert_int_equal(sealed_message_parse(slice_of(bytes, writer_length(&writer)), &message), SMQ_OK);
        assert_int_equal(message.header.length, header_length);
        assert_int_equal(message.parsed_header.ciphertext.length, 40);
        assert_int_equal(message.ciphertext.length, 5);
    }
}

/* ---- what the store keeps */

static void test_keys_of_the_agreement_come_back(void **state) {
    (void)state;
    struct x3dh_keys proposer, keys, again;
    struct e2e_parameters link;
    uint8_t bytes[X3DH_KEYS_MAX + 1];
    assert_int_equal(x3dh_keys_generate(&random_source_system, KEM_PROPOSED, NULL, &proposer), SMQ_OK);
    x3dh_parameters(&proposer, (struct version_range){2, 3}, &link);
    for (enum kem_offer offer = KEM_NONE; offer <= KEM_ACCEPTED; offer++) {
        assert_int_equal(x3dh_keys_generate(&random_source_system, offer, &link, &keys), SMQ_OK);
        struct writer writer = writer_of(bytes, X3DH_KEYS_MAX);
        write_x3dh_keys(&writer, &keys);
        assert_int_equal(writer_finish(&writer), SMQ_OK);
        size_t size = writer_length(&writer);
        assert_int_equal(x3dh_keys_decode(slice_of(bytes, size), &again), SMQ_OK);
        assert_memory_equal(&keys, &again, sizeof keys);
        for (size_t length = 0; length < size; length += length < 300 ? 1 : 97)
            assert_int_equal(x3dh_keys_decode(slice_of(bytes, length), &again), SMQ_ERR_SYNTAX);
        bytes[size] = 0;
        assert_int_equal(x3dh_keys_decode(slice_of(bytes, size + 1), &again), SMQ_ERR_SYNTAX);
    }
}

static void assert_state_is_strict(const struct ratchet *ratchet) {
    uint8_t bytes[RATCHET_MAX + 1];
    struct ratchet again;
    struct writer writer = writer_of(bytes, RATCHET_MAX);
    write_ratchet(&writer, ratchet);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    size_t size = writer_length(&writer);
    assert_int_equal(ratchet_decode(slice_of(bytes, size), &again), SMQ_OK);
    assert_memory_equal(ratchet, &again, sizeof again);
    for (size_t length = 0; length < size; length += length < 500 ? 1 : 97)
        assert_int_equal(ratchet_decode(slice_of(bytes, length), &again), SMQ_ERR_SYNTAX);
    bytes[size] = 'T';
    assert_int_equal(ratchet_decode(slice_of(bytes, size + 1), &again), SMQ_ERR_SYNTAX);
    bytes[0]++;
    assert_int_equal(ratchet_decode(slice_of(bytes, size), &again), SMQ_ERR_VERSION);
}

static void test_states_come_back_and_are_refused_when_cut_or_of_a_newer_form(void **state) {
    (void)state;
    for (enum ratchet_handshake handshake = HANDSHAKE_NO_KEM; handshake < HANDSHAKE_COUNT; handshake++) {
        struct ratchet_pair pair;
        struct ratchet_message message;
        struct ratchet_received received;
        ratchet_pair_create(&pair, handshake, E2E_VERSION_MAX);
        assert_state_is_strict(&pair.alice.ratchet);
        assert_state_is_strict(&pair.bob.ratchet);
        ratchet_party_send(&pair.bob, PQ_AS_IT_IS, slice_of_text("x"), &message);
        assert_int_equal(ratchet_party_receive(&pair.alice, &message, slice_of_text("x"), &received), RATCHET_RECEIVED);
        assert_state_is_strict(&pair.alice.ratchet);
        ratchet_pair_destroy(&pair);
    }
}

static void test_states_are_small_on_disk(void **state) {
    (void)state;
    assert_true(RATCHET_WITHOUT_KEM_MAX + 1 <= 512);
    assert_true(RATCHET_MAX <= 3328);
}

static void test_message_keys_come_back_and_seal_the_same_message(void **state) {
    (void)state;
    for (enum ratchet_handshake handshake = HANDSHAKE_NO_KEM; handshake < HANDSHAKE_COUNT; handshake++) {
        struct ratchet_pair pair;
        struct message_key key, again;
        uint8_t bytes[MESSAGE_KEY_MAX], messages[2][PAIR_MESSAGE_MAX];
        ratchet_pair_create(&pair, handshake, E2E_VERSION_MAX);
        assert_int_equal(ratchet_encrypt(&pair.bob.ratchet, PQ_AS_IT_IS, 3, &key), SMQ_OK);
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_message_key(&writer, &key);
        assert_int_equal(writer_finish(&writer), SMQ_OK);
        size_t size = writer_length(&writer);
        assert_int_equal(message_key_decode(slice_of(bytes, size), &again), SMQ_OK);
        assert_int_equal(message_key_seal(&key, slice_of_text("x"), PAIR_PADDED, messages[0]), SMQ_OK);
        assert_int_equal(message_key_seal(&again, slice_of_text("x"), PAIR_PADDED, messages[1]), SMQ_OK);
        assert_memory_equal(messages[0], messages[1], message_size(&key, PAIR_PADDED));
        for (size_t length = 0; length < size; length += 13)
            assert_int_equal(message_key_decode(slice_of(bytes, length), &again), SMQ_ERR_SYNTAX);
        ratchet_pair_destroy(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters_have_the_sizes_of_the_protocol_and_come_back),
        cmocka_unit_test(test_link_parameters_have_a_range_and_always_say_whether_there_is_a_kem),
        cmocka_unit_test(test_kem_keys_and_ciphertexts_of_any_other_length_are_refused),
        cmocka_unit_test(test_keys_of_another_algorithm_are_refused),
        cmocka_unit_test(test_known_link_text_is_read_and_written),
        cmocka_unit_test(test_link_text_with_a_proposal_comes_back),
        cmocka_unit_test(test_link_texts_that_are_none_are_refused),
        cmocka_unit_test(test_header_may_have_more_at_its_end),
        cmocka_unit_test(test_header_lengths_of_both_forms_are_read),
        cmocka_unit_test(test_keys_of_the_agreement_come_back),
        cmocka_unit_test(test_states_come_back_and_are_refused_when_cut_or_of_a_newer_form),
        cmocka_unit_test(test_states_are_small_on_disk),
        cmocka_unit_test(test_message_keys_come_back_and_seal_the_same_message),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
