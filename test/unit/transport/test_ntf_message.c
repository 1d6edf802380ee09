/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tests of what pushes carry: lists of messages, and the box around them. */
#include "test/unit/transport/test_helpers.h"
#include "transport/ntf/message.h"
#include "transport/wire/text.h"

static struct ntf_message message_of(const char *queue, int64_t timestamp) {
    struct ntf_message message = {.timestamp = timestamp};
    struct reader reader = reader_of(slice_of_text(queue));
    read_ntf_queue_text(&reader, &message.queue);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    memset(message.nonce, (int)timestamp & 0x7f, sizeof message.nonce);
    memset(message.meta, 0x5a, sizeof message.meta);
    return message;
}

#define SERVER "smp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@relay.example.org"

static size_t list_of(unsigned count, char *text, size_t capacity) {
    struct writer writer = writer_of(text, capacity);
    for (unsigned i = 0; i < count; i++) {
        struct ntf_message message = message_of(SERVER ",relay2.example.org:5223/AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY", i);
        write_ntf_messages_item(&writer, &message);
    }
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return writer_length(&writer);
}

static void test_a_list_keeps_its_order(void **state) {
    (void)state;
    static char text[8192];
    size_t length = list_of(NTF_MESSAGES_MAX, text, sizeof text);
    struct reader reader = reader_of(slice_of(text, length));
    struct ntf_message message;
    for (int64_t i = 0; i < NTF_MESSAGES_MAX; i++) {
        assert_true(ntf_messages_next(&reader, &message));
        assert_int_equal(message.timestamp, i);
        assert_int_equal(message.queue.server.host_count, 2); /* hosts have commas, so items do not */
    }
    assert_false(ntf_messages_next(&reader, &message));
    assert_int_equal(reader_finish(&reader), SMQ_OK);
}

static void test_six_messages_fit_a_push(void **state) {
    (void)state;
    static char text[8192];
    static uint8_t sealed[NTF_SEALED_MAX];
    struct box_key key = {{1}};
    uint8_t nonce[BOX_NONCE_SIZE] = {2};
    size_t length = list_of(NTF_MESSAGES_MAX, text, sizeof text);
    assert_int_equal(ntf_push_seal(&key, nonce, slice_of(text, length), 2816, sealed), SMQ_OK);
    struct slice opened;
    assert_int_equal(ntf_push_open(&key, nonce, sealed, 2816 + BOX_TAG_SIZE, &opened), SMQ_OK);
    assert_slice_equal(opened, slice_of(text, length));
}

static void test_every_cut_list_is_refused_or_ends_at_an_item(void **state) {
    (void)state;
    static char text[8192];
    size_t length = list_of(2, text, sizeof text);
    size_t first = list_of(1, (char[8192]){0}, 8192);
    for (size_t cut = 1; cut < length; cut++) {
        uint8_t *copy = heap_copy(text, cut);
        struct reader reader = reader_of(slice_of(copy, cut));
        struct ntf_message message;
        while (ntf_messages_next(&reader, &message)) {
        }
        assert_int_equal(reader.failed, cut != first && cut != length);
        free(copy);
    }
}

static void test_items_of_other_sizes_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        SERVER "/AQID 1 AAAA AAAA",                         /* nonce and meta too short */
        SERVER "/AQID x QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX ", /* no number */
        SERVER "/ 1 QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX ",     /* no notifier id */
        SERVER " 1 QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX ",      /* no queue */
        "ntf://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=@h/AQID 1 QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX ",
        SERVER "/AQID 99999999999999999999 QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX ",
        ";",
        "",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct reader reader = reader_of(slice_of_text(texts[i]));
        struct ntf_message message;
        assert_false(ntf_messages_next(&reader, &message));
        assert_int_equal(reader.failed, texts[i][0] != '\0');
    }
}

static void test_what_exceeds_the_padding_is_not_sealed(void **state) {
    (void)state;
    static uint8_t plaintext[NTF_PADDED_MAX], sealed[NTF_SEALED_MAX];
    struct box_key key = {{1}};
    uint8_t nonce[BOX_NONCE_SIZE] = {2};
    static const size_t sizes[] = {NTF_PADDED_MIN, 2816, NTF_PADDED_DEFAULT, NTF_PADDED_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct slice most = slice_of(plaintext, sizes[i] - 2), more = slice_of(plaintext, sizes[i] - 1);
        assert_int_equal(ntf_push_seal(&key, nonce, most, sizes[i], sealed), SMQ_OK);
        assert_int_equal(ntf_push_seal(&key, nonce, more, sizes[i], sealed), SMQ_ERR_TOO_LARGE);
    }
    struct slice nothing = {0};
    assert_int_equal(ntf_push_seal(&key, nonce, nothing, NTF_PADDED_DEFAULT, sealed), SMQ_OK);
    assert_int_equal(ntf_push_seal(&key, nonce, nothing, NTF_PADDED_MIN - 1, sealed), SMQ_ERR_TOO_LARGE);
    assert_int_equal(ntf_push_seal(&key, nonce, nothing, NTF_PADDED_MAX + 1, sealed), SMQ_ERR_TOO_LARGE);
}

static void test_a_forged_push_does_not_open(void **state) {
    (void)state;
    static uint8_t sealed[NTF_SEALED_MAX];
    struct box_key key = {{1}}, other = {{3}};
    uint8_t nonce[BOX_NONCE_SIZE] = {2};
    struct slice opened;
    enum { SIZE = NTF_PADDED_DEFAULT + BOX_TAG_SIZE };
    assert_int_equal(ntf_push_seal(&key, nonce, slice_of_text("code"), NTF_PADDED_DEFAULT, sealed), SMQ_OK);
    assert_int_equal(ntf_push_open(&other, nonce, sealed, SIZE, &opened), SMQ_ERR_CRYPTO);
    assert_int_equal(ntf_push_open(&key, nonce, sealed, SIZE - 1, &opened), SMQ_ERR_CRYPTO);
    assert_int_equal(ntf_push_open(&key, nonce, sealed, 3, &opened), SMQ_ERR_CRYPTO);
    sealed[SIZE - 1] ^= 1;
    assert_int_equal(ntf_push_open(&key, nonce, sealed, SIZE, &opened), SMQ_ERR_CRYPTO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_keeps_its_order),
        cmocka_unit_test(test_six_messages_fit_a_push),
        cmocka_unit_test(test_every_cut_list_is_refused_or_ends_at_an_item),
        cmocka_unit_test(test_items_of_other_sizes_are_refused),
        cmocka_unit_test(test_what_exceeds_the_padding_is_not_sealed),
        cmocka_unit_test(test_a_forged_push_does_not_open),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
