/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A TCP listener on a free port of 127.0.0.1 that speaks no TLS: it holds connections without a word, or says something
 * and closes them. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "queues/base/thread.h"

struct plain_listener {
    uint16_t port;
    const char *greeting;
    int descriptor;
    int held; /* the connection that is being kept; -1: none */
    _Atomic unsigned accepted;
    struct thread *thread;
};

/* `greeting` NULL: connections are kept open (only the latest one); else that text is written, and they are closed. */
void plain_listener_start(struct plain_listener *listener, const char *greeting);
void plain_listener_stop(struct plain_listener *listener);
/* Connections so far. */
unsigned plain_listener_accepted(const struct plain_listener *listener);
