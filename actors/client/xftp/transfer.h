/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whole files over XFTP routers: sent, received, deleted, several chunks at a time, each by a thread of its own with
 * connections of its own. The calls block until all is done or something failed for good; what came that far is in a
 * state file or a work folder, and the same call goes on from there. Memory: a chunk for each thread that sends; less
 * for those that receive. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client/xftp/output_name.h"
#include "actors/client/xftp/send_state.h"
#include "actors/net/net.h"
#include "transport/xftp/description.h"
#include "transport/xftp/error.h"

enum { TRANSFER_THREADS_MAX = 16, TRANSFER_PROBLEM_SIZE = 256 };

struct transfer_options {
    struct net *net;
    const struct tls_context *tls_context; /* client context */
    unsigned threads;                      /* 1 to TRANSFER_THREADS_MAX */
    unsigned tries;                        /* of each operation, 1 at least */
    /* Bytes of chunks that are done, of all; on any of the threads, one at a time. NULL: not told. */
    void (*progress)(void *context, uint64_t done, uint64_t all);
    void *context;
};

/* Why a transfer failed: what happened, and, where a router said so, its error. */
struct transfer_failure {
    enum smq_result result;
    struct xftp_error error; /* NONE: it was no router's */
};

/* A server to send to. */
struct transfer_server {
    struct server_address address;
    struct password password; /* length 0: none */
};

/* Sends `source` to servers that are chosen at random for each chunk. `state` says what was done before, and gets what
 * is done; its head says key, name and size. `digest` is that of the whole file. */
enum smq_result transfer_send(const struct transfer_options *options, const struct transfer_server *servers,
                              size_t server_count, int source, struct send_state *state,
                              uint8_t digest[XFTP_FILE_DIGEST_SIZE], struct transfer_failure *failure);

/* Receives the file of a description into `target_folder` (file_join.h); `acknowledge`: then tells the routers. */
struct transfer_target {
    const char *work_folder, *target_folder, *target_name;
    bool acknowledge;
};
enum smq_result transfer_receive(const struct transfer_options *options, const struct xftp_description *description,
                                 const struct transfer_target *target, char name[OUTPUT_NAME_SIZE],
                                 struct transfer_failure *failure);

/* Deletes all chunks of a sender's description. */
enum smq_result transfer_delete(const struct transfer_options *options, const struct xftp_description *description,
                                struct transfer_failure *failure);
