/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Responses in the process lane: which request they end, in time or late. */
#include "actors/client/lane.h"

struct request *lane_claim(struct process_lane *lane, struct smq_client *client, struct slice correlation_id) {
    struct request *request = request_table_find(&lane->requests, client, correlation_id);
    if (request != NULL)
        lane_take_request(lane, request);
    return request;
}

/* The response to a request whose time-out was told before. */
static void draft_late(struct process_lane *lane, const struct request *request, struct smq_event *outcome) {
    struct smq_client *client = request->client;
    outcome->kind = SMQ_EVENT_LATE;
    outcome->client = client;
    outcome->user = client->options.user;
    outcome->command = request->command;
    outcome->tag = request->tag;
    if (request->owner != NULL)
        request->owner->completed(request->owner, request, outcome);
    if (request->owner != NULL || request->internal) {
        event_release_handles(outcome);
        return;
    }
    *lane_draft(lane, client, SMQ_EVENT_LATE) = *outcome;
}

void lane_conclude(struct process_lane *lane, struct request *request, struct smq_event *outcome) {
    if (request->pending) {
        lane_complete(lane, request, outcome);
    } else {
        draft_late(lane, request, outcome);
        request_release(request);
    }
}

void lane_draft_unexpected(struct process_lane *lane, struct smq_client *client, struct slice entity_id,
                           const char *text) {
    struct smq_event *event = lane_draft(lane, client, SMQ_EVENT_UNEXPECTED);
    event->result = SMQ_ERR_PROTOCOL;
    event->entity_id = (struct smq_bytes){entity_id.bytes, entity_id.length};
    event->error_text = text;
}

void lane_fail(struct process_lane *lane, struct request *request, enum smq_result result, const char *text,
               struct slice entity_id) {
    if (request->pending) {
        struct smq_event outcome = {
            .result = result, .error_text = text, .entity_id = {entity_id.bytes, entity_id.length}};
        lane_complete(lane, request, &outcome);
    } else {
        lane_draft_unexpected(lane, request->client, entity_id, text);
        request_release(request);
    }
}
