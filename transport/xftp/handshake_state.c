/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a router makes of a request by the state of its connection's handshake. */
#include "transport/xftp/handshake_state.h"

enum xftp_request_kind xftp_request_kind(enum xftp_handshake_state state, struct xftp_request_marks marks) {
    bool hello = marks.server_name && marks.has_hello_header;
    bool handshake = marks.server_name && marks.has_handshake_header;
    switch (state) {
    case XFTP_HANDSHAKE_NONE:
        return marks.server_name && !hello ? XFTP_REQUEST_NO_SESSION : XFTP_REQUEST_HELLO;
    case XFTP_HANDSHAKE_SENT:
        return hello ? XFTP_REQUEST_HELLO : XFTP_REQUEST_CLIENT_HANDSHAKE;
    case XFTP_HANDSHAKE_ACCEPTED:
        break;
    }
    if (hello)
        return XFTP_REQUEST_HELLO;
    return handshake ? XFTP_REQUEST_CLIENT_HANDSHAKE : XFTP_REQUEST_COMMAND;
}
