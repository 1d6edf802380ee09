/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue addresses in every form that was ever written. */
#include "test/unit/transport/test_helpers.h"
#include "transport/wire/queue_uri.h"

#define KEY_HASH  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SERVER    "smp://" KEY_HASH "@smp.example.com"
#define SENDER_ID "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define DH_KEY    "MCowBQYDK2VuAyEAjiswwI3O_NlS8Fk3HJUW870EY2bAwmttMBsvRB9eV3o"

static struct queue_uri parse(const char *text) {
    struct queue_uri uri;
    assert_int_equal(queue_uri_parse(slice_of_text(text), &uri), SMQ_OK);
    return uri;
}

static void check_text(const struct queue_uri *uri, const char *expected) {
    char text[QUEUE_URI_TEXT_MAX];
    struct writer writer = writer_of(text, sizeof text);
    write_queue_uri_text(&writer, uri);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_slice_text(slice_of(text, writer_length(&writer)), expected);
}

static void test_current_forms_are_read_and_written(void **state) {
    (void)state;
    static const char *const same[] = {
        SERVER "/" SENDER_ID "#/?v=4&dh=" DH_KEY "%3D",
        SERVER "/" SENDER_ID "#/?v=4&dh=" DH_KEY "%3D&q=m",
        SERVER "/" SENDER_ID "#/?v=2-4&dh=" DH_KEY "%3D&q=m&k=s",
        SERVER "/" SENDER_ID "#/?v=2-4&dh=" DH_KEY "%3D&q=c",
        SERVER ",x.example:443/" SENDER_ID "#/?v=2-3&dh=" DH_KEY "%3D",
        SERVER "/" SENDER_ID "#/?v=1-4&dh=" DH_KEY "%3D&srv=x.example%2Cy.example",
        "smp://" KEY_HASH "@[::1]:5223/" SENDER_ID "#/?v=4&dh=" DH_KEY "%3D",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct queue_uri uri = parse(same[i]);
        check_text(&uri, same[i]);
    }
    struct queue_uri uri = parse(same[5]);
    assert_int_equal(uri.server.host_count, 3);
    assert_string_equal(server_address_host(&uri.server, 2), "y.example");
    assert_int_equal(uri.sender_id_length, 24);
    assert_int_equal(uri.sender_id[23], 0x17);
    assert_int_equal(uri.dh_key.algorithm, KEY_X25519);
}

static void test_older_forms_are_read(void **state) {
    (void)state;
    struct queue_uri uri = parse(SERVER "/" SENDER_ID "#" DH_KEY "=");
    assert_true(uri.versions.min == 1 && uri.versions.max == 1);
    assert_int_equal(uri.mode, QUEUE_MODE_NONE);
    uri = parse(SERVER "/" SENDER_ID "/#" DH_KEY);
    assert_int_equal(uri.versions.max, 1);
    uri = parse(SERVER "/" SENDER_ID "#" DH_KEY "=/?v=1");
    check_text(&uri, SERVER "/" SENDER_ID "#/?v=1&dh=" DH_KEY "%3D");
    uri = parse(SERVER "/" SENDER_ID "/#?v=1-2&unknown=x&dh=" DH_KEY);
    assert_int_equal(uri.versions.max, 2);
    uri = parse(SERVER "/" SENDER_ID "#/?v=3&dh=" DH_KEY "&k=s");
    assert_int_equal(uri.mode, QUEUE_MODE_MESSAGING);
    uri = parse(SERVER "/" SENDER_ID "#/?v=3&dh=" DH_KEY "&q=c&k=s");
    assert_int_equal(uri.mode, QUEUE_MODE_CONTACT);
}

static void test_first_version_gains_the_known_onion(void **state) {
    (void)state;
    struct queue_uri uri = parse("smp://" KEY_HASH "@smp9.simplex.im/" SENDER_ID "#" DH_KEY);
    assert_int_equal(uri.server.host_count, 2);
    uri = parse("smp://" KEY_HASH "@smp9.simplex.im/" SENDER_ID "#/?v=1-2&dh=" DH_KEY);
    assert_int_equal(uri.server.host_count, 1);
}

static void test_broken_uris_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        SERVER,
        SERVER "/",
        SERVER "/#/?v=4&dh=" DH_KEY,
        SERVER "/" SENDER_ID,
        SERVER "/" SENDER_ID "#",
        SERVER "/" SENDER_ID "#/",
        SERVER "/" SENDER_ID "#/?",
        SERVER "/" SENDER_ID "#/?v=4",
        SERVER "/" SENDER_ID "#/?dh=" DH_KEY,
        SERVER "/" SENDER_ID "#/?v=4-1&dh=" DH_KEY,
        SERVER "/" SENDER_ID "#/?v=4&dh=AAAA",
        SERVER "/" SENDER_ID "#/?v=4&dh=%zz",
        SERVER "/" SENDER_ID "#/?v=1&srv=a%2C&dh=" DH_KEY,
        SERVER "/" SENDER_ID "#" DH_KEY "x",
        SERVER "/" SENDER_ID "#AAAA",
        SERVER "/" SENDER_ID "#/?v=4&dh=MCowBQYDK2VwAyEAjiswwI3O_NlS8Fk3HJUW870EY2bAwmttMBsvRB9eV3o", /* Ed25519 */
    };
    struct queue_uri uri;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(queue_uri_parse(slice_of_text(bad[i]), &uri), SMQ_ERR_SYNTAX);
}

static void test_uri_cut_at_any_byte_never_reads_past_it(void **state) {
    (void)state;
    static const char text[] = SERVER "/" SENDER_ID "#/?v=1-4&dh=" DH_KEY "%3D&q=m&k=s&srv=x.example%2Cy.example";
    for (size_t length = 0; length < sizeof text; length++) {
        struct queue_uri uri;
        uint8_t *copy = heap_copy(text, length);
        (void)queue_uri_parse(slice_of(copy, length), &uri);
        free(copy);
    }
}

/* ---- binary */

static const struct {
    uint16_t min, max;
    enum queue_mode mode;
    const char *tail; /* what is written last */
    enum queue_mode read_mode;
} uri_rows[] = {
    {4, 4, QUEUE_MODE_NONE, "", QUEUE_MODE_NONE},
    {4, 4, QUEUE_MODE_MESSAGING, "M", QUEUE_MODE_MESSAGING},
    {4, 4, QUEUE_MODE_CONTACT, "C", QUEUE_MODE_CONTACT},
    {3, 4, QUEUE_MODE_MESSAGING, "T", QUEUE_MODE_MESSAGING},
    {3, 4, QUEUE_MODE_CONTACT, "F", QUEUE_MODE_CONTACT},
    {3, 3, QUEUE_MODE_NONE, "F", QUEUE_MODE_CONTACT},
    {1, 3, QUEUE_MODE_MESSAGING, "T", QUEUE_MODE_MESSAGING},
    {1, 4, QUEUE_MODE_CONTACT, "", QUEUE_MODE_NONE},
    {1, 2, QUEUE_MODE_MESSAGING, "", QUEUE_MODE_NONE},
};

static void test_binary_uris_end_with_the_mode_of_their_version(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof uri_rows / sizeof uri_rows[0]; i++) {
        struct queue_uri uri = parse(SERVER "/" SENDER_ID "#/?v=4&dh=" DH_KEY), back;
        uint8_t bytes[512];
        uri.versions = (struct version_range){uri_rows[i].min, uri_rows[i].max};
        uri.mode = uri_rows[i].mode;
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_queue_uri(&writer, &uri);
        size_t length = writer_length(&writer), tail = strlen(uri_rows[i].tail);
        assert_int_equal(length, 4 + 1 + 16 + 1 + 33 + 25 + 45 + tail);
        assert_memory_equal(bytes + length - tail, uri_rows[i].tail, tail);
        struct reader reader = reader_of(slice_of(bytes, length));
        read_queue_uri(&reader, &back);
        assert_int_equal(reader_finish(&reader), SMQ_OK);
        assert_int_equal(back.mode, uri_rows[i].read_mode);
        assert_true(queue_uri_same_queue(&uri, &back));
        assert_true(public_key_equal(&uri.dh_key, &back.dh_key));
    }
}

static void test_binary_uri_cut_at_any_byte_is_refused(void **state) {
    (void)state;
    struct queue_uri uri = parse(SERVER "/" SENDER_ID "#/?v=4&dh=" DH_KEY "&q=m"), back;
    uint8_t bytes[512];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_queue_uri(&writer, &uri);
    size_t without_mode = writer_length(&writer) - 1;
    for (size_t length = 0; length <= writer_length(&writer); length++) {
        uint8_t *copy = heap_copy(bytes, length);
        struct reader reader = reader_of(slice_of(copy, length));
        read_queue_uri(&reader, &back);
        assert_int_equal(reader_finish(&reader), length < without_mode ? SMQ_ERR_SYNTAX : SMQ_OK);
        free(copy);
    }
}

static void test_queue_info_has_one_version(void **state) {
    (void)state;
    static const struct {
        uint16_t version;
        enum queue_mode mode;
        size_t length;
        enum queue_mode read_mode;
    } rows[] = {
        {1, QUEUE_MODE_MESSAGING, 2 + 16 + 1 + 33 + 25 + 45, QUEUE_MODE_NONE},
        {2, QUEUE_MODE_MESSAGING, 2 + 1 + 16 + 1 + 33 + 25 + 45, QUEUE_MODE_NONE},
        {3, QUEUE_MODE_MESSAGING, 2 + 1 + 16 + 1 + 33 + 25 + 45 + 1, QUEUE_MODE_MESSAGING},
        {3, QUEUE_MODE_CONTACT, 2 + 1 + 16 + 1 + 33 + 25 + 45, QUEUE_MODE_NONE},
        {4, QUEUE_MODE_CONTACT, 2 + 1 + 16 + 1 + 33 + 25 + 45 + 1, QUEUE_MODE_CONTACT},
        {4, QUEUE_MODE_NONE, 2 + 1 + 16 + 1 + 33 + 25 + 45, QUEUE_MODE_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct queue_uri uri = parse(SERVER "/" SENDER_ID "#/?v=4&dh=" DH_KEY), back;
        uint8_t bytes[512];
        uri.versions = (struct version_range){rows[i].version, rows[i].version};
        uri.mode = rows[i].mode;
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_queue_info(&writer, &uri);
        assert_int_equal(writer_length(&writer), rows[i].length);
        struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
        read_queue_info(&reader, &back);
        assert_int_equal(reader_finish(&reader), SMQ_OK);
        assert_int_equal(back.versions.max, rows[i].version);
        assert_int_equal(back.mode, rows[i].read_mode);
        assert_true(queue_uri_same_queue(&uri, &back));
    }
}

static void test_mode_is_not_taken_from_what_follows(void **state) {
    (void)state;
    struct queue_uri uri = parse(SERVER "/" SENDER_ID "#/?v=4&dh=" DH_KEY), back;
    uint8_t bytes[512];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_queue_uri(&writer, &uri);
    write_u8(&writer, '0');
    struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_queue_uri(&reader, &back);
    assert_int_equal(back.mode, QUEUE_MODE_NONE);
    assert_slice_text(read_tail(&reader), "0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_current_forms_are_read_and_written),
        cmocka_unit_test(test_older_forms_are_read),
        cmocka_unit_test(test_first_version_gains_the_known_onion),
        cmocka_unit_test(test_broken_uris_are_refused),
        cmocka_unit_test(test_uri_cut_at_any_byte_never_reads_past_it),
        cmocka_unit_test(test_binary_uris_end_with_the_mode_of_their_version),
        cmocka_unit_test(test_binary_uri_cut_at_any_byte_is_refused),
        cmocka_unit_test(test_queue_info_has_one_version),
        cmocka_unit_test(test_mode_is_not_taken_from_what_follows),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
