/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Uploads on a disk lane: bytes are hashed and written as they come; when all have come and are the ones that were
 * announced, they are made durable under the chunk's name, then the store is told, then the sender. */
#include "actors/xftp/disk.h"
#include "actors/xftp/metrics.h"
#include "actors/xftp/post.h"

/* ---- pieces ---- */

static void close_upload(struct request *request) {
    if (request->is_open) {
        xftp_chunk_check_close(&request->check);
        chunk_upload_abandon(&request->upload); /* nothing, after it was kept */
    }
    request->is_open = false;
}

static enum smq_result begin(struct xftp_router *router, struct request *request) {
    enum smq_result result =
        xftp_chunk_check_begin(&request->check, request->size, slice_of(request->digest, request->digest_length));
    if (result != SMQ_OK)
        return result;
    result = chunk_upload_begin(router->folder, &request->upload);
    if (result != SMQ_OK) {
        xftp_chunk_check_close(&request->check);
        return result;
    }
    request->forget = close_upload;
    request->is_open = true;
    return SMQ_OK;
}

static enum smq_result write_piece(struct xftp_router *router, struct request *request, struct slice bytes) {
    struct xftp_error error;
    enum smq_result result = request->write_result;
    if (result == SMQ_OK && !request->is_open)
        result = begin(router, request);
    if (result == SMQ_OK)
        result = xftp_chunk_check_add(&request->check, bytes, &error);
    if (result == SMQ_OK)
        result = chunk_upload_write(&request->upload, bytes);
    return result;
}

void disk_write(struct piece *piece) {
    struct request *request = piece->request;
    request->write_result = write_piece(request->session->router, request, slice_of(piece->bytes, piece->length));
    piece->result = request->write_result;
    piece_return(piece);
}

/* ---- the end ---- */

static void give_back_claim(struct xftp_router *router, struct request *request) {
    if (request->has_claim)
        file_quota_give_back(&router->quota, request->size);
    request->has_claim = false;
}

static void fail(struct xftp_router *router, struct request *request, struct xftp_error error) {
    close_upload(request);
    give_back_claim(router, request);
    request_set_error(request, error);
    request_return(request);
}

void disk_abandon(struct xftp_router *router, struct request *request) {
    fail(router, request, request->end_error);
}

static enum smq_result apply_uploaded(struct store_operation *operation, struct store_txn *txn) {
    struct request *request = request_of_change(change_of(operation));
    return file_store_set_uploaded(txn, file_id_slice(&request->file));
}

/* Writer's thread. A chunk that somebody else has uploaded meanwhile has the same bytes, and stays; one whose record is
 * gone or blocked goes. After a failure of the store it stays, too: another upload of it may have been noted. */
static void uploaded_completed(struct store_operation *operation, enum smq_result result) {
    struct request *request = request_of_change(change_of(operation));
    struct xftp_router *router = request->session->router;
    struct xftp_response response = xftp_response_ok();
    if (result == SMQ_OK) {
        request->has_claim = false;
        counters_add(router->counters, COUNT_FILES_UPLOADED, 1);
        request_set_response(request, &response);
        request_return(request);
        return;
    }
    bool is_refused = result == SMQ_ERR_EXISTS || result == SMQ_ERR_NOT_FOUND || result == SMQ_ERR_AUTH;
    give_back_claim(router, request);
    counters_add(router->counters, COUNT_STORE_FAILURES, !is_refused);
    request_set_error(request, xftp_error_of(is_refused ? XFTP_ERROR_AUTH : XFTP_ERROR_INTERNAL));
    bool is_useless = result == SMQ_ERR_NOT_FOUND || result == SMQ_ERR_AUTH;
    if (!is_useless || post_disk_request(request, DISK_REMOVE) != SMQ_OK)
        request_return(request);
}

static struct xftp_error error_of(enum smq_result result) {
    return xftp_error_of(result == SMQ_ERR_CRYPTO || result == SMQ_ERR_NO_MEMORY ? XFTP_ERROR_INTERNAL
                                                                                 : XFTP_ERROR_FILE_IO);
}

/* All bytes have come, unless writing failed. */
static enum smq_result keep(struct request *request, struct xftp_error *error) {
    if (request->write_result != SMQ_OK) {
        *error = error_of(request->write_result);
        return request->write_result;
    }
    enum smq_result result = xftp_chunk_check_end(&request->check, error);
    if (result != SMQ_OK)
        return result;
    result = chunk_upload_keep(&request->upload, file_id_slice(&request->file));
    *error = error_of(result);
    return result;
}

void disk_commit(struct xftp_router *router, struct request *request) {
    struct xftp_error error;
    if (keep(request, &error) != SMQ_OK) {
        fail(router, request, error);
        return;
    }
    close_upload(request);
    request->change.operation =
        (struct store_operation){.apply = apply_uploaded, .completed = uploaded_completed, .grows = false};
    if (post_change(router, &request->change) != SMQ_OK)
        fail(router, request, xftp_error_of(XFTP_ERROR_INTERNAL));
}
