/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The real smp-server among hostile peers: what established clients and newcomers notice of storms of KeyUpdates, of
 * replayed ClientHellos, and of half-open connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/thread.h"
#include "test/stress/stress.h"
#include "test/support/server_process.h"

enum {
    CORES = 2,
    UPDATES = 400,  /* twelve times what the router takes of a connection */
    PREPARED = 100, /* connections of each hostile peer, at a time */
    LATENCIES_MIN = 1000,
    LATENCIES_MAX = 200000,
    P99_MOST_US = 50000,
    HELLOS_A_SECOND = 300,
    HELLO_MAX = 2048,
    HALF_OPEN = 65000,
    HELD_MAX = 15000, /* half-open ones that the peer keeps its side of */
    MEASURED = 3000,
    HALF_OPEN_MOST_BYTES = 12288, /* a connection that has said hello once, or less */
    ANSWERED_MOST_BYTES = 20480,  /* one that has shown its cookie */
    CONNECT_MOST_MS = 1000,
    HOSTILE_ADDRESS = 0x7f000002, /* 127.0.0.2: another address than that of honest clients */
};

static struct server_process server;
static struct peer honest;
static uint32_t latencies[LATENCIES_MAX]; /* us */
static _Atomic size_t latency_count;
static _Atomic int ready;   /* how often hostile peers were */
static _Atomic int firing;  /* those that are at it, */
static int firing_measured; /* and as many as there must be for a measurement */
static uint64_t end_ms;
static uint8_t hello[HELLO_MAX];
static size_t hello_length;

struct hostile {
    struct thread *thread;
    unsigned index;
    _Atomic uint64_t done;
};

static void start_server(const char *keys) {
    server_process_init(&server, keys);
    server_process_start(&server);
    server_process_connect(&server, &honest);
    latency_count = 0;
}

static void stop_server(void) {
    peer_close(&honest);
    assert_int_equal(server_process_stop(&server, SIGTERM, STRESS_PATIENCE_MS), 0);
    server_process_finish(&server);
}

/* ---- honest clients */

/* The time is over, and enough was measured for a percentile. */
static bool has_enough(void) {
    uint64_t now_ms = clock_monotonic_ms();
    return now_ms >= end_ms && (latency_count >= LATENCIES_MIN || now_ms >= end_ms + STRESS_PATIENCE_MS);
}

static void ping_until_the_end(void) {
    struct smp_command ping = peer_command(SMP_PING);
    while (!has_enough() && latency_count < LATENCIES_MAX) {
        bool is_measured = firing == firing_measured;
        uint64_t start_us = clock_monotonic_us();
        peer_expect(&honest, NULL, slice_of(NULL, 0), &ping, SMP_PONG, NULL);
        if (is_measured)
            latencies[latency_count++] = (uint32_t)(clock_monotonic_us() - start_us);
        else
            usleep(500);
    }
}

static int by_size(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static void assert_p99(const char *among, uint64_t done) {
    assert_true(latency_count >= LATENCIES_MIN);
    qsort(latencies, latency_count, sizeof latencies[0], by_size);
    uint32_t p99 = latencies[latency_count * 99 / 100];
    printf("%zu honest commands among %llu %s: median %u us, p99 %u us\n", latency_count, (unsigned long long)done,
           among, latencies[latency_count / 2], p99);
    assert_true(p99 < P99_MOST_US);
}

/* ---- hostile ones */

static int connect_from(uint32_t own_address) {
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(own_address)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(server.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* leaves no port behind */
    int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0)
        return -1;
    (void)setsockopt(made, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    (void)setsockopt(made, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (bind(made, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(made, (struct sockaddr *)&to, sizeof to) != 0) {
        (void)close(made);
        return -1;
    }
    return made;
}

static SSL_CTX *hostile_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    assert_int_equal(SSL_CTX_set1_groups_list(context, "X448:X25519"), 1);
    return context;
}

/* A connection up to TLS, with the records that it will send: they are bound to its keys, and cost more than reading
 * them does. */
struct prepared {
    int descriptor;
    SSL *ssl;
    BIO *records;
};

static void prepare(SSL_CTX *context, int kind, struct prepared *prepared) {
    prepared->descriptor = connect_from(INADDR_LOOPBACK);
    prepared->ssl = SSL_new(context);
    prepared->records = BIO_new(BIO_s_mem());
    assert_true(prepared->descriptor >= 0);
    assert_int_equal(SSL_set_fd(prepared->ssl, prepared->descriptor), 1);
    assert_int_equal(SSL_connect(prepared->ssl), 1);
    BIO_up_ref(prepared->records);
    SSL_set0_wbio(prepared->ssl, prepared->records);
    for (int i = 0; i < UPDATES; i++) {
        assert_int_equal(SSL_key_update(prepared->ssl, kind), 1);
        assert_int_equal(SSL_do_handshake(prepared->ssl), 1);
    }
}

static void fire(const struct prepared *prepared) {
    char *bytes;
    long length = BIO_get_mem_data(prepared->records, &bytes);
    assert_true(length > 0);
    (void)send(prepared->descriptor, bytes, (size_t)length, MSG_NOSIGNAL); /* fails when the router has had enough */
}

static void await_end(struct prepared *prepared) {
    char bytes[4096];
    while (recv(prepared->descriptor, bytes, sizeof bytes, 0) > 0)
        continue;
    SSL_free(prepared->ssl);
    BIO_free(prepared->records);
    (void)close(prepared->descriptor);
    ERR_clear_error();
}

/* Many connections are made ready, then each hostile peer has one after the other fire, as fast as the router ends
 * them; only meanwhile honest commands are measured. */
static void update_keys(void *argument) {
    struct hostile *hostile = argument;
    struct prepared prepared[PREPARED];
    SSL_CTX *context = hostile_context();
    int kind = hostile->index % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    for (int round = 1; !has_enough(); round++) {
        for (int i = 0; i < PREPARED; i++)
            prepare(context, kind, &prepared[i]);
        atomic_fetch_add(&ready, 1);
        while (ready < CORES * round && !has_enough())
            usleep(100);
        atomic_fetch_add(&firing, 1);
        for (int i = 0; i < PREPARED; i++) {
            fire(&prepared[i]);
            await_end(&prepared[i]);
        }
        atomic_fetch_sub(&firing, 1);
        atomic_fetch_add(&hostile->done, PREPARED);
    }
    SSL_CTX_free(context);
}

static void make_hello(void) {
    SSL_CTX *context = hostile_context();
    SSL *ssl = SSL_new(context);
    BIO *kept = BIO_new(BIO_s_mem());
    assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)"\5smp/1", 6), 0);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), kept);
    SSL_set_connect_state(ssl);
    (void)SSL_do_handshake(ssl);
    char *bytes;
    hello_length = (size_t)BIO_get_mem_data(kept, &bytes);
    assert_in_range(hello_length, 100, HELLO_MAX);
    memcpy(hello, bytes, hello_length);
    SSL_free(ssl);
    SSL_CTX_free(context);
}

static void replay_hellos(void *argument) {
    struct hostile *hostile = argument;
    enum { OPEN = 100 };
    int open[OPEN];
    memset(open, -1, sizeof open);
    uint64_t start_us = clock_monotonic_us();
    for (uint64_t i = 0; !has_enough(); i++) {
        int *place = &open[i % OPEN];
        if (*place >= 0)
            (void)close(*place);
        *place = connect_from(INADDR_LOOPBACK);
        if (*place >= 0 && send(*place, hello, hello_length, MSG_NOSIGNAL) == (ssize_t)hello_length)
            atomic_fetch_add(&hostile->done, 1);
        uint64_t next_us = start_us + (i + 1) * 1000000 / HELLOS_A_SECOND;
        uint64_t now_us = clock_monotonic_us();
        if (next_us > now_us)
            usleep((useconds_t)(next_us - now_us));
    }
    for (int i = 0; i < OPEN; i++)
        if (open[i] >= 0)
            (void)close(open[i]);
}

/* Some are silent, some send the beginning of a hello, some a whole one. */
static void hold_half_open(void *argument) {
    struct hostile *hostile = argument;
    int *held = malloc(HELD_MAX * sizeof *held);
    assert_non_null(held);
    for (int i = 0; i < HELD_MAX; i++)
        held[i] = -1;
    for (uint64_t i = 0; i < HALF_OPEN && clock_monotonic_ms() < end_ms; i++) {
        int *place = &held[i % HELD_MAX];
        if (*place >= 0)
            (void)close(*place);
        *place = connect_from(HOSTILE_ADDRESS);
        size_t length = i % 3 == 0 ? 0 : i % 3 == 1 ? 20 : hello_length;
        if (*place >= 0)
            (void)send(*place, hello, length, MSG_NOSIGNAL);
        atomic_fetch_add(&hostile->done, *place >= 0);
    }
    for (int i = 0; i < HELD_MAX; i++)
        if (held[i] >= 0)
            (void)close(held[i]);
    free(held);
}

/* ---- the promises */

static void test_storms_of_key_updates_hold_nobody_up(void **state) {
    (void)state;
    struct hostile hostiles[CORES] = {{.index = 0}, {.index = 1}};
    uint64_t done = 0;
    start_server("map_size = 64M");
    end_ms = clock_monotonic_ms() + stress_ms(1, 1);
    firing_measured = CORES;
    for (int i = 0; i < CORES; i++)
        assert_int_equal(thread_create(&hostiles[i].thread, "hostile", update_keys, &hostiles[i]), SMQ_OK);
    ping_until_the_end();
    for (int i = 0; i < CORES; i++) {
        thread_join(&hostiles[i].thread);
        done += hostiles[i].done;
    }
    assert_true(done > 0);
    assert_p99("storms of KeyUpdates", done);
    stop_server();
}

static void test_replayed_hellos_hold_nobody_up(void **state) {
    (void)state;
    struct hostile hostile = {.index = 0};
    make_hello();
    start_server("map_size = 64M");
    end_ms = clock_monotonic_ms() + stress_ms(1, 1);
    firing = firing_measured = 1;
    assert_int_equal(thread_create(&hostile.thread, "hostile", replay_hellos, &hostile), SMQ_OK);
    ping_until_the_end();
    thread_join(&hostile.thread);
    firing = 0;
    assert_true(hostile.done > 0);
    assert_p99("replayed hellos", hostile.done);
    stop_server();
}

static void test_half_open_connections_keep_nobody_out(void **state) {
    (void)state;
    struct hostile hostile = {.index = 0};
    struct rlimit limit;
    uint64_t slowest_ms = 0;
    unsigned connected = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    make_hello();
    start_server("map_size = 64M\n[LIMITS]\nlimit_loopback = on\n[STORE_LOG]");
    end_ms = clock_monotonic_ms() + STRESS_PATIENCE_MS;
    assert_int_equal(thread_create(&hostile.thread, "hostile", hold_half_open, &hostile), SMQ_OK);
    while (hostile.done < HALF_OPEN && clock_monotonic_ms() < end_ms) {
        struct peer peer;
        uint64_t start_ms = clock_monotonic_ms();
        server_process_connect(&server, &peer);
        uint64_t took_ms = clock_monotonic_ms() - start_ms;
        slowest_ms = took_ms > slowest_ms ? took_ms : slowest_ms;
        connected++;
        peer_close(&peer);
        usleep(50000);
    }
    thread_join(&hostile.thread);
    printf("%u honest connections among %llu half-open ones: the slowest took %llu ms\n", connected,
           (unsigned long long)hostile.done, (unsigned long long)slowest_ms);
    assert_int_equal(hostile.done, HALF_OPEN);
    assert_true(connected > 0);
    assert_true(slowest_ms < CONNECT_MOST_MS);
    stop_server();
}

static uint64_t resident_bytes(void) {
    char path[64];
    unsigned long long pages = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)process_id(server.process));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*s %llu", &pages), 1);
    (void)fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Shows the cookie, if the router asks for one, and says no more. */
static void show_cookie(SSL_CTX *context, int descriptor) {
    uint8_t heard[HELLO_MAX];
    SSL *ssl = SSL_new(context);
    assert_int_equal(SSL_set_fd(ssl, descriptor), 1);
    SSL_set0_rbio(ssl, BIO_new(BIO_s_mem()));
    for (int i = 0; i < 2 && SSL_connect(ssl) != 1; i++) {
        ssize_t got = recv(descriptor, heard, sizeof heard, 0);
        assert_true(got > 0);
        assert_int_equal(BIO_write(SSL_get_rbio(ssl), heard, (int)got), got);
    }
    SSL_free(ssl);
    ERR_clear_error();
}

/* What a connection costs the router that has sent `length` bytes of its hello; more than there are: also the second
 * one, with the cookie. */
static uint64_t cost_of_half_open(size_t length) {
    static int held[MEASURED];
    SSL_CTX *context = hostile_context();
    start_server("map_size = 64M\n[LIMITS]\nmax_handshakes = 0\n[STORE_LOG]");
    unsigned before_count = server_process_descriptors(&server);
    uint64_t before = resident_bytes();
    for (int i = 0; i < MEASURED; i++) {
        held[i] = connect_from(INADDR_LOOPBACK);
        assert_true(held[i] >= 0);
        if (length > hello_length)
            show_cookie(context, held[i]);
        else
            assert_int_equal(send(held[i], hello, length, MSG_NOSIGNAL), length);
    }
    SSL_CTX_free(context);
    end_ms = clock_monotonic_ms() + STRESS_PATIENCE_MS;
    while (server_process_descriptors(&server) < before_count + MEASURED) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(1000);
    }
    struct smp_command ping = peer_command(SMP_PING);
    for (int i = 0; i < 10; i++)
        peer_expect(&honest, NULL, slice_of(NULL, 0), &ping, SMP_PONG, NULL); /* the lanes have seen them */
    uint64_t cost = (resident_bytes() - before) / MEASURED;
    for (int i = 0; i < MEASURED; i++)
        (void)close(held[i]);
    stop_server();
    return cost;
}

static void test_half_open_connections_are_cheap(void **state) {
    (void)state;
    make_hello();
    const size_t lengths[] = {0, 20, hello_length, SIZE_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        bool is_answered = lengths[i] > hello_length;
        uint64_t cost = cost_of_half_open(lengths[i]);
        printf("a connection with %zu bytes of a hello%s costs %llu bytes\n", is_answered ? hello_length : lengths[i],
               is_answered ? ", and its cookie," : "", (unsigned long long)cost);
        assert_true(cost <= (is_answered ? ANSWERED_MOST_BYTES : HALF_OPEN_MOST_BYTES));
    }
}

int main(void) {
    thread_attach();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storms_of_key_updates_hold_nobody_up),
        cmocka_unit_test(test_replayed_hellos_hold_nobody_up),
        cmocka_unit_test(test_half_open_connections_keep_nobody_out),
        cmocka_unit_test(test_half_open_connections_are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
