/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A client of an XFTP router for tests: its connection and its streams. Commands: xftp_peer_commands.c. */
#include "test/support/xftp_peer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queues/base/clock.h"
#include "test/support/require.h"

enum { LIMIT_MS = 30000, ROOM = 16384 };

/* ---- what HTTP/2 tells and asks ---- */

static void on_head(void *owner, struct http2_stream *stream, const struct http2_head *head) {
    (void)owner;
    struct xftp_stream *exchange = http2_user(stream);
    size_t at = 0;
    exchange->head_came = true;
    exchange->status = head->status;
    for (size_t i = 0; i < head->field_count && at < sizeof exchange->fields; i++)
        at += (size_t)snprintf(exchange->fields + at, sizeof exchange->fields - at, "%.*s: %.*s\n",
                               (int)head->fields[i].name.length, (const char *)head->fields[i].name.bytes,
                               (int)head->fields[i].value.length, (const char *)head->fields[i].value.bytes);
}

static void on_body(void *owner, struct http2_stream *stream, struct slice bytes) {
    (void)owner;
    struct xftp_stream *exchange = http2_user(stream);
    if (exchange->answer_length + bytes.length > exchange->answer_capacity) {
        exchange->answer_capacity = (exchange->answer_length + bytes.length) * 2;
        exchange->answer = realloc(exchange->answer, exchange->answer_capacity);
        require(exchange->answer != NULL);
    }
    memcpy(exchange->answer + exchange->answer_length, bytes.bytes, bytes.length);
    exchange->answer_length += bytes.length;
    if (!exchange->holds)
        http2_consume(stream, bytes.length);
}

static void on_body_end(void *owner, struct http2_stream *stream) {
    (void)owner;
    ((struct xftp_stream *)http2_user(stream))->body_ended = true;
}

static enum smq_result fill(void *owner, struct http2_stream *stream, uint8_t *room, size_t size, size_t *length,
                            bool *last) {
    (void)owner;
    struct xftp_stream *exchange = http2_user(stream);
    size_t left = exchange->length - exchange->sent;
    if (left == 0 && !exchange->ends)
        return SMQ_ERR_AGAIN;
    *length = left < size ? left : size;
    if (*length > 0)
        memcpy(room, exchange->body + exchange->sent, *length);
    exchange->sent += *length;
    *last = exchange->ends && exchange->sent == exchange->length;
    return *length == 0 && !*last ? SMQ_ERR_AGAIN : SMQ_OK;
}

static void on_closed(void *owner, struct http2_stream *stream, enum http2_end end, uint32_t code) {
    (void)owner;
    (void)code;
    struct xftp_stream *exchange = http2_user(stream);
    exchange->is_over = true;
    exchange->end = end;
    exchange->stream = NULL;
    http2_release(stream);
}

static const struct http2_hooks hooks = {
    .head = on_head, .body = on_body, .body_end = on_body_end, .fill = fill, .closed = on_closed};

/* ---- the connection ---- */

static bool wait_for(const struct xftp_peer *peer, short events, int wait_ms) {
    struct pollfd entry = {.fd = peer->net.descriptor, .events = events};
    return poll(&entry, 1, wait_ms) > 0;
}

static void shake_hands(struct xftp_peer *peer, const struct xftp_peer_options *options) {
    enum tls_want want = TLS_WANT_READ;
    enum smq_result result;
    if (options->server_name != NULL) {
        require(tls_context_create_web_client(options->ca_path, &peer->context) == SMQ_OK);
        require(tls_create_web_client(peer->context, peer->net.descriptor, options->alpn, options->server_name,
                                      &peer->net.tls) == SMQ_OK);
    } else {
        require(tls_context_create_client(NULL, &peer->context) == SMQ_OK);
        require(tls_create_client(peer->context, peer->net.descriptor, options->alpn, options->fingerprint,
                                  &peer->net.tls) == SMQ_OK);
    }
    while ((result = tls_handshake(peer->net.tls, &want)) == SMQ_ERR_AGAIN)
        require(wait_for(peer, want == TLS_WANT_READ ? POLLIN : POLLOUT, LIMIT_MS));
    require(result == SMQ_OK);
}

void xftp_peer_open(struct xftp_peer *peer, const struct xftp_peer_options *options) {
    struct tls_facts facts;
    struct http2_config config = {.hooks = &hooks, .owner = peer, .head_ms = LIMIT_MS};
    memset(peer, 0, sizeof *peer);
    net_peer_connect(&peer->net, options->port);
    shake_hands(peer, options);
    require(tls_take_facts(peer->net.tls, &facts) == SMQ_OK);
    peer->session_id_length = facts.session_id_length;
    memcpy(peer->session_id, facts.session_id, facts.session_id_length);
    free(facts.peer_chain);
    peer->version = XFTP_VERSION_MIN;
    require(http2_create(&config, clock_monotonic_ms(), &peer->http2) == SMQ_OK);
}

void xftp_peer_close(struct xftp_peer *peer) {
    http2_destroy(&peer->http2);
    for (unsigned i = 0; i < XFTP_PEER_STREAMS; i++)
        xftp_stream_forget(&peer->streams[i]);
    net_peer_close(&peer->net);
    tls_context_destroy(&peer->context);
}

static void write_all(struct xftp_peer *peer) {
    uint8_t room[ROOM];
    size_t length;
    while (!peer->is_closed && http2_output(peer->http2, room, sizeof room, clock_monotonic_ms(), &length) == SMQ_OK)
        if (!net_peer_write(&peer->net, room, length, ROOM))
            peer->is_closed = true;
}

static void read_some(struct xftp_peer *peer, int wait_ms) {
    uint8_t room[ROOM];
    enum tls_want want = TLS_WANT_READ;
    size_t length = 0;
    bool more = false;
    enum smq_result result = tls_read(peer->net.tls, room, sizeof room, &length, &more, &want);
    if (result == SMQ_ERR_AGAIN) {
        (void)wait_for(peer, want == TLS_WANT_READ ? POLLIN : POLLOUT, wait_ms);
        return;
    }
    if (result == SMQ_OK)
        result = http2_receive(peer->http2, slice_of(room, length), clock_monotonic_ms());
    if (result != SMQ_OK)
        peer->is_closed = true;
}

void xftp_peer_move(struct xftp_peer *peer, int wait_ms) {
    if (peer->is_closed)
        return;
    write_all(peer);
    read_some(peer, wait_ms);
    write_all(peer);
}

void xftp_peer_until(struct xftp_peer *peer, bool (*condition)(void *context), void *context) {
    uint64_t until_ms = clock_monotonic_ms() + LIMIT_MS;
    while (!condition(context)) {
        require(clock_monotonic_ms() < until_ms);
        if (peer->is_closed)
            return;
        xftp_peer_move(peer, 10);
    }
}

/* ---- streams ---- */

static size_t take_headers(const char *const *headers, struct http2_field *fields) {
    size_t count = 0;
    for (; headers != NULL && headers[2 * count] != NULL; count++)
        fields[count] = (struct http2_field){.name = slice_of_text(headers[2 * count]),
                                             .value = slice_of_text(headers[2 * count + 1])};
    return count;
}

static struct xftp_stream *free_stream(struct xftp_peer *peer) {
    for (unsigned i = 0; i < XFTP_PEER_STREAMS; i++) {
        struct xftp_stream *stream = &peer->streams[peer->next++ % XFTP_PEER_STREAMS];
        if (stream->stream == NULL && stream->answer == NULL && !stream->is_over)
            return stream;
    }
    fail_msg("too many streams");
    return NULL;
}

struct xftp_stream *xftp_peer_begin(struct xftp_peer *peer, const char *method, const char *const *headers,
                                    const void *body, size_t length, bool ends) {
    struct http2_field fields[HTTP2_SENT_FIELDS_MAX];
    struct xftp_stream *stream = free_stream(peer);
    *stream = (struct xftp_stream){.body = body, .length = length, .ends = ends};
    struct http2_request request = {
        .method = slice_of_text(method),
        .scheme = slice_of_text("https"),
        .authority = slice_of_text("localhost"),
        .path = slice_of_text("/"),
        .fields = fields,
        .field_count = take_headers(headers, fields),
        .has_body = length > 0 || !ends,
    };
    require(http2_request(peer->http2, &request, stream, &stream->stream) == SMQ_OK);
    return stream;
}

void xftp_peer_extend(struct xftp_stream *stream, size_t length, bool ends) {
    stream->length = length;
    stream->ends = ends;
    if (stream->stream != NULL)
        http2_resume(stream->stream);
}

static bool is_finished(void *context) {
    const struct xftp_stream *stream = context;
    return stream->is_over || stream->body_ended;
}

void xftp_peer_finish(struct xftp_peer *peer, struct xftp_stream *stream) {
    xftp_peer_until(peer, is_finished, stream);
}

void xftp_stream_forget(struct xftp_stream *stream) {
    if (stream->stream != NULL)
        http2_cancel(stream->stream);
    free(stream->answer);
    free(stream->made);
    struct http2_stream *left = stream->stream;
    *stream = (struct xftp_stream){.stream = left};
}
