/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A channel of c-ares, its sockets in the actor's poller. When resolv.conf has changed, a new channel takes over the
 * look-ups of the old one. */
#include "actors/net/dns.h"

#include <ares.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "queues/base/memory.h"

enum {
    TIMEOUT_MS = 2000, /* of a server's first chance; c-ares doubles it */
    TRIES = 3,
    SOCKETS_MAX = 64,
    CHANGE_CHECK_MS = 1000,
    MS_PER_S = 1000,
};

struct dns {
    ares_channel channel;
    struct poller *poller;
    const char *servers;     /* instead of those of `resolv_conf`; NULL: those */
    const char *resolv_conf; /* path */
    struct timespec changed; /* resolv.conf, when it was read */
    uint64_t next_check_ms;
    bool is_reloading;
    struct dns_query *interrupted; /* by the reload */
    size_t socket_count;
    ares_socket_t sockets[SOCKETS_MAX]; /* in the poller */
};

/* ---- sockets */

static void *subject_of(ares_socket_t descriptor) {
    return (void *)((uintptr_t)descriptor + 1);
}

static size_t find_socket(const struct dns *dns, ares_socket_t descriptor) {
    size_t i = 0;
    while (i < dns->socket_count && dns->sockets[i] != descriptor)
        i++;
    return i;
}

/* What cannot be polled ends by its time-out. */
static void socket_changed(void *context, ares_socket_t descriptor, int readable, int writable) {
    struct dns *dns = context;
    unsigned events = (readable != 0 ? POLL_READ : POLL_NOTHING) | (writable != 0 ? POLL_WRITE : POLL_NOTHING);
    size_t place = find_socket(dns, descriptor);
    if (place < dns->socket_count && events == POLL_NOTHING) {
        poller_remove(dns->poller, descriptor);
        dns->sockets[place] = dns->sockets[--dns->socket_count];
    } else if (place < dns->socket_count) {
        (void)poller_change(dns->poller, descriptor, events, subject_of(descriptor));
    } else if (events != POLL_NOTHING && place < SOCKETS_MAX &&
               poller_add(dns->poller, descriptor, events, subject_of(descriptor)) == SMQ_OK) {
        dns->sockets[dns->socket_count++] = descriptor;
    }
}

/* The event of a socket that was closed since is of nobody. */
void dns_handle_event(struct dns *dns, const struct poll_event *event) {
    ares_socket_t descriptor = (ares_socket_t)((uintptr_t)event->subject - 1);
    if (find_socket(dns, descriptor) == dns->socket_count)
        return;
    bool readable = (event->events & (POLL_READ | POLL_FAILED)) != 0;
    bool writable = (event->events & (POLL_WRITE | POLL_FAILED)) != 0;
    ares_process_fd(dns->channel, readable ? descriptor : ARES_SOCKET_BAD, writable ? descriptor : ARES_SOCKET_BAD);
}

/* ---- the channel */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

static void start_library(void) {
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static enum smq_result result_of(int status) {
    switch (status) {
    case ARES_SUCCESS:
        return SMQ_OK;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME:
    case ARES_EBADNAME:
        return SMQ_ERR_NOT_FOUND;
    case ARES_ENOMEM:
        return SMQ_ERR_NO_MEMORY;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
        return SMQ_ERR_CANCELLED;
    default:
        return SMQ_ERR_NETWORK;
    }
}

static enum smq_result open_channel(struct dns *dns, ares_channel *channel) {
    char lookups[] = "fb"; /* the hosts file, then servers */
    struct ares_options options = {
        .timeout = TIMEOUT_MS,
        .tries = TRIES,
        .lookups = lookups,
        .sock_state_cb = socket_changed,
        .sock_state_cb_data = dns,
        .resolvconf_path = (char *)(uintptr_t)dns->resolv_conf, /* is copied */
    };
    int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
    int status = ares_init_options(channel, &options, given);
    if (status != ARES_SUCCESS)
        return status == ARES_ENOMEM ? SMQ_ERR_NO_MEMORY : SMQ_ERR_SYSTEM;
    if (dns->servers == NULL)
        return SMQ_OK;
    status = ares_set_servers_ports_csv(*channel, dns->servers);
    if (status == ARES_SUCCESS)
        return SMQ_OK;
    ares_destroy(*channel);
    return status == ARES_ENOMEM ? SMQ_ERR_NO_MEMORY : SMQ_ERR_INVALID;
}

static struct timespec time_of_change(const struct dns *dns) {
    struct stat status;
    return stat(dns->resolv_conf, &status) == 0 ? status.st_mtim : (struct timespec){0};
}

enum smq_result dns_create(const struct net_options *options, struct poller *poller, struct dns **dns) {
    if (pthread_once(&library_once, start_library) != 0 || library_status != ARES_SUCCESS)
        return SMQ_ERR_SYSTEM;
    struct dns *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->poller = poller;
    created->servers = options->dns_servers;
    created->resolv_conf = options->resolv_conf != NULL ? options->resolv_conf : "/etc/resolv.conf";
    created->changed = time_of_change(created);
    enum smq_result result = open_channel(created, &created->channel);
    if (result != SMQ_OK) {
        memory_free(created);
        return result;
    }
    *dns = created;
    return SMQ_OK;
}

void dns_destroy(struct dns **dns) {
    if (*dns == NULL)
        return;
    ares_destroy((*dns)->channel);
    memory_free(*dns);
    *dns = NULL;
}

/* ---- answers */

/* The first of either family in turns, so that a family without a route costs one attempt. */
static size_t take_in_turns(const struct ares_addrinfo *found, struct net_address_list *list) {
    const struct ares_addrinfo_node *next[] = {found->nodes, found->nodes};
    static const int families[] = {AF_INET6, AF_INET};
    for (unsigned turn = 0; list->count < DNS_ADDRESSES_MAX && (next[0] != NULL || next[1] != NULL); turn ^= 1) {
        while (next[turn] != NULL && next[turn]->ai_family != families[turn])
            next[turn] = next[turn]->ai_next;
        const struct ares_addrinfo_node *node = next[turn];
        if (node == NULL)
            continue;
        next[turn] = node->ai_next;
        struct net_address *address = &list->addresses[list->count];
        if (node->ai_addrlen > sizeof address->storage)
            continue;
        memcpy(&address->storage, node->ai_addr, node->ai_addrlen);
        address->length = node->ai_addrlen;
        list->count++;
    }
    return list->count;
}

static uint32_t shortest_life(const struct ares_addrinfo *found) {
    int shortest = INT32_MAX;
    for (const struct ares_addrinfo_node *node = found->nodes; node != NULL; node = node->ai_next)
        shortest = node->ai_ttl < shortest ? node->ai_ttl : shortest;
    for (const struct ares_addrinfo_cname *alias = found->cnames; alias != NULL; alias = alias->next)
        shortest = alias->ttl < shortest ? alias->ttl : shortest;
    return shortest < 0 ? 0 : (uint32_t)shortest;
}

static void answered(void *context, int status, int timeouts, struct ares_addrinfo *found) {
    struct dns_query *query = context;
    struct dns *dns = query->dns;
    (void)timeouts;
    if (status == ARES_EDESTRUCTION && dns->is_reloading) {
        query->next = dns->interrupted;
        dns->interrupted = query;
        return;
    }
    enum smq_result result = result_of(status);
    struct net_address_list *list = NULL;
    uint32_t ttl_s = 0;
    if (result == SMQ_OK) {
        list = memory_zalloc(sizeof *list + DNS_ADDRESSES_MAX * sizeof list->addresses[0]);
        result = list == NULL ? SMQ_ERR_NO_MEMORY : take_in_turns(found, list) == 0 ? SMQ_ERR_NOT_FOUND : SMQ_OK;
        ttl_s = shortest_life(found);
    }
    if (result != SMQ_OK) {
        memory_free(list);
        list = NULL;
    }
    if (found != NULL)
        ares_freeaddrinfo(found);
    query->done(query, result, list, ttl_s);
}

/* Without sorting, for which c-ares would open a socket for each address that a server cares to send. */
static void ask(struct dns_query *query) {
    const struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(query->dns->channel, query->name, NULL, &hints, answered, query);
}

/* A resolv.conf that cannot be read leaves the one before in force. */
static void reload(struct dns *dns) {
    ares_channel channel;
    dns->changed = time_of_change(dns);
    if (open_channel(dns, &channel) != SMQ_OK)
        return;
    dns->is_reloading = true;
    ares_destroy(dns->channel);
    dns->is_reloading = false;
    dns->channel = channel;
    while (dns->interrupted != NULL) {
        struct dns_query *query = dns->interrupted;
        dns->interrupted = query->next;
        ask(query);
    }
}

static void reload_if_changed(struct dns *dns, uint64_t now_ms) {
    if (now_ms < dns->next_check_ms)
        return;
    dns->next_check_ms = now_ms + CHANGE_CHECK_MS;
    struct timespec changed = time_of_change(dns);
    if (changed.tv_sec != dns->changed.tv_sec || changed.tv_nsec != dns->changed.tv_nsec)
        reload(dns);
}

void dns_look_up(struct dns *dns, const char *name, uint64_t now_ms, struct dns_query *query) {
    reload_if_changed(dns, now_ms);
    query->dns = dns;
    query->name = name;
    ask(query);
}

int dns_next_timeout_ms(struct dns *dns) {
    struct timeval left;
    if (ares_timeout(dns->channel, NULL, &left) == NULL)
        return -1;
    return (int)(left.tv_sec * MS_PER_S + left.tv_usec / MS_PER_S + 1);
}

void dns_check_timeouts(struct dns *dns) {
    ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

bool net_dns_servers_valid(const char *servers) {
    struct dns *dns = NULL;
    const struct net_options options = {.dns_servers = servers};
    bool is_valid = dns_create(&options, NULL, &dns) == SMQ_OK;
    dns_destroy(&dns);
    return is_valid;
}
