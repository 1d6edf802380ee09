/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP on a connection from inside. Everything belongs to the connection's receive lane. */
#pragma once

#include "actors/net/http_connection.h"
#include "actors/net/receive_lane.h"

/* What speaks a version of HTTP: a state over bytes that the lane reads and writes, with the streams of it. Functions
 * are those of transport/http2; where they are not, it is said. */
struct http_engine {
    enum smq_result (*create)(struct http_connection *http, uint64_t now_ms, void **state);
    void (*destroy)(void **state); /* all exchanges are over then */
    enum smq_result (*receive)(void *state, struct slice bytes, uint64_t now_ms);
    enum smq_result (*output)(void *state, uint8_t *room, size_t size, uint64_t now_ms, size_t *length);
    bool (*has_output)(const void *state);
    bool (*wants_input)(const void *state); /* whether `receive` would take something */
    bool (*is_over)(const void *state);
    enum smq_result (*failure)(const void *state, const char **text);
    /* The peer has ended its side. Whether something is still to be sent. */
    bool (*input_ended)(void *state);
    void (*shutdown)(void *state);
    uint64_t (*deadline)(const void *state);
    void (*expire)(void *state, uint64_t now_ms);
    /* of a stream */
    enum smq_result (*answer)(void *stream, const struct http2_response *response);
    void (*consume)(void *stream, size_t length);
    void (*discard)(void *stream);
    void (*resume)(void *stream);
    size_t (*window)(const void *stream);
    void (*cancel)(void *stream);
    void (*release)(void *stream);
    void (*set_deadline)(void *stream, uint64_t at_ms);
};
extern const struct http_engine http_engine_2;

enum { HTTP_PREFACE_SIZE = 3 }; /* bytes that tell the version: no method of HTTP/1.1 begins so */

struct http_connection {
    const struct http_service *service;
    struct connection *connection; /* which it is part of */
    void *owner;
    const struct http_engine *engine; /* NULL: not known yet, or gone */
    void *state;
    struct ring exchanges;
    size_t under_way; /* exchanges that are not over */
    struct wheel_timer timer;
    uint64_t idle_since_ms, taken_ms; /* the last exchange ended; the peer took something */
    uint8_t preface[HTTP_PREFACE_SIZE];
    uint8_t preface_length;
    bool is_opened;
    bool is_in_turn;
    bool may_read;       /* there may be input, in TLS or in the socket */
    bool reads_by_write; /* TLS has to write before it can read */
    bool is_blocked;     /* the socket is full */
    bool input_is_over;
    bool is_done;    /* all is written: the send lane ends it in order */
    bool is_ended;   /* the lane has ended the connection */
    bool owes_push;  /* the kernel keeps what was written, for more to follow */
    size_t in_tls;   /* bytes of a record that TLS keeps until the socket has room */
    uint8_t *unsent; /* without TLS: what the socket did not take; NULL: nothing */
    size_t unsent_start, unsent_length;
};

struct http_exchange {
    struct http_connection *http;
    struct connection *connection; /* a reference */
    void *stream;                  /* the engine's; NULL: gone */
    void *user;
    struct ring place;
    bool is_over;
    bool is_released; /* before it was over */
};

/* http_exchange.c: what engines tell. NULL: out of memory. */
struct http_exchange *http_exchange_begin(struct http_connection *http, void *stream, void *user);
void http_exchange_over(struct http_exchange *exchange, enum http2_end end);
void http_exchange_expired(struct http_exchange *exchange);
/* The engine is gone: streams are invalid. */
void http_exchanges_lose_streams(struct http_connection *http);

/* A request has come: it has the service's time, and who sent it is no newcomer any more. */
void http_exchange_came(struct http_exchange *exchange);

/* receive_http.c: has the lane look at the connection again, in this turn or the next. */
void receive_http_touch(struct http_connection *http);
/* What all servers of the lane share (http2.h). */
void *receive_http_frame_buffer(const struct http_connection *http);

/* The protocol of connections that speak nothing but HTTP. */
extern const struct protocol http_protocol;

/* http_connection.c. NULL: out of memory. */
struct http_connection *http_connection_create(struct connection *connection, const struct http_service *service,
                                               void *owner);
/* The connection's last reference is gone: tells the owner. Any thread. */
void http_connection_released(struct http_connection *http);
/* Behind that, or before the connection is known to anybody; NULL is allowed. */
void http_connection_destroy(struct http_connection **http);
/* It is up. What `opened` says. */
enum smq_result http_connection_open(struct http_connection *http, uint64_t now_ms);
/* Bytes came. The engine is chosen by the first of them. */
enum smq_result http_connection_receive(struct http_connection *http, struct slice bytes, uint64_t now_ms);
bool http_connection_wants_input(const struct http_connection *http);
/* Nothing is to be read or written any more; `*reason`: why. */
bool http_connection_is_over(const struct http_connection *http, enum smq_result *reason);
/* When http_connection_expire is due; UINT64_MAX: never. */
uint64_t http_connection_deadline(const struct http_connection *http);
/* Does what is due. SMQ_ERR_TIMEOUT: the connection's own time is over. */
enum smq_result http_connection_expire(struct http_connection *http, uint64_t now_ms);
/* The connection has ended: tells the owner. */
void http_connection_end(struct http_connection *http, enum smq_result reason);
