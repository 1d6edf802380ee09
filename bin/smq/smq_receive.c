/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* `smq receive`, `smq subscribe` and `smq acknowledge`. A message is acknowledged after it was printed, so that none is
 * lost; one whose acknowledgement is lost is printed again the next time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bin/smq/smq_message.h"
#include "queues/base/clock.h"
#include "queues/base/cursor.h"
#include "transport/wire/text.h"

enum { WAIT_FOREVER = -1, TAKE_SLICE_MS = 60000 };

struct receiving {
    struct session *session;
    int64_t wait_s;
    uint64_t received;
    bool over; /* nothing more is to come */
};

/* Prints and acknowledges one message. */
static int deal_with(struct receiving *receiving, const struct smq_event *event) {
    const struct session *session = receiving->session;
    const struct smq_options *options = session->options;
    struct smq_error error;
    if (event->encrypted)
        return session_mistake(options, "a message does not decrypt; `smq acknowledge` drops it");
    int status = message_print(options, NULL, event);
    if (status != SMQ_EXIT_DONE)
        return status;
    receiving->received += event->quota ? 0 : 1;
    receiving->over = options->keep || (options->count > 0 && receiving->received >= (uint64_t)options->count);
    if (options->keep)
        return SMQ_EXIT_DONE;
    enum smq_result result = smq_acknowledge(session->client, session->sides.recipient, event->message_id,
                                             session_timeout_ms(session), &error);
    return result == SMQ_OK ? SMQ_EXIT_DONE : session_fail(options, "the message was not acknowledged", result, &error);
}

/* ---- without waiting: GET after GET until there is none ---- */

static int get_messages(struct receiving *receiving) {
    const struct session *session = receiving->session;
    int status = SMQ_EXIT_DONE;
    while (status == SMQ_EXIT_DONE && !receiving->over) {
        struct smq_batch *answer = NULL;
        struct smq_error error;
        enum smq_result result =
            smq_get_message(session->client, session->sides.recipient, session_timeout_ms(session), &answer, &error);
        if (result != SMQ_OK)
            return session_fail(session->options, "no message", result, &error);
        const struct smq_event *event = smq_batch_event(answer, 0);
        receiving->over = !event->has_message;
        if (event->has_message)
            status = deal_with(receiving, event);
        smq_batch_release(&answer);
    }
    return status;
}

/* ---- waiting: a subscription ---- */

static int on_event(struct receiving *receiving, const struct smq_event *event, bool *message) {
    const struct smq_options *options = receiving->session->options;
    switch (event->kind) {
    case SMQ_EVENT_MESSAGE:
        *message = true;
        return deal_with(receiving, event);
    case SMQ_EVENT_DISCONNECTED:
        return session_fail(options, "the connection was lost", SMQ_ERR_CLOSED, NULL);
    case SMQ_EVENT_SUBSCRIPTION_ENDED:
        (void)session_mistake(options, "somebody else receives from this queue now");
        return SMQ_EXIT_REFUSED;
    case SMQ_EVENT_QUEUE_DELETED:
        (void)session_mistake(options, "the queue was deleted");
        return SMQ_EXIT_REFUSED;
    default:
        return SMQ_EXIT_DONE;
    }
}

/* Waits for one message, at most --wait. */
static int wait_for_message(struct receiving *receiving) {
    uint64_t end = clock_monotonic_ms() + (uint64_t)(receiving->wait_s > 0 ? receiving->wait_s : 0) * 1000;
    bool message = false;
    int status = SMQ_EXIT_DONE;
    while (!message && status == SMQ_EXIT_DONE) {
        uint64_t now = clock_monotonic_ms();
        uint64_t left = end > now ? end - now : 0;
        struct smq_batch *batch = NULL;
        bool forever = receiving->wait_s == WAIT_FOREVER;
        int timeout = forever || left > TAKE_SLICE_MS ? TAKE_SLICE_MS : (int)left;
        enum smq_result result = smq_events_take(receiving->session->events, timeout, &batch);
        if (result == SMQ_ERR_TIMEOUT && !forever && clock_monotonic_ms() >= end) {
            receiving->over = true;
            return SMQ_EXIT_DONE;
        }
        if (result != SMQ_OK && result != SMQ_ERR_TIMEOUT)
            return session_fail(receiving->session->options, "cannot wait", result, NULL);
        for (size_t index = 0; result == SMQ_OK && index < smq_batch_count(batch) && status == SMQ_EXIT_DONE; index++)
            status = on_event(receiving, smq_batch_event(batch, index), &message);
        smq_batch_release(&batch);
    }
    return status;
}

static int subscribe(struct receiving *receiving) {
    const struct session *session = receiving->session;
    struct smq_error error;
    enum smq_result result =
        smq_subscribe(session->client, session->sides.recipient, session_timeout_ms(session), &error);
    if (result != SMQ_OK)
        return session_fail(session->options, "cannot subscribe", result, &error);
    int status = SMQ_EXIT_DONE;
    while (status == SMQ_EXIT_DONE && !receiving->over)
        status = wait_for_message(receiving);
    return status;
}

static int receive(const struct smq_options *options, int64_t wait_s) {
    struct session session = {.options = options};
    struct receiving receiving = {.session = &session, .wait_s = wait_s};
    int status = session_read_recipient(&session);
    if (status == SMQ_EXIT_DONE)
        status = session_connect_to_queue(&session, receiving.wait_s != 0);
    if (status == SMQ_EXIT_DONE)
        status = receiving.wait_s == 0 ? get_messages(&receiving) : subscribe(&receiving);
    if (status == SMQ_EXIT_DONE && receiving.received < (uint64_t)options->count) {
        (void)session_mistake(options, "%" PRIu64 " of %" PRId64 " messages came in time", receiving.received,
                              options->count);
        status = SMQ_EXIT_FEWER;
    }
    session_end(&session);
    return status;
}

int smq_command_receive(const struct smq_options *options, int count, char **words) {
    (void)count;
    (void)words;
    bool waits = options->wait_s != WAIT_FOREVER || options->count != 0;
    return receive(options, waits ? options->wait_s : 0);
}

int smq_command_subscribe(const struct smq_options *options, int count, char **words) {
    (void)count;
    (void)words;
    return receive(options, WAIT_FOREVER);
}

/* ---- acknowledge ---- */

/* The id of --message, or that of the first message. */
static int wanted_id(const struct smq_options *options, const struct smq_event *event, struct smq_bytes *id,
                     uint8_t buffer[SMQ_ID_MAX]) {
    *id = event->message_id;
    if (options->message == NULL)
        return SMQ_EXIT_DONE;
    size_t length = 0;
    if (base64url_parse(slice_of_text(options->message), buffer, SMQ_ID_MAX, &length) != SMQ_OK)
        return session_mistake(options, "--message: expected an id in base64url");
    if (slice_equal(slice_of(buffer, length), slice_of(event->message_id.bytes, event->message_id.length)))
        return SMQ_EXIT_DONE;
    (void)session_mistake(options, "the first message of the queue is another one");
    return SMQ_EXIT_REFUSED;
}

static int acknowledge(struct session *session) {
    const struct smq_options *options = session->options;
    struct smq_batch *answer = NULL;
    struct smq_error error;
    struct smq_bytes id = {.length = 0};
    uint8_t buffer[SMQ_ID_MAX];
    enum smq_result result =
        smq_get_message(session->client, session->sides.recipient, session_timeout_ms(session), &answer, &error);
    if (result != SMQ_OK)
        return session_fail(options, "no message", result, &error);
    const struct smq_event *event = smq_batch_event(answer, 0);
    int status;
    if (!event->has_message) {
        (void)session_mistake(options, "the queue is empty");
        status = SMQ_EXIT_REFUSED;
    } else {
        status = wanted_id(options, event, &id, buffer);
    }
    if (status == SMQ_EXIT_DONE) {
        result = smq_acknowledge(session->client, session->sides.recipient, id, session_timeout_ms(session), &error);
        if (result != SMQ_OK)
            status = session_fail(options, "the message was not acknowledged", result, &error);
        else if (options->json)
            status = print_object(options, json_pack("{s:o}", "acknowledged", json_of_bytes(id)));
    }
    smq_batch_release(&answer);
    return status;
}

int smq_command_acknowledge(const struct smq_options *options, int count, char **words) {
    struct session session = {.options = options};
    (void)count;
    (void)words;
    int status = session_read_recipient(&session);
    if (status == SMQ_EXIT_DONE)
        status = session_connect_to_queue(&session, false);
    if (status == SMQ_EXIT_DONE)
        status = acknowledge(&session);
    session_end(&session);
    return status;
}
