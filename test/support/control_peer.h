/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A client of the control port. Failures fail the test (cmocka). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONTROL_PEER_DEADLINE_MS = 20000, CONTROL_TEXT_SIZE = 65536 };

struct control_peer {
    int descriptor;
    size_t length;
    char text[CONTROL_TEXT_SIZE]; /* what was received and not taken */
};

void control_peer_connect(struct control_peer *peer, uint16_t port);
void control_peer_close(struct control_peer *peer);
/* Sends as it is; false when the other side has closed. */
bool control_peer_send(struct control_peer *peer, const char *text);
bool control_peer_send_bytes(struct control_peer *peer, const void *bytes, size_t length);
/* Waits for a whole line, and takes it, without its end. False: the session was closed. */
bool control_peer_line(struct control_peer *peer, char *line, size_t size);
/* The line that comes next is this one. */
void control_peer_expect(struct control_peer *peer, const char *line);
/* Reads to the end of the session; the text is in the peer. */
void control_peer_drain(struct control_peer *peer);
/* Whether the session is closed by the other side within the deadline; what comes is dropped. */
bool control_peer_is_closed(struct control_peer *peer, int timeout_ms);

/* A whole session: lines are sent, with quit after them, and all that comes is read, but for the greeting. */
void control_peer_talk(struct control_peer *peer, uint16_t port, const char *lines);
