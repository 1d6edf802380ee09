/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a router makes of a request by the state of its connection's handshake: the table of section 2.3 of the
 * protocol's facts. Pure: any thread. */
#pragma once

#include <stdbool.h>

enum xftp_handshake_state {
    XFTP_HANDSHAKE_NONE,     /* nothing came yet */
    XFTP_HANDSHAKE_SENT,     /* the server handshake was sent */
    XFTP_HANDSHAKE_ACCEPTED, /* a client handshake was accepted: commands may come */
};

/* What is seen of a request before its body. The headers count only where the client sent a server name in TLS. */
struct xftp_request_marks {
    bool server_name;          /* a server name was sent, and the router has a certificate for the web */
    bool has_hello_header;     /* xftp-web-hello */
    bool has_handshake_header; /* xftp-handshake */
};

enum xftp_request_kind {
    XFTP_REQUEST_NO_SESSION, /* answer SESSION in a raw block; the state stays */
    XFTP_REQUEST_HELLO,      /* answer with a server handshake, of the session key that is there if one is; then SENT */
    XFTP_REQUEST_CLIENT_HANDSHAKE, /* when it is good, answer with an empty body; then ACCEPTED */
    XFTP_REQUEST_COMMAND,
};

enum xftp_request_kind xftp_request_kind(enum xftp_handshake_state state, struct xftp_request_marks marks);
