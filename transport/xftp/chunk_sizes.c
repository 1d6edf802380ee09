/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How an encrypted file is cut into chunks. */
#include "transport/xftp/chunk_sizes.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

#define PAYLOAD_MAX ((uint64_t)1 << 62)

const uint32_t xftp_chunk_sizes[XFTP_CHUNK_SIZE_COUNT] = {64 * KIB, 256 * KIB, 1 * MIB, 4 * MIB};

static uint32_t three_quarters(uint32_t size) {
    return size / 4 * 3;
}

/* The larger size: the largest one of which the payload needs more than three quarters, and never the smallest. */
static unsigned large_index(uint64_t payload) {
    unsigned index = XFTP_CHUNK_SIZE_COUNT - 1;
    while (index > 1 && payload <= three_quarters(xftp_chunk_sizes[index]))
        index--;
    return index;
}

enum smq_result xftp_chunk_plan_of(uint64_t payload, struct xftp_chunk_plan *plan) {
    if (payload > PAYLOAD_MAX)
        return SMQ_ERR_TOO_LARGE;
    unsigned index = large_index(payload);
    *plan = (struct xftp_chunk_plan){.large_size = xftp_chunk_sizes[index], .small_size = xftp_chunk_sizes[index - 1]};
    plan->large_count = payload / plan->large_size;
    uint32_t left = (uint32_t)(payload % plan->large_size);
    if (left > three_quarters(plan->large_size))
        plan->large_count++;
    else
        plan->small_count = (uint8_t)((left + plan->small_size - 1) / plan->small_size);
    plan->encrypted_size = plan->large_count * plan->large_size + (uint64_t)plan->small_count * plan->small_size;
    return SMQ_OK;
}

uint64_t xftp_chunk_plan_count(const struct xftp_chunk_plan *plan) {
    return plan->large_count + plan->small_count;
}

uint32_t xftp_chunk_plan_size(const struct xftp_chunk_plan *plan, uint64_t index) {
    if (index < plan->large_count)
        return plan->large_size;
    return index < xftp_chunk_plan_count(plan) ? plan->small_size : 0;
}

uint64_t xftp_chunk_plan_offset(const struct xftp_chunk_plan *plan, uint64_t index) {
    uint64_t large = index < plan->large_count ? index : plan->large_count;
    return large * plan->large_size + (index - large) * plan->small_size;
}

enum smq_result xftp_single_chunk_size(uint64_t payload, uint32_t *size) {
    for (unsigned i = 0; i < XFTP_CHUNK_SIZE_COUNT; i++) {
        if (payload <= xftp_chunk_sizes[i]) {
            *size = xftp_chunk_sizes[i];
            return SMQ_OK;
        }
    }
    return SMQ_ERR_TOO_LARGE;
}
