/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router in the test's own process, with certificates and store in a temporary folder, on a free port. Failures fail
 * the test (cmocka). */
#pragma once

#include <stdint.h>

#include "actors/smp/router.h"
#include "test/support/smp_peer.h"

struct router_fixture {
    char directory[64];
    char paths[4][96]; /* ca.crt server.crt server.key store */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct smp_router_config config; /* to be changed between router_fixture_init and router_fixture_start */
    struct smp_router *router;
    uint16_t port; /* kept over restarts */
};

/* Makes the folder and certificates; the configuration is the default with short intervals, and without the proxy. */
void router_fixture_init(struct router_fixture *fixture);
void router_fixture_start(struct router_fixture *fixture);
void router_fixture_stop(struct router_fixture *fixture); /* the ordered stop; the store stays */
/* Stops if it runs, and removes the folder. */
void router_fixture_finish(struct router_fixture *fixture);

/* A connected peer; `version` 0: the highest. */
void router_fixture_connect(const struct router_fixture *fixture, uint16_t version, struct peer *peer);
struct peer_options router_fixture_peer_options(const struct router_fixture *fixture);
