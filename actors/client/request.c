/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Request: its life, and how callers submit it and wait. */
#include "actors/client/request.h"

#include <string.h>

#include "actors/client/lane.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "queues/base/thread.h"

/* the process lane times out; a caller waits so much longer for it, in case it is busy */
enum { WAIT_MARGIN_MS = 10000 };

struct request *request_create(struct smq_client *client, enum smq_command command, size_t data_size) {
    struct request *request = client_is_valid(client) ? memory_zalloc(client->protocol->request_size) : NULL;
    if (request == NULL)
        return NULL;
    request->data = request->inline_data;
    if (data_size > REQUEST_INLINE_DATA) {
        request->data = memory_alloc(data_size);
        if (request->data == NULL) {
            memory_free(request);
            return NULL;
        }
    }
    atomic_init(&request->references, 1);
    atomic_init(&request->stage, REQUEST_QUEUED);
    request->client = client_reference(client);
    request->command = command;
    client->protocol->request_begin(request);
    return request;
}

struct slice request_copy(struct request *request, struct smq_bytes bytes) {
    uint8_t *copy = request->data + request->data_size;
    if (bytes.length > 0)
        memcpy(copy, bytes.bytes, bytes.length);
    request->data_size += bytes.length;
    return slice_of(copy, bytes.length);
}

static void free_data(struct request *request) {
    if (request->data != request->inline_data) {
        secret_wipe(request->data, request->data_size);
        memory_free(request->data);
        request->data = request->inline_data;
    }
}

void request_drop_data(struct request *request) {
    bool holds_entity = request->entity.length > 0 && request->entity.bytes == request->data;
    if (!holds_entity)
        free_data(request);
}

void request_release(struct request *request) {
    if (atomic_fetch_sub_explicit(&request->references, 1, memory_order_acq_rel) != 1)
        return;
    if (request->owner != NULL)
        request->owner->released(request->owner, request);
    free_data(request);
    request->client->protocol->request_release(request);
    promise_release(&request->promise);
    client_release(request->client);
    memory_free(request);
}

static void discard_answer(void *value) {
    struct smq_batch *batch = value;
    smq_batch_release(&batch);
}
static const struct promise_options answer_options = {.discard = discard_answer};

/* Credit: so many commands without a completion, so many bytes that wait. Blocking callers are few and always
 * admitted. */
static enum smq_result admit(struct smq_client *client, uint32_t count, uint64_t bytes, bool asynchronous) {
    uint32_t commands = atomic_fetch_add_explicit(&client->commands, count, memory_order_relaxed);
    uint64_t unsent = atomic_fetch_add_explicit(&client->unsent_bytes, bytes, memory_order_relaxed);
    if (asynchronous && ((uint64_t)commands + count > client->options.outstanding_max ||
                         unsent + bytes > client->options.unsent_bytes_max)) {
        atomic_fetch_sub_explicit(&client->commands, count, memory_order_relaxed);
        atomic_fetch_sub_explicit(&client->unsent_bytes, bytes, memory_order_relaxed);
        return SMQ_ERR_NO_CREDIT;
    }
    return SMQ_OK;
}

static uint32_t timeout_of(const struct request *request, const struct call *call) {
    const struct smq_client_options *options = &request->client->options;
    if (call->timeout_ms != 0)
        return call->timeout_ms;
    if (request->default_timeout_ms != 0)
        return request->default_timeout_ms;
    return request->client->protocol->rule(request->command)->background ? options->background_timeout_ms
                                                                         : options->command_timeout_ms;
}

static enum smq_result prepare(struct request *request, const struct call *call, uint64_t tag,
                               struct promise **promise) {
    request->timeout_ms = timeout_of(request, call);
    if (call->asynchronous) {
        request->tag = tag;
        return SMQ_OK;
    }
    enum smq_result result = promise_create(&answer_options, &request->promise);
    if (result == SMQ_OK)
        *promise = request->promise; /* the second of its two references */
    return result;
}

/* Hands the requests to the process lane, which owns them afterwards. */
static enum smq_result hand_over(struct smq_client *client, struct request **requests, size_t count) {
    if (count == 1)
        return post_submit(requests[0]);
    struct request_group *group = memory_zalloc(sizeof(*group));
    if (group == NULL)
        return SMQ_ERR_NO_MEMORY;
    group->first = requests[0];
    group->count = count;
    for (size_t i = 0; i < count; i++) {
        requests[i]->batch = true;
        requests[i]->group_next = i + 1 < count ? requests[i + 1] : NULL;
    }
    enum smq_result result = post_submit_many(client, group);
    if (result != SMQ_OK)
        memory_free(group);
    return result;
}

static enum smq_result submit(struct request **requests, size_t count, const struct call *call,
                              struct promise **promises) {
    struct smq_client *client = requests[0]->client;
    bool told = client->options.events != NULL || requests[0]->owner != NULL;
    if (call->asynchronous && !told)
        return SMQ_ERR_INVALID;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        enum smq_result result = prepare(requests[i], call, call->tag + i, &promises[i]);
        if (result != SMQ_OK)
            return result;
        bytes += requests[i]->data_size;
    }
    enum smq_result result = admit(client, (uint32_t)count, bytes, call->asynchronous);
    if (result != SMQ_OK)
        return result;
    result = hand_over(client, requests, count);
    if (result != SMQ_OK) {
        atomic_fetch_sub_explicit(&client->commands, (uint32_t)count, memory_order_relaxed);
        atomic_fetch_sub_explicit(&client->unsent_bytes, bytes, memory_order_relaxed);
    }
    return result;
}

/* Waits for one outcome and takes its event apart. */
static enum smq_result wait_for(struct promise *promise, int timeout_ms, const struct call *call) {
    void *value = NULL;
    enum smq_result result = promise_wait(promise, timeout_ms, &value);
    struct smq_batch *batch = value;
    const struct smq_event *event = batch == NULL ? NULL : smq_batch_event(batch, 0);
    if (result == SMQ_OK && call->answer != NULL) {
        if (batch == NULL) {
            result = SMQ_ERR_NO_MEMORY;
        } else {
            *call->answer = batch;
            return SMQ_OK;
        }
    }
    if (result != SMQ_OK) {
        error_set(call->error, result, event == NULL ? NULL : event->error_text);
        if (call->error != NULL && event != NULL)
            call->error->protocol = event->protocol;
    }
    smq_batch_release(&batch);
    return result;
}

/* Waits for all; the first failure is the result. */
static enum smq_result wait_for_all(struct promise **promises, size_t count, int timeout_ms, const struct call *call,
                                    enum smq_result *results) {
    enum smq_result first = SMQ_OK;
    for (size_t i = 0; i < count; i++) {
        struct call quiet = *call;
        quiet.error = first == SMQ_OK ? call->error : NULL;
        enum smq_result result = wait_for(promises[i], timeout_ms, &quiet);
        first = first == SMQ_OK ? result : first;
        if (results != NULL)
            results[i] = result;
    }
    return first;
}

/* `promises` has room for `count`, all NULL. */
static enum smq_result run(struct request **requests, size_t count, const struct call *call, enum smq_result *results,
                           struct promise **promises) {
    thread_attach();
    uint64_t wait_ms = (uint64_t)timeout_of(requests[0], call) + WAIT_MARGIN_MS;
    enum smq_result result = submit(requests, count, call, promises);
    if (result != SMQ_OK) {
        error_set(call->error, result, NULL);
        for (size_t i = 0; i < count; i++)
            request_release(requests[i]);
    } else if (!call->asynchronous) {
        result = wait_for_all(promises, count, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms, call, results);
    }
    for (size_t i = 0; i < count; i++)
        promise_release(&promises[i]);
    return result;
}

enum smq_result request_run(struct request *request, const struct call *call) {
    struct promise *promise = NULL;
    return run(&request, 1, call, NULL, &promise);
}

enum smq_result request_run_many(struct request **requests, size_t count, const struct call *call,
                                 enum smq_result *results) {
    struct promise **promises = memory_zalloc_array(count, sizeof(struct promise *));
    if (promises == NULL) {
        for (size_t i = 0; i < count; i++)
            request_release(requests[i]);
        error_set(call->error, SMQ_ERR_NO_MEMORY, NULL);
        return SMQ_ERR_NO_MEMORY;
    }
    enum smq_result result = run(requests, count, call, results, promises);
    memory_free(promises);
    return result;
}

void request_ping(struct smq_client *client) {
    struct request *request = request_create(client, client->protocol->ping, 0);
    if (request == NULL)
        return;
    request->internal = true;
    request->timeout_ms = client->options.background_timeout_ms;
    atomic_fetch_add_explicit(&client->commands, 1, memory_order_relaxed);
    if (hand_over(client, &request, 1) != SMQ_OK) {
        atomic_fetch_sub_explicit(&client->commands, 1, memory_order_relaxed);
        request_release(request);
    }
}
