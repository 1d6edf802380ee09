/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A request on its way through the router, from its head to the end of its answer. It belongs to its receive lane, and
 * to at most one role beside that at a time, which it is sent to and comes back from (request_return); the bytes of
 * chunks travel in pieces of their own. Whoever has it, or a piece of it, holds it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/net/http_connection.h"
#include "actors/xftp/change.h"
#include "actors/xftp/session.h"
#include "stores/xftp/chunk_file.h"
#include "stores/xftp/file_store.h"
#include "transport/xftp/chunk_check.h"
#include "transport/xftp/chunk_cipher.h"
#include "transport/xftp/command.h"
#include "transport/xftp/response.h"

enum {
    PIECE_SIZE = 65536, /* bytes of a chunk that travel together */
    XFTP_ID_TEXT_MAX = 255,
};

/* Bytes of a chunk, on their way to a disk lane or back. */
struct piece {
    struct message message; /* first */
    struct connection_task task;
    struct request *request;
    struct piece *next;
    size_t length, capacity;
    size_t taken; /* of a download: bytes that were sent */
    bool is_last; /* of a download: with the tag at its end */
    enum smq_result result;
    uint8_t bytes[];
};

enum request_phase {
    REQUEST_HEAD,      /* the block comes */
    REQUEST_DECIDING,  /* a process lane has it; what comes behind the block waits */
    REQUEST_UPLOADING, /* what comes goes to the disk */
    REQUEST_DRAINING,  /* what comes is counted and thrown away: the chunk is there already */
    REQUEST_ENDING,    /* a disk lane has the end of the upload */
    REQUEST_ANSWERED,
};

/* What a request comes back to its receive lane for. */
enum request_outcome {
    OUTCOME_ANSWER,   /* answer with what is in the block */
    OUTCOME_UPLOAD,   /* take the chunk */
    OUTCOME_DRAIN,    /* take the chunk and throw it away */
    OUTCOME_DOWNLOAD, /* answer with what is in the block, and the chunk behind it */
    OUTCOME_GIVE_UP,  /* there is no memory for an answer */
};

struct request {
    struct message message; /* to process and disk lanes; first */
    struct connection_task task;
    struct change change;
    struct http_exchange *exchange;
    struct xftp_session *session;
    _Atomic uint32_t holders;

    /* the receive lane's */
    enum request_phase phase;
    bool is_over;               /* the exchange */
    bool body_ended;            /* all of it came */
    bool end_was_sent;          /* of the upload or download, to the disk lane */
    uint64_t body_bytes;        /* behind the block, so far */
    struct piece *first, *last; /* upload: wait for the decision; download: to be sent */
    struct piece *filling;      /* upload: takes what comes */
    unsigned in_flight;         /* pieces that are with the disk lane */
    uint32_t to_read;           /* download: bytes that no piece was sent for yet */
    size_t answer_sent;

    /* whoever has it */
    uint8_t *block; /* the head that came; later the answer; NULL: none */
    size_t block_length;
    struct xftp_request_marks marks;
    enum request_outcome outcome;
    uint16_t version; /* of the answer */
    enum xftp_command_tag tag;
    uint8_t correlation_length, entity_length;
    uint8_t correlation[XFTP_ID_TEXT_MAX], entity[XFTP_ID_TEXT_MAX];
    struct file_id file;      /* the sender id of what it is about */
    uint32_t size;            /* of its chunk */
    struct file_id recipient; /* FACK */
    enum smq_result store_result;
    void *owned; /* of the command's work, freed with the request; no secrets */

    /* the disk lane's */
    struct xftp_error end_error; /* why an upload is given up; NONE: it is not */
    enum smq_result write_result;
    bool has_claim;                          /* of the quota */
    bool is_open;                            /* upload or download */
    void (*forget)(struct request *request); /* while it is: closes it when no disk lane is there any more */
    struct chunk_upload upload;
    struct chunk_download download;
    union {
        struct xftp_chunk_check check;           /* upload */
        struct xftp_chunk_encryption encryption; /* download; a secret */
    };
    struct public_key client_key; /* FGET */
    uint8_t digest_length;        /* FPUT: the one that FNEW gave */
    uint8_t digest[UINT8_MAX];
};

/* A new request, held once; `returned` is called on the receive lane when it comes back. NULL: out of memory. */
struct request *xftp_request_create(struct xftp_session *session, struct http_exchange *exchange,
                                    void (*returned)(struct connection_task *task));
void xftp_request_hold(struct request *request);
/* The last holder frees it, and releases its exchange: on the receive lane, or when that has stopped. */
void xftp_request_release(struct request *request);

/* A block to be read into or written to. SMQ_ERR_NO_MEMORY. */
enum smq_result request_need_block(struct request *request);
void request_drop_block(struct request *request);

/* Puts the answer into the block. Whoever has the request; it is then to be returned. */
void request_set_response(struct request *request, const struct xftp_response *response);
void request_set_error(struct request *request, struct xftp_error error);
/* A block that is no transmission, for the time before there is a session. */
void request_set_raw_error(struct request *request, enum xftp_error_code code);
/* An answer without a body. */
void request_set_empty(struct request *request);
/* The ids that the answer carries. SMQ_ERR_TOO_LARGE never: an id has at most 255 bytes. */
void request_set_ids(struct request *request, struct slice correlation, struct slice entity);

/* Back to the receive lane, which takes over the hold. Any thread. */
void request_return(struct request *request);
/* Puts the answer into the block, and returns the request. */
void request_answer(struct request *request, const struct xftp_response *response);
void request_answer_error(struct request *request, struct xftp_error error);
/* The same for a piece. */
void piece_return(struct piece *piece);

/* A piece that holds the request; `returned` is called on the receive lane when it comes back. NULL: out of memory. */
struct piece *piece_create(struct request *request, size_t capacity, void (*returned)(struct connection_task *task));
/* Lets the request go. */
void piece_destroy(struct piece **piece);

static inline struct request *request_of_change(struct change *change) {
    return (struct request *)(void *)((char *)change - offsetof(struct request, change));
}
