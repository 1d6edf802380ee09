/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A request on its way through the router: its life, and what its answer says. */
#include "actors/xftp/request.h"

#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/xftp/block.h"
#include "transport/xftp/handshake.h"

struct request *xftp_request_create(struct xftp_session *session, struct http_exchange *exchange,
                                    void (*returned)(struct connection_task *task)) {
    struct request *request = memory_zalloc(sizeof *request);
    if (request == NULL)
        return NULL;
    atomic_init(&request->holders, 1);
    request->session = session;
    request->exchange = exchange;
    request->task.run = returned;
    request->version = XFTP_VERSION_MIN;
    request->upload.file = request->download.file = -1;
    return request;
}

void xftp_request_hold(struct request *request) {
    atomic_fetch_add_explicit(&request->holders, 1, memory_order_relaxed);
}

void xftp_request_release(struct request *request) {
    if (atomic_fetch_sub_explicit(&request->holders, 1, memory_order_acq_rel) != 1)
        return;
    if (request->is_open)
        request->forget(request);
    request_drop_block(request);
    memory_free(request->owned);
    secret_wipe(&request->encryption, sizeof request->encryption);
    http_release(request->exchange); /* and with it, perhaps, the connection and its session */
    memory_free(request);
}

enum smq_result request_need_block(struct request *request) {
    if (request->block == NULL)
        request->block = memory_alloc(XFTP_BLOCK_SIZE);
    return request->block != NULL ? SMQ_OK : SMQ_ERR_NO_MEMORY;
}

void request_drop_block(struct request *request) {
    memory_free(request->block);
    request->block = NULL;
    request->block_length = 0;
}

void request_set_ids(struct request *request, struct slice correlation, struct slice entity) {
    request->correlation_length = (uint8_t)correlation.length;
    if (correlation.length > 0)
        memcpy(request->correlation, correlation.bytes, request->correlation_length);
    request->entity_length = (uint8_t)entity.length;
    if (entity.length > 0)
        memcpy(request->entity, entity.bytes, request->entity_length);
}

/* ---- answers ---- */

static void set_block(struct request *request, enum smq_result result) {
    request->block_length = result == SMQ_OK ? XFTP_BLOCK_SIZE : 0;
    request->outcome = result == SMQ_OK ? OUTCOME_ANSWER : OUTCOME_GIVE_UP;
}

void request_set_response(struct request *request, const struct xftp_response *response) {
    const struct xftp_envelope envelope = {
        .session_id = xftp_session_id(request->session),
        .correlation_id = slice_of(request->correlation, request->correlation_length),
        .entity_id = slice_of(request->entity, request->entity_length),
    };
    enum smq_result result = request_need_block(request);
    if (result == SMQ_OK)
        result = xftp_response_block_write(&envelope, request->version, response, request->block);
    set_block(request, result);
}

void request_set_error(struct request *request, struct xftp_error error) {
    struct xftp_response response = xftp_response_error(error);
    request_set_response(request, &response);
}

void request_set_raw_error(struct request *request, enum xftp_error_code code) {
    enum smq_result result = request_need_block(request);
    set_block(request, result == SMQ_OK ? xftp_raw_error_write(code, request->block) : result);
}

void request_set_empty(struct request *request) {
    request_drop_block(request);
    request->outcome = OUTCOME_ANSWER;
}

/* ---- back to the receive lane ---- */

/* When the lane has stopped, nobody waits for it any more. */
void request_return(struct request *request) {
    if (connection_run(request->session->connection, &request->task) != SMQ_OK)
        xftp_request_release(request);
}

void request_answer(struct request *request, const struct xftp_response *response) {
    request_set_response(request, response);
    request_return(request);
}

void request_answer_error(struct request *request, struct xftp_error error) {
    request_set_error(request, error);
    request_return(request);
}

void piece_return(struct piece *piece) {
    if (connection_run(piece->request->session->connection, &piece->task) != SMQ_OK)
        piece_destroy(&piece);
}

struct piece *piece_create(struct request *request, size_t capacity, void (*returned)(struct connection_task *task)) {
    struct piece *piece = memory_alloc(sizeof *piece + capacity);
    if (piece == NULL)
        return NULL;
    memset(piece, 0, sizeof *piece);
    piece->request = request;
    piece->capacity = capacity;
    piece->task.run = returned;
    xftp_request_hold(request);
    return piece;
}

void piece_destroy(struct piece **piece) {
    struct request *request = (*piece)->request;
    memory_free(*piece);
    *piece = NULL;
    xftp_request_release(request);
}
