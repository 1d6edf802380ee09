/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What changes while a router runs: certificates and live settings, under connections that stay. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/router/writer.h"
#include "actors/smp/post.h"
#include "queues/base/clock.h"
#include "queues/base/thread.h"
#include "test/support/client_fixture.h"
#include "test/support/process.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/server_certificate.h"

enum {
    DAY_S = 86400,
    DEADLINE_MS = 20000,
    RELOADS = 40,
    STOP_MS = 3000,
    SOON_MS = 300,
    SOONER_MS = 8000,
    CONNECTORS = 2,
    LOG_ROOM = 65536
};

static struct router_fixture fixture;
static struct peer_answer answer;
static const struct slice nothing;

static int setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    router_fixture_finish(&fixture);
    return 0;
}

static void reload(void) {
    char error[512];
    if (smp_router_reload(fixture.router, &fixture.config, error, sizeof(error)) != SMQ_OK)
        fail_msg("the router does not reload: %s", error);
}

/* Nothing changes, and the error says `text`. */
static void expect_refused(const char *text) {
    char error[512];
    assert_int_not_equal(smp_router_reload(fixture.router, &fixture.config, error, sizeof(error)), SMQ_OK);
    if (strstr(error, text) == NULL)
        fail_msg("no `%s` in: %s", text, error);
}

static void expect_pong(struct peer *peer) {
    const struct smp_command ping = peer_command(SMP_PING);
    peer_expect(peer, NULL, nothing, &ping, SMP_PONG, &answer);
}

/* Whether a new connection is shown the same leaf as `before`. */
static bool shows_leaf_of(const struct peer *before) {
    struct peer peer;
    router_fixture_connect(&fixture, 0, &peer);
    expect_pong(&peer);
    bool same = slice_equal(peer.facts.peer_chain[0], before->facts.peer_chain[0]);
    peer_close(&peer);
    return same;
}

static void test_new_connections_get_the_new_certificate_and_old_ones_stay(void **state) {
    (void)state;
    struct peer before;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &before);
    reload();
    assert_true(shows_leaf_of(&before)); /* the same files again */
    for (enum key_algorithm algorithm = KEY_ED25519; algorithm <= KEY_ED448; algorithm++) {
        assert_int_equal(SMQ_OK, credentials_renew_files(fixture.directory, "localhost", algorithm, NULL, 0));
        reload();
        assert_false(shows_leaf_of(&before));
        expect_pong(&before);
    }
    peer_close(&before);
}

/* The hello of a connection goes with the certificate that TLS was begun with. */
static void test_hello_goes_with_the_certificate_of_its_connection(void **state) {
    (void)state;
    struct peer peer;
    struct smp_server_hello hello;
    struct slice chain[CERTIFICATE_CHAIN_MAX];
    router_fixture_start(&fixture);
    struct peer_options options = router_fixture_peer_options(&fixture);
    peer_tls(&peer, &options);
    assert_int_equal(SMQ_OK, credentials_renew_files(fixture.directory, "localhost", KEY_ED25519, NULL, 0));
    reload();
    assert_true(peer_read_block(&peer, peer.block));
    assert_int_equal(SMQ_OK, smp_server_hello_parse(peer.block, &hello));
    size_t count = smp_chain_certificates(&hello.chain_key, chain, CERTIFICATE_CHAIN_MAX);
    assert_true(certificate_chain_equal(chain, count, peer.facts.peer_chain, peer.facts.peer_chain_count));
    peer_close(&peer);
}

static _Atomic bool stop_connecting;
static _Atomic unsigned connected;

/* The client library checks that hello, TLS and address name the same router. */
static void *connect_again_and_again(void *address) {
    struct smq_context *context = NULL;
    thread_attach();
    enum smq_result result = smq_context_create(NULL, &context);
    while (result == SMQ_OK && !atomic_load(&stop_connecting)) {
        struct smq_client *client = NULL;
        result = smq_client_connect(context, address, NULL, &client, NULL);
        smq_client_close(&client);
        atomic_fetch_add(&connected, result == SMQ_OK);
    }
    smq_context_destroy(&context);
    return result == SMQ_OK ? NULL : address;
}

static void test_every_handshake_during_reloads_is_whole(void **state) {
    (void)state;
    pthread_t connectors[CONNECTORS];
    char address[128];
    uint64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    router_fixture_start(&fixture);
    client_fixture_address(fixture.fingerprint, fixture.port, address, sizeof(address));
    atomic_store(&stop_connecting, false);
    atomic_store(&connected, 0);
    for (size_t i = 0; i < CONNECTORS; i++)
        require(pthread_create(&connectors[i], NULL, connect_again_and_again, address) == 0);
    for (unsigned i = 0; i < RELOADS || atomic_load(&connected) < RELOADS; i++) {
        require(clock_monotonic_ms() < deadline);
        require(credentials_renew_files(fixture.directory, "localhost", KEY_ED25519, NULL, 0) == SMQ_OK);
        reload();
    }
    atomic_store(&stop_connecting, true);
    for (size_t i = 0; i < CONNECTORS; i++) {
        void *failed;
        require(pthread_join(connectors[i], &failed) == 0);
        assert_null(failed);
    }
}

static void test_broken_certificates_leave_the_old_one_in_service(void **state) {
    (void)state;
    struct peer before;
    char other[64], original[64], path[96];
    uint8_t fingerprint[FINGERPRINT_SIZE];
    static const char *const names[] = {"server.crt", "server.key", "ca.crt"};
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &before);
    temporary_folder_create(other);
    temporary_folder_create(original);
    assert_int_equal(SMQ_OK, credentials_create_files(other, "localhost", KEY_ED25519, fingerprint));
    for (size_t i = 0; i < 3; i++)
        server_file_copy(fixture.directory, original, names[i]);

    server_file_copy(other, fixture.directory, "server.key");
    expect_refused("server.key: the key does not belong to the certificate");
    server_file_copy(other, fixture.directory, "server.crt");
    expect_refused("server.crt: not signed by the first certificate of");
    server_file_copy(other, fixture.directory, "ca.crt");
    expect_refused("ca.crt: another identity than the router's");
    for (size_t i = 0; i < 3; i++)
        server_file_copy(original, fixture.directory, names[i]);
    server_certificate_write(fixture.directory, -20 * DAY_S, -10 * DAY_S);
    expect_refused("server.crt: the certificate expired on");
    server_certificate_write(fixture.directory, DAY_S, 10 * DAY_S);
    expect_refused("server.crt: the certificate is not valid before");
    (void)snprintf(path, sizeof(path), "%s/server.key", fixture.directory);
    require(unlink(path) == 0);
    expect_refused("server.key: No such file");
    require(mkfifo(path, 0600) == 0); /* nobody will ever write to it */
    expect_refused("server.key: a folder, FIFO or device, not a file");
    require(unlink(path) == 0);

    struct smp_router_statistics statistics;
    smp_router_statistics(fixture.router, &statistics);
    assert_int_equal(7, statistics.reload_failures); /* each is counted */
    assert_true(shows_leaf_of(&before));
    expect_pong(&before);
    for (size_t i = 0; i < 3; i++)
        server_file_copy(original, fixture.directory, names[i]);
    reload();
    peer_close(&before);
    temporary_folder_remove(other);
    temporary_folder_remove(original);
}

/* ---- settings */

static void test_limits_of_new_queues_change(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    struct smp_command create = peer_new_command(0, &queue);
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    fixture.config.new_queues = false;
    reload();
    peer_expect_error(&peer, &queue.recipient_key, nothing, &create, smp_error_of(SMP_ERROR_AUTH));
    fixture.config.new_queues = true;
    fixture.config.create_password = "long-enough";
    reload();
    peer_expect_error(&peer, &queue.recipient_key, nothing, &create, smp_error_of(SMP_ERROR_AUTH));
    create.create.has_password = true;
    create.create.password = slice_of_text("long-enough");
    peer_expect(&peer, &queue.recipient_key, nothing, &create, SMP_IDS, &answer);
    fixture.config.create_password = "another-one";
    reload();
    peer_expect_error(&peer, &queue.recipient_key, nothing, &create, smp_error_of(SMP_ERROR_AUTH));
    fixture.config.create_password = NULL;
    reload();
    peer_create_queue(&peer, 0, &queue);
    peer_close(&peer);
}

static void test_quota_changes(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    fixture.config.queue_quota = 2;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    peer_create_queue(&peer, 0, &queue);
    fixture.config.queue_quota = 4;
    reload();
    for (unsigned i = 0; i < 4; i++)
        peer_send_message(&peer, &queue, NULL, "within");
    const struct smp_command send = peer_send_command(slice_of_text("beyond"), false);
    peer_expect_error(&peer, NULL, peer_sender(&queue), &send, smp_error_of(SMP_ERROR_QUOTA));
    peer_close(&peer);
}

static uint64_t messages_expired(void) {
    struct smp_router_statistics statistics;
    smp_router_statistics(fixture.router, &statistics);
    return statistics.messages_expired;
}

/* Nothing expires at first, and the next look would be hours away. */
static void test_expiry_changes_at_once(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    uint64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    fixture.config.message_ttl_s = 0;
    fixture.config.message_expiry_interval_s = 7200;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    peer_create_queue(&peer, 0, &queue);
    peer_send_message(&peer, &queue, NULL, "old soon");
    fixture.config.message_ttl_s = 1;
    fixture.config.message_expiry_interval_s = 1;
    reload();
    while (messages_expired() == 0) {
        require(clock_monotonic_ms() < deadline);
        (void)usleep(10000);
    }
    peer_close(&peer);
}

/* Holds the writer as a slow disk does. */
struct held_writer {
    struct writer_request request;
    sem_t entered;
    sem_t released;
    sem_t completed;
};

static enum smq_result hold(struct store_operation *operation, struct store_txn *txn) {
    struct held_writer *held = (struct held_writer *)(void *)writer_request_of(operation);
    (void)txn;
    (void)sem_post(&held->entered);
    while (sem_wait(&held->released) != 0)
        continue;
    return SMQ_OK;
}

static void let_go(struct store_operation *operation, enum smq_result result) {
    (void)result;
    (void)sem_post(&((struct held_writer *)(void *)writer_request_of(operation))->completed);
}

static void await_within(sem_t *semaphore, int seconds) {
    struct timespec until;
    require(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += seconds;
    require(sem_timedwait(semaphore, &until) == 0);
}

/* Each of them has the expirer begin anew, while what it began before is still with the writer. */
static void test_many_reloads_while_the_disk_is_slow_do_no_harm(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    static struct held_writer held;
    memset(&held, 0, sizeof held);
    held.request.operation = (struct store_operation){.apply = hold, .completed = let_go};
    require(sem_init(&held.entered, 0, 0) == 0 && sem_init(&held.released, 0, 0) == 0 &&
            sem_init(&held.completed, 0, 0) == 0);
    fixture.config.message_ttl_s = 0; /* one kind of round is left */
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    peer_create_queue(&peer, 0, &queue); /* by now the rounds that begin with the router are over */
    post_writer(fixture.router, &held.request);
    await_within(&held.entered, DEADLINE_MS / 1000);
    const struct smp_command send = peer_send_command(slice_of_text("waits for the disk"), false);
    for (unsigned i = 0; i < RELOADS; i++) {
        reload();
        peer_begin(&peer);
        peer_add(&peer, NULL, peer_sender(&queue), &send);
        peer_send(&peer);
    }
    (void)sem_post(&held.released);
    await_within(&held.completed, DEADLINE_MS / 1000);
    for (unsigned i = 0; i < RELOADS; i++) {
        peer_receive(&peer, &answer);
        assert_int_equal(SMP_OK, answer.response.tag);
    }
    peer_close(&peer);
    uint64_t began = clock_monotonic_ms();
    router_fixture_stop(&fixture);
    assert_true(clock_monotonic_ms() - began < STOP_MS);
}

static void test_times_and_versions_of_new_connections_change(void **state) {
    (void)state;
    struct peer peer;
    router_fixture_start(&fixture); /* 10 and 30 seconds */
    struct peer_options options = router_fixture_peer_options(&fixture);
    fixture.config.tls_timeout_ms = fixture.config.handshake_timeout_ms = SOON_MS;
    fixture.config.version_min = 7;
    fixture.config.version_max = 17;
    reload();
    router_fixture_connect(&fixture, 0, &peer);
    assert_int_equal(7, peer.announced.min);
    assert_int_equal(17, peer.announced.max);
    uint64_t began = clock_monotonic_ms();
    struct pollfd silent = {.fd = peer_tcp(fixture.port), .events = POLLRDHUP};
    assert_int_equal(1, poll(&silent, 1, DEADLINE_MS)); /* ended while TLS is awaited */
    assert_true(clock_monotonic_ms() - began < SOONER_MS);
    (void)close(silent.fd);
    expect_pong(&peer);
    peer_close(&peer);
    began = clock_monotonic_ms();
    peer_tls(&peer, &options);
    assert_true(peer_is_closed(&peer)); /* while the hello is awaited */
    assert_true(clock_monotonic_ms() - began < SOONER_MS);
    peer_close(&peer);
}

/* The router's end of a connection: the socket of this process whose peer is `descriptor`. */
static int other_end(int descriptor) {
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    require(getsockname(descriptor, (struct sockaddr *)&own, &length) == 0);
    for (int i = 3; i < 1024; i++) {
        struct sockaddr_in6 peer; /* the port is at the same place as in an address of IPv4 */
        length = sizeof peer;
        if (i != descriptor && getpeername(i, (struct sockaddr *)&peer, &length) == 0 &&
            (peer.sin6_family == AF_INET || peer.sin6_family == AF_INET6) && peer.sin6_port == own.sin_port)
            return i;
    }
    fail_msg("the router has no such connection");
    return -1;
}

static int tcp_option(const struct peer *peer, int option) {
    int value = 0;
    socklen_t length = sizeof value;
    require(getsockopt(other_end(peer->descriptor), IPPROTO_TCP, option, &value, &length) == 0);
    return value;
}

static void test_keep_alive_of_new_connections_changes(void **state) {
    (void)state;
    struct peer before, after;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &before);
    assert_int_equal(300, tcp_option(&before, TCP_KEEPIDLE));
    fixture.config.keep_alive = (struct keep_alive){.idle_s = 77, .interval_s = 11, .probes = 3, .user_timeout_s = 99};
    reload();
    router_fixture_connect(&fixture, 0, &after);
    assert_int_equal(77, tcp_option(&after, TCP_KEEPIDLE));
    assert_int_equal(11, tcp_option(&after, TCP_KEEPINTVL));
    assert_int_equal(3, tcp_option(&after, TCP_KEEPCNT));
    assert_int_equal(99000, tcp_option(&after, TCP_USER_TIMEOUT));
    assert_int_equal(300, tcp_option(&before, TCP_KEEPIDLE));
    peer_close(&after);
    peer_close(&before);
}

static void test_inactive_connections_are_closed_once_that_is_switched_on(void **state) {
    (void)state;
    struct peer peer;
    fixture.config.inactive_ttl_s = 1;
    fixture.config.inactive_check_interval_s = 1;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    expect_pong(&peer);
    fixture.config.disconnect_inactive = true;
    reload();
    assert_true(peer_is_closed(&peer));
    peer_close(&peer);
}

static void test_service_certificates_are_asked_for_or_not(void **state) {
    (void)state;
    struct peer peer;
    router_fixture_start(&fixture);
    router_fixture_connect(&fixture, 0, &peer);
    assert_true(peer.facts.client_certificate_requested);
    peer_close(&peer);
    fixture.config.accept_service_credentials = false;
    reload();
    router_fixture_connect(&fixture, 0, &peer);
    assert_false(peer.facts.client_certificate_requested);
    peer_close(&peer);
}

static void test_bad_settings_change_nothing(void **state) {
    (void)state;
    struct peer peer;
    struct peer_queue queue;
    router_fixture_start(&fixture);
    fixture.config.new_queues = false;
    fixture.config.queue_quota = 0;
    expect_refused("configuration");
    router_fixture_connect(&fixture, 0, &peer);
    peer_create_queue(&peer, 0, &queue);
    peer_close(&peer);
}

/* ---- the warning */

static unsigned count_text(const char *path, const char *text) {
    static char log[LOG_ROOM];
    unsigned count = 0;
    FILE *file = fopen(path, "re");
    require(file != NULL);
    log[fread(log, 1, sizeof(log) - 1, file)] = 0;
    (void)fclose(file);
    for (const char *found = strstr(log, text); found != NULL; found = strstr(found + 1, text))
        count++;
    return count;
}

static void test_certificate_that_ends_soon_is_warned_of_again_and_again(void **state) {
    (void)state;
    char path[96];
    uint64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    (void)snprintf(path, sizeof(path), "%s/log", fixture.directory);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), terminal = dup(2);
    require(log >= 0 && terminal >= 0 && dup2(log, 2) == 2);
    server_certificate_write(fixture.directory, -DAY_S, 20 * DAY_S);
    fixture.config.certificate_check_interval_s = 1;
    router_fixture_start(&fixture);
    while (count_text(path, "the certificate expires on") < 3 && clock_monotonic_ms() < deadline)
        (void)usleep(10000);
    unsigned warnings = count_text(path, "the certificate expires on");
    assert_int_equal(SMQ_OK, credentials_renew_files(fixture.directory, "localhost", KEY_ED25519, NULL, 0));
    reload();
    router_fixture_stop(&fixture);
    require(dup2(terminal, 2) == 2);
    (void)close(terminal);
    (void)close(log);
    assert_true(warnings >= 3);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_new_connections_get_the_new_certificate_and_old_ones_stay),
        CASE(test_hello_goes_with_the_certificate_of_its_connection),
        CASE(test_every_handshake_during_reloads_is_whole),
        CASE(test_broken_certificates_leave_the_old_one_in_service),
        CASE(test_limits_of_new_queues_change),
        CASE(test_quota_changes),
        CASE(test_expiry_changes_at_once),
        CASE(test_many_reloads_while_the_disk_is_slow_do_no_harm),
        CASE(test_times_and_versions_of_new_connections_change),
        CASE(test_keep_alive_of_new_connections_changes),
        CASE(test_inactive_connections_are_closed_once_that_is_switched_on),
        CASE(test_service_certificates_are_asked_for_or_not),
        CASE(test_bad_settings_change_nothing),
        CASE(test_certificate_that_ends_soon_is_warned_of_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
