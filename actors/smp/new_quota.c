/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Quotas on new queues. */
#include "actors/smp/new_quota.h"

#include <sodium.h>
#include <string.h>

#include "actors/net/admission.h"
#include "actors/net/connection.h"
#include "actors/smp/live.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

enum { SECONDS_AN_HOUR = 3600 };

/* A page of the bitmap. */
#define WORD_BITS   ((size_t)64)
#define PAGE_WORDS  ((size_t)512)
#define PAGE_QUEUES (PAGE_WORDS * WORD_BITS)

void new_quota_init(struct new_quota *quota, const uint8_t key[16]) {
    memset(quota, 0, sizeof *quota);
    memcpy(quota->key, key, sizeof quota->key);
}

void new_quota_clear(struct new_quota *quota) {
    for (size_t i = 0; i < quota->unused.page_count; i++)
        memory_free(quota->unused.pages[i]);
    memory_free(quota->unused.pages);
    quota->unused = (struct unused_queues){.pages = NULL};
}

/* ---- by the hour */

/* A bucket counts tokens by the second: on a clock that is slower by as much, by the hour. */
static bool take(struct token_bucket *bucket, uint32_t an_hour) {
    const struct token_rate rate = {.rate = an_hour, .burst = an_hour};
    return token_bucket_take(bucket, rate, clock_monotonic_us() / SECONDS_AN_HOUR, NULL);
}

static bool take_of_address(struct new_quota *quota, const struct admission_key *address, uint32_t an_hour) {
    uint64_t hash;
    _Static_assert(crypto_shorthash_BYTES == sizeof hash && crypto_shorthash_KEYBYTES == sizeof quota->key, "SipHash");
    (void)crypto_shorthash((unsigned char *)&hash, address->bytes, sizeof address->bytes, quota->key);
    return take(&quota->addresses[hash % NEW_QUOTA_BUCKETS], an_hour) ||
           take(&quota->addresses[(hash >> 32) % NEW_QUOTA_BUCKETS], an_hour);
}

enum new_quota_verdict new_quota_take(struct new_quota *quota, const struct live_settings *live,
                                      const struct connection *connection, bool with_password) {
    const struct admission_key *address = connection_address_key(connection);
    uint64_t unused = live_value(live->unused_queues);
    uint32_t of_address = live_value(live->new_queues_per_address);
    uint32_t of_password = live_value(live->new_queues_per_password);
    if (unused > 0 && unused_queues_count(&quota->unused) >= unused)
        return NEW_QUOTA_UNUSED;
    if (of_address > 0 && address != NULL && !take_of_address(quota, address, of_address / 2 + of_address % 2))
        return NEW_QUOTA_ADDRESS;
    if (of_password > 0 && with_password && !take(&quota->password, of_password))
        return NEW_QUOTA_PASSWORD;
    return NEW_QUOTA_ALLOWED;
}

/* ---- unused queues */

/* The page of a queue that was made in this run, with the place of its bit; NULL: it was not. */
static uint64_t **page_of(const struct unused_queues *unused, uint64_t queue, size_t *bit) {
    uint64_t offset = queue - unused->first;
    if (unused->page_count == 0 || queue < unused->first || offset / PAGE_QUEUES >= unused->page_count)
        return NULL;
    *bit = (size_t)(offset % PAGE_QUEUES);
    return &unused->pages[offset / PAGE_QUEUES];
}

/* Makes room for the numbers up to `queue`. */
static bool extend(struct unused_queues *unused, uint64_t queue) {
    if (unused->page_count == 0)
        unused->first = queue;
    if (queue < unused->first)
        return false;
    uint64_t needed = (queue - unused->first) / PAGE_QUEUES + 1;
    if (needed <= unused->page_count)
        return true;
    uint64_t **pages = memory_resize_array(unused->pages, needed, sizeof *pages);
    if (pages == NULL)
        return false;
    for (size_t i = unused->page_count; i < needed; i++)
        pages[i] = NULL;
    unused->pages = pages;
    unused->page_count = needed;
    return true;
}

void unused_queues_add(struct unused_queues *unused, uint64_t queue) {
    size_t bit = 0;
    if (!extend(unused, queue))
        return;
    uint64_t **page = page_of(unused, queue, &bit);
    if (*page == NULL)
        *page = memory_zalloc_array(PAGE_WORDS, sizeof **page);
    if (*page == NULL)
        return;
    uint64_t mask = UINT64_C(1) << bit % WORD_BITS;
    bool was_there = ((*page)[bit / WORD_BITS] & mask) != 0;
    (*page)[bit / WORD_BITS] |= mask;
    if (!was_there)
        atomic_fetch_add_explicit(&unused->count, 1, memory_order_relaxed);
}

static bool is_empty(const uint64_t *page) {
    for (size_t i = 0; i < PAGE_WORDS; i++)
        if (page[i] != 0)
            return false;
    return true;
}

void unused_queues_remove(struct unused_queues *unused, uint64_t queue) {
    size_t bit = 0;
    uint64_t **page = page_of(unused, queue, &bit);
    if (page == NULL || *page == NULL)
        return;
    uint64_t *word = &(*page)[bit / WORD_BITS];
    uint64_t mask = UINT64_C(1) << bit % WORD_BITS;
    if ((*word & mask) == 0)
        return;
    *word &= ~mask;
    atomic_fetch_sub_explicit(&unused->count, 1, memory_order_relaxed);
    bool is_last = page == &unused->pages[unused->page_count - 1]; /* it is being filled */
    if (*word == 0 && !is_last && is_empty(*page)) {
        memory_free(*page);
        *page = NULL;
    }
}

uint64_t unused_queues_count(const struct unused_queues *unused) {
    return atomic_load_explicit(&unused->count, memory_order_relaxed);
}
