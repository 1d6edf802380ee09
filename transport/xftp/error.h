/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP protocol errors: what follows `ERR `, and the content of the raw blocks that answer a failed handshake. One form
 * for the wire, logs and command lines; and JSON. Pure and re-entrant: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/block/command_error.h"
#include "transport/smp/blocking_info.h"

enum xftp_error_code {
    XFTP_ERROR_NONE,      /* never on the wire: writing it fails */
    XFTP_ERROR_BLOCK,     /* block, encoding, or size of an authorization */
    XFTP_ERROR_SESSION,   /* session id, or no session */
    XFTP_ERROR_HANDSHAKE, /* only as a raw block */
    XFTP_ERROR_COMMAND,   /* `command` says which */
    XFTP_ERROR_AUTH,
    XFTP_ERROR_BLOCKED, /* `blocked` says why */
    XFTP_ERROR_SIZE,    /* of a chunk: not allowed, or not what was sent */
    XFTP_ERROR_QUOTA,
    XFTP_ERROR_DIGEST,
    XFTP_ERROR_CRYPTO,    /* the tag of a download: told by clients to themselves */
    XFTP_ERROR_NO_FILE,   /* nothing uploaded yet, or no body where one must be */
    XFTP_ERROR_HAS_FILE,  /* a body where none may be */
    XFTP_ERROR_FILE_IO,   /* the router's disk */
    XFTP_ERROR_TIMEOUT,   /* an upload that took too long, or broke off */
    XFTP_ERROR_INTERNAL,  /* ids, ciphers or store of the router */
    XFTP_ERROR_DUPLICATE, /* read and written, sent by nobody */
};

struct xftp_error {
    enum xftp_error_code code;
    union {
        enum command_error command;       /* XFTP_ERROR_COMMAND */
        struct smp_blocking_info blocked; /* XFTP_ERROR_BLOCKED */
    };
};

/* Constructors. `xftp_error_of` is for the codes without detail. */
struct xftp_error xftp_error_of(enum xftp_error_code code);
struct xftp_error xftp_error_command(enum command_error command);
struct xftp_error xftp_error_blocked(struct smp_blocking_info info);

/* Fieldwise comparison. */
bool xftp_error_equal(const struct xftp_error *a, const struct xftp_error *b);

/* Reads one error; leaves the reader failed when the bytes are none. The caller checks for bytes left over. */
void xftp_error_read(struct reader *reader, struct xftp_error *error);
/* Writes the error as it is. Fails on XFTP_ERROR_NONE. */
void xftp_error_write(struct writer *writer, const struct xftp_error *error);
/* The error as a session of `version` may be told it: BLOCKED becomes AUTH below 3. */
struct xftp_error xftp_error_for_version(uint16_t version, const struct xftp_error *error);

/* The same text in `buffer`, up to the last word that fits, always terminated; returns `buffer`. `capacity` ≥ 1. */
const char *xftp_error_text(const struct xftp_error *error, char *buffer, size_t capacity);
/* {"type":"CMD","cmdErr":{"type":"SYNTAX"}}: as applications of the reference get it. Fails on XFTP_ERROR_NONE. */
void xftp_error_write_json(struct writer *writer, const struct xftp_error *error);
