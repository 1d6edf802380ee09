/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Steps of TLS with poll between them. */
#include "test/support/net_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/check.h"
#include "queues/base/clock.h"

enum { LIMIT_MS = 10000 };

void net_peer_connect(struct net_peer *peer, uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *peer = (struct net_peer){.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK(peer->descriptor >= 0);
    CHECK(connect(peer->descriptor, (const struct sockaddr *)&address, sizeof address) == 0);
    CHECK(fcntl(peer->descriptor, F_SETFL, O_NONBLOCK) == 0);
    CHECK(setsockopt(peer->descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0);
}

/* Whether the socket became ready before `deadline_ms`. */
static bool await_socket(const struct net_peer *peer, enum tls_want want, uint64_t deadline_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= deadline_ms)
        return false;
    struct pollfd entry = {.fd = peer->descriptor, .events = want == TLS_WANT_READ ? POLLIN : POLLOUT};
    return poll(&entry, 1, (int)(deadline_ms - now_ms)) > 0;
}

static enum smq_result shake_hands(struct net_peer *peer) {
    uint64_t deadline_ms = clock_monotonic_ms() + LIMIT_MS;
    for (;;) {
        enum tls_want want = TLS_WANT_READ;
        enum smq_result result = tls_handshake(peer->tls, &want);
        if (result != SMQ_ERR_AGAIN)
            return result;
        if (!await_socket(peer, want, deadline_ms))
            return SMQ_ERR_TIMEOUT;
    }
}

enum smq_result net_peer_handshake(struct net_peer *peer, const struct tls_context *context, const char *alpn,
                                   const uint8_t key_hash[FINGERPRINT_SIZE]) {
    CHECK(tls_create_client(context, peer->descriptor, alpn, key_hash, &peer->tls) == SMQ_OK);
    return shake_hands(peer);
}

enum smq_result net_peer_web_handshake(struct net_peer *peer, const struct tls_context *context, const char *alpn,
                                       const char *name) {
    CHECK(tls_create_web_client(context, peer->descriptor, alpn, name, &peer->tls) == SMQ_OK);
    return shake_hands(peer);
}

/* A socket may take a part; TLS takes all, or nothing. */
static enum smq_result write_some(const struct net_peer *peer, const uint8_t *bytes, size_t length, size_t *written,
                                  enum tls_want *want) {
    *written = length;
    if (peer->tls != NULL)
        return tls_write(peer->tls, bytes, length, false, want);
    ssize_t sent = send(peer->descriptor, bytes, length, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN ? SMQ_ERR_AGAIN : SMQ_ERR_NETWORK;
    *written = (size_t)sent;
    return SMQ_OK;
}

static enum smq_result read_some(const struct net_peer *peer, uint8_t *bytes, size_t size, size_t *got,
                                 enum tls_want *want) {
    bool more = false;
    if (peer->tls != NULL)
        return tls_read(peer->tls, bytes, size, got, &more, want);
    ssize_t received = recv(peer->descriptor, bytes, size, 0);
    if (received < 0)
        return errno == EAGAIN ? SMQ_ERR_AGAIN : SMQ_ERR_NETWORK;
    *got = (size_t)received;
    return received == 0 ? SMQ_ERR_CLOSED : SMQ_OK;
}

bool net_peer_write(struct net_peer *peer, const uint8_t *bytes, size_t length, size_t record) {
    uint64_t deadline_ms = clock_monotonic_ms() + LIMIT_MS;
    while (length > 0) {
        enum tls_want want = TLS_WANT_WRITE;
        size_t part = length < record ? length : record;
        size_t written = 0;
        enum smq_result result = write_some(peer, bytes, part, &written, &want);
        if (result == SMQ_OK) {
            bytes += written;
            length -= written;
        } else if (result != SMQ_ERR_AGAIN || !await_socket(peer, want, deadline_ms)) {
            return false;
        }
    }
    return true;
}

enum smq_result net_peer_read(struct net_peer *peer, uint8_t *bytes, size_t length, int timeout_ms) {
    uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (length > 0) {
        enum tls_want want = TLS_WANT_READ;
        size_t got = 0;
        enum smq_result result = read_some(peer, bytes, length, &got, &want);
        if (result == SMQ_OK) {
            bytes += got;
            length -= got;
        } else if (result != SMQ_ERR_AGAIN) {
            return result;
        } else if (!await_socket(peer, want, deadline_ms)) {
            return SMQ_ERR_TIMEOUT;
        }
    }
    return SMQ_OK;
}

size_t net_peer_read_all(struct net_peer *peer, uint8_t *bytes, size_t size, int timeout_ms) {
    uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)timeout_ms;
    size_t length = 0;
    while (length < size) {
        enum tls_want want = TLS_WANT_READ;
        size_t got = 0;
        enum smq_result result = read_some(peer, bytes + length, size - length, &got, &want);
        if (result == SMQ_OK)
            length += got;
        else if (result != SMQ_ERR_AGAIN || !await_socket(peer, want, deadline_ms))
            break;
    }
    return length;
}

bool net_peer_sees_end(struct net_peer *peer, int timeout_ms) {
    uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)timeout_ms;
    uint8_t dropped[4096];
    for (;;) {
        ssize_t got = recv(peer->descriptor, dropped, sizeof dropped, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return true;
        if (got < 0 && !await_socket(peer, TLS_WANT_READ, deadline_ms))
            return false;
    }
}

void net_peer_close(struct net_peer *peer) {
    tls_destroy(&peer->tls);
    if (peer->descriptor >= 0)
        close(peer->descriptor);
    peer->descriptor = -1;
}
