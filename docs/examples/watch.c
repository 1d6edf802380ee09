/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A complete program with an agent of libsmq: creates a queue on each of several routers, prints their addresses, and
 * then what arrives, through lost connections and restarts of the routers.
 *
 *     cc watch.c $(pkg-config --cflags --libs smq) -o watch
 *     ./watch COUNT smp://<key hash>@<host>:<port> ...
 *
 * It ends after COUNT messages. A real program would store the queues (smq_receive_queue_export), and each message
 * before it acknowledges it. */
#include <stdio.h>
#include <stdlib.h>

#include <smq/client_agent.h>

enum { QUEUES_MAX = 1000 };

/* Says what failed, and why. Returns whether `result` is a failure. */
static bool failed(const char *what, enum smq_result result, const struct smq_error *error) {
    if (result == SMQ_OK)
        return false;
    fprintf(stderr, "%s: %s %s\n", what, smq_result_text(result), error == NULL ? "" : error->text);
    return true;
}

/* A new queue on the router, over the agent's connection to it. The agent is told to keep it subscribed. */
static bool add_queue(struct smq_client_agent *agent, const char *router, struct smq_receive_queue **queue) {
    struct smq_create_options options;
    struct smq_client *client = NULL;
    struct smq_error error;
    char uri[SMQ_URI_TEXT_SIZE];
    bool done = false;
    smq_create_options_init(&options);
    options.subscribe = false;
    if (!failed(router, smq_client_agent_connect(agent, router, 0, &client, &error), &error) &&
        !failed("creating a queue", smq_create_queue(client, &options, 0, queue, &error), &error) &&
        !failed("queue address", smq_receive_queue_uri(*queue, uri, sizeof(uri)), NULL) &&
        !failed("subscribing", smq_client_agent_subscribe(agent, queue, 1), NULL)) {
        printf("%s\n", uri);
        fflush(stdout);
        done = true;
    }
    smq_client_agent_client_release(&client);
    return done;
}

/* What the agent tells about connections and subscriptions. */
static void print_agent_event(const struct smq_event *event) {
    const struct smq_client_agent_event *told = event->agent;
    switch (told->kind) {
    case SMQ_CLIENT_AGENT_CONNECTED:
        fprintf(stderr, "%s: connected\n", told->server);
        break;
    case SMQ_CLIENT_AGENT_CONNECT_FAILED:
        fprintf(stderr, "%s: not connected: %s; trying again\n", told->server, event->error_text);
        break;
    case SMQ_CLIENT_AGENT_DISCONNECTED:
        fprintf(stderr, "%s: connection lost: %s; %zu queues wait\n", told->server, smq_result_text(event->result),
                told->item_count);
        break;
    case SMQ_CLIENT_AGENT_SUBSCRIBED:
        fprintf(stderr, "%s: %zu queues active\n", told->server, told->item_count);
        break;
    case SMQ_CLIENT_AGENT_SUBSCRIBE_FAILED:
        for (size_t i = 0; i < told->item_count; i++)
            fprintf(stderr, "%s: a queue is gone: %s\n", told->server, smq_result_text(told->items[i].result));
        break;
    default:
        break;
    }
}

/* Prints and acknowledges messages until `count` have come. */
static bool watch(struct smq_events *events, long count) {
    while (count > 0) {
        struct smq_batch *batch;
        if (failed("waiting", smq_events_take(events, -1, &batch), NULL))
            return false;
        for (size_t i = 0; i < smq_batch_count(batch); i++) {
            const struct smq_event *event = smq_batch_event(batch, i);
            if (event->kind == SMQ_EVENT_CLIENT_AGENT) {
                print_agent_event(event);
            } else if (event->kind == SMQ_EVENT_MESSAGE && event->receive_queue != NULL) {
                printf("%.*s\n", (int)event->body.length, (const char *)event->body.bytes);
                fflush(stdout);
                count--;
                /* On the connection that it came by. If that is lost before, the message comes again. */
                (void)smq_acknowledge_async(event->client, event->receive_queue, event->message_id, 0, 0);
            }
        }
        smq_batch_release(&batch);
    }
    return true;
}

int main(int argc, char **argv) {
    static struct smq_receive_queue *queues[QUEUES_MAX];
    struct smq_context *context = NULL;
    struct smq_events *events = NULL;
    struct smq_client_agent *agent = NULL;
    struct smq_client_agent_options options;
    int status = 1;
    if (argc < 3 || argc - 2 > QUEUES_MAX) {
        fprintf(stderr, "usage: %s COUNT ROUTER...\n", argv[0]);
        return 2;
    }
    smq_client_agent_options_init(&options);
    if (failed("starting", smq_context_create(NULL, &context), NULL) ||
        failed("events", smq_events_create(NULL, &options.events), NULL))
        goto end;
    events = options.events;
    if (failed("starting", smq_client_agent_create(context, &options, &agent), NULL))
        goto end;
    for (int i = 2; i < argc; i++)
        if (!add_queue(agent, argv[i], &queues[i - 2]))
            goto end;
    if (watch(events, strtol(argv[1], NULL, 10)))
        status = 0;
end:
    smq_client_agent_close(&agent);
    for (int i = 0; i < QUEUES_MAX; i++)
        smq_receive_queue_release(&queues[i]);
    smq_context_destroy(&context);
    smq_events_destroy(&events);
    return status;
}
