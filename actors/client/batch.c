/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smq_batch: packing events, and giving up what they hold. */
#include "actors/client/batch.h"

#include <string.h>

#include "actors/client/client.h"
#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum { BATCH_MAGIC = MAGIC('b', 't', 'c', 'h') };

/* The byte strings of an event. */
static const size_t string_offsets[] = {
    offsetof(struct smq_event, entity_id),  offsetof(struct smq_event, message_id), offsetof(struct smq_event, body),
    offsetof(struct smq_event, fixed_data), offsetof(struct smq_event, sender_id),
};
enum { STRING_COUNT = sizeof(string_offsets) / sizeof(string_offsets[0]) };

static struct smq_bytes *string_of(struct smq_event *event, size_t index) {
    return (struct smq_bytes *)(void *)((char *)event + string_offsets[index]);
}

static size_t text_length(const struct smq_event *event) {
    return event->error_text == NULL ? 0 : strlen(event->error_text);
}

static size_t packed_size(const struct smq_event *event) {
    size_t size = event->entity_id.length + event->message_id.length + event->body.length + event->fixed_data.length +
                  event->sender_id.length;
    return text_length(event) == 0 ? size : size + text_length(event) + 1;
}

/* Copies what `event` points to to `room` and returns the room behind it. */
static uint8_t *pack(struct smq_event *event, uint8_t *room) {
    for (size_t i = 0; i < STRING_COUNT; i++) {
        struct smq_bytes *string = string_of(event, i);
        if (string->length > 0) {
            memcpy(room, string->bytes, string->length);
            string->bytes = room;
            room += string->length;
        }
    }
    size_t length = text_length(event);
    if (length == 0) {
        event->error_text = "";
    } else {
        memcpy(room, event->error_text, length + 1);
        event->error_text = (const char *)room;
        room += length + 1;
    }
    return room;
}

struct smq_batch *batch_create(const struct smq_event *events, size_t count) {
    size_t size = sizeof(struct smq_batch) + count * sizeof(struct smq_event);
    for (size_t i = 0; i < count; i++)
        size += packed_size(&events[i]);
    struct smq_batch *batch = memory_alloc(size);
    if (batch == NULL)
        return NULL;
    batch->count = (uint32_t)count;
    batch->size = size;
    batch->next = NULL;
    batch->origin = NULL;
    batch->without_credit = false;
    batch->drop = NULL;
    memcpy(batch->events, events, count * sizeof(struct smq_event));
    uint8_t *room = (uint8_t *)(batch->events + count);
    for (size_t i = 0; i < count; i++)
        room = pack(&batch->events[i], room);
    (void)client_reference(batch->events[0].client);
    MAGIC_SET(batch, BATCH_MAGIC);
    return batch;
}

struct smq_batch *batch_create_with_room(size_t size, void **room) {
    enum { HEADER = sizeof(struct smq_batch) + sizeof(struct smq_event), ALIGNED = (HEADER + 15) / 16 * 16 };
    struct smq_batch *batch = memory_zalloc(ALIGNED + size);
    if (batch == NULL)
        return NULL;
    batch->count = 1;
    batch->size = ALIGNED + size;
    batch->events[0].error_text = "";
    MAGIC_SET(batch, BATCH_MAGIC);
    *room = (uint8_t *)batch + ALIGNED;
    return batch;
}

struct smq_batch *batch_of_node(struct mailbox_node *node) {
    struct smq_batch *batch = (struct smq_batch *)(void *)((char *)node - offsetof(struct smq_batch, node));
    MAGIC_CHECK(batch, BATCH_MAGIC);
    return batch;
}

void batch_set_origin(struct smq_batch *batch, struct batch_origin *origin) {
    batch->origin = origin;
}

size_t smq_batch_count(const struct smq_batch *batch) {
    if (!MAGIC_IS(batch, BATCH_MAGIC))
        return 0;
    return batch->count;
}

const struct smq_event *smq_batch_event(const struct smq_batch *batch, size_t index) {
    if (!MAGIC_IS(batch, BATCH_MAGIC))
        return NULL;
    return index < batch->count ? &batch->events[index] : NULL;
}

void smq_batch_release(struct smq_batch **batch) {
    if (batch == NULL)
        return;
    struct smq_batch *released = *batch;
    *batch = NULL;
    if (!MAGIC_IS(released, BATCH_MAGIC))
        return;
    struct batch_origin *origin = released->origin;
    struct smq_client *client = released->events[0].client;
    size_t size = released->size;
    bool has_credit = !released->without_credit;
    for (uint32_t i = 0; i < released->count; i++) {
        struct smq_event *event = &released->events[i];
        smq_receive_queue_release(&event->receive_queue);
        smq_send_queue_release(&event->send_queue);
        smq_notifier_release(&event->notifier);
        secret_wipe((void *)(uintptr_t)event->body.bytes, event->body.length);
    }
    if (released->drop != NULL)
        released->drop(released);
    MAGIC_CLEAR(released);
    memory_free(released);
    if (client != NULL)
        client_release(client);
    if (origin != NULL)
        origin->returned(origin, has_credit ? size : 0);
}
