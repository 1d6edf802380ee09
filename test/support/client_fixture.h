/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A client of the library with an events queue of its own, for tests. Failures fail the test (cmocka). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/client.h"

struct client_fixture {
    struct smq_client *client;
    struct smq_events *events;
    struct smq_batch *batch; /* being looked at */
    size_t next;             /* event of it */
};

/* smp://<key hash>@127.0.0.1:<port> */
void client_fixture_address(const uint8_t fingerprint[32], uint16_t port, char *buffer, size_t size);

/* Connects, blocking, with events of its own. `options` may be NULL; its events are replaced. */
void client_fixture_connect(struct client_fixture *fixture, struct smq_context *context, const char *address,
                            const struct smq_client_options *options);
/* The same without expecting success. */
enum smq_result client_fixture_try(struct client_fixture *fixture, struct smq_context *context, const char *address,
                                   const struct smq_client_options *options, struct smq_error *error);

/* The next event, which must be of this kind and come within 10 s. Valid until the next call. */
const struct smq_event *client_fixture_expect(struct client_fixture *fixture, enum smq_event_kind kind);
/* No event is waiting now, nor comes within 50 ms. */
void client_fixture_expect_nothing(struct client_fixture *fixture);

/* Closes; what events are left must end with SMQ_EVENT_DISCONNECTED, unless that was seen before. */
void client_fixture_close(struct client_fixture *fixture);
