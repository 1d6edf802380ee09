/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Clients that stop reading: the router's memory stays bounded, nobody else notices, and they get everything when they
 * read again. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/smp/client_session.h"
#include "queues/base/clock.h"
#include "test/support/memory_use.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/witness.h"

enum {
    QUEUES = 60,
    BODY_SIZE = 15900,
    WITNESSES = 4,  /* on all lanes */
    STALL_MS = 300, /* nothing can be written for so long: the router has stopped reading */
    MOST_ASKED = 5000,
    HEAP_MOST = 1 << 19, /* half of the bodies that wait: they are not there */
    STOP_MS = 3000,
};

static struct router_fixture fixture;
static struct peer slow;
static struct peer sender;
static struct witness witnesses[WITNESSES];
static struct peer_queue queues[QUEUES];
static struct peer_queue asked_for;
static struct peer_answer answer;
static char body[BODY_SIZE + 1];

static int setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    router_fixture_start(&fixture);
    for (unsigned i = 0; i < WITNESSES; i++)
        witness_open(&fixture, &witnesses[i]);
    router_fixture_connect(&fixture, 0, &sender);
    router_fixture_connect(&fixture, 0, &slow);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (unsigned i = 0; i < WITNESSES; i++)
        witness_close(&witnesses[i]);
    peer_close(&sender);
    peer_close(&slow);
    router_fixture_finish(&fixture);
    return 0;
}

static const char *body_of(unsigned number) {
    memset(body, 'a' + (int)(number % 26), BODY_SIZE);
    body[snprintf(body, sizeof body, "%u", number)] = ' ';
    return body;
}

/* Everybody else exchanges a message in good time. */
static void assert_others_are_unaffected(void) {
    for (unsigned i = 0; i < WITNESSES; i++)
        witness_exchange(&witnesses[i]);
}

static void create_queues(void) {
    for (unsigned i = 0; i < QUEUES; i++)
        peer_create_queue(&slow, PEER_SUBSCRIBE, &queues[i]);
}

static void send_to_each(void) {
    for (unsigned i = 0; i < QUEUES; i++)
        peer_send_message(&sender, &queues[i], NULL, body_of(i));
}

/* Goes on writing what is in `slow`; false when nothing moves any more. */
static bool write_on(void) {
    enum tls_want want;
    enum smq_result result;
    struct pollfd polled = {.fd = slow.descriptor, .events = POLLOUT};
    while ((result = tls_write(slow.tls, slow.outgoing, SMP_BLOCK_SIZE, false, &want)) == SMQ_ERR_AGAIN)
        if (poll(&polled, 1, STALL_MS) == 0)
            return false;
    assert_int_equal(SMQ_OK, result);
    return true;
}

static void create_what_is_asked_for(void) {
    peer_create_queue(&slow, 0, &asked_for);
    peer_send_message(&sender, &asked_for, NULL, body_of(QUEUES));
}

/* Without reading, asks for one and the same message, each time in a block of its own, until the kernel takes no more
 * of the answers and the router no more questions. How many were asked; the last one is still on its way. */
static unsigned ask_until_it_stalls(void) {
    struct smp_command get = peer_command(SMP_GET);
    int small = 4096;
    unsigned asked = 0;
    assert_int_equal(0, setsockopt(slow.descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
    assert_int_equal(0, setsockopt(slow.descriptor, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
    do {
        assert_true(asked < MOST_ASKED);
        peer_begin(&slow);
        peer_add(&slow, &asked_for.recipient_key, peer_recipient(&asked_for), &get);
        assert_int_equal(SMQ_OK, smp_session_seal_block(&slow.session, &slow.draft));
        asked++;
    } while (write_on());
    assert_true(asked > SESSION_CREDIT / (SESSION_BLOCK_WEIGHT + 1));
    return asked;
}

static void read_again(void) {
    int large = 1 << 20;
    assert_int_equal(0, setsockopt(slow.descriptor, SOL_SOCKET, SO_RCVBUF, &large, sizeof large));
}

/* The answer is the same message as all the others; its id is in `id`. */
static void check_answered(uint8_t id[24]) {
    assert_true(answer.correlation_id.length > 0);
    peer_check_message(&asked_for, &answer, body_of(QUEUES), id);
}

static void test_who_asks_without_reading_is_not_read_until_it_reads(void **state) {
    (void)state;
    uint8_t id[24];
    assert_others_are_unaffected();
    create_what_is_asked_for();
    uint64_t before = memory_heap_in_use();
    unsigned asked = ask_until_it_stalls();
    assert_others_are_unaffected();
    assert_true(memory_heap_in_use() < before + HEAP_MOST);
    read_again();
    for (unsigned i = 0; i < asked; i++) {
        peer_receive(&slow, &answer);
        check_answered(id);
        if (i == asked / 2)
            assert_true(write_on());
    }
    peer_acknowledge(&slow, &asked_for, id, SMP_OK, NULL);
    assert_others_are_unaffected();
}

/* The queue that a pushed message is of. */
static unsigned pushed_queue(void) {
    unsigned i = 0;
    while (i < QUEUES && !slice_equal(answer.entity_id, peer_recipient(&queues[i])))
        i++;
    assert_true(i < QUEUES);
    return i;
}

static void test_messages_pile_up_in_the_store_and_all_arrive_later(void **state) {
    (void)state;
    static uint8_t ids[QUEUES][24];
    static bool has_come[QUEUES];
    uint8_t id[24];
    unsigned answered = 0;
    create_queues();
    create_what_is_asked_for();
    unsigned asked = ask_until_it_stalls();
    assert_others_are_unaffected();
    uint64_t before = memory_heap_in_use();
    send_to_each();
    assert_others_are_unaffected();
    assert_true(memory_heap_in_use() < before + HEAP_MOST);
    read_again();
    for (unsigned i = 0; i < asked + QUEUES; i++) {
        peer_receive(&slow, &answer);
        if (slice_equal(answer.entity_id, peer_recipient(&asked_for))) {
            check_answered(id);
            if (answered++ == asked / 2)
                assert_true(write_on());
            continue;
        }
        unsigned number = pushed_queue();
        assert_false(has_come[number]);
        has_come[number] = true;
        peer_check_message(&queues[number], &answer, body_of(number), ids[number]);
    }
    assert_int_equal(asked, answered);
    for (unsigned i = 0; i < QUEUES; i++)
        peer_acknowledge(&slow, &queues[i], ids[i], SMP_OK, NULL);
    assert_others_are_unaffected();
}

static struct smp_router_statistics statistics_now(void) {
    struct smp_router_statistics statistics;
    smp_router_statistics(fixture.router, &statistics);
    return statistics;
}

static void test_nothing_is_left_of_a_slow_reader_that_disappears(void **state) {
    (void)state;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    create_queues();
    create_what_is_asked_for();
    (void)ask_until_it_stalls();
    send_to_each();
    assert_int_equal(2 * WITNESSES + 2, statistics_now().connections);
    assert_int_equal(WITNESSES + QUEUES, statistics_now().subscriptions);
    assert_int_equal(0, setsockopt(slow.descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
    (void)close(slow.descriptor);
    slow.descriptor = -1;
    witness_await_calm(&fixture, 2 * WITNESSES + 1);
    assert_int_equal(WITNESSES, statistics_now().subscriptions);
    assert_int_equal(QUEUES + 1, statistics_now().messages);
    assert_others_are_unaffected();
}

/* Beyond the limit of memory for what is unsent, who does not read gives way; who reads does not notice. */
static void test_slow_reader_is_dropped_when_unsent_memory_is_short(void **state) {
    (void)state;
    char error[256];
    create_queues();
    create_what_is_asked_for();
    (void)ask_until_it_stalls();
    assert_others_are_unaffected();
    assert_int_equal(2 * WITNESSES + 2, statistics_now().connections);
    fixture.config.limits.unsent_bytes = 1000; /* less than waits for it */
    assert_int_equal(SMQ_OK, smp_router_reload(fixture.router, &fixture.config, error, sizeof error));
    uint64_t deadline = clock_monotonic_ms() + PEER_DEADLINE_MS;
    while (statistics_now().connections > 2 * WITNESSES + 1 && clock_monotonic_ms() < deadline)
        assert_others_are_unaffected();
    assert_int_equal(2 * WITNESSES + 1, statistics_now().connections);
    assert_int_equal(1, statistics_now().dropped_unsent);
    assert_others_are_unaffected();
}

static void test_stop_does_not_wait_for_slow_readers(void **state) {
    (void)state;
    create_queues();
    create_what_is_asked_for();
    (void)ask_until_it_stalls();
    send_to_each();
    uint64_t started = clock_monotonic_ms();
    router_fixture_stop(&fixture);
    assert_true(clock_monotonic_ms() - started < STOP_MS);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_who_asks_without_reading_is_not_read_until_it_reads),
        CASE(test_messages_pile_up_in_the_store_and_all_arrive_later),
        CASE(test_nothing_is_left_of_a_slow_reader_that_disappears),
        CASE(test_slow_reader_is_dropped_when_unsent_memory_is_short),
        CASE(test_stop_does_not_wait_for_slow_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
