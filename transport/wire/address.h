/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Server addresses, in text and in binary (reference: Protocol.hs, ProtocolServer; Agent/Protocol.hs,
 * extraSMPServerHosts). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/wire/host.h"

enum {
    KEY_HASH_SIZE = 32,
    ADDRESS_HOSTS_MAX = 16,        /* more than any address in use has; longer lists are refused with a syntax error */
    ADDRESS_HOSTS_TEXT_MAX = 1024, /* bytes of all hosts with their terminating zeroes */
    PASSWORD_MAX = 255,
    ADDRESS_TEXT_MAX = 1536, /* room for any address in text, with its password */
    SMP_DEFAULT_PORT = 5223,
};

enum address_scheme {
    ADDRESS_SMP,
    ADDRESS_NTF,
    ADDRESS_XFTP,
};

/* The scheme's name, as in "smp". Never NULL. */
const char *address_scheme_text(enum address_scheme scheme);

/* Plain data, copied by assignment. */
struct server_address {
    enum address_scheme scheme;
    uint8_t host_count;              /* at least 1 after parsing; the first host is the primary one */
    uint16_t port;                   /* 0: the protocol's default */
    bool has_key_hash;               /* addresses always have it; only servers inside short links may lack it */
    uint8_t key_hash[KEY_HASH_SIZE]; /* SHA-256 of the identity certificate */
    uint16_t host_offsets[ADDRESS_HOSTS_MAX]; /* into hosts_text */
    char hosts_text[ADDRESS_HOSTS_TEXT_MAX];  /* zero-terminated host after host */
};

/* A password ("basic auth"): a secret, to be wiped with password_wipe. length 0: none. */
struct password {
    uint8_t length;
    char bytes[PASSWORD_MAX];
};

/* The host with this index, zero-terminated, borrowed from the address. */
const char *server_address_host(const struct server_address *address, size_t index);
/* Its kind. */
enum host_kind server_address_host_kind(const struct server_address *address, size_t index);
/* SMQ_ERR_TOO_LARGE when the address has no room for another host. For building: start from a zeroed struct. */
enum smq_result server_address_add_host(struct server_address *address, const struct host *host);
/* Equal hosts and ports; the key hash is not compared (reference: sameSrvAddr). */
bool server_address_same(const struct server_address *a, const struct server_address *b);
/* Equal in every part but the password, which is none of it. */
bool server_address_equal(const struct server_address *a, const struct server_address *b);
/* Port to connect to. */
uint16_t server_address_port(const struct server_address *address, uint16_t default_port);

/* "smp://<key hash>@<host>{,<host>}[:<port>]". Fails when there is a password. */
enum smq_result server_address_parse(struct slice text, enum address_scheme scheme, struct server_address *address);
/* The same with an optional ":<password>" after the key hash; `password->length` is 0 when there is none. */
enum smq_result server_address_parse_with_password(struct slice text, enum address_scheme scheme,
                                                   struct server_address *address, struct password *password);
/* Takes an address without password off the front of a text. Queue URIs go on after it. */
void read_server_address_text(struct reader *reader, enum address_scheme scheme, struct server_address *address);
/* `password` may be NULL or empty. `hosts` limits how many hosts are written (legacy queue URIs: 1); 0 means all. Fails
 * without a key hash. */
void write_server_address_text(struct writer *writer, const struct server_address *address,
                               const struct password *password, size_t hosts);
/* Hosts joined with commas, from index `first` on; IPv6 in brackets when `brackets`. */
void write_hosts_text(struct writer *writer, const struct server_address *address, size_t first, bool brackets);
/* Takes one or more comma-separated hosts off the front of a text and adds them to `address`. */
void read_hosts_text(struct reader *reader, struct server_address *address);

/* Binary: list of hosts, port as a short string of digits, key hash as a short string (32 bytes, or empty inside short
 * links). */
void read_server_address(struct reader *reader, enum address_scheme scheme, struct server_address *address);
void write_server_address(struct writer *writer, const struct server_address *address);
/* Binary of SMP client version 1: a single host instead of the list. Reading adds the onion host that six historic
 * servers are known to have. */
void read_server_address_legacy(struct reader *reader, struct server_address *address);
void write_server_address_legacy(struct writer *writer, const struct server_address *address);
/* Adds that onion host when the address has exactly one host and it is one of the six. */
void server_address_add_known_onion(struct server_address *address);

/* Printable, no space, none of '@' ':' '/'; 1 to 255 bytes. */
bool password_valid(struct slice text);
/* A short string that holds one; it may be empty. The reader fails on other characters. */
struct slice read_password(struct reader *reader);
enum smq_result password_parse(struct slice text, struct password *password);
/* Constant time in the bytes; the lengths may differ. */
bool password_equal(const struct password *expected, struct slice given);
void password_wipe(struct password *password);
