/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SOCKS5 conversation: greeting, user name and password when offered, request. Each of the proxy's answers has a
 * head whose length is known, so that reading never goes beyond it. */
#include <arpa/inet.h>
#include <string.h>

#include "queues/base/check.h"
#include "queues/base/secret.h"
#include "transport/net/socks.h"

enum { STEP_METHOD, STEP_LOGIN, STEP_REQUEST, STEP_ADDRESS, STEP_DONE };
enum { VERSION = 5, LOGIN_VERSION = 1, METHOD_NONE = 0, METHOD_LOGIN = 2, METHOD_REFUSED = 0xff };
enum { COMMAND_CONNECT = 1, ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4 };
/* Version, reply, zero, type, and the first byte of the address, which for a name is its length. */
enum { REPLY_HEAD = 5, REPLY_PORT = 2 };

/* Our next message is what `writer` made in `message`; the answer begins with `expected` bytes. */
static void say(struct socks_conversation *conversation, uint8_t step, const struct writer *writer, uint16_t expected) {
    CHECK(writer_finish(writer) == SMQ_OK);
    conversation->step = step;
    conversation->unsent = (uint16_t)writer_length(writer);
    conversation->sent = 0;
    conversation->filled = 0;
    conversation->expected = expected;
}

static struct writer message_writer(struct socks_conversation *conversation) {
    return writer_of(conversation->message, sizeof conversation->message);
}

static void say_greeting(struct socks_conversation *conversation) {
    struct writer writer = message_writer(conversation);
    write_u8(&writer, VERSION);
    write_u8(&writer, 1);
    write_u8(&writer, conversation->has_credentials ? METHOD_LOGIN : METHOD_NONE);
    say(conversation, STEP_METHOD, &writer, 2);
}

static void say_login(struct socks_conversation *conversation) {
    const struct socks_credentials *credentials = &conversation->credentials;
    struct writer writer = message_writer(conversation);
    write_u8(&writer, LOGIN_VERSION);
    write_short(&writer, slice_of(credentials->user, credentials->user_length));
    write_short(&writer, slice_of(credentials->password, credentials->password_length));
    say(conversation, STEP_LOGIN, &writer, 2);
}

static void write_destination(struct writer *writer, const struct host *host) {
    uint8_t address[sizeof(struct in6_addr)];
    if (host->kind == HOST_IPV4 && inet_pton(AF_INET, host->text, address) == 1) {
        write_u8(writer, ADDRESS_IPV4);
        write_bytes(writer, address, sizeof(struct in_addr));
    } else if (host->kind == HOST_IPV6 && inet_pton(AF_INET6, host->text, address) == 1) {
        write_u8(writer, ADDRESS_IPV6);
        write_bytes(writer, address, sizeof(struct in6_addr));
    } else {
        write_u8(writer, ADDRESS_NAME);
        write_short(writer, slice_of(host->text, host->length));
    }
}

static void say_request(struct socks_conversation *conversation) {
    struct writer writer = message_writer(conversation);
    write_u8(&writer, VERSION);
    write_u8(&writer, COMMAND_CONNECT);
    write_u8(&writer, 0);
    write_destination(&writer, &conversation->host);
    write_u16(&writer, conversation->port);
    say(conversation, STEP_REQUEST, &writer, REPLY_HEAD);
}

void socks_begin(struct socks_conversation *conversation, const struct host *host, uint16_t port,
                 const struct socks_credentials *credentials) {
    memset(conversation, 0, sizeof *conversation);
    conversation->host = *host;
    conversation->port = port;
    conversation->has_credentials = credentials != NULL;
    if (credentials != NULL)
        conversation->credentials = *credentials;
    say_greeting(conversation);
}

struct slice socks_output(const struct socks_conversation *conversation) {
    return slice_of(conversation->message + conversation->sent, conversation->unsent);
}

void socks_sent(struct socks_conversation *conversation, size_t length) {
    CHECK(length <= conversation->unsent);
    conversation->sent = (uint16_t)(conversation->sent + length);
    conversation->unsent = (uint16_t)(conversation->unsent - length);
}

size_t socks_wanted(const struct socks_conversation *conversation) {
    return (size_t)(conversation->expected - conversation->filled);
}

static enum smq_result take_method(struct socks_conversation *conversation) {
    uint8_t offered = conversation->has_credentials ? METHOD_LOGIN : METHOD_NONE;
    if (conversation->message[0] != VERSION)
        return SMQ_ERR_PROTOCOL;
    if (conversation->message[1] == METHOD_REFUSED)
        return SMQ_ERR_NETWORK;
    if (conversation->message[1] != offered)
        return SMQ_ERR_PROTOCOL;
    if (offered == METHOD_LOGIN)
        say_login(conversation);
    else
        say_request(conversation);
    return SMQ_ERR_AGAIN;
}

static enum smq_result take_login(struct socks_conversation *conversation) {
    if (conversation->message[0] != LOGIN_VERSION)
        return SMQ_ERR_PROTOCOL;
    if (conversation->message[1] != 0)
        return SMQ_ERR_NETWORK;
    say_request(conversation);
    return SMQ_ERR_AGAIN;
}

/* The head of the answer tells how long the bound address is, which is of no use to us but has to be read. */
static enum smq_result take_reply(struct socks_conversation *conversation) {
    const uint8_t *message = conversation->message;
    if (message[0] != VERSION || message[2] != 0)
        return SMQ_ERR_PROTOCOL;
    conversation->reply = message[1];
    if (conversation->reply != 0)
        return SMQ_ERR_NETWORK;
    size_t address_rest;
    switch (message[3]) {
    case ADDRESS_IPV4:
        address_rest = sizeof(struct in_addr) - 1;
        break;
    case ADDRESS_IPV6:
        address_rest = sizeof(struct in6_addr) - 1;
        break;
    case ADDRESS_NAME:
        address_rest = message[4];
        break;
    default:
        return SMQ_ERR_PROTOCOL;
    }
    conversation->step = STEP_ADDRESS;
    conversation->expected = (uint16_t)(REPLY_HEAD + address_rest + REPLY_PORT);
    return SMQ_ERR_AGAIN;
}

enum smq_result socks_received(struct socks_conversation *conversation, const uint8_t *bytes, size_t length) {
    CHECK(conversation->unsent == 0 && length <= socks_wanted(conversation));
    memcpy(conversation->message + conversation->filled, bytes, length);
    conversation->filled = (uint16_t)(conversation->filled + length);
    if (conversation->filled < conversation->expected)
        return SMQ_ERR_AGAIN;
    switch (conversation->step) {
    case STEP_METHOD:
        return take_method(conversation);
    case STEP_LOGIN:
        return take_login(conversation);
    case STEP_REQUEST:
        return take_reply(conversation);
    default:
        conversation->step = STEP_DONE;
        return SMQ_OK;
    }
}

const char *socks_failure_text(const struct socks_conversation *conversation) {
    static const char *const replies[] = {"the connection ended or is no SOCKS5",
                                          "general failure",
                                          "not allowed by its rules",
                                          "network unreachable",
                                          "host unreachable",
                                          "connection refused",
                                          "time to live expired",
                                          "command not supported",
                                          "address type not supported"};
    size_t known = sizeof replies / sizeof replies[0];
    if (conversation->step == STEP_LOGIN)
        return "user name and password are refused";
    if (conversation->step == STEP_METHOD)
        return "the way of authentication is refused, or it is no SOCKS5 proxy";
    return conversation->reply < known ? replies[conversation->reply] : "unknown failure";
}

void socks_end(struct socks_conversation *conversation) {
    secret_wipe(conversation, sizeof *conversation);
}
