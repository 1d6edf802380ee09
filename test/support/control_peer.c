/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "test/support/control_peer.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

void control_peer_connect(struct control_peer *peer, uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(peer, 0, sizeof *peer);
    peer->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->descriptor >= 0);
    /* Little, so that who does not read is soon noticed. */
    static const int buffer = 4096;
    assert_int_equal(0, setsockopt(peer->descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer));
    assert_int_equal(0, connect(peer->descriptor, (struct sockaddr *)&address, sizeof address));
}

void control_peer_close(struct control_peer *peer) {
    if (peer->descriptor >= 0)
        (void)close(peer->descriptor);
    peer->descriptor = -1;
}

bool control_peer_send_bytes(struct control_peer *peer, const void *bytes, size_t length) {
    while (length > 0) {
        ssize_t count = send(peer->descriptor, bytes, length, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        bytes = (const char *)bytes + count;
        length -= (size_t)count;
    }
    return true;
}

bool control_peer_send(struct control_peer *peer, const char *text) {
    return control_peer_send_bytes(peer, text, strlen(text));
}

/* One read; 0: the end, -1: nothing came in time. */
static int read_some(struct control_peer *peer, int timeout_ms) {
    struct pollfd poller = {.fd = peer->descriptor, .events = POLLIN};
    if (poll(&poller, 1, timeout_ms) <= 0)
        return -1;
    assert_true(peer->length + 1 < sizeof peer->text);
    ssize_t count = recv(peer->descriptor, peer->text + peer->length, sizeof peer->text - 1 - peer->length, 0);
    if (count <= 0)
        return 0;
    peer->length += (size_t)count;
    peer->text[peer->length] = 0;
    return 1;
}

bool control_peer_line(struct control_peer *peer, char *line, size_t size) {
    char *end;
    while ((end = memchr(peer->text, '\n', peer->length)) == NULL) {
        int outcome = read_some(peer, CONTROL_PEER_DEADLINE_MS);
        assert_int_not_equal(-1, outcome);
        if (outcome == 0)
            return false;
    }
    size_t length = (size_t)(end - peer->text);
    assert_true(length < size);
    memcpy(line, peer->text, length);
    line[length] = 0;
    peer->length -= length + 1;
    memmove(peer->text, end + 1, peer->length + 1);
    return true;
}

void control_peer_expect(struct control_peer *peer, const char *line) {
    char got[4096];
    assert_true(control_peer_line(peer, got, sizeof got));
    assert_string_equal(line, got);
}

void control_peer_drain(struct control_peer *peer) {
    int outcome;
    while ((outcome = read_some(peer, CONTROL_PEER_DEADLINE_MS)) == 1)
        continue;
    assert_int_equal(0, outcome);
}

bool control_peer_is_closed(struct control_peer *peer, int timeout_ms) {
    int outcome;
    do {
        peer->length = 0;
        outcome = read_some(peer, timeout_ms);
    } while (outcome == 1);
    return outcome == 0;
}

void control_peer_talk(struct control_peer *peer, uint16_t port, const char *lines) {
    control_peer_connect(peer, port);
    control_peer_expect(peer, "SMP server control port");
    control_peer_expect(peer, "'help' for supported commands");
    assert_true(control_peer_send(peer, lines));
    assert_true(control_peer_send(peer, "quit\n"));
    control_peer_drain(peer);
    control_peer_close(peer);
}
