/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* WebSockets, the server's side (RFC 6455; reference: Transport/WebSockets.hs): the upgrade from HTTP, then binary
 * messages in frames of at most 16,384 bytes, without extensions. The frames are wslay's business. */
#pragma once

#include "transport/net/framing.h"

enum {
    WEBSOCKET_FRAME_MAX = 16384,   /* bytes of payload in a data frame */
    WEBSOCKET_MESSAGE_MAX = 65536, /* in a message, whatever its number of frames */
    WEBSOCKET_HEAD_MAX = 4096,     /* of the request */
    WEBSOCKET_ANSWER_MAX = 256,    /* bytes of our answer to it */
};

/* Pings are answered; a close frame is answered and ends with SMQ_ERR_CLOSED. Text messages, unmasked frames and what
 * exceeds the limits are answered with a close frame and end with SMQ_ERR_PROTOCOL; so do requests that are not
 * acceptable, which get an HTTP error. */
extern const struct framing websocket_framing;

/* Judges the head of a request (all bytes up to and including the empty line) and writes the answer, in any case.
 * Acceptable is only a GET of `/` with HTTP/1.1 and one Host field, that asks for version 13 of WebSockets with a key
 * of 16 bytes, and has no body. SMQ_ERR_PROTOCOL: it is not. */
enum smq_result websocket_upgrade(struct slice head, uint8_t answer[WEBSOCKET_ANSWER_MAX], size_t *length);
