/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command batches: their slots, and the count of hands that decides when the answers leave. */
#include "actors/router/command_batch.h"

#include <string.h>

#include "actors/router/commands.h"
#include "actors/router/post.h"
#include "actors/router/session_credit.h"
#include "queues/base/memory.h"

static const struct router_commands *commands_of(const struct session *session) {
    return session->router->kind->commands;
}

static struct command_batch *allocate(struct session *session, uint16_t count) {
    size_t slot_size = commands_of(session)->slot_size;
    struct command_batch *batch = memory_zalloc(sizeof *batch + count * slot_size);
    if (batch == NULL)
        return NULL;
    batch->count = count;
    batch->session = session;
    batch->slot_size = slot_size;
    atomic_init(&batch->working, 1);
    for (uint16_t i = 0; i < count; i++) {
        struct slot *slot = batch_slot(batch, i);
        slot->batch = batch;
        slot->request.source = &session->writes;
    }
    return batch;
}

struct command_batch *command_batch_create(struct session *session, uint16_t count) {
    struct command_batch *batch = allocate(session, count);
    if (batch != NULL)
        connection_reference(session->connection);
    return batch;
}

void command_batch_refuse(struct block *block) {
    struct connection *connection = block->connection;
    struct session *session = connection_state(connection);
    uint16_t count = commands_of(session)->count(block);
    block_release(block);
    session_block_answered(session, count);
    connection_release(connection);
}

struct command_batch *command_batch_of_block(struct block *block) {
    struct session *session = connection_state(block->connection);
    const struct router_commands *commands = commands_of(session);
    struct command_batch *batch = allocate(session, commands->count(block));
    if (batch == NULL) {
        connection_close(block->connection, SMQ_ERR_NO_MEMORY, false);
        command_batch_refuse(block);
        return NULL;
    }
    commands->take_apart(block, batch);
    batch->block = block;
    batch->since_us = block->since_us;
    return batch;
}

void slot_own(struct slot *slot, void *owned, void (*release_owned)(void *owned)) {
    if (slot->owned != NULL)
        slot->release_owned(slot->owned);
    slot->owned = owned;
    slot->release_owned = release_owned;
}

static void slot_finish(struct slot *slot, const struct router_commands *commands) {
    command_order_answered(slot);
    memory_free(slot->long_ids);
    if (commands->slot_finish != NULL)
        commands->slot_finish(slot);
    slot_own(slot, NULL, NULL);
}

void command_batch_finish(struct command_batch **batch) {
    struct command_batch *gone = *batch;
    *batch = NULL;
    struct session *session = gone->session;
    for (uint16_t i = 0; i < gone->count; i++)
        slot_finish(batch_slot(gone, i), commands_of(session));
    if (gone->block != NULL)
        block_release(gone->block);
    uint16_t count = gone->count;
    memory_free(gone);
    session_block_answered(session, count);
    connection_release(session->connection);
}

enum smq_result slot_set_ids(struct slot *slot, struct slice correlation_id, struct slice entity_id) {
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

void slot_handed_over(struct slot *slot) {
    atomic_fetch_add_explicit(&slot->batch->working, 1, memory_order_relaxed);
}

void slot_done(struct slot *slot) {
    struct command_batch *batch = slot->batch;
    command_order_done(slot);
    command_batch_let_go(batch);
}

void slot_refuse(struct slot *slot, enum smq_result reason) {
    commands_of(slot->batch->session)->refuse(slot, reason);
    slot_done(slot);
}

void slot_retry(struct slot *slot) {
    slot->request.again = true;
    if (post_process_retry(slot) != SMQ_OK)
        slot_refuse(slot, SMQ_ERR_INTERNAL);
}

/* Whether none of the commands is answered here. */
static bool is_answered_elsewhere(struct command_batch *batch) {
    for (uint16_t i = 0; i < batch->count; i++)
        if (batch_slot(batch, i)->answer != ANSWER_ELSEWHERE)
            return false;
    return true;
}

void command_batch_send(struct command_batch *batch) {
    batch->outgoing.kind = OUTGOING_ANSWERS;
    batch->outgoing.bytes = (uint32_t)(sizeof *batch + batch->count * batch->slot_size);
    if (is_answered_elsewhere(batch) || connection_send(batch->session->connection, &batch->outgoing) != SMQ_OK)
        command_batch_finish(&batch);
}

void command_batch_let_go(struct command_batch *batch) {
    const struct router_commands *commands = commands_of(batch->session);
    if (atomic_fetch_sub_explicit(&batch->working, 1, memory_order_acq_rel) != 1)
        return;
    if (batch->block != NULL) {
        block_release(batch->block);
        batch->block = NULL;
    }
    if (commands->answered != NULL)
        commands->answered(batch);
    else
        command_batch_send(batch);
}
