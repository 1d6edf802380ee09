/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Stands for transport/net/websocket.c in programs of one file, since Debian has no wslay to link them with. A port for
 * WebSockets is refused at the start. */
#include "transport/net/websocket.h"

const struct framing websocket_framing = {.name = "WebSockets"};
