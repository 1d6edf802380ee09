/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A connection as the XFTP router sees it: what its TLS says, and how far its handshake is. One for all its streams. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/net/http_connection.h"
#include "actors/xftp/roles.h"
#include "transport/crypto/keys.h"
#include "transport/xftp/handshake_state.h"

struct xftp_session {
    struct xftp_router *router;
    struct connection *connection; /* borrowed: it lives longer */
    unsigned process_lane;
    /* constant */
    bool server_name;   /* the client named a server, and was shown the web certificate */
    bool is_legacy;     /* no ALPN: commands of version 1 at once, without a handshake */
    bool is_only_http2; /* h2 without a server name: nothing is processed */
    uint8_t session_id_length;
    uint8_t session_id[TLS_SESSION_ID_MAX];
    /* the process lane's */
    enum xftp_handshake_state handshake;
    uint16_t version;
    bool has_key;
    struct key_pair key; /* X25519, of the session; a secret */
    /* the receive lane's */
    uint64_t upload_bytes; /* received, and not on the disk yet */
    bool is_paused;
};

struct slice xftp_session_id(const struct xftp_session *session);

/* Hooks of the connection. */
enum smq_result xftp_session_opened(void *context, struct connection *connection, void **owner);
void xftp_session_released(void *owner);

/* The account of what uploads hold in memory: while all of them hold too much, a connection is not read until what it
 * sent is on the disk. Receive lane. */
void xftp_session_take_bytes(struct xftp_session *session, size_t length);
void xftp_session_give_back_bytes(struct xftp_session *session, size_t length);
