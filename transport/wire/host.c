/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One host of a server: the kinds are tried in the reference's order. */
#include "transport/wire/host.h"

#include <arpa/inet.h>
#include <string.h>

#include "transport/wire/text.h"

static const char onion_suffix[] = ".onion";

bool host_ends(uint8_t byte) {
    return byte <= ' ' || byte == 0x7f || memchr(":#,;/", byte, 5) != NULL;
}

/* '.' is for the mapped IPv4 addresses that inet_ntop writes. */
static bool in_ipv6(uint8_t byte) {
    static const char characters[] = "0123456789abcdefABCDEF:.";
    return memchr(characters, byte, sizeof characters - 1) != NULL;
}

static void set_text(struct host *host, enum host_kind kind, const void *text, size_t length) {
    host->kind = kind;
    host->length = (uint8_t)length;
    memcpy(host->text, text, length);
    host->text[length] = '\0';
}

/* ---- each kind; false: the text is not one */

static bool parse_ipv4(struct slice text, struct host *host) {
    char canonical[INET_ADDRSTRLEN];
    struct reader reader = reader_of(text);
    struct writer writer = writer_of(canonical, sizeof canonical);
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) {
            read_literal(&reader, ".");
            write_text(&writer, ".");
        }
        write_decimal(&writer, read_decimal(&reader, 255));
    }
    if (reader_finish(&reader) != SMQ_OK)
        return false;
    set_text(host, HOST_IPV4, canonical, writer_length(&writer));
    return true;
}

static bool parse_ipv6(struct slice text, struct host *host) {
    char terminated[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.length >= sizeof terminated)
        return false;
    if (text.length > 0)
        memcpy(terminated, text.bytes, text.length);
    terminated[text.length] = '\0';
    if (inet_pton(AF_INET6, terminated, &address) != 1 ||
        inet_ntop(AF_INET6, &address, terminated, sizeof terminated) == NULL)
        return false;
    set_text(host, HOST_IPV6, terminated, strlen(terminated));
    return true;
}

static bool ends_with_onion(struct slice text) {
    size_t suffix = sizeof onion_suffix - 1;
    return text.length >= suffix && memcmp(text.bytes + text.length - suffix, onion_suffix, suffix) == 0;
}

static bool parse_onion(struct slice text, struct host *host) {
    if (!ends_with_onion(text))
        return false;
    for (size_t i = 0; i < text.length - (sizeof onion_suffix - 1); i++) {
        uint8_t byte = text.bytes[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9')))
            return false;
    }
    set_text(host, HOST_ONION, text.bytes, text.length);
    return true;
}

/* ---- reading */

static void read_bracketed(struct reader *reader, struct host *host) {
    (void)read_u8(reader);
    struct slice inside = read_until(reader, ']');
    read_literal(reader, "]");
    if (reader->failed || !parse_ipv6(inside, host))
        reader_fail(reader);
}

/* Without brackets, an IPv6 address is the longest run of its characters, when that run has a colon and parses. */
static bool read_bare_ipv6(struct reader *reader, struct host *host) {
    size_t length = 0;
    while (length < reader_left(reader) && in_ipv6(reader->position[length]))
        length++;
    if (!parse_ipv6(slice_of(reader->position, length), host))
        return false;
    (void)read_bytes(reader, length);
    return true;
}

void read_host_text(struct reader *reader, struct host *host) {
    *host = (struct host){0};
    if (reader_peek(reader) == '[') {
        read_bracketed(reader, host);
        return;
    }
    if (reader->failed || read_bare_ipv6(reader, host))
        return;
    size_t length = 0;
    while (length < reader_left(reader) && !host_ends(reader->position[length]))
        length++;
    struct slice text = read_bytes(reader, length);
    if (length == 0 || length > HOST_TEXT_MAX) {
        reader_fail(reader);
        return;
    }
    if (parse_ipv4(text, host) || parse_onion(text, host))
        return;
    if (ends_with_onion(text))
        reader_fail(reader);
    else
        set_text(host, HOST_NAME, text.bytes, length);
}

enum smq_result host_parse(struct slice text, struct host *host) {
    struct reader reader = reader_of(text);
    struct host parsed;
    read_host_text(&reader, &parsed);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *host = parsed;
    return result;
}

void read_host(struct reader *reader, struct host *host) {
    *host = (struct host){0};
    struct slice text = read_short(reader);
    if (!reader->failed && host_parse(text, host) != SMQ_OK)
        reader_fail(reader);
}
