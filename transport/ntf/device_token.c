/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Device tokens. */
#include "transport/ntf/device_token.h"

#include <string.h>

#include "transport/wire/text.h"

static const struct {
    const char *letters, *text;
} providers[PUSH_PROVIDER_COUNT] = {
    [PUSH_APNS_DEV] = {"AD", "apns_dev"},   [PUSH_APNS_PROD] = {"AP", "apns_prod"},
    [PUSH_APNS_TEST] = {"AT", "apns_test"}, [PUSH_APNS_NULL] = {"AN", "apns_null"},
    [PUSH_WEB] = {"WP", "webpush"},
};

static const char null_token[] = "test_ntf_token"; /* of the apps' test of a router */

const char *push_provider_text(enum push_provider provider) {
    return providers[provider].text;
}

/* ---- what WebPush has */

static bool is_path(struct slice path) {
    for (size_t i = 0; i < path.length; i++)
        if (path.bytes[i] < 0x21 || path.bytes[i] > 0x7e)
            return false;
    return path.length > 0 && path.length <= UINT8_MAX && path.bytes[0] == '/';
}

static void set_path(struct reader *reader, struct slice path, struct device_token *token) {
    if (is_path(path))
        token->web.path = path;
    else
        reader_fail(reader);
}

static void read_port(struct reader *reader, struct device_token *token) {
    token->web.port = (uint16_t)read_decimal(reader, UINT16_MAX);
    if (token->web.port == 0)
        reader_fail(reader);
}

static void check_key(struct reader *reader, const struct device_token *token) {
    if (!reader->failed && !p256_point_valid(token->web.receiver.point))
        reader_fail(reader);
}

/* Exactly `size` bytes as a short string. */
static void read_sized(struct reader *reader, uint8_t *bytes, size_t size) {
    struct slice value = read_short(reader);
    if (value.length == size)
        memcpy(bytes, value.bytes, size);
    else
        reader_fail(reader);
}

/* The same in base64url, after a space. */
static void read_sized_text(struct reader *reader, uint8_t *bytes, size_t size) {
    read_literal(reader, " ");
    if (read_base64url(reader, bytes, size) != size)
        reader_fail(reader);
}

/* ---- binary */

static enum push_provider read_provider(struct reader *reader) {
    struct slice letters = read_bytes(reader, 2);
    for (int i = 0; i < PUSH_PROVIDER_COUNT; i++)
        if (slice_equal(letters, slice_of_text(providers[i].letters)))
            return (enum push_provider)i;
    reader_fail(reader);
    return PUSH_APNS_NULL;
}

static void read_web(struct reader *reader, struct device_token *token) {
    read_host(reader, &token->web.host);
    struct slice port = read_short(reader);
    if (port.length > 0) {
        struct reader digits = reader_of(port);
        read_port(&digits, token);
        if (reader_finish(&digits) != SMQ_OK)
            reader_fail(reader);
    }
    set_path(reader, read_short(reader), token);
    read_sized(reader, token->web.receiver.auth, sizeof token->web.receiver.auth);
    read_sized(reader, token->web.receiver.point, sizeof token->web.receiver.point);
    check_key(reader, token);
}

void read_device_token(struct reader *reader, struct device_token *token) {
    memset(token, 0, sizeof *token);
    token->provider = read_provider(reader);
    if (token->provider == PUSH_WEB)
        read_web(reader, token);
    else
        token->token = read_short(reader);
}

static void write_port(struct writer *writer, uint16_t port) {
    char digits[5];
    struct writer port_writer = writer_of(digits, sizeof digits);
    if (port != 0)
        write_decimal(&port_writer, port);
    write_short(writer, slice_of(digits, writer_length(&port_writer)));
}

void write_device_token(struct writer *writer, const struct device_token *token) {
    write_text(writer, providers[token->provider].letters);
    if (token->provider != PUSH_WEB) {
        write_short(writer, token->token);
        return;
    }
    write_short(writer, slice_of_text(token->web.host.text));
    write_port(writer, token->web.port);
    write_short(writer, token->web.path);
    write_short(writer, slice_of(token->web.receiver.auth, sizeof token->web.receiver.auth));
    write_short(writer, slice_of(token->web.receiver.point, sizeof token->web.receiver.point));
}

/* ---- text */

static enum push_provider read_provider_text(struct reader *reader) {
    struct slice text = read_until(reader, ' ');
    read_literal(reader, " ");
    for (int i = 0; i < PUSH_PROVIDER_COUNT; i++)
        if (slice_equal(text, slice_of_text(providers[i].text)))
            return (enum push_provider)i;
    reader_fail(reader);
    return PUSH_APNS_NULL;
}

static bool is_hex(struct slice text) {
    for (size_t i = 0; i < text.length; i++)
        if (strchr("0123456789abcdef", text.bytes[i]) == NULL || text.bytes[i] == '\0')
            return false;
    return text.length > 0 && text.length % 2 == 0 && text.length <= UINT8_MAX;
}

static bool is_apns_text(enum push_provider provider, struct slice text) {
    return is_hex(text) || (provider == PUSH_APNS_NULL && slice_equal(text, slice_of_text(null_token)));
}

static void read_apns_text(struct reader *reader, struct device_token *token) {
    struct slice text = read_tail(reader);
    if (is_apns_text(token->provider, text))
        token->token = text;
    else
        reader_fail(reader);
}

static void read_web_text(struct reader *reader, struct device_token *token) {
    read_literal(reader, "https://");
    read_host_text(reader, &token->web.host);
    if (read_if(reader, ":"))
        read_port(reader, token);
    set_path(reader, read_until(reader, ' '), token);
    read_sized_text(reader, token->web.receiver.auth, sizeof token->web.receiver.auth);
    read_sized_text(reader, token->web.receiver.point, sizeof token->web.receiver.point);
    check_key(reader, token);
}

enum smq_result device_token_parse(struct slice text, struct device_token *token) {
    struct device_token parsed = {0};
    struct reader reader = reader_of(text);
    parsed.provider = read_provider_text(&reader);
    if (parsed.provider == PUSH_WEB)
        read_web_text(&reader, &parsed);
    else
        read_apns_text(&reader, &parsed);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *token = parsed;
    return result;
}

void write_device_token_text(struct writer *writer, const struct device_token *token) {
    write_text(writer, providers[token->provider].text);
    write_text(writer, " ");
    if (token->provider != PUSH_WEB) {
        write_slice(writer, token->token);
        return;
    }
    bool bracketed = token->web.host.kind == HOST_IPV6;
    write_text(writer, bracketed ? "https://[" : "https://");
    write_text(writer, token->web.host.text);
    write_text(writer, bracketed ? "]" : "");
    if (token->web.port != 0) {
        write_text(writer, ":");
        write_decimal(writer, token->web.port);
    }
    write_slice(writer, token->web.path);
    write_text(writer, " ");
    write_base64(writer, slice_of(token->web.receiver.auth, sizeof token->web.receiver.auth), BASE64_URL_UNPADDED);
    write_text(writer, " ");
    write_base64(writer, slice_of(token->web.receiver.point, sizeof token->web.receiver.point), BASE64_URL_UNPADDED);
}

void write_device_token_json(struct writer *writer, const struct device_token *token) {
    if (token->provider == PUSH_WEB || !is_apns_text(token->provider, token->token))
        writer_fail(writer);
    write_text(writer, "{\"pushProvider\":\"");
    write_text(writer, providers[token->provider].text);
    write_text(writer, "\",\"token\":\"");
    write_slice(writer, token->token);
    write_text(writer, "\"}");
}

/* ---- comparison */

bool device_token_equal(const struct device_token *a, const struct device_token *b) {
    return a->provider == b->provider && slice_equal(a->token, b->token) &&
           strcmp(a->web.host.text, b->web.host.text) == 0 && a->web.port == b->web.port &&
           slice_equal(a->web.path, b->web.path) &&
           memcmp(a->web.receiver.auth, b->web.receiver.auth, sizeof a->web.receiver.auth) == 0 &&
           memcmp(a->web.receiver.point, b->web.receiver.point, sizeof a->web.receiver.point) == 0;
}

bool device_token_in_path(const struct device_token *token) {
    for (size_t i = 0; i < token->token.length; i++) {
        uint8_t byte = token->token.bytes[i], lower = byte | 0x20;
        if (!((lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_'))
            return false;
    }
    return token->provider != PUSH_WEB && token->token.length > 0;
}
