/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A thousand clients send through one proxy to a hundred relays, half of them dead: what goes to the living ones is
 * answered before the first dead one is given up, every command ends, and nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "actors/client/smq/client.h"
#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "test/stress/stress.h"
#include "test/support/client_fixture.h"
#include "test/support/plain_listener.h"
#include "test/support/router_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CONNECT_MS = 60000, SLOWER = 4 };
#else
enum { CONNECT_MS = 10000, SLOWER = 1 };
#endif
enum { CLIENTS = 1000, LIVING = 50, DEAD = 50, EACH = 2, ROUND = CLIENTS * EACH * 2 };

static struct router_fixture proxy, relay;
static struct plain_listener silent;
static struct smq_context *context;
static struct smq_events *events;
static struct smq_client *clients[CLIENTS];
static struct smq_send_queue *living[LIVING], *dead[DEAD];

/* Tags: what a command was sent to. */
enum { TAG_LIVING = 1, TAG_DEAD };

static const struct smq_bytes body = {(const uint8_t *)"x", 1};

static void raise_limit(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A handle for `queue` as if its relay had another address, which the proxy takes for another relay. */
static struct smq_send_queue *handle_at(const struct smq_receive_queue *queue, const char *address) {
    char uri[SMQ_URI_TEXT_SIZE], other[SMQ_URI_TEXT_SIZE + SMQ_ADDRESS_TEXT_SIZE];
    struct smq_send_queue *handle;
    assert_int_equal(smq_receive_queue_uri(queue, uri, sizeof uri), SMQ_OK);
    const char *path = uri + strlen("smp://");
    (void)snprintf(other, sizeof other, "%s%s", address, path + strcspn(path, "/"));
    assert_int_equal(smq_send_queue_from_uri(other, &handle), SMQ_OK);
    return handle;
}

/* Each of the living ones has a queue of its own. Half of the dead ones accept and never answer, half do not listen. */
static void make_relays(void) {
    struct client_fixture recipient;
    struct smq_receive_queue *queue;
    char address[SMQ_ADDRESS_TEXT_SIZE], other[SMQ_ADDRESS_TEXT_SIZE];
    client_fixture_address(relay.fingerprint, relay.port, address, sizeof address);
    client_fixture_connect(&recipient, context, address, NULL);
    for (unsigned i = 0; i < LIVING; i++) {
        assert_int_equal(smq_create_queue(recipient.client, NULL, 0, &queue, NULL), SMQ_OK);
        (void)snprintf(other, sizeof other, "%.*s@127.0.0.%u:%u", (int)strcspn(address, "@"), address, i + 2,
                       relay.port);
        living[i] = handle_at(queue, other);
        if (i + 1 < LIVING)
            smq_receive_queue_release(&queue);
    }
    for (unsigned i = 0; i < DEAD; i++) {
        uint8_t hash[32];
        random_bytes(hash, sizeof hash);
        client_fixture_address(hash, i % 2 == 0 ? silent.port : 1, other, sizeof other);
        dead[i] = handle_at(queue, other);
    }
    smq_receive_queue_release(&queue);
    client_fixture_close(&recipient);
}

static int start(void **state) {
    (void)state;
    raise_limit();
    router_fixture_init(&proxy);
    router_fixture_init(&relay);
    proxy.config.proxy.enabled = true;
    proxy.config.proxy.connect_timeout_ms = CONNECT_MS;
    proxy.config.proxy.forward_timeout_ms = CONNECT_MS;
    router_fixture_start(&proxy);
    router_fixture_start(&relay);
    plain_listener_start(&silent, NULL);
    assert_int_equal(smq_context_create(NULL, &context), SMQ_OK);
    assert_int_equal(smq_events_create(NULL, &events), SMQ_OK);
    make_relays();
    return 0;
}

static int stop(void **state) {
    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++)
        smq_client_close(&clients[i]);
    for (unsigned i = 0; i < LIVING; i++)
        smq_send_queue_release(&living[i]);
    for (unsigned i = 0; i < DEAD; i++)
        smq_send_queue_release(&dead[i]);
    smq_context_destroy(&context);
    smq_events_destroy(&events);
    plain_listener_stop(&silent);
    router_fixture_finish(&proxy);
    router_fixture_finish(&relay);
    return 0;
}

static void connect_clients(void) {
    char address[SMQ_ADDRESS_TEXT_SIZE];
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = events;
    options.connect_timeout_ms = options.command_timeout_ms = 2 * CONNECT_MS;
    client_fixture_address(proxy.fingerprint, proxy.port, address, sizeof address);
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(smq_client_connect_async(context, address, &options, &clients[i]), SMQ_OK);
    uint64_t deadline = clock_monotonic_ms() + (uint64_t)SLOWER * STRESS_PATIENCE_MS;
    for (unsigned connected = 0; connected < CLIENTS;) {
        struct smq_batch *batch;
        assert_true(clock_monotonic_ms() < deadline);
        if (smq_events_take(events, 1000, &batch) != SMQ_OK)
            continue;
        for (size_t i = 0; i < smq_batch_count(batch); i++) {
            assert_int_equal(smq_batch_event(batch, i)->kind, SMQ_EVENT_CONNECTED);
            assert_int_equal(smq_batch_event(batch, i)->result, SMQ_OK);
            connected++;
        }
        smq_batch_release(&batch);
    }
}

struct outcome {
    unsigned living, dead, failed;
    uint64_t living_ms, dead_ms; /* when the last one was answered */
};

static void count(struct outcome *outcome, const struct smq_event *event, uint64_t started_ms) {
    assert_int_equal(event->kind, SMQ_EVENT_COMPLETED);
    uint64_t spent_ms = clock_monotonic_ms() - started_ms;
    if (event->tag == TAG_LIVING) {
        outcome->living++;
        outcome->living_ms = spent_ms;
        if (event->result != SMQ_OK && outcome->failed++ == 0)
            print_message("result %d: %s\n", (int)event->result, event->error_text);
        return;
    }
    outcome->dead++;
    outcome->dead_ms = spent_ms;
    assert_int_equal(event->result, SMQ_ERR_PROTOCOL);
    assert_int_equal(event->protocol, SMQ_PROTOCOL_PROXY);
    assert_string_equal(event->error_text, "PROXY BROKER NETWORK");
}

static struct outcome run_round(void) {
    struct outcome outcome = {0};
    uint64_t started_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < CLIENTS; i++)
        for (unsigned each = 0; each < EACH; each++) {
            assert_int_equal(smq_proxied_send_async(clients[i], dead[(i + each) % DEAD], false, body, 0, TAG_DEAD),
                             SMQ_OK);
            assert_int_equal(
                smq_proxied_send_async(clients[i], living[(i + each) % LIVING], false, body, 0, TAG_LIVING), SMQ_OK);
        }
    while (outcome.living + outcome.dead < ROUND) {
        struct smq_batch *batch;
        assert_true(clock_monotonic_ms() - started_ms < 2 * CONNECT_MS);
        if (smq_events_take(events, 1000, &batch) != SMQ_OK)
            continue;
        for (size_t i = 0; i < smq_batch_count(batch); i++)
            count(&outcome, smq_batch_event(batch, i), started_ms);
        smq_batch_release(&batch);
    }
    print_message("%u to living relays in %u ms, %u to dead ones in %u ms\n", outcome.living,
                  (unsigned)outcome.living_ms, outcome.dead, (unsigned)outcome.dead_ms);
    assert_int_equal(outcome.failed, 0);
    return outcome;
}

static void test_dead_relays_delay_nobody_and_leave_nothing(void **state) {
    (void)state;
    connect_clients();
    struct outcome first = run_round();
    assert_true(first.living_ms < CONNECT_MS);
    struct outcome again = run_round(); /* dead relays are remembered by now */
    assert_true(again.living_ms < CONNECT_MS);
    assert_true(again.dead_ms < CONNECT_MS);
    struct smp_router_statistics statistics;
    smp_router_statistics(relay.router, &statistics);
    assert_int_equal(statistics.messages_sent, 2 * CLIENTS * EACH);
    assert_int_equal(statistics.connections, LIVING);
    smp_router_statistics(proxy.router, &statistics);
    assert_int_equal(statistics.connections, CLIENTS);
    assert_int_equal(statistics.forwards.successes, 2 * CLIENTS * EACH);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dead_relays_delay_nobody_and_leave_nothing)};
    return cmocka_run_group_tests(tests, start, stop);
}
