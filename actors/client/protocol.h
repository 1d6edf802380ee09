/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the client knows of a protocol: one table of calls for each. Contexts, lanes, requests with their correlation,
 * events, pings and the network are the same for all; handles, commands and bytes are the protocol's (actors/client/smp
 * is one). Its state hangs on the client, its part of a request behind the request, its part of a lane on the lane.
 *
 * Nothing here blocks. `process lane`, `send lane` and `receive lane` say which thread calls. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/client/smq/client.h"
#include "actors/net/connection.h"
#include "queues/base/cursor.h"
#include "transport/block/batch.h"
#include "transport/wire/address.h"

struct process_lane;
struct request;
struct tls_context;

enum {
    SEND_SCRATCH_SIZE = 16384 + 512, /* bytes that a send lane has for what is to be signed */
};

/* A block being filled with requests. */
struct request_block {
    struct writer writer; /* its room is what requests may take */
    uint8_t *bytes;       /* the block */
    uint8_t count;        /* of requests; at most BLOCK_TRANSMISSIONS_MAX */
};

/* What differs between commands, for the life of their requests. */
struct command_rule {
    bool background; /* the longer default time-out */
    bool enables_pings;
    bool has_answer; /* the blocking form gives the completion's event */
};

struct client_protocol {
    struct protocol connection; /* CLIENT_CONNECTION(name, block size), and hooks of its own */
    enum address_scheme scheme;
    uint16_t version_min, version_max; /* that it can agree on */
    size_t client_size;                /* of client->state, zeroed */
    size_t request_size;               /* of its requests, which begin with struct request */
    size_t lane_size;                  /* of lane->states[index], zeroed */
    enum smq_command ping;

    /* -- lanes: before their actor runs, and after it ended -- */
    enum smq_result (*lane_init)(void *lane_state);
    void (*lane_destroy)(void *lane_state);

    /* -- clients -- */
    bool (*options_are_valid)(const struct smq_client_options *options); /* any thread */
    void (*wipe)(struct smq_client *client);                             /* with the last reference; any thread */
    /* The context of TLS, when it is not that of all clients; else NULL. */
    struct tls_context *(*tls)(const struct smq_client *client);
    /* Process lane. Judges the router's hello, makes the session and queues the answer. On failure the client's
     * connect_error is set. */
    enum smq_result (*hello)(struct smq_client *client, const uint8_t *bytes);
    bool (*is_answered)(const struct smq_client *client); /* whether the router says once more what it makes of it */
    enum smq_result (*hello_answer)(struct smq_client *client, const uint8_t *bytes);
    void (*opened)(struct smq_client *client); /* before commands are taken */
    /* The requests in the table have ended, with `result`: so does all that the protocol keeps back. */
    void (*commands_ended)(struct process_lane *lane, struct smq_client *client, enum smq_result result);
    void (*ended)(struct smq_client *client, enum smq_result result); /* its owner has been told */
    /* Any thread, of a client that is ready. */
    void (*info)(const struct smq_client *client, struct smq_client_info *info);

    /* -- requests -- */
    const struct command_rule *(*rule)(enum smq_command command);
    void (*request_begin)(struct request *request);   /* a new one, with client and command set; any thread */
    void (*request_release)(struct request *request); /* with the last reference; any thread */
    /* The process lane, of a request that was not answered: puts its handles into the event. */
    void (*add_origin)(const struct request *request, struct smq_event *event);
    /* Process lane: whether the request goes another way, to which it was handed over, than to the router at once. */
    bool (*diverts)(struct process_lane *lane, struct request *request);
    /* Process lane, before the request is sent: prepares for what it leads to. On failure the request ends. */
    enum smq_result (*enter)(struct process_lane *lane, const struct request *request);
    /* Process lane: how a batch of `count` is split into blocks: `counts` has room for `count`. */
    enum smq_result (*split)(const struct request *first, size_t count, uint32_t *counts);

    /* -- send lane -- */
    enum smq_result (*write_hello)(struct smq_client *client, uint8_t *bytes);
    void (*begin_block)(struct smq_client *client, uint8_t *bytes, struct request_block *block);
    /* SMQ_ERR_TOO_LARGE: there is no room. The writer is put back on failure. */
    enum smq_result (*write)(struct smq_client *client, struct request *request, uint8_t *scratch,
                             struct writer *writer);
    enum smq_result (*seal_block)(struct smq_client *client, struct request_block *block);
    /* Items of kinds that are its own, from OUTGOING_PROTOCOL on: writes the one in front and takes it off;
     * SMQ_ERR_TOO_LARGE: not in this block. May be NULL, as the next. */
    enum smq_result (*write_own)(struct smq_client *client, struct outgoing_queue *queue, struct request_block *block);
    void (*discard_own)(struct smq_client *client, struct outgoing *item);

    /* -- received blocks, of a client that is ready -- */
    /* Receive lane: whether the block was taken care of, and over; else it goes to the process lane. May be NULL. */
    bool (*received_early)(struct smq_client *client, struct block *block);
    /* Process lane: all that is in the block. It stays the caller's. */
    void (*received)(struct process_lane *lane, struct smq_client *client, struct block *block);
    /* Process lane: a message of a kind from LANE_PROTOCOL on. May be NULL. */
    void (*message)(struct process_lane *lane, struct message *message);
};

/* Their places in the table, in a lane's states, and among its messages. */
enum { CLIENT_PROTOCOL_SMP, CLIENT_PROTOCOLS };
/* All of them; protocols.c. */
extern const struct client_protocol *const client_protocols[CLIENT_PROTOCOLS];
