/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The authority part of connection links, and short links. */
#include "transport/wire/service_link.h"

#include <string.h>

#include "transport/wire/text.h"

static const char simplex_scheme[] = "simplex:";
static const char https_scheme[] = "https://";

/* A link type's letters: in text, and in binary. Invitations have no letter of their own in binary. */
static const struct {
    char text;
    char binary;
} type_letters[] = {
    [SHORT_LINK_INVITATION] = {'i', 'I'}, [SHORT_LINK_CONTACT] = {'a', 'A'}, [SHORT_LINK_CHANNEL] = {'c', 'C'},
    [SHORT_LINK_GROUP] = {'g', 'G'},      [SHORT_LINK_RELAY] = {'r', 'R'},
};

/* ---- service scheme */

void read_service_scheme_text(struct reader *reader, struct service_scheme *scheme) {
    *scheme = (struct service_scheme){0};
    if (read_if(reader, simplex_scheme))
        return;
    read_literal(reader, https_scheme);
    size_t length = 0;
    while (length < reader_left(reader) && !host_ends(reader->position[length]))
        length++;
    struct slice host = read_bytes(reader, length);
    if (length == 0 || length > HOST_TEXT_MAX) {
        reader_fail(reader);
        return;
    }
    scheme->host_length = (uint8_t)length;
    memcpy(scheme->host, host.bytes, length);
    if (read_if(reader, ":"))
        scheme->port = (uint16_t)read_decimal(reader, UINT16_MAX);
}

void write_service_scheme_text(struct writer *writer, const struct service_scheme *scheme) {
    if (scheme->host_length == 0) {
        write_text(writer, simplex_scheme);
        return;
    }
    write_text(writer, https_scheme);
    write_text(writer, scheme->host);
    if (scheme->port != 0) {
        write_text(writer, ":");
        write_decimal(writer, scheme->port);
    }
}

void service_scheme_default(struct service_scheme *scheme) {
    static const char host[] = "simplex.chat";
    *scheme = (struct service_scheme){.host_length = sizeof host - 1};
    memcpy(scheme->host, host, sizeof host);
}

/* ---- short links in text */

static enum short_link_type read_type_letter(struct reader *reader) {
    uint8_t letter = read_u8(reader);
    for (size_t i = 0; i < sizeof type_letters / sizeof type_letters[0]; i++) {
        bool binary_form = letter == (uint8_t)type_letters[i].binary && i != SHORT_LINK_INVITATION;
        if (letter == (uint8_t)type_letters[i].text || binary_form)
            return (enum short_link_type)i;
    }
    reader_fail(reader);
    return SHORT_LINK_CONTACT;
}

static void read_link_key_text(struct reader *reader, uint8_t link_key[SHORT_LINK_KEY_SIZE]) {
    if (read_base64url(reader, link_key, SHORT_LINK_KEY_SIZE) != SHORT_LINK_KEY_SIZE)
        reader_fail(reader);
}

/* A query item that is absent leaves `*value` empty. */
static enum smq_result find_optional(struct slice query, const char *name, uint8_t *buffer, size_t capacity,
                                     struct slice *value) {
    *value = (struct slice){0};
    enum smq_result result = query_find(query, name, buffer, capacity, value);
    return result == SMQ_ERR_NOT_FOUND ? SMQ_OK : result;
}

static enum smq_result parse_server_query(struct slice query, struct server_address *server) {
    uint8_t buffer[ADDRESS_HOSTS_TEXT_MAX];
    struct slice value;
    enum smq_result result = find_optional(query, "h", buffer, sizeof buffer, &value);
    struct reader reader = reader_of(value);
    if (result == SMQ_OK && value.length > 0) {
        read_hosts_text(&reader, server);
        result = reader_finish(&reader);
    }
    if (result == SMQ_OK)
        result = find_optional(query, "p", buffer, sizeof buffer, &value);
    if (result == SMQ_OK && value.length > 0) {
        reader = reader_of(value);
        server->port = (uint16_t)read_decimal(&reader, UINT16_MAX);
        result = reader_finish(&reader);
    }
    if (result == SMQ_OK)
        result = find_optional(query, "c", buffer, sizeof buffer, &value);
    if (result == SMQ_OK && value.length > 0) {
        size_t length = 0;
        result = base64url_parse(value, server->key_hash, KEY_HASH_SIZE, &length);
        server->has_key_hash = length == KEY_HASH_SIZE;
    }
    if (result == SMQ_OK && value.length > 0 && !server->has_key_hash)
        result = SMQ_ERR_SYNTAX;
    return result == SMQ_OK ? SMQ_OK : SMQ_ERR_SYNTAX;
}

enum smq_result short_link_parse(struct slice text, struct short_link *link) {
    struct short_link parsed = {.server = {.scheme = ADDRESS_SMP}};
    struct reader reader = reader_of(text);
    parsed.simplex_scheme = read_if(&reader, simplex_scheme);
    if (!parsed.simplex_scheme) {
        struct host host;
        read_literal(&reader, https_scheme);
        read_host_text(&reader, &host);
        if (!reader.failed && server_address_add_host(&parsed.server, &host) != SMQ_OK)
            reader_fail(&reader);
    }
    read_literal(&reader, "/");
    parsed.type = read_type_letter(&reader);
    (void)read_if(&reader, "/");
    read_literal(&reader, "#");
    if (parsed.type == SHORT_LINK_INVITATION) {
        parsed.link_id_length = (uint8_t)read_base64url(&reader, parsed.link_id, sizeof parsed.link_id);
        read_literal(&reader, "/");
    }
    read_link_key_text(&reader, parsed.link_key);
    struct slice query = read_if(&reader, "?") ? read_query(&reader) : (struct slice){0};
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        result = parse_server_query(query, &parsed.server);
    if (result == SMQ_OK && parsed.server.host_count == 0)
        result = SMQ_ERR_SYNTAX;
    if (result == SMQ_OK)
        *link = parsed;
    return result;
}

/* '?' before the first item, '&' before the others. */
static void write_item(struct writer *writer, bool *first, const char *name) {
    write_text(writer, *first ? "?" : "&");
    write_text(writer, name);
    write_text(writer, "=");
    *first = false;
}

static void write_server_query(struct writer *writer, const struct server_address *server, size_t first_host) {
    bool first = true;
    if (server->host_count > first_host) {
        uint8_t text[ADDRESS_HOSTS_TEXT_MAX];
        struct writer hosts = writer_of(text, sizeof text);
        write_hosts_text(&hosts, server, first_host, false);
        write_item(writer, &first, "h");
        write_percent_encoded(writer, slice_of(text, writer_length(&hosts)));
    }
    if (server->port != 0) {
        write_item(writer, &first, "p");
        write_decimal(writer, server->port);
    }
    if (server->has_key_hash) {
        write_item(writer, &first, "c");
        write_base64(writer, slice_of(server->key_hash, KEY_HASH_SIZE), BASE64_URL_UNPADDED);
    }
}

void write_short_link_text(struct writer *writer, const struct short_link *link) {
    write_text(writer, link->simplex_scheme ? simplex_scheme : https_scheme);
    if (!link->simplex_scheme)
        write_text(writer, server_address_host(&link->server, 0));
    write_text(writer, "/");
    write_u8(writer, (uint8_t)type_letters[link->type].text);
    write_text(writer, "#");
    if (link->link_id_length > 0) {
        write_base64(writer, slice_of(link->link_id, link->link_id_length), BASE64_URL_UNPADDED);
        write_text(writer, "/");
    }
    write_base64(writer, slice_of(link->link_key, SHORT_LINK_KEY_SIZE), BASE64_URL_UNPADDED);
    write_server_query(writer, &link->server, link->simplex_scheme ? 0 : 1);
}

/* ---- short links in binary */

void read_short_link(struct reader *reader, struct short_link *link) {
    *link = (struct short_link){0};
    uint8_t mode = read_u8(reader);
    if (mode != 'I' && mode != 'C')
        reader_fail(reader);
    if (mode == 'C') {
        uint8_t letter = reader_peek(reader);
        link->type = read_type_letter(reader);
        if (letter != (uint8_t)type_letters[link->type].binary)
            reader_fail(reader);
    }
    read_server_address(reader, ADDRESS_SMP, &link->server);
    if (mode == 'I') {
        struct slice link_id = read_short(reader);
        link->link_id_length = (uint8_t)link_id.length;
        if (link_id.length > 0)
            memcpy(link->link_id, link_id.bytes, link_id.length);
    }
    struct slice link_key = read_short(reader);
    if (link_key.length == SHORT_LINK_KEY_SIZE)
        memcpy(link->link_key, link_key.bytes, SHORT_LINK_KEY_SIZE);
    else
        reader_fail(reader);
}

void write_short_link(struct writer *writer, const struct short_link *link) {
    bool invitation = link->type == SHORT_LINK_INVITATION;
    write_u8(writer, invitation ? 'I' : 'C');
    if (!invitation)
        write_u8(writer, (uint8_t)type_letters[link->type].binary);
    write_server_address(writer, &link->server);
    if (invitation)
        write_short(writer, slice_of(link->link_id, link->link_id_length));
    write_short(writer, slice_of(link->link_key, SHORT_LINK_KEY_SIZE));
}
