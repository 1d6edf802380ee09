/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses of the public internet, and all the ways to write those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queues/base/memory.h"
#include "transport/net/address_scope.h"

static bool is_public(const char *text) {
    struct net_address_list *list = NULL;
    assert_int_equal(SMQ_OK, net_address_resolve(text, 5223, NET_RESOLVE_LITERAL, &list));
    bool found = net_address_is_public(&list->addresses[0]);
    memory_free(list);
    return found;
}

static void check_all(const char *const *texts, size_t count, bool expected) {
    for (size_t i = 0; i < count; i++)
        if (is_public(texts[i]) != expected)
            fail_msg("%s", texts[i]);
}

static void test_addresses_of_hosts_and_networks_of_ones_own_are_not_public(void **state) {
    (void)state;
    static const char *const closed[] = {
        "0.0.0.0",     "0.1.2.3",      "10.0.0.1",        "10.255.255.255", "100.64.0.1",   "100.127.255.255",
        "127.0.0.1",   "127.255.0.1",  "169.254.169.254", "172.16.0.1",     "172.31.255.1", "192.168.0.1",
        "198.18.0.1",  "198.19.255.1", "224.0.0.1",       "239.1.2.3",      "240.0.0.1",    "255.255.255.255",
        "192.0.2.1",   "198.51.100.7", "203.0.113.9",     "192.0.0.8",      "::",           "::1",
        "fe80::1",     "febf::1",      "fec0::1",         "fc00::1",        "fdff::1",      "ff02::1",
        "2001:db8::1", "2001:0:1::1",  "100::1",
    };
    check_all(closed, sizeof closed / sizeof closed[0], false);
}

static void test_other_spellings_and_ipv6_forms_of_them_are_not_public(void **state) {
    (void)state;
    static const char *const closed[] = {
        "127.1",           "2130706433",        "0x7f.1",           "017700000001",    "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "::127.0.0.1",      "64:ff9b::7f00:1", "64:ff9b::10.1.2.3",
        "2002:7f00:1::",   "2002:a00:1::1",     "2002:c0a8:101::1", "64:ff9b:1::1",    "::ffff:169.254.169.254",
    };
    check_all(closed, sizeof closed / sizeof closed[0], false);
}

static void test_neighbours_of_those_networks_are_public(void **state) {
    (void)state;
    static const char *const open[] = {
        "1.1.1.1",        "9.255.255.255",    "11.0.0.0",        "100.63.255.255",  "100.128.0.0", "126.255.255.255",
        "128.0.0.1",      "169.253.1.1",      "172.15.255.255",  "172.32.0.0",      "192.167.1.1", "192.169.0.1",
        "198.17.0.1",     "198.20.0.0",       "223.255.255.1",   "2606:4700::1111", "2a00::1",     "2002:101:101::1",
        "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2001:4860::8888", "fbff::1",
    };
    check_all(open, sizeof open / sizeof open[0], true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_hosts_and_networks_of_ones_own_are_not_public),
        cmocka_unit_test(test_other_spellings_and_ipv6_forms_of_them_are_not_public),
        cmocka_unit_test(test_neighbours_of_those_networks_are_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
