/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random peers of a router, each a thread of its own over real TLS, and their accounts: what was accepted by each queue
 * and what came out of it. A broken promise of the router ends the program. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "queues/base/thread.h"
#include "test/support/queue_ledger.h"
#include "test/support/router_fixture.h"

enum {
    STRESS_QUEUES = 24,
    STRESS_SENDERS = 2,
    STRESS_RECIPIENTS = 2,
    STRESS_CONNECTIONS = 3,
    STRESS_QUOTA = 20,
    STRESS_GENERATIONS_MAX = 4096
};

/* A message that one connection has got for one queue, and not acknowledged. */
struct stress_held {
    bool present;
    bool is_marker; /* of the quota */
    uint32_t number;
    uint8_t id[24];
};

/* A queue's place: deleted ones are followed by new ones, the next generation. */
struct stress_place {
    uint32_t index;
    /* both sides */
    pthread_mutex_t lock;
    struct peer_queue queue;
    uint32_t generation;
    bool is_ending;                                   /* DEL is on its way */
    struct number_list ended[STRESS_GENERATIONS_MAX]; /* what was consumed of generations that are gone */
    /* the sender's thread */
    struct number_list accepted; /* of its generation */
    uint32_t sender_generation;
    uint32_t attempts;
    /* the recipient's thread */
    struct number_list consumed; /* of this generation */
    struct stress_held held[STRESS_CONNECTIONS];
    uint32_t floors[STRESS_CONNECTIONS]; /* the last one consumed when the connection last asked for something */
    int holder;                          /* the connection whose subscription it is, as far as can be known */
    uint32_t uncertain;                  /* number whose ACK was sent on a connection that was then closed */
};

struct stress_worker {
    struct stress_run *run;
    struct thread *thread;
    unsigned index;
    uint64_t seed;
    struct peer peers[STRESS_CONNECTIONS];
    struct peer_answer answer;
};

struct stress_run {
    struct router_fixture fixture;
    bool is_expiring; /* messages may expire at any time; queues are not deleted */
    uint64_t end_ms;
    struct stress_place places[STRESS_QUEUES];
    struct stress_worker senders[STRESS_SENDERS];
    struct stress_worker recipients[STRESS_RECIPIENTS];
    _Atomic uint64_t accepted, refused, consumed, deleted, takeovers, reconnects, deletions, uncertain_ends;
};

/* Threads, with a worker as argument, until end_ms. A sender connects by itself; a recipient's peers are connected
 * before, and closed at the end. */
void stress_send(void *worker);
void stress_receive(void *worker);

/* By a recipient's worker while its thread does not run, over its first connection: a place gets its first queue. */
void stress_place_create(struct stress_worker *worker, struct stress_place *place);
/* The same: takes all that is left. */
void stress_place_drain(struct stress_worker *worker, struct stress_place *place);
/* Compares what was accepted with what was consumed, when no thread runs any more, and frees the accounts. */
void stress_place_compare(struct stress_run *run, struct stress_place *place);
