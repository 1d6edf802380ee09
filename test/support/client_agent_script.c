/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A scripted router for tests of agents. */
#include "test/support/client_agent_script.h"

#include <string.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"
#include "test/support/require.h"

enum { WAIT_MS = 10000 };

static void end_subscription(struct scripted_connection *connection, const struct scripted_command *command) {
    struct smp_response end = {.tag = SMP_END};
    scripted_answer(connection, command);
    scripted_respond(connection, slice_of(NULL, 0), command->entity_id, &end);
}

static void handle(struct scripted_connection *connection, const struct scripted_command *command, void *shared) {
    struct client_agent_script *script = shared;
    struct smp_response refusal = {.tag = SMP_ERR, .error = smp_error_of(SMP_ERROR_AUTH)};
    uint32_t number = atomic_fetch_add(&script->subscribed, 1);
    switch ((enum behaviour)atomic_load(&script->behaviour)) {
    case ANSWER:
        scripted_answer(connection, command);
        break;
    case KEEP_SILENT:
        break;
    case REFUSE:
        scripted_respond(connection, command->correlation_id, command->entity_id, &refusal);
        break;
    case ANSWER_HALF_AND_CLOSE:
        if (number < SCRIPT_HALF) {
            scripted_answer(connection, command);
        } else {
            atomic_store(&script->behaviour, ANSWER);
            scripted_close(connection);
        }
        break;
    case ANSWER_AND_END:
        end_subscription(connection, command);
        break;
    case HOLD:
        CHECK(command->entity_id.length == 24);
        memcpy(script->held_correlation_id, command->correlation_id.bytes, 24);
        memcpy(script->held_entity_id, command->entity_id.bytes, 24);
        atomic_store(&script->held, connection);
        break;
    }
}

void client_agent_script_start(struct client_agent_script *script, enum scripted_hello hello,
                               enum behaviour behaviour) {
    memset(script, 0, sizeof(*script));
    atomic_store(&script->behaviour, behaviour);
    struct scripted_options options = {.hello = hello, .handle = handle, .context = script};
    scripted_router_start(&script->router, &options);
}

void client_agent_script_stop(struct client_agent_script *script) {
    scripted_router_stop(&script->router);
}

void client_agent_script_close_connection(struct client_agent_script *script) {
    scripted_close(atomic_load(&script->router.last));
}

void client_agent_script_answer_held(struct client_agent_script *script) {
    struct smp_response response = {.tag = SMP_OK};
    scripted_respond(atomic_load(&script->held), slice_of(script->held_correlation_id, 24),
                     slice_of(script->held_entity_id, 24), &response);
}

void client_agent_script_subscribe(struct client_agent_fixture *fixture, struct smq_context *context,
                                   const struct client_agent_script *script,
                                   const struct smq_client_agent_options *options, struct smq_receive_queue **queues,
                                   size_t count) {
    client_agent_fixture_invent_queues(script->router.address, count, queues);
    client_agent_fixture_start(fixture, context, options, NULL);
    client_agent_fixture_ledger(fixture, (void **)queues, count);
    require(smq_client_agent_subscribe(fixture->agent, queues, count) == SMQ_OK);
}

void client_agent_script_finish(struct client_agent_fixture *fixture, struct client_agent_script *script,
                                struct smq_receive_queue **queues, size_t count) {
    client_agent_fixture_finish(fixture);
    client_agent_fixture_release_queues(queues, count);
    client_agent_script_stop(script);
}

void client_agent_script_await(struct client_agent_script *script, struct client_agent_fixture *fixture,
                               uint32_t count) {
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (atomic_load(&script->subscribed) < count) {
        (void)client_agent_fixture_take(fixture, 1);
        require(clock_monotonic_ms() < deadline);
    }
}
