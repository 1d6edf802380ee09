/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HAProxy's PROXY protocol, versions 1 and 2: what a proxy says, before all else, of whom it connects for. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "queues/base/cursor.h"
#include "transport/net/address.h"

enum { PROXY_HEADER_MAX = 2048 }; /* bytes, with the fields of version 2 that are skipped; a longer one is refused */

struct proxy_header {
    size_t length;             /* bytes that it has; what follows is the client's */
    bool has_source;           /* false: the proxy speaks for itself, or does not know */
    struct net_address source; /* of the client, with its port */
};

/* Parses what has come so far. SMQ_OK: the header is there. SMQ_ERR_AGAIN: more is needed, `*wanted` bytes at least in
 * all. SMQ_ERR_SYNTAX: this is no header. */
enum smq_result proxy_header_parse(struct slice bytes, struct proxy_header *header, size_t *wanted);
