/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What smq-bench is asked to measure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bin/common/cli.h"
#include "smq/result.h"

enum bench_mode {
    BENCH_MSG,    /* messages through queues, sender and recipient on different connections */
    BENCH_IDLE,   /* subscribed connections that do nothing */
    BENCH_QUEUES, /* creating queues */
    BENCH_SUBS,   /* subscribing to queues on fresh connections */
    BENCH_AGENT,  /* subscribing to queues through agents */
    BENCH_PROXY,  /* messages that a proxy forwards to relays */
    BENCH_MODE_COUNT
};

/* "msg", "idle", "queues", "subs", "agent", "proxy". */
const char *bench_mode_text(enum bench_mode mode);

/* Texts are borrowed from the command line. */
struct bench_options {
    enum bench_mode mode;
    struct cli_list proxies; /* proxy: routers that forward, as `servers` */
    struct cli_list servers; /* each smp://<key hash>[:<password>]@<host>[:<port>] */
    /* in all, to the servers in turn; msg: half of them send, half receive; proxy: they send, to the proxy */
    int64_t connections;
    /* msg, proxy: in all; other modes: of each connection. 0: one a connection; msg: one a pair; proxy: one a
     * connection or server, whichever are more */
    int64_t queues;
    int64_t seconds;     /* msg, proxy: measured time; idle: time to hold the connections */
    int64_t warm_up;     /* msg, proxy: seconds before the measured time */
    int64_t size;        /* bytes of a body; 0: the most that the session allows, which fills the block */
    int64_t rate;        /* messages a second; 0: closed loop, one message in flight in each queue */
    int64_t server_pid;  /* router process on this machine; 0: not known */
    int64_t lanes;       /* threads of each role of the client library */
    const char *state;   /* queues: file to write their keys to; subs, agent: to read them from; NULL: none */
    const char *restart; /* agent: what restarts the routers, for /bin/sh; NULL: they are not restarted */
    int64_t restarts;    /* agent: how often; 0: once, with `restart` */
    bool json;
};

/* The defaults, without servers. */
void bench_options_init(struct bench_options *options, enum bench_mode mode);

/* Checks what the table of the command line cannot, and fills in `queues`. On SMQ_ERR_INVALID `*mistake` says what is
 * wrong, in a static text. */
enum smq_result bench_options_complete(struct bench_options *options, const char **mistake);

/* Queues in all, after bench_options_complete. */
size_t bench_options_queue_count(const struct bench_options *options);

/* Whether messages are sent: msg, proxy. */
bool bench_options_messages(const struct bench_options *options);

/* The server of the connection with this index. */
const char *bench_server_of(const struct cli_list *servers, size_t index);

/* `total` things are dealt out to `owners` in order: the first one of `owner`. That of the owner after the last is
 * `total`. */
size_t bench_first_of(size_t total, size_t owners, size_t owner);
/* Whose the thing with this index is. */
size_t bench_owner_of(size_t total, size_t owners, size_t index);
