/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One thread: the conversation with a client is blocking with a deadline, what follows is carried by a poll loop. */
#include "test/support/socks_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "queues/base/check.h"

enum { CONNECTIONS_MAX = 32, DEADLINE_S = 5 };

/* Two sockets whose bytes go to each other; `target` is -1 for clients that are only kept. */
struct relay {
    int client, target;
};

static bool read_exactly(int descriptor, uint8_t *bytes, size_t length) {
    return length == 0 || recv(descriptor, bytes, length, MSG_WAITALL) == (ssize_t)length;
}

static bool write_all(const struct socks_server *server, int descriptor, const uint8_t *bytes, size_t length) {
    size_t step = server->behaviour == SOCKS_BYTEWISE ? 1 : length;
    for (size_t i = 0; i < length; i += step)
        if (send(descriptor, bytes + i, step, MSG_NOSIGNAL) != (ssize_t)step)
            return false;
    return true;
}

static bool read_text(int descriptor, char text[256]) {
    uint8_t length;
    if (!read_exactly(descriptor, &length, 1) || !read_exactly(descriptor, (uint8_t *)text, length))
        return false;
    text[length] = 0;
    return true;
}

static bool take_greeting(const struct socks_server *server, int client, struct socks_request *request) {
    uint8_t greeting[3];
    if (!read_exactly(client, greeting, sizeof greeting) || greeting[0] != 5 || greeting[1] != 1)
        return false;
    request->method = greeting[2];
    uint8_t answer[2] = {5, request->method};
    if (server->behaviour == SOCKS_ENDS)
        return false;
    if (server->behaviour == SOCKS_REFUSES_METHOD)
        answer[1] = 0xff;
    if (server->behaviour == SOCKS_OTHER_METHOD)
        answer[1] = request->method == 0 ? 2 : 0;
    if (!write_all(server, client, answer, sizeof answer) || answer[1] != request->method)
        return false;
    if (request->method == 0)
        return true;
    uint8_t version;
    if (!read_exactly(client, &version, 1) || version != 1 || !read_text(client, request->user) ||
        !read_text(client, request->password))
        return false;
    uint8_t verdict[2] = {1, server->behaviour == SOCKS_REFUSES_LOGIN};
    return write_all(server, client, verdict, sizeof verdict) && verdict[1] == 0;
}

static bool take_request(int client, struct socks_request *request) {
    uint8_t head[4], address[16], port[2];
    if (!read_exactly(client, head, sizeof head) || head[0] != 5 || head[1] != 1 || head[2] != 0)
        return false;
    request->address_type = head[3];
    if (head[3] == 3) {
        if (!read_text(client, request->host))
            return false;
    } else {
        bool is_ipv4 = head[3] == 1;
        if (!read_exactly(client, address, is_ipv4 ? 4 : 16) ||
            inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address, request->host, sizeof request->host) == NULL)
            return false;
    }
    if (!read_exactly(client, port, sizeof port))
        return false;
    request->port = (uint16_t)(port[0] << 8 | port[1]);
    return true;
}

static int connect_to(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && connect(descriptor, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static bool answer_request(const struct socks_server *server, int client) {
    static const uint8_t with_address[] = {5, 0, 0, 1, 127, 0, 0, 1, 4, 210};
    static const uint8_t with_name[] = {5, 0, 0, 3, 7, 'e', 'x', 'i', 't', '.', 'n', 'o', 4, 210};
    static const uint8_t refusal[] = {5, 5, 0, 1, 0, 0, 0, 0, 0, 0};
    switch (server->behaviour) {
    case SOCKS_REFUSES_CONNECTION:
        return write_all(server, client, refusal, sizeof refusal) && false;
    case SOCKS_HALF:
    case SOCKS_ENDS_IN_ANSWER:
        return write_all(server, client, with_address, 6) && server->behaviour == SOCKS_HALF;
    case SOCKS_BYTEWISE:
        return write_all(server, client, with_name, sizeof with_name);
    default:
        return write_all(server, client, with_address, sizeof with_address);
    }
}

/* The whole conversation. False: the client is to be closed. */
static bool converse(struct socks_server *server, struct relay *relay) {
    struct socks_request request = {0};
    static const uint8_t garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    if (server->behaviour == SOCKS_SILENT)
        return true;
    if (server->behaviour == SOCKS_GARBAGE)
        return write_all(server, relay->client, garbage, sizeof garbage - 1);
    if (!take_greeting(server, relay->client, &request) || !take_request(relay->client, &request))
        return false;
    int number = atomic_load(&server->request_count);
    if (number < SOCKS_REQUESTS_MAX) {
        server->requests[number] = request;
        atomic_store(&server->request_count, number + 1);
    }
    if (!answer_request(server, relay->client))
        return false;
    if (server->behaviour != SOCKS_HALF)
        relay->target = connect_to(server->target_port);
    return server->behaviour == SOCKS_HALF || relay->target >= 0;
}

static void accept_one(struct socks_server *server, struct relay *relays, size_t *count) {
    struct timeval deadline = {.tv_sec = DEADLINE_S};
    struct relay relay = {.client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC), .target = -1};
    CHECK(relay.client >= 0 && *count < CONNECTIONS_MAX);
    CHECK(setsockopt(relay.client, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) == 0);
    int on = 1;
    CHECK(setsockopt(relay.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    atomic_fetch_add(&server->accepted, 1);
    if (converse(server, &relay))
        relays[(*count)++] = relay;
    else
        close(relay.client);
}

/* Carries what has come. False: one side has ended. */
static bool carry(int from, int to) {
    static uint8_t bytes[65536];
    ssize_t got = recv(from, bytes, sizeof bytes, 0);
    return got > 0 && (to < 0 || send(to, bytes, (size_t)got, MSG_NOSIGNAL) == got);
}

static void end_relay(struct relay *relay) {
    close(relay->client);
    if (relay->target >= 0)
        close(relay->target);
}

static void run(void *argument) {
    struct socks_server *server = argument;
    struct relay relays[CONNECTIONS_MAX];
    size_t count = 0;
    for (;;) {
        struct pollfd polled[2 + 2 * CONNECTIONS_MAX] = {{.fd = server->stop[0], .events = POLLIN},
                                                         {.fd = server->listener, .events = POLLIN}};
        for (size_t i = 0; i < count; i++) {
            polled[2 + 2 * i] = (struct pollfd){.fd = relays[i].client, .events = POLLIN};
            polled[3 + 2 * i] = (struct pollfd){.fd = relays[i].target, .events = POLLIN};
        }
        CHECK(poll(polled, 2 + 2 * count, -1) > 0);
        if (polled[0].revents != 0)
            break;
        for (size_t i = count; i-- > 0;) {
            if ((polled[2 + 2 * i].revents != 0 && !carry(relays[i].client, relays[i].target)) ||
                (polled[3 + 2 * i].revents != 0 && !carry(relays[i].target, relays[i].client))) {
                end_relay(&relays[i]);
                relays[i] = relays[--count];
            }
        }
        if (polled[1].revents != 0)
            accept_one(server, relays, &count);
    }
    for (size_t i = 0; i < count; i++)
        end_relay(&relays[i]);
}

void socks_server_start(struct socks_server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    atomic_init(&server->accepted, 0);
    atomic_init(&server->request_count, 0);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(server->listener >= 0);
    CHECK(bind(server->listener, (const struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(server->listener, CONNECTIONS_MAX) == 0);
    CHECK(getsockname(server->listener, (struct sockaddr *)&address, &length) == 0);
    server->port = ntohs(address.sin_port);
    CHECK(pipe(server->stop) == 0);
    CHECK(thread_create(&server->thread, "socks", run, server) == SMQ_OK);
}

void socks_server_stop(struct socks_server *server) {
    CHECK(write(server->stop[1], "x", 1) == 1);
    thread_join(&server->thread);
    close(server->stop[0]);
    close(server->stop[1]);
    close(server->listener);
}
