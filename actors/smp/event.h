/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Events: what the router tells a client without being asked, other than messages: END, ENDS, DELD, NMSG, ERR
 * BLOCKED. */
#pragma once

#include <stdint.h>

#include "actors/smp/client_session.h"
#include "queues/base/cursor.h"
#include "transport/smp/response.h"

/* On its way to one connection. */
struct event {
    struct outgoing outgoing; /* first */
    enum smp_response_tag tag;
    uint8_t entity_length;
    uint8_t payload_length; /* NMSG: nonce and metadata, as stored; ENDS: the count; ERR: why it is blocked */
    uint8_t bytes[];        /* entity id, then payload */
};

/* Queues END or DELD for the entity. When memory is short or the connection is closed nobody is told. Never blocks. */
void event_send(struct client_session *session, enum smp_response_tag tag, struct slice entity_id);
/* Queues ERR BLOCKED for the queue, likewise. */
void event_send_blocked(struct client_session *session, struct slice recipient_id,
                        const struct smp_blocking_info *info);
/* Queues ENDS for the service, likewise. */
void event_send_service_end(struct client_session *session, struct slice service_id, int64_t count);
/* Queues NMSG with a stored notification; counted in the session's queued_notifications. SMQ_ERR_NO_MEMORY,
 * SMQ_ERR_CLOSED, SMQ_ERR_NO_CREDIT (SESSION_NOTIFICATIONS_MAX are on their way). */
enum smq_result event_send_notification(struct client_session *session, struct slice notifier_id,
                                        struct slice notification);

/* The event as a response; its slices point into the event. */
void event_response(const struct event *event, struct smp_response *response);
/* Send lane: it was written, or will never be. */
void event_release(struct client_session *session, struct event *event);
