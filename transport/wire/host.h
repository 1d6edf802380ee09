/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One host of a server: IPv4, IPv6, onion or name (reference: Transport/Client.hs, TransportHost). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum { HOST_TEXT_MAX = 255 };

enum host_kind {
    HOST_IPV4,
    HOST_IPV6,
    HOST_ONION,
    HOST_NAME,
};

/* `text` is the canonical form (IPv6 without brackets), zero-terminated, ready for getaddrinfo. */
struct host {
    enum host_kind kind;
    uint8_t length;
    char text[HOST_TEXT_MAX + 1];
};

/* Whether `byte` cannot be part of a host name: `: # , ; /`, white space, and (unlike the reference) every control
 * character, since none can be resolved and a zero would cut the text. */
bool host_ends(uint8_t byte);

/* Takes one host off the front of a text, up to the first of `: # , ; /`, whitespace or the end; IPv6 may be bracketed,
 * and takes all of its colons when it is not. Fails on an empty host, on a name that ends in .onion but is no onion
 * host, and on names over 255 bytes. */
void read_host_text(struct reader *reader, struct host *host);
/* The whole of `text` is one host; SMQ_ERR_SYNTAX otherwise. */
enum smq_result host_parse(struct slice text, struct host *host);
/* Binary form: a short string that holds the text. */
void read_host(struct reader *reader, struct host *host);
