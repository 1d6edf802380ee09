/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names by their text, each in one of three states: it waits for a look-up, is being looked up, or is known. Those that
 * are known are in the order in which they became so, and the oldest give way. A name nobody waits for is finished all
 * the same: c-ares ends single look-ups only by their time. */
#include "actors/net/resolver.h"

#include <ctype.h>
#include <sodium.h>
#include <string.h>

#include "actors/net/dns.h"
#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"

enum { BUCKETS = 1024, MS_PER_S = 1000 };

enum name_state { NAME_WAITS, NAME_IS_ASKED, NAME_IS_KNOWN };

struct name_list {
    struct name *first, *last;
    size_t count;
};

struct name {
    struct dns_query query;
    struct resolver *resolver;
    struct name *bucket_next;
    struct name *next, *previous; /* in the list of its state; none while it is asked */
    enum name_state state;
    struct setup *waiters;
    enum smq_result result; /* when known */
    struct net_address_list *addresses;
    uint64_t until_ms;
    char text[HOST_SIZE];
};

struct resolver {
    struct net *net;
    struct actor *actor;
    struct poller *poller;
    struct dns *dns;
    struct wheel_timer timer;
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct name *buckets[BUCKETS];
    struct name_list waiting, known;
    size_t asked;
};

/* ---- names */

static void list_add(struct name_list *list, struct name *name) {
    name->next = NULL;
    name->previous = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = name;
    list->last = name;
    list->count++;
}

static void list_remove(struct name_list *list, struct name *name) {
    *(name->previous == NULL ? &list->first : &name->previous->next) = name->next;
    *(name->next == NULL ? &list->last : &name->next->previous) = name->previous;
    list->count--;
}

/* One name in one spelling: small letters, without the last dot. SMQ_ERR_NETWORK: it is none. SMQ_ERR_NOT_FOUND: an
 * onion name, which no name server is to hear of. */
static enum smq_result normalise(const char *host, char text[HOST_SIZE]) {
    static const char onion[] = ".onion";
    const size_t onion_length = sizeof onion - 1;
    size_t length = strnlen(host, HOST_SIZE);
    while (length > 0 && host[length - 1] == '.')
        length--;
    if (length == 0 || length >= HOST_SIZE)
        return SMQ_ERR_NETWORK;
    for (size_t i = 0; i < length; i++)
        text[i] = (char)tolower((unsigned char)host[i]);
    text[length] = 0;
    bool is_onion = length >= onion_length && memcmp(text + length - onion_length, onion, onion_length) == 0;
    return is_onion || strcmp(text, onion + 1) == 0 ? SMQ_ERR_NOT_FOUND : SMQ_OK;
}

static struct name **bucket_of(struct resolver *resolver, const char *text) {
    uint64_t hash;
    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "SipHash-2-4");
    (void)crypto_shorthash((unsigned char *)&hash, (const unsigned char *)text, strlen(text), resolver->key);
    return &resolver->buckets[hash % BUCKETS];
}

static struct name *find(struct resolver *resolver, const char *text) {
    struct name *name = *bucket_of(resolver, text);
    while (name != NULL && strcmp(name->text, text) != 0)
        name = name->bucket_next;
    return name;
}

/* It is in no list and has no waiters. */
static void drop(struct name *name) {
    struct name **link = bucket_of(name->resolver, name->text);
    while (*link != name)
        link = &(*link)->bucket_next;
    *link = name->bucket_next;
    memory_free(name->addresses);
    memory_free(name);
}

static void learned(struct dns_query *query, enum smq_result result, struct net_address_list *addresses,
                    uint32_t ttl_s);

static struct name *create(struct resolver *resolver, const char *text) {
    struct name *name = memory_zalloc(sizeof *name);
    if (name == NULL)
        return NULL;
    struct name **bucket = bucket_of(resolver, text);
    name->resolver = resolver;
    name->query.done = learned;
    memcpy(name->text, text, strlen(text));
    name->bucket_next = *bucket;
    *bucket = name;
    name->state = NAME_WAITS;
    list_add(&resolver->waiting, name);
    return name;
}

/* ---- waiters */

static void link_waiter(struct name *name, struct setup *setup) {
    setup->name = name;
    setup->resolver_previous = NULL;
    setup->resolver_next = name->waiters;
    if (name->waiters != NULL)
        name->waiters->resolver_previous = setup;
    name->waiters = setup;
}

static void unlink_waiter(struct setup *setup) {
    CHECK(setup->name != NULL);
    *(setup->resolver_previous == NULL ? &setup->name->waiters : &setup->resolver_previous->resolver_next) =
        setup->resolver_next;
    if (setup->resolver_next != NULL)
        setup->resolver_next->resolver_previous = setup->resolver_previous;
    setup->name = NULL;
}

static enum smq_result copy_addresses(const struct net_address_list *addresses, struct setup *setup) {
    size_t size = sizeof *addresses + addresses->count * sizeof addresses->addresses[0];
    setup->addresses = memory_alloc(size);
    if (setup->addresses == NULL)
        return SMQ_ERR_NO_MEMORY;
    memcpy(setup->addresses, addresses, size);
    for (size_t i = 0; i < addresses->count; i++)
        net_address_set_port(&setup->addresses->addresses[i], setup->port);
    return SMQ_OK;
}

/* Takes over a reference to the connection. */
static void answer(struct setup *setup, enum smq_result result, const struct net_address_list *addresses) {
    struct connection *connection = setup->connection;
    setup->resolve_result = result == SMQ_OK ? copy_addresses(addresses, setup) : result;
    (void)connection_request_receive(connection, RECEIVE_RESOLVED);
    connection_release(connection);
}

static void answer_all(struct name *name) {
    /* For those who connect, a name that does not exist is a host that cannot be reached. */
    enum smq_result result = name->result == SMQ_ERR_NOT_FOUND ? SMQ_ERR_NETWORK : name->result;
    while (name->waiters != NULL) {
        struct setup *setup = name->waiters;
        unlink_waiter(setup);
        answer(setup, result, name->addresses);
    }
}

/* ---- look-ups */

static bool is_fresh(const struct name *name) {
    return name->state == NAME_IS_KNOWN && actor_now_ms(name->resolver->actor) < name->until_ms;
}

/* A name that waits for nobody is not asked for. */
static void ask_for_waiting(struct resolver *resolver) {
    while (resolver->waiting.first != NULL && resolver->asked < RESOLVER_LOOKUPS_MAX) {
        struct name *name = resolver->waiting.first;
        list_remove(&resolver->waiting, name);
        name->state = NAME_IS_ASKED;
        resolver->asked++;
        dns_look_up(resolver->dns, name->text, actor_now_ms(resolver->actor), &name->query);
    }
}

static void learned(struct dns_query *query, enum smq_result result, struct net_address_list *addresses,
                    uint32_t ttl_s) {
    struct name *name = caa_container_of(query, struct name, query);
    struct resolver *resolver = name->resolver;
    bool has_failed = result != SMQ_OK;
    uint64_t life_s = has_failed ? RESOLVER_FAILURE_S : ttl_s < RESOLVER_LIFE_MAX_S ? ttl_s : RESOLVER_LIFE_MAX_S;
    resolver->asked--;
    memory_free(name->addresses);
    name->addresses = addresses;
    name->result = result;
    name->until_ms = actor_now_ms(resolver->actor) + life_s * MS_PER_S;
    name->state = NAME_IS_KNOWN;
    list_add(&resolver->known, name);
    answer_all(name);
    while (resolver->known.count > RESOLVER_NAMES_MAX) {
        struct name *oldest = resolver->known.first;
        list_remove(&resolver->known, oldest);
        drop(oldest);
    }
}

static void look_up(struct resolver *resolver, struct setup *setup) {
    char text[HOST_SIZE];
    struct name *name = NULL;
    enum smq_result result = normalise(setup->host, text);
    if (result == SMQ_OK && atomic_load(&resolver->net->is_stopping))
        result = SMQ_ERR_CANCELLED;
    if (result == SMQ_OK) {
        name = find(resolver, text);
        if (name == NULL)
            name = create(resolver, text);
        result = SMQ_ERR_NO_MEMORY;
    }
    connection_reference(setup->connection);
    if (name == NULL) {
        answer(setup, result, NULL);
        return;
    }
    link_waiter(name, setup);
    if (is_fresh(name)) {
        answer_all(name);
    } else if (name->state == NAME_IS_KNOWN) {
        list_remove(&resolver->known, name);
        name->state = NAME_WAITS;
        list_add(&resolver->waiting, name);
    }
}

static void forget(struct setup *setup) {
    struct name *name = setup->name;
    if (name == NULL)
        return;
    unlink_waiter(setup);
    connection_release(setup->connection);
    if (name->waiters == NULL && name->state == NAME_WAITS) {
        list_remove(&name->resolver->waiting, name);
        drop(name);
    }
}

/* ---- the actor */

static void receive(void *state, struct message *message) {
    struct resolver *resolver = state;
    struct setup *setup = caa_container_of(message, struct setup, resolver.message);
    struct connection *connection = setup->connection;
    uint32_t bits = requests_take(&setup->resolver);
    if ((bits & RESOLVER_FORGET) != 0)
        forget(setup);
    else
        look_up(resolver, setup);
    connection_release(connection);
}

static void timed_out(struct wheel_timer *timer) {
    dns_check_timeouts(caa_container_of(timer, struct resolver, timer)->dns);
}

static void batch_end(void *state) {
    struct resolver *resolver = state;
    ask_for_waiting(resolver);
    int timeout_ms = dns_next_timeout_ms(resolver->dns);
    if (timeout_ms < 0)
        wheel_cancel(actor_wheel(resolver->actor), &resolver->timer);
    else
        wheel_add(actor_wheel(resolver->actor), &resolver->timer, actor_now_ms(resolver->actor) + (uint64_t)timeout_ms);
}

static void wait_for_events(void *state, int timeout_ms) {
    struct resolver *resolver = state;
    const struct poll_event *events;
    size_t count = poller_wait(resolver->poller, timeout_ms, &events);
    for (size_t i = 0; i < count; i++)
        dns_handle_event(resolver->dns, &events[i]);
}

static enum smq_result start(void *state) {
    struct resolver *resolver = state;
    resolver->timer.fire = timed_out;
    return poller_add_waker(resolver->poller, actor_waker(resolver->actor));
}

/* The connections have ended, and their look-ups were forgotten; what is left is of nobody. */
static void stop(void *state) {
    struct resolver *resolver = state;
    wheel_cancel(actor_wheel(resolver->actor), &resolver->timer);
    dns_destroy(&resolver->dns);
    for (size_t i = 0; i < BUCKETS; i++) {
        while (resolver->buckets[i] != NULL) {
            struct name *name = resolver->buckets[i];
            name->result = SMQ_ERR_CANCELLED;
            answer_all(name);
            drop(name);
        }
    }
}

static const struct actor_ops resolver_ops = {.role = "resolver",
                                              .start = start,
                                              .receive = receive,
                                              .batch_end = batch_end,
                                              .stop = stop,
                                              .wait = wait_for_events};

enum smq_result resolver_create(struct net *net, struct resolver **resolver) {
    struct resolver *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->net = net;
    random_bytes(created->key, sizeof created->key);
    enum smq_result result = poller_create(&created->poller);
    if (result == SMQ_OK)
        result = dns_create(&net->options, created->poller, &created->dns);
    if (result == SMQ_OK)
        result = actor_create(&resolver_ops, created, -1, &created->actor);
    if (result != SMQ_OK) {
        resolver_destroy(&created);
        return result;
    }
    *resolver = created;
    net->addresses.resolver = created->actor;
    return SMQ_OK;
}

void resolver_destroy(struct resolver **resolver) {
    struct resolver *destroyed = *resolver;
    *resolver = NULL;
    if (destroyed == NULL)
        return;
    actor_destroy(&destroyed->actor);
    dns_destroy(&destroyed->dns);
    poller_destroy(&destroyed->poller);
    memory_free(destroyed);
}

enum smq_result resolver_look_up(struct connection *connection) {
    connection->setup->asks_resolver = true;
    return requests_post(connection, &connection->setup->resolver, connection->net->addresses.resolver,
                         RESOLVER_LOOK_UP);
}

void resolver_forget(struct connection *connection) {
    struct setup *setup = connection->setup;
    if (setup != NULL && setup->asks_resolver)
        (void)requests_post(connection, &setup->resolver, connection->net->addresses.resolver, RESOLVER_FORGET);
}
