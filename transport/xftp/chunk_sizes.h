/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How an encrypted file is cut into chunks (reference: FileTransfer/Client.hs, prepareChunkSizes). Pure and re-entrant:
 * any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "smq/result.h"

/* The sizes that routers accept unless told otherwise, ascending. */
enum { XFTP_CHUNK_SIZE_COUNT = 4 };
extern const uint32_t xftp_chunk_sizes[XFTP_CHUNK_SIZE_COUNT];

/* A few chunks of the larger size, then a few of the smaller. */
struct xftp_chunk_plan {
    uint32_t large_size;
    uint32_t small_size;
    uint64_t large_count;
    uint8_t small_count;     /* at most 3 */
    uint64_t encrypted_size; /* the sum: what the encrypted file is filled up to */
};

/* The plan of a file whose encrypted bytes are `payload` before they are filled up (xftp_file_payload). Files above
 * 2^62 bytes are refused with SMQ_ERR_TOO_LARGE; nothing at all gives no chunk. */
enum smq_result xftp_chunk_plan_of(uint64_t payload, struct xftp_chunk_plan *plan);
uint64_t xftp_chunk_plan_count(const struct xftp_chunk_plan *plan);
/* Size of chunk `index`, from 0; 0 when there is none. Its offset in the encrypted file is that of large chunks before
 * small ones: xftp_chunk_plan_offset. */
uint32_t xftp_chunk_plan_size(const struct xftp_chunk_plan *plan, uint64_t index);
uint64_t xftp_chunk_plan_offset(const struct xftp_chunk_plan *plan, uint64_t index);

/* The one chunk that takes all of `payload`: for descriptions that are sent as a file themselves. SMQ_ERR_TOO_LARGE. */
enum smq_result xftp_single_chunk_size(uint64_t payload, uint32_t *size);
