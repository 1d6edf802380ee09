/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A scripted router for tests of agents: what it does with subscriptions can be changed at any time. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "test/support/client_agent_fixture.h"
#include "test/support/scripted_router.h"

/* What the router does with SUB. */
enum behaviour {
    ANSWER,
    KEEP_SILENT,
    REFUSE,                /* ERR AUTH */
    ANSWER_HALF_AND_CLOSE, /* answers SCRIPT_HALF, closes the connection, then answers all */
    ANSWER_AND_END,        /* another connection takes each at once */
    HOLD,                  /* the test answers */
};
enum { SCRIPT_HALF = 100 };

struct client_agent_script {
    struct scripted_router router;
    _Atomic int behaviour;
    _Atomic uint32_t subscribed; /* SUBs */
    /* HOLD: the last SUB, to be answered by the test */
    _Atomic(struct scripted_connection *) held;
    uint8_t held_correlation_id[24];
    uint8_t held_entity_id[24];
};

void client_agent_script_start(struct client_agent_script *script, enum scripted_hello hello, enum behaviour behaviour);
void client_agent_script_stop(struct client_agent_script *script);
/* An agent (`options` may be NULL) that has `count` new queues of the router in its ledger, and was asked to subscribe
 * to them. */
void client_agent_script_subscribe(struct client_agent_fixture *fixture, struct smq_context *context,
                                   const struct client_agent_script *script,
                                   const struct smq_client_agent_options *options, struct smq_receive_queue **queues,
                                   size_t count);
/* Ends all of it. */
void client_agent_script_finish(struct client_agent_fixture *fixture, struct client_agent_script *script,
                                struct smq_receive_queue **queues, size_t count);
/* Waits, up to 10 s, until so many SUBs came; takes events meanwhile. */
void client_agent_script_await(struct client_agent_script *script, struct client_agent_fixture *fixture,
                               uint32_t count);
/* Answers the SUB that is held with OK. */
void client_agent_script_answer_held(struct client_agent_script *script);
void client_agent_script_close_connection(struct client_agent_script *script);
