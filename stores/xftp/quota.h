/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The room for chunks that the operator allows: what chunks have taken, and what uploads under way have claimed. What
 * chunks have is in the store's totals, exact after any crash; claims are forgotten with the process. Any thread. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FILE_QUOTA_NONE UINT64_MAX

struct file_quota {
    uint64_t limit; /* bytes; FILE_QUOTA_NONE: as much as the disk has */
    _Atomic uint64_t used;
};

/* `used`: the chunk_bytes of the store; they may exceed the limit, and then nothing is claimed until they do not. */
void file_quota_begin(struct file_quota *quota, uint64_t limit, uint64_t used);
/* Claims room for an upload; false, with nothing claimed, when there is not enough. */
bool file_quota_claim(struct file_quota *quota, uint32_t size);
/* Gives back what an upload that failed had claimed, or a chunk that is gone had taken. */
void file_quota_give_back(struct file_quota *quota, uint32_t size);
uint64_t file_quota_used(const struct file_quota *quota);
