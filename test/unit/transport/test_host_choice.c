/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which host, port and ALPN are chosen, and when the proxy is used. */
#include "test/unit/transport/test_helpers.h"
#include "transport/net/host_choice.h"

enum { PUBLIC, ONION, NONE };

static const char *const domains[] = {"simplex.im", "example.org"};

static struct server_address address_of(const char *hosts) {
    char text[400];
    struct server_address address;
    snprintf(text, sizeof text, "smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@%s", hosts);
    assert_int_equal(server_address_parse(slice_of_text(text), ADDRESS_SMP, &address), SMQ_OK);
    return address;
}

/* Chosen from two hosts, the first of which is public; PUBLIC or ONION. */
static int kind_of(struct host_policy policy, const char *hosts) {
    struct server_address address = address_of(hosts);
    struct host_choice choice;
    enum smq_result result = host_choose(&policy, &address, &choice);
    if (result == SMQ_ERR_NOT_FOUND)
        return NONE;
    assert_int_equal(result, SMQ_OK);
    return server_address_host_kind(&address, choice.host) == HOST_ONION ? ONION : PUBLIC;
}

static void test_host_kind_follows_the_mode(void **state) {
    (void)state;
    static const char both[] = "a.b,xyz.onion";
    static const char both_reversed[] = "xyz.onion,a.b";
    static const struct {
        enum host_mode mode;
        bool has_socks;
        int expected;
    } cases[] = {
        {HOST_MODE_ONION_VIA_SOCKS, false, PUBLIC},
        {HOST_MODE_ONION_VIA_SOCKS, true, ONION},
        {HOST_MODE_ONION, false, ONION},
        {HOST_MODE_ONION, true, ONION},
        {HOST_MODE_PUBLIC, false, PUBLIC},
        {HOST_MODE_PUBLIC, true, PUBLIC},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_policy policy = {.host_mode = cases[i].mode, .has_socks_proxy = cases[i].has_socks};
        assert_int_equal(kind_of(policy, both), cases[i].expected);
        assert_int_equal(kind_of(policy, both_reversed), cases[i].expected);
        policy.host_mode_required = true;
        assert_int_equal(kind_of(policy, both), cases[i].expected);
        const char *only_other = cases[i].expected == ONION ? "a.b,1.2.3.4" : "xyz.onion";
        assert_int_equal(kind_of(policy, only_other), NONE);
        policy.host_mode_required = false;
        assert_int_equal(kind_of(policy, only_other), cases[i].expected == ONION ? PUBLIC : ONION);
    }
}

static void test_missing_kind_means_the_first_host(void **state) {
    (void)state;
    struct host_policy policy = {.host_mode = HOST_MODE_ONION};
    struct server_address address = address_of("a.b,c.d");
    struct host_choice choice;
    assert_int_equal(host_choose(&policy, &address, &choice), SMQ_OK);
    assert_int_equal(choice.host, 0);
}

static void test_socks_mode_onion_spares_public_hosts(void **state) {
    (void)state;
    struct host_policy policy = {.host_mode = HOST_MODE_PUBLIC, .has_socks_proxy = true};
    struct server_address public = address_of("a.b"), onion = address_of("x.onion");
    struct host_choice choice;
    assert_int_equal(host_choose(&policy, &public, &choice), SMQ_OK);
    assert_true(choice.use_socks);
    policy.socks_mode = SOCKS_MODE_ONION;
    assert_int_equal(host_choose(&policy, &public, &choice), SMQ_OK);
    assert_false(choice.use_socks);
    assert_int_equal(host_choose(&policy, &onion, &choice), SMQ_OK);
    assert_true(choice.use_socks);
    policy.has_socks_proxy = false;
    assert_int_equal(host_choose(&policy, &onion, &choice), SMQ_OK);
    assert_false(choice.use_socks);
}

static void expect_port(struct host_policy policy, const char *hosts, uint16_t port, const char *alpn) {
    struct server_address address = address_of(hosts);
    struct host_choice choice;
    assert_int_equal(host_choose(&policy, &address, &choice), SMQ_OK);
    assert_int_equal(choice.port, port);
    assert_string_equal(choice.alpn, alpn);
}

static void test_web_port_is_for_preset_domains_unless_all_or_off(void **state) {
    (void)state;
    struct host_policy policy = {.web_port = WEB_PORT_PRESET, .preset_domains = domains, .preset_domain_count = 2};
    expect_port(policy, "smp8.simplex.im", 443, "http/1.1");
    expect_port(policy, "smp8.simplex.im,x.onion", 443, "http/1.1");
    expect_port(policy, "x.onion,smp8.simplex.im", 5223, "smp/1");
    expect_port(policy, "smp8.simplex.im.net", 5223, "smp/1");
    expect_port(policy, "1.2.3.4", 5223, "smp/1");
    expect_port(policy, "smp8.simplex.im:7000", 7000, "http/1.1");
    policy.preset_domain_count = 0;
    expect_port(policy, "smp8.simplex.im", 5223, "smp/1");
    policy.web_port = WEB_PORT_ALL;
    expect_port(policy, "1.2.3.4", 443, "http/1.1");
    policy.web_port = WEB_PORT_OFF;
    policy.preset_domain_count = 2;
    expect_port(policy, "smp8.simplex.im", 5223, "smp/1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_kind_follows_the_mode),
        cmocka_unit_test(test_missing_kind_means_the_first_host),
        cmocka_unit_test(test_socks_mode_onion_spares_public_hosts),
        cmocka_unit_test(test_web_port_is_for_preset_domains_unless_all_or_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
