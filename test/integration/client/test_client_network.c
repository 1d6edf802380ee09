/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Clients of the library on their way to a router: SOCKS proxies, choice of hosts, web port; and as services. */
#include <stdio.h>
#include <string.h>

#include "actors/client/smq/network.h"
#include "queues/base/clock.h"
#include "test/support/client_fixture.h"
#include "test/support/process.h"
#include "test/support/require.h"
#include "test/support/router_fixture.h"
#include "test/support/socks_server.h"
#include "transport/tls/credentials.h"

static struct router_fixture router;
static struct socks_server proxy;
static struct smq_context *context;
static char folder[64];

static int start(void **state) {
    (void)state;
    router_fixture_init(&router);
    router_fixture_start(&router);
    require(smq_context_create(NULL, &context) == SMQ_OK);
    temporary_folder_create(folder);
    return 0;
}

static int stop(void **state) {
    (void)state;
    smq_context_destroy(&context);
    router_fixture_finish(&router);
    temporary_folder_remove(folder);
    return 0;
}

static void start_proxy(enum socks_behaviour behaviour) {
    proxy = (struct socks_server){.behaviour = behaviour, .target_port = router.port};
    socks_server_start(&proxy);
}

/* An address of the router with other hosts; `hosts` may have a port. */
static void make_address(const char *hosts, char *buffer, size_t size) {
    char own[256];
    client_fixture_address(router.fingerprint, router.port, own, sizeof own);
    *strchr(own, '@') = 0;
    snprintf(buffer, size, "%s@%s", own, hosts);
}

/* A network whose proxy is ours, with `authentication` before its address. */
static struct smq_network *network_of(struct smq_network_options options, const char *authentication) {
    char text[64];
    struct smq_network *network = NULL;
    snprintf(text, sizeof text, "%s127.0.0.1:%u", authentication, (unsigned)proxy.port);
    options.socks_proxy = text;
    assert_int_equal(smq_network_create(&options, &network), SMQ_OK);
    return network;
}

static struct smq_network_options defaults(void) {
    struct smq_network_options options;
    smq_network_options_init(&options);
    return options;
}

/* Connects to `hosts`, pings and closes; the session's facts. */
static struct smq_client_info visit(const char *hosts, const struct smq_client_options *options) {
    char address[300];
    struct client_fixture fixture = {.client = NULL};
    struct smq_client_info info;
    make_address(hosts, address, sizeof address);
    client_fixture_connect(&fixture, context, address, options);
    assert_int_equal(smq_ping(fixture.client, 0, NULL), SMQ_OK);
    smq_client_info(fixture.client, &info);
    client_fixture_close(&fixture);
    return info;
}

static enum smq_result refused(const char *hosts, const struct smq_client_options *options, struct smq_error *error) {
    char address[300];
    struct smq_client *client = NULL;
    make_address(hosts, address, sizeof address);
    enum smq_result result = smq_client_connect(context, address, options, &client, error);
    assert_null(client);
    return result;
}

static struct smq_client_options options_with(struct smq_network *network) {
    struct smq_client_options options;
    smq_client_options_init(&options);
    options.network = network;
    return options;
}

static void test_onion_host_is_chosen_behind_a_proxy(void **state) {
    (void)state;
    start_proxy(SOCKS_WELL);
    struct smq_network *network = network_of(defaults(), "@");
    struct smq_client_options options = options_with(network);
    visit("public.invalid,abcdef.onion", &options);
    visit("public.invalid", &options);
    assert_string_equal(proxy.requests[0].host, "abcdef.onion");
    assert_int_equal(proxy.requests[0].port, 5223);
    assert_int_equal(proxy.requests[0].method, 0);
    assert_string_equal(proxy.requests[1].host, "public.invalid");
    smq_network_release(&network);
    socks_server_stop(&proxy);
}

static void test_socks_mode_onion_connects_directly_to_public_hosts(void **state) {
    (void)state;
    char hosts[64];
    snprintf(hosts, sizeof hosts, "127.0.0.1,abcdef.onion:%u", (unsigned)router.port);
    start_proxy(SOCKS_WELL);
    struct smq_network_options chosen = defaults();
    chosen.socks_mode = SMQ_SOCKS_ONION;
    chosen.host_mode = SMQ_HOST_PUBLIC;
    struct smq_network *network = network_of(chosen, "");
    struct smq_client_options options = options_with(network);
    visit(hosts, &options);
    assert_int_equal(atomic_load(&proxy.accepted), 0);
    snprintf(hosts, sizeof hosts, "abcdef.onion:%u", (unsigned)router.port);
    visit(hosts, &options);
    assert_int_equal(atomic_load(&proxy.accepted), 1);
    smq_network_release(&network);
    socks_server_stop(&proxy);
}

static void test_required_host_mode_refuses_other_hosts(void **state) {
    (void)state;
    struct smq_network_options chosen = defaults();
    chosen.host_mode = SMQ_HOST_ONION;
    chosen.host_mode_required = true;
    struct smq_network *network = NULL;
    assert_int_equal(smq_network_create(&chosen, &network), SMQ_OK);
    struct smq_client_options options = options_with(network);
    struct smq_error error;
    assert_int_equal(refused("127.0.0.1", &options, &error), SMQ_ERR_NOT_FOUND);
    assert_string_equal(error.text, "no host of the required kind");
    smq_network_release(&network);
}

static void test_web_rule_means_port_443_and_a_full_session(void **state) {
    (void)state;
    static const char *const domains[] = {"simplex.im"};
    start_proxy(SOCKS_WELL);
    struct smq_network_options chosen = defaults();
    chosen.preset_domains = domains;
    chosen.preset_domain_count = 1;
    struct smq_network *network = network_of(chosen, "@");
    struct smq_client_options options = options_with(network);
    assert_int_equal(visit("smp1.simplex.im", &options).version, SMQ_VERSION_MAX);
    visit("smp1.example.org", &options);
    visit("smp1.simplex.im:5224", &options);
    assert_int_equal(proxy.requests[0].port, 443);
    assert_int_equal(proxy.requests[1].port, 5223);
    assert_int_equal(proxy.requests[2].port, 5224);
    smq_network_release(&network);
    socks_server_stop(&proxy);
}

/* Whether connections with these isolations and differing in one thing have the same user name. */
static void test_user_names_keep_apart_what_the_isolation_says(void **state) {
    (void)state;
    static const bool same[4][4] = {
        /* another:  user   session server entity */
        [SMQ_ISOLATE_USERS] = {false, true, true, true},
        [SMQ_ISOLATE_SESSIONS] = {false, false, true, true},
        [SMQ_ISOLATE_SERVERS] = {false, false, false, true},
        [SMQ_ISOLATE_ENTITIES] = {false, false, false, false},
    };
    for (enum smq_isolation isolation = SMQ_ISOLATE_USERS; isolation <= SMQ_ISOLATE_ENTITIES; isolation++) {
        start_proxy(SOCKS_WELL);
        struct smq_network_options chosen = defaults();
        chosen.isolation = isolation;
        struct smq_network *network = network_of(chosen, ""), *other = network_of(chosen, "");
        struct smq_client_options options[6];
        for (int i = 0; i < 6; i++) {
            options[i] = options_with(i == 3 ? other : network);
            options[i].entity = (struct smq_bytes){(const uint8_t *)(i == 5 ? "b" : "a"), 1};
            options[i].user_id = i == 2;
            visit(i == 4 ? "b.invalid" : "a.invalid", &options[i]);
        }
        assert_int_equal(proxy.requests[0].method, 2);
        assert_int_equal(strlen(proxy.requests[0].user), 44);
        assert_string_equal(proxy.requests[0].password, "");
        assert_string_equal(proxy.requests[0].user, proxy.requests[1].user);
        for (int i = 0; i < 4; i++)
            assert_int_equal(strcmp(proxy.requests[0].user, proxy.requests[2 + i].user) == 0, same[isolation][i]);
        smq_network_release(&other);
        smq_network_release(&network);
        socks_server_stop(&proxy);
    }
}

static void test_fixed_credentials_are_shown_as_they_are(void **state) {
    (void)state;
    start_proxy(SOCKS_WELL);
    struct smq_network *network = network_of(defaults(), "me:secret@");
    struct smq_client_options options = options_with(network);
    visit("a.invalid", &options);
    assert_string_equal(proxy.requests[0].user, "me");
    assert_string_equal(proxy.requests[0].password, "secret");
    smq_network_release(&network);
    socks_server_stop(&proxy);
}

static void test_bad_proxies_end_the_attempt_in_time(void **state) {
    (void)state;
    static const struct {
        enum socks_behaviour behaviour;
        enum smq_result result;
    } cases[] = {
        {SOCKS_GARBAGE, SMQ_ERR_NETWORK},
        {SOCKS_REFUSES_CONNECTION, SMQ_ERR_NETWORK},
        {SOCKS_SILENT, SMQ_ERR_TIMEOUT},
        {SOCKS_HALF, SMQ_ERR_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start_proxy(cases[i].behaviour);
        struct smq_network *network = network_of(defaults(), "@");
        struct smq_client_options options = options_with(network);
        struct smq_error error;
        options.connect_timeout_ms = cases[i].result == SMQ_ERR_TIMEOUT ? 300 : 10000;
        uint64_t start_ms = clock_monotonic_ms();
        assert_int_equal(refused("a.invalid", &options, &error), cases[i].result);
        assert_true(clock_monotonic_ms() - start_ms < 8000);
        smq_network_release(&network);
        socks_server_stop(&proxy);
    }
}

static void test_settings_that_make_no_sense_are_refused(void **state) {
    (void)state;
    struct smq_network_options chosen = defaults();
    struct smq_network *network = NULL;
    chosen.socks_proxy = "proxy.example.org:9050";
    assert_int_equal(smq_network_create(&chosen, &network), SMQ_ERR_SYNTAX);
    chosen.socks_proxy = NULL;
    chosen.preset_domain_count = 1;
    assert_int_equal(smq_network_create(&chosen, &network), SMQ_ERR_INVALID);
    chosen = defaults();
    chosen.host_mode = (enum smq_host_mode)7;
    assert_int_equal(smq_network_create(&chosen, &network), SMQ_ERR_INVALID);
    assert_null(network);
}

/* ---- services */

struct service_files {
    char certificate[96], chain[96], key[96];
};

/* A service's files: a certificate signed by a CA of its own, or by itself. */
static struct service_files make_service(const char *name, bool with_ca) {
    struct service_files files;
    struct credentials *ca = NULL, *own = NULL;
    struct certificate_request request = {.kind = CERTIFICATE_CA,
                                          .algorithm = KEY_ED25519,
                                          .common_name = "service CA",
                                          .not_before_s = clock_realtime_s() - 60,
                                          .days = 10};
    snprintf(files.certificate, sizeof files.certificate, "%s/%s.crt", folder, name);
    snprintf(files.chain, sizeof files.chain, "%s/%s-ca.crt", folder, name);
    snprintf(files.key, sizeof files.key, "%s/%s.key", folder, name);
    if (with_ca) {
        assert_int_equal(credentials_issue(NULL, &request, &ca), SMQ_OK);
        assert_int_equal(credentials_save_certificate(ca, files.chain), SMQ_OK);
    }
    request.kind = CERTIFICATE_CLIENT;
    request.common_name = "service";
    assert_int_equal(credentials_issue(ca, &request, &own), SMQ_OK);
    assert_int_equal(credentials_save_certificate(own, files.certificate), SMQ_OK);
    assert_int_equal(credentials_save_key(own, files.key), SMQ_OK);
    credentials_destroy(&own);
    credentials_destroy(&ca);
    return files;
}

static struct smq_service *load_service(enum smq_service_role role, const struct service_files *files, bool with_ca) {
    struct smq_service *service = NULL;
    struct smq_error error;
    assert_int_equal(
        smq_service_load(role, files->certificate, with_ca ? files->chain : NULL, files->key, &service, &error),
        SMQ_OK);
    return service;
}

static struct smq_client_info visit_as(struct smq_service *service, uint16_t version_max) {
    char hosts[64];
    struct smq_client_options options = options_with(NULL);
    options.service = service;
    options.version_max = version_max;
    snprintf(hosts, sizeof hosts, "127.0.0.1:%u", (unsigned)router.port);
    return visit(hosts, &options);
}

static void test_service_keeps_its_id_over_sessions(void **state) {
    (void)state;
    for (int with_ca = 0; with_ca <= 1; with_ca++) {
        struct service_files files = make_service(with_ca ? "with" : "self", with_ca);
        struct smq_service *service = load_service(SMQ_SERVICE_MESSAGING, &files, with_ca);
        struct smq_client_info first = visit_as(service, SMQ_VERSION_MAX);
        struct smq_client_info second = visit_as(service, 16);
        assert_int_equal(first.service_id_length, 24);
        assert_int_equal(second.service_id_length, 24);
        assert_memory_equal(first.service_id, second.service_id, 24);
        assert_int_equal(visit_as(service, 15).service_id_length, 0);
        smq_service_release(&service);
    }
    assert_int_equal(visit_as(NULL, SMQ_VERSION_MAX).service_id_length, 0);
}

static void test_service_of_another_role_is_refused(void **state) {
    (void)state;
    char hosts[64];
    struct service_files files = make_service("role", true);
    struct smq_service *service = load_service(SMQ_SERVICE_NOTIFIER, &files, true);
    assert_int_equal(visit_as(service, SMQ_VERSION_MAX).service_id_length, 24);
    smq_service_release(&service);
    service = load_service(SMQ_SERVICE_MESSAGING, &files, true);
    struct smq_client_options options = options_with(NULL);
    options.service = service;
    snprintf(hosts, sizeof hosts, "127.0.0.1:%u", (unsigned)router.port);
    struct smq_error error;
    assert_int_equal(refused(hosts, &options, &error), SMQ_ERR_AUTH);
    assert_string_equal(error.text, "HANDSHAKE BAD_SERVICE");
    smq_service_release(&service);
}

static void test_commands_of_a_service_session_are_signed_twice(void **state) {
    (void)state;
    char address[256];
    struct service_files files = make_service("twice", true);
    struct smq_service *service = load_service(SMQ_SERVICE_MESSAGING, &files, true);
    struct smq_client_options options = options_with(NULL);
    options.service = service;
    client_fixture_address(router.fingerprint, router.port, address, sizeof address);
    static const enum smq_key_algorithm algorithms[] = {SMQ_KEY_ED25519, SMQ_KEY_ED448, SMQ_KEY_X25519};
    for (size_t i = 0; i < 3; i++) {
        struct client_fixture fixture = {.client = NULL};
        client_fixture_connect(&fixture, context, address, &options);
        struct smq_create_options create;
        smq_create_options_init(&create);
        create.key_algorithm = algorithms[i];
        create.subscribe = true;
        struct smq_receive_queue *queue = NULL;
        assert_int_equal(smq_create_queue(fixture.client, &create, 0, &queue, NULL), SMQ_OK);
        assert_int_equal(smq_subscribe(fixture.client, queue, 0, NULL), SMQ_OK);
        assert_int_equal(smq_delete(fixture.client, queue, 0, NULL), SMQ_OK);
        smq_receive_queue_release(&queue);
        client_fixture_close(&fixture);
    }
    smq_service_release(&service);
}

static void test_service_files_that_do_not_match_are_refused(void **state) {
    (void)state;
    struct service_files one = make_service("one", true), two = make_service("two", true);
    struct smq_service *service = NULL;
    struct smq_error error;
    assert_int_equal(smq_service_load(SMQ_SERVICE_MESSAGING, one.certificate, one.chain, two.key, &service, &error),
                     SMQ_ERR_INVALID);
    assert_true(strlen(error.text) > 0);
    assert_int_equal(smq_service_load(SMQ_SERVICE_MESSAGING, "/nowhere.crt", NULL, two.key, &service, &error),
                     SMQ_ERR_SYSTEM);
    assert_int_equal(smq_service_load((enum smq_service_role)9, one.certificate, NULL, one.key, &service, &error),
                     SMQ_ERR_INVALID);
    assert_null(service);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onion_host_is_chosen_behind_a_proxy),
        cmocka_unit_test(test_socks_mode_onion_connects_directly_to_public_hosts),
        cmocka_unit_test(test_required_host_mode_refuses_other_hosts),
        cmocka_unit_test(test_web_rule_means_port_443_and_a_full_session),
        cmocka_unit_test(test_user_names_keep_apart_what_the_isolation_says),
        cmocka_unit_test(test_fixed_credentials_are_shown_as_they_are),
        cmocka_unit_test(test_bad_proxies_end_the_attempt_in_time),
        cmocka_unit_test(test_settings_that_make_no_sense_are_refused),
        cmocka_unit_test(test_service_keeps_its_id_over_sessions),
        cmocka_unit_test(test_service_of_another_role_is_refused),
        cmocka_unit_test(test_commands_of_a_service_session_are_signed_twice),
        cmocka_unit_test(test_service_files_that_do_not_match_are_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
