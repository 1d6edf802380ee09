/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which host of a server's address to connect to, at which port, with which ALPN, and whether through the SOCKS proxy
 * (reference: Client.hs, chooseTransportHost, transportClientConfig, useWebPort). Pure: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/wire/address.h"

enum host_mode {
    HOST_MODE_ONION_VIA_SOCKS, /* onion with a SOCKS proxy, public without */
    HOST_MODE_ONION,
    HOST_MODE_PUBLIC,
};

enum socks_mode {
    SOCKS_MODE_ALWAYS,
    SOCKS_MODE_ONION, /* only for onion hosts */
};

/* Servers that are connected to at port 443, with the ALPN of web browsers. */
enum web_port_mode {
    WEB_PORT_PRESET, /* those whose first host is a name that ends with one of the preset domains */
    WEB_PORT_ALL,
    WEB_PORT_OFF,
};

struct host_policy {
    enum host_mode host_mode;
    bool host_mode_required; /* fail, rather than take the first host, when the wanted kind is missing */
    bool has_socks_proxy;
    enum socks_mode socks_mode;
    enum web_port_mode web_port;
    const char *const *preset_domains;
    size_t preset_domain_count;
};

struct host_choice {
    size_t host; /* index in the address */
    uint16_t port;
    const char *alpn; /* constant text: "smp/1" or "http/1.1" */
    bool use_socks;
};

/* An address with a port keeps it; the web rule then decides about ALPN only. SMQ_ERR_NOT_FOUND: a host of the required
 * kind is missing. */
enum smq_result host_choose(const struct host_policy *policy, const struct server_address *address,
                            struct host_choice *choice);
