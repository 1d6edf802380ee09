/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Received blocks in the process lane: what is a response, what an event, what neither (reference: Client.hs,
 * processMsg).
 *
 * All events of a block are drafts of the lane that point into the block; they leave as one batch. */
#include "actors/client/smp/forward_private.h"
#include "actors/client/smp/through_proxy.h"

#include "transport/block/batch.h"

static struct smq_bytes bytes_of(struct slice slice) {
    return (struct smq_bytes){slice.bytes, slice.length};
}

static void draft_error(struct process_lane *lane, struct smq_client *client, enum smq_event_kind kind,
                        enum smq_result result, const struct smp_error *error, struct slice entity_id) {
    struct smq_event *event = lane_draft(lane, client, kind);
    event->result = result;
    event->entity_id = bytes_of(entity_id);
    event->error_text = lane_error_text(lane, error);
    if (result == SMQ_ERR_PROTOCOL)
        event->protocol = protocol_error_of(error);
}

/* Gives `event` references to the handles known for its id. */
static void add_handles(struct process_lane *lane, struct smq_client *client, struct slice entity_id,
                        struct smq_event *event) {
    struct subscription *subscription = registry_find(lane_registry(lane), client, entity_id);
    if (subscription != NULL && subscription->receive_queue != NULL)
        event->receive_queue = smq_receive_queue_reference(subscription->receive_queue);
    else if (subscription != NULL)
        event->notifier = smq_notifier_reference(subscription->notifier);
}

static void draft_message(struct process_lane *lane, struct smq_client *client, struct slice entity_id,
                          const struct smp_response *response, struct block *block) {
    struct smq_event *event = lane_draft(lane, client, SMQ_EVENT_MESSAGE);
    event->entity_id = bytes_of(entity_id);
    add_handles(lane, client, entity_id, event);
    message_outcome(client, event->receive_queue, response, block, event);
}

static void draft_notification(struct process_lane *lane, struct smq_client *client, struct slice entity_id,
                               const struct smp_response *response, struct block *block) {
    struct smq_event *event = lane_draft(lane, client, SMQ_EVENT_NOTIFICATION);
    event->entity_id = bytes_of(entity_id);
    add_handles(lane, client, entity_id, event);
    notification_outcome(event->notifier, response, block, event);
}

/* END keeps the handle: the client may have subscribed again already. */
static void draft_end(struct process_lane *lane, struct smq_client *client, struct slice entity_id,
                      enum smq_event_kind kind) {
    if (client->observer != NULL)
        client->observer->ended(client->observer, client, entity_id);
    struct smq_event *event = lane_draft(lane, client, kind);
    event->entity_id = bytes_of(entity_id);
    add_handles(lane, client, entity_id, event);
    struct subscription *subscription = registry_find(lane_registry(lane), client, entity_id);
    if (kind == SMQ_EVENT_QUEUE_DELETED && subscription != NULL)
        registry_remove(lane_registry(lane), subscription);
}

static void draft_service_end(struct process_lane *lane, struct smq_client *client, struct slice service_id,
                              const struct smp_response *response) {
    if (client->observer != NULL)
        client->observer->ended(client->observer, client, service_id);
    struct smq_event *event = lane_draft(lane, client, SMQ_EVENT_SERVICE_ENDED);
    event->entity_id = bytes_of(service_id);
    event->service_count = response->count;
}

/* A transmission with an empty correlation id. */
static void handle_event(struct process_lane *lane, struct smq_client *client, struct slice entity_id,
                         const struct smp_response *response, struct block *block) {
    switch (response->tag) {
    case SMP_MSG:
        draft_message(lane, client, entity_id, response, block);
        break;
    case SMP_NMSG:
        draft_notification(lane, client, entity_id, response, block);
        break;
    case SMP_END:
        draft_end(lane, client, entity_id, SMQ_EVENT_SUBSCRIPTION_ENDED);
        break;
    case SMP_DELD:
        draft_end(lane, client, entity_id, SMQ_EVENT_QUEUE_DELETED);
        break;
    case SMP_ENDS:
        draft_service_end(lane, client, entity_id, response);
        break;
    case SMP_ERR:
        draft_error(lane, client, SMQ_EVENT_ERROR, SMQ_ERR_PROTOCOL, &response->error, entity_id);
        break;
    default:
        lane_draft_unexpected(lane, client, entity_id, smp_response_tag_text(response->tag));
        break;
    }
}

static bool forwards_message(const struct request *request, const struct smp_response *response) {
    return response->tag == SMP_MSG &&
           (request->command == SMQ_COMMAND_SUBSCRIBE || request->command == SMQ_COMMAND_ACKNOWLEDGE ||
            request->command == SMQ_COMMAND_GET_MESSAGE);
}

/* The response's message as an event of its own. The body was opened in the block already, if the outcome has it. */
static void forward_message(struct process_lane *lane, struct smq_client *client, struct slice entity_id,
                            const struct smp_response *response, struct block *block, const struct smq_event *message) {
    if (message->message_id.length == 0) {
        draft_message(lane, client, entity_id, response, block);
        return;
    }
    struct smq_event *event = lane_draft(lane, client, SMQ_EVENT_MESSAGE);
    struct smq_event copy = *message;
    copy.kind = SMQ_EVENT_MESSAGE;
    copy.has_message = false;
    copy.client = client;
    copy.user = client->options.user;
    copy.receive_queue = copy.receive_queue == NULL ? NULL : smq_receive_queue_reference(copy.receive_queue);
    *event = copy;
}

/* A response to `request`, which was taken out of the table. */
static void handle_response(struct process_lane *lane, struct smq_client *client, struct request *request,
                            struct slice entity_id, const struct smp_response *response, struct block *block) {
    struct smq_event outcome = {.entity_id = bytes_of(entity_id)};
    request_outcome(lane, request, response, block, &outcome);
    struct smq_event message = outcome;
    if (message.receive_queue != NULL)
        (void)smq_receive_queue_reference(message.receive_queue);
    bool forward = forwards_message(request, response);
    lane_conclude(lane, request, &outcome);
    if (forward)
        forward_message(lane, client, entity_id, response, block, &message);
    smq_receive_queue_release(&message.receive_queue);
}

/* The same for a response to a command through a proxy: the id of its queue is the request's, so that the event is
 * delivered while there is one. */
static void handle_proxied_response(struct process_lane *lane, struct smq_client *client, struct request *request,
                                    const struct smp_response *response, struct block *block) {
    struct smq_event outcome = {.entity_id = bytes_of(request->entity)};
    request_outcome(lane, request, response, block, &outcome);
    atomic_fetch_add_explicit(&request->references, 1, memory_order_relaxed);
    lane_conclude(lane, request, &outcome);
    lane_deliver(lane, client);
    request_release(request);
}

static void handle_transmission(struct process_lane *lane, struct smq_client *client, struct slice bytes,
                                struct block *block) {
    struct transmission_form form = smp_session_form(&smp_client(client)->session);
    struct transmission transmission;
    struct smp_response response;
    struct smp_error error;
    if (smp_transmission_parse(&form, bytes, &transmission, &error) != SMQ_OK) {
        draft_error(lane, client, SMQ_EVENT_ERROR, SMQ_ERR_SYNTAX, &error, slice_of(NULL, 0));
        return;
    }
    enum smq_result parsed = smp_response_parse(form.version, transmission.command, &response, &error);
    if (parsed == SMQ_OK)
        parsed = smp_response_check_entity(&response, transmission.entity_id.length > 0, &error);
    if (transmission.correlation_id.length == 0) {
        if (parsed == SMQ_OK)
            handle_event(lane, client, transmission.entity_id, &response, block);
        else
            draft_error(lane, client, SMQ_EVENT_ERROR, SMQ_ERR_SYNTAX, &error, transmission.entity_id);
        return;
    }
    struct request *request = lane_claim(lane, client, transmission.correlation_id);
    if (request == NULL &&
        forward_answered(client, &(struct relay_said){&transmission, parsed, &response, &error, NULL}))
        return;
    if (request == NULL) {
        lane_draft_unexpected(lane, client, transmission.entity_id, "response to no command");
        return;
    }
    if (!slice_equal(request_answered_entity(request), transmission.entity_id)) {
        lane_fail(lane, request, SMQ_ERR_PROTOCOL, "response for another entity", transmission.entity_id);
    } else if (parsed != SMQ_OK) {
        smp_request(request)->syntax_error = &error;
        lane_fail(lane, request, SMQ_ERR_SYNTAX, lane_error_text(lane, &error), transmission.entity_id);
    } else if (!through_proxy_is_renewed(lane, request, &response)) {
        smp_request(request)->response = &response;
        if (smp_request(request)->proxied != NULL)
            handle_proxied_response(lane, client, request, &response, block);
        else
            handle_response(lane, client, request, transmission.entity_id, &response, block);
    }
}

void smp_received(struct process_lane *lane, struct smq_client *client, struct block *block) {
    struct slice bytes;
    struct block_content content;
    enum smq_result result = smp_session_open_block(&smp_client(client)->session, block->bytes, &bytes);
    if (result == SMQ_OK)
        result = block_content_open(bytes, &content);
    if (result != SMQ_OK) {
        struct smp_error error = smp_error_of(SMP_ERROR_BLOCK);
        draft_error(lane, client, SMQ_EVENT_ERROR, result, &error, slice_of(NULL, 0));
    } else {
        struct slice transmission;
        while (block_content_next(&content, &transmission))
            handle_transmission(lane, client, transmission, block);
    }
    lane_deliver(lane, client);
}
