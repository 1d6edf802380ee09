/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One side of an HTTP/2 connection with an owner that keeps account of what it is told, and a wire between two of them.
 * Time is a number that tests move on. */
#pragma once

#include "transport/http2/http2_stream.h"

enum { EXCHANGES_MAX = 400 };

/* A request and its response, as the owner of one side knows it. */
struct exchange {
    struct http2_stream *stream; /* NULL: released */
    char method[16];
    char path[64];
    char note[64]; /* the value of the field `note` */
    unsigned status;
    int64_t content_length;
    size_t field_count;
    bool has_body;
    bool head_came;
    size_t received;    /* bytes of the body */
    bool body_is_wrong; /* they were not those of http2_body_byte */
    bool body_ended;
    size_t to_send, sent;
    size_t most_asked; /* by `fill` */
    bool stalls;       /* `fill` has nothing at the time */
    enum smq_result fill_failure;
    int closed;
    enum http2_end end;
    uint32_t code;
    int expired;
};

struct http2_side {
    struct http2 *http2;
    bool is_server;
    uint64_t now;
    size_t count;
    struct exchange exchanges[EXCHANGES_MAX];
    bool holds;           /* consumes nothing */
    bool keeps;           /* releases nothing */
    bool answers;         /* server: with 200 when a request has ended */
    bool answers_at_once; /* when its head came */
    size_t answer_length;
    int going_away;
    uint32_t going_away_code;
};

/* What a body is made of. */
uint8_t http2_body_byte(size_t at);

/* Starts with all else zero. The frame buffer is one for all servers. False: out of memory. */
bool http2_side_open(struct http2_side *side, bool is_server);
/* Returns whether every stream that the owner knew was closed exactly once. */
bool http2_side_close(struct http2_side *side);
/* NULL: it could not be made. */
struct exchange *http2_side_request(struct http2_side *side, const char *path, size_t body_length);
/* False: it could not be given. */
bool http2_side_answer(struct exchange *exchange, unsigned status, size_t body_length);
/* At most `size` bytes that the side wants sent; 0: none. */
size_t http2_side_take(struct http2_side *side, uint8_t *bytes, size_t size);
/* Passes bytes in both directions, at most `step` at a time, until both sides are quiet or have failed. */
void http2_wire(struct http2_side *a, struct http2_side *b, size_t step);
