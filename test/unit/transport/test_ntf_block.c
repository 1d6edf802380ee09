/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of NTF blocks: what fits, what is read back in every version, and blocks that lie about what they hold. */
#include "test/unit/transport/test_helpers.h"
#include "transport/ntf/block.h"
#include "transport/smp/session.h"
#include "transport/wire/padding.h"

static uint8_t block[NTF_BLOCK_SIZE];
static const uint8_t session_id[32] = "the session id of this test.....";

static struct transmission_form envelope_of(uint16_t version) {
    return ntf_form(version, slice_of(session_id, sizeof session_id));
}

/* Writes a transmission of this command into the block; false when it does not fit. */
static bool add(struct ntf_outgoing_block *outgoing, const char *corr_id, size_t command_length) {
    struct transmission_form form = envelope_of(outgoing->version);
    struct transmission_draft draft;
    size_t size = transmission_size(&form, 0, false, strlen(corr_id), 0, command_length);
    bool fits = ntf_block_fits(outgoing, size);
    transmission_begin(&form, &outgoing->writer, 0, false, slice_of_text(corr_id), (struct slice){0}, &draft);
    uint8_t *command = write_reserve(&outgoing->writer, command_length);
    if (command != NULL)
        memset(command, 'x', command_length);
    enum smq_result result = transmission_end(&form, &outgoing->writer, &draft, (struct slice){0}, NULL);
    assert_int_equal(result == SMQ_OK, fits); /* asking and trying agree */
    if (fits)
        ntf_block_added(outgoing);
    return fits;
}

static unsigned read_back(uint16_t version, const char *const corr_ids[]) {
    struct transmission_form form = envelope_of(version);
    uint8_t *copy = heap_copy(block, sizeof block);
    struct block_content content;
    struct slice bytes;
    unsigned count = 0;
    assert_int_equal(ntf_block_open(version, copy, &content), SMQ_OK);
    while (block_content_next(&content, &bytes)) {
        struct transmission transmission;
        struct smp_error error;
        assert_int_equal(smp_transmission_parse(&form, bytes, &transmission, &error), SMQ_OK);
        assert_slice_text(transmission.correlation_id, corr_ids[count++]);
    }
    free(copy);
    return count;
}

static void test_a_block_of_version_1_holds_one_transmission(void **state) {
    (void)state;
    struct ntf_outgoing_block outgoing;
    static const char *const corr_ids[] = {"first"};
    ntf_block_begin(1, block, &outgoing);
    assert_int_equal(ntf_block_finish(&outgoing), SMQ_ERR_INVALID);
    assert_true(add(&outgoing, "first", 4));
    assert_false(add(&outgoing, "second", 4));
    assert_int_equal(ntf_block_finish(&outgoing), SMQ_OK);
    assert_int_equal(read_back(1, corr_ids), 1);
    static const char start[] = "\0\x2d\0\x20"; /* the length of the transmission, no authorization, the session id */
    assert_memory_equal(block, start, 4);
    assert_memory_equal(block + 4, session_id, sizeof session_id);
    assert_int_equal(block[2 + 0x2d], '#');
}

static void test_blocks_of_later_versions_hold_several(void **state) {
    (void)state;
    static const char *const corr_ids[] = {"a", "b", "c"};
    for (uint16_t version = 2; version <= NTF_VERSION_MAX; version++) {
        struct ntf_outgoing_block outgoing;
        ntf_block_begin(version, block, &outgoing);
        assert_int_equal(ntf_block_finish(&outgoing), SMQ_ERR_INVALID);
        for (size_t i = 0; i < 3; i++)
            assert_true(add(&outgoing, corr_ids[i], 10));
        assert_int_equal(ntf_block_finish(&outgoing), SMQ_OK);
        assert_int_equal(read_back(version, corr_ids), 3);
        assert_int_equal(block[2], 3);
    }
}

/* Sizes of transmissions with a 1-byte correlation id, without session id: 2 + 1 + 2 + 1 + command. */
enum { AROUND_COMMAND = 6 };

static void test_a_lone_transmission_may_fill_the_block(void **state) {
    (void)state;
    static const char *const corr_ids[] = {"a"};
    struct ntf_outgoing_block outgoing;
    ntf_block_begin(3, block, &outgoing);
    assert_false(add(&outgoing, "a", NTF_LONE_BYTES_MAX - AROUND_COMMAND + 1));
    assert_true(add(&outgoing, "a", NTF_LONE_BYTES_MAX - AROUND_COMMAND));
    assert_false(add(&outgoing, "b", 0));
    assert_int_equal(ntf_block_finish(&outgoing), SMQ_OK);
    assert_int_equal(read_back(3, corr_ids), 1);
}

static void test_transmissions_together_stay_below_the_batch_limit(void **state) {
    (void)state;
    static const char *const corr_ids[] = {"a", "b"};
    struct ntf_outgoing_block outgoing;
    ntf_block_begin(3, block, &outgoing);
    assert_true(add(&outgoing, "a", 100));
    size_t left = NTF_BATCH_BYTES_MAX - AROUND_COMMAND - 100;
    assert_false(add(&outgoing, "b", left - AROUND_COMMAND + 1));
    assert_true(add(&outgoing, "b", left - AROUND_COMMAND));
    assert_false(add(&outgoing, "c", 0));
    assert_int_equal(ntf_block_finish(&outgoing), SMQ_OK);
    assert_int_equal(read_back(3, corr_ids), 2);
}

static enum smq_result open_content(uint16_t version, const void *bytes, size_t length) {
    struct block_content content;
    assert_int_equal(pad(slice_of(bytes, length), block, sizeof block), SMQ_OK);
    return ntf_block_open(version, block, &content);
}

static void test_blocks_that_lie_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } lies[] = {
        {"", 0},               /* nothing, not even a count */
        {"\0", 1},             /* no transmissions */
        {"\1", 1},             /* one, which is not there */
        {"\1\0\5abc", 6},      /* cut */
        {"\2\0\1a", 4},        /* two, of which one is there */
        {"\1\0\1ab", 5},       /* something behind */
        {"\xff\0\1a", 4},      /* 255 of them */
        {"\1\xff\xff\x61", 4}, /* longer than any block */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        assert_int_equal(open_content(2, lies[i].bytes, lies[i].length), SMQ_ERR_SYNTAX);
        assert_int_equal(open_content(3, lies[i].bytes, lies[i].length), SMQ_ERR_SYNTAX);
    }
}

static void test_a_padding_length_beyond_the_block_is_refused(void **state) {
    (void)state;
    struct block_content content;
    for (uint16_t version = 1; version <= NTF_VERSION_MAX; version++)
        for (unsigned length = NTF_BLOCK_SIZE - 1; length <= UINT16_MAX; length += 997) {
            uint8_t *lying = heap_copy(block, sizeof block);
            lying[0] = (uint8_t)(length >> 8);
            lying[1] = (uint8_t)length;
            assert_int_equal(ntf_block_open(version, lying, &content), SMQ_ERR_SYNTAX);
            free(lying);
        }
}

static void test_a_foreign_session_id_in_version_1_is_told_as_session(void **state) {
    (void)state;
    struct ntf_outgoing_block outgoing;
    struct block_content content;
    struct transmission transmission;
    struct smp_error error;
    struct slice bytes;
    struct transmission_form form = ntf_form(1, slice_of_text("another session"));
    ntf_block_begin(1, block, &outgoing);
    assert_true(add(&outgoing, "a", 4));
    assert_int_equal(ntf_block_finish(&outgoing), SMQ_OK);
    assert_int_equal(ntf_block_open(1, block, &content), SMQ_OK);
    assert_true(block_content_next(&content, &bytes));
    assert_int_equal(smp_transmission_parse(&form, bytes, &transmission, &error), SMQ_ERR_SYNTAX);
    assert_int_equal(error.code, SMP_ERROR_SESSION);
    assert_slice_text(transmission.correlation_id, "a");
}

/* SMP 16's service signature does not exist: what follows the authorization is the correlation id. */
static void test_no_version_has_a_service_signature(void **state) {
    (void)state;
    uint8_t authorization[SMP_ED25519_SIGNATURE_SIZE] = {0};
    for (uint16_t version = 1; version <= NTF_VERSION_MAX; version++) {
        struct transmission_form form = envelope_of(version);
        size_t expected = 2 + 1 + sizeof authorization + 1 + 1 + 4 + (version == 1 ? 1 + sizeof session_id : 0);
        assert_int_equal(transmission_size(&form, sizeof authorization, true, 0, 0, 4), expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_of_version_1_holds_one_transmission),
        cmocka_unit_test(test_blocks_of_later_versions_hold_several),
        cmocka_unit_test(test_a_lone_transmission_may_fill_the_block),
        cmocka_unit_test(test_transmissions_together_stay_below_the_batch_limit),
        cmocka_unit_test(test_blocks_that_lie_are_refused),
        cmocka_unit_test(test_a_padding_length_beyond_the_block_is_refused),
        cmocka_unit_test(test_a_foreign_session_id_in_version_1_is_told_as_session),
        cmocka_unit_test(test_no_version_has_a_service_signature),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
