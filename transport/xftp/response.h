/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP responses: parsing and writing. Pure and re-entrant: any thread. Slices inside a parsed response point into the
 * parsed input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"
#include "transport/xftp/error.h"

enum xftp_response_tag { XFTP_SIDS, XFTP_RIDS, XFTP_FILE, XFTP_OK, XFTP_ERR, XFTP_PONG, XFTP_RESPONSE_COUNT };

/* A list of ids in its encoded form, already validated. */
struct xftp_id_list {
    uint8_t count;        /* 1..255 */
    struct slice encoded; /* `count` short strings */
};
/* Iteration: `for (struct reader r = reader_of(ids.encoded); xftp_id_list_next(&r, &id);)`. */
bool xftp_id_list_next(struct reader *reader, struct slice *id);

struct xftp_response {
    enum xftp_response_tag tag;
    union {
        struct {
            struct slice sender_id;
            struct xftp_id_list recipient_ids; /* in the order of the keys of FNEW */
        } ids;                                 /* SIDS */
        struct xftp_id_list recipient_ids;     /* RIDS */
        struct {
            struct public_key dh_key; /* the router's X25519 key, fresh for this answer */
            uint8_t nonce[BOX_NONCE_SIZE];
        } file;                  /* FILE: the chunk's bytes and their tag follow the block (chunk_cipher.h) */
        struct xftp_error error; /* ERR */
    };
};

const char *xftp_response_tag_text(enum xftp_response_tag tag);

/* Parses the response part of a transmission. SMQ_ERR_SYNTAX with `error` set to CMD UNKNOWN or CMD SYNTAX, as for
 * commands. */
enum smq_result xftp_response_parse(struct slice bytes, struct xftp_response *response, struct xftp_error *error);
/* Writes a response for a session of `version`, which matters to errors only (xftp_error_for_version). The writer fails
 * on values without a wire form. */
void xftp_response_write(uint16_t version, struct writer *writer, const struct xftp_response *response);

/* Client side: SMQ_ERR_PROTOCOL with `error` set to CMD HAS_AUTH (an entity where none may be) or CMD NO_ENTITY. */
enum smq_result xftp_response_check_entity(const struct xftp_response *response, bool has_entity,
                                           struct xftp_error *error);

/* Shorthands. */
struct xftp_response xftp_response_ok(void);
struct xftp_response xftp_response_error(struct xftp_error error);
