/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Subscribers whose host is gone: no FIN, no RST, no answer to anything. The router and they are in two network
 * namespaces; then the subscribers' host forgets the way back. Needs the right to make namespaces, and `ip`. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/smp/router.h"
#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"
#include "test/support/server_process.h"

enum { USER_TIMEOUT_S = 3, MARGIN_MS = 6000, STOP_MS = 3000, COMMAND_MS = 20000, SUBSCRIBERS = 2, MINUTES_15_S = 900 };

/* With shortened times: idle, the probe at which the time-out is over, and data sent just before it. */
enum { FOUND_MS = 1000 * 2 * USER_TIMEOUT_S + MARGIN_MS };

static int router_side = -1, subscriber_side = -1; /* namespaces */

static void enter(int side) {
    require(setns(side, CLONE_NEWNET) == 0);
}

/* In the calling thread's namespace; the exit code. */
static int run(const char *command) {
    const char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    struct process *process = process_start(arguments, NULL);
    int code = process_wait(process, COMMAND_MS);
    process_destroy(&process);
    return code;
}

/* A namespace with loopback, in which the calling thread is then; -1: not allowed. */
static int make_side(void) {
    if (unshare(CLONE_NEWNET) != 0 || run("ip link set lo up") != 0)
        return -1;
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Joins this side, the subscribers', with that of the process. */
static void lay_cable(int process) {
    char command[512];
    (void)snprintf(command, sizeof command,
                   "ip link add far type veth peer name near netns %d && ip addr add 10.99.0.2/24 dev far && "
                   "ip link set far up",
                   process);
    require(run(command) == 0);
    enter(router_side);
    require(run("ip addr add 10.99.0.1/24 dev near && ip link set near up") == 0);
    enter(subscriber_side);
}

struct subscriber {
    struct client_fixture client;
    struct smq_receive_queue *queue;
};

static void send_to(struct client_fixture *sender, struct smq_receive_queue *queue) {
    struct smq_send_queue *send_queue;
    require(smq_send_queue_from_receive_queue(queue, &send_queue) == SMQ_OK);
    require(smq_send(sender->client, send_queue, false, (struct smq_bytes){(const uint8_t *)"hello", 5}, 0, NULL) ==
            SMQ_OK);
    smq_send_queue_release(&send_queue);
}

static void await_descriptors(const struct server_process *server, unsigned count, uint64_t timeout_ms) {
    uint64_t deadline = clock_monotonic_ms() + timeout_ms;
    while (server_process_descriptors(server) != count) {
        if (clock_monotonic_ms() >= deadline)
            fail_msg("%u descriptors instead of %u", server_process_descriptors(server), count);
        (void)usleep(20000);
    }
}

static void test_subscribers_whose_host_is_gone_are_found(void **state) {
    (void)state;
    static struct server_process server;
    struct smq_context *near_context = NULL, *far_context = NULL;
    struct client_fixture sender;
    static struct subscriber subscribers[SUBSCRIBERS];
    char address[160];
    router_side = make_side();
    subscriber_side = router_side < 0 ? -1 : make_side();
    if (subscriber_side < 0)
        skip();
    enter(router_side);
    server_process_init(&server, "map_size = 256M\n[TRANSPORT]\nbind = all\ntcp_keepalive_idle = 1\n"
                                 "tcp_keepalive_interval = 1\ntcp_user_timeout = 3");
    server_process_start(&server);
    require(smq_context_create(NULL, &near_context) == SMQ_OK);
    client_fixture_connect(&sender, near_context, server.address, NULL);
    require(smq_ping(sender.client, 0, NULL) == SMQ_OK);
    unsigned before = server_process_descriptors(&server);

    enter(subscriber_side);
    lay_cable(process_id(server.process));
    (void)snprintf(address, sizeof address, "%.*s@10.99.0.1:%u", (int)(strchr(server.address, '@') - server.address),
                   server.address, (unsigned)server.port);
    require(smq_context_create(NULL, &far_context) == SMQ_OK);
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        client_fixture_connect(&subscribers[i].client, far_context, address, NULL);
        require(smq_create_queue(subscribers[i].client.client, NULL, 0, &subscribers[i].queue, NULL) == SMQ_OK);
    }
    assert_int_equal(before + SUBSCRIBERS, server_process_descriptors(&server));
    require(run("ip route add blackhole 10.99.0.1/32 && ip neigh flush dev far") == 0);
    enter(router_side);
    require(run("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:01 dev near nud permanent") == 0);

    send_to(&sender, subscribers[0].queue); /* one has something to acknowledge, the other is idle */
    await_descriptors(&server, before, FOUND_MS);
    require(smq_ping(sender.client, 0, NULL) == SMQ_OK); /* who is there stays */
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        smq_receive_queue_release(&subscribers[i].queue);
    smq_context_destroy_within(&far_context, 0);
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        client_fixture_close(&subscribers[i].client);
    client_fixture_close(&sender);
    smq_context_destroy(&near_context);
    assert_int_equal(0, server_process_stop(&server, SIGTERM, STOP_MS));
    server_process_finish(&server);
}

/* Linux probes an idle connection, and ends it at the first probe after the time-out. While something that was sent is
 * not acknowledged it does not probe, and waits the whole time-out for that: in the worst case it is sent just before
 * that probe. */
static void test_defaults_find_them_within_15_minutes(void **state) {
    (void)state;
    const struct keep_alive keep_alive = smp_router_config_default().keep_alive;
    unsigned last_probe_s = keep_alive.idle_s;
    assert_true(keep_alive.idle_s > 0 && keep_alive.interval_s > 0 && keep_alive.user_timeout_s > 0);
    while (last_probe_s < keep_alive.user_timeout_s || last_probe_s == keep_alive.idle_s)
        last_probe_s += keep_alive.interval_s;
    assert_in_range(last_probe_s + keep_alive.user_timeout_s, 1, MINUTES_15_S);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_find_them_within_15_minutes),
        cmocka_unit_test(test_subscribers_whose_host_is_gone_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
