/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "transport/net/address_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { MAPPED = 12, ALL_BITS = 128, INET_BITS = 32 };

static const uint8_t mapped[MAPPED] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool parse_bits(struct slice text, unsigned most, unsigned *bits) {
    *bits = 0;
    if (text.length == 0 || text.length > 3)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        *bits = *bits * 10 + (unsigned)(text.bytes[i] - '0');
    }
    return *bits <= most;
}

bool net_address_range_parse(struct slice text, struct net_address_range *range) {
    struct reader reader = reader_of(text);
    struct slice address = read_until(&reader, '/');
    char copy[INET6_ADDRSTRLEN] = "";
    if (address.length == 0 || address.length >= sizeof copy)
        return false;
    memcpy(copy, address.bytes, address.length);
    bool is_inet = inet_pton(AF_INET, copy, range->bytes + MAPPED) == 1;
    if (is_inet)
        memcpy(range->bytes, mapped, MAPPED);
    else if (inet_pton(AF_INET6, copy, range->bytes) != 1)
        return false;
    unsigned most = is_inet ? INET_BITS : ALL_BITS, bits = most;
    if (reader_left(&reader) > 0) {
        (void)read_u8(&reader);
        if (!parse_bits(read_tail(&reader), most, &bits))
            return false;
    }
    range->bits = (uint8_t)(ALL_BITS - most + bits);
    return true;
}

static bool bytes_of(const struct net_address *address, uint8_t bytes[16]) {
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *inet = (const struct sockaddr_in *)&address->storage;
        memcpy(bytes, mapped, MAPPED);
        memcpy(bytes + MAPPED, &inet->sin_addr, 4);
        return true;
    }
    if (address->storage.ss_family != AF_INET6)
        return false;
    memcpy(bytes, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, 16);
    return true;
}

bool net_address_range_has(const struct net_address_range *range, const struct net_address *address) {
    uint8_t bytes[16];
    if (!bytes_of(address, bytes))
        return false;
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    return memcmp(bytes, range->bytes, whole) == 0 &&
           (rest == 0 || (bytes[whole] ^ range->bytes[whole]) >> (8 - rest) == 0);
}
