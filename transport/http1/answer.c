/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers: their heads, and their bodies as HTTP/1.1 delimits them. */
#include <stdio.h>
#include <stdlib.h>

#include "queues/base/memory.h"
#include "transport/http1/http1_private.h"

enum {
    ANSWER_HEAD_MAX = 8192,
    CHUNK_HEADER = 10, /* at most ffffffff CR LF */
    CHUNK_END = 2,
    LAST_CHUNK = 5,
};

/* Those that we send; others have no words, which nobody reads. */
static const struct {
    unsigned status;
    const char *words;
} reasons[] = {
    {200, "OK"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {421, "Misdirected Request"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *words_of(unsigned status) {
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return "";
}

static void write_status(struct writer *writer, unsigned status) {
    char line[64];
    (void)snprintf(line, sizeof line, "HTTP/1.1 %u %s\r\n", status, words_of(status));
    write_text(writer, line);
}

void http1_put_failure(struct http1 *http1) {
    uint8_t bytes[256];
    struct writer writer = writer_of(bytes, sizeof bytes);
    if (http1->failure_status == 0)
        return;
    write_status(&writer, http1->failure_status);
    write_text(&writer, "content-length: 0\r\nconnection: close\r\n\r\n");
    http1->is_answered = http1->answer_ended = true;
    (void)http1_add_text(http1, bytes, writer_length(&writer)); /* without memory the end has to say it */
}

/* The length that the owner states; false: none, or no number. */
static bool find_length(const struct http2_response *response, uint64_t *length) {
    for (size_t i = 0; i < response->field_count; i++) {
        char digits[21];
        char *end = NULL;
        struct slice value = response->fields[i].value;
        if (!slice_equal(response->fields[i].name, slice_of_text("content-length")))
            continue;
        (void)snprintf(digits, sizeof digits, "%.*s", (int)(value.length < 20 ? value.length : 20), value.bytes);
        *length = strtoull(digits, &end, 10);
        return end != digits && *end == '\0';
    }
    return false;
}

static bool has_no_body(const struct http1 *http1, const struct http2_response *response) {
    return http1->is_head_only || response->status == 204 || response->status == 304 || !response->has_body;
}

/* Says how the body is delimited. */
static void write_framing(struct http1 *http1, struct writer *writer, const struct http2_response *response) {
    bool states_length = find_length(response, &http1->body_left);
    bool is_first_version = http1->parser.http_minor == 0;
    if (has_no_body(http1, response)) {
        http1->body = BODY_NONE;
        if (!states_length && !http1->is_head_only && response->status != 204 && response->status != 304)
            write_text(writer, "content-length: 0\r\n");
    } else if (states_length) {
        http1->body = BODY_COUNTED;
    } else if (is_first_version) {
        http1->body = BODY_UNTIL_END;
        http1->keeps_alive = false;
    } else {
        http1->body = BODY_CHUNKED;
        write_text(writer, "transfer-encoding: chunked\r\n");
    }
    /* What was not read when the answer began is not waited for. */
    bool has_rest = !http1->request_ended && http1->head == NULL && !http1->is_discarding;
    http1->keeps_alive = http1->keeps_alive && !has_rest;
    if (!http1->keeps_alive)
        write_text(writer, "connection: close\r\n");
    else if (is_first_version)
        write_text(writer, "connection: keep-alive\r\n");
}

enum smq_result http1_respond(struct http1 *http1, const struct http2_response *response) {
    if (!http1->is_open || http1->failure != SMQ_OK)
        return SMQ_ERR_CLOSED;
    if (http1->is_answered || response->status < 200 || response->status > 999)
        return SMQ_ERR_INVALID;
    uint8_t *bytes = memory_alloc(ANSWER_HEAD_MAX);
    if (bytes == NULL)
        return SMQ_ERR_NO_MEMORY;
    struct writer writer = writer_of(bytes, ANSWER_HEAD_MAX);
    write_status(&writer, response->status);
    for (size_t i = 0; i < response->field_count; i++) {
        write_slice(&writer, response->fields[i].name);
        write_text(&writer, ": ");
        write_slice(&writer, response->fields[i].value);
        write_text(&writer, "\r\n");
    }
    write_framing(http1, &writer, response);
    write_text(&writer, "\r\n");
    enum smq_result result = writer_finish(&writer);
    if (result == SMQ_OK)
        result = http1_add_text(http1, bytes, writer_length(&writer));
    memory_free(bytes);
    if (result == SMQ_OK) {
        http1->is_answered = true;
        http1->answer_ended = http1->body == BODY_NONE || (http1->body == BODY_COUNTED && http1->body_left == 0);
    }
    return result;
}

/* ---- bodies */

static enum smq_result ask(struct http1 *http1, uint8_t *room, size_t size, size_t *length, bool *last) {
    enum smq_result result = http1->hooks->fill(http1->owner, http1, room, size, length, last);
    if (result == SMQ_ERR_AGAIN || (result == SMQ_OK && *length == 0 && !*last)) {
        http1->fill_waits = true;
        return SMQ_ERR_AGAIN;
    }
    return result == SMQ_OK && *length > size ? SMQ_ERR_INTERNAL : result;
}

/* The peer sees that it has not got all: the connection ends before. */
static size_t break_off(struct http1 *http1) {
    http1_cancel(http1);
    return 0;
}

static size_t fill_plain(struct http1 *http1, uint8_t *room, size_t size) {
    size_t length = 0;
    bool last = false;
    bool is_counted = http1->body == BODY_COUNTED;
    size_t most = is_counted && http1->body_left < size ? (size_t)http1->body_left : size;
    enum smq_result result = ask(http1, room, most, &length, &last);
    if (result == SMQ_ERR_AGAIN)
        return 0;
    if (result != SMQ_OK)
        return break_off(http1);
    if (is_counted)
        http1->body_left -= length;
    if (is_counted && last && http1->body_left > 0)
        return break_off(http1);
    http1->answer_ended = is_counted ? http1->body_left == 0 : last;
    return length;
}

static size_t fill_chunk(struct http1 *http1, uint8_t *room, size_t size) {
    size_t length = 0;
    bool last = false;
    char header[CHUNK_HEADER + 1];
    struct writer writer = writer_of(room, size);
    enum smq_result result =
        ask(http1, room + CHUNK_HEADER, size - CHUNK_HEADER - CHUNK_END - LAST_CHUNK, &length, &last);
    if (result == SMQ_ERR_AGAIN)
        return 0;
    if (result != SMQ_OK)
        return break_off(http1);
    if (length > 0) {
        /* Leading zeros, so that the header is as long as the room that was left for it. */
        (void)snprintf(header, sizeof header, "%08x\r\n", (unsigned)length);
        write_text(&writer, header);
        (void)write_reserve(&writer, length);
        write_text(&writer, "\r\n");
    }
    if (last)
        write_text(&writer, "0\r\n\r\n");
    http1->answer_ended = last;
    return writer_length(&writer);
}

size_t http1_fill(struct http1 *http1, uint8_t *room, size_t size) {
    return http1->body == BODY_CHUNKED ? fill_chunk(http1, room, size) : fill_plain(http1, room, size);
}
