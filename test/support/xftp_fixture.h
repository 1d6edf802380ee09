/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An XFTP router in the test's own process, with certificates, store and chunks in a temporary folder, on a free port.
 * Failures fail the test (cmocka). */
#pragma once

#include "actors/xftp/router.h"
#include "test/support/xftp_peer.h"

struct xftp_fixture {
    char directory[64];
    char paths[8][96]; /* ca.crt server.crt server.key store files web.crt web.key */
    uint8_t fingerprint[FINGERPRINT_SIZE];
    struct xftp_router_config config; /* to be changed between init and start */
    uint16_t port;                    /* kept over restarts */
    struct xftp_router *router;
};

/* Makes the folder and certificates; the configuration is the default. */
void xftp_fixture_init(struct xftp_fixture *fixture);
void xftp_fixture_start(struct xftp_fixture *fixture);
void xftp_fixture_stop(struct xftp_fixture *fixture); /* the ordered stop; the store stays */
/* Stops if it runs, and removes the folder. */
void xftp_fixture_finish(struct xftp_fixture *fixture);

/* A connected native peer whose handshake is done. */
void xftp_fixture_connect(const struct xftp_fixture *fixture, struct xftp_peer *peer);
/* The same before the handshake, with this ALPN; NULL: none. */
void xftp_fixture_connect_raw(const struct xftp_fixture *fixture, const char *alpn, struct xftp_peer *peer);
struct xftp_statistics xftp_fixture_statistics(const struct xftp_fixture *fixture);

/* Chunk files that are there; files that are being received. */
unsigned xftp_fixture_chunk_files(const struct xftp_fixture *fixture);
unsigned xftp_fixture_incoming(const struct xftp_fixture *fixture);
/* The path of a file's chunk. */
void xftp_fixture_chunk_path(const struct xftp_fixture *fixture, const struct xftp_peer_file *file, char path[256]);
