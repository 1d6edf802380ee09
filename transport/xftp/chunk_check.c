/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Size and digest of a chunk whose bytes come in pieces. */
#include "transport/xftp/chunk_check.h"

#include <string.h>

static enum smq_result fail(struct xftp_error *error, enum xftp_error_code code, enum smq_result result) {
    *error = xftp_error_of(code);
    return result;
}

enum smq_result xftp_chunk_check_begin(struct xftp_chunk_check *check, uint32_t size, struct slice digest) {
    *check = (struct xftp_chunk_check){.left = size, .digest_known = digest.length == XFTP_CHUNK_DIGEST_SIZE};
    if (check->digest_known)
        memcpy(check->digest, digest.bytes, digest.length);
    return hash_stream_open(HASH_SHA256, &check->hash);
}

enum smq_result xftp_chunk_check_add(struct xftp_chunk_check *check, struct slice bytes, struct xftp_error *error) {
    if (bytes.length > check->left)
        return fail(error, XFTP_ERROR_SIZE, SMQ_ERR_PROTOCOL);
    if (bytes.length > 0 && hash_stream_add(check->hash, bytes) != SMQ_OK)
        return fail(error, XFTP_ERROR_INTERNAL, SMQ_ERR_CRYPTO);
    check->left -= (uint32_t)bytes.length;
    return SMQ_OK;
}

enum smq_result xftp_chunk_check_end(struct xftp_chunk_check *check, struct xftp_error *error) {
    uint8_t digest[XFTP_CHUNK_DIGEST_SIZE];
    if (check->left > 0)
        return fail(error, XFTP_ERROR_SIZE, SMQ_ERR_PROTOCOL);
    if (hash_stream_finish(check->hash, digest) != SMQ_OK)
        return fail(error, XFTP_ERROR_INTERNAL, SMQ_ERR_CRYPTO);
    if (!check->digest_known || memcmp(digest, check->digest, sizeof digest) != 0)
        return fail(error, XFTP_ERROR_DIGEST, SMQ_ERR_PROTOCOL);
    return SMQ_OK;
}

void xftp_chunk_check_close(struct xftp_chunk_check *check) {
    hash_stream_close(&check->hash);
}
