/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The room for chunks that the operator allows. */
#include "stores/xftp/quota.h"

void file_quota_begin(struct file_quota *quota, uint64_t limit, uint64_t used) {
    quota->limit = limit;
    atomic_init(&quota->used, used);
}

bool file_quota_claim(struct file_quota *quota, uint32_t size) {
    uint64_t used = atomic_load_explicit(&quota->used, memory_order_relaxed);
    do
        if (used > quota->limit || size > quota->limit - used)
            return false;
    while (!atomic_compare_exchange_weak_explicit(&quota->used, &used, used + size, memory_order_relaxed,
                                                  memory_order_relaxed));
    return true;
}

void file_quota_give_back(struct file_quota *quota, uint32_t size) {
    atomic_fetch_sub_explicit(&quota->used, size, memory_order_relaxed);
}

uint64_t file_quota_used(const struct file_quota *quota) {
    return atomic_load_explicit(&quota->used, memory_order_relaxed);
}
