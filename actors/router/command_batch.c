/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command batches: their slots, and the count of hands that decides when the answers leave. */
#include "actors/router/command_batch.h"

#include <string.h>

#include "actors/router/session_credit.h"
#include "actors/smp/command_times.h"
#include "actors/smp/metrics.h"
#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "transport/smp/batch.h"

static struct command_batch *allocate(struct client_session *session, uint16_t count) {
    struct command_batch *batch = memory_zalloc(sizeof *batch + count * sizeof batch->slots[0]);
    if (batch == NULL)
        return NULL;
    batch->count = count;
    batch->session = session;
    atomic_init(&batch->working, 1);
    for (uint16_t i = 0; i < count; i++) {
        batch->slots[i].batch = batch;
        batch->slots[i].request.source = &session->writes;
    }
    return batch;
}

static uint16_t count_of(const struct block *block, struct smp_content *reader) {
    CHECK(smp_content_open(block->content, reader) == SMQ_OK); /* was opened when it was admitted */
    return reader->count;
}

void command_batch_refuse(struct block *block) {
    struct smp_content reader;
    struct connection *connection = block->connection;
    uint16_t count = count_of(block, &reader);
    block_release(block);
    session_block_answered(connection_state(connection), count);
    connection_release(connection);
}

struct command_batch *command_batch_create(struct block *block) {
    struct smp_content reader;
    struct command_batch *batch = allocate(connection_state(block->connection), count_of(block, &reader));
    if (batch == NULL) {
        connection_close(block->connection, SMQ_ERR_NO_MEMORY, false);
        command_batch_refuse(block);
        return NULL;
    }
    for (uint16_t i = 0; i < batch->count; i++)
        smp_content_next(&reader, &batch->slots[i].bytes);
    batch->block = block;
    batch->since_us = block->since_us;
    return batch;
}

enum smq_result command_batch_create_bad_block(struct client_session *session, struct command_batch **out) {
    struct command_batch *batch = allocate(session, 1);
    if (batch == NULL)
        return SMQ_ERR_NO_MEMORY;
    connection_reference(session->connection);
    session_block_admitted(session, 1);
    slot_answer_error(&batch->slots[0], smp_error_of(SMP_ERROR_BLOCK));
    batch->next = 1;
    *out = batch;
    return SMQ_OK;
}

void slot_own(struct command_slot *slot, void *owned, void (*release_owned)(void *owned)) {
    if (slot->owned != NULL)
        slot->release_owned(slot->owned);
    slot->owned = owned;
    slot->release_owned = release_owned;
}

static void slot_finish(struct command_slot *slot) {
    command_order_answered(slot);
    memory_free(slot->long_ids);
    forwarded_destroy(&slot->forwarded);
    kept_answer_destroy(&slot->kept);
    slot_own(slot, NULL, NULL);
}

void command_batch_finish(struct command_batch **batch) {
    struct command_batch *gone = *batch;
    *batch = NULL;
    struct client_session *session = gone->session;
    for (uint16_t i = 0; i < gone->count; i++)
        slot_finish(&gone->slots[i]);
    if (gone->block != NULL)
        block_release(gone->block);
    uint16_t count = gone->count;
    memory_free(gone);
    session_block_answered(session, count);
    connection_release(session->connection);
}

enum smq_result slot_set_ids(struct command_slot *slot, struct slice correlation_id, struct slice entity_id) {
    size_t length = correlation_id.length + entity_id.length;
    uint8_t *bytes = slot->ids;
    if (length > sizeof slot->ids) {
        memory_free(slot->long_ids);
        bytes = slot->long_ids = memory_alloc(length);
        if (bytes == NULL)
            return SMQ_ERR_NO_MEMORY;
    }
    if (correlation_id.length > 0)
        memcpy(bytes, correlation_id.bytes, correlation_id.length);
    if (entity_id.length > 0)
        memcpy(bytes + correlation_id.length, entity_id.bytes, entity_id.length);
    slot->correlation_id = slice_of(bytes, correlation_id.length);
    slot->entity_id = slice_of(bytes + correlation_id.length, entity_id.length);
    return SMQ_OK;
}

struct smp_envelope slot_envelope(const struct command_slot *slot) {
    struct smp_envelope envelope = smp_session_envelope(&slot->batch->session->smp);
    if (slot->forwarded != NULL)
        envelope.version = slot->forwarded->version;
    return envelope;
}

void slot_answer(struct command_slot *slot, struct smp_response response) {
    slot->answer = ANSWER_RESPONSE;
    slot->response = response;
}

void slot_answer_error(struct command_slot *slot, struct smp_error error) {
    smp_count_error(slot->batch->session->router, slot->tag, &error);
    slot_answer(slot, smp_response_error(error));
}

void slot_answer_result(struct command_slot *slot, enum smq_result result) {
    switch (result) {
    case SMQ_OK:
        slot_answer(slot, smp_response_ok());
        break;
    case SMQ_ERR_NOT_FOUND:
    case SMQ_ERR_AUTH:
    case SMQ_ERR_EXISTS:
        slot_answer_error(slot, smp_error_of(SMP_ERROR_AUTH));
        break;
    case SMQ_ERR_STORE_FULL:
        slot_answer_error(slot, smp_error_store(slice_of_text("the store is full")));
        break;
    case SMQ_ERR_STORE:
    case SMQ_ERR_NO_MEMORY:
        slot_answer_error(slot, smp_error_store(slice_of_text(smq_result_text(result))));
        break;
    default:
        slot_answer_error(slot, smp_error_of(SMP_ERROR_INTERNAL));
        break;
    }
}

void slot_answer_message(struct command_slot *slot, uint64_t queue, uint64_t sequence,
                         const uint8_t id[MESSAGE_ID_SIZE]) {
    slot->answer = ANSWER_MESSAGE;
    slot->message_reference.queue = queue;
    slot->message_reference.sequence = sequence;
    memcpy(slot->message_reference.id, id, MESSAGE_ID_SIZE);
}

void slot_handed_over(struct command_slot *slot) {
    atomic_fetch_add_explicit(&slot->batch->working, 1, memory_order_relaxed);
}

void slot_done(struct command_slot *slot) {
    struct command_batch *batch = slot->batch;
    command_order_done(slot);
    command_batch_let_go(batch);
}

/* Whether none of the commands is answered here. */
static bool is_answered_elsewhere(const struct command_batch *batch) {
    for (uint16_t i = 0; i < batch->count; i++)
        if (batch->slots[i].answer != ANSWER_ELSEWHERE)
            return false;
    return true;
}

void command_batch_let_go(struct command_batch *batch) {
    if (atomic_fetch_sub_explicit(&batch->working, 1, memory_order_acq_rel) != 1)
        return;
    if (batch->block != NULL) {
        block_release(batch->block);
        batch->block = NULL;
    }
    if (batch->since_us != 0)
        command_times_add(&batch->session->router->command_times, batch->slots[0].tag, batch->since_us);
    batch->outgoing.kind = OUTGOING_ANSWERS;
    batch->outgoing.bytes = (uint32_t)(sizeof *batch + batch->count * sizeof batch->slots[0]);
    if (is_answered_elsewhere(batch) || connection_send(batch->session->connection, &batch->outgoing) != SMQ_OK)
        command_batch_finish(&batch);
}
