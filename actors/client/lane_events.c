/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Events of a lane's clients on their way to the consumers, and the list of those clients, which lives until they are
 * delivered. */
#include <string.h>

#include "actors/client/events.h"
#include "actors/client/lane.h"
#include "queues/base/log.h"

/* ---- list of clients ---- */

void lane_add_client(struct process_lane *lane, struct smq_client *client) {
    client->is_listed = true;
    client->lane_next = lane->clients;
    client->lane_previous = NULL;
    if (lane->clients != NULL)
        lane->clients->lane_previous = client;
    lane->clients = client;
}

/* Gives up the lane's reference: after the end of the client, when all its events are delivered. */
void lane_forget_client(struct process_lane *lane, struct smq_client *client) {
    client->is_listed = false;
    if (client->lane_next != NULL)
        client->lane_next->lane_previous = client->lane_previous;
    if (client->lane_previous != NULL)
        client->lane_previous->lane_next = client->lane_next;
    else
        lane->clients = client->lane_next;
    client_release(client);
}

/* ---- events ---- */

void event_release_handles(struct smq_event *event) {
    smq_receive_queue_release(&event->receive_queue);
    smq_send_queue_release(&event->send_queue);
    smq_notifier_release(&event->notifier);
}

struct smq_event *lane_draft(struct process_lane *lane, struct smq_client *client, enum smq_event_kind kind) {
    if (lane->draft_count == LANE_DRAFTS)
        lane_deliver(lane, client);
    struct smq_event *event = &lane->drafts[lane->draft_count++];
    *event = (struct smq_event){.kind = kind, .client = client, .user = client->options.user};
    return event;
}

char *lane_text_room(struct process_lane *lane) {
    return lane->text_used + SMQ_ERROR_TEXT_SIZE > LANE_TEXTS ? NULL : lane->texts + lane->text_used;
}

const char *lane_text_written(struct process_lane *lane) {
    const char *text = lane->texts + lane->text_used;
    lane->text_used += strlen(text) + 1;
    return text;
}

void lane_deliver(struct process_lane *lane, struct smq_client *client) {
    size_t count = lane->draft_count;
    lane->draft_count = 0;
    lane->text_used = 0;
    if (count == 0)
        return;
    struct smq_batch *batch = client->options.events == NULL ? NULL : batch_create(lane->drafts, count);
    if (batch != NULL) {
        lane_put(client, batch);
        return;
    }
    for (size_t i = 0; i < count; i++)
        event_release_handles(&lane->drafts[i]);
    if (client->options.events != NULL && client->connection != NULL) {
        log_error("client: out of memory for events, closing the connection");
        connection_close(client->connection, SMQ_ERR_NO_MEMORY, false);
    }
}

/* What notified runs on: whichever thread returned the credit. The waiter's reference goes along with the message. */
static void credit_is_back(struct channel_waiter *waiter) {
    struct smq_client *client = (struct smq_client *)(void *)((char *)waiter - offsetof(struct smq_client, waiter));
    if (post_credit(client) != SMQ_OK)
        client_release(client);
}

static void await_credit(struct smq_client *client) {
    client->waiter.notify = credit_is_back;
    (void)client_reference(client);
    events_await_credit(client->options.events, &client->waiter);
}

void lane_put(struct smq_client *client, struct smq_batch *batch) {
    if (client->waiting_first != NULL) {
        client->waiting_last->next = batch;
        client->waiting_last = batch;
        return;
    }
    enum smq_result result =
        client->options.events == NULL ? SMQ_ERR_CLOSED : events_put(client->options.events, batch);
    if (result == SMQ_ERR_NO_CREDIT) {
        client->waiting_first = client->waiting_last = batch;
        await_credit(client);
        if (client->connection != NULL)
            connection_pause(client->connection);
        if (!client->is_listed) /* of a command that came after the end */
            lane_add_client(client->lane, client_reference(client));
    } else if (result != SMQ_OK) {
        smq_batch_release(&batch);
    }
}

/* The lane ends: what waits goes to the consumer without credit, since nobody could put it there later. */
void lane_put_the_rest(struct smq_client *client) {
    for (struct smq_batch *batch = client->waiting_first, *next; batch != NULL; batch = next) {
        next = batch->next;
        if (events_put_without_credit(client->options.events, batch) != SMQ_OK)
            smq_batch_release(&batch);
    }
    client->waiting_first = client->waiting_last = NULL;
}

/* Credit may be back: puts what waits, in order. */
void lane_put_waiting(struct process_lane *lane, struct smq_client *client) {
    while (client->waiting_first != NULL) {
        struct smq_batch *batch = client->waiting_first;
        struct smq_batch *next = batch->next;
        enum smq_result result = events_put(client->options.events, batch);
        if (result == SMQ_ERR_NO_CREDIT) {
            await_credit(client);
            return;
        }
        client->waiting_first = next;
        if (result != SMQ_OK)
            smq_batch_release(&batch);
    }
    client->waiting_last = NULL;
    if (client->connection != NULL)
        connection_resume(client->connection);
    if (client->phase == CLIENT_CLOSED)
        lane_forget_client(lane, client);
}
