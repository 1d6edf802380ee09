/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Choice of host, port and ALPN. */
#include "transport/net/host_choice.h"

#include <string.h>

enum { WEB_PORT = 443 };

static bool wants_onion(const struct host_policy *policy) {
    switch (policy->host_mode) {
    case HOST_MODE_ONION_VIA_SOCKS:
        return policy->has_socks_proxy;
    case HOST_MODE_ONION:
        return true;
    case HOST_MODE_PUBLIC:
        break;
    }
    return false;
}

static bool is_onion(const struct server_address *address, size_t host) {
    return server_address_host_kind(address, host) == HOST_ONION;
}

static bool ends_with(const char *text, const char *suffix) {
    size_t length = strlen(text), suffix_length = strlen(suffix);
    return length >= suffix_length && memcmp(text + length - suffix_length, suffix, suffix_length) == 0;
}

static bool has_preset_domain(const struct host_policy *policy, const struct server_address *address) {
    if (server_address_host_kind(address, 0) != HOST_NAME)
        return false;
    for (size_t i = 0; i < policy->preset_domain_count; i++)
        if (ends_with(server_address_host(address, 0), policy->preset_domains[i]))
            return true;
    return false;
}

enum smq_result host_choose(const struct host_policy *policy, const struct server_address *address,
                            struct host_choice *choice) {
    bool onion = wants_onion(policy);
    size_t host = 0;
    while (host < address->host_count && is_onion(address, host) != onion)
        host++;
    if (host == address->host_count) {
        if (policy->host_mode_required)
            return SMQ_ERR_NOT_FOUND;
        host = 0;
    }
    bool web =
        policy->web_port == WEB_PORT_ALL || (policy->web_port == WEB_PORT_PRESET && has_preset_domain(policy, address));
    choice->host = host;
    choice->port = server_address_port(address, web ? WEB_PORT : SMP_DEFAULT_PORT);
    choice->alpn = web ? "http/1.1" : "smp/1";
    choice->use_socks = policy->has_socks_proxy && (policy->socks_mode == SOCKS_MODE_ALWAYS || is_onion(address, host));
    return SMQ_OK;
}
