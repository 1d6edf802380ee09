/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One form of a relay's address. */
#include <ctype.h>
#include <string.h>

#include "actors/client/network.h"
#include "actors/proxy/proxy.h"
#include "transport/wire/address.h"

/* SMQ_ERR_SYNTAX: nothing is left of it. */
static enum smq_result simplify(const char *text, struct host *host) {
    char simple[HOST_TEXT_MAX + 1];
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '.')
        length--;
    for (size_t i = 0; i < length; i++)
        simple[i] = (char)tolower((unsigned char)text[i]);
    return host_parse(slice_of(simple, length), host);
}

/* The first host in the alphabet that comes after `previous` (NULL: after none); false: there is none. */
static bool next_host(const struct server_address *listed, const char *previous, struct host *next) {
    bool found = false;
    for (size_t i = 0; i < listed->host_count; i++) {
        struct host host;
        if (simplify(server_address_host(listed, i), &host) != SMQ_OK ||
            (previous != NULL && strcmp(host.text, previous) <= 0) || (found && strcmp(host.text, next->text) >= 0))
            continue;
        *next = host;
        found = true;
    }
    return found;
}

static struct server_address without_hosts(const struct server_address *address) {
    struct server_address copy = {.scheme = address->scheme, .has_key_hash = address->has_key_hash};
    copy.port = address->port == SMP_DEFAULT_PORT ? 0 : address->port;
    memcpy(copy.key_hash, address->key_hash, sizeof copy.key_hash);
    return copy;
}

enum smq_result proxy_relay_address(const struct smq_network *network, const struct server_address *listed,
                                    struct server_address *relay) {
    struct server_address sorted = without_hosts(listed);
    struct host host;
    struct host_choice choice;
    char previous[HOST_TEXT_MAX + 1];
    for (bool more = next_host(listed, NULL, &host); more; more = next_host(listed, previous, &host)) {
        if (server_address_add_host(&sorted, &host) != SMQ_OK)
            return SMQ_ERR_NOT_FOUND;
        memcpy(previous, host.text, sizeof previous);
    }
    if (sorted.host_count == 0)
        return SMQ_ERR_NOT_FOUND;
    enum smq_result result = network_choose(network, &sorted, &choice);
    if (result != SMQ_OK)
        return result;
    *relay = without_hosts(listed);
    result = host_parse(slice_of_text(server_address_host(&sorted, choice.host)), &host);
    return result == SMQ_OK ? server_address_add_host(relay, &host) : result;
}
