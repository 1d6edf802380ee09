/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The HTTP request that opens a WebSocket, parsed strictly: no folded lines, no bare line ends, no control bytes. */
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "transport/net/websocket.h"
#include "transport/wire/text.h"

enum { KEY_LENGTH = 24, SHA1_SIZE = 20 };

/* What the fields of the request said. */
struct request {
    unsigned hosts;
    unsigned keys;
    unsigned versions;
    bool has_upgrade;
    bool has_connection;
    bool has_body;
    bool has_other_version;
    struct slice key;
};

static bool is_token_byte(uint8_t byte) {
    static const char others[] = "!#$%&'*+-.^_`|~";
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           memchr(others, byte, sizeof others - 1) != NULL;
}

static bool is_value_byte(uint8_t byte) {
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static bool equals(struct slice value, const char *text) {
    return value.length == strlen(text) && strncasecmp((const char *)value.bytes, text, value.length) == 0;
}

static struct slice trim(struct slice value) {
    while (value.length > 0 && (value.bytes[0] == ' ' || value.bytes[0] == '\t'))
        value = slice_of(value.bytes + 1, value.length - 1);
    while (value.length > 0 && (value.bytes[value.length - 1] == ' ' || value.bytes[value.length - 1] == '\t'))
        value.length--;
    return value;
}

/* Whether a comma-separated list has this element. */
static bool has_element(struct slice list, const char *element) {
    struct reader reader = reader_of(list);
    for (;;) {
        if (equals(trim(read_until(&reader, ',')), element))
            return true;
        if (reader_left(&reader) == 0)
            return false;
        (void)read_u8(&reader);
    }
}

static bool is_key(struct slice value) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (value.length != KEY_LENGTH)
        return false;
    for (size_t i = 0; i < KEY_LENGTH - 2; i++)
        if (memchr(letters, value.bytes[i], sizeof letters - 1) == NULL)
            return false;
    /* 16 bytes leave four bits of the last letter unused: they are zero. */
    return memchr("AQgw", value.bytes[KEY_LENGTH - 3], 4) != NULL && value.bytes[KEY_LENGTH - 2] == '=' &&
           value.bytes[KEY_LENGTH - 1] == '=';
}

static void note_field(struct request *request, struct slice name, struct slice value) {
    if (equals(name, "Host")) {
        request->hosts++;
    } else if (equals(name, "Upgrade")) {
        request->has_upgrade = request->has_upgrade || has_element(value, "websocket");
    } else if (equals(name, "Connection")) {
        request->has_connection = request->has_connection || has_element(value, "upgrade");
    } else if (equals(name, "Sec-WebSocket-Key")) {
        request->keys++;
        request->key = value;
    } else if (equals(name, "Sec-WebSocket-Version")) {
        request->versions++;
        request->has_other_version = request->has_other_version || !equals(value, "13");
    } else if (equals(name, "Transfer-Encoding") || (equals(name, "Content-Length") && !equals(value, "0"))) {
        request->has_body = true;
    }
}

/* One line `name: value`, after which the reader stands at its end; fails unless it is one. */
static void read_field(struct reader *reader, struct request *request) {
    struct slice name = read_until(reader, ':');
    read_literal(reader, ":");
    struct slice value = read_until(reader, '\r');
    read_literal(reader, "\r\n");
    bool valid = name.length > 0;
    for (size_t i = 0; valid && i < name.length; i++)
        valid = is_token_byte(name.bytes[i]);
    for (size_t i = 0; valid && i < value.length; i++)
        valid = is_value_byte(value.bytes[i]);
    if (!valid)
        reader_fail(reader);
    else if (!reader->failed)
        note_field(request, name, trim(value));
}

/* NULL: a switch of protocols; else the status line and fields of the refusal. */
static const char *judge(struct slice head, struct request *request) {
    static const char bad_request[] = "400 Bad Request\r\n";
    struct reader reader = reader_of(head);
    struct slice line = read_until(&reader, '\r');
    read_literal(&reader, "\r\n");
    struct reader words = reader_of(line);
    struct slice method = read_until(&words, ' ');
    read_literal(&words, " ");
    struct slice target = read_until(&words, ' ');
    read_literal(&words, " ");
    struct slice version = read_tail(&words);
    if (words.failed || !slice_equal(version, slice_of_text("HTTP/1.1")))
        return bad_request;
    if (!slice_equal(method, slice_of_text("GET")))
        return "405 Method Not Allowed\r\nAllow: GET\r\n";
    while (!reader.failed && reader_left(&reader) > 2)
        read_field(&reader, request);
    read_literal(&reader, "\r\n");
    if (reader_finish(&reader) != SMQ_OK || request->hosts != 1 || request->has_body)
        return bad_request;
    if (!slice_equal(target, slice_of_text("/")))
        return "404 Not Found\r\n";
    if (!request->has_upgrade || !request->has_connection || request->versions == 0 || request->has_other_version)
        return "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    return request->keys == 1 && is_key(request->key) ? NULL : bad_request;
}

static bool write_accept(struct writer *writer, struct slice key) {
    static const char suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t input[KEY_LENGTH + sizeof suffix - 1], digest[SHA1_SIZE];
    memcpy(input, key.bytes, KEY_LENGTH);
    memcpy(input + KEY_LENGTH, suffix, sizeof suffix - 1);
    if (EVP_Digest(input, sizeof input, digest, NULL, EVP_sha1(), NULL) != 1)
        return false;
    write_base64(writer, slice_of(digest, sizeof digest), BASE64_STANDARD);
    return true;
}

enum smq_result websocket_upgrade(struct slice head, uint8_t answer[WEBSOCKET_ANSWER_MAX], size_t *length) {
    struct request request = {0};
    const char *refusal = judge(head, &request);
    struct writer writer = writer_of(answer, WEBSOCKET_ANSWER_MAX);
    write_text(&writer, "HTTP/1.1 ");
    if (refusal == NULL) {
        write_text(&writer, "101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: ");
        if (!write_accept(&writer, request.key))
            return SMQ_ERR_CRYPTO;
        write_text(&writer, "\r\n\r\n");
    } else {
        write_text(&writer, refusal);
        write_text(&writer, "Connection: close\r\nContent-Length: 0\r\n\r\n");
    }
    *length = writer_length(&writer);
    if (writer_finish(&writer) != SMQ_OK)
        return SMQ_ERR_INTERNAL;
    return refusal == NULL ? SMQ_OK : SMQ_ERR_PROTOCOL;
}
