/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A client of the library with an events queue of its own, for tests. */
#include "test/support/client_fixture.h"

#include <stdio.h>

#include "queues/base/clock.h"
#include "test/support/require.h"
#include "transport/wire/text.h"

enum { WAIT_MS = 10000, QUIET_MS = 50 };

void client_fixture_address(const uint8_t fingerprint[32], uint16_t port, char *buffer, size_t size) {
    struct writer writer = writer_of(buffer, size);
    write_text(&writer, "smp://");
    write_base64(&writer, slice_of(fingerprint, 32), BASE64_URL);
    write_text(&writer, "@127.0.0.1:");
    write_decimal(&writer, port);
    write_u8(&writer, 0);
    require(writer_finish(&writer) == SMQ_OK);
}

enum smq_result client_fixture_try(struct client_fixture *fixture, struct smq_context *context, const char *address,
                                   const struct smq_client_options *options, struct smq_error *error) {
    *fixture = (struct client_fixture){.client = NULL};
    struct smq_client_options chosen;
    smq_client_options_init(&chosen);
    chosen = options == NULL ? chosen : *options;
    if (chosen.events == NULL) {
        require(smq_events_create(NULL, &fixture->events) == SMQ_OK);
        chosen.events = fixture->events;
    }
    enum smq_result result = smq_client_connect(context, address, &chosen, &fixture->client, error);
    if (result != SMQ_OK)
        smq_events_destroy(&fixture->events);
    return result;
}

void client_fixture_connect(struct client_fixture *fixture, struct smq_context *context, const char *address,
                            const struct smq_client_options *options) {
    struct smq_error error = {.result = SMQ_OK};
    enum smq_result result = client_fixture_try(fixture, context, address, options, &error);
    if (result != SMQ_OK)
        (void)fprintf(stderr, "connect: %s (%s)\n", smq_result_text(result), error.text);
    require(result == SMQ_OK);
}

/* The next event, or NULL. */
static const struct smq_event *next_event(struct client_fixture *fixture, int timeout_ms) {
    if (fixture->batch != NULL && fixture->next == smq_batch_count(fixture->batch))
        smq_batch_release(&fixture->batch);
    if (fixture->batch == NULL) {
        fixture->next = 0;
        uint64_t deadline = clock_monotonic_ms() + (uint64_t)timeout_ms;
        while (smq_events_take(fixture->events, timeout_ms, &fixture->batch) != SMQ_OK)
            if (clock_monotonic_ms() >= deadline)
                return NULL;
    }
    return smq_batch_event(fixture->batch, fixture->next++);
}

const struct smq_event *client_fixture_expect(struct client_fixture *fixture, enum smq_event_kind kind) {
    const struct smq_event *event = next_event(fixture, WAIT_MS);
    if (event == NULL)
        (void)fprintf(stderr, "no event of kind %d came\n", (int)kind);
    require(event != NULL);
    if (event->kind != kind) {
        (void)fprintf(stderr, "event of kind %d (%s: %s) instead of %d\n", (int)event->kind,
                      smq_result_text(event->result), event->error_text, (int)kind);
    }
    require(event->kind == kind);
    require(event->client == fixture->client || fixture->client == NULL);
    return event;
}

void client_fixture_expect_nothing(struct client_fixture *fixture) {
    require(next_event(fixture, QUIET_MS) == NULL);
}

void client_fixture_close(struct client_fixture *fixture) {
    struct smq_client_info info;
    smq_client_info(fixture->client, &info);
    bool connected = info.connected;
    smq_client_close(&fixture->client);
    if (fixture->events == NULL)
        return;
    bool disconnected = false;
    while (connected && !disconnected) {
        const struct smq_event *event = next_event(fixture, WAIT_MS);
        require(event != NULL);
        disconnected = event->kind == SMQ_EVENT_DISCONNECTED;
    }
    smq_batch_release(&fixture->batch);
    smq_events_destroy(&fixture->events);
}
