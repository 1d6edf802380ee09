/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SOCKS5: the proxy's text form, derived user names, and the bytes of the conversation. */
#include "test/unit/transport/test_helpers.h"
#include "transport/net/socks.h"

static struct host host_of(const char *text) {
    struct host host;
    assert_int_equal(host_parse(slice_of_text(text), &host), SMQ_OK);
    return host;
}

static struct socks_proxy proxy_of(const char *text) {
    struct socks_proxy proxy;
    assert_int_equal(socks_proxy_parse(slice_of_text(text), &proxy), SMQ_OK);
    return proxy;
}

static void test_absent_parts_of_a_proxy_have_defaults(void **state) {
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } cases[] = {
        {"", "127.0.0.1", 9050},        {":9150", "127.0.0.1", 9150},        {"10.0.0.1", "10.0.0.1", 9050},
        {"10.0.0.1:1", "10.0.0.1", 1},  {"[::1]:9150", "::1", 9150},         {"::1", "::1", 9050},
        {"[fe80::2]", "fe80::2", 9050}, {"1.2.3.4:65535", "1.2.3.4", 65535},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct socks_proxy proxy = proxy_of(cases[i].text);
        assert_string_equal(proxy.host.text, cases[i].host);
        assert_int_equal(proxy.port, cases[i].port);
        assert_int_equal(proxy.authentication, SOCKS_ISOLATE);
    }
}

static void test_authentication_of_a_proxy_stands_before_its_host(void **state) {
    (void)state;
    struct socks_proxy proxy = proxy_of("@:9150");
    assert_int_equal(proxy.authentication, SOCKS_NO_AUTHENTICATION);
    assert_int_equal(proxy.port, 9150);
    proxy = proxy_of("@[::1]");
    assert_int_equal(proxy.authentication, SOCKS_NO_AUTHENTICATION);
    assert_string_equal(proxy.host.text, "::1");
    proxy = proxy_of("me:secret@10.1.2.3:4");
    assert_int_equal(proxy.authentication, SOCKS_FIXED_CREDENTIALS);
    assert_slice_text(slice_of(proxy.credentials.user, proxy.credentials.user_length), "me");
    assert_slice_text(slice_of(proxy.credentials.password, proxy.credentials.password_length), "secret");
    assert_string_equal(proxy.host.text, "10.1.2.3");
    assert_int_equal(proxy.port, 4);
    proxy = proxy_of(":@");
    assert_int_equal(proxy.authentication, SOCKS_FIXED_CREDENTIALS);
    assert_int_equal(proxy.credentials.user_length + proxy.credentials.password_length, 0);
}

static void test_texts_that_name_no_proxy_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "localhost:9050", "proxy",       "abc.onion:9050", "127.0.0.1:",   "127.0.0.1:65536", "127.0.0.1:0", ":",
        "[::1",           "1.2.3.4:5:6", "1.2.3.4 ",       "user@1.2.3.4", "1.2.3.4,5.6.7.8"};
    struct socks_proxy proxy;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(socks_proxy_parse(slice_of_text(texts[i]), &proxy), SMQ_ERR_SYNTAX);
    char longest[600];
    memset(longest, 'u', sizeof longest);
    longest[255] = ':';
    longest[511] = '@';
    assert_int_equal(socks_proxy_parse(slice_of(longest, 512), &proxy), SMQ_OK);
    memset(longest, 'u', sizeof longest);
    longest[256] = ':';
    longest[511] = '@';
    assert_int_equal(socks_proxy_parse(slice_of(longest, 512), &proxy), SMQ_ERR_SYNTAX);
}

static void expect_user(const struct socks_isolation *isolation, const char *hashed) {
    struct socks_credentials credentials;
    assert_int_equal(socks_isolation_credentials(isolation, &credentials), SMQ_OK);
    unsigned char digest[crypto_hash_sha256_BYTES];
    char text[64];
    crypto_hash_sha256(digest, (const unsigned char *)hashed, strlen(hashed));
    sodium_bin2base64(text, sizeof text, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
    assert_slice_text(slice_of(credentials.user, credentials.user_length), text);
    assert_int_equal(credentials.user_length, SOCKS_ISOLATION_USER_LENGTH);
    assert_int_equal(credentials.password_length, 0);
}

static void test_derived_user_name_tells_what_is_kept_apart(void **state) {
    (void)state;
    struct socks_isolation isolation = {.user_id = -3};
    expect_user(&isolation, "-3");
    isolation.entity = slice_of_text("ignored without a server");
    expect_user(&isolation, "-3");
    isolation.session = slice_of_text("2026-01-01 00:00:00 UTC");
    expect_user(&isolation, "-3:2026-01-01 00:00:00 UTC");
    isolation.entity = slice_of(NULL, 0);
    isolation.server = slice_of_text("smp://x@host");
    expect_user(&isolation, "-3:2026-01-01 00:00:00 UTC@smp://x@host");
    isolation.entity = slice_of_text("e");
    expect_user(&isolation, "-3:2026-01-01 00:00:00 UTC@smp://x@host/e");
}

/* ---- conversation */

static void expect_output(struct socks_conversation *conversation, const char *hex) {
    uint8_t bytes[SOCKS_MESSAGE_MAX];
    assert_slice_equal(socks_output(conversation), from_hex(hex, bytes, sizeof bytes));
    /* in two parts */
    size_t length = socks_output(conversation).length;
    socks_sent(conversation, 1);
    assert_int_equal(socks_output(conversation).length, length - 1);
    socks_sent(conversation, length - 1);
    assert_int_equal(socks_output(conversation).length, 0);
}

/* Hands over the bytes, no more at once than are wanted and than `part`; the last result. */
static enum smq_result answer(struct socks_conversation *conversation, const char *hex, size_t part) {
    uint8_t buffer[SOCKS_MESSAGE_MAX];
    struct slice bytes = from_hex(hex, buffer, sizeof buffer);
    enum smq_result result = SMQ_ERR_AGAIN;
    while (bytes.length > 0 && result == SMQ_ERR_AGAIN) {
        size_t length = socks_wanted(conversation);
        assert_true(length > 0);
        length = length > part ? part : length;
        length = length > bytes.length ? bytes.length : length;
        uint8_t *copy = heap_copy(bytes.bytes, length);
        result = socks_received(conversation, copy, length);
        free(copy);
        bytes = slice_of(bytes.bytes + length, bytes.length - length);
    }
    assert_int_equal(bytes.length, 0);
    return result;
}

static void test_name_goes_to_the_proxy_without_credentials(void **state) {
    (void)state;
    struct host host = host_of("abcd.onion");
    struct socks_conversation conversation;
    for (size_t part = 1; part < 6; part++) {
        socks_begin(&conversation, &host, 5223, NULL);
        expect_output(&conversation, "05 01 00");
        assert_int_equal(answer(&conversation, "05 00", part), SMQ_ERR_AGAIN);
        expect_output(&conversation, "05 01 00 03 0a 61626364 2e6f6e696f6e 1467");
        assert_int_equal(answer(&conversation, "05 00 00 01 00000000 0000", part), SMQ_OK);
        socks_end(&conversation);
    }
}

static void test_credentials_are_the_only_method_offered(void **state) {
    (void)state;
    struct host host = host_of("10.0.0.7");
    struct socks_credentials credentials = {.user_length = 2, .password_length = 0, .user = "me"};
    struct socks_conversation conversation;
    socks_begin(&conversation, &host, 443, &credentials);
    expect_output(&conversation, "05 01 02");
    assert_int_equal(answer(&conversation, "05 02", 2), SMQ_ERR_AGAIN);
    expect_output(&conversation, "01 02 6d65 00");
    assert_int_equal(answer(&conversation, "01 00", 2), SMQ_ERR_AGAIN);
    expect_output(&conversation, "05 01 00 01 0a000007 01bb");
    assert_int_equal(answer(&conversation, "05 00 00 03 03 616263 0050", 1), SMQ_OK);
    socks_end(&conversation);
}

static void test_ipv6_destination_and_bound_address(void **state) {
    (void)state;
    struct host host = host_of("fe80::1");
    struct socks_conversation conversation;
    socks_begin(&conversation, &host, 1, NULL);
    expect_output(&conversation, "05 01 00");
    assert_int_equal(answer(&conversation, "05 00", 2), SMQ_ERR_AGAIN);
    expect_output(&conversation, "05 01 00 04 fe800000000000000000000000000001 0001");
    assert_int_equal(answer(&conversation, "05 00 00 04 00000000000000000000000000000000 0000", 100), SMQ_OK);
    socks_end(&conversation);
}

static void test_longest_credentials_and_name_fit(void **state) {
    (void)state;
    struct socks_credentials credentials = {.user_length = 255, .password_length = 255};
    struct host host = {.kind = HOST_NAME, .length = 255};
    memset(host.text, 'h', 255);
    struct socks_conversation conversation;
    socks_begin(&conversation, &host, 1, &credentials);
    socks_sent(&conversation, 3);
    assert_int_equal(answer(&conversation, "05 02", 2), SMQ_ERR_AGAIN);
    assert_int_equal(socks_output(&conversation).length, 3 + 255 + 255);
    socks_sent(&conversation, 513);
    assert_int_equal(answer(&conversation, "01 00", 2), SMQ_ERR_AGAIN);
    assert_int_equal(socks_output(&conversation).length, 5 + 255 + 2);
    socks_end(&conversation);
}

static enum smq_result failure(const char *greeting, const char *login, const char *reply) {
    struct host host = host_of("a.b");
    struct socks_credentials credentials = {.user_length = 1, .user = "u"};
    struct socks_conversation conversation;
    socks_begin(&conversation, &host, 1, login == NULL ? NULL : &credentials);
    const char *const answers[] = {greeting, login, reply};
    enum smq_result result = SMQ_ERR_AGAIN;
    for (size_t i = 0; i < 3 && result == SMQ_ERR_AGAIN; i++) {
        if (answers[i] == NULL)
            continue;
        socks_sent(&conversation, socks_output(&conversation).length);
        result = answer(&conversation, answers[i], 100);
    }
    assert_true(strlen(socks_failure_text(&conversation)) > 0);
    socks_end(&conversation);
    return result;
}

static void test_refusals_are_network_errors_and_garbage_is_no_socks(void **state) {
    (void)state;
    assert_int_equal(failure("05 ff", NULL, NULL), SMQ_ERR_NETWORK);
    assert_int_equal(failure("05 02", NULL, NULL), SMQ_ERR_PROTOCOL);
    assert_int_equal(failure("05 00", "00", NULL), SMQ_ERR_PROTOCOL);
    assert_int_equal(failure("48 54", NULL, NULL), SMQ_ERR_PROTOCOL);
    assert_int_equal(failure("04 00", NULL, NULL), SMQ_ERR_PROTOCOL);
    assert_int_equal(failure("05 02", "01 01", NULL), SMQ_ERR_NETWORK);
    assert_int_equal(failure("05 02", "05 00", NULL), SMQ_ERR_PROTOCOL);
    assert_int_equal(failure("05 00", NULL, "05 05 00 01 00"), SMQ_ERR_NETWORK);
    assert_int_equal(failure("05 00", NULL, "05 ff 00 01 00"), SMQ_ERR_NETWORK);
    assert_int_equal(failure("05 00", NULL, "05 00 00 02 00"), SMQ_ERR_PROTOCOL);
    assert_int_equal(failure("05 00", NULL, "05 00 01 01 00"), SMQ_ERR_PROTOCOL);
    assert_int_equal(failure("05 00", NULL, "04 5a 00 01 00"), SMQ_ERR_PROTOCOL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_parts_of_a_proxy_have_defaults),
        cmocka_unit_test(test_authentication_of_a_proxy_stands_before_its_host),
        cmocka_unit_test(test_texts_that_name_no_proxy_are_refused),
        cmocka_unit_test(test_derived_user_name_tells_what_is_kept_apart),
        cmocka_unit_test(test_name_goes_to_the_proxy_without_credentials),
        cmocka_unit_test(test_credentials_are_the_only_method_offered),
        cmocka_unit_test(test_ipv6_destination_and_bound_address),
        cmocka_unit_test(test_longest_credentials_and_name_fit),
        cmocka_unit_test(test_refusals_are_network_errors_and_garbage_is_no_socks),
    };
    return cmocka_run_group_tests(tests, set_up_crypto, NULL);
}
