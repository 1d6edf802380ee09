/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A TCP listener on a free port of 127.0.0.1 that speaks no TLS: it holds connections without a word, or says something
 * and closes them. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "queues/base/thread.h"

enum { PLAIN_LISTENER_HELD_MAX = 256 }; /* connections that are kept; further ones are closed */

struct plain_listener {
    uint16_t port;
    const char *greeting;
    int descriptor;
    int held[PLAIN_LISTENER_HELD_MAX];
    unsigned held_count;
    _Atomic unsigned accepted;
    struct thread *thread;
};

/* `greeting` NULL: connections are kept open; else that text is written, and they are closed. */
void plain_listener_start(struct plain_listener *listener, const char *greeting);
void plain_listener_stop(struct plain_listener *listener);
/* Connections so far. */
unsigned plain_listener_accepted(const struct plain_listener *listener);
