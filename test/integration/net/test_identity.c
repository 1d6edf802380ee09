/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who is who: everybody who judges a certificate chain judges each of the chains in test/support/chain_cases.c, by real
 * TLS and real handshakes. */
#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "test/support/chain_cases.h"
#include "test/support/client_fixture.h"
#include "test/support/process.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/scripted_router.h"
#include "transport/crypto/signed_key.h"

enum { STEPS = 1000, PROGRAM_DEADLINE_MS = 30000 };

static struct smq_context *context;

static int start(void **state) {
    (void)state;
    require(smq_context_create(NULL, &context) == SMQ_OK);
    chain_cases_make();
    return 0;
}

static int stop(void **state) {
    (void)state;
    smq_context_destroy(&context);
    chain_cases_free();
    return 0;
}

/* The chains that TLS of ours can show: two to four certificates. */
static bool can_be_shown(const struct chain_case *each) {
    return each->count >= 2 && each->count <= CERTIFICATE_CHAIN_MAX;
}

static void test_check_finds_each_fault(void **state) {
    (void)state;
    for (size_t i = 0; i < chain_case_count(); i++) {
        struct chain_case each = chain_case(i);
        enum certificate_fault fault =
            certificate_check_server(each.chain, each.count, each.fingerprint, clock_realtime_s());
        if (fault != each.fault)
            fail_msg("%s: fault %d, not %d", each.name, fault, each.fault);
    }
}

static void test_chain_told_is_the_chain_shown_or_it_is_not(void **state) {
    (void)state;
    struct chain_case two = chain_case(0);
    struct slice other[CASE_CHAIN_MAX] = {two.chain[0], two.chain[0]};
    assert_true(certificate_chain_equal(two.chain, 2, two.chain, 2));
    assert_false(certificate_chain_equal(two.chain, 1, two.chain, 2));
    assert_false(certificate_chain_equal(two.chain, 2, two.chain, 1));
    assert_false(certificate_chain_equal(other, 2, two.chain, 2));
    assert_false(certificate_chain_equal(two.chain, 0, two.chain, 0));
    assert_false(certificate_chain_equal(two.chain, 5, two.chain, 5));
}

/* ---- TLS of clients: the server is plain OpenSSL, which shows what it is told to */

static X509 *x509_of(struct slice der) {
    const uint8_t *position = der.bytes;
    X509 *certificate = d2i_X509(NULL, &position, (long)der.length);
    require(certificate != NULL);
    return certificate;
}

static SSL *plain_server(const struct chain_case *shown, SSL_CTX **plain, int descriptor) {
    struct credentials leaf = {.key = shown->key};
    EVP_PKEY *key = credentials_evp_key(&leaf);
    *plain = SSL_CTX_new(TLS_server_method());
    require(key != NULL && *plain != NULL);
    SSL_CTX_set_mode(*plain, SSL_MODE_NO_AUTO_CHAIN);
    for (size_t i = 0; i < shown->count; i++) {
        X509 *certificate = x509_of(shown->chain[i]);
        require(i == 0 ? SSL_CTX_use_certificate(*plain, certificate) == 1
                       : SSL_CTX_add1_chain_cert(*plain, certificate) == 1);
        X509_free(certificate);
    }
    require(SSL_CTX_use_PrivateKey(*plain, key) == 1);
    EVP_PKEY_free(key);
    SSL *server = SSL_new(*plain);
    require(server != NULL && SSL_set_fd(server, descriptor) == 1);
    return server;
}

static enum smq_result shake_hands_as_client(const struct chain_case *shown) {
    int ends[2];
    SSL_CTX *plain;
    struct tls_context *tls_context = NULL;
    struct tls *client = NULL;
    enum tls_want want;
    enum smq_result result = SMQ_ERR_AGAIN;
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    SSL *server = plain_server(shown, &plain, ends[0]);
    require(tls_context_create_client(NULL, &tls_context) == SMQ_OK);
    require(tls_create_client(tls_context, ends[1], NULL, shown->fingerprint, &client) == SMQ_OK);
    for (int i = 0; i < STEPS && result == SMQ_ERR_AGAIN; i++) {
        result = tls_handshake(client, &want);
        (void)SSL_accept(server);
    }
    tls_destroy(&client);
    tls_context_destroy(&tls_context);
    SSL_free(server);
    SSL_CTX_free(plain);
    close(ends[0]);
    close(ends[1]);
    return result;
}

static void test_tls_of_clients_accepts_only_leaves_of_the_identity(void **state) {
    (void)state;
    for (size_t i = 0; i < chain_case_count(); i++) {
        struct chain_case each = chain_case(i);
        enum smq_result expected = each.fault == CERTIFICATE_FAULT_NONE ? SMQ_OK : SMQ_ERR_IDENTITY;
        enum smq_result result = shake_hands_as_client(&each);
        if (result != expected)
            fail_msg("%s: %s", each.name, smq_result_text(result));
    }
}

/* ---- the whole client, and the chain in a router's hello */

static enum smq_result connect_to(const struct scripted_options *options, const uint8_t *fingerprint) {
    struct scripted_router router;
    struct smq_client *client = NULL;
    struct smq_error error;
    char address[128];
    scripted_router_start(&router, options);
    client_fixture_address(fingerprint, router.port, address, sizeof(address));
    enum smq_result result = smq_client_connect(context, address, NULL, &client, &error);
    smq_client_close(&client);
    scripted_router_stop(&router);
    return result;
}

static void test_clients_connect_only_to_the_router_that_the_address_names(void **state) {
    (void)state;
    for (size_t i = 0; i < chain_case_count(); i++) {
        struct chain_case each = chain_case(i);
        if (!can_be_shown(&each))
            continue;
        struct credentials credentials = chain_case_credentials(&each);
        enum smq_result expected = each.fault == CERTIFICATE_FAULT_NONE ? SMQ_OK : SMQ_ERR_IDENTITY;
        enum smq_result result = connect_to(&(struct scripted_options){.shown = &credentials}, each.fingerprint);
        if (result != expected)
            fail_msg("%s: %s", each.name, smq_result_text(result));
    }
}

/* The hello's chain names the identity that is expected, and the session key is signed with that chain's leaf or with
 * TLS's: neither helps. */
static void test_hello_with_any_chain_but_that_of_tls_is_refused(void **state) {
    (void)state;
    struct chain_case genuine = chain_case(0);
    struct credentials shown = chain_case_credentials(&genuine);
    for (size_t i = 1; i < chain_case_count(); i++) {
        struct chain_case each = chain_case(i);
        if (!can_be_shown(&each))
            continue;
        struct credentials told = chain_case_credentials(&each);
        struct scripted_options options = {.shown = &shown, .told = &told};
        assert_int_equal(connect_to(&options, genuine.fingerprint), SMQ_ERR_IDENTITY);
        told.key = shown.key;
        assert_int_equal(connect_to(&options, genuine.fingerprint), SMQ_ERR_IDENTITY);
    }
    struct credentials told = shown;
    struct chain_case attacker = chain_case_of_attacker();
    told.key = attacker.key;
    struct scripted_options options = {.shown = &shown, .told = &told};
    assert_int_equal(connect_to(&options, genuine.fingerprint), SMQ_ERR_CRYPTO);
}

static void test_program_does_not_talk_to_who_owns_only_the_public_certificate(void **state) {
    (void)state;
    struct chain_case attacker = chain_case_of_attacker();
    struct credentials forged = chain_case_credentials(&attacker);
    struct scripted_router router;
    char address[128], folder[64], queue[80];
    scripted_router_start(&router, &(struct scripted_options){.shown = &forged});
    client_fixture_address(attacker.fingerprint, router.port, address, sizeof(address));
    temporary_folder_create(folder);
    (void)snprintf(queue, sizeof(queue), "%s/in.queue", folder);
    static const char smq[] = BUILD_DIR "/bin/smq";
    const char *const argv[] = {smq, "create", "--queue", queue, address, NULL};
    struct process *program = process_start(argv, NULL);
    assert_int_equal(process_wait(program, PROGRAM_DEADLINE_MS), 2);
    assert_int_equal(access(queue, F_OK), -1);
    assert_int_equal(atomic_load(&router.commands[SMP_NEW]), 0);
    process_destroy(&program);
    temporary_folder_remove(folder);
    scripted_router_stop(&router);
}

/* ---- PKEY: what a proxy tells about a relay */

static void tell_relay(struct scripted_connection *connection, const struct chain_case *relay,
                       const struct scripted_command *command) {
    uint8_t chain[16384], signed_key[SIGNED_KEY_MAX];
    struct writer chain_writer = writer_of(chain, sizeof(chain));
    struct writer key_writer = writer_of(signed_key, sizeof(signed_key));
    struct key_pair session_key;
    chain_encode(&chain_writer, relay->chain, relay->count);
    require(key_pair_generate(KEY_X25519, &session_key) == SMQ_OK);
    require(write_signed_key(&key_writer, &relay->key, &session_key.public_key) == SMQ_OK);
    const struct smp_response response = {
        .tag = SMP_PKEY,
        .proxy_key = {.session_id = slice_of_text("a session's id"),
                      .versions = {8, 17},
                      .chain_key = {(uint8_t)relay->count, slice_of(chain, writer_length(&chain_writer)),
                                    slice_of(signed_key, writer_length(&key_writer))}}};
    scripted_respond(connection, command->correlation_id, slice_of(NULL, 0), &response);
}

static void play_proxy(struct scripted_connection *connection, const struct scripted_command *command, void *relay) {
    struct smp_response refusal = smp_response_error(smp_error_of(SMP_ERROR_QUOTA));
    if (command->command.tag == SMP_PRXY)
        tell_relay(connection, relay, command);
    else
        scripted_respond(connection, command->correlation_id, command->entity_id, &refusal);
}

/* The outcome of a command to the relay: refused by the script once it was forwarded at all. */
static enum smq_result send_through_proxy(struct scripted_router *proxy, const uint8_t *fingerprint) {
    static const char *const path = "/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA#/"
                                    "?v=1-4&dh=MCowBQYDK2VuAyEAjiswwI3O_NlS8Fk3HJUW870EY2bAwmttMBsvRB9eV3o%3D&q=m";
    static const struct smq_bytes body = {(const uint8_t *)"x", 1};
    struct client_fixture client;
    struct smq_send_queue *queue;
    struct smq_error error;
    char uri[SMQ_URI_TEXT_SIZE], address[128];
    client_fixture_connect(&client, context, proxy->address, NULL);
    client_fixture_address(fingerprint, 0, address, sizeof(address));
    (void)snprintf(uri, sizeof(uri), "%.*s@relay.example%s", (int)strcspn(address, "@"), address, path);
    require(smq_send_queue_from_uri(uri, &queue) == SMQ_OK);
    enum smq_result result = smq_proxied_send(client.client, queue, false, body, 0, &error);
    smq_send_queue_release(&queue);
    client_fixture_close(&client);
    return result;
}

static void test_relay_told_by_a_proxy_must_own_a_leaf_of_the_identity(void **state) {
    (void)state;
    struct chain_case relay;
    struct scripted_router proxy;
    scripted_router_start(&proxy, &(struct scripted_options){.handle = play_proxy, .context = &relay});
    for (size_t i = 0; i < chain_case_count(); i++) {
        relay = chain_case(i);
        uint32_t before = atomic_load(&proxy.commands[SMP_PFWD]);
        enum smq_result result = send_through_proxy(&proxy, relay.fingerprint);
        bool accepted = relay.fault == CERTIFICATE_FAULT_NONE;
        if (result != (accepted ? SMQ_ERR_PROTOCOL : SMQ_ERR_IDENTITY))
            fail_msg("%s: %s", relay.name, smq_result_text(result));
        assert_int_equal(atomic_load(&proxy.commands[SMP_PFWD]), before + (accepted ? 1 : 0));
    }
    scripted_router_stop(&proxy);
}

/* ---- services */

struct known_service {
    uint8_t fingerprint[FINGERPRINT_SIZE];
    uint8_t id[24];
};

/* The service that the identity of a chain names; false when TLS is refused. */
static bool connect_as_service(const struct router_fixture *router, const struct chain_case *shown,
                               struct known_service *service) {
    struct credentials credentials = chain_case_credentials(shown);
    struct peer_options options = router_fixture_peer_options(router);
    struct peer peer;
    options.service = &credentials;
    peer_tls(&peer, &options);
    bool accepted = peer_read_block(&peer, peer.block);
    peer_close(&peer);
    if (!accepted)
        return false;
    options.service_role = SMP_ROLE_NOTIFIER;
    peer_connect(&peer, &options);
    assert_true(peer.has_service);
    memcpy(service->fingerprint, peer.service_fingerprint, sizeof(service->fingerprint));
    memcpy(service->id, peer.service_id, sizeof(service->id));
    peer_close(&peer);
    return true;
}

static void test_service_is_who_owns_a_leaf_of_its_identity(void **state) {
    (void)state;
    struct router_fixture router;
    struct chain_case genuine = chain_case(0);
    struct known_service victim, found;
    router_fixture_init(&router);
    router_fixture_start(&router);
    assert_true(connect_as_service(&router, &genuine, &victim));
    for (size_t i = 0; i < chain_case_count(); i++) {
        struct chain_case each = chain_case(i);
        if (each.count > CERTIFICATE_CHAIN_MAX)
            continue;
        bool accepted = connect_as_service(&router, &each, &found);
        bool is_honest = each.fault == CERTIFICATE_FAULT_NONE;
        if (is_honest ? !accepted : accepted && each.fault != CERTIFICATE_FAULT_IDENTITY)
            fail_msg("%s: %s", each.name, accepted ? "accepted" : "refused");
        if (!accepted)
            continue;
        assert_int_equal(is_honest, memcmp(found.fingerprint, each.fingerprint, sizeof(found.fingerprint)) == 0);
        bool is_victim = memcmp(found.fingerprint, victim.fingerprint, sizeof(found.fingerprint)) == 0;
        assert_int_equal(is_victim, memcmp(found.id, victim.id, sizeof(found.id)) == 0);
    }
    router_fixture_finish(&router);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_finds_each_fault),
        cmocka_unit_test(test_chain_told_is_the_chain_shown_or_it_is_not),
        cmocka_unit_test(test_tls_of_clients_accepts_only_leaves_of_the_identity),
        cmocka_unit_test(test_clients_connect_only_to_the_router_that_the_address_names),
        cmocka_unit_test(test_hello_with_any_chain_but_that_of_tls_is_refused),
        cmocka_unit_test(test_program_does_not_talk_to_who_owns_only_the_public_certificate),
        cmocka_unit_test(test_relay_told_by_a_proxy_must_own_a_leaf_of_the_identity),
        cmocka_unit_test(test_service_is_who_owns_a_leaf_of_its_identity),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
