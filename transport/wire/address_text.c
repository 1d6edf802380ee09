/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Server addresses in text. */
#include <string.h>

#include "transport/wire/address.h"
#include "transport/wire/text.h"

void read_hosts_text(struct reader *reader, struct server_address *address) {
    do {
        struct host host;
        read_host_text(reader, &host);
        if (!reader->failed && server_address_add_host(address, &host) != SMQ_OK)
            reader_fail(reader);
    } while (read_if(reader, ","));
}

void write_hosts_text(struct writer *writer, const struct server_address *address, size_t first, bool brackets) {
    for (size_t i = first; i < address->host_count; i++) {
        const char *host = server_address_host(address, i);
        bool bracketed = brackets && strchr(host, ':') != NULL;
        if (i > first)
            write_text(writer, ",");
        if (bracketed)
            write_text(writer, "[");
        write_text(writer, host);
        if (bracketed)
            write_text(writer, "]");
    }
}

/* `password` NULL: none is allowed. */
static void read_address(struct reader *reader, enum address_scheme scheme, struct server_address *address,
                         struct password *password) {
    *address = (struct server_address){.scheme = scheme};
    read_literal(reader, address_scheme_text(scheme));
    read_literal(reader, "://");
    if (read_base64url(reader, address->key_hash, KEY_HASH_SIZE) != KEY_HASH_SIZE)
        reader_fail(reader);
    address->has_key_hash = true;
    if (password != NULL && read_if(reader, ":") && password_parse(read_until(reader, '@'), password) != SMQ_OK)
        reader_fail(reader);
    read_literal(reader, "@");
    read_hosts_text(reader, address);
    if (read_if(reader, ":")) {
        address->port = (uint16_t)read_decimal(reader, UINT16_MAX);
        if (address->port == 0)
            reader_fail(reader);
    }
}

void read_server_address_text(struct reader *reader, enum address_scheme scheme, struct server_address *address) {
    read_address(reader, scheme, address, NULL);
}

enum smq_result server_address_parse(struct slice text, enum address_scheme scheme, struct server_address *address) {
    struct reader reader = reader_of(text);
    struct server_address parsed;
    read_address(&reader, scheme, &parsed, NULL);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *address = parsed;
    return result;
}

enum smq_result server_address_parse_with_password(struct slice text, enum address_scheme scheme,
                                                   struct server_address *address, struct password *password) {
    struct reader reader = reader_of(text);
    struct server_address parsed;
    struct password parsed_password = {0};
    read_address(&reader, scheme, &parsed, &parsed_password);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK) {
        *address = parsed;
        *password = parsed_password;
    }
    password_wipe(&parsed_password);
    return result;
}

void write_server_address_text(struct writer *writer, const struct server_address *address,
                               const struct password *password, size_t hosts) {
    struct server_address written = *address;
    if (hosts > 0 && hosts < written.host_count)
        written.host_count = (uint8_t)hosts;
    if (!address->has_key_hash)
        writer_fail(writer);
    write_text(writer, address_scheme_text(address->scheme));
    write_text(writer, "://");
    write_base64(writer, slice_of(address->key_hash, KEY_HASH_SIZE), BASE64_URL);
    if (password != NULL && password->length > 0) {
        write_text(writer, ":");
        write_bytes(writer, password->bytes, password->length);
    }
    write_text(writer, "@");
    write_hosts_text(writer, &written, 0, address->port != 0);
    if (address->port != 0) {
        write_text(writer, ":");
        write_decimal(writer, address->port);
    }
}
