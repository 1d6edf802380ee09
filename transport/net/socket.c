/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TCP sockets with the options that the reference sets. */
#include "transport/net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "queues/base/descriptor.h"
#include "queues/base/fault.h"

enum {
    KEEP_ALIVE_IDLE_S = 30,
    KEEP_ALIVE_INTERVAL_S = 15,
    KEEP_ALIVE_PROBES = 4,
    DRAIN_CHUNK = 4096,
    DRAIN_CHUNKS = 256,
};

static bool set_option(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

/* Closes, keeping errno. */
static enum smq_result fail(int descriptor, enum smq_result result) {
    int saved = errno;
    if (descriptor >= 0)
        close(descriptor);
    errno = saved;
    return result;
}

enum smq_result socket_listen(const struct net_address *address, bool dual_stack, int *descriptor) {
    int family = address->storage.ss_family;
    int made = descriptor_above_standard(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (made < 0 || !set_option(made, SOL_SOCKET, SO_REUSEADDR, 1) ||
        (family == AF_INET6 && !set_option(made, IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1)) ||
        bind(made, (const struct sockaddr *)&address->storage, address->length) != 0 ||
        listen(made, SOCKET_BACKLOG) != 0)
        return fail(made, SMQ_ERR_SYSTEM);
    *descriptor = made;
    return SMQ_OK;
}

enum smq_result socket_local_address(int descriptor, struct net_address *address) {
    address->length = sizeof address->storage;
    return getsockname(descriptor, (struct sockaddr *)&address->storage, &address->length) == 0 ? SMQ_OK
                                                                                                : SMQ_ERR_SYSTEM;
}

enum smq_result socket_peer_address(int descriptor, struct net_address *address) {
    address->length = sizeof address->storage;
    return getpeername(descriptor, (struct sockaddr *)&address->storage, &address->length) == 0 ? SMQ_OK
                                                                                                : SMQ_ERR_SYSTEM;
}

static enum smq_result accept_result(int error) {
    switch (error) {
    case EAGAIN:
        return SMQ_ERR_EMPTY;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return SMQ_ERR_NO_CREDIT;
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
        return SMQ_ERR_AGAIN;
    default:
        return SMQ_ERR_SYSTEM;
    }
}

static int chosen(uint16_t value, int by_default) {
    return value == 0 ? by_default : value;
}

static bool set_keep_alive(int descriptor, const struct keep_alive *keep_alive) {
    return set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, chosen(keep_alive->idle_s, KEEP_ALIVE_IDLE_S)) &&
           set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, chosen(keep_alive->interval_s, KEEP_ALIVE_INTERVAL_S)) &&
           set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, chosen(keep_alive->probes, KEEP_ALIVE_PROBES)) &&
           set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, keep_alive->user_timeout_s * 1000);
}

enum smq_result socket_accept(int listener, const struct keep_alive *keep_alive, int *descriptor,
                              struct net_address *address) {
    if (FAULT(socket_accept)) {
        errno = EMFILE;
        return accept_result(errno);
    }
    address->length = sizeof address->storage;
    int accepted = descriptor_above_standard(
        accept4(listener, (struct sockaddr *)&address->storage, &address->length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted < 0)
        return accept_result(errno);
    if (!set_option(accepted, IPPROTO_TCP, TCP_NODELAY, 1) ||
        (keep_alive != NULL && !set_keep_alive(accepted, keep_alive)))
        return fail(accepted, SMQ_ERR_AGAIN);
    *descriptor = accepted;
    return SMQ_OK;
}

enum smq_result socket_connect(const struct net_address *address, const struct keep_alive *keep_alive,
                               int *descriptor) {
    int made =
        descriptor_above_standard(socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (made < 0)
        return errno == EMFILE || errno == ENFILE ? SMQ_ERR_NO_CREDIT : SMQ_ERR_NETWORK;
    if (!set_option(made, IPPROTO_TCP, TCP_NODELAY, 1) || (keep_alive != NULL && !set_keep_alive(made, keep_alive)))
        return fail(made, SMQ_ERR_NETWORK);
    if (connect(made, (const struct sockaddr *)&address->storage, address->length) != 0 && errno != EINPROGRESS &&
        errno != EINTR)
        return fail(made, SMQ_ERR_NETWORK);
    *descriptor = made;
    return SMQ_OK;
}

enum smq_result socket_connect_result(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return SMQ_ERR_NETWORK;
    errno = error;
    return error == 0 ? SMQ_OK : SMQ_ERR_NETWORK;
}

static enum smq_result step_result(ssize_t moved, size_t *length) {
    if (moved > 0) {
        *length = (size_t)moved;
        return SMQ_OK;
    }
    if (moved == 0)
        return SMQ_ERR_CLOSED;
    return errno == EAGAIN || errno == EINTR ? SMQ_ERR_AGAIN : SMQ_ERR_NETWORK;
}

enum smq_result socket_receive(int descriptor, uint8_t *bytes, size_t size, size_t *length) {
    return step_result(recv(descriptor, bytes, size, 0), length);
}

enum smq_result socket_send(int descriptor, const uint8_t *bytes, size_t size, size_t *length) {
    return step_result(send(descriptor, bytes, size, MSG_NOSIGNAL), length);
}

size_t socket_peek(int descriptor, uint8_t *bytes, size_t size) {
    ssize_t got = recv(descriptor, bytes, size, MSG_PEEK);
    return got > 0 ? (size_t)got : 0;
}

size_t socket_arrived(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) == 0 && count > 0 ? (size_t)count : 0;
}

enum smq_result socket_await_bytes(int descriptor, uint16_t count) {
    return set_option(descriptor, SOL_SOCKET, SO_RCVLOWAT, count) ? SMQ_OK : SMQ_ERR_SYSTEM;
}

/* Setting the option pushes, even where it is set. */
void socket_push(int descriptor) {
    (void)set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
}

void socket_end_sending(int descriptor) {
    (void)shutdown(descriptor, SHUT_WR);
}

enum smq_result socket_drain(int descriptor) {
    uint8_t chunk[DRAIN_CHUNK];
    for (int i = 0; i < DRAIN_CHUNKS; i++) {
        ssize_t got = recv(descriptor, chunk, sizeof chunk, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return SMQ_ERR_CLOSED;
        if (got < 0 && errno == EAGAIN)
            break;
    }
    return SMQ_OK;
}

void socket_close(int *descriptor) {
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}
