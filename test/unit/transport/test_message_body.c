/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The bodies that routers encrypt for recipients: messages, quota markers, notification metadata. */
#include "test/unit/transport/test_helpers.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/notification_meta.h"

static const struct box_key key = {{1, 2, 3}};
static const uint8_t id[MESSAGE_ID_SIZE] = {0x11, 0x22, 0x33};

static struct slice id_slice(void) {
    return slice_of(id, sizeof id);
}

static void test_message_of_every_kind_of_length_comes_back(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 100, 16043, 16048, MESSAGE_BODY_SENT_MAX, 16094};
    static uint8_t sent[16094], sealed[MESSAGE_BODY_SIZE];
    randombytes_buf(sent, sizeof sent);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct message_body body;
        assert_int_equal(message_body_seal(&key, id, 1700000000, i % 2 == 0, slice_of(sent, lengths[i]), sealed),
                         SMQ_OK);
        assert_int_equal(message_body_open(&key, id_slice(), sealed, sizeof sealed, &body), SMQ_OK);
        assert_false(body.quota);
        assert_int_equal(body.notification, i % 2 == 0);
        assert_true(body.timestamp == 1700000000);
        assert_slice_equal(body.body, slice_of(sent, lengths[i]));
    }
}

static void test_same_message_gives_the_same_bytes(void **state) {
    (void)state;
    static uint8_t first[MESSAGE_BODY_SIZE], second[MESSAGE_BODY_SIZE];
    memset(first, 1, sizeof first);
    memset(second, 2, sizeof second);
    assert_int_equal(message_body_seal(&key, id, 5, true, slice_of_text("body"), first), SMQ_OK);
    assert_int_equal(message_body_seal(&key, id, 5, true, slice_of_text("body"), second), SMQ_OK);
    assert_memory_equal(first, second, sizeof first);
}

static void test_plaintext_has_the_specified_layout(void **state) {
    (void)state;
    static uint8_t sealed[MESSAGE_BODY_SIZE];
    static const uint8_t message[] = {0, 14, 0, 0, 0, 0, 0, 0, 1, 2, 'T', ' ', 'b', 'o', 'd', 'y', '#', '#'};
    static const uint8_t quota[] = {0, 14, 'Q', 'U', 'O', 'T', 'A', ' ', 0, 0, 0, 0, 0, 0, 1, 2, '#', '#'};
    struct slice plaintext;
    assert_int_equal(message_body_seal(&key, id, 258, true, slice_of_text("body"), sealed), SMQ_OK);
    assert_int_equal(box_open(&key, id, sealed, sizeof sealed, &plaintext), SMQ_OK);
    assert_int_equal(plaintext.length, MESSAGE_BODY_PADDED);
    assert_memory_equal(plaintext.bytes, message, sizeof message);
    message_body_seal_quota(&key, id, 258, sealed);
    assert_int_equal(box_open(&key, id, sealed, sizeof sealed, &plaintext), SMQ_OK);
    assert_memory_equal(plaintext.bytes, quota, sizeof quota);
}

static void test_quota_marker_is_told_from_a_message(void **state) {
    (void)state;
    static uint8_t sealed[MESSAGE_BODY_SIZE];
    struct message_body body;
    message_body_seal_quota(&key, id, 77, sealed);
    assert_int_equal(message_body_open(&key, id_slice(), sealed, sizeof sealed, &body), SMQ_OK);
    assert_true(body.quota);
    assert_true(body.timestamp == 77);
    assert_int_equal(message_body_seal(&key, id, 78, false, slice_of_text("QUOTA "), sealed), SMQ_OK);
    assert_int_equal(message_body_open(&key, id_slice(), sealed, sizeof sealed, &body), SMQ_OK);
    assert_false(body.quota);
}

static enum smq_result open_plaintext(const char *hex, struct message_body *body) {
    static uint8_t sealed[MESSAGE_BODY_SIZE];
    uint8_t plaintext[64];
    struct slice content = from_hex(hex, plaintext, sizeof plaintext);
    memcpy(sealed + BOX_PADDED_OFFSET, content.bytes, content.length);
    assert_int_equal(box_seal_padded(&key, id, sealed, content.length, MESSAGE_BODY_PADDED), SMQ_OK);
    return message_body_open(&key, id_slice(), sealed, sizeof sealed, body);
}

static void test_later_flags_are_skipped_and_bad_plaintexts_refused(void **state) {
    (void)state;
    struct message_body body;
    assert_int_equal(open_plaintext("0000000000000001 54 414243 20 6d6d", &body), SMQ_OK);
    assert_true(body.notification);
    assert_slice_text(body.body, "mm");
    assert_int_equal(open_plaintext("0000000000000001 58 20 6d6d", &body), SMQ_ERR_SYNTAX);
    assert_int_equal(open_plaintext("0000000000000001 54", &body), SMQ_ERR_SYNTAX);
    assert_int_equal(open_plaintext("00000000000001", &body), SMQ_ERR_SYNTAX);
    assert_int_equal(open_plaintext("51554f5441 20 00000000000000", &body), SMQ_ERR_SYNTAX);
}

static void test_damaged_or_cut_body_is_refused(void **state) {
    (void)state;
    static uint8_t sealed[MESSAGE_BODY_SIZE], copy[MESSAGE_BODY_SIZE];
    struct message_body body;
    assert_int_equal(message_body_seal(&key, id, 5, true, slice_of_text("body"), sealed), SMQ_OK);
    for (size_t length = 0; length < 200; length++) {
        uint8_t *cut = heap_copy(sealed, length);
        assert_int_equal(message_body_open(&key, id_slice(), cut, length, &body), SMQ_ERR_CRYPTO);
        free(cut);
    }
    for (size_t byte = 0; byte < sizeof sealed; byte += 997) {
        memcpy(copy, sealed, sizeof sealed);
        copy[byte] ^= 4;
        assert_int_equal(message_body_open(&key, id_slice(), copy, sizeof copy, &body), SMQ_ERR_CRYPTO);
    }
    assert_int_equal(message_body_open(&key, slice_of_text("other"), sealed, sizeof sealed, &body), SMQ_ERR_CRYPTO);
}

static void test_body_over_the_capacity_is_refused(void **state) {
    (void)state;
    static uint8_t sent[20000], sealed[MESSAGE_BODY_SIZE];
    assert_int_equal(message_body_seal(&key, id, 5, true, slice_of(sent, 16095), sealed), SMQ_ERR_TOO_LARGE);
    assert_int_equal(message_body_seal(&key, id, 5, true, slice_of(sent, sizeof sent), sealed), SMQ_ERR_TOO_LARGE);
}

static void test_notification_metadata_comes_back(void **state) {
    (void)state;
    uint8_t nonce[BOX_NONCE_SIZE] = {9}, sealed[NOTIFICATION_META_SIZE];
    struct notification_meta meta = {.message_id = id_slice(), .timestamp = 1700000001}, opened;
    assert_int_equal(notification_meta_seal(&key, nonce, &meta, sealed), SMQ_OK);
    assert_int_equal(notification_meta_open(&key, nonce, sealed, sizeof sealed, &opened), SMQ_OK);
    assert_slice_equal(opened.message_id, id_slice());
    assert_true(opened.timestamp == 1700000001);
}

static void test_notification_metadata_ignores_a_tail_and_refuses_damage(void **state) {
    (void)state;
    uint8_t nonce[BOX_NONCE_SIZE] = {9}, sealed[NOTIFICATION_META_SIZE] = {0};
    struct notification_meta meta = {0};
    memcpy(sealed + BOX_PADDED_OFFSET, "\x02xy\0\0\0\0\0\0\0\x05more", 15);
    assert_int_equal(box_seal_padded(&key, nonce, sealed, 15, NOTIFICATION_META_PADDED), SMQ_OK);
    assert_int_equal(notification_meta_open(&key, nonce, sealed, sizeof sealed, &meta), SMQ_OK);
    assert_slice_text(meta.message_id, "xy");
    assert_true(meta.timestamp == 5);
    assert_int_equal(notification_meta_seal(&key, nonce, &meta, sealed), SMQ_OK);
    sealed[3] ^= 1;
    assert_int_equal(notification_meta_open(&key, nonce, sealed, sizeof sealed, &meta), SMQ_ERR_CRYPTO);
    memcpy(sealed + BOX_PADDED_OFFSET, "\x09xy", 3);
    assert_int_equal(box_seal_padded(&key, nonce, sealed, 3, NOTIFICATION_META_PADDED), SMQ_OK);
    assert_int_equal(notification_meta_open(&key, nonce, sealed, sizeof sealed, &meta), SMQ_ERR_SYNTAX);
    static uint8_t long_id[200];
    meta.message_id = slice_of(long_id, sizeof long_id);
    assert_int_equal(notification_meta_seal(&key, nonce, &meta, sealed), SMQ_ERR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_of_every_kind_of_length_comes_back),
        cmocka_unit_test(test_same_message_gives_the_same_bytes),
        cmocka_unit_test(test_plaintext_has_the_specified_layout),
        cmocka_unit_test(test_quota_marker_is_told_from_a_message),
        cmocka_unit_test(test_later_flags_are_skipped_and_bad_plaintexts_refused),
        cmocka_unit_test(test_damaged_or_cut_body_is_refused),
        cmocka_unit_test(test_body_over_the_capacity_is_refused),
        cmocka_unit_test(test_notification_metadata_comes_back),
        cmocka_unit_test(test_notification_metadata_ignores_a_tail_and_refuses_damage),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
