/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Framing: what lies between the bytes of a TLS session and the blocks of a protocol, where blocks do not simply follow
 * each other. Codecs without I/O. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"

enum { FRAMING_HEADER_MAX = 14 };

/* What a framing tells about the bytes that have come; the hooks are called during `receive`. What a hook returns other
 * than SMQ_OK ends `receive` with that result. */
struct framing_sink {
    enum smq_result (*opened)(struct framing_sink *sink);                      /* once, before everything but `reply` */
    enum smq_result (*payload)(struct framing_sink *sink, struct slice bytes); /* of the message under way */
    enum smq_result (*message_end)(struct framing_sink *sink);
    enum smq_result (*reply)(struct framing_sink *sink, struct slice bytes); /* to be sent to the peer, as they are */
};

/* One side of one kind of framing. The state belongs to one connection; it is not thread-safe. */
struct framing {
    const char *name;
    /* SMQ_ERR_NO_MEMORY. NULL: this program has no such framing (contrib/static). */
    enum smq_result (*create)(void **state);
    void (*destroy)(void **state);
    /* Takes all of `bytes`. SMQ_ERR_CLOSED: the peer ended the framing in order; SMQ_ERR_PROTOCOL: it broke its rules;
     * nothing may be given after either, but replies, which were told before, are still worth sending. */
    enum smq_result (*receive)(void *state, struct slice bytes, struct framing_sink *sink);
    /* Writes what precedes a message of `length` bytes; returns its size. Independent of any state. */
    size_t (*header)(size_t length, uint8_t header[FRAMING_HEADER_MAX]);
};
