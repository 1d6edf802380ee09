/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The router of the integration tests. */
#include "test/support/router_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queues/base/thread.h"
#include "test/support/process.h"
#include "transport/crypto/setup.h"

void router_fixture_init(struct router_fixture *fixture) {
    static const char *const names[] = {"ca.crt", "server.crt", "server.key", "store"};
    memset(fixture, 0, sizeof *fixture);
    thread_attach();
    assert_int_equal(SMQ_OK, crypto_setup());
    temporary_folder_create(fixture->directory);
    assert_int_equal(SMQ_OK,
                     credentials_create_files(fixture->directory, "localhost", KEY_ED25519, fixture->fingerprint));
    for (size_t i = 0; i < 4; i++)
        (void)snprintf(fixture->paths[i], sizeof fixture->paths[i], "%s/%s", fixture->directory, names[i]);
    fixture->config = smp_router_config_default();
    fixture->config.ca_certificate_path = fixture->paths[0];
    fixture->config.server_certificate_path = fixture->paths[1];
    fixture->config.server_key_path = fixture->paths[2];
    fixture->config.store_directory = fixture->paths[3];
    fixture->config.map_size = UINT64_C(256) << 20;
    fixture->config.ports = &fixture->port;
    fixture->config.port_count = 1;
    fixture->config.notification_delivery_interval_ms = 50;
    fixture->config.proxy.enabled = false;
    fixture->config.proxy.allow_private = true;
    fixture->config.receive_lanes = fixture->config.process_lanes = fixture->config.send_lanes = 2;
}

void router_fixture_start(struct router_fixture *fixture) {
    char error[256] = "";
    if (smp_router_create(&fixture->config, &fixture->router, error, sizeof error) != SMQ_OK ||
        smp_router_listen(fixture->router, error, sizeof error) != SMQ_OK)
        fail_msg("the router does not start: %s", error);
    fixture->port = smp_router_port(fixture->router, 0);
}

void router_fixture_stop(struct router_fixture *fixture) {
    smp_router_destroy(&fixture->router);
}

void router_fixture_finish(struct router_fixture *fixture) {
    router_fixture_stop(fixture);
    temporary_folder_remove(fixture->directory);
}

struct peer_options router_fixture_peer_options(const struct router_fixture *fixture) {
    struct peer_options options = {.port = fixture->port};
    memcpy(options.fingerprint, fixture->fingerprint, FINGERPRINT_SIZE);
    return options;
}

void router_fixture_connect(const struct router_fixture *fixture, uint16_t version, struct peer *peer) {
    struct peer_options options = router_fixture_peer_options(fixture);
    options.version = version;
    peer_connect(peer, &options);
}
