/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A SOCKS5 proxy in a thread of the test, which connects to one fixed port of 127.0.0.1 whatever it is asked for, notes
 * what it was asked, and misbehaves on demand. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "queues/base/thread.h"

enum socks_behaviour {
    SOCKS_WELL,
    SOCKS_BYTEWISE,       /* every answer in single bytes, with a name as bound address */
    SOCKS_SILENT,         /* accepts and says nothing */
    SOCKS_HALF,           /* the first half of the last answer, then nothing */
    SOCKS_GARBAGE,        /* bytes that are no SOCKS */
    SOCKS_ENDS,           /* ends the connection after the greeting */
    SOCKS_ENDS_IN_ANSWER, /* ends it in the middle of the last answer */
    SOCKS_REFUSES_METHOD,
    SOCKS_OTHER_METHOD, /* chooses one that was not offered */
    SOCKS_REFUSES_LOGIN,
    SOCKS_REFUSES_CONNECTION,
};

enum { SOCKS_REQUESTS_MAX = 16 };

/* What a client asked for. */
struct socks_request {
    uint8_t method;
    char user[256];
    char password[256];
    uint8_t address_type; /* 1, 3, 4 */
    char host[256];       /* the name, or the address as text */
    uint16_t port;
};

struct socks_server {
    uint16_t port;        /* the proxy's own */
    uint16_t target_port; /* of 127.0.0.1 */
    enum socks_behaviour behaviour;
    _Atomic int accepted;
    _Atomic int request_count; /* complete ones in `requests` */
    struct socks_request requests[SOCKS_REQUESTS_MAX];
    /* private */
    int listener;
    int stop[2]; /* a pipe */
    struct thread *thread;
};

/* Fill in target_port and behaviour before. Fails the test when it cannot start. */
void socks_server_start(struct socks_server *server);
void socks_server_stop(struct socks_server *server);
