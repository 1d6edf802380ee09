/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What transfers have in common: threads that take one item after another, connections that they keep, tries. */
#pragma once

#include <pthread.h>

#include "actors/client/xftp/transfer.h"
#include "actors/client/xftp/xftp_connection.h"

struct transfer_pool;

/* A thread's own. */
struct transfer_worker {
    struct transfer_pool *pool;
    struct thread *thread;
    struct xftp_connection *connection; /* to `server`; NULL: none */
    struct server_address server;
    uint8_t *room; /* of pool->room_size bytes */
};

struct transfer_pool {
    const struct transfer_options *options;
    pthread_mutex_t lock; /* of everything below, and of what the work shares */
    size_t next, count;   /* items */
    uint64_t done, all;   /* bytes */
    struct transfer_failure failure;
    size_t room_size;
    /* Does item `index`; without the lock. Anything but SMQ_OK ends the transfer. */
    enum smq_result (*work)(struct transfer_worker *worker, size_t index);
    void *context;
};

/* Does all items with the threads that the options say. What failed first is in `failure`. */
enum smq_result transfer_pool_run(struct transfer_pool *pool, struct transfer_failure *failure);

/* Counts bytes that are done. With the lock. */
void transfer_pool_count(struct transfer_pool *pool, uint64_t bytes);

/* Runs `attempt` with a connection to `server`, as often as the options say: again after what another connection may
 * mend, not after an error of the router. */
enum smq_result transfer_try(struct transfer_worker *worker, const struct server_address *server,
                             enum smq_result (*attempt)(struct xftp_connection *connection, void *context,
                                                        struct xftp_error *error),
                             void *context, struct xftp_error *error);
/* Remembers why it failed, if it is the first; answers `result`. Without the lock. */
enum smq_result transfer_fail(struct transfer_worker *worker, enum smq_result result, struct xftp_error error);
