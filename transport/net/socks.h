/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SOCKS5 as a client speaks it: the text form of a proxy, and the conversation as a codec without I/O (RFC 1928,
 * RFC 1929; reference: Transport/Client.hs, SocksProxyWithAuth; Client.hs, clientSocksCredentials). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/wire/host.h"

enum {
    SOCKS_DEFAULT_PORT = 9050,
    SOCKS_CREDENTIAL_MAX = 255,
    SOCKS_ISOLATION_USER_LENGTH = 44, /* base64 of a SHA-256 */
    SOCKS_MESSAGE_MAX = 520,          /* the longest message of ours or of a proxy */
};

/* User name and password, either may be empty. Secret when fixed: wiped with socks_credentials_wipe. */
struct socks_credentials {
    uint8_t user_length;
    uint8_t password_length;
    uint8_t user[SOCKS_CREDENTIAL_MAX];
    uint8_t password[SOCKS_CREDENTIAL_MAX];
};

enum socks_authentication {
    SOCKS_ISOLATE, /* a user name derived from what is to be kept apart, see socks_isolation_credentials */
    SOCKS_NO_AUTHENTICATION,
    SOCKS_FIXED_CREDENTIALS,
};

/* Plain data. */
struct socks_proxy {
    struct host host; /* HOST_IPV4 or HOST_IPV6: the proxy's own name is never looked up */
    uint16_t port;
    enum socks_authentication authentication;
    struct socks_credentials credentials; /* SOCKS_FIXED_CREDENTIALS */
};

/* Parses `[user:password@ or @]host[:port]`; the host is 127.0.0.1 and the port 9050 when absent. SMQ_ERR_SYNTAX; also
 * for a host that is no IP address, and for port 0. */
enum smq_result socks_proxy_parse(struct slice text, struct socks_proxy *proxy);

/* What connections are kept apart by: connections with the same values share a user name, and thus, at Tor, a circuit.
 * Empty parts are left out. */
struct socks_isolation {
    int64_t user_id;
    struct slice session; /* of a session of the program, for instance its start time */
    struct slice server;  /* address text */
    struct slice entity;  /* used only with a server */
};
/* User name: standard base64 of the SHA-256 of "<user id>[:<session>][@<server>[/<entity>]]"; empty password.
 * SMQ_ERR_CRYPTO. */
enum smq_result socks_isolation_credentials(const struct socks_isolation *isolation,
                                            struct socks_credentials *credentials);
void socks_credentials_wipe(struct socks_credentials *credentials);

/* One conversation. Exactly one authentication method is offered: 0 (none) or 2 (user name and password). The driver
 * sends what socks_output shows, tells socks_sent, reads at most socks_wanted bytes, and tells socks_received, until
 * that says SMQ_OK: not one byte is read that belongs to the connection behind the proxy. Not thread-safe. */
struct socks_conversation {
    uint8_t step; /* private from here */
    bool has_credentials;
    uint16_t filled;   /* bytes of the proxy's message that have come */
    uint16_t expected; /* bytes of it that are known to come */
    uint16_t unsent;   /* bytes left of ours */
    uint16_t sent;
    uint8_t reply; /* code of the proxy's last answer */
    uint8_t message[SOCKS_MESSAGE_MAX];
    struct socks_credentials credentials;
    uint16_t port;
    struct host host;
};

/* `credentials` (copied) NULL: none. The destination is given to the proxy as an IPv4 or IPv6 address, or as a name
 * that the proxy resolves. */
void socks_begin(struct socks_conversation *conversation, const struct host *host, uint16_t port,
                 const struct socks_credentials *credentials);
/* Bytes to be sent before anything is read; may be empty. Valid until the next call. */
struct slice socks_output(const struct socks_conversation *conversation);
void socks_sent(struct socks_conversation *conversation, size_t length);
/* How many bytes may be read now, at least 1 when nothing is left to be sent. */
size_t socks_wanted(const struct socks_conversation *conversation);
/* `length` is 1 to socks_wanted. SMQ_OK: connected to the destination; SMQ_ERR_AGAIN: go on; SMQ_ERR_NETWORK: the proxy
 * refused; SMQ_ERR_PROTOCOL: it does not speak SOCKS5. */
enum smq_result socks_received(struct socks_conversation *conversation, const uint8_t *bytes, size_t length);
/* Why the conversation failed, for the log: a constant text without addresses. */
const char *socks_failure_text(const struct socks_conversation *conversation);
/* Wipes the credentials and what was sent of them. */
void socks_end(struct socks_conversation *conversation);
