/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Batches with one event of an agent: the agent's part, its items and its texts lie behind the event. */
#include "actors/client_agent/event.h"

#include <stdio.h>
#include <string.h>

#include "actors/client/client.h"

/* What lies behind the event. */
struct client_agent_room {
    struct smq_client_agent_event event;
    char *error_text; /* SMQ_ERROR_TEXT_SIZE bytes, for an outcome that is set later; or NULL */
    struct smq_client_agent_item items[];
};

static struct client_agent_room *room_of(const struct smq_batch *batch) {
    return (struct client_agent_room *)(uintptr_t)batch->events[0].agent;
}

/* Copies `text` to `*place` and moves that on. */
static const char *copy_text(char **place, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*place, text, size);
    *place += size;
    return copy;
}

static void release_items(const struct smq_batch *batch) {
    const struct smq_client_agent_event *agent = batch->events[0].agent;
    for (size_t i = 0; i < agent->item_count; i++) {
        struct smq_receive_queue *receive_queue = agent->items[i].receive_queue;
        struct smq_notifier *notifier = agent->items[i].notifier;
        smq_receive_queue_release(&receive_queue);
        smq_notifier_release(&notifier);
    }
}

struct smq_batch *client_agent_event_create(const struct smq_event *event, const struct smq_client_agent_event *agent,
                                            size_t items) {
    bool later = event->error_text == NULL;
    size_t texts = strlen(agent->server) + 1 + (later ? SMQ_ERROR_TEXT_SIZE : strlen(event->error_text) + 1);
    size_t items_size = items * sizeof(struct smq_client_agent_item);
    void *bytes;
    struct smq_batch *batch = batch_create_with_room(
        sizeof(struct client_agent_room) + items_size + agent->service_id.length + texts, &bytes);
    if (batch == NULL)
        return NULL;
    struct client_agent_room *room = bytes;
    char *place = (char *)room + sizeof(*room) + items_size;
    room->event = *agent;
    room->event.items = room->items;
    room->event.item_count = 0;
    if (agent->service_id.length > 0) {
        memcpy(place, agent->service_id.bytes, agent->service_id.length);
        room->event.service_id.bytes = (uint8_t *)place;
        place += agent->service_id.length;
    }
    room->event.server = copy_text(&place, agent->server);
    batch->drop = release_items;
    batch->events[0] = *event;
    batch->events[0].kind = SMQ_EVENT_CLIENT_AGENT;
    batch->events[0].agent = &room->event;
    batch->events[0].error_text = copy_text(&place, later ? "" : event->error_text);
    room->error_text = later ? (char *)(uintptr_t)batch->events[0].error_text : NULL;
    if (event->client != NULL)
        (void)client_reference(event->client);
    return batch;
}

void client_agent_event_add(struct smq_batch *batch, struct smq_receive_queue *receive_queue,
                            struct smq_notifier *notifier, enum smq_result result, enum smq_protocol_error protocol) {
    struct client_agent_room *room = room_of(batch);
    room->items[room->event.item_count++] = (struct smq_client_agent_item){
        .receive_queue = receive_queue == NULL ? NULL : smq_receive_queue_reference(receive_queue),
        .notifier = notifier == NULL ? NULL : smq_notifier_reference(notifier),
        .result = result,
        .protocol = protocol,
    };
}

void client_agent_event_set_outcome(struct smq_batch *batch, enum smq_result result, const char *error_text,
                                    struct smq_client *client) {
    batch->events[0].result = result;
    batch->events[0].client = client == NULL ? NULL : client_reference(client);
    (void)snprintf(room_of(batch)->error_text, SMQ_ERROR_TEXT_SIZE, "%s", error_text);
}

size_t client_agent_event_item_count(const struct smq_batch *batch) {
    return room_of(batch)->event.item_count;
}
