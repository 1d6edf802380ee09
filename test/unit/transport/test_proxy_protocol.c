/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Headers of the PROXY protocol, whole, in pieces, and wrong; ranges of addresses. */
#include "test/unit/transport/test_helpers.h"
#include "transport/net/address_range.h"
#include "transport/net/proxy_protocol.h"

static enum smq_result parse(const void *bytes, size_t length, struct proxy_header *header) {
    size_t wanted = 0;
    uint8_t *exact = heap_copy(bytes, length);
    enum smq_result result = proxy_header_parse(slice_of(exact, length), header, &wanted);
    free(exact);
    if (result == SMQ_ERR_AGAIN)
        assert_true(wanted > length && wanted <= PROXY_HEADER_MAX);
    return result;
}

/* Every part of it needs more, and what follows does not matter. */
static void assert_is(const void *bytes, size_t length, const char *source) {
    struct proxy_header header;
    char text[NET_ADDRESS_TEXT];
    uint8_t longer[PROXY_HEADER_MAX + 8];
    for (size_t part = 0; part < length; part++)
        assert_int_equal(parse(bytes, part, &header), SMQ_ERR_AGAIN);
    memset(longer, 0x16, sizeof longer);
    memcpy(longer, bytes, length);
    assert_int_equal(parse(longer, length + 8, &header), SMQ_OK);
    assert_int_equal(header.length, length);
    assert_int_equal(header.has_source, source != NULL);
    if (source == NULL)
        return;
    net_address_text(&header.source, text);
    assert_string_equal(text, source);
}

static void assert_line(const char *line, const char *source) {
    assert_is(line, strlen(line), source);
}

static void test_lines_of_version_1(void **state) {
    (void)state;
    assert_line("PROXY TCP4 192.0.2.1 198.51.100.7 56324 5223\r\n", "192.0.2.1:56324");
    assert_line("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "[2001:db8::1]:1");
    assert_line("PROXY UNKNOWN\r\n", NULL);
    assert_line("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", NULL);
    assert_line(
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void test_lines_that_are_wrong(void **state) {
    (void)state;
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56324 5223\n12345",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56324 5223 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 65536 5223\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 -1 5223\r\n",
        "PROXY TCP4 192.0.2 198.51.100.7 1 5223\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.7 1 2\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.7 1 2\r\n",
        "PROXY \r\n",
        "PROXY\r\n",
        "proxy TCP4 192.0.2.1 198.51.100.7 56324 5223\r\n",
    };
    struct proxy_header header;
    char endless[200];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(parse(lines[i], strlen(lines[i]), &header), SMQ_ERR_SYNTAX);
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "PROXY UNKNOWN ", 14);
    assert_int_equal(parse(endless, 106, &header), SMQ_ERR_AGAIN);
    assert_int_equal(parse(endless, 107, &header), SMQ_ERR_SYNTAX);
    assert_int_equal(parse(endless, sizeof endless, &header), SMQ_ERR_SYNTAX);
}

#define SIGNATURE   "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text) text, sizeof(text) - 1

static void test_headers_of_version_2(void **state) {
    (void)state;
    assert_is(BYTES(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\x14\x67"), "192.0.2.1:56324");
    assert_is(
        BYTES(SIGNATURE
              "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\2"),
        "[2001:db8::1]:1");
    /* with a field more, which is skipped */
    assert_is(BYTES(SIGNATURE "\x21\x11\0\x11\xc0\0\2\1\xc6\x33\x64\7\xdc\4\x14\x67\4\0\2ab"), "192.0.2.1:56324");
    assert_is(BYTES(SIGNATURE "\x20\0\0\0"), NULL);                                           /* LOCAL */
    assert_is(BYTES(SIGNATURE "\x20\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\x14\x67"), NULL); /* the same */
    assert_is(BYTES(SIGNATURE "\x21\0\0\0"), NULL);                                           /* UNSPEC */
    assert_is(BYTES(SIGNATURE "\x21\x31\0\2ab"), NULL);                                       /* a socket of UNIX */
}

static void test_headers_of_version_2_that_are_wrong(void **state) {
    (void)state;
    struct proxy_header header;
    assert_int_equal(parse(BYTES(SIGNATURE "\x11\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\x14\x67"), &header),
                     SMQ_ERR_SYNTAX);
    assert_int_equal(parse(BYTES(SIGNATURE "\x22\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\x14\x67"), &header),
                     SMQ_ERR_SYNTAX);
    assert_int_equal(parse(BYTES(SIGNATURE "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\7\xdc\4\x14"), &header),
                     SMQ_ERR_SYNTAX);
    assert_int_equal(parse(BYTES(SIGNATURE "\x21\x11\xff\xff"), &header), SMQ_ERR_SYNTAX);
    assert_int_equal(parse(BYTES("\r\n\r\n\0\r\nQUIX"), &header), SMQ_ERR_SYNTAX);
    assert_int_equal(parse(BYTES("\x16\x03\x01"), &header), SMQ_ERR_SYNTAX);
}

static bool has(const char *range, const char *address) {
    struct net_address_range parsed;
    struct net_address_list *list = NULL;
    assert_true(net_address_range_parse(slice_of_text(range), &parsed));
    assert_int_equal(net_address_resolve(address, 1, NET_RESOLVE_LITERAL, &list), SMQ_OK);
    bool result = net_address_range_has(&parsed, &list->addresses[0]);
    free(list);
    return result;
}

static void test_ranges_of_addresses(void **state) {
    (void)state;
    static const char *const wrong[] = {"",          "localhost",   "10.0.0.0/33",  "10.0.0/8",     "10.0.0.0/",
                                        "::1/129",   "10.0.0.0/-1", "/8",           "10.0.0.0/8/8", "10.0.0.0/ 8",
                                        "1.2.3.4.5", "fd00::/",     "10.0.0.0/0008"};
    struct net_address_range parsed;
    assert_true(has("127.0.0.1", "127.0.0.1"));
    assert_false(has("127.0.0.1", "127.0.0.2"));
    assert_true(has("10.0.0.0/8", "10.255.1.2"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("10.0.0.0/9", "10.127.0.0"));
    assert_false(has("10.0.0.0/9", "10.128.0.0"));
    assert_true(has("0.0.0.0/0", "203.0.113.9"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(has("fd00::/8", "fdff::1"));
    assert_false(has("fd00::/8", "fe00::1"));
    assert_true(has("::/0", "2001:db8::1"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(net_address_range_parse(slice_of_text(wrong[i]), &parsed));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_version_1),   cmocka_unit_test(test_lines_that_are_wrong),
        cmocka_unit_test(test_headers_of_version_2), cmocka_unit_test(test_headers_of_version_2_that_are_wrong),
        cmocka_unit_test(test_ranges_of_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
