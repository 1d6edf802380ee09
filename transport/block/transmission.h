/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Transmissions: the form of every command, response and event of SMP, NTF and XFTP, and the bytes that
 * authorizations cover. Pure and re-entrant: any thread. Slices inside a parsed transmission point into the parsed
 * input.
 *
 * The form is that of a version of SMP (transport/wire/version.h). Layout: `ss` authorization; from version 16 on, and
 * only when the authorization is not empty, `?ss` service signature; in version 6 `ss` session id; `ss` correlation id;
 * `ss` entity id; command. Signed is `ss` session id ‖ `ss` correlation id ‖ `ss` entity id ‖ command, where the
 * session id counts even when it is not sent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"

/* What the form of a transmission depends on. A proxied transmission has its own: the forwarded version and the
 * session id of the connection between proxy and relay. */
struct transmission_form {
    uint16_t version;
    struct slice session_id; /* borrowed; at most 255 bytes */
};

/* Told apart by size alone. */
enum authorization_kind {
    AUTHORIZATION_NONE,
    AUTHORIZATION_ED25519,
    AUTHORIZATION_ED448,
    AUTHORIZATION_AUTHENTICATOR,
};

struct transmission {
    enum authorization_kind authorization_kind;
    bool has_service_signature;
    struct slice authorization;     /* empty, 64, 80 or 114 bytes */
    struct slice service_signature; /* 64 bytes when present */
    struct slice correlation_id;
    struct slice entity_id;
    struct slice command; /* or response */
    /* The wire's bytes that the authorization covers: in version 6 all, later all but the session id. */
    struct slice authorized;
};

enum transmission_fault {
    TRANSMISSION_GOOD,
    TRANSMISSION_MALFORMED,    /* also an authorization of an impossible size; the error BLOCK */
    TRANSMISSION_OTHER_SESSION /* version 6, another session id; the error SESSION */
};

/* Parses one transmission of a block. On SMQ_ERR_SYNTAX `fault` says why, and `transmission` holds only the correlation
 * id to answer with: empty when even that is unknown. */
enum smq_result transmission_parse(const struct transmission_form *form, struct slice bytes,
                                   struct transmission *transmission, enum transmission_fault *fault);

/* The bytes an authorization covers, in pieces: for hashes that take several. `fingerprint` (32 bytes) is the
 * certificate's of a service session for the entity's authorization of a command that carries a service signature;
 * otherwise an empty slice. */
enum { AUTHORIZED_PARTS = 4 };
struct authorized {
    /* Fingerprint, length and bytes of the session id, `authorized`; some may be empty. The service signature covers
     * the same without the fingerprint. */
    struct slice parts[AUTHORIZED_PARTS];
};
void authorized_parts(const struct transmission_form *form, struct slice fingerprint,
                      const struct transmission *transmission, struct authorized *parts);
size_t authorized_size(const struct authorized *parts);
/* The same bytes in one piece, for signatures that need them so: copied to `scratch`, or, when nothing must be
 * prepended, the wire's own. Empty when `capacity` is too small (AUTHORIZED_MAX always suffices for what came in a
 * block). */
enum { AUTHORIZED_MAX = 32 + 256 + 16384 };
struct slice authorized_contiguous(const struct authorized *parts, uint8_t *scratch, size_t capacity);

/* Writing. A draft is a transmission being written straight into a block: begin; then write the command or response
 * with the same writer; then end, which fills in the length and tells which bytes to sign; then put the signatures
 * where the draft points. */
struct transmission_draft {
    uint8_t *start;             /* the 2-byte length */
    uint8_t *authorization;     /* `authorization_length` bytes to be filled after transmission_end; NULL when 0 */
    uint8_t *service_signature; /* 64 bytes to be filled; NULL when none */
    uint8_t *authorized;        /* first byte on the wire that is signed */
};
/* `authorization_length`: 0, 64, 80 or 114. `service_signature` is ignored below version 16 and without
 * authorization. */
void transmission_begin(const struct transmission_form *form, struct writer *writer, size_t authorization_length,
                        bool service_signature, struct slice correlation_id, struct slice entity_id,
                        struct transmission_draft *draft);
/* Fills in the length. On failure (SMQ_ERR_TOO_LARGE: something did not fit) the writer is put back to before the
 * draft and is usable again. `authorized` (may be NULL when nothing is signed) receives what authorized_parts
 * gives. */
enum smq_result transmission_end(const struct transmission_form *form, struct writer *writer,
                                 const struct transmission_draft *draft, struct slice fingerprint,
                                 struct authorized *authorized);

/* Encoded size of a transmission with its 2-byte length: what batching counts. */
size_t transmission_size(const struct transmission_form *form, size_t authorization_length, bool service_signature,
                         size_t correlation_id_length, size_t entity_id_length, size_t command_length);
