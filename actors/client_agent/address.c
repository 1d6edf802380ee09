/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses of an agent's routers: in one canonical form, so that one router has one connection. */
#include <string.h>

#include "actors/client_agent/client_agent_private.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

static char *text_of(const struct server_address *server, const struct password *password) {
    char text[ADDRESS_TEXT_MAX + 1];
    struct writer writer = writer_of(text, sizeof(text));
    write_server_address_text(&writer, server, password, 0);
    write_u8(&writer, 0);
    char *copy = writer_finish(&writer) == SMQ_OK ? memory_copy_of_text(text) : NULL;
    secret_wipe(text, sizeof(text));
    return copy;
}

void client_agent_address_free(struct client_agent_address *address) {
    if (address->secret != NULL)
        secret_wipe(address->secret, strlen(address->secret));
    memory_free(address->secret);
    memory_free(address->name);
    *address = (struct client_agent_address){.name = NULL};
}

enum smq_result client_agent_address_of(const struct server_address *server, struct client_agent_address *address) {
    *address = (struct client_agent_address){.name = text_of(server, NULL)};
    return address->name == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

enum smq_result client_agent_address_parse(const char *text, struct client_agent_address *address) {
    struct server_address server;
    struct password password;
    enum smq_result result = server_address_parse_with_password(slice_of_text(text), ADDRESS_SMP, &server, &password);
    if (result != SMQ_OK)
        return result;
    result = client_agent_address_of(&server, address);
    if (result == SMQ_OK && password.length > 0) {
        address->secret = text_of(&server, &password);
        if (address->secret == NULL) {
            client_agent_address_free(address);
            result = SMQ_ERR_NO_MEMORY;
        }
    }
    password_wipe(&password);
    return result;
}

bool client_agent_is_own_server(const char *domains, const char *host) {
    size_t host_length = strlen(host);
    while (*domains != 0) {
        size_t length = strcspn(domains, ", ");
        bool fits = length > 0 && length <= host_length && memcmp(domains, host + host_length - length, length) == 0;
        if (fits && (length == host_length || host[host_length - length - 1] == '.'))
            return true;
        domains += length;
        domains += strspn(domains, ", ");
    }
    return false;
}
