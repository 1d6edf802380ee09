/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Inside the control port: the role, its sessions and their lines. Its thread only, but for control_done. */
#pragma once

#include "actors/router/operator/control.h"
#include "queues/ring.h"
#include "queues/wheel.h"
#include "transport/net/poller.h"

enum { CONTROL_PASSWORD_MAX = 256 };

struct control_session {
    struct ring place; /* of the control port's sessions, oldest first */
    struct control *control;
    int descriptor;
    enum control_role role;
    unsigned wrong_passwords;
    bool is_ending;                  /* nothing is read any more; closed when all is sent */
    bool is_put_off;                 /* the next line is a password whose time has not come */
    unsigned interest;               /* enum poll_events */
    struct control_request *request; /* under way; NULL: none */
    struct wheel_timer patience;     /* fires when the peer was idle, or did not read, for too long */
    struct wheel_timer again;        /* fires when a password that was put off may be looked at */
    struct text_buffer output;
    size_t sent; /* of it */
    size_t filled;
    char input[CONTROL_LINE_MAX];
};

struct control_password {
    size_t length; /* 0: none, which nothing matches */
    uint8_t bytes[CONTROL_PASSWORD_MAX];
};

struct control {
    const char *protocol;
    struct control_table table;
    struct control_password passwords[CONTROL_ADMIN + 1]; /* by role */
    struct actor *actor;
    struct poller *poller;
    int listener;
    uint16_t port;
    struct ring sessions;
    unsigned session_count;
    uint32_t stranger_ms, idle_ms, unread_ms; /* see control_options */
    uint64_t next_password_ms;                /* before that no password is looked at: a wrong one was shown */
};

/* control_session.c */
/* Takes the descriptor over. */
void control_session_open(struct control *control, int descriptor);
/* What the poller has reported. */
void control_session_ready(struct control_session *session, unsigned events);
/* The request has come back with its answer. */
void control_session_answered(struct control_request *request);
void control_session_close(struct control_session *session);

/* control_line.c: carries the line out. It writes to the session's output, or leaves a request under way. False: it is
 * a password that has to wait, and nothing was done. */
bool control_line_run(struct control_session *session, struct slice line);
