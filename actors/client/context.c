/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_context: starts and stops the lanes that all clients share. */
#include "actors/client/context.h"
#include "actors/client/options.h"

#include <unistd.h>

#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "transport/crypto/setup.h"

enum {
    CONTEXT_MAGIC = MAGIC('c', 't', 'x', 't'),
    LANES_MAX = 64,
};

void smq_context_options_init_sized(struct smq_context_options *options, size_t size) {
    static const struct smq_context_options defaults = {.receive_lanes = 0};
    options_init(options, size, &defaults, sizeof defaults);
}

static enum smq_result send_lane_start(void *context, unsigned lane, void **lane_state) {
    (void)context;
    (void)lane;
    *lane_state = memory_alloc(sizeof(struct send_lane_state));
    return *lane_state == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
}

static void send_lane_stop(void *lane_state) {
    secret_wipe(lane_state, sizeof(struct send_lane_state));
    memory_free(lane_state);
}

static unsigned lane_count(unsigned wanted) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = wanted != 0 ? wanted : processors > 0 ? (unsigned)processors : 1;
    return count > LANES_MAX ? LANES_MAX : count;
}

struct smq_context *context_reference(struct smq_context *context) {
    MAGIC_CHECK(context, CONTEXT_MAGIC);
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void context_release(struct smq_context *context) {
    if (atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    MAGIC_CLEAR(context);
    for (unsigned i = 0; i < context->lane_count; i++)
        client_lane_destroy(&context->lanes[i]);
    if (context->proxy != NULL)
        context->proxy->free(context->proxy);
    memory_free(context->lanes);
    waker_destroy(&context->ended);
    memory_free(context);
}

uint64_t context_next_number(void) {
    static _Atomic uint64_t numbers;
    return 1 + atomic_fetch_add_explicit(&numbers, 1, memory_order_relaxed);
}

struct process_lane *context_choose_lane(struct smq_context *context, uint64_t *number) {
    *number = context_next_number();
    return &context->lanes[pinning_lane(&context->pinning, *number)];
}

static enum smq_result start_lanes(struct smq_context *context, unsigned count) {
    pinning_init(&context->pinning, count);
    context->lanes = memory_zalloc_array(count, sizeof(struct process_lane));
    if (context->lanes == NULL)
        return SMQ_ERR_NO_MEMORY;
    for (unsigned i = 0; i < count; i++) {
        enum smq_result result = process_lane_init(&context->lanes[i], context, i);
        if (result != SMQ_OK)
            return result;
        context->lane_count = i + 1;
        result = actor_start(context->lanes[i].actor);
        if (result != SMQ_OK)
            return result;
    }
    return SMQ_OK;
}

static void stop_lanes(struct smq_context *context) {
    for (unsigned i = 0; i < context->lane_count; i++)
        actor_stop(context->lanes[i].actor);
    for (unsigned i = 0; i < context->lane_count; i++)
        actor_join(context->lanes[i].actor);
}

enum smq_result smq_context_create(const struct smq_context_options *options, struct smq_context **context) {
    struct smq_context_options chosen;
    smq_context_options_init(&chosen);
    if (context == NULL || !options_take(&chosen, OPTIONS_END(struct smq_context_options, dns_servers), options))
        return SMQ_ERR_INVALID;
    enum smq_result result = base_setup();
    if (result == SMQ_OK)
        result = crypto_setup();
    if (result != SMQ_OK)
        return result;
    struct smq_context *made = memory_zalloc(sizeof(*made));
    if (made == NULL)
        return SMQ_ERR_NO_MEMORY;
    atomic_init(&made->references, 1);
    waker_init_futex(&made->ended);
    MAGIC_SET(made, CONTEXT_MAGIC);
    struct net_options net_options = {.receive_lanes = lane_count(chosen.receive_lanes),
                                      .send_lanes = lane_count(chosen.send_lanes),
                                      .block_credit_per_lane = chosen.receive_bytes / BLOCK_SIZE,
                                      .dns_servers = chosen.dns_servers,
                                      .send_lane_start = send_lane_start,
                                      .send_lane_stop = send_lane_stop};
    if (chosen.receive_bytes == 0)
        net_options.block_credit_per_lane = 256;
    result = start_lanes(made, lane_count(chosen.process_lanes));
    if (result == SMQ_OK)
        result = tls_context_create_client(NULL, &made->tls);
    if (result == SMQ_OK)
        result = net_create(&net_options, &made->net);
    if (result != SMQ_OK) {
        stop_lanes(made);
        tls_context_destroy(&made->tls);
        context_release(made);
        return result;
    }
    *context = made;
    return SMQ_OK;
}

/* Closes all clients and waits for their ends, which each lane sees to in the given time. */
static void end_clients(struct smq_context *context, uint32_t limit_ms) {
    atomic_store(&context->lanes_running, context->lane_count);
    for (unsigned i = 0; i < context->lane_count; i++) {
        context->lanes[i].stop_limit_ms = limit_ms;
        CHECK(post_stop(&context->lanes[i]) == SMQ_OK);
    }
    while (atomic_load(&context->lanes_running) > 0)
        (void)waker_wait(&context->ended, -1);
}

void smq_context_destroy_within(struct smq_context **context, uint32_t timeout_ms) {
    if (context == NULL)
        return;
    struct smq_context *destroyed = *context;
    *context = NULL;
    if (!MAGIC_IS(destroyed, CONTEXT_MAGIC) || atomic_exchange(&destroyed->is_destroyed, true))
        return;
    thread_attach();
    end_clients(destroyed, timeout_ms);
    net_destroy(&destroyed->net);
    stop_lanes(destroyed);
    if (destroyed->proxy != NULL)
        destroyed->proxy->destroy(destroyed->proxy);
    tls_context_destroy(&destroyed->tls);
    context_release(destroyed);
}

void smq_context_destroy(struct smq_context **context) {
    smq_context_destroy_within(context, UINT32_MAX);
}

bool context_is_valid(struct smq_context *context) {
    return MAGIC_IS(context, CONTEXT_MAGIC);
}
