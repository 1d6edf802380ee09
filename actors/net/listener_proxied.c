/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections that a proxy brings (proxy_protocol.h): each waits here until its header is there, and is admitted then,
 * as the client's that the proxy speaks for. Nothing is taken from the socket but the header. A proxy is trusted, so
 * only listed addresses may be one; but it may be slow or broken, and costs no more than a socket for some seconds. */
#include "actors/net/listener_private.h"

#include "queues/base/clock.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "transport/net/proxy_protocol.h"
#include "transport/net/socket.h"

enum { HEADER_MS = 5000, WAITING_MAX = 4096 };

struct proxied {
    struct listening_subject subject;
    struct listener *listener;
    int descriptor;
    uint16_t awaited; /* bytes that the socket waits for; 0: any */
    struct net_address peer;
    struct ring place; /* in the role's, oldest first */
    struct wheel_timer timer;
};

/* Gives up the place; the descriptor is the caller's. The memory goes when no event can name it any more. */
static int take_descriptor(struct listener_role *role, struct proxied *proxied) {
    int descriptor = proxied->descriptor;
    poller_remove(role->poller, descriptor);
    wheel_cancel(actor_wheel(role->actor), &proxied->timer);
    ring_remove(&proxied->place);
    role->proxied_count--;
    proxied->descriptor = -1;
    ring_append(&role->proxied_ended, &proxied->place);
    return descriptor;
}

static void drop(struct listener_role *role, struct proxied *proxied) {
    int descriptor = take_descriptor(role, proxied);
    counter_add(&role->net->refused_proxied, 1);
    socket_close(&descriptor);
}

static void expire(struct wheel_timer *timer) {
    struct proxied *proxied = caa_container_of(timer, struct proxied, timer);
    drop(proxied->listener->net->listener_role, proxied);
}

static bool is_proxy(const struct listener *listener, const struct net_address *address) {
    for (size_t i = 0; i < listener->proxy_count; i++)
        if (net_address_range_has(&listener->proxies[i], address))
            return true;
    return false;
}

void listener_await_header(struct listener_role *role, struct listener *listener, int descriptor,
                           const struct net_address *address) {
    struct proxied *proxied = is_proxy(listener, address) ? memory_zalloc(sizeof *proxied) : NULL;
    if (proxied == NULL) {
        counter_add(&role->net->refused_proxied, 1);
        socket_close(&descriptor);
        return;
    }
    struct ring *oldest = ring_first(&role->proxied);
    if (role->proxied_count == WAITING_MAX && oldest != NULL)
        drop(role, caa_container_of(oldest, struct proxied, place));
    *proxied = (struct proxied){
        .subject.is_proxied = true,
        .listener = listener,
        .descriptor = descriptor,
        .peer = *address,
        .timer.fire = expire,
    };
    ring_append(&role->proxied, &proxied->place);
    role->proxied_count++;
    wheel_add(actor_wheel(role->actor), &proxied->timer, clock_monotonic_ms() + HEADER_MS);
    if (poller_add(role->poller, descriptor, POLL_READ, &proxied->subject) != SMQ_OK)
        drop(role, proxied);
}

/* The header is there: takes it off the socket. */
static void let_in(struct listener_role *role, struct proxied *proxied, const struct proxy_header *header) {
    uint8_t taken[PROXY_HEADER_MAX];
    size_t length = 0;
    struct listener *listener = proxied->listener;
    struct net_address peer = proxied->peer;
    if (socket_await_bytes(proxied->descriptor, 1) != SMQ_OK ||
        socket_receive(proxied->descriptor, taken, header->length, &length) != SMQ_OK || length != header->length) {
        drop(role, proxied);
        return;
    }
    int descriptor = take_descriptor(role, proxied);
    listener_admit(role, listener, descriptor, &peer, header->has_source ? &header->source : NULL);
}

void listener_look_for_header(struct listener_role *role, struct listening_subject *subject) {
    struct proxied *proxied = caa_container_of(subject, struct proxied, subject);
    uint8_t bytes[PROXY_HEADER_MAX];
    struct proxy_header header;
    size_t wanted = 0;
    if (proxied->descriptor < 0)
        return;
    size_t got = socket_peek(proxied->descriptor, bytes, sizeof bytes);
    enum smq_result result = got == 0 ? SMQ_ERR_SYNTAX : proxy_header_parse(slice_of(bytes, got), &header, &wanted);
    if (result == SMQ_OK) {
        let_in(role, proxied, &header);
        return;
    }
    /* What is reported with fewer bytes than were awaited is all that comes. */
    bool is_over = proxied->awaited != 0 && got < proxied->awaited;
    if (result != SMQ_ERR_AGAIN || is_over || socket_await_bytes(proxied->descriptor, (uint16_t)wanted) != SMQ_OK) {
        drop(role, proxied);
        return;
    }
    proxied->awaited = (uint16_t)wanted;
}

void listener_drop_proxied(struct listener_role *role, const struct listener *listener) {
    struct ring *place = ring_first(&role->proxied);
    while (place != NULL) {
        struct proxied *proxied = caa_container_of(place, struct proxied, place);
        place = ring_next(&role->proxied, place);
        if (proxied->listener == listener)
            drop(role, proxied);
    }
}

void listener_free_proxied(struct listener_role *role) {
    struct ring *place;
    while ((place = ring_first(&role->proxied_ended)) != NULL) {
        ring_remove(place);
        memory_free(caa_container_of(place, struct proxied, place));
    }
}
