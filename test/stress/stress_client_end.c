/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Contexts that end at any moment, with clients that connect, speak with a proxy, shake hands, send, wait and close,
 * from several threads. Whatever happens: each accepted command has exactly one outcome, each client exactly one end,
 * nothing comes after it, and every close and destroy returns in its time. SMQ_STRESS_ROUNDS changes the number. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/client/smq/network.h"
#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "queues/base/thread.h"
#include "test/support/client_fixture.h"
#include "test/support/plain_listener.h"
#include "test/support/require.h"
#include "test/support/scripted_router.h"
#include "test/support/socks_server.h"

enum {
    ROUNDS = 10000,
    WORKERS = 4,
    CLIENTS = 3,
    COMMANDS = 40,
    CLOSE_MS = 50,
    WITHIN_MS = 10000, /* however busy the machine is */
};

/* What the clients of a round meet. */
static struct {
    char address[128];
    struct smq_network *network; /* NULL: none */
} places[6];
enum { PLACES = sizeof places / sizeof places[0] };

static struct scripted_router router, silent_router, no_hello;
static struct plain_listener no_tls;
static struct socks_server proxy = {.behaviour = SOCKS_SILENT};
static struct smq_network *network;

/* Answers two in three. */
static void answer_some(struct scripted_connection *connection, const struct scripted_command *command, void *context) {
    (void)context;
    if (random_below(3) != 0)
        scripted_answer(connection, command);
}

static void add_place(unsigned index, const char *address, struct smq_network *way) {
    (void)snprintf(places[index].address, sizeof(places[index].address), "%s", address);
    places[index].network = way;
}

static void start_places(void) {
    static const char key_hash[] = "LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=";
    char text[128];
    struct smq_network_options options;
    scripted_router_start(&router, &(struct scripted_options){.handle = NULL});
    scripted_router_start(&silent_router, &(struct scripted_options){.handle = answer_some});
    scripted_router_start(&no_hello, &(struct scripted_options){.hello = HELLO_NEVER});
    plain_listener_start(&no_tls, NULL);
    socks_server_start(&proxy);
    smq_network_options_init(&options);
    (void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)proxy.port);
    options.socks_proxy = text;
    require(smq_network_create(&options, &network) == SMQ_OK);
    add_place(0, router.address, NULL);
    add_place(1, silent_router.address, NULL);
    add_place(2, no_hello.address, NULL);
    (void)snprintf(text, sizeof(text), "smp://%s@127.0.0.1:%u", key_hash, (unsigned)no_tls.port);
    add_place(3, text, NULL);
    (void)snprintf(text, sizeof(text), "smp://%s@relay.example", key_hash);
    add_place(4, text, network);
    (void)snprintf(text, sizeof(text), "smp://%s@localhost:9", key_hash);
    add_place(5, text, NULL);
}

static void stop_places(void) {
    smq_network_release(&network);
    socks_server_stop(&proxy);
    plain_listener_stop(&no_tls);
    scripted_router_stop(&no_hello);
    scripted_router_stop(&silent_router);
    scripted_router_stop(&router);
}

struct worker {
    struct thread *thread;
    unsigned rounds;
    unsigned failures;
    uint64_t commands, ends;
    /* of the round */
    struct smq_context *context;
    struct smq_events *events;
    struct smq_client *clients[CLIENTS];
    unsigned accepted, completed, ended;
};

static void expect(struct worker *worker, bool condition, const char *what) {
    if (!condition) {
        worker->failures++;
        (void)fprintf(stderr, "%s\n", what);
    }
}

static void connect_all(struct worker *worker) {
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.events = worker->events;
    options.close_timeout_ms = CLOSE_MS;
    for (uintptr_t i = 0; i < CLIENTS; i++) {
        /* half of them reach a router, so that there is something to be closed */
        unsigned place = random_below(2) == 0 ? random_below(2) : random_below(PLACES);
        options.user = (void *)(i + 1);
        options.network = places[place].network;
        enum smq_result result =
            smq_client_connect_async(worker->context, places[place].address, &options, &worker->clients[i]);
        expect(worker, result == SMQ_OK, "a connect was refused");
    }
}

/* Some commands, a pause of less than a handshake takes, and again. */
static void use_some(struct worker *worker) {
    for (unsigned i = 0; i < random_below(COMMANDS); i++) {
        struct smq_client *client = worker->clients[random_below(CLIENTS)];
        worker->accepted += smq_ping_async(client, 0, i) == SMQ_OK;
        if (random_below(8) == 0)
            (void)usleep(random_below(300));
        if (random_below(30) == 0)
            (void)smq_client_flush(client, 1, NULL);
    }
}

static void close_some(struct worker *worker) {
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct smq_client *second = NULL;
        switch (random_below(5)) {
        case 0:
            smq_client_close(&worker->clients[i]);
            break;
        case 1:
            (void)smq_client_close_within(&worker->clients[i], random_below(10));
            break;
        case 2:
            second = smq_client_reference(worker->clients[i]);
            smq_client_close(&second);
            worker->accepted += smq_ping_async(worker->clients[i], 0, i) == SMQ_OK;
            break;
        default: /* left to the context */
            break;
        }
    }
}

static void count_event(struct worker *worker, const struct smq_event *event, bool ended[CLIENTS + 1]) {
    uintptr_t client = (uintptr_t)event->user;
    bool is_end =
        event->kind == SMQ_EVENT_DISCONNECTED || (event->kind == SMQ_EVENT_CONNECTED && event->result != SMQ_OK);
    worker->completed += event->kind == SMQ_EVENT_COMPLETED;
    worker->ended += is_end;
    expect(worker, !is_end || !ended[client], "a client ended twice");
    ended[client] = ended[client] || is_end;
}

static void take_all(struct worker *worker) {
    bool ended[CLIENTS + 1] = {false};
    struct smq_batch *batch = NULL;
    while (smq_events_take(worker->events, 0, &batch) == SMQ_OK) {
        for (size_t i = 0; i < smq_batch_count(batch); i++)
            count_event(worker, smq_batch_event(batch, i), ended);
        smq_batch_release(&batch);
    }
}

static void end_context(struct worker *worker) {
    uint64_t began = clock_monotonic_ms();
    if (random_below(2) == 0)
        smq_context_destroy(&worker->context);
    else
        smq_context_destroy_within(&worker->context, random_below(20));
    expect(worker, clock_monotonic_ms() - began < WITHIN_MS, "a destroy took too long");
}

static void run_round(struct worker *worker) {
    struct smq_context_options lanes;
    struct smq_events_options limits;
    smq_context_options_init(&lanes);
    smq_events_options_init(&limits);
    lanes.receive_lanes = 1 + random_below(2);
    lanes.process_lanes = 1 + random_below(2);
    lanes.send_lanes = 1 + random_below(2);
    limits.batches = random_below(4) == 0 ? 2 : 0;
    worker->accepted = worker->completed = worker->ended = 0;
    require(smq_context_create(&lanes, &worker->context) == SMQ_OK);
    require(smq_events_create(&limits, &worker->events) == SMQ_OK);
    connect_all(worker);
    if (random_below(4) != 0) {
        (void)usleep(random_below(random_below(2) == 0 ? 500 : 20000));
        use_some(worker);
    }
    if (random_below(2) == 0)
        close_some(worker);
    end_context(worker);
    bool handles_first = random_below(2) == 0;
    for (unsigned i = 0; i < CLIENTS && handles_first; i++)
        smq_client_close(&worker->clients[i]);
    take_all(worker);
    smq_events_destroy(&worker->events);
    for (unsigned i = 0; i < CLIENTS; i++)
        smq_client_close(&worker->clients[i]);
    expect(worker, worker->completed == worker->accepted, "a command has no outcome, or more than one");
    expect(worker, worker->ended == CLIENTS, "a client has no end");
    worker->commands += worker->accepted;
    worker->ends += worker->ended;
}

static void run_worker(void *argument) {
    struct worker *worker = argument;
    for (unsigned i = 0; i < worker->rounds; i++)
        run_round(worker);
}

static void test_contexts_end_at_any_moment(void **state) {
    (void)state;
    static struct worker workers[WORKERS];
    const char *text = getenv("SMQ_STRESS_ROUNDS");
    unsigned rounds = text != NULL ? (unsigned)strtoul(text, NULL, 10) : ROUNDS;
    uint64_t commands = 0, ends = 0;
    unsigned failures = 0;
    start_places();
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].rounds = rounds / WORKERS;
        require(thread_create(&workers[i].thread, "ender", run_worker, &workers[i]) == SMQ_OK);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        thread_join(&workers[i].thread);
        commands += workers[i].commands;
        ends += workers[i].ends;
        failures += workers[i].failures;
    }
    stop_places();
    printf("%u rounds, %llu clients ended, %llu commands\n", rounds, (unsigned long long)ends,
           (unsigned long long)commands);
    assert_int_equal(0, failures);
    assert_true(commands > rounds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts_end_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
