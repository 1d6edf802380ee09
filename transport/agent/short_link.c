/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Short links as users see them. */
#include <string.h>

#include "transport/agent/connection_link.h"

enum { HTTPS_PORT = 443 };

static bool has_host(const struct server_address *server, const char *host) {
    for (size_t i = 0; i < server->host_count; i++)
        if (strcmp(server_address_host(server, i), host) == 0)
            return true;
    return false;
}

/* The preset with the same first host; NULL when there is none. */
static const struct server_address *preset_of(const struct server_address *server, const struct server_address *presets,
                                              size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(server_address_host(&presets[i], 0), server_address_host(server, 0)) == 0)
            return &presets[i];
    return NULL;
}

static bool is_preset(const struct server_address *server, const struct server_address *preset) {
    if (preset == NULL || !server->has_key_hash || !preset->has_key_hash ||
        memcmp(server->key_hash, preset->key_hash, KEY_HASH_SIZE) != 0)
        return false;
    for (size_t i = 0; i < server->host_count; i++)
        if (!has_host(preset, server_address_host(server, i)))
            return false;
    bool usual_port = server->port == HTTPS_PORT || server->port == SMP_DEFAULT_PORT;
    return server->port == preset->port || (preset->port == 0 && usual_port);
}

void short_link_shorten(struct short_link *link, const struct server_address *presets, size_t count) {
    struct server_address *server = &link->server;
    if (!is_preset(server, preset_of(server, presets, count)))
        return;
    server->host_count = 1;
    server->port = 0;
    server->has_key_hash = false;
    memset(server->key_hash, 0, sizeof server->key_hash);
}

void short_link_restore(struct short_link *link, const struct server_address *presets, size_t count) {
    struct server_address *server = &link->server;
    if (server->host_count != 1 || server->port != 0 || server->has_key_hash)
        return;
    const struct server_address *preset = preset_of(server, presets, count);
    if (preset != NULL)
        *server = *preset;
}

bool short_link_same_contact(const struct short_link *a, const struct short_link *b) {
    return a->type != SHORT_LINK_INVITATION && a->type == b->type && server_address_same(&a->server, &b->server) &&
           memcmp(a->link_key, b->link_key, SHORT_LINK_KEY_SIZE) == 0;
}
