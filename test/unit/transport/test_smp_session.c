/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of SMP sessions: blocks sealed and opened in place, known bytes, and what a bad block does to the chain. */
#include "test/unit/transport/smp_samples.h"
#include "transport/block/batch.h"
#include "transport/crypto/hash.h"
#include "transport/crypto/setup.h"
#include "transport/smp/session.h"

static int set_up(void **state) {
    (void)state;
    return crypto_setup() == SMQ_OK ? 0 : -1;
}

static struct slice from_hex(const char *text, uint8_t *bytes) {
    size_t length = strlen(text) / 2;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
    return slice_of(bytes, length);
}

/* dh of the two sample keys of the known-answer vectors. */
static struct dh_secret known_secret(void) {
    struct dh_secret secret;
    (void)from_hex("a84dc7c3c8f058b1b2dc4cd1e9b5dc0a7987f88b6a9564cde3391fc421159e77", secret.bytes);
    return secret;
}

static struct slice known_session_id(void) {
    static uint8_t bytes[32];
    return from_hex("404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f", bytes);
}

static void make_pair(struct smp_session *server, struct smp_session *client, bool encrypted) {
    struct dh_secret secret = known_secret();
    const struct dh_secret *used = encrypted ? &secret : NULL;
    assert_int_equal(smp_session_init(server, SMP_SIDE_SERVER, 18, known_session_id(), used), SMQ_OK);
    assert_int_equal(smp_session_init(client, SMP_SIDE_CLIENT, 18, known_session_id(), used), SMQ_OK);
}

/* A block that holds `count` transmissions of `length` bytes each. */
static void fill_block(struct smp_session *session, uint8_t *block, size_t count, size_t length) {
    struct smp_outgoing_block outgoing;
    smp_session_begin_block(session, block, &outgoing);
    for (size_t i = 0; i < count; i++) {
        assert_true(smp_outgoing_block_fits(&outgoing, 2 + length));
        write_large(&outgoing.writer, sample(length, i % 50));
        smp_outgoing_block_added(&outgoing);
    }
    assert_int_equal(smp_session_seal_block(session, &outgoing), SMQ_OK);
}

static void assert_block_holds(struct smp_session *session, uint8_t *block, size_t count, size_t length) {
    struct slice bytes;
    struct slice transmission;
    struct block_content content;
    size_t n = 0;
    assert_int_equal(smp_session_open_block(session, block, &bytes), SMQ_OK);
    assert_true(bytes.bytes > block && bytes.bytes + bytes.length <= block + SMP_BLOCK_SIZE);
    assert_int_equal(block_content_open(bytes, &content), SMQ_OK);
    while (block_content_next(&content, &transmission))
        assert_slices_equal(transmission, sample(length, n++ % 50));
    assert_int_equal(n, count);
}

/* A command that lies at `at` in a larger buffer becomes a block there; its neighbours stay as they are. */
static void seal_around_at(bool encrypted, size_t at, size_t length) {
    enum { BEFORE = 64, AFTER = 64 };
    static uint8_t buffer[BEFORE + SMP_BLOCK_SIZE + AFTER];
    struct smp_session server, client;
    struct transmission transmission;
    struct block_content content;
    struct slice bytes;
    struct smp_error error;
    uint8_t *block = NULL;
    make_pair(&server, &client, encrypted);
    memset(buffer, 0xee, sizeof buffer);
    memcpy(buffer + at, sample(length, 3).bytes, length);
    struct slice corr_id = slice_of_text("correlation id, 24 bytes");
    struct slice entity_id = slice_of_text("entity");
    size_t lead = smp_session_lead(&client, corr_id.length, entity_id.length);
    assert_int_equal(smp_session_seal_around(&client, corr_id, entity_id, slice_of(buffer + at, length), &block),
                     SMQ_OK);
    assert_ptr_equal(block, buffer + at - lead);
    for (const uint8_t *byte = buffer; byte < block; byte++)
        assert_int_equal(*byte, 0xee);
    for (const uint8_t *byte = block + SMP_BLOCK_SIZE; byte < buffer + sizeof buffer; byte++)
        assert_int_equal(*byte, 0xee);
    assert_int_equal(smp_session_open_block(&server, block, &bytes), SMQ_OK);
    assert_int_equal(block_content_open(bytes, &content), SMQ_OK);
    assert_int_equal(content.count, 1);
    assert_true(block_content_next(&content, &bytes));
    struct transmission_form form = smp_session_form(&server);
    assert_int_equal(smp_transmission_parse(&form, bytes, &transmission, &error), SMQ_OK);
    assert_slices_equal(transmission.correlation_id, corr_id);
    assert_slices_equal(transmission.entity_id, entity_id);
    assert_slices_equal(transmission.command, sample(length, 3));
}

static void test_a_command_is_sealed_where_it_lies(void **state) {
    (void)state;
    for (int encrypted = 0; encrypted <= 1; encrypted++) {
        seal_around_at(encrypted == 1, 64 + 100, 16247);
        seal_around_at(encrypted == 1, 64 + 40, 5);
        seal_around_at(encrypted == 1, 64 + 90, 1000);
    }
}

static void test_a_command_that_exceeds_a_block_is_not_sealed(void **state) {
    (void)state;
    static uint8_t buffer[2 * SMP_BLOCK_SIZE];
    struct smp_session server, client;
    uint8_t *block = NULL;
    for (int encrypted = 0; encrypted <= 1; encrypted++) {
        make_pair(&server, &client, encrypted == 1);
        size_t lead = smp_session_lead(&client, 0, 0);
        size_t most = SMP_BATCH_BYTES_MAX - (lead - (encrypted == 1 ? 19 : 3));
        struct slice none = slice_of(NULL, 0);
        assert_int_equal(smp_session_seal_around(&client, none, none, slice_of(buffer + 100, most + 1), &block),
                         SMQ_ERR_TOO_LARGE);
        assert_int_equal(smp_session_seal_around(&client, none, none, slice_of(buffer + 100, most), &block), SMQ_OK);
        struct slice bytes;
        assert_int_equal(smp_session_open_block(&server, block, &bytes), SMQ_OK); /* the first one stepped no chain */
    }
}

static void test_first_server_block_has_the_known_bytes(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    uint8_t expected[32];
    uint8_t digest[HASH_SHA256_SIZE];
    struct smp_session server;
    struct smp_session client;
    struct smp_outgoing_block outgoing;
    struct slice content;

    make_pair(&server, &client, true);
    smp_session_begin_block(&server, block, &outgoing);
    write_large(&outgoing.writer, slice_of_text("abc"));
    smp_outgoing_block_added(&outgoing);
    assert_int_equal(smp_session_seal_block(&server, &outgoing), SMQ_OK);

    (void)from_hex("cf1303d87ea48fc3e38dddf9328f026e62634f471131257be2a45b4ecd5c526f", expected);
    assert_memory_equal(block, expected, sizeof expected);
    (void)from_hex("905131a17a5391153fe90adb843412bca24ed6506392d463aababd0bceb6fcfd", expected);
    assert_int_equal(hash_slice(HASH_SHA256, slice_of(block, sizeof block), digest), SMQ_OK);
    assert_memory_equal(digest, expected, sizeof expected);

    assert_int_equal(smp_session_open_block(&client, block, &content), SMQ_OK);
    assert_slices_equal(content, slice_of("\x01\0\x03"
                                          "abc",
                                          6));
}

static void test_blocks_go_both_ways_in_both_modes(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    for (int encrypted = 0; encrypted <= 1; encrypted++) {
        struct smp_session server;
        struct smp_session client;
        make_pair(&server, &client, encrypted == 1);
        for (size_t i = 1; i <= 5; i++) {
            fill_block(&client, block, i, 100 * i);
            assert_block_holds(&server, block, i, 100 * i);
            fill_block(&server, block, 1, 16363);
            assert_block_holds(&client, block, 1, 16363);
        }
        smp_session_wipe(&server);
        smp_session_wipe(&client);
    }
}

static void test_full_blocks_by_bytes_and_by_count(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    for (int encrypted = 0; encrypted <= 1; encrypted++) {
        struct smp_session server;
        struct smp_session client;
        struct smp_outgoing_block outgoing;
        make_pair(&server, &client, encrypted == 1);

        smp_session_begin_block(&server, block, &outgoing);
        assert_true(smp_outgoing_block_fits(&outgoing, 16365));
        assert_false(smp_outgoing_block_fits(&outgoing, 16366));
        assert_int_equal(writer_room(&outgoing.writer), SMP_BATCH_BYTES_MAX);
        write_large(&outgoing.writer, sample(16363, 0));
        smp_outgoing_block_added(&outgoing);
        assert_false(smp_outgoing_block_fits(&outgoing, 1));
        assert_int_equal(smp_session_seal_block(&server, &outgoing), SMQ_OK);
        assert_block_holds(&client, block, 1, 16363);

        smp_session_begin_block(&server, block, &outgoing);
        for (size_t i = 0; i < 255; i++) {
            write_large(&outgoing.writer, sample(3, i % 50));
            smp_outgoing_block_added(&outgoing);
        }
        assert_false(smp_outgoing_block_fits(&outgoing, 5));
        assert_int_equal(smp_session_seal_block(&server, &outgoing), SMQ_OK);
        assert_block_holds(&client, block, 255, 3);
    }
}

static void test_block_that_does_not_decrypt_still_steps_the_chain(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    struct smp_session server;
    struct smp_session client;
    struct slice content;
    make_pair(&server, &client, true);

    fill_block(&server, block, 1, 10);
    block[5000] ^= 1;
    assert_int_equal(smp_session_open_block(&client, block, &content), SMQ_ERR_CRYPTO);
    fill_block(&server, block, 1, 20);
    assert_block_holds(&client, block, 1, 20);
}

static void test_lost_block_breaks_the_chain(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    struct smp_session server;
    struct smp_session client;
    struct slice content;
    make_pair(&server, &client, true);
    fill_block(&server, block, 1, 10);
    fill_block(&server, block, 1, 10);
    assert_int_equal(smp_session_open_block(&client, block, &content), SMQ_ERR_CRYPTO);
}

static void test_sides_do_not_open_their_own_blocks(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    struct smp_session server;
    struct smp_session client;
    struct slice content;
    make_pair(&server, &client, true);
    fill_block(&server, block, 1, 10);
    assert_int_equal(smp_session_open_block(&server, block, &content), SMQ_ERR_CRYPTO);
}

static void test_plain_block_with_a_bad_length_is_refused(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    struct smp_session server;
    struct smp_session client;
    struct slice content;
    make_pair(&server, &client, false);
    block[0] = 0x3f;
    block[1] = 0xfe; /* 16382: all there is */
    assert_int_equal(smp_session_open_block(&server, block, &content), SMQ_OK);
    assert_int_equal(content.length, 16382);
    block[1] = 0xff;
    assert_int_equal(smp_session_open_block(&server, block, &content), SMQ_ERR_SYNTAX);
    block[0] = 0xff;
    assert_int_equal(smp_session_open_block(&server, block, &content), SMQ_ERR_SYNTAX);
}

static void test_filler_is_not_checked(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    struct smp_session server;
    struct smp_session client;
    make_pair(&server, &client, false);
    fill_block(&server, block, 1, 10);
    assert_int_equal(block[SMP_BLOCK_SIZE - 1], '#');
    memset(block + 1000, 0, sizeof block - 1000);
    assert_block_holds(&client, block, 1, 10);
}

static void test_empty_block_is_not_sealed(void **state) {
    (void)state;
    static uint8_t block[SMP_BLOCK_SIZE];
    struct smp_session server;
    struct smp_session client;
    struct smp_outgoing_block outgoing;
    make_pair(&server, &client, true);
    smp_session_begin_block(&server, block, &outgoing);
    assert_int_equal(smp_session_seal_block(&server, &outgoing), SMQ_ERR_INVALID);
    fill_block(&server, block, 1, 10);
    assert_block_holds(&client, block, 1, 10);
}

static void test_session_keeps_its_id_and_version(void **state) {
    (void)state;
    struct smp_session session;
    assert_int_equal(smp_session_init(&session, SMP_SIDE_CLIENT, 6, sample(12, 1), NULL), SMQ_OK);
    struct transmission_form form = smp_session_form(&session);
    assert_int_equal(form.version, 6);
    assert_slices_equal(form.session_id, sample(12, 1));
    assert_int_equal(smp_session_init(&session, SMP_SIDE_CLIENT, 6, sample(64, 1), NULL), SMQ_OK);
    assert_int_equal(smp_session_init(&session, SMP_SIDE_CLIENT, 6, sample(65, 1), NULL), SMQ_ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_server_block_has_the_known_bytes),
        cmocka_unit_test(test_a_command_is_sealed_where_it_lies),
        cmocka_unit_test(test_a_command_that_exceeds_a_block_is_not_sealed),
        cmocka_unit_test(test_blocks_go_both_ways_in_both_modes),
        cmocka_unit_test(test_full_blocks_by_bytes_and_by_count),
        cmocka_unit_test(test_block_that_does_not_decrypt_still_steps_the_chain),
        cmocka_unit_test(test_lost_block_breaks_the_chain),
        cmocka_unit_test(test_sides_do_not_open_their_own_blocks),
        cmocka_unit_test(test_plain_block_with_a_bad_length_is_refused),
        cmocka_unit_test(test_filler_is_not_checked),
        cmocka_unit_test(test_empty_block_is_not_sealed),
        cmocka_unit_test(test_session_keeps_its_id_and_version),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
