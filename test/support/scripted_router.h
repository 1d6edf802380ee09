/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A router that does what a test's script says, right or wrong: the hello can be broken in several ways, every
 * command is handed to the script, and blocks of any content can be sent. It shares codecs and connections with the
 * real one, but none of its roles. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/net/net.h"
#include "test/support/test_pki.h"
#include "transport/smp/response.h"
#include "transport/smp/session.h"

struct scripted_router;
struct scripted_connection;

/* What is wrong with the hello. */
enum scripted_hello {
    HELLO_RIGHT,
    HELLO_NEVER,
    HELLO_GARBAGE,
    HELLO_OTHER_SESSION,
    HELLO_OTHER_SIGNER, /* the session key is not signed by the certificate of TLS */
    HELLO_OTHER_CHAIN,  /* the chain is another router's */
    HELLO_WITHOUT_KEY,
};

/* A command as the script sees it; slices are valid during the call. */
struct scripted_command {
    struct slice correlation_id;
    struct slice entity_id;
    struct slice authorization;
    struct smp_command command;
};

struct scripted_options {
    enum scripted_hello hello;
    const struct credentials *shown; /* in TLS; NULL: the router's own */
    const struct credentials *told;  /* chain of the hello, and the key that signs the session key; NULL: `shown` */
    struct version_range versions;   /* 0..0: 6..18 */
    /* Receive lane. NULL: commands are answered OK, PING with PONG. */
    void (*handle)(struct scripted_connection *connection, const struct scripted_command *command, void *context);
    void *context;
};

struct scripted_router {
    struct test_pki pki;
    struct test_pki other; /* another identity */
    struct scripted_options options;
    struct tls_context *shown; /* NULL: that of `pki` */
    struct net *net;
    struct listener *listener;
    uint16_t port;
    char address[128];
    struct scripted_connection
        *_Atomic last; /* the newest connection, referenced; for scripts that act without a command */
    _Atomic uint32_t commands[SMP_COMMAND_COUNT]; /* received */
};

/* Abort the test program when something cannot be made or, later, when the client breaks the protocol. */
void scripted_router_start(struct scripted_router *router, const struct scripted_options *options);
void scripted_router_stop(struct scripted_router *router);

/* All: any thread. Sends one block with one response. */
void scripted_respond(struct scripted_connection *connection, struct slice correlation_id, struct slice entity_id,
                      const struct smp_response *response);
/* The same with OK, or PONG. */
void scripted_answer(struct scripted_connection *connection, const struct scripted_command *command);
/* One block of this content (at most 16,366 bytes), sealed as it should be. */
void scripted_send_content(struct scripted_connection *connection, struct slice content);
/* One block of random bytes, which takes the place of a sealed one. */
void scripted_send_garbage(struct scripted_connection *connection);
void scripted_close(struct scripted_connection *connection);
void scripted_pause(struct scripted_connection *connection);
void scripted_resume(struct scripted_connection *connection);
/* Waits up to 10 s until so many commands of the tag were received. */
void scripted_await(struct scripted_router *router, enum smp_command_tag tag, uint32_t count);
uint16_t scripted_version(const struct scripted_connection *connection);
