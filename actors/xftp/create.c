/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* FNEW and FADD. Ids are random, and made where they are stored: one that is taken is made anew, three times. */
#include "actors/xftp/create.h"

#include <string.h>

#include "actors/xftp/metrics.h"
#include "actors/xftp/post.h"
#include "queues/base/clock.h"
#include "queues/base/fault.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "transport/xftp/limits.h"

enum { ID_TRIES = 3, CREATION_STEP_S = 3600, ID_ENCODED = 1 + XFTP_ENTITY_ID_SIZE };

/* The work of a FNEW or FADD; keys point into the request's block, which stays until the answer is written. */
struct creation {
    struct file_record record; /* FNEW */
    uint8_t sender_key[KEY_SPKI_MAX];
    uint8_t sender_id[XFTP_ENTITY_ID_SIZE];
    size_t count;
    uint8_t ids[XFTP_RECIPIENTS_MAX * ID_ENCODED]; /* short strings, as the answer has them */
    struct file_recipient recipients[XFTP_RECIPIENTS_MAX];
};

static void make_id(uint8_t id[XFTP_ENTITY_ID_SIZE]) {
    random_bytes(id, XFTP_ENTITY_ID_SIZE);
    if (FAULT(file_id_taken))
        memset(id, 0, XFTP_ENTITY_ID_SIZE);
}

static void make_recipient_ids(struct creation *creation) {
    for (size_t i = 0; i < creation->count; i++) {
        uint8_t *id = creation->ids + i * ID_ENCODED;
        id[0] = XFTP_ENTITY_ID_SIZE;
        make_id(id + 1);
        creation->recipients[i].id = slice_of(id + 1, XFTP_ENTITY_ID_SIZE);
    }
}

static struct creation *begin(struct request *request, const struct key_list *keys) {
    struct creation *creation = memory_zalloc(sizeof *creation);
    if (creation == NULL)
        return NULL;
    struct reader reader = reader_of(keys->encoded);
    for (creation->count = 0; creation->count < keys->count; creation->count++)
        creation->recipients[creation->count].key = read_short(&reader);
    request->owned = creation;
    return creation;
}

static void send(struct request *request,
                 enum smq_result (*apply)(struct store_operation *operation, struct store_txn *txn),
                 void (*completed)(struct store_operation *operation, enum smq_result result)) {
    const struct creation *creation = request->owned;
    request->change.operation = (struct store_operation){.grows = true,
                                                         .bytes = sizeof creation->record + creation->count * 160,
                                                         .apply = apply,
                                                         .completed = completed};
    if (post_change(request->session->router, &request->change) != SMQ_OK)
        request_answer_error(request, xftp_error_of(XFTP_ERROR_INTERNAL));
}

static struct xftp_id_list ids_of(const struct creation *creation) {
    return (struct xftp_id_list){.count = (uint8_t)creation->count,
                                 .encoded = slice_of(creation->ids, creation->count * ID_ENCODED)};
}

/* ---- FNEW ---- */

static enum smq_result apply_create(struct store_operation *operation, struct store_txn *txn) {
    struct creation *creation = request_of_change(change_of(operation))->owned;
    enum smq_result result = SMQ_ERR_EXISTS;
    for (int i = 0; i < ID_TRIES && result == SMQ_ERR_EXISTS; i++) {
        make_id(creation->sender_id);
        make_recipient_ids(creation);
        result = file_store_create(txn, &creation->record, creation->recipients, creation->count);
    }
    return result;
}

static void create_completed(struct store_operation *operation, enum smq_result result) {
    struct request *request = request_of_change(change_of(operation));
    struct counters *counters = request->session->router->counters;
    const struct creation *creation = request->owned;
    if (result != SMQ_OK) {
        counters_add(counters, COUNT_STORE_FAILURES, result != SMQ_ERR_EXISTS);
        request_answer_error(request, xftp_error_of(XFTP_ERROR_INTERNAL));
        return;
    }
    counters_add(counters, COUNT_FILES_CREATED, 1);
    counters_add(counters, COUNT_FILE_RECIPIENTS, (int64_t)creation->count);
    struct xftp_response response = {
        .tag = XFTP_SIDS,
        .ids = {.sender_id = slice_of(creation->sender_id, sizeof creation->sender_id),
                .recipient_ids = ids_of(creation)},
    };
    request_answer(request, &response);
}

static bool size_is_allowed(const struct xftp_router_config *config, uint32_t size) {
    for (size_t i = 0; i < config->chunk_size_count; i++)
        if (config->chunk_sizes[i] == size)
            return true;
    return false;
}

static bool may_create(const struct xftp_router_config *config, const struct xftp_new *create) {
    if (!config->new_files)
        return false;
    if (config->create_password.length == 0)
        return true;
    return create->has_password && password_equal(&config->create_password, create->password);
}

void create_file_of(struct xftp_command_context *context) {
    struct request *request = context->request;
    const struct xftp_new *create = &context->command.create;
    const struct xftp_router_config *config = &context->lane->router->config;
    if (!may_create(config, create)) {
        counters_add(context->lane->router->counters, COUNT_AUTHORIZATION_FAILURES, 1);
        request_answer_error(request, xftp_error_of(XFTP_ERROR_AUTH));
        return;
    }
    if (!size_is_allowed(config, create->size)) {
        request_answer_error(request, xftp_error_of(XFTP_ERROR_SIZE));
        return;
    }
    struct creation *creation = begin(request, &create->recipient_keys);
    if (creation == NULL) {
        request_answer_error(request, xftp_error_of(XFTP_ERROR_INTERNAL));
        return;
    }
    int64_t now = clock_realtime_s();
    struct writer key = writer_of(creation->sender_key, sizeof creation->sender_key);
    write_public_key_der(&key, &create->sender_key);
    creation->record = (struct file_record){.sender_id = slice_of(creation->sender_id, sizeof creation->sender_id),
                                            .sender_key = slice_of(creation->sender_key, writer_length(&key)),
                                            .size = create->size,
                                            .digest = create->digest,
                                            .created = now > 0 ? now / CREATION_STEP_S * CREATION_STEP_S : 0};
    send(request, apply_create, create_completed);
}

/* ---- FADD ---- */

static enum smq_result apply_add(struct store_operation *operation, struct store_txn *txn) {
    struct request *request = request_of_change(change_of(operation));
    struct creation *creation = request->owned;
    enum smq_result result = SMQ_ERR_EXISTS;
    for (int i = 0; i < ID_TRIES && result == SMQ_ERR_EXISTS; i++) {
        make_recipient_ids(creation);
        result = file_store_add_recipients(txn, file_id_slice(&request->file), creation->recipients, creation->count);
    }
    return result;
}

static void add_completed(struct store_operation *operation, enum smq_result result) {
    struct request *request = request_of_change(change_of(operation));
    struct counters *counters = request->session->router->counters;
    const struct creation *creation = request->owned;
    if (result != SMQ_OK) {
        bool is_refused = result == SMQ_ERR_NOT_FOUND || result == SMQ_ERR_AUTH;
        counters_add(counters, COUNT_STORE_FAILURES, !is_refused && result != SMQ_ERR_EXISTS);
        request_answer_error(request, xftp_error_of(is_refused ? XFTP_ERROR_AUTH : XFTP_ERROR_INTERNAL));
        return;
    }
    counters_add(counters, COUNT_FILE_RECIPIENTS, (int64_t)creation->count);
    struct xftp_response response = {.tag = XFTP_RIDS, .recipient_ids = ids_of(creation)};
    request_answer(request, &response);
}

void add_recipients_of(struct xftp_command_context *context) {
    if (begin(context->request, &context->command.recipient_keys) == NULL)
        request_answer_error(context->request, xftp_error_of(XFTP_ERROR_INTERNAL));
    else
        send(context->request, apply_add, add_completed);
}
