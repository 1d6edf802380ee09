/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Downloads on a disk lane: bytes are read and encrypted as the recipient takes them. */
#include "actors/xftp/disk.h"
#include "actors/xftp/metrics.h"

static void close_download(struct request *request) {
    if (request->is_open) {
        xftp_chunk_encrypt_abort(&request->encryption);
        chunk_download_end(&request->download);
    }
    request->is_open = false;
}

/* A file that is missing or has another size is as if it did not exist. */
static enum smq_result begin(struct xftp_router *router, struct request *request) {
    struct xftp_response response;
    enum smq_result result =
        chunk_download_begin(router->folder, file_id_slice(&request->file), request->size, &request->download);
    if (result != SMQ_OK) {
        request_set_error(request, xftp_error_of(XFTP_ERROR_AUTH));
        return result;
    }
    request->forget = close_download;
    request->is_open = true;
    result = xftp_chunk_offer(&request->client_key, request->size, &request->encryption, &response);
    if (result == SMQ_OK)
        request_set_response(request, &response);
    else
        request_set_error(request, xftp_error_of(XFTP_ERROR_INTERNAL));
    return result;
}

void disk_open(struct xftp_router *router, struct request *request) {
    if (begin(router, request) != SMQ_OK || request->outcome == OUTCOME_GIVE_UP) {
        close_download(request);
    } else {
        request->outcome = OUTCOME_DOWNLOAD;
        counters_add(router->counters, COUNT_FILE_DOWNLOADS, 1);
        active_note(router->statistics->active[ACTIVE_FILES], active_hash(file_id_slice(&request->file)));
    }
    request_return(request);
}

static enum smq_result read_piece(struct request *request, struct piece *piece) {
    size_t length = 0;
    if (!request->is_open)
        return SMQ_ERR_CLOSED;
    enum smq_result result = chunk_download_read(&request->download, piece->bytes, piece->length, &length);
    if (result == SMQ_OK && length != piece->length)
        result = SMQ_ERR_INTERNAL;
    if (result == SMQ_OK)
        result = xftp_chunk_encrypt(&request->encryption, slice_of(piece->bytes, length), piece->bytes);
    if (result != SMQ_OK || !piece->is_last)
        return result;
    piece->length += BOX_TAG_SIZE;
    return xftp_chunk_encrypt_end(&request->encryption, piece->bytes + length);
}

void disk_read(struct piece *piece) {
    struct request *request = piece->request;
    piece->result = read_piece(request, piece);
    if (piece->result != SMQ_OK || piece->is_last)
        close_download(request);
    piece_return(piece);
}

void disk_close(struct request *request) {
    close_download(request);
    xftp_request_release(request);
}
