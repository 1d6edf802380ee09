/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Resolution through getaddrinfo, results copied into one allocation. */
#include "transport/net/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "queues/base/memory.h"

enum { HOST_TEXT_SIZE = 256 };

/* Copies `host` without the brackets of an IPv6 literal; false when it does not fit. */
static bool strip_brackets(const char *host, char stripped[HOST_TEXT_SIZE]) {
    size_t length = strlen(host);
    bool bracketed = length >= 2 && host[0] == '[' && host[length - 1] == ']';
    if (bracketed) {
        host++;
        length -= 2;
    }
    if (length == 0 || length >= HOST_TEXT_SIZE)
        return false;
    memcpy(stripped, host, length);
    stripped[length] = 0;
    return true;
}

static enum smq_result copy_list(const struct addrinfo *found, struct net_address_list **list) {
    size_t count = 0;
    for (const struct addrinfo *info = found; info != NULL; info = info->ai_next)
        count += info->ai_addrlen <= sizeof(struct sockaddr_storage);
    if (count == 0)
        return SMQ_ERR_NOT_FOUND;
    struct net_address_list *copy = memory_zalloc(sizeof *copy + count * sizeof copy->addresses[0]);
    if (copy == NULL)
        return SMQ_ERR_NO_MEMORY;
    for (const struct addrinfo *info = found; info != NULL; info = info->ai_next) {
        if (info->ai_addrlen > sizeof(struct sockaddr_storage))
            continue;
        struct net_address *address = &copy->addresses[copy->count++];
        memcpy(&address->storage, info->ai_addr, info->ai_addrlen);
        address->length = info->ai_addrlen;
    }
    *list = copy;
    return SMQ_OK;
}

static enum smq_result result_of(int error) {
    switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return SMQ_ERR_NOT_FOUND;
    case EAI_MEMORY:
        return SMQ_ERR_NO_MEMORY;
    default:
        return SMQ_ERR_NETWORK;
    }
}

enum smq_result net_address_resolve(const char *host, uint16_t port, enum net_resolve how,
                                    struct net_address_list **list) {
    char name[HOST_TEXT_SIZE];
    char service[8];
    if (host != NULL && !strip_brackets(host, name))
        return SMQ_ERR_NOT_FOUND;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (how == NET_RESOLVE_LITERAL)
        hints.ai_flags |= AI_NUMERICHOST;
    if (how == NET_RESOLVE_LISTEN)
        hints.ai_flags |= AI_PASSIVE;
    struct addrinfo *found = NULL;
    int error = getaddrinfo(host == NULL ? NULL : name, service, &hints, &found);
    if (error != 0)
        return result_of(error);
    enum smq_result result = copy_list(found, list);
    freeaddrinfo(found);
    return result;
}

uint16_t net_address_port(const struct net_address *address) {
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

void net_address_set_port(struct net_address *address, uint16_t port) {
    if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address->storage)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&address->storage)->sin_port = htons(port);
}

void net_address_text(const struct net_address *address, char text[NET_ADDRESS_TEXT]) {
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_ipv6 = address->storage.ss_family == AF_INET6;
    if (is_ipv6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, host, sizeof host);
    else
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&address->storage)->sin_addr, host, sizeof host);
    snprintf(text, NET_ADDRESS_TEXT, is_ipv6 ? "[%s]:%u" : "%s:%u", host, (unsigned)net_address_port(address));
}
