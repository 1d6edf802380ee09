/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A WebSocket over bytes that somebody else reads and writes: wslay pulls its input from the slice at hand, hands
 * payload on in chunks, and its answers to control frames are collected and handed over as replies. */
#include "transport/net/websocket.h"

#include <string.h>

#include <wslay/wslay.h>

#include "queues/base/memory.h"

enum { REPLY_CHUNK = 512 };

struct websocket {
    bool is_open;
    uint16_t head_length;
    uint8_t head[WEBSOCKET_HEAD_MAX];
    wslay_event_context_ptr wslay;
    /* during `receive` */
    struct slice input; /* what wslay has not taken yet */
    struct framing_sink *sink;
    enum smq_result result; /* the first failure */
    bool is_data;           /* the frame under way is of a message */
    bool is_final;
    uint64_t message_length;
    size_t reply_length;
    uint8_t reply[REPLY_CHUNK];
};

static void note(struct websocket *websocket, enum smq_result result) {
    if (websocket->result == SMQ_OK)
        websocket->result = result;
}

static void hand_over_reply(struct websocket *websocket) {
    if (websocket->reply_length > 0)
        note(websocket, websocket->sink->reply(websocket->sink, slice_of(websocket->reply, websocket->reply_length)));
    websocket->reply_length = 0;
}

/* ---- wslay's callbacks */

static ssize_t give_input(wslay_event_context_ptr wslay, uint8_t *bytes, size_t size, int flags, void *state) {
    (void)flags;
    struct websocket *websocket = state;
    size_t length = websocket->input.length < size ? websocket->input.length : size;
    if (websocket->result != SMQ_OK || length == 0) {
        wslay_event_set_error(wslay, websocket->result != SMQ_OK ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(bytes, websocket->input.bytes, length);
    websocket->input = slice_of(websocket->input.bytes + length, websocket->input.length - length);
    return (ssize_t)length;
}

static ssize_t take_output(wslay_event_context_ptr wslay, const uint8_t *bytes, size_t length, int flags, void *state) {
    (void)wslay;
    (void)flags;
    struct websocket *websocket = state;
    if (websocket->reply_length == REPLY_CHUNK)
        hand_over_reply(websocket);
    size_t room = REPLY_CHUNK - websocket->reply_length;
    size_t taken = length < room ? length : room;
    memcpy(websocket->reply + websocket->reply_length, bytes, taken);
    websocket->reply_length += taken;
    return (ssize_t)taken;
}

static void refuse(wslay_event_context_ptr wslay, struct websocket *websocket, uint16_t status) {
    note(websocket, SMQ_ERR_PROTOCOL);
    if (wslay_event_queue_close(wslay, status, NULL, 0) != 0)
        note(websocket, SMQ_ERR_NO_MEMORY);
}

static void frame_starts(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_start_arg *frame,
                         void *state) {
    struct websocket *websocket = state;
    websocket->is_data = !wslay_is_ctrl_frame(frame->opcode);
    websocket->is_final = frame->fin != 0;
    if (!websocket->is_data || websocket->result != SMQ_OK)
        return;
    websocket->message_length += frame->payload_length;
    if (frame->opcode == WSLAY_TEXT_FRAME)
        refuse(wslay, websocket, WSLAY_CODE_UNSUPPORTED_DATA);
    else if (frame->payload_length > WEBSOCKET_FRAME_MAX || websocket->message_length > WEBSOCKET_MESSAGE_MAX)
        refuse(wslay, websocket, WSLAY_CODE_MESSAGE_TOO_BIG);
}

static void payload_comes(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_chunk_arg *chunk,
                          void *state) {
    (void)wslay;
    struct websocket *websocket = state;
    if (websocket->is_data && websocket->result == SMQ_OK && chunk->data_length > 0)
        note(websocket, websocket->sink->payload(websocket->sink, slice_of(chunk->data, chunk->data_length)));
}

static void frame_ends(wslay_event_context_ptr wslay, void *state) {
    (void)wslay;
    struct websocket *websocket = state;
    if (!websocket->is_data || !websocket->is_final || websocket->result != SMQ_OK)
        return;
    websocket->message_length = 0;
    note(websocket, websocket->sink->message_end(websocket->sink));
}

/* ---- states */

static enum smq_result create(void **state) {
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = give_input,
        .send_callback = take_output,
        .on_frame_recv_start_callback = frame_starts,
        .on_frame_recv_chunk_callback = payload_comes,
        .on_frame_recv_end_callback = frame_ends,
    };
    struct websocket *websocket = memory_zalloc(sizeof *websocket);
    if (websocket == NULL)
        return SMQ_ERR_NO_MEMORY;
    if (wslay_event_context_server_init(&websocket->wslay, &callbacks, websocket) != 0) {
        memory_free(websocket);
        return SMQ_ERR_NO_MEMORY;
    }
    wslay_event_config_set_no_buffering(websocket->wslay, 1);
    wslay_event_config_set_max_recv_msg_length(websocket->wslay, WEBSOCKET_MESSAGE_MAX);
    *state = websocket;
    return SMQ_OK;
}

static void destroy(void **state) {
    struct websocket *websocket = *state;
    *state = NULL;
    if (websocket == NULL)
        return;
    wslay_event_context_free(websocket->wslay);
    memory_free(websocket);
}

/* Gathers the request. SMQ_ERR_AGAIN: it is not complete yet. */
static enum smq_result gather_head(struct websocket *websocket) {
    while (websocket->input.length > 0) {
        if (websocket->head_length == WEBSOCKET_HEAD_MAX)
            return SMQ_ERR_PROTOCOL;
        websocket->head[websocket->head_length++] = websocket->input.bytes[0];
        websocket->input = slice_of(websocket->input.bytes + 1, websocket->input.length - 1);
        if (websocket->head_length >= 4 && memcmp(websocket->head + websocket->head_length - 4, "\r\n\r\n", 4) == 0)
            return SMQ_OK;
    }
    return SMQ_ERR_AGAIN;
}

static enum smq_result open_websocket(struct websocket *websocket) {
    enum smq_result result = gather_head(websocket);
    if (result != SMQ_OK)
        return result;
    uint8_t answer[WEBSOCKET_ANSWER_MAX];
    size_t length = 0;
    result = websocket_upgrade(slice_of(websocket->head, websocket->head_length), answer, &length);
    if (result != SMQ_OK && result != SMQ_ERR_PROTOCOL)
        return result;
    enum smq_result replied = websocket->sink->reply(websocket->sink, slice_of(answer, length));
    if (result == SMQ_OK)
        result = replied;
    if (result == SMQ_OK)
        result = websocket->sink->opened(websocket->sink);
    websocket->is_open = result == SMQ_OK;
    return result;
}

/* wslay stops reading when it has got a close frame, or has queued one because the peer broke the rules. */
static enum smq_result receive_frames(struct websocket *websocket) {
    int failure = wslay_event_recv(websocket->wslay);
    if (failure != 0 && failure != WSLAY_ERR_CALLBACK_FAILURE)
        note(websocket, failure == WSLAY_ERR_NOMEM ? SMQ_ERR_NO_MEMORY : SMQ_ERR_PROTOCOL);
    else if (wslay_event_get_close_received(websocket->wslay))
        note(websocket, SMQ_ERR_CLOSED);
    else if (!wslay_event_get_read_enabled(websocket->wslay))
        note(websocket, SMQ_ERR_PROTOCOL);
    enum smq_result result = websocket->result;
    while (wslay_event_want_write(websocket->wslay)) {
        if (wslay_event_send(websocket->wslay) != 0) {
            note(websocket, SMQ_ERR_NO_MEMORY);
            break;
        }
        hand_over_reply(websocket);
    }
    return result != SMQ_OK ? result : websocket->result;
}

static enum smq_result receive(void *state, struct slice bytes, struct framing_sink *sink) {
    struct websocket *websocket = state;
    websocket->input = bytes;
    websocket->sink = sink;
    websocket->result = SMQ_OK;
    if (!websocket->is_open) {
        enum smq_result result = open_websocket(websocket);
        if (result != SMQ_OK)
            return result == SMQ_ERR_AGAIN ? SMQ_OK : result;
    }
    return websocket->input.length > 0 ? receive_frames(websocket) : SMQ_OK;
}

/* A final binary frame without mask. */
static size_t header(size_t length, uint8_t bytes[FRAMING_HEADER_MAX]) {
    struct writer writer = writer_of(bytes, FRAMING_HEADER_MAX);
    write_u8(&writer, 0x80 | WSLAY_BINARY_FRAME);
    if (length < 126) {
        write_u8(&writer, (uint8_t)length);
    } else if (length <= UINT16_MAX) {
        write_u8(&writer, 126);
        write_u16(&writer, (uint16_t)length);
    } else {
        write_u8(&writer, 127);
        write_i64(&writer, (int64_t)length);
    }
    return writer_length(&writer);
}

const struct framing websocket_framing = {
    .name = "WebSockets",
    .create = create,
    .destroy = destroy,
    .receive = receive,
    .header = header,
};
