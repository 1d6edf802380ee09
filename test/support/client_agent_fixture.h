/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An agent with an events queue, and a ledger of what it says about its subscriptions: each queue becomes active only
 * when it is not, and is lost only when it is active. A broken promise fails the test (cmocka). One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client_agent/smq/client_agent.h"

struct ledger_entry {
    const void *handle;
    bool active;
    bool failed;
};

struct client_agent_fixture {
    struct smq_context *context; /* borrowed */
    struct smq_events *events;
    struct smq_client_agent *agent;
    struct ledger_entry *ledger; /* sorted by handle */
    size_t ledger_count;
    size_t active;                                     /* by the ledger */
    size_t failed;                                     /* likewise */
    uint32_t seen[SMQ_CLIENT_AGENT_CLOSED + 1];        /* events of each kind */
    uint32_t messages;                                 /* SMQ_EVENT_MESSAGE */
    uint32_t notifications;                            /* SMQ_EVENT_NOTIFICATION */
    uint32_t service_ends;                             /* SMQ_EVENT_SERVICE_ENDED */
    enum smq_result last[SMQ_CLIENT_AGENT_CLOSED + 1]; /* result of the last event of the kind */
    uint64_t last_tag;                                 /* SMQ_CLIENT_AGENT_CONNECTION */
    struct smq_client *last_client;                    /* likewise: referenced, or NULL */
    int64_t expected, actual;                          /* of the last event that has them */
};

/* Options for tests: short waits. */
void client_agent_fixture_options(struct smq_client_agent_options *options);
/* `options` may be NULL; its events are replaced. `event_options` may be NULL. */
void client_agent_fixture_start(struct client_agent_fixture *fixture, struct smq_context *context,
                                const struct smq_client_agent_options *options,
                                const struct smq_events_options *event_options);
/* The queues or notifiers that events may be about. */
void client_agent_fixture_ledger(struct client_agent_fixture *fixture, void *const *handles, size_t count);
/* Takes one batch, or none within `timeout_ms`. */
bool client_agent_fixture_take(struct client_agent_fixture *fixture, int timeout_ms);
/* Takes until so many events of the kind were seen, or so many subscriptions are active; fails after 10 s. */
void client_agent_fixture_await(struct client_agent_fixture *fixture, enum smq_client_agent_event_kind kind,
                                uint32_t count);
void client_agent_fixture_await_active(struct client_agent_fixture *fixture, size_t count, int timeout_ms);
struct smq_client_agent_info client_agent_fixture_info(const struct client_agent_fixture *fixture);
/* Closes the agent, if that was not done, takes what is left, and frees all. */
void client_agent_fixture_finish(struct client_agent_fixture *fixture);

/* `count` new queues on the router, made by a plain client, which does not subscribe. To be released. */
void client_agent_fixture_create_queues(struct smq_context *context, const char *address, size_t count,
                                        struct smq_receive_queue **queues);
/* The same without a router: handles with random ids and keys. */
void client_agent_fixture_invent_queues(const char *address, size_t count, struct smq_receive_queue **queues);
void client_agent_fixture_release_queues(struct smq_receive_queue **queues, size_t count);
