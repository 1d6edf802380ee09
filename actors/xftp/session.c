/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A connection as the XFTP router sees it. */
#include "actors/xftp/session.h"

#include <string.h>

#include "queues/base/memory.h"
#include "transport/xftp/limits.h"

struct slice xftp_session_id(const struct xftp_session *session) {
    return slice_of(session->session_id, session->session_id_length);
}

enum smq_result xftp_session_opened(void *context, struct connection *connection, void **owner) {
    struct xftp_router *router = context;
    const struct connection_tls *tls = connection_tls(connection);
    struct xftp_session *session = memory_zalloc(sizeof *session);
    if (session == NULL)
        return SMQ_ERR_NO_MEMORY;
    session->router = router;
    session->connection = connection;
    session->process_lane = pinning_lane(&router->process_pinning, connection_number(connection));
    session->server_name = tls->shows_web_certificate;
    session->is_legacy = !tls->has_alpn;
    session->is_only_http2 = !tls->shows_web_certificate && strcmp(tls->alpn, "h2") == 0;
    session->version = XFTP_VERSION_MIN;
    session->session_id_length = tls->session_id_length;
    memcpy(session->session_id, tls->session_id, tls->session_id_length);
    *owner = session;
    connection_established(connection);
    return SMQ_OK;
}

void xftp_session_released(void *owner) {
    struct xftp_session *session = owner;
    key_pair_wipe(&session->key);
    memory_free(session);
}

void xftp_session_take_bytes(struct xftp_session *session, size_t length) {
    struct xftp_router *router = session->router;
    uint64_t all = atomic_fetch_add_explicit(&router->upload_bytes, length, memory_order_relaxed) + length;
    session->upload_bytes += length;
    if (all <= router->config.upload_buffer || session->is_paused)
        return;
    session->is_paused = true;
    connection_pause(session->connection);
}

void xftp_session_give_back_bytes(struct xftp_session *session, size_t length) {
    atomic_fetch_sub_explicit(&session->router->upload_bytes, length, memory_order_relaxed);
    session->upload_bytes -= length;
    if (session->upload_bytes > 0 || !session->is_paused)
        return;
    session->is_paused = false;
    connection_resume(session->connection);
}
