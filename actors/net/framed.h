/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections whose blocks lie in a framing (transport/net/framing.h): input goes through the framing's state, and
 * output is put together from its headers, blocks, and replies of the framing itself. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/net/connection_private.h"
#include "transport/net/framing.h"

/* Bytes that the framing wants sent. On its way from the receive lane it holds a reference to the connection. */
struct framed_reply {
    struct message message; /* NET_REPLY, to the send lane */
    struct connection *connection;
    struct framed_reply *next;
    size_t length;
    uint8_t bytes[];
};

enum { FRAMED_REPLIES_MAX = 64 }; /* unsent ones; a peer that asks for more without reading is given up */

struct framed {
    const struct framing *framing;
    _Atomic uint32_t unsent_replies;
    /* receive lane */
    void *state;
    /* send lane */
    struct framed_reply *replies;
    struct framed_reply **replies_end;
    size_t length; /* of what is being written */
    size_t sent;
    bool is_block; /* what is being written is a block, no reply */
    uint8_t bytes[FRAMING_HEADER_MAX + BLOCK_SIZE];
};

enum smq_result framed_create(const struct framing *framing, struct framed **framed);
void framed_destroy(struct framed **framed);

/* Send lane. Takes a reply that came as a message over; its reference to the connection stays the caller's. */
void framed_add_reply(struct framed *framed, struct framed_reply *reply);
bool framed_has_replies(const struct framed *framed);
/* Makes the oldest reply what is to be written; false: there is none. */
bool framed_take_reply(struct framed *framed);
/* Makes `block` what is to be written. */
void framed_take_block(struct framed *framed, const uint8_t *block, size_t size);
/* Hands on to TLS what is to be written; `more` and results as those of tls_write. */
enum smq_result framed_write(struct framed *framed, struct tls *tls, bool more, enum tls_want *want);
