/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NTF's versions and sizes in bytes, which the codecs and those who use them share (reference:
 * Notifications/Transport.hs). */
#pragma once

enum ntf_version {
    NTF_VERSION_MIN = 1,            /* one transmission a block, session id sent; what a client without ALPN speaks */
    NTF_VERSION_AUTH = 2,           /* session key, session id implied, several transmissions a block */
    NTF_VERSION_INVALID_REASON = 3, /* why a token is INVALID */
    NTF_VERSION_MAX = 3,
};

enum {
    NTF_DEFAULT_PORT = 443,
    NTF_BLOCK_SIZE = 512,
    NTF_BATCH_BYTES_MAX = 493, /* transmissions that share a block, each with its 2-byte length */
    NTF_BATCH_COUNT_MAX = 255,
    NTF_LONE_BYTES_MAX = 509,  /* a transmission alone in its block, with its 2-byte length */
    NTF_CODE_SIZE = 32,        /* registration code */
    NTF_CRON_MINUTES_MIN = 20, /* the shortest interval of periodic pushes that a router grants; 0 turns them off */
    NTF_ERROR_TEXT_MAX = 200,  /* what routers cut the free texts of errors to, so that they fit a block */
};
