/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hostile peers up to the end of the SMP handshake: random bytes, wrong parameters, and those who stop half-way. Others
 * do not notice, and nothing of them is left. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/random.h"
#include "test/support/memory_use.h"
#include "test/support/require.h"
#include "test/support/witness.h"

enum {
    CROWD = 48,
    TLS_MS = 700, /* the router's budget for TLS, and for the SMP handshake, of those who use them up ... */
    HELLO_MS = 700,
    SOME_MS = 2000,
    AMPLE_MS = 10000, /* ... and of those who get further, on a machine that is busy */
    CLOSED_MS = 10000,
    RANDOM_MOST = 40000,
    WITNESS_CONNECTIONS = 2,
    WARM_UPS = 2,
    ROUNDS = 4,
    HEAP_GROWTH = 256 << 10, /* what malloc keeps with its threads; 150 bytes lost with each connection are more */
    RESIDENT_GROWTH = 8 << 20,
};

static struct router_fixture fixture;
static struct witness witness;
static struct peer crowd[CROWD];

static int setup(void **state) {
    (void)state;
    router_fixture_init(&fixture);
    fixture.config.tls_timeout_ms = fixture.config.handshake_timeout_ms = AMPLE_MS;
    router_fixture_start(&fixture);
    witness_open(&fixture, &witness);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    witness_close(&witness);
    router_fixture_finish(&fixture);
    return 0;
}

/* For connections from now on. */
static void set_budgets(uint32_t tls_ms, uint32_t hello_ms) {
    char error[512];
    fixture.config.tls_timeout_ms = tls_ms;
    fixture.config.handshake_timeout_ms = hello_ms;
    assert_int_equal(SMQ_OK, smp_router_reload(fixture.router, &fixture.config, error, sizeof error));
}

/* Writes what the router takes before it closes. */
static void write_raw(int descriptor, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd polled = {.fd = descriptor, .events = POLLOUT};
            assert_int_equal(1, poll(&polled, 1, CLOSED_MS));
            continue;
        }
        if (written < 0)
            return;
        bytes += written;
        length -= (size_t)written;
    }
}

/* Reads and drops until the router ends the connection, which it must. */
static void await_closed(int descriptor) {
    uint8_t dropped[4096];
    struct pollfd polled = {.fd = descriptor, .events = POLLIN};
    ssize_t got;
    do {
        assert_int_equal(1, poll(&polled, 1, CLOSED_MS));
        got = recv(descriptor, dropped, sizeof dropped, 0);
    } while (got > 0 || (got < 0 && errno == EAGAIN));
}

static void close_abruptly(int descriptor) {
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(0, setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
    (void)close(descriptor);
}

static void assert_calm(void) {
    witness_exchange(&witness);
    witness_await_calm(&fixture, WITNESS_CONNECTIONS);
}

/* ---- before TLS ---- */

/* Every other one begins like a TLS record, so that more of TLS is reached. */
static void attack_with_random_bytes(void) {
    static uint8_t bytes[RANDOM_MOST];
    int descriptors[CROWD];
    set_budgets(TLS_MS, HELLO_MS);
    for (unsigned i = 0; i < CROWD; i++) {
        size_t length = 1 + random_below(RANDOM_MOST);
        random_bytes(bytes, length);
        if (i % 2 == 0 && length > 5)
            memcpy(bytes, (const uint8_t[]){22, 3, 1, 2, 0}, 5);
        descriptors[i] = peer_tcp(fixture.port);
        write_raw(descriptors[i], bytes, length);
    }
    witness_exchange(&witness);
    for (unsigned i = 0; i < CROWD; i++) {
        await_closed(descriptors[i]);
        (void)close(descriptors[i]);
    }
}

static void attack_with_silence(void) {
    int descriptors[CROWD];
    set_budgets(TLS_MS, HELLO_MS);
    for (unsigned i = 0; i < CROWD; i++)
        descriptors[i] = peer_tcp(fixture.port);
    witness_exchange(&witness);
    for (unsigned i = 0; i < CROWD; i++) {
        await_closed(descriptors[i]);
        (void)close(descriptors[i]);
    }
}

static void attack_with_hang_ups(void) {
    for (unsigned i = 0; i < CROWD; i++) {
        int descriptor = peer_tcp(fixture.port);
        uint8_t byte = 22;
        if (i % 2 == 0)
            write_raw(descriptor, &byte, 1);
        if (i % 3 == 0)
            close_abruptly(descriptor);
        else
            (void)close(descriptor);
    }
}

static void test_random_bytes_before_tls_end_the_connection(void **state) {
    (void)state;
    attack_with_random_bytes();
    assert_calm();
}

static void test_half_open_connections_are_closed_in_time(void **state) {
    (void)state;
    uint64_t started = clock_monotonic_ms();
    attack_with_silence();
    assert_true(clock_monotonic_ms() - started >= TLS_MS);
    assert_calm();
}

static void test_hang_ups_before_tls_leave_nothing(void **state) {
    (void)state;
    attack_with_hang_ups();
    assert_calm();
}

/* ---- in TLS ---- */

/* What a client says first. */
static size_t make_client_hello(uint8_t *bytes, size_t size) {
    struct tls_context *context;
    struct tls *tls;
    enum tls_want want;
    int ends[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
    assert_int_equal(SMQ_OK, tls_context_create_client(NULL, &context));
    assert_int_equal(SMQ_OK, tls_create_client(context, ends[0], "smp/1", fixture.fingerprint, &tls));
    assert_int_equal(SMQ_ERR_AGAIN, tls_handshake(tls, &want));
    ssize_t length = read(ends[1], bytes, size);
    assert_true(length > 0 && (size_t)length < size);
    tls_destroy(&tls);
    tls_context_destroy(&context);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return (size_t)length;
}

/* The hello, or a part of it; every other one goes on with random bytes, which must not pass for the next flight. */
static void attack_with_unfinished_tls(bool goes_on) {
    uint8_t hello[4096];
    uint8_t bytes[1000];
    int descriptors[CROWD];
    set_budgets(TLS_MS, HELLO_MS);
    for (unsigned i = 0; i < CROWD; i++) {
        size_t length = make_client_hello(hello, sizeof hello);
        descriptors[i] = peer_tcp(fixture.port);
        write_raw(descriptors[i], hello, i % 3 == 0 ? random_below((uint32_t)length) : length);
        random_bytes(bytes, sizeof bytes);
        if (goes_on)
            write_raw(descriptors[i], bytes, 1 + random_below(sizeof bytes));
    }
    witness_exchange(&witness);
    for (unsigned i = 0; i < CROWD; i++) {
        await_closed(descriptors[i]);
        (void)close(descriptors[i]);
    }
}

static void attack_with_wrong_alpn(void) {
    static const char *const names[] = {"smp/2", "smp", "xftp/1"};
    set_budgets(AMPLE_MS, AMPLE_MS);
    for (unsigned i = 0; i < 3; i++) {
        struct peer *peer = &crowd[i];
        enum tls_want want;
        enum smq_result result;
        memset(peer, 0, sizeof *peer);
        peer->descriptor = peer_tcp(fixture.port);
        assert_int_equal(SMQ_OK, tls_context_create_client(NULL, &peer->context));
        assert_int_equal(SMQ_OK,
                         tls_create_client(peer->context, peer->descriptor, names[i], fixture.fingerprint, &peer->tls));
        while ((result = tls_handshake(peer->tls, &want)) == SMQ_ERR_AGAIN) {
            struct pollfd polled = {.fd = peer->descriptor, .events = want == TLS_WANT_READ ? POLLIN : POLLOUT};
            assert_int_equal(1, poll(&polled, 1, CLOSED_MS));
        }
        assert_int_equal(SMQ_ERR_TLS, result);
        if (strstr(tls_failure_text(peer->tls), "no application protocol") == NULL)
            fail_msg("another failure: %s", tls_failure_text(peer->tls));
        peer_close(peer);
    }
}

static void test_unfinished_tls_handshake_is_closed_in_time(void **state) {
    (void)state;
    attack_with_unfinished_tls(false);
    assert_calm();
}

static void test_random_bytes_in_the_tls_handshake_end_the_connection(void **state) {
    (void)state;
    attack_with_unfinished_tls(true);
    assert_calm();
}

static void test_wrong_alpn_gets_an_alert(void **state) {
    (void)state;
    attack_with_wrong_alpn();
    assert_calm();
}

/* ---- instead of the client hello ---- */

/* TLS is up, and the router's hello has come. */
static void await_hello(struct peer *peer, const char *alpn, struct smp_server_hello *hello) {
    struct peer_options options = router_fixture_peer_options(&fixture);
    options.alpn = alpn;
    peer_tls(peer, &options);
    assert_true(peer_read_block(peer, peer->block));
    assert_int_equal(SMQ_OK, smp_server_hello_parse(peer->block, hello));
}

static struct smp_client_hello right_hello(struct peer *peer, uint16_t version) {
    assert_int_equal(SMQ_OK, key_pair_generate(KEY_X25519, &peer->key));
    return (struct smp_client_hello){.version = version,
                                     .key_hash = slice_of(fixture.fingerprint, FINGERPRINT_SIZE),
                                     .has_key = version >= 7,
                                     .key = peer->key.public_key};
}

/* The hello in peer->outgoing is refused: the connection ends, and nothing is sent before. */
static void assert_hello_refused(struct peer *peer) {
    peer_write_block(peer, peer->outgoing);
    assert_false(peer_read_block(peer, peer->block));
    peer_close(peer);
}

static void attack_with_wrong_versions(void) {
    static const uint16_t versions[] = {0, 1, 5, 19, 255, UINT16_MAX};
    struct smp_server_hello hello;
    set_budgets(AMPLE_MS, AMPLE_MS);
    for (unsigned i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct peer *peer = &crowd[i];
        await_hello(peer, NULL, &hello);
        struct smp_client_hello own = right_hello(peer, versions[i]);
        assert_int_equal(SMQ_OK, smp_client_hello_write(&own, peer->outgoing));
        assert_hello_refused(peer);
    }
}

static void attack_with_wrong_key_hashes(void) {
    uint8_t wrong[FINGERPRINT_SIZE];
    struct smp_server_hello hello;
    set_budgets(AMPLE_MS, AMPLE_MS);
    for (unsigned i = 0; i < 4; i++) {
        struct peer *peer = &crowd[i];
        static const size_t lengths[] = {FINGERPRINT_SIZE, FINGERPRINT_SIZE, FINGERPRINT_SIZE - 1, 0};
        await_hello(peer, NULL, &hello);
        struct smp_client_hello own = right_hello(peer, 18);
        memcpy(wrong, fixture.fingerprint, sizeof wrong);
        wrong[i % 2 == 0 ? 0 : FINGERPRINT_SIZE - 1] ^= i < 2 ? 1 : 0;
        own.key_hash = slice_of(wrong, lengths[i]);
        assert_int_equal(SMQ_OK, smp_client_hello_write(&own, peer->outgoing));
        assert_hello_refused(peer);
    }
}

static void attack_with_random_hellos(void) {
    struct smp_server_hello hello;
    set_budgets(AMPLE_MS, AMPLE_MS);
    for (unsigned i = 0; i < CROWD; i++) {
        struct peer *peer = &crowd[i];
        await_hello(peer, NULL, &hello);
        random_bytes(peer->outgoing, SMP_BLOCK_SIZE);
        if (i % 2 == 0)
            memcpy(peer->outgoing, (const uint8_t[]){0, 200, 0, 18, 32}, 5); /* well padded; its key hash is random */
        assert_hello_refused(peer);
    }
}

/* Half of them send half a hello. */
static void attack_with_unfinished_hellos(void) {
    static uint8_t half[SMP_BLOCK_SIZE / 2];
    struct smp_server_hello hello;
    enum tls_want want;
    set_budgets(AMPLE_MS, HELLO_MS);
    for (unsigned i = 0; i < CROWD; i++) {
        await_hello(&crowd[i], NULL, &hello);
        if (i % 2 == 0)
            assert_int_equal(SMQ_OK, tls_write(crowd[i].tls, half, sizeof half, false, &want));
    }
    witness_exchange(&witness);
    for (unsigned i = 0; i < CROWD; i++) {
        assert_true(peer_is_closed(&crowd[i]));
        peer_close(&crowd[i]);
    }
}

static void test_wrong_version_is_refused_without_a_word(void **state) {
    (void)state;
    attack_with_wrong_versions();
    assert_calm();
}

static void test_wrong_key_hash_is_refused_without_a_word(void **state) {
    (void)state;
    attack_with_wrong_key_hashes();
    assert_calm();
}

static void test_random_block_instead_of_a_hello_is_refused_without_a_word(void **state) {
    (void)state;
    attack_with_random_hellos();
    assert_calm();
}

static void test_unfinished_smp_handshake_is_closed_in_time(void **state) {
    (void)state;
    uint64_t started = clock_monotonic_ms();
    attack_with_unfinished_hellos();
    assert_true(clock_monotonic_ms() - started >= HELLO_MS);
    assert_calm();
}

static void test_without_alpn_only_version_6_is_announced_and_accepted(void **state) {
    set_budgets(AMPLE_MS, AMPLE_MS);
    (void)state;
    struct smp_server_hello hello;
    struct peer *peer = &crowd[0];
    struct smp_command ping = peer_command(SMP_PING);
    await_hello(peer, "", &hello);
    assert_int_equal(6, hello.versions.min);
    assert_int_equal(6, hello.versions.max);
    struct smp_client_hello own = right_hello(peer, 18);
    assert_int_equal(SMQ_OK, smp_client_hello_write(&own, peer->outgoing));
    assert_hello_refused(peer);
    struct peer_options options = router_fixture_peer_options(&fixture);
    options.alpn = "";
    peer_connect(peer, &options);
    assert_int_equal(6, peer->session.version);
    peer_expect(peer, NULL, slice_of(NULL, 0), &ping, SMP_PONG, NULL);
    peer_close(peer);
    assert_calm();
}

/* A budget that ends with the handshake, not later. */
static void test_established_connections_outlive_the_timeouts(void **state) {
    (void)state;
    struct smp_command ping = peer_command(SMP_PING);
    struct peer_options options = router_fixture_peer_options(&fixture);
    set_budgets(SOME_MS, SOME_MS);
    peer_connect(&crowd[0], &options);
    assert_true(peer_is_silent(&crowd[0], 2 * SOME_MS + 200));
    peer_expect(&crowd[0], NULL, slice_of(NULL, 0), &ping, SMP_PONG, NULL);
    peer_close(&crowd[0]);
    assert_calm();
}

/* ---- all of it ---- */

static void attack(void) {
    attack_with_random_bytes();
    attack_with_hang_ups();
    attack_with_unfinished_tls(true);
    attack_with_unfinished_tls(false);
    attack_with_wrong_alpn();
    attack_with_wrong_versions();
    attack_with_wrong_key_hashes();
    attack_with_random_hellos();
    attack_with_unfinished_hellos();
    assert_calm();
}

static void test_nothing_is_left_of_repeated_attacks(void **state) {
    (void)state;
    for (unsigned i = 0; i < WARM_UPS; i++)
        attack();
    uint64_t heap = memory_heap_in_use();
    uint64_t resident = memory_resident();
    for (unsigned i = 0; i < ROUNDS; i++)
        attack();
    assert_in_range(memory_heap_in_use(), 0, heap + HEAP_GROWTH);
    assert_in_range(memory_resident(), 0, resident + RESIDENT_GROWTH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_bytes_before_tls_end_the_connection),
        cmocka_unit_test(test_half_open_connections_are_closed_in_time),
        cmocka_unit_test(test_hang_ups_before_tls_leave_nothing),
        cmocka_unit_test(test_unfinished_tls_handshake_is_closed_in_time),
        cmocka_unit_test(test_random_bytes_in_the_tls_handshake_end_the_connection),
        cmocka_unit_test(test_wrong_alpn_gets_an_alert),
        cmocka_unit_test(test_wrong_version_is_refused_without_a_word),
        cmocka_unit_test(test_wrong_key_hash_is_refused_without_a_word),
        cmocka_unit_test(test_random_block_instead_of_a_hello_is_refused_without_a_word),
        cmocka_unit_test(test_unfinished_smp_handshake_is_closed_in_time),
        cmocka_unit_test(test_without_alpn_only_version_6_is_announced_and_accepted),
        cmocka_unit_test(test_established_connections_outlive_the_timeouts),
        cmocka_unit_test(test_nothing_is_left_of_repeated_attacks),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
