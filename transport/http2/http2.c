/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A connection: what is fed to nghttp2 and taken out of it, how it begins and ends. */
#include "transport/http2/http2_private.h"

#include <string.h>

#include "queues/base/memory.h"

enum {
    OWED_FRAMES_MAX = 256, /* that wait to be sent because of what came, before nothing more is taken */
    ACKS_MAX = 512,        /* for nghttp2, which cannot be reached: pings and settings cost more patience */
    CONTINUATIONS_MAX = 9,
    FIRST_STREAMS = 1, /* of ours, before the peer has said how many it takes */
    ROOM_MIN = 64,     /* of what is left of the caller's room, to begin a frame */
};

static void drop_leftover(struct http2 *http2) {
    memory_free(http2->leftover.bytes);
    http2->leftover.bytes = NULL;
    http2->leftover.start = http2->leftover.length = 0;
}

/* ---- beginning */

static int create_session(struct http2 *http2, const struct http2_config *config, nghttp2_session_callbacks *callbacks,
                          nghttp2_option *option) {
    http2_set_incoming_callbacks(callbacks);
    http2_set_outgoing_callbacks(callbacks);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
    nghttp2_option_set_peer_max_concurrent_streams(option, FIRST_STREAMS);
    nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
    nghttp2_mem memory = session_memory_of(&http2->memory);
    http2->memory.shared = config->is_server ? config->frame_buffer : NULL;
    http2->memory.is_creating = true;
    int failure = config->is_server ? nghttp2_session_server_new3(&http2->session, callbacks, http2, option, &memory)
                                    : nghttp2_session_client_new3(&http2->session, callbacks, http2, option, &memory);
    http2->memory.is_creating = false;
    return failure;
}

enum smq_result http2_create(const struct http2_config *config, uint64_t now, struct http2 **created) {
    struct http2 *http2 = memory_zalloc(sizeof *http2);
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    if (http2 == NULL || nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        memory_free(http2);
        return SMQ_ERR_NO_MEMORY;
    }
    http2->hooks = config->hooks;
    http2->owner = config->owner;
    http2->is_server = config->is_server;
    http2->head_ms = config->head_ms;
    http2->now = now;
    http2->head_deadline = now + config->head_ms;
    http2->failure_text = "";
    patience_begin(&http2->patience, now);
    int failure = create_session(http2, config, callbacks, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (failure == 0 && !config->is_server)
        failure = http2_submit_settings(http2);
    if (failure != 0) {
        http2_destroy(&http2);
        return SMQ_ERR_NO_MEMORY;
    }
    *created = http2;
    return SMQ_OK;
}

void http2_destroy(struct http2 **destroyed) {
    struct http2 *http2 = *destroyed;
    *destroyed = NULL;
    if (http2 == NULL)
        return;
    http2_streams_destroy(http2);
    nghttp2_session_del(http2->session);
    head_end(&http2->gathering);
    drop_leftover(http2);
    memory_free(http2);
}

/* ---- bytes that come */

static void pass_time(struct http2 *http2, uint64_t now) {
    if (now > http2->now)
        http2->now = now;
    patience_pass(&http2->patience, now);
}

static bool is_owed_too_much(const struct http2 *http2) {
    return nghttp2_session_get_outbound_queue_size(http2->session) > OWED_FRAMES_MAX + http2->queued_count;
}

/* What was not body is overhead, unless we have said to a peer in the middle of a body that we do not want the rest. */
static void account(struct http2 *http2, size_t received) {
    size_t overhead = received - http2->delivered;
    size_t allowed = overhead < http2->allowance ? overhead : http2->allowance;
    http2->allowance -= allowed;
    patience_earn(&http2->patience, http2->delivered / PATIENCE_BODY_PART);
    http2_spend(http2, overhead - allowed);
}

bool http2_wants_input(const struct http2 *http2) {
    return http2->failure == SMQ_OK && nghttp2_session_want_read(http2->session) != 0 && !is_owed_too_much(http2);
}

enum smq_result http2_receive(struct http2 *http2, struct slice bytes, uint64_t now) {
    if (http2->failure != SMQ_OK)
        return http2->failure;
    if (!nghttp2_session_want_read(http2->session))
        return SMQ_ERR_CLOSED;
    if (is_owed_too_much(http2))
        return SMQ_ERR_AGAIN;
    pass_time(http2, now);
    http2->delivered = 0;
    ssize_t taken = nghttp2_session_mem_recv(http2->session, bytes.bytes, bytes.length);
    if (taken < 0)
        http2_fail_by(http2, (int)taken);
    else
        account(http2, bytes.length);
    return http2->failure;
}

/* ---- bytes that go */

static void put(struct http2 *http2, const uint8_t *bytes, size_t length) {
    memcpy(http2->room.bytes + http2->room.used, bytes, length);
    http2->room.used += length;
}

static void put_leftover(struct http2 *http2) {
    size_t length = http2->leftover.length - http2->leftover.start;
    size_t room = http2->room.size - http2->room.used;
    if (length == 0)
        return;
    size_t taken = length < room ? length : room;
    put(http2, http2->leftover.bytes + http2->leftover.start, taken);
    http2->leftover.start += taken;
    if (http2->leftover.start == http2->leftover.length)
        drop_leftover(http2);
}

/* Takes frames from nghttp2 while there is room to begin one. */
static void put_frames(struct http2 *http2) {
    while (http2->failure == SMQ_OK && http2->leftover.bytes == NULL &&
           http2->room.size - http2->room.used >= ROOM_MIN) {
        const uint8_t *bytes = NULL;
        ssize_t length = nghttp2_session_mem_send(http2->session, &bytes);
        if (length < 0)
            http2_fail_by(http2, (int)length);
        if (length <= 0)
            break;
        size_t room = http2->room.size - http2->room.used;
        size_t taken = (size_t)length < room ? (size_t)length : room;
        put(http2, bytes, taken);
        if (taken < (size_t)length &&
            http2_keep_leftover(http2, slice_of(bytes + taken, (size_t)length - taken)) != SMQ_OK)
            http2_fail_by(http2, NGHTTP2_ERR_NOMEM);
    }
}

enum smq_result http2_output(struct http2 *http2, uint8_t *room, size_t size, uint64_t now, size_t *length) {
    if (size < HTTP2_OUTPUT_MIN)
        return SMQ_ERR_INVALID;
    pass_time(http2, now);
    http2->room.bytes = room;
    http2->room.size = size;
    http2->room.used = 0;
    put_leftover(http2);
    put_frames(http2);
    put_leftover(http2);
    if (http2->room.used == 0)
        return http2->failure == SMQ_ERR_NO_MEMORY ? SMQ_ERR_NO_MEMORY : SMQ_ERR_EMPTY;
    *length = http2->room.used;
    return SMQ_OK;
}

bool http2_has_output(const struct http2 *http2) {
    return http2->leftover.bytes != NULL ||
           (http2->failure == SMQ_OK && nghttp2_session_want_write(http2->session) != 0);
}

/* ---- ending */

void http2_shutdown(struct http2 *http2) {
    if (http2->failure != SMQ_OK || http2->is_ending)
        return;
    http2->is_ending = true;
    (void)http2_submitted(http2, nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
                                                       nghttp2_session_get_last_proc_stream_id(http2->session),
                                                       HTTP2_NO_ERROR, NULL, 0));
}

void http2_close(struct http2 *http2, enum http2_code code) {
    http2_fail(http2, SMQ_ERR_CLOSED, code, "closed");
}

bool http2_is_over(const struct http2 *http2) {
    return !http2_has_output(http2) && (http2->failure != SMQ_OK || !nghttp2_session_want_read(http2->session));
}

enum smq_result http2_failure(const struct http2 *http2, const char **text) {
    *text = http2->failure_text;
    return http2->failure;
}

/* ---- time */

uint64_t http2_deadline(const struct http2 *http2) {
    uint64_t earliest = http2->failure == SMQ_OK ? http2->head_deadline : UINT64_MAX;
    for (const struct http2_stream *stream = http2->streams; stream != NULL; stream = stream->next)
        if (!stream->is_over && stream->deadline < earliest)
            earliest = stream->deadline;
    return earliest;
}

static struct http2_stream *find_due(struct http2 *http2) {
    struct http2_stream *stream = http2->streams;
    while (stream != NULL && (stream->is_over || stream->deadline > http2->now))
        stream = stream->next;
    return stream;
}

void http2_expire(struct http2 *http2, uint64_t now) {
    pass_time(http2, now);
    if (http2->head_deadline <= now)
        http2_fail(http2, SMQ_ERR_PROTOCOL, HTTP2_ENHANCE_YOUR_CALM, "a preface or header block took too long");
    struct http2_stream *stream;
    while ((stream = find_due(http2)) != NULL) {
        stream->deadline = UINT64_MAX;
        if (http2->is_server && stream->we_ended)
            http2_stream_cut(stream);
        else
            http2->hooks->expired(http2->owner, stream);
    }
}

size_t http2_stream_count(const struct http2 *http2) {
    return http2->stream_count;
}

size_t http2_memory(const struct http2 *http2) {
    return http2->memory.used;
}
