/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Server addresses: the struct, and its binary form. */
#include "transport/wire/address.h"

#include <string.h>

#include "transport/wire/encoding.h"
#include "transport/wire/text.h"

/* Onion hosts of servers whose addresses were published before addresses could have several hosts. */
static const char *const known_onions[][2] = {
    {"smp4.simplex.im", "o5vmywmrnaxalvz6wi3zicyftgio6psuvyniis6gco6bp6ekl4cqj4id.onion"},
    {"smp5.simplex.im", "jjbyvoemxysm7qxap7m5d5m35jzv5qq6gnlv7s4rsn7tdwwmuqciwpid.onion"},
    {"smp6.simplex.im", "bylepyau3ty4czmn77q4fglvperknl4bi2eb2fdy2bh4jxtf32kf73yd.onion"},
    {"smp8.simplex.im", "beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion"},
    {"smp9.simplex.im", "jssqzccmrcws6bhmn77vgmhfjmhwlyr3u7puw4erkyoosywgl67slqqd.onion"},
    {"smp10.simplex.im", "rb2pbttocvnbrngnwziclp2f4ckjq65kebafws6g4hy22cdaiv5dwjqd.onion"},
};

const char *address_scheme_text(enum address_scheme scheme) {
    static const char *const texts[] = {[ADDRESS_SMP] = "smp", [ADDRESS_NTF] = "ntf", [ADDRESS_XFTP] = "xftp"};
    return texts[scheme];
}

/* ---- hosts */

const char *server_address_host(const struct server_address *address, size_t index) {
    return address->hosts_text + address->host_offsets[index];
}

enum host_kind server_address_host_kind(const struct server_address *address, size_t index) {
    struct host host = {.kind = HOST_NAME};
    (void)host_parse(slice_of_text(server_address_host(address, index)), &host);
    return host.kind;
}

enum smq_result server_address_add_host(struct server_address *address, const struct host *host) {
    size_t offset = 0;
    if (address->host_count == ADDRESS_HOSTS_MAX)
        return SMQ_ERR_TOO_LARGE;
    if (address->host_count > 0) {
        const char *last = server_address_host(address, address->host_count - 1U);
        offset = (size_t)(last - address->hosts_text) + strlen(last) + 1;
    }
    if (host->length + 1U > sizeof address->hosts_text - offset)
        return SMQ_ERR_TOO_LARGE;
    memcpy(address->hosts_text + offset, host->text, host->length + 1U);
    address->host_offsets[address->host_count] = (uint16_t)offset;
    address->host_count++;
    return SMQ_OK;
}

bool server_address_same(const struct server_address *a, const struct server_address *b) {
    if (a->host_count != b->host_count || a->port != b->port)
        return false;
    for (size_t i = 0; i < a->host_count; i++)
        if (strcmp(server_address_host(a, i), server_address_host(b, i)) != 0)
            return false;
    return true;
}

bool server_address_equal(const struct server_address *a, const struct server_address *b) {
    return a->scheme == b->scheme && a->has_key_hash == b->has_key_hash &&
           memcmp(a->key_hash, b->key_hash, sizeof a->key_hash) == 0 && server_address_same(a, b);
}

uint16_t server_address_port(const struct server_address *address, uint16_t default_port) {
    return address->port != 0 ? address->port : default_port;
}

void server_address_add_known_onion(struct server_address *address) {
    if (address->host_count != 1)
        return;
    for (size_t i = 0; i < sizeof known_onions / sizeof known_onions[0]; i++) {
        struct host onion;
        if (strcmp(server_address_host(address, 0), known_onions[i][0]) == 0 &&
            host_parse(slice_of_text(known_onions[i][1]), &onion) == SMQ_OK) {
            (void)server_address_add_host(address, &onion); /* two hosts always fit */
            return;
        }
    }
}

/* ---- binary */

static void read_added_host(struct reader *reader, struct server_address *address) {
    struct host host;
    read_host(reader, &host);
    if (!reader->failed && server_address_add_host(address, &host) != SMQ_OK)
        reader_fail(reader);
}

static void write_host(struct writer *writer, const struct server_address *address, size_t index) {
    write_short(writer, slice_of_text(server_address_host(address, index)));
}

static void read_port_and_key_hash(struct reader *reader, struct server_address *address) {
    struct reader port = reader_of(read_short(reader));
    if (reader_left(&port) > 0) {
        address->port = (uint16_t)read_decimal(&port, UINT16_MAX);
        if (reader_finish(&port) != SMQ_OK || address->port == 0)
            reader_fail(reader);
    }
    struct slice key_hash = read_short(reader);
    address->has_key_hash = key_hash.length == KEY_HASH_SIZE;
    if (address->has_key_hash)
        memcpy(address->key_hash, key_hash.bytes, KEY_HASH_SIZE);
    else if (key_hash.length != 0)
        reader_fail(reader);
}

static void write_port_and_key_hash(struct writer *writer, const struct server_address *address) {
    char digits[5];
    struct writer port = writer_of(digits, sizeof digits);
    if (address->port != 0)
        write_decimal(&port, address->port);
    write_short(writer, slice_of(digits, writer_length(&port)));
    write_short(writer, slice_of(address->key_hash, address->has_key_hash ? KEY_HASH_SIZE : 0));
}

void read_server_address(struct reader *reader, enum address_scheme scheme, struct server_address *address) {
    *address = (struct server_address){.scheme = scheme};
    size_t count = read_count_nonempty(reader);
    for (size_t i = 0; i < count && !reader->failed; i++)
        read_added_host(reader, address);
    read_port_and_key_hash(reader, address);
}

void write_server_address(struct writer *writer, const struct server_address *address) {
    write_count(writer, address->host_count);
    for (size_t i = 0; i < address->host_count; i++)
        write_host(writer, address, i);
    write_port_and_key_hash(writer, address);
}

void read_server_address_legacy(struct reader *reader, struct server_address *address) {
    *address = (struct server_address){.scheme = ADDRESS_SMP};
    read_added_host(reader, address);
    read_port_and_key_hash(reader, address);
    if (!reader->failed)
        server_address_add_known_onion(address);
}

void write_server_address_legacy(struct writer *writer, const struct server_address *address) {
    write_host(writer, address, 0);
    write_port_and_key_hash(writer, address);
}
