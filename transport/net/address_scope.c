/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two tables of prefixes, after the special-purpose registries of IANA (RFC 6890). */
#include "transport/net/address_scope.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

struct prefix {
    uint8_t bytes[16];
    unsigned bits;
};

static const struct prefix closed_ipv4[] = {
    {{0}, 8},             /* this host */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* behind a carrier's NAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

static const struct prefix closed_ipv6[] = {
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48}, /* NAT64 of a network's own */
    {{0x01}, 64},                      /* discard */
    {{0x20, 0x01, 0, 0}, 32},          /* Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},    /* documentation */
    {{0xfc}, 7},                       /* unique local */
    {{0xfe, 0x80}, 10},                /* link-local */
    {{0xfe, 0xc0}, 10},                /* site-local */
    {{0xff}, 8},                       /* multicast */
};

/* Prefixes behind which an IPv4 address stands, and where. */
static const struct carrier {
    struct prefix prefix;
    unsigned at;
} carriers[] = {
    {{{0}, 96}, 12},                                           /* compatible; :: and ::1 */
    {{{[10] = 0xff, [11] = 0xff}, 96}, 12},                    /* mapped */
    {{{[8] = 0xff, [9] = 0xff}, 96}, 12},                      /* translated */
    {{{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}, 96}, 12}, /* NAT64 */
    {{{0x20, 0x02}, 16}, 2},                                   /* 6to4 */
};

static bool is_within(const uint8_t *bytes, const struct prefix *prefix) {
    unsigned whole = prefix->bits / 8;
    unsigned rest = prefix->bits % 8;
    if (memcmp(bytes, prefix->bytes, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return rest == 0 || ((bytes[whole] ^ prefix->bytes[whole]) & mask) == 0;
}

static bool is_in_table(const uint8_t *bytes, const struct prefix *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (is_within(bytes, &table[i]))
            return true;
    return false;
}

static bool is_closed_ipv4(const uint8_t *bytes) {
    return is_in_table(bytes, closed_ipv4, sizeof closed_ipv4 / sizeof closed_ipv4[0]);
}

static bool is_closed_ipv6(const uint8_t *bytes) {
    for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++)
        if (is_within(bytes, &carriers[i].prefix) && is_closed_ipv4(bytes + carriers[i].at))
            return true;
    return is_in_table(bytes, closed_ipv6, sizeof closed_ipv6 / sizeof closed_ipv6[0]);
}

bool net_address_is_public(const struct net_address *address) {
    if (address->storage.ss_family == AF_INET)
        return !is_closed_ipv4((const uint8_t *)&((const struct sockaddr_in *)&address->storage)->sin_addr);
    return address->storage.ss_family == AF_INET6 &&
           !is_closed_ipv6(((const struct sockaddr_in6 *)&address->storage)->sin6_addr.s6_addr);
}
