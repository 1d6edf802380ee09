/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A DNS server on 127.0.0.1, UDP and TCP, that does what the first letters of a name say:
 *   good...    A 127.0.0.1, for an hour; AAAA: none        brief...   the same, for a second
 *   silent...  no answer                                   missing... NXDOMAIN
 *   dual...    AAAA ::1 as well                            private... A 10.0.0.1
 *   huge...    2,000 addresses, on TCP; UDP is truncated   tcp...     as good, on TCP; UDP is truncated
 *   garbage... random bytes behind a header                loop...    a CNAME that leads to itself
 *   forged...  an answer with another id and another address, then that of good
 * Anything else is refused. */
#pragma once

#include <pthread.h>
#include <stdint.h>

enum { DNS_QUESTIONS_MAX = 4096 };

struct dns_server {
    uint16_t port;
    char address[24]; /* "127.0.0.1:port", for net_options */
    /* private */
    int udp, tcp;
    int stop[2]; /* a pipe */
    struct thread *thread;
    pthread_mutex_t lock;
    unsigned count;
    char names[DNS_QUESTIONS_MAX][64]; /* asked for, over UDP */
};

/* Fails the test when it cannot start. */
void dns_server_start(struct dns_server *server);
void dns_server_stop(struct dns_server *server);
/* How often a name that begins like this was asked for so far, A and AAAA each counted, over UDP. */
unsigned dns_server_asked(struct dns_server *server, const char *beginning);
