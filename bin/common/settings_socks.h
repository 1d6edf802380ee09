/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SOCKS proxy of a router's settings, which may be a name ("localhost:9050", "tor:9050" in a container): the
 * transport takes addresses only, so that it never looks up the proxy that look-ups are to be kept from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smq/result.h"

enum { SETTINGS_SOCKS_TEXT_MAX = 640 };

/* `text` as [user:password@ or @]host[:port], in its parts. Credentials are secret: wiped with it. */
struct settings_socks {
    char credentials[516]; /* with its '@'; empty: none given */
    char host[256];
    bool is_name;  /* else an IP address, or empty */
    char port[16]; /* with its ':'; empty: none given */
};

bool settings_socks_valid(const char *text);
#define SETTINGS_SOCKS "[user:password@ or @]host[:port]"
/* False: it is none. */
bool settings_socks_split(const char *text, struct settings_socks *socks);

/* Writes the same with an address for a name, IPv4 before IPv6, to `resolved` (SETTINGS_SOCKS_TEXT_MAX bytes, a
 * secret). Blocks for the look-up. SMQ_ERR_INVALID; SMQ_ERR_NETWORK with `*reason`: the name has no address. */
enum smq_result settings_socks_resolve(const char *text, char *resolved, const char **reason);
