/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The real smp-server under 32 connections whose every block is full of work for nothing, or of new queues: what an
 * honest client's PING waits for, and its change of a queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/random.h"
#include "queues/base/thread.h"
#include "test/stress/stress.h"
#include "test/support/raw_transmission.h"
#include "test/support/server_process.h"
#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"

enum {
    HOSTILES = 32,
    COMMANDS = 95, /* of a block, as many as fit */
    POLL_MS = 50,
    PINGS_LEAST = 300,
    PINGS_MOST = 20000,
    ED448_SIZE = 114,
    SERVICE_SLOT_SIZE = 2 + 64,
    NEW_MOST = 400,
    PART_MOST = 5 + ED448_SIZE + SERVICE_SLOT_SIZE + 80
};

/* What a hostile connection's blocks are full of. */
enum flood { FLOOD_ED448, FLOOD_X25519, FLOOD_SERVICE, FLOOD_NEW };

struct hostile {
    struct thread *thread;
    struct peer peer;
    _Atomic uint64_t blocks;
};

static struct server_process server;
static struct peer honest;
static struct peer_queue queue; /* of the honest one */
static struct credentials *service;
static struct hostile hostiles[HOSTILES];
static uint32_t latencies[PINGS_MOST]; /* us */
static size_t latency_count;
static _Atomic bool is_over;

/* A signature of the right form by a key that no queue has. */
static void make_signature(uint8_t signature[ED448_SIZE]) {
    struct key_pair pair;
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_ED448, &pair));
    assert_int_equal(SMQ_OK, sign(&pair, slice_of_text("nothing"), signature));
}

/* Honest in every byte; each time it is sent it makes as many queues. */
static void fill_with_new_queues(struct peer *peer) {
    struct peer_queue wanted;
    struct smp_command new_queue = peer_new_command(0, &wanted);
    peer_begin(peer);
    for (unsigned i = 0; i < COMMANDS && smp_outgoing_block_fits(&peer->draft, NEW_MOST); i++)
        peer_add(peer, &wanted.recipient_key, slice_of(NULL, 0), &new_queue);
    peer_send(peer);
}

static void fill_with_forgeries(struct peer *peer, enum flood flood) {
    uint8_t authorization[ED448_SIZE];
    uint8_t ids[48];
    uint8_t service_slot[SERVICE_SLOT_SIZE] = {'1', 64};
    struct raw_transmission transmission = {.authorization = slice_of(authorization, sizeof authorization),
                                            .correlation_id = slice_of(ids, 24),
                                            .entity_id = slice_of(ids + 24, 24),
                                            .command = slice_of_text("SUB")};
    make_signature(authorization);
    if (flood == FLOOD_X25519) {
        transmission.authorization.length = AUTHENTICATOR_SIZE;
        transmission.entity_id = peer_sender(&queue);
        transmission.command = slice_of_text("SEND F 0");
    }
    if (flood == FLOOD_SERVICE)
        transmission.service_slot = slice_of(service_slot, sizeof service_slot);
    peer_begin(peer);
    for (unsigned i = 0; i < COMMANDS && smp_outgoing_block_fits(&peer->draft, PART_MOST); i++) {
        random_bytes(ids, sizeof ids);
        raw_transmission_add(peer, &transmission);
    }
    peer_send(peer);
}

static void connect_hostile(struct hostile *hostile, enum flood flood) {
    struct peer_options options = server_process_peer_options(&server);
    options.no_key = true; /* blocks are not encrypted: the same one is sent again and again */
    if (flood == FLOOD_SERVICE) {
        options.service = service;
        options.service_role = SMP_ROLE_MESSAGING;
    }
    peer_connect(&hostile->peer, &options);
    if (flood == FLOOD_NEW)
        fill_with_new_queues(&hostile->peer);
    else
        fill_with_forgeries(&hostile->peer, flood);
}

/* Sends whenever there is room; answers are taken from the socket and not looked at. */
static void run_hostile(void *argument) {
    struct hostile *hostile = argument;
    uint8_t answers[SMP_BLOCK_SIZE];
    struct pollfd waiting = {.fd = hostile->peer.descriptor, .events = POLLIN | POLLOUT};
    while (!atomic_load(&is_over)) {
        if (poll(&waiting, 1, POLL_MS) <= 0)
            continue;
        while (recv(hostile->peer.descriptor, answers, sizeof answers, MSG_DONTWAIT) > 0)
            continue;
        if ((waiting.revents & POLLOUT) == 0)
            continue;
        peer_write_block(&hostile->peer, hostile->peer.outgoing);
        atomic_fetch_add(&hostile->blocks, 1);
    }
}

static uint64_t blocks_sent(void) {
    uint64_t blocks = 0;
    for (unsigned i = 0; i < HOSTILES; i++)
        blocks += atomic_load(&hostiles[i].blocks);
    return blocks;
}

static void ping(void) {
    const struct smp_command command = peer_command(SMP_PING);
    peer_expect(&honest, NULL, slice_of(NULL, 0), &command, SMP_PONG, NULL);
}

/* A change of the queue's record, answered after its commit. */
static void set_notifier(void) {
    struct smp_command command = peer_command(SMP_NKEY);
    command.notifier.key = queue.notifier_key.public_key;
    command.notifier.dh_key = queue.sender_key.public_key;
    peer_expect(&honest, &queue.recipient_key, peer_recipient(&queue), &command, SMP_NID, NULL);
}

static void measure(void (*ask)(void)) {
    uint64_t start_us = clock_monotonic_us();
    ask();
    latencies[latency_count++] = (uint32_t)(clock_monotonic_us() - start_us);
}

struct question {
    const char *name;
    void (*ask)(void);
    uint32_t p99_most_us;
};

static const struct question question_ping = {"PING", ping, 100000};
static const struct question question_change = {"NKEY", set_notifier, 250000}; /* commits full of others' come first */

static int by_size(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static void assert_p99(const struct question *question, const char *among) {
    qsort(latencies, latency_count, sizeof latencies[0], by_size);
    uint32_t p99 = latencies[latency_count * 99 / 100];
    printf("%zu honest %ss among %llu blocks of %s: median %u us, p99 %u us\n", latency_count, question->name,
           (unsigned long long)blocks_sent(), among, latencies[latency_count / 2], p99);
    assert_true(p99 < question->p99_most_us);
}

static void prepare(void) {
    const struct certificate_request request = {.kind = CERTIFICATE_CLIENT,
                                                .algorithm = KEY_ED25519,
                                                .common_name = "service",
                                                .not_before_s = clock_realtime_s() - 60,
                                                .days = 10};
    assert_int_equal(SMQ_OK, credentials_issue(NULL, &request, &service));
    server_process_init(&server, "map_size = 4G");
    server_process_start(&server);
    server_process_connect(&server, &honest);
    peer_create_queue(&honest, PEER_SECURED, &queue);
    latency_count = 0;
}

static void flood(const enum flood *kinds, unsigned kind_count, const char *among, const struct question *question) {
    prepare();
    atomic_store(&is_over, false);
    for (unsigned i = 0; i < HOSTILES; i++) {
        atomic_store(&hostiles[i].blocks, 0);
        connect_hostile(&hostiles[i], kinds[i % kind_count]);
    }
    for (unsigned i = 0; i < HOSTILES; i++)
        assert_int_equal(SMQ_OK, thread_create(&hostiles[i].thread, "hostile", run_hostile, &hostiles[i]));
    while (blocks_sent() < 2 * HOSTILES)
        measure(question->ask);
    latency_count = 0;
    uint64_t end_ms = clock_monotonic_ms() + stress_ms(1, 1);
    while ((clock_monotonic_ms() < end_ms || latency_count < PINGS_LEAST) && latency_count < PINGS_MOST) {
        measure(question->ask);
        usleep(1000);
    }
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < HOSTILES; i++)
        thread_join(&hostiles[i].thread);
    for (unsigned i = 0; i < HOSTILES; i++)
        peer_close(&hostiles[i].peer);
    assert_p99(question, among);
    peer_close(&honest);
    assert_int_equal(server_process_stop(&server, SIGTERM, STRESS_PATIENCE_MS), 0);
    server_process_finish(&server);
    credentials_destroy(&service);
}

static void test_blocks_of_bad_ed448_signatures_hold_nobody_up(void **state) {
    (void)state;
    flood((const enum flood[]){FLOOD_ED448}, 1, "bad Ed448 signatures", &question_ping);
}

static void test_blocks_of_forgeries_of_any_kind_hold_nobody_up(void **state) {
    (void)state;
    flood((const enum flood[]){FLOOD_ED448, FLOOD_X25519, FLOOD_SERVICE}, 3, "forgeries of any kind", &question_ping);
}

static void test_a_storm_of_new_queues_holds_nobody_up(void **state) {
    (void)state;
    flood((const enum flood[]){FLOOD_NEW}, 1, "new queues", &question_ping);
}

static void test_a_storm_of_new_queues_holds_no_other_change_up(void **state) {
    (void)state;
    flood((const enum flood[]){FLOOD_NEW}, 1, "new queues", &question_change);
}

int main(void) {
    thread_attach();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_of_bad_ed448_signatures_hold_nobody_up),
        cmocka_unit_test(test_blocks_of_forgeries_of_any_kind_hold_nobody_up),
        cmocka_unit_test(test_a_storm_of_new_queues_holds_nobody_up),
        cmocka_unit_test(test_a_storm_of_new_queues_holds_no_other_change_up),
    };
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1); /* assertions in other threads end the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
