/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Behaviours 1, 2 and 13 of the facts (xftp.md, section 8): the states of a handshake, the proof of identity for
 * browsers, and what a server name changes. */
#include "test/integration/xftp/xftp_tests.h"

#include "test/support/web_pki.h"
#include "transport/block/certificate_chain.h"
#include "transport/crypto/signed_key.h"
#include "transport/xftp/handshake.h"

static const char *const hello_header[] = {"xftp-web-hello", "1", NULL};
static const char *const handshake_header[] = {"xftp-handshake", "1", NULL};
static struct web_pki web;

static int set_up_web(void **state) {
    web_pki_make(&web, WEB_PKI_ECDSA);
    int result = set_up(state);
    fixture.config.web_certificate_path = web.certificate_path;
    fixture.config.web_key_path = web.key_path;
    return result;
}

static int tear_down_web(void **state) {
    int result = tear_down(state);
    web_pki_remove(&web);
    return result;
}

#define WEB_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_web, tear_down_web)

static void connect_web(const char *alpn) {
    const struct xftp_peer_options options = {
        .port = fixture.port, .alpn = alpn, .server_name = "localhost", .ca_path = web.certificate_path};
    xftp_peer_open(&peer, &options);
}

/* A POST whose answer is in the stream. */
static struct xftp_stream *post(const char *const *headers, const uint8_t *body, size_t length) {
    struct xftp_stream *stream = xftp_peer_begin(&peer, "POST", headers, body, length, true);
    xftp_peer_finish(&peer, stream);
    assert_int_equal(stream->status, 200);
    return stream;
}

static void expect_raw(const char *const *headers, const uint8_t *body, size_t length, enum xftp_error_code expected) {
    enum xftp_error_code code;
    struct xftp_stream *stream = post(headers, body, length);
    assert_int_equal(stream->answer_length, XFTP_BLOCK_SIZE);
    assert_int_equal(xftp_raw_error_parse(slice_of(stream->answer, stream->answer_length), &code), SMQ_OK);
    assert_int_equal(code, expected);
    xftp_stream_forget(stream);
}

static void expect_accepted(const char *const *headers) {
    uint8_t block[XFTP_BLOCK_SIZE];
    const struct xftp_client_handshake handshake = {.version = 3, .key_hash = slice_of(fixture.fingerprint, 32)};
    assert_int_equal(xftp_client_handshake_write(&handshake, block), SMQ_OK);
    struct xftp_stream *stream = post(headers, block, sizeof block);
    assert_int_equal(stream->answer_length, 0);
    xftp_stream_forget(stream);
    peer.version = 3;
}

struct seen {
    struct public_key session_key;
    uint8_t session_id[TLS_SESSION_ID_MAX];
    size_t session_id_length;
    size_t proof_length;
};

/* The server handshake, whose chain, key and proof are checked as clients do. */
static struct seen expect_handshake(const char *const *headers, const uint8_t *body, size_t length,
                                    const uint8_t *challenge) {
    struct xftp_server_handshake handshake;
    struct signed_key signed_key;
    struct slice chain[4];
    struct public_key leaf;
    struct seen seen = {0};
    struct xftp_stream *stream = post(headers, body, length);
    assert_int_equal(xftp_server_handshake_parse(slice_of(stream->answer, stream->answer_length), &handshake), SMQ_OK);
    assert_int_equal(handshake.versions.min, 1);
    assert_int_equal(handshake.versions.max, 3);
    assert_int_equal(chain_certificates(&handshake.chain_key, chain, 4), 2);
    assert_int_equal(certificate_public_key(chain[0], &leaf), SMQ_OK);
    assert_int_equal(xftp_session_key_verify(&handshake, fixture.fingerprint, &leaf, &seen.session_key), SMQ_OK);
    assert_int_equal(signed_key_parse(handshake.chain_key.signed_key, &signed_key), SMQ_OK);
    seen.session_id_length = handshake.session_id.length;
    memcpy(seen.session_id, handshake.session_id.bytes, handshake.session_id.length);
    assert_int_equal(handshake.session_id.length, peer.session_id_length);
    assert_memory_equal(handshake.session_id.bytes, peer.session_id, peer.session_id_length);
    seen.proof_length = handshake.identity_proof.length;
    if (challenge != NULL)
        assert_int_equal(xftp_identity_proof_verify(&leaf, challenge, handshake.session_id, handshake.identity_proof),
                         SMQ_OK);
    xftp_stream_forget(stream);
    return seen;
}

static void expect_same(const struct seen *a, const struct seen *b) {
    assert_true(public_key_equal(&a->session_key, &b->session_key));
    assert_int_equal(a->session_id_length, b->session_id_length);
    assert_memory_equal(a->session_id, b->session_id, a->session_id_length);
}

static void test_1_a_native_handshake_has_three_states(void **state) {
    (void)state;
    uint8_t block[XFTP_BLOCK_SIZE] = {0};
    xftp_fixture_start(&fixture);
    xftp_fixture_connect_raw(&fixture, "xftp/1", &peer);
    (void)expect_handshake(NULL, NULL, 0, NULL);
    expect_raw(NULL, NULL, 0, XFTP_ERROR_HANDSHAKE);                     /* a second empty request */
    expect_raw(NULL, block, sizeof block, XFTP_ERROR_HANDSHAKE);         /* no handshake */
    expect_raw(hello_header, block, sizeof block, XFTP_ERROR_HANDSHAKE); /* headers do not count without a name */
    expect_accepted(NULL);
    expect_pong(&peer);
    expect_pong(&peer);
}

static void test_1_a_client_handshake_must_fit_the_router(void **state) {
    (void)state;
    uint8_t block[XFTP_BLOCK_SIZE];
    uint8_t other[32] = {1};
    static const uint16_t versions[] = {0, 4, 3, 1};
    xftp_fixture_start(&fixture);
    xftp_fixture_connect_raw(&fixture, "xftp/1", &peer);
    (void)expect_handshake(NULL, NULL, 0, NULL);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *hash = versions[i] == 3 ? other : fixture.fingerprint;
        const struct xftp_client_handshake handshake = {.version = versions[i], .key_hash = slice_of(hash, 32)};
        assert_int_equal(xftp_client_handshake_write(&handshake, block), SMQ_OK);
        expect_raw(NULL, block, sizeof block, XFTP_ERROR_HANDSHAKE);
    }
    expect_accepted(NULL);
    expect_pong(&peer);
}

static void test_1_a_session_of_a_browser_goes_back_to_its_hello(void **state) {
    (void)state;
    uint8_t block[XFTP_BLOCK_SIZE];
    const struct xftp_client_hello hello = {.has_challenge = true, .challenge = {7}};
    assert_int_equal(xftp_client_hello_write(&hello, block), SMQ_OK);
    xftp_fixture_start(&fixture);
    connect_web("h2");
    expect_raw(NULL, block, sizeof block, XFTP_ERROR_SESSION);
    expect_raw(handshake_header, block, sizeof block, XFTP_ERROR_SESSION);
    struct seen first = expect_handshake(hello_header, block, sizeof block, hello.challenge);
    expect_accepted(NULL);
    expect_pong(&peer);
    struct seen second = expect_handshake(hello_header, block, sizeof block, hello.challenge);
    expect_same(&first, &second);
    expect_accepted(NULL); /* without a header: it is what comes next */
    expect_pong(&peer);
    expect_accepted(handshake_header); /* with one: also in the state accepted */
    expect_pong(&peer);
}

static void test_2_the_proof_of_identity_covers_challenge_and_session(void **state) {
    (void)state;
    uint8_t block[XFTP_BLOCK_SIZE];
    struct xftp_client_hello hello = {.has_challenge = true};
    xftp_fixture_start(&fixture);
    connect_web("h2");
    memset(hello.challenge, 0x5a, sizeof hello.challenge);
    assert_int_equal(xftp_client_hello_write(&hello, block), SMQ_OK);
    assert_int_equal(expect_handshake(hello_header, block, sizeof block, hello.challenge).proof_length, 114);
    assert_int_equal(expect_handshake(hello_header, block, 200, hello.challenge).proof_length, 114); /* any length */
    hello.has_challenge = false;
    assert_int_equal(xftp_client_hello_write(&hello, block), SMQ_OK);
    assert_int_equal(expect_handshake(hello_header, block, sizeof block, NULL).proof_length, 0);
    assert_int_equal(expect_handshake(hello_header, NULL, 0, NULL).proof_length, 0);
    static const uint8_t short_challenge[] = {0, 33, '1', 31};
    memset(block, '#', sizeof block);
    memcpy(block, short_challenge, sizeof short_challenge);
    expect_raw(hello_header, block, sizeof block, XFTP_ERROR_HANDSHAKE);
}

static void test_2_a_native_first_request_is_empty(void **state) {
    (void)state;
    uint8_t block[XFTP_BLOCK_SIZE];
    const struct xftp_client_hello hello = {.has_challenge = false};
    assert_int_equal(xftp_client_hello_write(&hello, block), SMQ_OK);
    xftp_fixture_start(&fixture);
    xftp_fixture_connect_raw(&fixture, "xftp/1", &peer);
    expect_raw(NULL, block, sizeof block, XFTP_ERROR_HANDSHAKE);
    (void)expect_handshake(NULL, NULL, 0, NULL);
}

/* ---- 13 ---- */

static const char cors[] = "access-control-allow-origin: *\naccess-control-expose-headers: *\n";
static const char preflight[] = "access-control-allow-origin: *\naccess-control-allow-methods: POST, OPTIONS\n"
                                "access-control-allow-headers: *\naccess-control-max-age: 86400\n";

static void expect_answer(const char *method, unsigned status, const char *fields, size_t length) {
    struct xftp_stream *stream = xftp_peer_begin(&peer, method, NULL, NULL, 0, true);
    xftp_peer_finish(&peer, stream);
    assert_int_equal(stream->status, status);
    assert_string_equal(stream->fields, fields);
    assert_int_equal(stream->answer_length, length);
    xftp_stream_forget(stream);
}

static void test_13_browsers_get_cors_and_another_certificate(void **state) {
    (void)state;
    xftp_fixture_start(&fixture);
    connect_web("h2"); /* trusts nothing but the web certificate */
    expect_answer("OPTIONS", 200, preflight, 0);
    expect_answer("GET", 404, "", 0);
    struct xftp_stream *stream = post(hello_header, NULL, 0);
    assert_string_equal(stream->fields, cors);
    xftp_stream_forget(stream);
    expect_accepted(NULL);
    struct xftp_peer_file file = uploaded(3);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
}

static void test_13_without_a_name_there_is_no_web(void **state) {
    (void)state;
    xftp_fixture_start(&fixture);
    xftp_fixture_connect_raw(&fixture, "xftp/1", &peer);
    expect_answer("OPTIONS", 200, "", XFTP_BLOCK_SIZE); /* a request like others: the hello */
    expect_answer("GET", 200, "", XFTP_BLOCK_SIZE);     /* and this is no client handshake */
    xftp_peer_close(&peer);
    xftp_fixture_connect_raw(&fixture, "h2", &peer);
    expect_answer("POST", 200, "", 0);
    expect_answer("GET", 200, "", 0);
    xftp_peer_close(&peer);
    xftp_fixture_connect_raw(&fixture, "http/1.1", &peer); /* HTTP/2, whatever its name says */
    xftp_peer_handshake(&peer, fixture.fingerprint);
    expect_pong(&peer);
}

static void test_a_client_without_alpn_speaks_version_1_at_once(void **state) {
    (void)state;
    xftp_fixture_start(&fixture);
    xftp_fixture_connect_raw(&fixture, NULL, &peer);
    expect_pong(&peer);
    struct xftp_peer_file file = uploaded(1);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), NONE);
    assert_int_equal(
        xftp_router_block_file(fixture.router, xftp_file_recipient(&file, 0), slice_of_text("reason=spam")), SMQ_OK);
    EXPECT_ERROR(xftp_peer_get(&peer, &file, 0), AUTH); /* it knows no BLOCKED */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_1_a_native_handshake_has_three_states),
        ROUTER_TEST(test_1_a_client_handshake_must_fit_the_router),
        WEB_TEST(test_1_a_session_of_a_browser_goes_back_to_its_hello),
        WEB_TEST(test_2_the_proof_of_identity_covers_challenge_and_session),
        WEB_TEST(test_2_a_native_first_request_is_empty),
        WEB_TEST(test_13_browsers_get_cors_and_another_certificate),
        WEB_TEST(test_13_without_a_name_there_is_no_web),
        ROUTER_TEST(test_a_client_without_alpn_speaks_version_1_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
