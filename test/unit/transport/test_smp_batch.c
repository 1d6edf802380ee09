/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of SMP batches: the split into blocks, and the content of a block. */
#include "test/unit/transport/smp_samples.h"
#include "transport/block/batch.h"
#include "transport/block/transmission.h"

enum { ITEMS_MAX = 2000 };

/* Splits `count` equal items and compares the parts. */
static void assert_split(size_t size, size_t count, size_t part_count, const size_t *expected) {
    size_t sizes[ITEMS_MAX];
    struct block_part parts[ITEMS_MAX];
    for (size_t i = 0; i < count; i++)
        sizes[i] = size;
    assert_int_equal(block_split(SMP_BATCH_BYTES_MAX, sizes, count, parts), part_count);
    for (size_t i = 0; i < part_count; i++) {
        assert_int_equal(parts[i].count, expected[i]);
        assert_false(parts[i].too_large);
    }
}

static size_t size_of(uint16_t version, size_t authorization, size_t correlation_id, size_t command) {
    struct transmission_form form = {.version = version, .session_id = sample(32, 1)};
    return transmission_size(&form, authorization, false, correlation_id, 24, command);
}

static void test_300_signed_sub_are_30_135_135(void **state) {
    (void)state;
    assert_split(size_of(18, 64, 24, 3), 300, 3, (size_t[]){30, 135, 135});
}

static void test_250_signed_sub_at_v6_are_38_106_106(void **state) {
    (void)state;
    assert_split(size_of(6, 64, 24, 3), 250, 3, (size_t[]){38, 106, 106});
}

static void test_300_end_are_45_255(void **state) {
    (void)state;
    assert_split(size_of(18, 0, 0, 3), 300, 2, (size_t[]){45, 255});
}

static void test_200_nmsg_are_40_80_80(void **state) {
    (void)state;
    assert_split(size_of(18, 0, 0, 5 + 24 + 145), 200, 3, (size_t[]){40, 80, 80});
}

static void test_empty_batch_has_no_parts(void **state) {
    (void)state;
    assert_int_equal(block_split(SMP_BATCH_BYTES_MAX, NULL, 0, NULL), 0);
}

static void test_count_limit_is_255(void **state) {
    (void)state;
    assert_split(3, 255, 1, (size_t[]){255});
    assert_split(3, 256, 2, (size_t[]){1, 255});
    assert_split(3, 511, 3, (size_t[]){1, 255, 255});
}

static void test_byte_limit_is_16365(void **state) {
    (void)state;
    assert_split(16365, 1, 1, (size_t[]){1});
    assert_split(16365, 3, 3, (size_t[]){1, 1, 1});
    assert_split(5455, 3, 1, (size_t[]){3}); /* 3 × 5455 = 16365 */
    assert_split(5456, 3, 2, (size_t[]){1, 2});
}

static void test_oversized_item_splits_the_batch_around_it(void **state) {
    (void)state;
    const size_t sizes[] = {100, 100, 16366, 100, 20000, 20000, 100, 100, 100};
    const struct block_part expected[] = {{2, false}, {1, true}, {1, false}, {1, true}, {1, true}, {3, false}};
    struct block_part parts[9];
    assert_int_equal(block_split(SMP_BATCH_BYTES_MAX, sizes, 9, parts), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(parts[i].count, expected[i].count);
        assert_int_equal(parts[i].too_large, expected[i].too_large);
    }
}

static void test_split_keeps_every_item_once_within_the_limits(void **state) {
    (void)state;
    size_t sizes[ITEMS_MAX];
    struct block_part parts[ITEMS_MAX];
    uint32_t random = 12345;
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        random = random * 1664525u + 1013904223u;
        sizes[i] = random >> 24 == 0 ? 17000 : random % 997 == 0 ? 16365 : (random >> 8) % 400 + 3;
    }
    for (size_t count = 1; count <= ITEMS_MAX; count += 37) {
        size_t part_count = block_split(SMP_BATCH_BYTES_MAX, sizes, count, parts);
        size_t item = 0;
        for (size_t p = 0; p < part_count; p++) {
            size_t bytes = 0;
            assert_true(parts[p].count >= 1 && parts[p].count <= BLOCK_TRANSMISSIONS_MAX);
            for (size_t i = 0; i < parts[p].count; i++)
                bytes += sizes[item + i];
            assert_int_equal(bytes > SMP_BATCH_BYTES_MAX, parts[p].too_large);
            item += parts[p].count;
        }
        assert_int_equal(item, count);
    }
}

/* ---- content ---- */

static bool opens(uint16_t version, struct slice bytes) {
    struct block_content content;
    (void)version;
    return block_content_open(bytes, &content) == SMQ_OK;
}

static struct slice content_of(uint8_t count, size_t items) {
    static uint8_t bytes[20000];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u8(&writer, count);
    for (size_t i = 0; i < items; i++)
        write_large(&writer, sample(i % 60, i % 50));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

static void test_content_is_iterated_in_order(void **state) {
    (void)state;
    static const uint8_t counts[] = {1, 2, 100, 255};
    for (size_t c = 0; c < sizeof counts; c++) {
        struct block_content content;
        struct slice transmission;
        size_t n = 0;
        assert_int_equal(block_content_open(content_of(counts[c], counts[c]), &content), SMQ_OK);
        assert_int_equal(content.count, counts[c]);
        while (block_content_next(&content, &transmission)) {
            assert_slices_equal(transmission, sample(n % 60, n % 50));
            n++;
        }
        assert_int_equal(n, counts[c]);
    }
}

static void test_content_with_count_0_is_refused(void **state) {
    (void)state;
    assert_false(opens(18, content_of(0, 0)));
    assert_false(opens(18, content_of(0, 1)));
    assert_false(opens(18, slice_of("", 0)));
}

static void test_truncated_or_lengthened_content_is_refused(void **state) {
    (void)state;
    assert_only_whole_is_accepted(opens, 18, content_of(5, 5));
    assert_false(opens(18, content_of(4, 5)));
    assert_false(opens(18, content_of(6, 5)));
    assert_false(opens(18, slice_of("\x01\xff\xff"
                                    "abc",
                                    6)));
}

static void test_blocks_of_another_size_are_filled_from_the_end(void **state) {
    (void)state;
    static const size_t sizes[] = {200, 200, 200, 494, 493, 1};
    struct block_part parts[6];
    assert_int_equal(block_split(493, sizes, 6, parts), 5);
    static const size_t counts[] = {1, 2, 1, 1, 1};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(parts[i].count, counts[i]);
        assert_int_equal(parts[i].too_large, i == 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_300_signed_sub_are_30_135_135),
        cmocka_unit_test(test_250_signed_sub_at_v6_are_38_106_106),
        cmocka_unit_test(test_300_end_are_45_255),
        cmocka_unit_test(test_200_nmsg_are_40_80_80),
        cmocka_unit_test(test_empty_batch_has_no_parts),
        cmocka_unit_test(test_count_limit_is_255),
        cmocka_unit_test(test_byte_limit_is_16365),
        cmocka_unit_test(test_oversized_item_splits_the_batch_around_it),
        cmocka_unit_test(test_split_keeps_every_item_once_within_the_limits),
        cmocka_unit_test(test_content_is_iterated_in_order),
        cmocka_unit_test(test_content_with_count_0_is_refused),
        cmocka_unit_test(test_truncated_or_lengthened_content_is_refused),
        cmocka_unit_test(test_blocks_of_another_size_are_filled_from_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
