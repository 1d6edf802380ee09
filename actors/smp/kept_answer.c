/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Copies of answers for the few blocks that need them. */
#include "actors/smp/kept_answer.h"

#include <string.h>

#include "actors/smp/command_slot.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

static struct kept_answer *allocate(size_t size) {
    struct kept_answer *kept = memory_zalloc(sizeof *kept + size);
    if (kept != NULL)
        kept->size = size;
    return kept;
}

/* Appends `from` to the bytes that are in use, and points there. */
static struct slice copy(struct kept_answer *kept, size_t *used, struct slice from) {
    uint8_t *to = kept->bytes + *used;
    if (from.length > 0)
        memcpy(to, from.bytes, from.length);
    *used += from.length;
    return slice_of(to, from.length);
}

static struct kept_answer *copy_message(const struct message_reference *reference, struct store_txn *txn) {
    struct queue_record record;
    struct msg_view view;
    size_t used = 0;
    if (queue_store_get(txn, reference->queue, &record) != SMQ_OK ||
        msg_store_get(txn, reference->queue, reference->sequence, &view) != SMQ_OK || view.id.length != MESSAGE_ID_SIZE)
        return NULL;
    struct kept_answer *kept = allocate(view.id.length + view.body_length);
    if (kept == NULL)
        return NULL;
    struct writer body = writer_of(kept->bytes + view.id.length, view.body_length);
    if (msg_store_body(txn, &view, &body) != SMQ_OK) {
        kept_answer_destroy(&kept);
        return NULL;
    }
    kept->body = slice_of(body.start, view.body_length);
    memcpy(kept->recipient_dh_secret, record.recipient_dh_secret, QUEUE_SECRET_SIZE);
    kept->message = view;
    kept->message.id = copy(kept, &used, view.id);
    return kept;
}

static struct kept_answer *copy_link(uint64_t queue, struct store_txn *txn) {
    struct queue_record record;
    struct queue_link_data link;
    size_t used = 0;
    if (queue_store_get(txn, queue, &record) != SMQ_OK || queue_store_link_get(txn, queue, &link) != SMQ_OK)
        return NULL;
    struct kept_answer *kept = allocate(record.sender_id.length + link.fixed.length + link.user.length);
    if (kept == NULL)
        return NULL;
    kept->sender_id = copy(kept, &used, record.sender_id);
    kept->link.fixed = copy(kept, &used, link.fixed);
    kept->link.user = copy(kept, &used, link.user);
    return kept;
}

void kept_answers_copy(const struct command_slot *slot, uint64_t queue, struct store_txn *txn) {
    for (uint16_t i = 0; batch_slot(slot->batch, i) != &slot->base; i++) {
        struct command_slot *earlier = owner_of(batch_slot(slot->batch, i), struct command_slot, base);
        if (!atomic_load_explicit(&earlier->done, memory_order_acquire) || earlier->kept != NULL ||
            earlier->answer != ANSWER_FROM_STORE || earlier->message_reference.queue != queue)
            continue;
        if (earlier->stored == STORED_MESSAGE)
            earlier->kept = copy_message(&earlier->message_reference, txn);
        else
            earlier->kept = copy_link(queue, txn);
        command_order_answered(&earlier->base);
    }
}

void kept_answer_destroy(struct kept_answer **kept) {
    if (*kept == NULL)
        return;
    secret_wipe(*kept, sizeof **kept + (*kept)->size);
    memory_free(*kept);
    *kept = NULL;
}
