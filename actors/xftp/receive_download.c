/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The body of a download on its receive lane. Pieces are asked of the chunk's disk lane only while the peer takes
 * bytes: one is being sent, and one is on its way. */
#include <string.h>

#include "actors/xftp/post.h"
#include "actors/xftp/receive.h"

enum { PIECE_MIN = 16384 };

static void piece_read(struct connection_task *task);

/* As much as the peer takes now, within bounds. */
static size_t next_size(const struct request *request) {
    size_t window = http_window(request->exchange);
    size_t size = window < PIECE_MIN ? PIECE_MIN : window < PIECE_SIZE ? window : PIECE_SIZE;
    return size < request->to_read ? size : request->to_read;
}

static enum smq_result ask_for_piece(struct request *request) {
    if (request->in_flight > 0 || request->to_read == 0)
        return SMQ_OK;
    size_t size = next_size(request);
    struct piece *piece = piece_create(request, size + BOX_TAG_SIZE, piece_read);
    if (piece == NULL)
        return SMQ_ERR_NO_MEMORY;
    piece->length = size;
    piece->is_last = size == request->to_read;
    request->in_flight++;
    request->to_read -= (uint32_t)size;
    request->end_was_sent |= piece->is_last;
    if (post_disk_piece(piece, DISK_READ) == SMQ_OK)
        return SMQ_OK;
    request->in_flight--;
    piece_destroy(&piece);
    return SMQ_ERR_CLOSED;
}

static void piece_read(struct connection_task *task) {
    struct piece *piece = (struct piece *)(void *)((char *)task - offsetof(struct piece, task));
    struct request *request = piece->request;
    request->in_flight--;
    if (request->is_over) {
        piece_destroy(&piece);
        return;
    }
    if (request->last == NULL)
        request->first = piece;
    else
        request->last->next = piece;
    request->last = piece;
    http_resume(request->exchange);
}

static void drop_first(struct request *request) {
    struct piece *piece = request->first;
    request->first = piece->next;
    if (request->first == NULL)
        request->last = NULL;
    piece_destroy(&piece);
}

enum smq_result receive_download_fill(struct request *request, uint8_t *room, size_t size, size_t *length, bool *last) {
    request_drop_block(request);
    request->answer_sent = 0;
    struct piece *piece = request->first;
    if (piece == NULL || piece->next == NULL) {
        enum smq_result result = ask_for_piece(request);
        if (result != SMQ_OK)
            return result;
    }
    if (piece == NULL)
        return SMQ_ERR_AGAIN;
    if (piece->result != SMQ_OK)
        return piece->result;
    size_t left = piece->length - piece->taken;
    *length = left < size ? left : size;
    memcpy(room, piece->bytes + piece->taken, *length);
    piece->taken += *length;
    *last = piece->is_last && piece->taken == piece->length;
    if (piece->taken == piece->length)
        drop_first(request);
    return SMQ_OK;
}

void receive_download_begin(struct request *request) {
    request->to_read = request->size;
    if (request->is_over)
        receive_download_end(request);
    else
        receive_answer(request, true);
}

void receive_download_end(struct request *request) {
    if (request->outcome != OUTCOME_DOWNLOAD)
        return;
    while (request->first != NULL)
        drop_first(request);
    if (request->end_was_sent)
        return;
    request->end_was_sent = true;
    xftp_request_hold(request);
    if (post_disk_request(request, DISK_CLOSE) != SMQ_OK)
        xftp_request_release(request);
}
