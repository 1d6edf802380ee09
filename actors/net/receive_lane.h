/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One receive lane from inside: shared by its files, used on its thread only unless said otherwise. */
#pragma once

#include <stdatomic.h>

#include "actors/net/block_pool.h"
#include "actors/net/net_private.h"
#include "transport/http2/http2.h"
#include "transport/net/poller.h"

enum lane_request { LANE_STOP_READING = 1, LANE_END_ALL = 2 };

struct receive_lane {
    /* constant */
    struct net *net;
    struct actor *actor;
    /* shared */
    struct message request_message; /* on its way while there are request_bits */
    _Atomic uint32_t request_bits;
    _Atomic bool has_stopped_reading;
    _Atomic bool has_ended_all;
    struct block_pool *pool; /* see block_pool.h */
    /* the lane */
    struct poller *poller;
    struct poller *quiet_poller; /* the waker only: for waiting without credit */
    struct connection *first;    /* all connections */
    struct connection *pending;  /* those with input inside of TLS that epoll does not know of, oldest first */
    struct connection **pending_end;
    struct ring fresh_handshakes;       /* first steps that can be taken, */
    struct ring cookieless_hellos;      /* hellos that will be answered by asking for a cookie, and */
    struct ring later_handshakes;       /* further steps; oldest first */
    bool asked_last;                    /* of first steps and cookies, which have turns */
    struct wheel_timer handshake_timer; /* while it runs, first steps wait for a token */
    struct connection *ended;           /* to be released when no event can name them any more */
    struct ring half_received;          /* connections that hold part of a block or record, oldest first */
    size_t half_count;
    struct wheel_timer half_timer;
    struct wheel_timer trim_timer;
    uint64_t now_ms;
    bool is_reading_stopped;
    bool is_ending_all;
    uint8_t input[TLS_RECORD_MAX];  /* for one step of a connection that is framed, or of HTTP */
    uint8_t output[TLS_RECORD_MAX]; /* for one step of HTTP */
    uint8_t frame_buffer[HTTP2_FRAME_BUFFER];
};

/* receive_end.c */
/* Ends `connection` for `reason`, unless it was ended or another reason was given before. It stays valid until the end
 * of the turn. */
void receive_end(struct receive_lane *lane, struct connection *connection, enum smq_result reason);
/* Sets what the poller waits for; ends the connection when that fails. */
void receive_set_interest(struct receive_lane *lane, struct connection *connection, unsigned interest);

/* receive_setup.c: from an address or an accepted socket to TLS. */
void receive_start(struct receive_lane *lane, struct connection *connection);
void receive_resolved(struct receive_lane *lane, struct connection *connection);
void receive_connected(struct receive_lane *lane, struct connection *connection);
/* Makes the TLS of a connection; ends it when that fails. */
void receive_begin_tls(struct receive_lane *lane, struct connection *connection);
void receive_socks(struct receive_lane *lane, struct connection *connection);
void receive_handshake(struct receive_lane *lane, struct connection *connection);

/* receive_hello.c: what a peer has to send before a step is taken. */
/* Bytes of an accepted connection have come: a whole ClientHello is awaited before anything is allocated for it. */
void receive_hello(struct receive_lane *lane, struct connection *connection);
/* The same after the answer, for the first record of the client's flight. */
void receive_flight(struct receive_lane *lane, struct connection *connection);

/* receive_handshake.c: what established connections leave to the others. */
/* A step of the handshake can be taken: it will be, in one of the next turns. */
void receive_queue_handshake(struct receive_lane *lane, struct connection *connection);
/* Whether there is one that need not wait. */
bool receive_has_handshakes(const struct receive_lane *lane);
/* Of a wheel_timer: first steps have waited long enough. */
void receive_end_wait(struct wheel_timer *handshake_timer);
/* The listener wants the connection's place for another one. */
void receive_drop(struct receive_lane *lane, struct connection *connection);
/* Takes a few steps, by time. At the end of a turn's reading. */
void receive_some_handshakes(struct receive_lane *lane);
/* A handshake failed, before or in TLS. */
void receive_handshake_failed(struct receive_lane *lane, struct connection *connection, enum smq_result reason,
                              const char *text);
/* Blocks may come: the set-up's budget becomes that of the protocol's handshake, and the protocol is told. */
enum smq_result receive_open(struct receive_lane *lane, struct connection *connection);
/* Frees setup, which nobody but the lane may use any more. */
void receive_free_setup(struct receive_lane *lane, struct connection *connection);

/* receive_read.c: blocks. */
void receive_read(struct receive_lane *lane, struct connection *connection);
/* Gives a whole block to the protocol. */
enum smq_result receive_deliver(struct receive_lane *lane, struct connection *connection, struct block *block);
void receive_resume(struct receive_lane *lane, struct connection *connection);
/* Has the connection looked at again before the lane sleeps. */
void receive_append_pending(struct receive_lane *lane, struct connection *connection);
void receive_read_pending(struct receive_lane *lane);

/* receive_framed.c: blocks that lie in a framing. */
/* Reads one step from TLS through the framing; results as those of an unframed step: SMQ_OK: TLS holds more;
 * SMQ_ERR_AGAIN, with `*want`; else the end. `*holds`: TLS holds input. A framing that ended is closed with its replies
 * flushed. */
enum smq_result receive_framed(struct receive_lane *lane, struct connection *connection, enum tls_want *want,
                               bool *holds);

/* receive_http.c: connections of HTTP, which this lane reads and writes. */
/* Whether one that is up speaks HTTP. */
bool receive_speaks_http(const struct connection *connection);
/* Makes what it takes to; before the connection is up for others. SMQ_ERR_NO_MEMORY. */
enum smq_result receive_http_prepare(struct connection *connection);
enum smq_result receive_http_open(struct receive_lane *lane, struct connection *connection);
void receive_http_event(struct receive_lane *lane, struct connection *connection, unsigned events);
/* Reads and writes what there is, a share of a turn. */
void receive_http(struct receive_lane *lane, struct connection *connection);
void receive_http_flush(struct receive_lane *lane, struct connection *connection);
void receive_http_end(struct receive_lane *lane, struct connection *connection, enum smq_result reason);

/* receive_half.c: what has begun to come has to go on. */
/* After each reading: whether the connection holds part of a block, or of a record. */
void receive_note_half(struct receive_lane *lane, struct connection *connection, bool is_half);
/* Of a wheel_timer: ends those whose time is over. */
void receive_end_overdue(struct wheel_timer *half_timer);
