/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Threads of a transfer. The lock is held for the bookkeeping alone, never while a router or a disk is waited for. */
#include "actors/client/xftp/transfer_pool.h"

#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "queues/base/thread.h"

void transfer_pool_count(struct transfer_pool *pool, uint64_t bytes) {
    pool->done += bytes;
    if (pool->options->progress != NULL)
        pool->options->progress(pool->options->context, pool->done, pool->all);
}

/* ---- tries ---- */

static enum smq_result need_connection(struct transfer_worker *worker, const struct server_address *server) {
    const struct xftp_connection_options options = {
        .net = worker->pool->options->net, .tls_context = worker->pool->options->tls_context, .server = *server};
    bool is_there = worker->connection != NULL && !xftp_connection_is_broken(worker->connection) &&
                    server_address_equal(&worker->server, server);
    if (is_there)
        return SMQ_OK;
    xftp_connection_close(&worker->connection);
    worker->server = *server;
    return xftp_connection_open(&options, &worker->connection);
}

/* Whether another try may go better: not after what a router said, but for a session that it has forgotten or an upload
 * that broke off, and not after what is wrong on our side. */
static bool may_mend(enum smq_result result, const struct xftp_error *error) {
    if (result == SMQ_ERR_PROTOCOL)
        return error->code == XFTP_ERROR_SESSION || error->code == XFTP_ERROR_HANDSHAKE ||
               error->code == XFTP_ERROR_TIMEOUT;
    return result == SMQ_ERR_NETWORK || result == SMQ_ERR_TIMEOUT || result == SMQ_ERR_CLOSED ||
           result == SMQ_ERR_TLS || result == SMQ_ERR_CANCELLED;
}

enum smq_result transfer_try(struct transfer_worker *worker, const struct server_address *server,
                             enum smq_result (*attempt)(struct xftp_connection *connection, void *context,
                                                        struct xftp_error *error),
                             void *context, struct xftp_error *error) {
    enum smq_result result = SMQ_ERR_NETWORK;
    for (unsigned i = 0; i < worker->pool->options->tries; i++) {
        *error = xftp_error_of(XFTP_ERROR_NONE);
        result = need_connection(worker, server);
        if (result == SMQ_OK)
            result = attempt(worker->connection, context, error);
        if (result == SMQ_OK || !may_mend(result, error))
            return result;
        xftp_connection_close(&worker->connection);
    }
    return result;
}

enum smq_result transfer_fail(struct transfer_worker *worker, enum smq_result result, struct xftp_error error) {
    struct transfer_pool *pool = worker->pool;
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->failure.result == SMQ_OK)
        pool->failure = (struct transfer_failure){.result = result, .error = error};
    (void)pthread_mutex_unlock(&pool->lock);
    return result;
}

/* ---- threads ---- */

static bool take_item(struct transfer_pool *pool, size_t *index) {
    (void)pthread_mutex_lock(&pool->lock);
    bool is_taken = pool->failure.result == SMQ_OK && pool->next < pool->count;
    if (is_taken)
        *index = pool->next++;
    (void)pthread_mutex_unlock(&pool->lock);
    return is_taken;
}

static void run_worker(void *argument) {
    struct transfer_worker *worker = argument;
    size_t index;
    while (take_item(worker->pool, &index)) {
        enum smq_result result = worker->pool->work(worker, index);
        if (result != SMQ_OK)
            (void)transfer_fail(worker, result, xftp_error_of(XFTP_ERROR_NONE));
    }
    xftp_connection_close(&worker->connection);
}

static enum smq_result start_worker(struct transfer_pool *pool, struct transfer_worker *worker) {
    worker->pool = pool;
    if (pool->room_size > 0 && (worker->room = memory_alloc(pool->room_size)) == NULL)
        return SMQ_ERR_NO_MEMORY;
    return thread_create(&worker->thread, "transfer", run_worker, worker);
}

enum smq_result transfer_pool_run(struct transfer_pool *pool, struct transfer_failure *failure) {
    struct transfer_worker workers[TRANSFER_THREADS_MAX] = {0};
    unsigned threads = pool->options->threads < pool->count ? pool->options->threads : (unsigned)pool->count;
    enum smq_result result = SMQ_OK;
    pool->failure = (struct transfer_failure){.result = SMQ_OK};
    (void)pthread_mutex_init(&pool->lock, NULL);
    for (unsigned i = 0; i < threads && i < TRANSFER_THREADS_MAX && result == SMQ_OK; i++)
        result = start_worker(pool, &workers[i]);
    if (result != SMQ_OK) /* fewer will do, but none will not */
        result = workers[0].thread != NULL ? SMQ_OK : result;
    for (unsigned i = 0; i < TRANSFER_THREADS_MAX; i++) {
        thread_join(&workers[i].thread);
        memory_free(workers[i].room);
    }
    (void)pthread_mutex_destroy(&pool->lock);
    *failure = pool->failure;
    if (result != SMQ_OK)
        failure->result = result;
    return failure->result;
}
