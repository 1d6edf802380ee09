/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whether the bytes of a chunk are as many as were promised, and have the digest that was promised: for a router that
 * receives an upload, and for a client that receives a download. The bytes come in pieces and are not kept. A check
 * belongs to one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/hash.h"
#include "transport/xftp/error.h"
#include "transport/xftp/limits.h"

struct xftp_chunk_check {
    struct hash_stream *hash;
    uint32_t left;     /* bytes to come */
    bool digest_known; /* else no content can have the promised digest, which is of another size */
    uint8_t digest[XFTP_CHUNK_DIGEST_SIZE];
};

/* To be closed with xftp_chunk_check_close. SMQ_ERR_NO_MEMORY, SMQ_ERR_CRYPTO. */
enum smq_result xftp_chunk_check_begin(struct xftp_chunk_check *check, uint32_t size, struct slice digest);
/* The next bytes. SMQ_ERR_PROTOCOL with `error` SIZE when they are more than were promised; SMQ_ERR_CRYPTO with
 * INTERNAL. */
enum smq_result xftp_chunk_check_add(struct xftp_chunk_check *check, struct slice bytes, struct xftp_error *error);
/* After the last bytes: SMQ_ERR_PROTOCOL with `error` SIZE or DIGEST; SMQ_ERR_CRYPTO with INTERNAL. */
enum smq_result xftp_chunk_check_end(struct xftp_chunk_check *check, struct xftp_error *error);
/* At any time after begin, also more than once. */
void xftp_chunk_check_close(struct xftp_chunk_check *check);
