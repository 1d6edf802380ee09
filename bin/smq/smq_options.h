/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the commands of smq are asked for, and how they end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Exit codes. */
enum {
    SMQ_EXIT_DONE = 0,
    SMQ_EXIT_LOCAL = 1,   /* bad usage, file or input */
    SMQ_EXIT_NETWORK = 2, /* no connection to that router, or it was lost, or no answer in time */
    SMQ_EXIT_REFUSED = 3, /* the router refused */
    SMQ_EXIT_FEWER = 4,   /* receive: fewer messages than --count in the time of --wait */
};

/* Texts are borrowed from the command line. */
struct smq_options {
    const char *command; /* the program's word for it, for messages */
    const char *file;    /* --queue */
    int64_t timeout_s;   /* for connecting, and for each answer */
    const char *socks;   /* NULL: connect directly */
    int host_mode;       /* index of enum smq_host_mode */
    const char *proxy;   /* send, secure: router that forwards to the queue's; NULL: connect to that one */
    bool json;
    int mode;            /* create: index of enum smq_queue_mode */
    int key_algorithm;   /* create, join: index of enum smq_key_algorithm; -1: the command's default */
    const char *key;     /* secure: the sender's key, base64url of its DER */
    bool already;        /* secure: the recipient has done it */
    const char *uri;     /* send: instead of a file */
    bool lines;          /* send, receive, subscribe, watch: a message is a line */
    bool notify;         /* send */
    bool keep;           /* receive: do not acknowledge */
    const char *message; /* acknowledge: which, base64url of its id; NULL: the first one, whichever it is */
    int64_t count;       /* receive, subscribe, watch: so many messages; 0: no matter how many */
    int64_t wait_s;      /* receive: for each message; 0: take what is there; -1: the default */
};

/* The commands: `words` are the arguments after the options. They print results to stdout and mistakes to stderr (with
 * --json also as an object to stdout), block until done, and return the exit code. Main thread. */
int smq_command_create(const struct smq_options *options, int count, char **words);
int smq_command_join(const struct smq_options *options, int count, char **words);
int smq_command_secure(const struct smq_options *options, int count, char **words);
int smq_command_delete(const struct smq_options *options, int count, char **words);
int smq_command_info(const struct smq_options *options, int count, char **words);
int smq_command_send(const struct smq_options *options, int count, char **words);
int smq_command_receive(const struct smq_options *options, int count, char **words);
int smq_command_subscribe(const struct smq_options *options, int count, char **words);
int smq_command_watch(const struct smq_options *options, int count, char **words);
int smq_command_acknowledge(const struct smq_options *options, int count, char **words);
int smq_command_ping(const struct smq_options *options, int count, char **words);
