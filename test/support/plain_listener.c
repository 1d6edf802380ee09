/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A TCP listener that speaks no TLS. */
#include "test/support/plain_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queues/base/check.h"

/* Until the socket is shut down. */
static void serve(void *argument) {
    struct plain_listener *listener = argument;
    for (;;) {
        int client = accept4(listener->descriptor, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            return;
        atomic_fetch_add(&listener->accepted, 1);
        if (listener->greeting != NULL) {
            (void)send(client, listener->greeting, strlen(listener->greeting), MSG_NOSIGNAL);
            close(client);
            continue;
        }
        if (listener->held_count < PLAIN_LISTENER_HELD_MAX)
            listener->held[listener->held_count++] = client;
        else
            close(client);
    }
}

void plain_listener_start(struct plain_listener *listener, const char *greeting) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    memset(listener, 0, sizeof *listener);
    listener->greeting = greeting;
    listener->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listener->descriptor >= 0);
    CHECK(bind(listener->descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener->descriptor, 128) == 0);
    CHECK(getsockname(listener->descriptor, (struct sockaddr *)&address, &length) == 0);
    listener->port = ntohs(address.sin_port);
    CHECK(thread_create(&listener->thread, "plain", serve, listener) == SMQ_OK);
}

void plain_listener_stop(struct plain_listener *listener) {
    (void)shutdown(listener->descriptor, SHUT_RDWR);
    thread_join(&listener->thread);
    close(listener->descriptor);
    while (listener->held_count > 0)
        close(listener->held[--listener->held_count]);
}

unsigned plain_listener_accepted(const struct plain_listener *listener) {
    return atomic_load(&listener->accepted);
}
