/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hosts, server addresses in text and binary, and passwords. */
#include "test/unit/transport/test_helpers.h"
#include "transport/wire/address.h"

#define KEY_HASH "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define ONION    "o5vmywmrnaxalvz6wi3zicyftgio6psuvyniis6gco6bp6ekl4cqj4id.onion"

static struct server_address parse(const char *text) {
    struct server_address address;
    assert_int_equal(server_address_parse(slice_of_text(text), ADDRESS_SMP, &address), SMQ_OK);
    return address;
}

static void check_text(const struct server_address *address, const char *expected) {
    char text[ADDRESS_TEXT_MAX];
    struct writer writer = writer_of(text, sizeof text);
    write_server_address_text(&writer, address, NULL, 0);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    assert_slice_text(slice_of(text, writer_length(&writer)), expected);
}

/* ---- hosts */

static void test_hosts_are_told_apart_and_made_canonical(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum host_kind kind;
        const char *canonical;
    } rows[] = {
        {"127.0.0.1", HOST_IPV4, "127.0.0.1"},
        {"010.001.0.09", HOST_IPV4, "10.1.0.9"},
        {"256.0.0.1", HOST_NAME, "256.0.0.1"},
        {"1.2.3", HOST_NAME, "1.2.3"},
        {"1.2.3.4.5", HOST_NAME, "1.2.3.4.5"},
        {"1.2.3.4x", HOST_NAME, "1.2.3.4x"},
        {"::1", HOST_IPV6, "::1"},
        {"[::1]", HOST_IPV6, "::1"},
        {"2001:DB8:0:0:0:0:0:1", HOST_IPV6, "2001:db8::1"},
        {"::ffff:1.2.3.4", HOST_IPV6, "::ffff:1.2.3.4"},
        {"face", HOST_NAME, "face"},
        {ONION, HOST_ONION, ONION},
        {".onion", HOST_ONION, ".onion"},
        {"smp.example.com", HOST_NAME, "smp.example.com"},
        {"x.onion.example", HOST_NAME, "x.onion.example"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct host host;
        assert_int_equal(host_parse(slice_of_text(rows[i].text), &host), SMQ_OK);
        assert_int_equal(host.kind, rows[i].kind);
        assert_string_equal(host.text, rows[i].canonical);
        assert_int_equal(host.length, strlen(rows[i].canonical));
    }
}

static void test_hosts_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",   "a b",      "a:b",         "a,b",   "a/b", "a#b", "a;b",  "a\tb",      "[::1",   "[zz]",
        "[]", "UP.onion", "sub.x.onion", "::1::", ":",   "a\n", "\x7f", "[1.2.3.4]", "[::1]x", "::12345"};
    struct host host;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(host_parse(slice_of_text(bad[i]), &host), SMQ_ERR_SYNTAX);
    assert_int_equal(host_parse(slice_of("a\0b", 3), &host), SMQ_ERR_SYNTAX);
    static char long_name[256];
    memset(long_name, 'a', sizeof long_name);
    assert_int_equal(host_parse(slice_of(long_name, 256), &host), SMQ_ERR_SYNTAX);
    assert_int_equal(host_parse(slice_of(long_name, 255), &host), SMQ_OK);
    memcpy(long_name + sizeof long_name - 6, ".onion", 6);
    assert_int_equal(host_parse(slice_of(long_name, 256), &host), SMQ_ERR_SYNTAX);
    assert_int_equal(host_parse(slice_of(long_name + 1, 255), &host), SMQ_OK);
    assert_int_equal(host.kind, HOST_ONION);
}

/* ---- addresses in text */

static void test_addresses_are_read_and_written(void **state) {
    (void)state;
    static const char *const same[] = {
        "smp://" KEY_HASH "@smp.example.com",
        "smp://" KEY_HASH "@smp.example.com:443",
        "smp://" KEY_HASH "@smp.example.com," ONION ":5223",
        "smp://" KEY_HASH "@10.0.0.1",
        "smp://" KEY_HASH "@::1",
        "smp://" KEY_HASH "@[::1]:5223",
        "smp://" KEY_HASH "@[2001:db8::1],smp.example.com:5223",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct server_address address = parse(same[i]);
        check_text(&address, same[i]);
    }
    struct server_address address = parse("smp://" KEY_HASH "@smp.example.com," ONION ":05223");
    assert_int_equal(address.host_count, 2);
    assert_string_equal(server_address_host(&address, 0), "smp.example.com");
    assert_int_equal(server_address_host_kind(&address, 0), HOST_NAME);
    assert_string_equal(server_address_host(&address, 1), ONION);
    assert_int_equal(server_address_host_kind(&address, 1), HOST_ONION);
    assert_int_equal(address.port, 5223);
    assert_int_equal(address.key_hash[31], 31);
    check_text(&address, "smp://" KEY_HASH "@smp.example.com," ONION ":5223");
    address = parse("smp://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8@host"); /* unpadded */
    check_text(&address, "smp://" KEY_HASH "@host");
    assert_int_equal(server_address_port(&address, SMP_DEFAULT_PORT), 5223);
}

static void test_broken_addresses_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "smp://",
        "xftp://" KEY_HASH "@host",
        "smp:/" KEY_HASH "@host",
        "smp://@host",
        "smp://AAEC@host",
        "smp://" KEY_HASH,
        "smp://" KEY_HASH "@",
        "smp://" KEY_HASH "@host:",
        "smp://" KEY_HASH "@host:0",
        "smp://" KEY_HASH "@host:65536",
        "smp://" KEY_HASH "@host:12a",
        "smp://" KEY_HASH "@host,",
        "smp://" KEY_HASH "@,host",
        "smp://" KEY_HASH "@host/",
        "smp://" KEY_HASH ":password@host",
        "smp://" KEY_HASH "@ho st",
    };
    struct server_address address;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(server_address_parse(slice_of_text(bad[i]), ADDRESS_SMP, &address), SMQ_ERR_SYNTAX);
}

static void test_address_cut_at_any_byte_never_reads_past_it(void **state) {
    (void)state;
    static const char text[] = "smp://" KEY_HASH ":pass@[::1]," ONION ":5223";
    for (size_t length = 0; length < sizeof text; length++) {
        struct server_address address;
        struct password password;
        uint8_t *copy = heap_copy(text, length);
        (void)server_address_parse_with_password(slice_of(copy, length), ADDRESS_SMP, &address, &password);
        free(copy);
    }
}

static void test_password_stands_between_key_hash_and_host(void **state) {
    (void)state;
    static const char text[] = "ntf://" KEY_HASH ":p%?=word@host:80";
    struct server_address address;
    struct password password;
    char written[ADDRESS_TEXT_MAX];
    assert_int_equal(server_address_parse_with_password(slice_of_text(text), ADDRESS_NTF, &address, &password), SMQ_OK);
    assert_true(password_equal(&password, slice_of_text("p%?=word")));
    assert_false(password_equal(&password, slice_of_text("p%?=worD")));
    assert_false(password_equal(&password, slice_of_text("p%?=wor")));
    struct writer writer = writer_of(written, sizeof written);
    write_server_address_text(&writer, &address, &password, 0);
    assert_slice_text(slice_of(written, writer_length(&writer)), text);
    assert_int_equal(
        server_address_parse_with_password(slice_of_text("ntf://" KEY_HASH "@host"), ADDRESS_NTF, &address, &password),
        SMQ_OK);
    assert_int_equal(password.length, 0);
    assert_int_equal(
        server_address_parse_with_password(slice_of_text("ntf://" KEY_HASH ":@host"), ADDRESS_NTF, &address, &password),
        SMQ_ERR_SYNTAX);
    password_wipe(&password);
    assert_int_equal(sodium_is_zero((const uint8_t *)&password, sizeof password), 1);
}

static void test_passwords_follow_the_character_rule(void **state) {
    (void)state;
    assert_true(password_valid(slice_of_text("!#$%&'()*+,-.0;<=>?A[]^_`{|}~")));
    static const char *const bad[] = {"", " ", "a b", "a@b", "a:b", "a/b", "a\x7f", "a\n", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(password_valid(slice_of_text(bad[i])));
    static char long_password[256];
    memset(long_password, 'a', sizeof long_password);
    struct password password;
    assert_int_equal(password_parse(slice_of(long_password, 256), &password), SMQ_ERR_SYNTAX);
    assert_int_equal(password_parse(slice_of(long_password, 255), &password), SMQ_OK);
}

/* ---- addresses in binary */

static void test_binary_addresses_come_back(void **state) {
    (void)state;
    static const char *const texts[] = {
        "smp://" KEY_HASH "@smp.example.com",
        "smp://" KEY_HASH "@smp.example.com," ONION ":443",
        "smp://" KEY_HASH "@[::1]:5223",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct server_address address = parse(texts[i]), back;
        uint8_t bytes[512];
        struct writer writer = writer_of(bytes, sizeof bytes);
        write_server_address(&writer, &address);
        for (size_t length = 0; length <= writer_length(&writer); length++) {
            uint8_t *copy = heap_copy(bytes, length);
            struct reader reader = reader_of(slice_of(copy, length));
            read_server_address(&reader, ADDRESS_SMP, &back);
            assert_int_equal(reader_finish(&reader), length == writer_length(&writer) ? SMQ_OK : SMQ_ERR_SYNTAX);
            free(copy);
        }
        assert_true(server_address_equal(&address, &back));
        check_text(&back, texts[i]);
    }
}

static void test_binary_address_has_the_specified_layout(void **state) {
    (void)state;
    uint8_t bytes[64];
    struct server_address address = parse("smp://" KEY_HASH "@a.b,[::1]:80");
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_server_address(&writer, &address);
    assert_memory_equal(bytes,
                        "\x02\x03"
                        "a.b\x03::1\x02"
                        "80\x20\x00\x01\x02",
                        16);
}

static void test_broken_binary_addresses_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "00 00 00",                  /* no host */
        "01 00 00 00",               /* an empty host */
        "01 01 61 01 78 00",         /* a port that is no number */
        "01 01 61 01 30 00",         /* port 0 */
        "01 01 61 05 3635353336 00", /* port 65536 */
        "01 01 61 00 02 0101",       /* a key hash of two bytes */
        "01 03 612c62 00 00",        /* two hosts in one */
        "02 01 61 00 00",            /* fewer hosts than promised */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t bytes[64];
        struct server_address address;
        struct reader reader = reader_of(from_hex(bad[i], bytes, sizeof bytes));
        read_server_address(&reader, ADDRESS_SMP, &address);
        assert_int_equal(reader_finish(&reader), SMQ_ERR_SYNTAX);
    }
}

static void test_more_hosts_than_fit_are_refused(void **state) {
    (void)state;
    uint8_t bytes[8192];
    struct server_address address;
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u8(&writer, 255);
    for (size_t i = 0; i < 255; i++)
        write_short(&writer, slice_of_text("host.example"));
    write_text(&writer, "\1"
                        "1");
    write_u8(&writer, 0);
    struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_server_address(&reader, ADDRESS_SMP, &address);
    assert_true(reader.failed);
    struct host host = {.kind = HOST_NAME, .length = 255};
    memset(host.text, 'a', 255);
    address = (struct server_address){0};
    size_t added = 0;
    while (server_address_add_host(&address, &host) == SMQ_OK)
        added++;
    assert_int_equal(added, ADDRESS_HOSTS_TEXT_MAX / 256);
}

static void test_legacy_binary_has_one_host_and_gains_the_known_onion(void **state) {
    (void)state;
    struct server_address address = parse("smp://" KEY_HASH "@smp4.simplex.im"), back;
    uint8_t bytes[128];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_server_address_legacy(&writer, &address);
    assert_memory_equal(bytes, "\x0fsmp4.simplex.im\x00\x20", 18);
    struct reader reader = reader_of(slice_of(bytes, writer_length(&writer)));
    read_server_address_legacy(&reader, &back);
    assert_int_equal(reader_finish(&reader), SMQ_OK);
    assert_int_equal(back.host_count, 2);
    assert_string_equal(server_address_host(&back, 1), ONION);
    address = parse("smp://" KEY_HASH "@smp7.simplex.im");
    server_address_add_known_onion(&address);
    assert_int_equal(address.host_count, 1);
}

static void test_same_server_means_same_hosts_and_port(void **state) {
    (void)state;
    struct server_address a = parse("smp://" KEY_HASH "@host:5223"), b = a;
    b.key_hash[0] ^= 1;
    assert_true(server_address_same(&a, &b));
    assert_false(server_address_equal(&a, &b));
    b = parse("smp://" KEY_HASH "@host");
    assert_false(server_address_same(&a, &b));
    b = parse("smp://" KEY_HASH "@host,other:5223");
    assert_false(server_address_same(&a, &b));
    b = parse("smp://" KEY_HASH "@post:5223");
    assert_false(server_address_same(&a, &b));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_are_told_apart_and_made_canonical),
        cmocka_unit_test(test_hosts_that_are_none_are_refused),
        cmocka_unit_test(test_addresses_are_read_and_written),
        cmocka_unit_test(test_broken_addresses_are_refused),
        cmocka_unit_test(test_address_cut_at_any_byte_never_reads_past_it),
        cmocka_unit_test(test_password_stands_between_key_hash_and_host),
        cmocka_unit_test(test_passwords_follow_the_character_rule),
        cmocka_unit_test(test_binary_addresses_come_back),
        cmocka_unit_test(test_binary_address_has_the_specified_layout),
        cmocka_unit_test(test_broken_binary_addresses_are_refused),
        cmocka_unit_test(test_more_hosts_than_fit_are_refused),
        cmocka_unit_test(test_legacy_binary_has_one_host_and_gains_the_known_onion),
        cmocka_unit_test(test_same_server_means_same_hosts_and_port),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
