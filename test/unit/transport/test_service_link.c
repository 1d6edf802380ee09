/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service schemes and short links. */
#include "test/unit/transport/test_helpers.h"
#include "transport/wire/service_link.h"

#define KEY_HASH "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define LINK_KEY "_wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define LINK_ID  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

static void check_scheme(const char *text, const char *host, uint16_t port, const char *written) {
    struct service_scheme scheme;
    char bytes[300];
    struct reader reader = reader_of(slice_of_text(text));
    read_service_scheme_text(&reader, &scheme);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    assert_string_equal(scheme.host, host);
    assert_int_equal(scheme.port, port);
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_service_scheme_text(&writer, &scheme);
    assert_slice_text(slice_of(bytes, writer_length(&writer)), written);
}

static void test_service_schemes_are_read_and_written(void **state) {
    (void)state;
    check_scheme("simplex:", "", 0, "simplex:");
    check_scheme("https://simplex.chat", "simplex.chat", 0, "https://simplex.chat");
    check_scheme("https://localhost:08080", "localhost", 8080, "https://localhost:8080");
    struct service_scheme scheme;
    service_scheme_default(&scheme);
    assert_string_equal(scheme.host, "simplex.chat");
    static const char *const bad[] = {"",           "simplex",        "http://x", "https://", "https://:80",
                                      "https://x:", "https://x:70000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reader reader = reader_of(slice_of_text(bad[i]));
        read_service_scheme_text(&reader, &scheme);
        assert_int_equal(reader_finish(&reader), SMQ_ERR_SYNTAX);
    }
}

static const char *const links[] = {
    "https://smp.example.com/i#" LINK_ID "/" LINK_KEY,
    "https://smp.example.com/i#" LINK_ID "/" LINK_KEY "?h=x.example%2Cy.example&p=443&c=" KEY_HASH,
    "https://smp.example.com/a#" LINK_KEY "?c=" KEY_HASH,
    "https://smp.example.com/c#" LINK_KEY "?p=7001&c=" KEY_HASH,
    "https://smp.example.com/g#" LINK_KEY,
    "https://smp.example.com/r#" LINK_KEY,
    "simplex:/i#" LINK_ID "/" LINK_KEY "?h=smp.example.com%2Cx.example&c=" KEY_HASH,
    "simplex:/a#" LINK_KEY "?h=smp.example.com",
};
enum { LINK_COUNT = sizeof links / sizeof links[0] };

static void test_short_links_are_read_and_written(void **state) {
    (void)state;
    static const enum short_link_type types[] = {SHORT_LINK_INVITATION, SHORT_LINK_INVITATION, SHORT_LINK_CONTACT,
                                                 SHORT_LINK_CHANNEL,    SHORT_LINK_GROUP,      SHORT_LINK_RELAY,
                                                 SHORT_LINK_INVITATION, SHORT_LINK_CONTACT};
    for (size_t i = 0; i < LINK_COUNT; i++) {
        struct short_link link;
        char text[SHORT_LINK_TEXT_MAX];
        assert_int_equal(short_link_parse(slice_of_text(links[i]), &link), SMQ_OK);
        assert_int_equal(link.type, types[i]);
        assert_string_equal(server_address_host(&link.server, 0), "smp.example.com");
        assert_int_equal(link.link_key[0], 0xff);
        struct writer writer = writer_of(text, sizeof text);
        write_short_link_text(&writer, &link);
        assert_int_equal(writer_finish(&writer), SMQ_OK);
        assert_slice_text(slice_of(text, writer_length(&writer)), links[i]);
    }
}

static void test_short_links_allow_upper_case_types_and_a_slash(void **state) {
    (void)state;
    struct short_link link;
    assert_int_equal(short_link_parse(slice_of_text("https://host/G/#" LINK_KEY), &link), SMQ_OK);
    assert_int_equal(link.type, SHORT_LINK_GROUP);
}

static void test_broken_short_links_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "simplex:",
        "simplex:/a#" LINK_KEY,
        "simplex:/a#" LINK_KEY "?h=",
        "simplex:/a#" LINK_KEY "?h=a%2C",
        "http://host/a#" LINK_KEY,
        "https:///a#" LINK_KEY,
        "https://host/x#" LINK_KEY,
        "https://host/I#" LINK_ID "/" LINK_KEY,
        "https://host/a" LINK_KEY,
        "https://host/a#AAAA",
        "https://host/a#" LINK_ID "/" LINK_KEY,
        "https://host/i#" LINK_KEY,
        "https://host/i#/" LINK_KEY,
        "https://host/a#" LINK_KEY "?p=70000",
        "https://host/a#" LINK_KEY "?p=x",
        "https://host/a#" LINK_KEY "?c=AAAA",
        "https://host/a#" LINK_KEY "/",
    };
    struct short_link link;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(short_link_parse(slice_of_text(bad[i]), &link), SMQ_ERR_SYNTAX);
}

static void test_short_link_cut_at_any_byte_never_reads_past_it(void **state) {
    (void)state;
    for (size_t i = 0; i < LINK_COUNT; i++) {
        for (size_t length = 0; length < strlen(links[i]); length++) {
            struct short_link link;
            uint8_t *copy = heap_copy(links[i], length);
            (void)short_link_parse(slice_of(copy, length), &link);
            free(copy);
        }
    }
}

static void test_binary_short_links_come_back(void **state) {
    (void)state;
    for (size_t i = 0; i < LINK_COUNT; i++) {
        struct short_link link, back;
        uint8_t bytes[1024];
        assert_int_equal(short_link_parse(slice_of_text(links[i]), &link), SMQ_OK);
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_short_link(&writer, &link);
        for (size_t length = 0; length <= writer_length(&writer); length++) {
            uint8_t *copy = heap_copy(bytes, length);
            struct reader reader = reader_of(slice_of(copy, length));
            read_short_link(&reader, &back);
            assert_int_equal(reader_finish(&reader), length == writer_length(&writer) ? SMQ_OK : SMQ_ERR_SYNTAX);
            free(copy);
        }
        assert_int_equal(back.type, link.type);
        assert_true(server_address_equal(&back.server, &link.server));
        assert_memory_equal(back.link_key, link.link_key, SHORT_LINK_KEY_SIZE);
        assert_slice_equal(slice_of(back.link_id, back.link_id_length), slice_of(link.link_id, link.link_id_length));
        bytes[0] = 'X';
        struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
        read_short_link(&reader, &back);
        assert_true(reader.failed);
    }
}

static void test_binary_types_are_upper_case(void **state) {
    (void)state;
    struct short_link link;
    uint8_t bytes[256];
    assert_int_equal(short_link_parse(slice_of_text(links[2]), &link), SMQ_OK);
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_short_link(&writer, &link);
    assert_memory_equal(bytes, "CA", 2);
    static const char bad[] = "aciI";
    for (size_t i = 0; i < strlen(bad); i++) {
        bytes[1] = (uint8_t)bad[i];
        struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
        read_short_link(&reader, &link);
        assert_true(reader.failed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_schemes_are_read_and_written),
        cmocka_unit_test(test_short_links_are_read_and_written),
        cmocka_unit_test(test_short_links_allow_upper_case_types_and_a_slash),
        cmocka_unit_test(test_broken_short_links_are_refused),
        cmocka_unit_test(test_short_link_cut_at_any_byte_never_reads_past_it),
        cmocka_unit_test(test_binary_short_links_come_back),
        cmocka_unit_test(test_binary_types_are_upper_case),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
