/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The body of an upload on its receive lane. What comes is gathered in pieces, which go to the chunk's disk lane when
 * they are full, or when it has nothing else of this upload to do; so a fast upload moves in large pieces, and a slow
 * one holds no memory. The peer may send more as pieces come back from the disk. */
#include <string.h>

#include "actors/xftp/post.h"
#include "actors/xftp/receive.h"
#include "queues/base/clock.h"

/* ---- pieces ---- */

static void forget_piece(struct request *request, struct piece *piece) {
    xftp_session_give_back_bytes(request->session, piece->length);
    http_consume(request->exchange, piece->length);
    piece_destroy(&piece);
}

static void forget_pieces(struct request *request) {
    while (request->first != NULL) {
        struct piece *piece = request->first;
        request->first = piece->next;
        forget_piece(request, piece);
    }
    request->last = NULL;
    if (request->filling != NULL)
        forget_piece(request, request->filling);
    request->filling = NULL;
}

static void piece_written(struct connection_task *task);

static void send_piece(struct request *request, struct piece *piece) {
    request->in_flight++;
    if (post_disk_piece(piece, DISK_WRITE) == SMQ_OK)
        return;
    request->in_flight--;
    forget_piece(request, piece);
}

static void send_pieces(struct request *request) {
    while (request->first != NULL) {
        struct piece *piece = request->first;
        request->first = piece->next;
        send_piece(request, piece);
    }
    request->last = NULL;
}

static void send_filling(struct request *request) {
    struct piece *piece = request->filling;
    request->filling = NULL;
    if (piece != NULL)
        send_piece(request, piece);
}

static void put_aside(struct request *request) {
    struct piece *piece = request->filling;
    request->filling = NULL;
    if (request->last == NULL)
        request->first = piece;
    else
        request->last->next = piece;
    request->last = piece;
}

static enum smq_result gather(struct request *request, struct slice bytes) {
    while (bytes.length > 0) {
        if (request->filling == NULL)
            request->filling = piece_create(request, PIECE_SIZE, piece_written);
        struct piece *piece = request->filling;
        if (piece == NULL)
            return SMQ_ERR_NO_MEMORY;
        size_t room = piece->capacity - piece->length;
        size_t length = bytes.length < room ? bytes.length : room;
        memcpy(piece->bytes + piece->length, bytes.bytes, length);
        piece->length += length;
        bytes = slice_of(bytes.bytes + length, bytes.length - length);
        xftp_session_take_bytes(request->session, length);
        if (piece->length < piece->capacity)
            continue;
        if (request->phase == REQUEST_UPLOADING)
            send_filling(request);
        else
            put_aside(request);
    }
    return SMQ_OK;
}

/* ---- the end ---- */

/* The last message about an upload; the disk lane answers it. */
static void send_end(struct request *request, enum disk_message kind) {
    request->phase = REQUEST_ENDING;
    xftp_request_hold(request);
    if (post_disk_request(request, kind) != SMQ_OK)
        xftp_request_release(request);
}

void receive_upload_abandon(struct request *request, struct xftp_error error) {
    forget_pieces(request);
    if (!request->is_over)
        http_discard(request->exchange);
    request->end_error = error;
    send_end(request, DISK_ABANDON);
}

static void look_whether_ended(struct request *request) {
    if (request->body_bytes > request->size || (request->body_ended && request->body_bytes < request->size)) {
        receive_upload_abandon(request, xftp_error_of(XFTP_ERROR_SIZE));
    } else if (request->body_ended) {
        send_filling(request);
        send_end(request, DISK_COMMIT);
    } else if (request->in_flight == 0) {
        send_filling(request);
    }
}

static void piece_written(struct connection_task *task) {
    struct piece *piece = (struct piece *)(void *)((char *)task - offsetof(struct piece, task));
    struct request *request = piece->request;
    xftp_request_hold(request);
    request->in_flight--;
    bool has_failed = piece->result != SMQ_OK;
    forget_piece(request, piece);
    if (request->phase == REQUEST_UPLOADING && has_failed)
        receive_upload_abandon(request, xftp_error_of(XFTP_ERROR_FILE_IO));
    else if (request->phase == REQUEST_UPLOADING)
        look_whether_ended(request);
    xftp_request_release(request);
}

/* ---- what comes ---- */

/* A chunk that is there already: nothing of it is kept, and what comes behind it is not looked at. */
static void drain(struct request *request) {
    if (request->body_bytes >= request->size) {
        struct xftp_response response = xftp_response_ok();
        request_set_response(request, &response);
        receive_answer(request, false);
    } else if (request->body_ended) {
        receive_answer_error(request, xftp_error_of(XFTP_ERROR_SIZE));
    }
}

void receive_upload_body(struct request *request, struct slice bytes) {
    request->body_bytes += bytes.length;
    if (request->phase == REQUEST_DRAINING) {
        http_consume(request->exchange, bytes.length);
        drain(request);
        return;
    }
    if (request->phase != REQUEST_DECIDING && request->phase != REQUEST_UPLOADING) {
        http_consume(request->exchange, bytes.length);
        return;
    }
    if (gather(request, bytes) != SMQ_OK)
        http_cancel(request->exchange);
    else if (request->phase == REQUEST_UPLOADING)
        look_whether_ended(request);
}

void receive_upload_body_end(struct request *request) {
    if (request->phase == REQUEST_UPLOADING)
        look_whether_ended(request);
    else if (request->phase == REQUEST_DRAINING)
        drain(request);
}

void receive_upload_begin(struct request *request) {
    request_drop_block(request);
    request->phase = REQUEST_UPLOADING;
    if (request->is_over) {
        receive_upload_abandon(request, xftp_error_of(XFTP_ERROR_TIMEOUT));
        return;
    }
    http_set_deadline(request->exchange, clock_monotonic_ms() + request->session->router->config.file_timeout_ms);
    send_pieces(request);
    look_whether_ended(request);
}

void receive_upload_drain(struct request *request) {
    receive_upload_drop(request);
    if (request->is_over)
        return;
    request_drop_block(request);
    request->phase = REQUEST_DRAINING;
    http_set_deadline(request->exchange, clock_monotonic_ms() + request->session->router->config.file_timeout_ms);
    drain(request);
}

void receive_upload_drop(struct request *request) {
    forget_pieces(request);
}
