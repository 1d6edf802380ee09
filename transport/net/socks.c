/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The text form of a SOCKS proxy, and the credentials that keep connections apart. */
#include "transport/net/socks.h"

#include <string.h>

#include "queues/base/secret.h"
#include "transport/crypto/hash.h"
#include "transport/wire/text.h"

static bool set_part(uint8_t *bytes, uint8_t *length, struct slice value) {
    if (value.length > SOCKS_CREDENTIAL_MAX)
        return false;
    if (value.length > 0)
        memcpy(bytes, value.bytes, value.length);
    *length = (uint8_t)value.length;
    return true;
}

/* "user:password@" when there is a ':' with a '@' behind it, else "@", else nothing. */
static void read_authentication(struct reader *reader, struct socks_proxy *proxy) {
    struct reader ahead = *reader;
    struct slice user = read_until(&ahead, ':');
    read_literal(&ahead, ":");
    struct slice password = read_until(&ahead, '@');
    read_literal(&ahead, "@");
    if (!ahead.failed) {
        proxy->authentication = SOCKS_FIXED_CREDENTIALS;
        struct socks_credentials *credentials = &proxy->credentials;
        if (!set_part(credentials->user, &credentials->user_length, user) ||
            !set_part(credentials->password, &credentials->password_length, password))
            reader_fail(reader);
        reader->position = ahead.position;
    } else if (read_if(reader, "@")) {
        proxy->authentication = SOCKS_NO_AUTHENTICATION;
    }
}

enum smq_result socks_proxy_parse(struct slice text, struct socks_proxy *proxy) {
    struct socks_proxy parsed = {.port = SOCKS_DEFAULT_PORT, .authentication = SOCKS_ISOLATE};
    struct reader reader = reader_of(text);
    enum smq_result result = host_parse(slice_of_text("127.0.0.1"), &parsed.host);
    read_authentication(&reader, &parsed);
    if (reader_left(&reader) > 0 && reader_peek(&reader) != ':')
        read_host_text(&reader, &parsed.host);
    else if (reader_left(&reader) > 1 && reader.position[1] == ':')
        read_host_text(&reader, &parsed.host); /* an IPv6 address that begins with "::" */
    if (reader_left(&reader) > 0) {
        read_literal(&reader, ":");
        parsed.port = (uint16_t)read_decimal(&reader, UINT16_MAX);
    }
    if (result == SMQ_OK)
        result = reader_finish(&reader);
    bool is_address = parsed.host.kind == HOST_IPV4 || parsed.host.kind == HOST_IPV6;
    if (result == SMQ_OK && (!is_address || parsed.port == 0))
        result = SMQ_ERR_SYNTAX;
    if (result == SMQ_OK)
        *proxy = parsed;
    secret_wipe(&parsed, sizeof parsed);
    return result;
}

enum smq_result socks_isolation_credentials(const struct socks_isolation *isolation,
                                            struct socks_credentials *credentials) {
    char number[24];
    struct writer writer = writer_of(number, sizeof number);
    write_signed_decimal(&writer, isolation->user_id);
    bool has_server = isolation->server.length > 0;
    bool has_entity = has_server && isolation->entity.length > 0;
    struct slice nothing = slice_of(NULL, 0);
    const struct slice parts[] = {
        slice_of(number, writer_length(&writer)),
        isolation->session.length > 0 ? slice_of_text(":") : nothing,
        isolation->session,
        has_server ? slice_of_text("@") : nothing,
        isolation->server,
        has_entity ? slice_of_text("/") : nothing,
        has_entity ? isolation->entity : nothing,
    };
    uint8_t digest[HASH_SHA256_SIZE];
    enum smq_result result = hash_parts(HASH_SHA256, parts, sizeof parts / sizeof parts[0], digest);
    if (result != SMQ_OK)
        return result;
    memset(credentials, 0, sizeof *credentials);
    writer = writer_of(credentials->user, sizeof credentials->user);
    write_base64(&writer, slice_of(digest, sizeof digest), BASE64_STANDARD);
    credentials->user_length = (uint8_t)writer_length(&writer);
    return SMQ_OK;
}

void socks_credentials_wipe(struct socks_credentials *credentials) {
    secret_wipe(credentials, sizeof *credentials);
}
