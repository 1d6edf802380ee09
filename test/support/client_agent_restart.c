/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An agent's subscriptions through the death of their router. */
#include "test/support/client_agent_restart.h"

#include <inttypes.h>
#include <stdio.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "test/support/client_agent_fixture.h"
#include "test/support/client_fixture.h"
#include "test/support/memory_use.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum { SAMPLES = 20, SAMPLE_WAIT_MS = 10000 };

/* One message to each of some queues, which the agent's connection must get. */
static void check_messages(struct client_agent_fixture *fixture, const char *address, struct smq_receive_queue **queues,
                           size_t count) {
    struct client_fixture sender;
    client_fixture_connect(&sender, fixture->context, address, NULL);
    for (size_t i = 0; i < SAMPLES; i++) {
        struct smq_send_queue *send_queue;
        require(smq_send_queue_from_receive_queue(queues[i * count / SAMPLES], &send_queue) == SMQ_OK);
        struct smq_bytes body = {(const uint8_t *)"text", 4};
        require(smq_send(sender.client, send_queue, false, body, 0, NULL) == SMQ_OK);
        smq_send_queue_release(&send_queue);
    }
    uint64_t deadline = clock_monotonic_ms() + SAMPLE_WAIT_MS;
    while (fixture->messages < SAMPLES) {
        (void)client_agent_fixture_take(fixture, 100);
        require(clock_monotonic_ms() < deadline);
    }
    client_fixture_close(&sender);
}

static void check_all_active(const struct client_agent_fixture *fixture, size_t count) {
    struct smq_client_agent_info info = client_agent_fixture_info(fixture);
    require(info.active == count && info.pending == 0 && info.connections == 1);
    require(fixture->failed == 0);
}

void client_agent_restart_run(size_t count, int timeout_ms) {
    struct server_process server;
    struct smq_context *context;
    struct client_agent_fixture fixture;
    struct smq_receive_queue **queues = memory_zalloc_array(count, sizeof(struct smq_receive_queue *));
    require(queues != NULL);
    server_process_init(&server, "map_size = 2G");
    server_process_start(&server);
    require(smq_context_create(NULL, &context) == SMQ_OK);
    client_agent_fixture_create_queues(context, server.address, count, queues);
    struct smq_client_agent_options options;
    client_agent_fixture_options(&options);
    options.client.background_timeout_ms = (uint32_t)timeout_ms;
    client_agent_fixture_start(&fixture, context, &options, NULL);
    client_agent_fixture_ledger(&fixture, (void **)queues, count);

    uint64_t heap = memory_heap_in_use(), began = clock_monotonic_ms();
    require(smq_client_agent_subscribe(fixture.agent, queues, count) == SMQ_OK);
    client_agent_fixture_await_active(&fixture, count, timeout_ms);
    uint64_t subscribed = clock_monotonic_ms();
    check_all_active(&fixture, count);
    uint64_t used = memory_heap_in_use() - heap;

    server_process_kill(&server);
    uint64_t killed = clock_monotonic_ms();
    client_agent_fixture_await_active(&fixture, 0, timeout_ms);
    server_process_start(&server);
    uint64_t restarted = clock_monotonic_ms();
    client_agent_fixture_await_active(&fixture, count, timeout_ms);
    uint64_t again = clock_monotonic_ms();
    check_all_active(&fixture, count);
    check_messages(&fixture, server.address, queues, count);

    printf("%zu subscriptions: made in %" PRIu64 " ms, %" PRIu64 " bytes each; router back %" PRIu64
           " ms after SIGKILL, all active again %" PRIu64 " ms later\n",
           count, subscribed - began, used / count, restarted - killed, again - restarted);
    client_agent_fixture_finish(&fixture);
    client_agent_fixture_release_queues(queues, count);
    smq_context_destroy(&context);
    server_process_finish(&server);
    memory_free(queues);
}
