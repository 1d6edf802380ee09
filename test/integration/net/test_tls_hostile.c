/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Peers of TLS that send what is not data: a step ends all the same, and so do they. The peers are plain OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/postpone.h"
#include "queues/base/rcu.h"
#include "queues/base/setup.h"
#include "queues/base/thread.h"
#include "test/support/test_pki.h"
#include "transport/tls/tls.h"

enum { STEPS = 1000, BLOCK = 16384, STORM = 5000 };

struct hostile {
    struct test_pki pki;
    struct tls *server;
    int server_end;
    int client_end;
    SSL_CTX *context;
    SSL *client;
    BIO *kept; /* what the client writes after the handshake, until `send_kept` */
    uint8_t bytes[BLOCK];
    size_t length;
};

static int accept_any(X509_STORE_CTX *store, void *argument) {
    (void)store;
    (void)argument;
    return 1;
}

static void prepare(struct hostile *hostile, int version) {
    int ends[2];
    *hostile = (struct hostile){0};
    test_pki_init(&hostile->pki);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    hostile->server_end = ends[0];
    hostile->client_end = ends[1];
    int size = 4 << 20;
    assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size), 0);
    assert_int_equal(tls_create_server(hostile->pki.server_context, ends[0], &hostile->server), SMQ_OK);
    hostile->context = SSL_CTX_new(TLS_client_method());
    assert_non_null(hostile->context);
    assert_int_equal(SSL_CTX_set_max_proto_version(hostile->context, version), 1);
    SSL_CTX_set_cert_verify_callback(hostile->context, accept_any, NULL);
    SSL_CTX_set_options(hostile->context, SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS);
    hostile->client = SSL_new(hostile->context);
    assert_non_null(hostile->client);
    assert_int_equal(SSL_set_fd(hostile->client, ends[1]), 1);
    SSL_set_connect_state(hostile->client);
}

/* From here on the client's records are gathered. */
static void connect_client(struct hostile *hostile) {
    enum smq_result result = SMQ_ERR_AGAIN;
    enum tls_want want;
    for (int i = 0; i < STEPS && (result == SMQ_ERR_AGAIN || !SSL_is_init_finished(hostile->client)); i++) {
        ERR_clear_error();
        (void)SSL_do_handshake(hostile->client);
        if (result == SMQ_ERR_AGAIN)
            result = tls_handshake(hostile->server, &want);
    }
    assert_int_equal(result, SMQ_OK);
    assert_true(SSL_is_init_finished(hostile->client));
    hostile->kept = BIO_new(BIO_s_mem());
    assert_non_null(hostile->kept);
    SSL_set0_wbio(hostile->client, hostile->kept);
}

static void open_hostile(struct hostile *hostile, int version) {
    prepare(hostile, version);
    connect_client(hostile);
}

static void close_hostile(struct hostile *hostile) {
    SSL_free(hostile->client);
    SSL_CTX_free(hostile->context);
    tls_destroy(&hostile->server);
    test_pki_finish(&hostile->pki);
    close(hostile->server_end);
    close(hostile->client_end);
}

static void update_keys(struct hostile *hostile, int kind) {
    assert_int_equal(SSL_key_update(hostile->client, kind), 1);
    assert_int_equal(SSL_do_handshake(hostile->client), 1);
}

static void write_data(struct hostile *hostile, size_t length) {
    static const uint8_t data[BLOCK] = {1, 2, 3};
    assert_int_equal(SSL_write(hostile->client, data, (int)length), (int)length);
}

/* Sends what was gathered, all of it at once. */
static void send_kept(struct hostile *hostile) {
    char *bytes;
    long length = BIO_get_mem_data(hostile->kept, &bytes);
    assert_int_equal(send(hostile->client_end, bytes, (size_t)length, MSG_NOSIGNAL), length);
    assert_int_equal(BIO_reset(hostile->kept), 1);
}

static enum smq_result read_step(struct hostile *hostile) {
    enum tls_want want;
    bool more;
    return tls_read(hostile->server, hostile->bytes, sizeof hostile->bytes, &hostile->length, &more, &want);
}

/* Steps until the peer is refused, and checks why. Returns how much of its input was not even read from the socket. */
static int assert_refused(struct hostile *hostile) {
    enum smq_result result = SMQ_ERR_AGAIN;
    int unread = 0;
    for (int i = 0; i < STEPS && result == SMQ_ERR_AGAIN; i++)
        result = read_step(hostile);
    assert_int_equal(result, SMQ_ERR_TLS);
    assert_string_equal(tls_failure_text(hostile->server), "too many records without data");
    assert_int_equal(ioctl(hostile->server_end, FIONREAD, &unread), 0);
    assert_int_equal(read_step(hostile), SMQ_ERR_TLS); /* for good */
    return unread;
}

static void test_a_storm_of_key_updates_is_refused(void **state) {
    (void)state;
    static const int kinds[] = {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED};
    for (int i = 0; i < 2; i++) {
        struct hostile hostile;
        int answered = 0;
        open_hostile(&hostile, TLS1_3_VERSION);
        for (int k = 0; k < STORM; k++)
            update_keys(&hostile, kinds[i]);
        send_kept(&hostile);
        assert_true(assert_refused(&hostile) > 0);
        assert_int_equal(ioctl(hostile.client_end, FIONREAD, &answered), 0);
        assert_true(answered < 1000);
        close_hostile(&hostile);
    }
}

/* A byte now and then buys little. */
static void test_a_storm_with_some_data_is_refused_too(void **state) {
    (void)state;
    struct hostile hostile;
    open_hostile(&hostile, TLS1_3_VERSION);
    for (int i = 0; i < 100; i++) {
        update_keys(&hostile, SSL_KEY_UPDATE_NOT_REQUESTED);
        write_data(&hostile, 1);
    }
    send_kept(&hostile);
    enum smq_result result = SMQ_OK;
    int steps = 0;
    for (; steps < STEPS && (result == SMQ_OK || result == SMQ_ERR_AGAIN); steps++)
        result = read_step(&hostile);
    assert_int_equal(result, SMQ_ERR_TLS);
    assert_in_range(steps, 30, 60);
    close_hostile(&hostile);
}

static void test_who_changes_keys_with_its_data_goes_on(void **state) {
    (void)state;
    struct hostile hostile;
    open_hostile(&hostile, TLS1_3_VERSION);
    for (int i = 0; i < 300; i++) {
        update_keys(&hostile, i % 2 == 0 ? SSL_KEY_UPDATE_NOT_REQUESTED : SSL_KEY_UPDATE_REQUESTED);
        write_data(&hostile, BLOCK);
        send_kept(&hostile);
        enum smq_result result = SMQ_ERR_AGAIN;
        size_t got = 0;
        for (int k = 0; k < 20 && got < BLOCK; k++) {
            result = read_step(&hostile);
            assert_true(result == SMQ_OK || result == SMQ_ERR_AGAIN);
            got += result == SMQ_OK ? hostile.length : 0;
        }
        assert_int_equal(got, BLOCK);
        /* What we send goes out with the keys that were asked for. */
        enum tls_want want;
        char byte;
        assert_int_equal(tls_write(hostile.server, hostile.bytes, 1, false, &want), SMQ_OK);
        assert_int_equal(SSL_read(hostile.client, &byte, 1), 1);
    }
    close_hostile(&hostile);
}

static void test_small_records_of_data_are_no_storm(void **state) {
    (void)state;
    struct hostile hostile;
    open_hostile(&hostile, TLS1_3_VERSION);
    for (int i = 0; i < 1000; i++) {
        write_data(&hostile, 1);
        send_kept(&hostile);
        assert_int_equal(read_step(&hostile), SMQ_OK);
    }
    close_hostile(&hostile);
}

static void test_attempts_to_renegotiate_are_counted(void **state) {
    (void)state;
    struct hostile hostile;
    open_hostile(&hostile, TLS1_2_VERSION);
    /* Handshake records that the server answers with a warning each. */
    assert_int_equal(SSL_renegotiate(hostile.client), 1);
    (void)SSL_do_handshake(hostile.client);
    ERR_clear_error();
    char *bytes;
    assert_true(BIO_get_mem_data(hostile.kept, &bytes) > 0);
    send_kept(&hostile);
    enum smq_result result = SMQ_ERR_AGAIN;
    for (int i = 0; i < 200 && result == SMQ_ERR_AGAIN; i++) {
        result = read_step(&hostile);
        (void)SSL_do_handshake(hostile.client); /* reads the warning, and tries again */
        if (!SSL_renegotiate_pending(hostile.client))
            (void)SSL_renegotiate(hostile.client);
        (void)SSL_do_handshake(hostile.client);
        ERR_clear_error();
        if (BIO_get_mem_data(hostile.kept, &bytes) > 0)
            send_kept(&hostile);
    }
    assert_int_not_equal(result, SMQ_OK);
    int answered = 0;
    assert_int_equal(ioctl(hostile.client_end, FIONREAD, &answered), 0);
    assert_true(answered < 100 * 40);
    close_hostile(&hostile);
}

/* The ClientHello, cut into records of one byte each. */
static void test_a_handshake_of_countless_records_is_refused(void **state) {
    (void)state;
    struct hostile hostile;
    prepare(&hostile, TLS1_3_VERSION);
    hostile.kept = BIO_new(BIO_s_mem());
    SSL_set0_wbio(hostile.client, hostile.kept);
    (void)SSL_do_handshake(hostile.client);
    char *hello;
    long length = BIO_get_mem_data(hostile.kept, &hello);
    assert_true(length > 100);
    for (long i = 5; i < length; i++) {
        uint8_t record[6] = {22, 3, 1, 0, 1, (uint8_t)hello[i]};
        assert_int_equal(send(hostile.client_end, record, sizeof record, 0), sizeof record);
    }
    enum tls_want want;
    enum smq_result result = SMQ_ERR_AGAIN;
    for (int i = 0; i < STEPS && result == SMQ_ERR_AGAIN; i++)
        result = tls_handshake(hostile.server, &want);
    assert_int_equal(result, SMQ_ERR_TLS);
    assert_string_equal(tls_failure_text(hostile.server), "too many records without data");
    close_hostile(&hostile);
}

/* ---- read sections */

static int owed_calls;
static bool was_open;

static void note_call(void *subject) {
    (void)subject;
    owed_calls++;
    was_open = read_section_is_open();
}

/* On an actor's thread: what it owes is done before the keys are changed, and before a handshake. */
static void settle(void *context) {
    struct hostile *hostile = context;
    static char subject;
    postpone_begin();
    postpone(note_call, &subject);
    assert_int_equal(owed_calls, 0);
    (void)read_step(hostile);
    assert_int_equal(owed_calls, 1);
    assert_true(was_open);
    assert_false(read_section_is_open());
    postpone(note_call, &subject);
    enum tls_want want;
    (void)tls_handshake(hostile->server, &want);
    assert_int_equal(owed_calls, 2);
    assert_false(read_section_is_open());
}

static void test_what_is_owed_is_settled_before_heavy_work(void **state) {
    (void)state;
    struct hostile hostile;
    struct thread *thread;
    open_hostile(&hostile, TLS1_3_VERSION);
    update_keys(&hostile, SSL_KEY_UPDATE_NOT_REQUESTED);
    send_kept(&hostile);
    assert_int_equal(thread_create(&thread, "actor", settle, &hostile), SMQ_OK);
    thread_join(&thread);
    assert_int_equal(owed_calls, 2);
    close_hostile(&hostile);
}

int main(void) {
    if (base_setup() != SMQ_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_storm_of_key_updates_is_refused),
        cmocka_unit_test(test_a_storm_with_some_data_is_refused_too),
        cmocka_unit_test(test_who_changes_keys_with_its_data_goes_on),
        cmocka_unit_test(test_small_records_of_data_are_no_storm),
        cmocka_unit_test(test_attempts_to_renegotiate_are_counted),
        cmocka_unit_test(test_a_handshake_of_countless_records_is_refused),
        cmocka_unit_test(test_what_is_owed_is_settled_before_heavy_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
