/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An XFTP connection: connecting, the handshake, the end. */
#include "actors/client/xftp/xftp_connection.h"

#include <string.h>

#include "actors/client/xftp/xftp_connection_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "transport/net/host_choice.h"
#include "transport/tls/certificate.h"
#include "transport/xftp/handshake.h"

enum { CONNECT_MS = 15000, REQUEST_MS = 10000, DEFAULT_PORT = 443 };

/* ---- connecting ---- */

static enum smq_result start(struct xftp_connection *connection) {
    const struct xftp_connection_options *options = &connection->options;
    const struct host_policy policy = {.host_mode = HOST_MODE_PUBLIC, .web_port = WEB_PORT_OFF};
    struct host_choice choice;
    enum smq_result result = host_choose(&policy, &options->server, &choice);
    if (result != SMQ_OK)
        return result;
    struct connect_options connect = {
        .host = server_address_host(&options->server, choice.host),
        .port = server_address_port(&options->server, DEFAULT_PORT),
        .tls_context = options->tls_context,
        .alpn = "xftp/1",
        .http = &xftp_client_service,
        .state = connection,
        .timeout_ms = options->connect_ms,
    };
    memcpy(connect.key_hash, options->server.key_hash, sizeof connect.key_hash);
    atomic_fetch_add_explicit(&connection->holders, 1, memory_order_relaxed);
    result = net_connect(options->net, &connect, &connection->connection);
    if (result != SMQ_OK)
        atomic_fetch_sub_explicit(&connection->holders, 1, memory_order_relaxed);
    return result;
}

static enum smq_result await_opened(struct xftp_connection *connection, uint64_t deadline_ms) {
    struct call_message *message = xftp_connection_wait(connection, deadline_ms);
    if (message == NULL)
        return SMQ_ERR_TIMEOUT;
    enum smq_result result = message->event == CALL_OPENED ? SMQ_OK : message->result;
    xftp_call_give_back(message);
    return result;
}

/* ---- the handshake ---- */

static struct slice session_id_of(const struct xftp_connection *connection) {
    const struct connection_tls *tls = connection_tls(connection->connection);
    return slice_of(tls->session_id, tls->session_id_length);
}

static enum smq_result check_hello(struct xftp_connection *connection, struct slice body) {
    static const struct version_range versions = {.min = XFTP_VERSION_MIN, .max = XFTP_VERSION_MAX};
    const struct connection_tls *tls = connection_tls(connection->connection);
    struct xftp_server_handshake handshake;
    struct public_key leaf;
    enum smq_result result = xftp_server_handshake_parse(body, &handshake);
    if (result == SMQ_OK)
        result = xftp_client_agree(&handshake, versions, session_id_of(connection), &connection->version);
    if (result == SMQ_OK && tls->peer_chain_count == 0)
        result = SMQ_ERR_IDENTITY;
    if (result == SMQ_OK)
        result = certificate_public_key(tls->peer_chain[0], &leaf);
    if (result == SMQ_OK)
        result =
            xftp_session_key_verify(&handshake, connection->options.server.key_hash, &leaf, &connection->session_key);
    return result == SMQ_ERR_SYNTAX ? SMQ_ERR_PROTOCOL : result;
}

/* An exchange of the handshake: its answer is in the call. */
static enum smq_result exchange(struct xftp_connection *connection, struct slice head, uint64_t deadline_ms,
                                struct xftp_call **call) {
    *call = xftp_call_begin(connection, head, slice_of(NULL, 0));
    if (*call == NULL)
        return SMQ_ERR_NO_MEMORY;
    return xftp_call_answer(*call, deadline_ms);
}

/* Waits until it is over, so that the next one finds the connection free. */
static enum smq_result finish(struct xftp_call **call, uint64_t deadline_ms) {
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK && !(*call)->was_told_over)
        result = xftp_call_answer(*call, deadline_ms);
    xftp_call_end(call);
    return result;
}

static enum smq_result shake_hands(struct xftp_connection *connection, uint64_t deadline_ms) {
    struct xftp_call *call = NULL;
    uint8_t block[XFTP_BLOCK_SIZE];
    enum smq_result result = exchange(connection, slice_of(NULL, 0), deadline_ms, &call);
    if (result == SMQ_OK)
        result = check_hello(connection, slice_of(call->answer, call->answer_length));
    if (result == SMQ_OK)
        result = finish(&call, deadline_ms);
    xftp_call_end(&call);
    const struct xftp_client_handshake handshake = {
        .version = connection->version, .key_hash = slice_of(connection->options.server.key_hash, KEY_HASH_SIZE)};
    if (result == SMQ_OK)
        result = xftp_client_handshake_write(&handshake, block);
    if (result == SMQ_OK)
        result = exchange(connection, slice_of(block, sizeof block), deadline_ms, &call);
    if (result == SMQ_OK && call->answer_length > 0)
        result = SMQ_ERR_PROTOCOL;
    if (result == SMQ_OK)
        result = finish(&call, deadline_ms);
    xftp_call_end(&call);
    return result;
}

/* ---- lives ---- */

enum smq_result xftp_connection_open(const struct xftp_connection_options *options, struct xftp_connection **out) {
    struct xftp_connection *connection = memory_zalloc(sizeof *connection);
    if (connection == NULL)
        return SMQ_ERR_NO_MEMORY;
    atomic_init(&connection->holders, 1);
    connection->options = *options;
    connection->options.connect_ms = options->connect_ms > 0 ? options->connect_ms : CONNECT_MS;
    connection->options.request_ms = options->request_ms > 0 ? options->request_ms : REQUEST_MS;
    waker_init_futex(&connection->waker);
    enum smq_result result = mailbox_create(&connection->waker, &connection->mailbox);
    if (result == SMQ_OK)
        result = start(connection);
    uint64_t deadline_ms = clock_monotonic_ms() + connection->options.connect_ms;
    if (result == SMQ_OK)
        result = await_opened(connection, deadline_ms);
    if (result == SMQ_OK)
        result = shake_hands(connection, deadline_ms + connection->options.request_ms);
    if (result == SMQ_OK)
        *out = connection;
    else
        xftp_connection_close(&connection);
    return result;
}

static void drop_message(void *context, struct mailbox_node *node) {
    (void)context;
    struct call_message *message = (struct call_message *)(void *)node;
    message->event = CALL_OVER;
    xftp_call_give_back(message);
}

void xftp_connection_close(struct xftp_connection **connection) {
    struct xftp_connection *closing = *connection;
    if (closing == NULL)
        return;
    if (closing->connection != NULL) {
        xftp_connection_break(closing);
        connection_release(closing->connection);
    }
    while (closing->first != NULL) {
        struct call_message *message = closing->first;
        closing->first = message->next;
        drop_message(NULL, &message->node);
    }
    if (closing->mailbox != NULL) {
        mailbox_close(closing->mailbox);
        while (mailbox_drain(closing->mailbox, drop_message, NULL, SIZE_MAX) || !mailbox_is_finished(closing->mailbox))
            continue;
    }
    xftp_connection_release(closing);
    *connection = NULL;
}

bool xftp_connection_is_broken(const struct xftp_connection *connection) {
    return connection->is_broken;
}
