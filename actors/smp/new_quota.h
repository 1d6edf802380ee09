/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How many queues may be made: in an hour from one address and with the password, and how many there may be that nobody
 * has used. What an operator sets is live (struct live_settings); 0 is no limit. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/token_bucket.h"
#include "smq/result.h"

struct connection;
struct live_settings;

/* Buckets of addresses. Each address has two of them, by keyed hashes, and is refused only when both are empty: so a
 * flood from one takes little from another, and however many there are, no memory is allocated. */
#define NEW_QUOTA_BUCKETS ((size_t)1 << 15)

/* Queues of this run that nobody has used, by their numbers, which grow by one: a bit each. Written by the store writer
 * alone; others read the count. */
struct unused_queues {
    uint64_t first;   /* the number of the first bit of the first page */
    uint64_t **pages; /* NULL: none of it is unused */
    size_t page_count;
    _Atomic uint64_t count;
};

struct new_quota {
    uint8_t key[16];
    struct token_bucket addresses[NEW_QUOTA_BUCKETS];
    struct token_bucket password;
    struct unused_queues unused;
};

enum new_quota_verdict {
    NEW_QUOTA_ALLOWED,
    NEW_QUOTA_ADDRESS,  /* its address made too many in the last hour */
    NEW_QUOTA_PASSWORD, /* all who have the password did */
    NEW_QUOTA_UNUSED,   /* too many are unused */
};

/* `key` is random. */
void new_quota_init(struct new_quota *quota, const uint8_t key[16]);
/* Nobody uses it any more. */
void new_quota_clear(struct new_quota *quota);

/* Whether the connection may make a queue now, which counts when it may. `with_password`: one is needed, and was right.
 * An address of loopback is exempt (connection_address_key). Any thread, never blocks. */
enum new_quota_verdict new_quota_take(struct new_quota *quota, const struct live_settings *live,
                                      const struct connection *connection, bool with_password);

/* A queue was made; it was secured, sent to or deleted. The store writer. Out of memory: it does not count. */
void unused_queues_add(struct unused_queues *unused, uint64_t queue);
void unused_queues_remove(struct unused_queues *unused, uint64_t queue);
uint64_t unused_queues_count(const struct unused_queues *unused); /* any thread */
