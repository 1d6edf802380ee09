/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Events of an agent on their way to its owner. */
#include "actors/client/events.h"
#include "actors/client_agent/client_agent_private.h"
#include "actors/client_agent/post.h"
#include "queues/base/log.h"

struct smq_batch *client_agent_make_event(struct smq_client_agent *agent, const struct client_agent_server *server,
                                          struct smq_event event, struct smq_client_agent_event client_agent_event,
                                          size_t items) {
    event.user = agent->options.user;
    event.error_text = event.error_text == NULL ? "" : event.error_text;
    client_agent_event.server = server == NULL ? "" : server->name;
    return client_agent_event_create(&event, &client_agent_event, items);
}

bool client_agent_is_held(const struct smq_client_agent *agent) {
    return agent->undelivered_first != NULL;
}

/* Whichever thread returned the credit. The waiter's reference goes along with the message. */
static void credit_is_back(struct channel_waiter *waiter) {
    struct smq_client_agent *agent =
        (struct smq_client_agent *)(void *)((char *)waiter - offsetof(struct smq_client_agent, credit_waiter));
    if (post_agent_credit(agent) != SMQ_OK)
        client_agent_release(agent);
}

static void await_credit(struct smq_client_agent *agent) {
    agent->credit_waiter.notify = credit_is_back;
    events_await_credit(agent->options.events, &client_agent_reference(agent)->credit_waiter);
}

void client_agent_deliver(struct smq_client_agent *agent, struct smq_batch *batch) {
    if (batch == NULL) {
        log_error("agent: out of memory for an event, which is lost");
        return;
    }
    if (client_agent_is_held(agent)) {
        agent->undelivered_last->next = batch;
        agent->undelivered_last = batch;
        return;
    }
    enum smq_result result = agent->options.events == NULL ? SMQ_ERR_CLOSED : events_put(agent->options.events, batch);
    if (result == SMQ_ERR_NO_CREDIT) {
        agent->undelivered_first = agent->undelivered_last = batch;
        await_credit(agent);
    } else if (result != SMQ_OK) {
        smq_batch_release(&batch);
    }
}

/* Puts what there is credit for; drops what cannot be delivered any more. SMQ_ERR_NO_CREDIT: something is left. */
static enum smq_result put_undelivered(struct smq_client_agent *agent) {
    while (client_agent_is_held(agent)) {
        struct smq_batch *batch = agent->undelivered_first;
        struct smq_batch *next = batch->next;
        enum smq_result result = events_put(agent->options.events, batch);
        if (result == SMQ_ERR_NO_CREDIT)
            return result;
        agent->undelivered_first = next;
        if (result != SMQ_OK)
            smq_batch_release(&batch);
    }
    return SMQ_OK;
}

void client_agent_deliver_again(struct smq_client_agent *agent) {
    if (put_undelivered(agent) == SMQ_ERR_NO_CREDIT) {
        await_credit(agent);
        return;
    }
    for (struct client_agent_server *server = agent->all; server != NULL; server = server->next)
        client_agent_server_mark(server);
}

void client_agent_deliver_last(struct smq_client_agent *agent) {
    for (struct smq_batch *batch = agent->undelivered_first, *next; batch != NULL; batch = next) {
        next = batch->next;
        if (events_put_without_credit(agent->options.events, batch) != SMQ_OK)
            smq_batch_release(&batch);
    }
    agent->undelivered_first = NULL;
}
