/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sessions of the control port: bytes in, lines carried out one at a time, answers out. While an answer is on its way
 * the session is not read, so that what a peer can make it hold is one line and one answer. */
#include <string.h>

#include "actors/router/operator/control_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"
#include "transport/net/socket.h"

enum { LINES_A_TURN = 64 };

static void set_patience(struct control_session *session, uint32_t ms) {
    wheel_add(actor_wheel(session->control->actor), &session->patience, clock_monotonic_ms() + ms);
}

static void await_lines(struct control_session *session) {
    const struct control *control = session->control;
    set_patience(session, session->role == CONTROL_NONE ? control->stranger_ms : control->idle_ms);
}

static void run_out(struct wheel_timer *timer) {
    control_session_close(
        (struct control_session *)(void *)((char *)timer - offsetof(struct control_session, patience)));
}

static bool has_output(const struct control_session *session) {
    return session->sent < session->output.length;
}

/* Closes; what is under way finds nobody. */
void control_session_close(struct control_session *session) {
    struct control *control = session->control;
    wheel_cancel(actor_wheel(control->actor), &session->patience);
    wheel_cancel(actor_wheel(control->actor), &session->again);
    poller_remove(control->poller, session->descriptor);
    socket_close(&session->descriptor);
    ring_remove(&session->place);
    control->session_count--;
    if (session->request != NULL)
        session->request->session = NULL;
    text_free(&session->output);
    secret_wipe(session->input, sizeof session->input);
    memory_free(session);
}

static void watch(struct control_session *session) {
    bool may_read = !session->is_ending && session->request == NULL && !has_output(session) && !session->is_put_off;
    unsigned interest = (may_read ? POLL_READ : POLL_NOTHING) | (has_output(session) ? POLL_WRITE : POLL_NOTHING);
    if (interest == session->interest)
        return;
    if ((interest & ~session->interest & POLL_WRITE) != 0)
        set_patience(session, session->control->unread_ms);
    session->interest = interest;
    (void)poller_change(session->control->poller, session->descriptor, interest, session);
}

/* Sends what the socket takes. False: the session was closed. */
static bool send_some(struct control_session *session) {
    while (has_output(session)) {
        size_t count = 0;
        enum smq_result result =
            socket_send(session->descriptor, (const uint8_t *)session->output.bytes + session->sent,
                        session->output.length - session->sent, &count);
        if (result == SMQ_ERR_AGAIN)
            return true;
        if (result != SMQ_OK) {
            control_session_close(session);
            return false;
        }
        session->sent += count;
        set_patience(session, session->control->unread_ms);
    }
    text_clear(&session->output);
    session->sent = 0;
    await_lines(session);
    if (!session->is_ending)
        return true;
    socket_end_sending(session->descriptor);
    control_session_close(session);
    return false;
}

/* Carries out the first line of the input, when there is a whole one. False: there is none, or it has to wait. */
static bool take_line(struct control_session *session) {
    const char *end = memchr(session->input, '\n', session->filled);
    if (end == NULL) {
        if (session->filled < sizeof session->input)
            return false;
        text_add(&session->output, "error: a line is longer than %d bytes\n", CONTROL_LINE_MAX - 1);
        session->is_ending = true;
        return true;
    }
    size_t taken = (size_t)(end - session->input) + 1;
    size_t length = taken - 1;
    if (length > 0 && session->input[length - 1] == '\r')
        length--;
    if (!control_line_run(session, slice_of(session->input, length)))
        return false;
    memmove(session->input, session->input + taken, session->filled - taken);
    session->filled -= taken;
    return true;
}

/* Lines, as long as each is answered at once and the peer reads. */
static void go_on(struct control_session *session) {
    for (int lines = 0; lines < LINES_A_TURN; lines++) {
        if (!send_some(session))
            return;
        if (session->request != NULL || has_output(session) || session->is_put_off || !take_line(session))
            break;
        if (session->output.has_failed)
            session->is_ending = true;
    }
    if (!send_some(session))
        return;
    if (memchr(session->input, '\n', session->filled) != NULL && session->request == NULL && !session->is_put_off &&
        !has_output(session))
        wheel_add(actor_wheel(session->control->actor), &session->again, 0); /* others get their turn */
    watch(session);
}

static void try_again(struct wheel_timer *timer) {
    struct control_session *session =
        (struct control_session *)(void *)((char *)timer - offsetof(struct control_session, again));
    session->is_put_off = false;
    go_on(session);
}

static void read_some(struct control_session *session) {
    size_t count = 0;
    enum smq_result result = SMQ_ERR_AGAIN;
    if (session->filled < sizeof session->input)
        result = socket_receive(session->descriptor, (uint8_t *)session->input + session->filled,
                                sizeof session->input - session->filled, &count);
    if (result == SMQ_OK) {
        session->filled += count;
        await_lines(session);
    } else if (result != SMQ_ERR_AGAIN) {
        control_session_close(session);
        return;
    }
    go_on(session);
}

void control_session_ready(struct control_session *session, unsigned events) {
    if ((events & session->interest & POLL_READ) != 0)
        read_some(session);
    else if ((events & POLL_FAILED) != 0)
        control_session_close(session);
    else
        go_on(session);
}

void control_session_answered(struct control_request *request) {
    struct control_session *session = request->session;
    if (session != NULL) {
        session->request = NULL;
        text_add_slice(&session->output, slice_of(request->answer.bytes, request->answer.length));
        if (text_result(&request->answer) != SMQ_OK || session->output.has_failed)
            session->is_ending = true; /* rather than half an answer */
    }
    control_request_destroy(request);
    if (session != NULL)
        go_on(session);
}

/* When all places are taken: whoever has no role, the oldest first, gives way. */
static bool make_place(struct control *control) {
    if (control->session_count < CONTROL_SESSIONS_MAX)
        return true;
    struct ring *place = ring_first(&control->sessions);
    for (; place != NULL; place = ring_next(&control->sessions, place)) {
        struct control_session *session =
            (struct control_session *)(void *)((char *)place - offsetof(struct control_session, place));
        if (session->role == CONTROL_NONE) {
            control_session_close(session);
            return true;
        }
    }
    return false;
}

void control_session_open(struct control *control, int descriptor) {
    static const char full[] = "error: too many sessions\n";
    struct control_session *session = NULL;
    size_t sent;
    if (!make_place(control))
        (void)socket_send(descriptor, (const uint8_t *)full, sizeof full - 1, &sent);
    else
        session = memory_zalloc(sizeof *session);
    if (session == NULL || poller_add(control->poller, descriptor, POLL_READ, session) != SMQ_OK) {
        memory_free(session);
        socket_close(&descriptor);
        return;
    }
    session->control = control;
    session->descriptor = descriptor;
    session->interest = POLL_READ;
    session->patience.fire = run_out;
    session->again.fire = try_again;
    ring_append(&control->sessions, &session->place);
    control->session_count++;
    text_add(&session->output, "%s server control port\n'help' for supported commands\n", control->protocol);
    go_on(session);
}
