/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A protocol that sends every block back, and its client, for tests of the network roles. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/net/net.h"
#include "test/support/test_pki.h"

/* Server side. Counters for all connections; `context` of listen_options. */
struct echo_server {
    _Atomic int64_t states; /* made and not released yet */
    _Atomic int64_t closed; /* closed so far */
    _Atomic int64_t queued; /* items that were neither sent nor discarded yet */
    _Atomic int64_t most_queued;
    _Atomic int64_t discarded;
    _Atomic int64_t received; /* blocks */
    int64_t window;           /* blocks a connection may have queued before it is paused; 0: no limit */
};
extern const struct protocol echo_server_protocol;
void *echo_server_accept(void *context, struct connection *connection);

/* Client side: sends `count` blocks of a pattern, at most `window` of them unanswered, and verifies the answers. */
struct echo_client {
    struct connection *connection; /* the test's reference, if it wants one */
    uint32_t count;
    uint32_t window;
    bool close_when_done;
    uint64_t seed;
    uint32_t block_size; /* set by echo_connect */
    /* receive lane */
    uint32_t sent;
    /* any thread */
    _Atomic uint32_t answered;
    _Atomic uint32_t wrong;
    _Atomic int secured;
    _Atomic int closed;   /* calls of the hook */
    _Atomic int released; /* the same */
    _Atomic int reason;
    _Atomic int64_t queued;
};
extern const struct protocol echo_client_protocol;

/* Fills the block with what client `seed` sends as its `number`-th. */
void echo_pattern(uint64_t seed, uint32_t number, uint8_t *bytes);
/* Queues one block on the connection; whether it was accepted. Any thread. */
bool echo_send(struct echo_client *client, struct connection *connection, uint32_t number);

/* A net with an echo server on a free port of 127.0.0.1. */
struct echo_net {
    struct test_pki pki;
    struct protocol server_protocol, client_protocol;
    struct echo_server server;
    struct net *net;
    struct listener *listener;
};
void echo_net_start(struct echo_net *echo, const struct net_options *options);
/* The same with blocks of `block_size` bytes. */
void echo_net_start_with_blocks(struct echo_net *echo, const struct net_options *options, uint32_t block_size);
/* Destroys the net and checks that every state was released and no item was lost. */
void echo_net_stop(struct echo_net *echo);
enum smq_result echo_connect(struct echo_net *echo, struct echo_client *client, struct connection **connection);

/* Polls `*value` until it reaches `wanted` or `timeout_ms` have passed; whether it did. */
bool await_int(const _Atomic int *value, int wanted, int timeout_ms);
bool await_u32(const _Atomic uint32_t *value, uint32_t wanted, int timeout_ms);
bool await_i64(const _Atomic int64_t *value, int64_t wanted, int timeout_ms);
