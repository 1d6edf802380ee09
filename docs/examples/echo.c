/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A complete program with libsmq: sends texts through a router to itself, and prints what comes back.
 *
 *     cc echo.c $(pkg-config --cflags --libs smq) -o echo
 *     ./echo smp://<key hash>@<host>:<port> "first text" "second text"
 *
 * Two connections, as two people would have them: one creates a queue and reads from it, the other secures it and
 * writes to it. */
#include <stdio.h>
#include <string.h>

#include <smq/client.h>

enum { WAIT_MS = 10000 };

/* Says what failed, and why. Returns whether `result` is a failure. */
static bool failed(const char *what, enum smq_result result, const struct smq_error *error) {
    if (result == SMQ_OK)
        return false;
    fprintf(stderr, "%s: %s %s\n", what, smq_result_text(result), error == NULL ? "" : error->text);
    return true;
}

/* Prints and acknowledges messages until `count` have come. An acknowledged message is gone from the router; the
 * next one follows by itself. */
static bool receive(struct smq_client *client, struct smq_events *events, int count) {
    while (count > 0) {
        struct smq_batch *batch;
        enum smq_result result = smq_events_take(events, WAIT_MS, &batch);
        if (failed("waiting for messages", result, NULL))
            return false;
        bool connected = true;
        for (size_t i = 0; i < smq_batch_count(batch); i++) {
            const struct smq_event *event = smq_batch_event(batch, i);
            switch (event->kind) {
            case SMQ_EVENT_MESSAGE:
                printf("%.*s\n", (int)event->body.length, (const char *)event->body.bytes);
                count--;
                (void)smq_acknowledge_async(client, event->receive_queue, event->message_id, 0, 0);
                break;
            case SMQ_EVENT_COMPLETED:
                if (failed("acknowledging", event->result, NULL))
                    fprintf(stderr, "%s\n", event->error_text);
                break;
            case SMQ_EVENT_DISCONNECTED:
                connected = !failed("connection", event->result, NULL);
                break;
            default:
                break;
            }
        }
        smq_batch_release(&batch);
        if (!connected)
            return false;
    }
    return true;
}

/* The sender: knows the queue's address only. */
static bool send_all(struct smq_context *context, const char *uri, char *const *texts, int count) {
    struct smq_send_queue *queue = NULL;
    struct smq_client *client = NULL;
    struct smq_error error;
    char address[SMQ_ADDRESS_TEXT_SIZE];
    bool done = false;
    if (failed("queue address", smq_send_queue_from_uri(uri, &queue), NULL) ||
        failed("router address", smq_send_queue_address(queue, address, sizeof(address)), NULL) ||
        failed("connecting", smq_client_connect(context, address, NULL, &client, &error), &error) ||
        failed("making a key", smq_send_queue_make_key(queue, SMQ_KEY_X25519), NULL) ||
        failed("securing", smq_secure_as_sender(client, queue, 0, &error), &error))
        goto end;
    for (int i = 0; i < count; i++) {
        struct smq_bytes body = {(const uint8_t *)texts[i], strlen(texts[i])};
        if (failed("sending", smq_send(client, queue, false, body, 0, &error), &error))
            goto end;
    }
    done = true;
end:
    smq_client_close(&client);
    smq_send_queue_release(&queue);
    return done;
}

int main(int argc, char **argv) {
    struct smq_context *context = NULL;
    struct smq_events *events = NULL;
    struct smq_client *client = NULL;
    struct smq_receive_queue *queue = NULL;
    struct smq_client_options options;
    struct smq_error error;
    char uri[SMQ_URI_TEXT_SIZE];
    int status = 1;
    if (argc < 3) {
        fprintf(stderr, "usage: %s ROUTER TEXT...\n", argv[0]);
        return 2;
    }
    if (failed("starting", smq_context_create(NULL, &context), NULL) ||
        failed("events", smq_events_create(NULL, &events), NULL))
        goto end;
    smq_client_options_init(&options);
    options.events = events;
    if (failed("connecting", smq_client_connect(context, argv[1], &options, &client, &error), &error) ||
        failed("creating a queue", smq_create_queue(client, NULL, 0, &queue, &error), &error) ||
        failed("queue address", smq_receive_queue_uri(queue, uri, sizeof(uri)), NULL))
        goto end;
    if (send_all(context, uri, argv + 2, argc - 2) && receive(client, events, argc - 2) &&
        !failed("deleting the queue", smq_delete(client, queue, 0, &error), &error))
        status = 0;
end:
    smq_receive_queue_release(&queue);
    smq_client_close(&client);
    smq_context_destroy(&context);
    smq_events_destroy(&events);
    return status;
}
