/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Callers that flush and close clients. */
#include "actors/client/flush.h"
#include "actors/client/lane.h"
#include "queues/base/memory.h"
#include "queues/base/thread.h"

enum { WAIT_MARGIN_MS = 10000 }; /* the lane keeps the time; a caller waits so much longer for it, in case it is busy */

static enum smq_result make(struct smq_client *client, uint32_t timeout_ms, bool blocking,
                            struct client_flush **flush) {
    struct client_flush *made = memory_zalloc(sizeof(*made));
    enum smq_result result = made == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
    if (result == SMQ_OK && blocking)
        result = promise_create(NULL, &made->promise);
    if (result != SMQ_OK) {
        memory_free(made);
        return result;
    }
    made->client = client_reference(client);
    made->timeout_ms = timeout_ms;
    *flush = made;
    return SMQ_OK;
}

/* Hands `flush` over; `promise` is the caller's reference to its promise. */
static enum smq_result submit(struct client_flush *flush, struct promise **promise) {
    struct promise *waited = flush->promise;
    enum smq_result result = post_flush(flush);
    if (result != SMQ_OK) {
        flush_free(flush);
        promise_release(&waited);
        return result;
    }
    *promise = waited;
    return SMQ_OK;
}

static enum smq_result await(struct promise **promise, uint32_t timeout_ms) {
    uint64_t wait_ms = (uint64_t)timeout_ms + WAIT_MARGIN_MS;
    void *nothing = NULL;
    enum smq_result result = promise_wait(*promise, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms, &nothing);
    promise_release(promise);
    return result;
}

enum smq_result smq_client_flush(struct smq_client *client, uint32_t timeout_ms, struct smq_error *error) {
    struct client_flush *flush;
    struct promise *promise;
    enum smq_result result = client_is_valid(client) ? SMQ_OK : SMQ_ERR_INVALID;
    if (result == SMQ_OK) {
        thread_attach();
        timeout_ms = timeout_ms != 0 ? timeout_ms : client->options.close_timeout_ms;
        result = make(client, timeout_ms, true, &flush);
    }
    if (result == SMQ_OK)
        result = submit(flush, &promise);
    if (result == SMQ_OK)
        result = await(&promise, timeout_ms);
    if (result != SMQ_OK)
        error_set(error, result, NULL);
    return result;
}

enum smq_result smq_client_flush_async(struct smq_client *client, uint32_t timeout_ms, uint64_t tag) {
    if (!client_is_valid(client) || client->options.events == NULL)
        return SMQ_ERR_INVALID;
    thread_attach();
    struct client_flush *flush;
    enum smq_result result =
        make(client, timeout_ms != 0 ? timeout_ms : client->options.close_timeout_ms, false, &flush);
    if (result != SMQ_OK)
        return result;
    flush->tag = tag;
    result = post_flush(flush);
    if (result != SMQ_OK)
        flush_free(flush);
    return result;
}

enum smq_result client_close_begin(struct smq_client *client, uint32_t timeout_ms, struct promise **end) {
    struct client_flush *flush;
    enum smq_result result = make(client, timeout_ms, true, &flush);
    if (result != SMQ_OK)
        return result;
    flush->closes = true;
    atomic_store_explicit(&client->closing, true, memory_order_release);
    return submit(flush, end);
}

enum smq_result client_close_await(struct promise **end, uint32_t timeout_ms) {
    return await(end, timeout_ms);
}

enum smq_result smq_client_close_within(struct smq_client **client, uint32_t timeout_ms) {
    if (client == NULL || !client_is_valid(*client))
        return SMQ_ERR_INVALID;
    thread_attach();
    struct promise *end;
    enum smq_result result = client_close_begin(*client, timeout_ms, &end);
    if (result == SMQ_OK)
        result = await(&end, timeout_ms);
    smq_client_close(client);
    return result;
}
