/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Events and the credit for notifications. */
#include "actors/smp/event.h"

#include <string.h>

#include "actors/smp/command_slot.h"
#include "queues/base/memory.h"

static enum smq_result send_event(struct client_session *session, enum smp_response_tag tag, struct slice entity_id,
                                  struct slice payload) {
    if (entity_id.length > UINT8_MAX || payload.length > UINT8_MAX)
        return SMQ_ERR_TOO_LARGE;
    struct event *event = memory_zalloc(sizeof *event + entity_id.length + payload.length);
    if (event == NULL)
        return SMQ_ERR_NO_MEMORY;
    event->outgoing.kind = OUTGOING_EVENT;
    event->outgoing.bytes = (uint32_t)(sizeof *event + entity_id.length + payload.length);
    event->tag = tag;
    event->entity_length = (uint8_t)entity_id.length;
    event->payload_length = (uint8_t)payload.length;
    if (entity_id.length > 0)
        memcpy(event->bytes, entity_id.bytes, entity_id.length);
    if (payload.length > 0)
        memcpy(event->bytes + entity_id.length, payload.bytes, payload.length);
    enum smq_result result = connection_send(session->connection, &event->outgoing);
    if (result != SMQ_OK)
        memory_free(event);
    return result;
}

void event_send(struct client_session *session, enum smp_response_tag tag, struct slice entity_id) {
    (void)send_event(session, tag, entity_id, slice_of(NULL, 0));
}

void event_send_blocked(struct client_session *session, struct slice recipient_id,
                        const struct smp_blocking_info *info) {
    (void)send_event(session, SMP_ERR, recipient_id, slice_of(info, sizeof *info));
}

void event_send_service_end(struct client_session *session, struct slice service_id, int64_t count) {
    (void)send_event(session, SMP_ENDS, service_id, slice_of(&count, sizeof count));
}

enum smq_result event_send_notification(struct client_session *session, struct slice notifier_id,
                                        struct slice notification) {
    if (notification.length != NOTIFICATION_STORED_SIZE)
        return SMQ_ERR_STORE;
    if (atomic_fetch_add_explicit(&session->queued_notifications, 1, memory_order_relaxed) >=
        SESSION_NOTIFICATIONS_MAX) {
        atomic_fetch_sub_explicit(&session->queued_notifications, 1, memory_order_relaxed);
        return SMQ_ERR_NO_CREDIT;
    }
    enum smq_result result = send_event(session, SMP_NMSG, notifier_id, notification);
    if (result != SMQ_OK)
        atomic_fetch_sub_explicit(&session->queued_notifications, 1, memory_order_relaxed);
    return result;
}

void event_response(const struct event *event, struct smp_response *response) {
    *response = (struct smp_response){.tag = event->tag};
    const uint8_t *payload = event->bytes + event->entity_length;
    if (event->tag == SMP_ENDS)
        memcpy(&response->count, payload, sizeof response->count);
    if (event->tag == SMP_ERR) {
        struct smp_blocking_info info;
        memcpy(&info, payload, sizeof info);
        response->error = smp_error_blocked(info);
    }
    if (event->tag != SMP_NMSG)
        return;
    response->notification.nonce = slice_of(payload, BOX_NONCE_SIZE);
    response->notification.metadata =
        slice_of(payload + BOX_NONCE_SIZE, event->payload_length - (size_t)BOX_NONCE_SIZE);
}

void event_release(struct client_session *session, struct event *event) {
    if (event->tag == SMP_NMSG)
        atomic_fetch_sub_explicit(&session->queued_notifications, 1, memory_order_relaxed);
    memory_free(event);
}
