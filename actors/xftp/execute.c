/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What each command does, once it is authorized. The table has a row for each. */
#include <string.h>

#include "actors/xftp/create.h"
#include "actors/xftp/metrics.h"
#include "actors/xftp/post.h"
#include "actors/xftp/process_lane.h"

static void ping(struct xftp_command_context *context) {
    struct xftp_response response = {.tag = XFTP_PONG};
    request_answer(context->request, &response);
}

/* What of the record is needed later, when the snapshot is over. */
static bool keep_record(struct xftp_command_context *context) {
    struct request *request = context->request;
    request->size = context->record.size;
    return file_id_set(&request->file, context->record.sender_id) == SMQ_OK;
}

/* ---- FPUT, FGET ---- */

static void put(struct xftp_command_context *context) {
    struct request *request = context->request;
    struct xftp_router *router = context->lane->router;
    struct slice digest = context->record.digest;
    request->digest_length = (uint8_t)digest.length;
    if (digest.length > 0)
        memcpy(request->digest, digest.bytes, request->digest_length);
    if (context->record.has_chunk) {
        request->outcome = OUTCOME_DRAIN;
        request_return(request);
        return;
    }
    if (!file_quota_claim(&router->quota, request->size)) {
        counters_add(router->counters, COUNT_QUOTA_REFUSALS, 1);
        request_answer_error(request, xftp_error_of(XFTP_ERROR_QUOTA));
        return;
    }
    request->has_claim = true;
    request->outcome = OUTCOME_UPLOAD;
    request_return(request);
}

static void get(struct xftp_command_context *context) {
    struct request *request = context->request;
    if (!context->record.has_chunk) {
        request_answer_error(request, xftp_error_of(XFTP_ERROR_NO_FILE));
        return;
    }
    request->client_key = context->command.dh_key;
    if (post_disk_request(request, DISK_OPEN) != SMQ_OK)
        request_answer_error(request, xftp_error_of(XFTP_ERROR_INTERNAL));
}

/* ---- FDEL, FACK ---- */

/* Writer's thread. What the store refuses is gone, or was blocked, since it was looked up. */
static void answer_failure(struct request *request, enum smq_result result) {
    bool is_refused = result == SMQ_ERR_NOT_FOUND || result == SMQ_ERR_AUTH;
    counters_add(request->session->router->counters, COUNT_STORE_FAILURES, !is_refused);
    request_answer_error(request, xftp_error_of(is_refused ? XFTP_ERROR_AUTH : XFTP_ERROR_INTERNAL));
}

static void send_change(struct request *request,
                        enum smq_result (*apply)(struct store_operation *operation, struct store_txn *txn),
                        void (*completed)(struct store_operation *operation, enum smq_result result)) {
    request->change.operation = (struct store_operation){.apply = apply, .completed = completed};
    if (post_change(request->session->router, &request->change) != SMQ_OK)
        request_answer_error(request, xftp_error_of(XFTP_ERROR_INTERNAL));
}

static enum smq_result apply_delete(struct store_operation *operation, struct store_txn *txn) {
    struct request *request = request_of_change(change_of(operation));
    struct file_removed removed;
    enum smq_result result = file_store_delete(txn, file_id_slice(&request->file), &removed);
    request->has_claim = result == SMQ_OK && removed.had_chunk;
    return result;
}

static void delete_completed(struct store_operation *operation, enum smq_result result) {
    struct request *request = request_of_change(change_of(operation));
    struct xftp_router *router = request->session->router;
    struct xftp_response response = xftp_response_ok();
    if (result != SMQ_OK) {
        request->has_claim = false;
        answer_failure(request, result);
        return;
    }
    if (request->has_claim)
        file_quota_give_back(&router->quota, request->size);
    request->has_claim = false;
    counters_add(router->counters, COUNT_FILES_DELETED, 1);
    request_set_response(request, &response);
    if (post_disk_request(request, DISK_REMOVE) != SMQ_OK)
        request_return(request);
}

static void delete (struct xftp_command_context *context) {
    send_change(context->request, apply_delete, delete_completed);
}

static enum smq_result apply_acknowledge(struct store_operation *operation, struct store_txn *txn) {
    struct request *request = request_of_change(change_of(operation));
    return file_store_remove_recipient(txn, file_id_slice(&request->recipient));
}

static void acknowledge_completed(struct store_operation *operation, enum smq_result result) {
    struct request *request = request_of_change(change_of(operation));
    struct xftp_response response = xftp_response_ok();
    if (result != SMQ_OK) {
        answer_failure(request, result);
        return;
    }
    counters_add(request->session->router->counters, COUNT_FILE_DOWNLOAD_ACKS, 1);
    request_answer(request, &response);
}

static void acknowledge(struct xftp_command_context *context) {
    if (file_id_set(&context->request->recipient, context->transmission.entity_id) == SMQ_OK)
        send_change(context->request, apply_acknowledge, acknowledge_completed);
    else
        request_answer_error(context->request, xftp_error_of(XFTP_ERROR_AUTH));
}

/* ---- the table ---- */

static const struct {
    void (*execute)(struct xftp_command_context *context);
    bool needs_record;
} rows[XFTP_COMMAND_COUNT] = {
    [XFTP_FNEW] = {create_file_of, false},
    [XFTP_FADD] = {add_recipients_of, true},
    [XFTP_FPUT] = {put, true},
    [XFTP_FDEL] = {delete, true},
    [XFTP_FGET] = {get, true},
    [XFTP_FACK] = {acknowledge, true},
    [XFTP_PING] = {ping, false},
};

void execute_command(struct xftp_command_context *context) {
    enum xftp_command_tag tag = context->command.tag;
    if (rows[tag].needs_record && !keep_record(context))
        request_answer_error(context->request, xftp_error_of(XFTP_ERROR_AUTH));
    else
        rows[tag].execute(context);
}
