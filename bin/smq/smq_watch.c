/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smq watch`: messages of any number of queues as they come, through lost connections and restarts of their routers,
 * until a signal or the end of all queues. A message that comes again since its acknowledgement was lost is recognised
 * by its id and not printed twice. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "actors/client_agent/smq/client_agent.h"
#include "bin/smq/smq_message.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

struct watched {
    const char *path;
    struct queue_sides sides;
    bool over;
    size_t last_length; /* the id of the message printed last */
    uint8_t last_id[SMQ_ID_MAX];
};

struct watching {
    const struct smq_options *options;
    struct session session; /* context and events only */
    struct smq_client_agent *agent;
    struct watched *queues;
    size_t count, over;
    uint64_t received, unanswered; /* messages printed; acknowledgements under way */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    (void)number;
    interrupted = 1;
}

/* ---- telling ---- */

static int tell_router(const struct watching *watching, const char *what, const struct smq_event *event) {
    const struct smq_client_agent_event *told = event->agent;
    const char *reason = event->result == SMQ_OK ? "" : smq_result_text(event->result);
    if (!watching->options->json) {
        (void)fprintf(stderr, "smq watch: %s: %s%s%s\n", told->server, what, reason[0] != '\0' ? ": " : "", reason);
        return SMQ_EXIT_DONE;
    }
    return print_object(watching->options, json_pack("{s:s, s:s, s:s, s:I}", "event", what, "server", told->server,
                                                     "reason", reason, "queues", (json_int_t)told->item_count));
}

static struct watched *find(const struct watching *watching, const struct smq_receive_queue *queue) {
    for (size_t index = 0; index < watching->count && queue != NULL; index++)
        if (watching->queues[index].sides.recipient == queue)
            return &watching->queues[index];
    return NULL;
}

static void end_queue(struct watching *watching, const struct smq_receive_queue *queue, const char *why) {
    struct watched *watched = find(watching, queue);
    if (watched == NULL || watched->over)
        return;
    watched->over = true;
    watching->over++;
    (void)session_mistake(watching->options, "%s: %s", watched->path, why);
}

/* ---- events ---- */

static int on_message(struct watching *watching, const struct smq_event *event) {
    struct watched *watched = find(watching, event->receive_queue);
    if (watched == NULL)
        return SMQ_EXIT_DONE;
    if (event->encrypted)
        return session_mistake(watching->options, "%s: a message does not decrypt; `smq acknowledge` drops it",
                               watched->path);
    size_t length = event->message_id.length;
    bool again = length == watched->last_length && memcmp(watched->last_id, event->message_id.bytes, length) == 0;
    int status = again ? SMQ_EXIT_DONE : message_print(watching->options, watched->path, event);
    if (status != SMQ_EXIT_DONE)
        return status;
    watching->received += again || event->quota ? 0 : 1;
    watched->last_length = length;
    memcpy(watched->last_id, event->message_id.bytes, length);
    /* When the connection is lost meanwhile, the message comes again on the next one. */
    if (smq_acknowledge_async(event->client, event->receive_queue, event->message_id,
                              session_timeout_ms(&watching->session), 0) == SMQ_OK)
        watching->unanswered++;
    return SMQ_EXIT_DONE;
}

static int on_agent_event(struct watching *watching, const struct smq_event *event) {
    switch (event->agent->kind) {
    case SMQ_CLIENT_AGENT_CONNECT_FAILED:
        return tell_router(watching, "not connected", event);
    case SMQ_CLIENT_AGENT_DISCONNECTED:
        return tell_router(watching, "connection lost", event);
    case SMQ_CLIENT_AGENT_SUBSCRIBED:
        return tell_router(watching, "subscribed", event);
    case SMQ_CLIENT_AGENT_SUBSCRIBE_FAILED:
        for (size_t index = 0; index < event->agent->item_count; index++)
            end_queue(watching, event->agent->items[index].receive_queue, "the router refuses the subscription");
        return SMQ_EXIT_DONE;
    default:
        return SMQ_EXIT_DONE;
    }
}

static int on_event(struct watching *watching, const struct smq_event *event) {
    switch (event->kind) {
    case SMQ_EVENT_MESSAGE:
        return on_message(watching, event);
    case SMQ_EVENT_CLIENT_AGENT:
        return on_agent_event(watching, event);
    case SMQ_EVENT_COMPLETED:
        watching->unanswered -= event->command == SMQ_COMMAND_ACKNOWLEDGE ? 1 : 0;
        return SMQ_EXIT_DONE;
    case SMQ_EVENT_SUBSCRIPTION_ENDED:
        end_queue(watching, event->receive_queue, "somebody else receives from this queue now");
        return SMQ_EXIT_DONE;
    case SMQ_EVENT_QUEUE_DELETED:
        end_queue(watching, event->receive_queue, "the queue was deleted");
        return SMQ_EXIT_DONE;
    default:
        return SMQ_EXIT_DONE;
    }
}

static bool is_complete(const struct watching *watching) {
    return watching->options->count > 0 && watching->received >= (uint64_t)watching->options->count;
}

/* Deals with what is there. After the last message wanted, others stay unacknowledged in their queues. */
static int deal_with_events(struct watching *watching) {
    struct smq_batch *batch = NULL;
    int status = SMQ_EXIT_DONE;
    while (status == SMQ_EXIT_DONE && smq_events_take(watching->session.events, 0, &batch) == SMQ_OK) {
        for (size_t index = 0; index < smq_batch_count(batch) && status == SMQ_EXIT_DONE; index++) {
            const struct smq_event *event = smq_batch_event(batch, index);
            if (event->kind != SMQ_EVENT_MESSAGE || !is_complete(watching))
                status = on_event(watching, event);
        }
        smq_batch_release(&batch);
    }
    return status;
}

/* ---- the run ---- */

/* Signals are let in only while it waits, so that none is missed. */
static int watch(struct watching *watching, const sigset_t *former) {
    struct pollfd ready = {.fd = smq_events_descriptor(watching->session.events), .events = POLLIN};
    int status = SMQ_EXIT_DONE;
    while (status == SMQ_EXIT_DONE && interrupted == 0 && !is_complete(watching)) {
        if (watching->over == watching->count)
            return SMQ_EXIT_REFUSED;
        if (ppoll(&ready, 1, NULL, former) < 0 && errno != EINTR)
            return session_mistake(watching->options, "cannot wait: %s", strerror(errno));
        status = deal_with_events(watching);
    }
    uint64_t end = clock_monotonic_ms() + session_timeout_ms(&watching->session);
    while (status == SMQ_EXIT_DONE && watching->unanswered > 0 && clock_monotonic_ms() < end) {
        (void)poll(&ready, 1, 100);
        status = deal_with_events(watching);
    }
    return status;
}

static int read_files(struct watching *watching, int count, char **words) {
    watching->queues = memory_zalloc_array((size_t)count, sizeof *watching->queues);
    if (watching->queues == NULL)
        return session_fail(watching->options, "cannot start", SMQ_ERR_NO_MEMORY, NULL);
    for (int index = 0; index < count; index++) {
        struct smq_options options = *watching->options;
        struct session session = {.options = &options};
        options.file = words[index];
        int status = session_read_recipient(&session);
        if (status != SMQ_EXIT_DONE) {
            queue_sides_release(&session.sides);
            return status;
        }
        watching->queues[watching->count++] = (struct watched){.path = words[index], .sides = session.sides};
    }
    return SMQ_EXIT_DONE;
}

static int start_agent(struct watching *watching) {
    struct smq_client_agent_options options;
    struct session *session = &watching->session;
    int status = session_start(session, true);
    if (status != SMQ_EXIT_DONE)
        return status;
    smq_client_agent_options_init(&options);
    options.events = session->events;
    options.client.network = session->network;
    options.client.connect_timeout_ms = session_timeout_ms(session);
    enum smq_result result = smq_client_agent_create(session->context, &options, &watching->agent);
    for (size_t index = 0; index < watching->count && result == SMQ_OK; index++)
        result = smq_client_agent_subscribe(watching->agent, &watching->queues[index].sides.recipient, 1);
    return result == SMQ_OK ? SMQ_EXIT_DONE : session_fail(watching->options, "cannot start", result, NULL);
}

int smq_command_watch(const struct smq_options *options, int count, char **words) {
    struct watching watching = {.options = options, .session = {.options = options}};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t ends, former;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, &former);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    int status = read_files(&watching, count, words);
    if (status == SMQ_EXIT_DONE)
        status = start_agent(&watching);
    if (status == SMQ_EXIT_DONE)
        status = watch(&watching, &former);
    smq_client_agent_close(&watching.agent);
    session_end(&watching.session);
    for (size_t index = 0; index < watching.count; index++)
        queue_sides_release(&watching.queues[index].sides);
    memory_free(watching.queues);
    return status;
}
