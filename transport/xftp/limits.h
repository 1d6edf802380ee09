/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* XFTP's versions, and its sizes in bytes (reference: FileTransfer/Transport.hs, Chunks.hs). */
#pragma once

#include <stdint.h>

/* Protocol versions, named by what they brought. The commands have one form in all of them. */
enum xftp_version {
    XFTP_VERSION_MIN = 1,     /* also that of a connection without a handshake */
    XFTP_VERSION_AUTH = 2,    /* the router's session key: authenticators of X25519 keys can be checked */
    XFTP_VERSION_BLOCKED = 3, /* ERR BLOCKED */
    XFTP_VERSION_MAX = 3,
};

enum {
    XFTP_BLOCK_SIZE = 16384,     /* head of every request and answer; the bytes of a chunk follow it unpadded */
    XFTP_CHALLENGE_SIZE = 32,    /* of a web client's hello */
    XFTP_ENTITY_ID_SIZE = 16,    /* what routers generate; any length up to 255 is accepted */
    XFTP_CHUNK_DIGEST_SIZE = 32, /* SHA-256 */
    XFTP_FILE_DIGEST_SIZE = 64,  /* SHA-512 */
    XFTP_RECIPIENTS_MAX = 255,   /* of one FNEW or FADD */
};
