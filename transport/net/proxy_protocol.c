/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "transport/net/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum {
    V1_MAX = 107, /* of a line, with its end */
    V1_MIN = 15,  /* "PROXY UNKNOWN" and the end */
    SIGNATURE = 12,
    V2_HEAD = 16,
    VERSION_2 = 2,
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    FAMILY_INET = 0x11, /* over TCP, as the next one */
    FAMILY_INET6 = 0x21,
    INET_BYTES = 12,
    INET6_BYTES = 36,
    PORT_DIGITS = 5,
};

static const uint8_t v1_start[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t v2_start[SIGNATURE] = {13, 10, 13, 10, 0, 13, 10, 'Q', 'U', 'I', 'T', 10};

static bool begins_like(struct slice bytes, const uint8_t *start, size_t length) {
    return memcmp(bytes.bytes, start, bytes.length < length ? bytes.length : length) == 0;
}

static void set_inet(struct proxy_header *header, const uint8_t address[4], uint16_t port) {
    struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&made.sin_addr, address, sizeof made.sin_addr);
    memcpy(&header->source.storage, &made, sizeof made);
    header->source.length = sizeof made;
    header->has_source = true;
}

static void set_inet6(struct proxy_header *header, const uint8_t address[16], uint16_t port) {
    struct sockaddr_in6 made = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&made.sin6_addr, address, sizeof made.sin6_addr);
    memcpy(&header->source.storage, &made, sizeof made);
    header->source.length = sizeof made;
    header->has_source = true;
}

/* ---- version 1: a line of text */

static struct slice next_word(struct reader *reader) {
    struct slice word = read_until(reader, ' ');
    if (reader_left(reader) > 0)
        (void)read_u8(reader);
    return word;
}

static bool parse_port(struct slice word, uint16_t *port) {
    uint32_t value = 0;
    if (word.length == 0 || word.length > PORT_DIGITS)
        return false;
    for (size_t i = 0; i < word.length; i++) {
        if (word.bytes[i] < '0' || word.bytes[i] > '9')
            return false;
        value = value * 10 + (word.bytes[i] - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

static bool parse_address(int family, struct slice word, uint8_t bytes[16]) {
    char text[INET6_ADDRSTRLEN] = "";
    if (word.length == 0 || word.length >= sizeof text)
        return false;
    memcpy(text, word.bytes, word.length);
    return inet_pton(family, text, bytes) == 1;
}

static enum smq_result parse_line(struct slice line, struct proxy_header *header) {
    struct reader reader = reader_of(line);
    uint8_t source[16], destination[16];
    uint16_t port, destination_port;
    struct slice protocol = next_word(&reader);
    if (slice_equal(protocol, slice_of_text("UNKNOWN")))
        return SMQ_OK;
    int family = slice_equal(protocol, slice_of_text("TCP4"))   ? AF_INET
                 : slice_equal(protocol, slice_of_text("TCP6")) ? AF_INET6
                                                                : AF_UNSPEC;
    if (family == AF_UNSPEC || !parse_address(family, next_word(&reader), source) ||
        !parse_address(family, next_word(&reader), destination) || !parse_port(next_word(&reader), &port) ||
        !parse_port(next_word(&reader), &destination_port) || reader_finish(&reader) != SMQ_OK)
        return SMQ_ERR_SYNTAX;
    if (family == AF_INET)
        set_inet(header, source, port);
    else
        set_inet6(header, source, port);
    return SMQ_OK;
}

static enum smq_result parse_v1(struct slice bytes, struct proxy_header *header, size_t *wanted) {
    size_t most = bytes.length < V1_MAX ? bytes.length : V1_MAX;
    const uint8_t *end = memchr(bytes.bytes, '\n', most);
    if (end == NULL && most == V1_MAX)
        return SMQ_ERR_SYNTAX;
    if (end == NULL) {
        *wanted = bytes.length < V1_MIN ? V1_MIN : bytes.length + 1;
        return SMQ_ERR_AGAIN;
    }
    size_t length = (size_t)(end - bytes.bytes);
    if (length < V1_MIN - 1 || bytes.bytes[length - 1] != '\r')
        return SMQ_ERR_SYNTAX;
    header->length = length + 1;
    return parse_line(slice_of(bytes.bytes + sizeof v1_start, length - 1 - sizeof v1_start), header);
}

/* ---- version 2: binary */

static enum smq_result parse_addresses(uint8_t family, struct reader *reader, struct proxy_header *header) {
    if (family == FAMILY_INET) {
        struct slice both = read_bytes(reader, INET_BYTES - 4);
        uint16_t port = read_u16(reader);
        (void)read_u16(reader);
        if (!reader->failed)
            set_inet(header, both.bytes, port);
    } else if (family == FAMILY_INET6) {
        struct slice both = read_bytes(reader, INET6_BYTES - 4);
        uint16_t port = read_u16(reader);
        (void)read_u16(reader);
        if (!reader->failed)
            set_inet6(header, both.bytes, port);
    }
    return reader_status(reader);
}

static enum smq_result parse_v2(struct slice bytes, struct proxy_header *header, size_t *wanted) {
    *wanted = V2_HEAD;
    if (bytes.length < V2_HEAD)
        return SMQ_ERR_AGAIN;
    struct reader reader = reader_of(bytes);
    (void)read_bytes(&reader, SIGNATURE);
    uint8_t command = read_u8(&reader);
    uint8_t family = read_u8(&reader);
    size_t rest = read_u16(&reader);
    header->length = V2_HEAD + rest;
    *wanted = header->length;
    if (command >> 4 != VERSION_2 || (command & 0xf) > COMMAND_PROXY || header->length > PROXY_HEADER_MAX)
        return SMQ_ERR_SYNTAX;
    if (bytes.length < header->length)
        return SMQ_ERR_AGAIN;
    if ((command & 0xf) == COMMAND_LOCAL)
        return SMQ_OK;
    reader = reader_of(slice_of(bytes.bytes + V2_HEAD, rest));
    return parse_addresses(family, &reader, header);
}

enum smq_result proxy_header_parse(struct slice bytes, struct proxy_header *header, size_t *wanted) {
    *header = (struct proxy_header){.length = 0};
    *wanted = V1_MIN;
    if (bytes.length == 0)
        return SMQ_ERR_AGAIN;
    enum smq_result result = SMQ_ERR_SYNTAX;
    if (begins_like(bytes, v1_start, sizeof v1_start))
        result = bytes.length < sizeof v1_start ? SMQ_ERR_AGAIN : parse_v1(bytes, header, wanted);
    else if (begins_like(bytes, v2_start, sizeof v2_start))
        result = parse_v2(bytes, header, wanted);
    return result;
}
