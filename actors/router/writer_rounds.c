/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Deficit round robin over sources (fair_queue.h), with a quantum of the writer's own: some operations a round. */
#include "actors/router/writer_rounds.h"

#include "actors/router/writer.h"
#include "queues/base/owner.h"

enum {
    COMMIT_OPERATIONS_MAX = 256,
    COMMIT_BYTES_MAX = 4 * 1024 * 1024, /* one commit of this size stays near 10 ms on an ordinary SSD */
    COMMIT_COST_MAX_US = 10000,
    OPERATION_COST_US = 25, /* about, for a small one */
    BYTES_A_US = 420,       /* as COMMIT_BYTES_MAX in COMMIT_COST_MAX_US */
    QUANTUM_US = 125        /* a round over a hundred connections that ask for all they can is 13 ms */
};

static struct writer_source *source_of(struct fair_member *member) {
    return owner_of(member, struct writer_source, member);
}

static uint32_t cost_us(const struct writer_request *request) {
    return OPERATION_COST_US + request->more_cost_us + (uint32_t)(request->operation.bytes / BYTES_A_US);
}

void writer_rounds_add(struct writer_rounds *rounds, struct writer_request *request) {
    struct writer_source *source = request->source;
    request->next = NULL;
    if (source->first == NULL)
        source->first = request;
    else
        source->last->next = request;
    source->last = request;
    rounds->count++;
    rounds->bytes += request->operation.bytes;
    fair_queue_add(&rounds->sources, &source->member);
}

bool writer_rounds_fill_a_commit(const struct writer_rounds *rounds) {
    return rounds->count >= COMMIT_OPERATIONS_MAX || rounds->bytes >= COMMIT_BYTES_MAX;
}

static struct writer_request *take_first(struct writer_rounds *rounds, struct writer_source *source) {
    struct writer_request *request = source->first;
    source->first = request->next;
    rounds->count--;
    rounds->bytes -= request->operation.bytes;
    return request;
}

/* What one commit takes, while it is gathered. */
struct gathering {
    struct store_batch refused_before, others;
    uint64_t cost_us;
};

static bool is_full(const struct gathering *gathering) {
    return gathering->refused_before.count + gathering->others.count >= COMMIT_OPERATIONS_MAX ||
           gathering->refused_before.bytes + gathering->others.bytes >= COMMIT_BYTES_MAX ||
           gathering->cost_us >= COMMIT_COST_MAX_US;
}

/* Until the source's quantum is used up, or the commit is full. */
static void gather_from(struct writer_rounds *rounds, struct writer_source *source, struct gathering *gathering) {
    bool has_quantum = true;
    while (has_quantum && source->first != NULL && !is_full(gathering)) {
        struct writer_request *request = take_first(rounds, source);
        uint32_t cost = cost_us(request);
        gathering->cost_us += cost;
        has_quantum = fair_member_pay(&source->member, cost * (FAIR_QUANTUM_US / QUANTUM_US));
        store_batch_add(request->again ? &gathering->refused_before : &gathering->others, &request->operation);
    }
    if (source->first != NULL)
        fair_queue_put_back(&rounds->sources, &source->member);
}

void writer_rounds_gather(struct writer_rounds *rounds, struct store_batch *batch) {
    struct gathering gathering = {0};
    struct fair_member *member;
    while (!is_full(&gathering) && (member = fair_queue_take(&rounds->sources)) != NULL)
        gather_from(rounds, source_of(member), &gathering);
    store_batch_append(batch, &gathering.refused_before);
    store_batch_append(batch, &gathering.others);
}

struct writer_request *writer_rounds_take(struct writer_rounds *rounds) {
    struct fair_member *member = fair_queue_take(&rounds->sources);
    if (member == NULL)
        return NULL;
    struct writer_source *source = source_of(member);
    struct writer_request *request = take_first(rounds, source);
    if (source->first != NULL)
        fair_queue_put_back(&rounds->sources, &source->member);
    return request;
}
