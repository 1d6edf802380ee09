/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A command on the process lane: parsed, looked up, and authorized, in the reference's order. */
#include "actors/xftp/metrics.h"
#include "actors/xftp/process_lane.h"
#include "transport/smp/blocking_info.h"
#include "transport/xftp/block.h"

/* ---- what it is ---- */

/* False: it is answered. */
static bool open_command(struct xftp_command_context *context) {
    struct request *request = context->request;
    struct transmission *transmission = &context->transmission;
    struct xftp_error error;
    struct slice head = slice_of(request->block, request->block_length);
    if (xftp_block_open(head, xftp_session_id(request->session), transmission, &error) != SMQ_OK) {
        request_set_ids(request, transmission->correlation_id, slice_of(NULL, 0));
        request_answer_error(request, error);
        return false;
    }
    request_set_ids(request, transmission->correlation_id, transmission->entity_id);
    if (xftp_command_parse(transmission->command, &context->command, &error) != SMQ_OK ||
        xftp_command_check_credentials(&context->command, transmission->authorization_kind != AUTHORIZATION_NONE,
                                       transmission->entity_id.length > 0, &error) != SMQ_OK) {
        request_answer_error(request, error);
        return false;
    }
    request->tag = context->command.tag;
    return true;
}

/* ---- whether it may ---- */

static void refuse(struct xftp_command_context *context) {
    counters_add(context->lane->router->counters, COUNT_AUTHORIZATION_FAILURES, 1);
    request_answer_error(context->request, xftp_error_of(XFTP_ERROR_AUTH));
}

static enum smq_result look_up(struct xftp_command_context *context, struct store_txn *txn, struct slice *key) {
    struct slice id = context->transmission.entity_id;
    struct file_recipient recipient;
    enum smq_result result;
    if (xftp_command_info(context->command.tag)->party == XFTP_PARTY_SENDER) {
        result = file_store_find(txn, id, &context->record);
        *key = context->record.sender_key;
    } else {
        result = file_store_find_recipient(txn, id, &recipient, &context->record);
        *key = recipient.key;
    }
    return result;
}

/* The blocking is told before anything is verified, as the reference does. */
static void tell_blocked(struct xftp_command_context *context) {
    struct smp_blocking_info info = {0};
    struct reader reader = reader_of(context->record.status_info);
    smp_blocking_info_read(&reader, &info);
    request_answer_error(context->request, xftp_error_blocked(info));
}

/* With the lane's snapshot open. */
static void process_in_snapshot(struct xftp_command_context *context, struct store_txn *txn) {
    struct slice key = {0};
    enum smq_result result = look_up(context, txn, &key);
    if (result == SMQ_OK && context->record.status == FILE_BLOCKED) {
        tell_blocked(context);
        return;
    }
    bool is_there = result == SMQ_OK && context->record.status == FILE_ACTIVE;
    if (!is_there)
        verify_nothing_there(context);
    if (is_there && verify_with_stored(context, key))
        execute_command(context);
    else
        refuse(context);
}

static void process_entity(struct xftp_command_context *context) {
    struct store_txn *txn;
    if (store_reader_begin(context->lane->reader, &txn) != SMQ_OK) {
        counters_add(context->lane->router->counters, COUNT_STORE_FAILURES, 1);
        verify_nothing_there(context);
        refuse(context);
        return;
    }
    process_in_snapshot(context, txn);
    store_reader_end(context->lane->reader);
}

void process_command(struct xftp_process_lane *lane, struct request *request) {
    struct xftp_command_context context = {.lane = lane, .request = request};
    if (!open_command(&context))
        return;
    switch (xftp_command_info(context.command.tag)->party) {
    case XFTP_PARTY_NONE:
        execute_command(&context);
        break;
    case XFTP_PARTY_CREATOR:
        if (verify_with(&context, &context.command.create.sender_key))
            execute_command(&context);
        else
            refuse(&context);
        break;
    case XFTP_PARTY_SENDER:
    case XFTP_PARTY_RECIPIENT:
        process_entity(&context);
        break;
    }
}
