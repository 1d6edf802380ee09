/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses are in a table with a keyed hash. One without connections is remembered until its rate allows a full burst
 * again, so that leaving is no way to begin anew; the oldest of these are looked at with each newcomer. */
#include "actors/net/admission.h"

#include <netinet/in.h>
#include <string.h>

#include <sodium.h>

#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "queues/mailbox.h" /* caa_container_of */
#include "queues/token_bucket.h"

enum {
    KEY_SIZE = ADMISSION_KEY_SIZE,
    TABLE_FIRST = 64,
    FORGOTTEN_A_TIME = 2,
    LEAVING_MAX = 256, /* dropped ones that still hold their descriptors */
    MILLI = 1000,
};

enum place_state { PLACE_NONE, PLACE_HANDSHAKE, PLACE_ESTABLISHED, PLACE_DROPPED };

struct admission_address {
    struct admission_address *next; /* in the table */
    struct ring idle;               /* without connections: in the ring of those, oldest first */
    struct ring handshaking;        /* its places in handshake, oldest first */
    uint32_t connections;
    uint32_t handshakes;
    struct token_bucket newcomers; /* once it is full the address may be forgotten */
    bool is_exempt;
    uint8_t key[KEY_SIZE];
};

struct admission {
    struct ring states[PLACE_DROPPED + 1]; /* places, oldest first */
    size_t counts[PLACE_DROPPED + 1];
    struct ring idle;
    struct admission_address **table;
    size_t table_size; /* a power of two */
    size_t address_count;
    struct token_bucket without_cookie; /* connections that need none */
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

enum smq_result admission_create(struct admission **admission) {
    struct admission *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->table_size = TABLE_FIRST;
    created->table = memory_zalloc(TABLE_FIRST * sizeof(struct admission_address *));
    if (created->table == NULL) {
        memory_free(created);
        return SMQ_ERR_NO_MEMORY;
    }
    random_bytes(created->hash_key, sizeof created->hash_key);
    *admission = created;
    return SMQ_OK;
}

void admission_destroy(struct admission **admission) {
    struct admission *destroyed = *admission;
    *admission = NULL;
    if (destroyed == NULL)
        return;
    for (size_t i = 0; i < destroyed->table_size; i++) {
        while (destroyed->table[i] != NULL) {
            struct admission_address *address = destroyed->table[i];
            CHECK(address->connections == 0);
            destroyed->table[i] = address->next;
            memory_free(address);
        }
    }
    memory_free(destroyed->table);
    memory_free(destroyed);
}

/* ---- addresses */

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* The key of an address: a 4 and the host, or a 6 and the first half. Whether it is one of loopback. */
static bool key_of(const struct net_address *address, uint8_t key[KEY_SIZE]) {
    memset(key, 0, KEY_SIZE);
    uint8_t host[4];
    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &address->storage, sizeof six);
        if (memcmp(six.sin6_addr.s6_addr, mapped_prefix, sizeof mapped_prefix) != 0) {
            key[0] = 6;
            memcpy(key + 1, six.sin6_addr.s6_addr, 8);
            return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
        }
        memcpy(host, six.sin6_addr.s6_addr + sizeof mapped_prefix, sizeof host);
    } else {
        struct sockaddr_in four;
        memcpy(&four, &address->storage, sizeof four);
        memcpy(host, &four.sin_addr, sizeof host);
    }
    key[0] = 4;
    memcpy(key + 1, host, sizeof host);
    return host[0] == 127;
}

bool admission_key_of(const struct net_address *address, const struct net_limits *limits, struct admission_key *key) {
    return !key_of(address, key->bytes) || limits->limit_loopback;
}

static struct admission_address **bucket_of(const struct admission *admission, const uint8_t key[KEY_SIZE]) {
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, key, KEY_SIZE, admission->hash_key);
    return &admission->table[hash & (admission->table_size - 1)];
}

/* Without memory the chains just become longer. */
static void grow(struct admission *admission) {
    size_t old_size = admission->table_size;
    struct admission_address **old = admission->table;
    struct admission_address **grown = memory_zalloc(2 * old_size * sizeof(struct admission_address *));
    if (grown == NULL)
        return;
    admission->table = grown;
    admission->table_size = 2 * old_size;
    for (size_t i = 0; i < old_size; i++) {
        while (old[i] != NULL) {
            struct admission_address *moved = old[i];
            old[i] = moved->next;
            struct admission_address **bucket = bucket_of(admission, moved->key);
            moved->next = *bucket;
            *bucket = moved;
        }
    }
    memory_free(old);
}

static void forget(struct admission *admission, struct admission_address *address) {
    struct admission_address **link = bucket_of(admission, address->key);
    while (*link != address)
        link = &(*link)->next;
    *link = address->next;
    ring_remove(&address->idle);
    admission->address_count--;
    memory_free(address);
}

static void forget_some(struct admission *admission, uint64_t now_ms) {
    for (int i = 0; i < FORGOTTEN_A_TIME && !ring_is_empty(&admission->idle); i++) {
        struct admission_address *oldest =
            caa_container_of(ring_first(&admission->idle), struct admission_address, idle);
        if (token_bucket_full_us(&oldest->newcomers) > now_ms * MILLI)
            break;
        forget(admission, oldest);
    }
}

/* The address, which is made when it is new; NULL: out of memory. */
static struct admission_address *find(struct admission *admission, const struct net_address *from) {
    uint8_t key[KEY_SIZE];
    bool is_loopback = key_of(from, key);
    struct admission_address **bucket = bucket_of(admission, key);
    for (struct admission_address *address = *bucket; address != NULL; address = address->next)
        if (memcmp(address->key, key, KEY_SIZE) == 0)
            return address;
    struct admission_address *made = memory_zalloc(sizeof *made);
    if (made == NULL)
        return NULL;
    memcpy(made->key, key, KEY_SIZE);
    made->is_exempt = is_loopback;
    made->next = *bucket;
    *bucket = made;
    ring_append(&admission->idle, &made->idle);
    if (++admission->address_count > admission->table_size)
        grow(admission);
    return made;
}

/* ---- places */

static struct admission_place *oldest_of(const struct admission *admission, enum place_state state) {
    struct ring *place = ring_first(&admission->states[state]);
    return place == NULL ? NULL : caa_container_of(place, struct admission_place, in_all);
}

static void set_state(struct admission *admission, struct admission_place *place, enum place_state state) {
    struct admission_address *address = place->address;
    if (place->state != PLACE_NONE) {
        ring_remove(&place->in_all);
        admission->counts[place->state]--;
    }
    if (place->state == PLACE_HANDSHAKE) {
        ring_remove(&place->in_address);
        address->handshakes--;
    }
    place->state = (uint8_t)state;
    if (state == PLACE_NONE)
        return;
    ring_append(&admission->states[state], &place->in_all);
    admission->counts[state]++;
    if (state == PLACE_HANDSHAKE) {
        ring_append(&address->handshaking, &place->in_address);
        address->handshakes++;
    }
}

static bool has_reached(size_t count, uint32_t limit) {
    return limit != 0 && count >= limit;
}

bool admission_is_full(const struct admission *admission, const struct net_limits *limits) {
    size_t staying = admission->counts[PLACE_HANDSHAKE] + admission->counts[PLACE_ESTABLISHED];
    if (admission->counts[PLACE_DROPPED] >= LEAVING_MAX)
        return true;
    return has_reached(staying, limits->max_connections) && admission->counts[PLACE_HANDSHAKE] == 0;
}

/* Whom the newcomer takes the place of, if anybody. */
static struct admission_place *find_dropped(const struct admission *admission, const struct net_limits *limits,
                                            const struct admission_address *address, bool is_limited) {
    if (is_limited && has_reached(address->handshakes, limits->address_handshakes))
        return caa_container_of(ring_first(&address->handshaking), struct admission_place, in_address);
    size_t staying = admission->counts[PLACE_HANDSHAKE] + admission->counts[PLACE_ESTABLISHED];
    if (has_reached(admission->counts[PLACE_HANDSHAKE], limits->max_handshakes) ||
        has_reached(staying, limits->max_connections))
        return oldest_of(admission, PLACE_HANDSHAKE);
    return NULL;
}

/* Whether more come, or are half done, than can be taken for honest. */
static bool needs_cookie(struct admission *admission, const struct net_limits *limits,
                         const struct admission_address *address, bool is_limited, uint64_t now_ms) {
    if (has_reached(admission->counts[PLACE_HANDSHAKE], limits->cookie_handshakes) ||
        (is_limited && has_reached(address->handshakes, limits->address_cookie_handshakes)))
        return true;
    const struct token_rate allowed = {limits->cookie_rate, 0};
    return !token_bucket_take(&admission->without_cookie, allowed, now_ms * MILLI, NULL);
}

enum admission_verdict admission_enter(struct admission *admission, const struct net_limits *limits,
                                       const struct net_address *from, uint64_t now_ms, struct admission_place *place,
                                       struct admission_place **dropped) {
    *dropped = NULL;
    forget_some(admission, now_ms);
    struct admission_address *address = find(admission, from);
    if (address == NULL)
        return REFUSED_MEMORY;
    bool is_limited = !address->is_exempt || limits->limit_loopback;
    if (is_limited && has_reached(address->connections - address->handshakes, limits->address_connections))
        return REFUSED_CONNECTIONS;
    const struct token_rate allowed = {limits->address_rate, limits->address_burst};
    if (is_limited && !token_bucket_take(&address->newcomers, allowed, now_ms * MILLI, NULL))
        return REFUSED_RATE;
    *dropped = find_dropped(admission, limits, address, is_limited);
    if (*dropped != NULL)
        set_state(admission, *dropped, PLACE_DROPPED);
    if (address->connections++ == 0)
        ring_remove(&address->idle);
    place->address = address;
    place->needs_cookie = needs_cookie(admission, limits, address, is_limited, now_ms);
    set_state(admission, place, PLACE_HANDSHAKE);
    return ADMITTED;
}

void admission_established(struct admission *admission, struct admission_place *place) {
    if (place->state == PLACE_HANDSHAKE || place->state == PLACE_DROPPED)
        set_state(admission, place, PLACE_ESTABLISHED);
}

void admission_leave(struct admission *admission, struct admission_place *place, uint64_t now_ms) {
    struct admission_address *address = place->address;
    if (place->state == PLACE_NONE)
        return;
    set_state(admission, place, PLACE_NONE);
    place->address = NULL;
    if (--address->connections == 0)
        ring_append(&admission->idle, &address->idle);
    forget_some(admission, now_ms);
}

struct admission_place *admission_any(struct admission *admission) {
    struct admission_place *found = NULL;
    for (int state = PLACE_HANDSHAKE; state <= PLACE_DROPPED && found == NULL; state++)
        found = oldest_of(admission, (enum place_state)state);
    return found;
}

size_t admission_connections(const struct admission *admission) {
    return admission->counts[PLACE_HANDSHAKE] + admission->counts[PLACE_ESTABLISHED] + admission->counts[PLACE_DROPPED];
}

size_t admission_handshakes(const struct admission *admission) {
    return admission->counts[PLACE_HANDSHAKE];
}

size_t admission_addresses(const struct admission *admission) {
    return admission->address_count;
}
