/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A SOCKS proxy by name. What is no name is left to the transport's own parser. */
#include "bin/common/settings_socks.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bin/common/settings_checks.h"
#include "queues/base/secret.h"
#include "transport/net/socks.h"

static bool is_proxy(const char *text) {
    struct socks_proxy proxy;
    bool valid = socks_proxy_parse(slice_of_text(text), &proxy) == SMQ_OK;
    socks_credentials_wipe(&proxy.credentials);
    return valid;
}

static bool copy_part(char *part, size_t size, const char *begin, size_t length) {
    if (length >= size)
        return false;
    memcpy(part, begin, length);
    part[length] = '\0';
    return true;
}

/* Whether it would be a proxy with an address in the place of the name. */
static bool is_proxy_with_name(const struct settings_socks *socks) {
    char text[SETTINGS_SOCKS_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%s127.0.0.1%s", socks->credentials, socks->port);
    bool valid = settings_host_valid(socks->host) && is_proxy(text);
    secret_wipe(text, sizeof text);
    return valid;
}

bool settings_socks_split(const char *text, struct settings_socks *socks) {
    const char *at = strchr(text, '@');
    const char *host = at == NULL ? text : at + 1;
    *socks = (struct settings_socks){.is_name = false};
    if (is_proxy(text))
        return true;
    size_t length = strcspn(host, ":");
    socks->is_name = true;
    return copy_part(socks->credentials, sizeof socks->credentials, text, (size_t)(host - text)) &&
           copy_part(socks->host, sizeof socks->host, host, length) &&
           copy_part(socks->port, sizeof socks->port, host + length, strlen(host + length)) &&
           is_proxy_with_name(socks);
}

bool settings_socks_valid(const char *text) {
    struct settings_socks socks;
    bool valid = settings_socks_split(text, &socks);
    secret_wipe(&socks, sizeof socks);
    return valid;
}

static int look_up(const char *name, int family, char address[INET6_ADDRSTRLEN]) {
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(name, NULL, &hints, &found);
    if (status != 0)
        return status;
    const void *bytes = family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr
                            : (const void *)&((const struct sockaddr_in6 *)(const void *)found->ai_addr)->sin6_addr;
    status = inet_ntop(family, bytes, address, INET6_ADDRSTRLEN) == NULL ? EAI_SYSTEM : 0;
    freeaddrinfo(found);
    return status;
}

static enum smq_result resolve(const struct settings_socks *socks, char *resolved, const char **reason) {
    char address[INET6_ADDRSTRLEN];
    bool is_ipv4 = true;
    int status = look_up(socks->host, AF_INET, address);
    if (status != 0) {
        is_ipv4 = false;
        int other = look_up(socks->host, AF_INET6, address);
        if (other != 0) {
            *reason = gai_strerror(status);
            return SMQ_ERR_NETWORK;
        }
    }
    (void)snprintf(resolved, SETTINGS_SOCKS_TEXT_MAX, "%s%s%s%s%s", socks->credentials, is_ipv4 ? "" : "[", address,
                   is_ipv4 ? "" : "]", socks->port);
    return SMQ_OK;
}

enum smq_result settings_socks_resolve(const char *text, char *resolved, const char **reason) {
    struct settings_socks socks;
    enum smq_result result = SMQ_ERR_INVALID;
    *reason = "not a SOCKS proxy";
    if (!settings_socks_split(text, &socks) || strlen(text) >= SETTINGS_SOCKS_TEXT_MAX)
        goto done;
    result = SMQ_OK;
    if (socks.is_name)
        result = resolve(&socks, resolved, reason);
    else
        (void)snprintf(resolved, SETTINGS_SOCKS_TEXT_MAX, "%s", text);
done:
    secret_wipe(&socks, sizeof socks);
    return result;
}
