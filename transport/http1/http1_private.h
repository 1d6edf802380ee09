/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A connection of HTTP/1.1 from inside. */
#pragma once

#include <http_parser.h>

#include "transport/http1/http1.h"

enum {
    HTTP1_HEAD_MAX = HTTP2_HEAD_MAX, /* bytes of target, names and values */
    HTTP1_FIELDS_MAX = HTTP2_FIELDS_MAX,
};

struct http1_part {
    uint16_t start, length;
};

/* A head as it comes: text that grows, and what lies where in it. */
struct http1_request_head {
    uint8_t *text; /* NULL: nothing yet */
    size_t length, size;
    struct http1_part target;
    struct http1_part names[HTTP1_FIELDS_MAX], values[HTTP1_FIELDS_MAX];
    size_t count;
    bool in_value; /* the last field's value has begun */
};

/* A body as it goes. */
enum http1_body { BODY_NONE, BODY_COUNTED, BODY_CHUNKED, BODY_UNTIL_END };

struct http1 {
    const struct http1_hooks *hooks;
    void *owner;
    uint32_t head_ms;
    uint64_t now;
    http_parser parser;
    struct http1_request_head *head; /* while a head comes */
    uint64_t head_deadline;
    enum smq_result failure;
    const char *failure_text;
    unsigned failure_status; /* for the peer; 0: none */
    bool is_ending;          /* no request after the present one */
    bool is_closing;         /* nothing but what waits is sent any more */
    /* bytes that came too early */
    uint8_t *kept;
    size_t kept_length;
    /* text that waits to be sent: heads */
    uint8_t *text;
    size_t text_start, text_length;
    /* the exchange */
    bool is_open; /* known to the owner, not closed */
    bool is_closed;
    bool request_ended;
    bool is_answered;
    bool answer_ended;
    bool is_discarding;
    bool is_head_only; /* the method is HEAD */
    bool keeps_alive;
    bool awaits_continue;
    bool fill_waits;
    enum http1_body body;
    uint64_t body_left; /* BODY_COUNTED */
    size_t unconsumed;
    uint64_t deadline;
    void *user;
};

/* The peer is told by `status`, 0: by nothing, then the connection ends. */
void http1_fail(struct http1 *http1, enum smq_result result, unsigned status, const char *text);
/* The exchange is over. */
void http1_tell_closed(struct http1 *http1, enum http2_end end);
/* It is, if both sides have ended. */
void http1_settle(struct http1 *http1);
/* Adds text that is to be sent. SMQ_ERR_NO_MEMORY. */
enum smq_result http1_add_text(struct http1 *http1, const void *bytes, size_t length);

/* request.c: starts with a new request. */
void http1_await_request(struct http1 *http1);
/* Parses; what belongs to a later request is not taken. */
size_t http1_parse(struct http1 *http1, struct slice bytes);
void http1_drop_head(struct http1 *http1);

/* answer.c: writes of the body what there is room for. */
size_t http1_fill(struct http1 *http1, uint8_t *room, size_t size);
/* The answer to a peer that cannot be understood. */
void http1_put_failure(struct http1 *http1);
