/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Senders and recipients on connections of the client library that keep a router busy, and a ledger that checks what
 * it promises, also over its deaths: what was acknowledged arrives exactly as sent and in order, and what the recipient
 * acknowledged does not come again. A broken promise fails the test (cmocka). One thread. */
#pragma once

#include <stdint.h>

struct client_load;

/* What happened so far. */
struct client_load_figures {
    uint64_t sent;        /* SENDs answered with OK */
    uint64_t uncertain;   /* SENDs that lost their connection before the answer */
    uint64_t delivered;   /* different messages */
    uint64_t redelivered; /* whose ACK had no answer when the connection was lost */
    uint64_t consumed;    /* ACKs answered with OK */
};

/* Connects to the router at `address` with `pairs` connections of senders and as many of recipients, over which
 * `queues` queues are spread. */
void client_load_create(const char *address, unsigned pairs, unsigned queues, struct client_load **load);
/* Sends, receives and acknowledges until `count` more SENDs are acknowledged, and leaves others under way. */
void client_load_run(struct client_load *load, uint64_t count);
/* The router was told to stop, or killed: waits until every connection has ended; what has no answer is uncertain. */
void client_load_lose(struct client_load *load);
/* Connects again and subscribes. */
void client_load_connect(struct client_load *load);
/* Sends nothing more and goes on until every queue is empty, then checks that nothing acknowledged is missing. */
void client_load_drain(struct client_load *load);
struct client_load_figures client_load_figures(const struct client_load *load);
void client_load_destroy(struct client_load **load);
