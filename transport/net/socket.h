/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TCP sockets: non-blocking, close-on-exec, TCP_NODELAY. All: any thread, none blocks; errno says why on
 * SMQ_ERR_SYSTEM. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/net/address.h"
#include "transport/net/keep_alive.h"

enum { SOCKET_BACKLOG = 4096 };

/* Binds and listens, with SO_REUSEADDR. `dual_stack`: an IPv6 socket takes IPv4, too. SMQ_ERR_SYSTEM. */
enum smq_result socket_listen(const struct net_address *address, bool dual_stack, int *descriptor);
/* The address that a socket is bound to. SMQ_ERR_SYSTEM. */
enum smq_result socket_local_address(int descriptor, struct net_address *address);
/* The address of the other side. SMQ_ERR_SYSTEM: there is none any more. */
enum smq_result socket_peer_address(int descriptor, struct net_address *address);

/* Accepts one connection, from `address`. `keep_alive` NULL: off. SMQ_ERR_EMPTY: nobody waits.
 * SMQ_ERR_AGAIN: this one failed on its way, try the next.
 * SMQ_ERR_NO_CREDIT: out of descriptors or memory, wait a while. SMQ_ERR_SYSTEM: the listening socket is broken. */
enum smq_result socket_accept(int listener, const struct keep_alive *keep_alive, int *descriptor,
                              struct net_address *address);

/* Starts connecting. `keep_alive` NULL: off. SMQ_OK: wait until the socket is writable, then ask
 * socket_connect_result. SMQ_ERR_NO_CREDIT: out of descriptors; SMQ_ERR_NETWORK: refused at once. */
enum smq_result socket_connect(const struct net_address *address, const struct keep_alive *keep_alive, int *descriptor);
/* SMQ_OK: connected; SMQ_ERR_NETWORK (errno). */
enum smq_result socket_connect_result(int descriptor);

/* One step each, for the few bytes before TLS. SMQ_OK: `*length` > 0 bytes; SMQ_ERR_AGAIN: wait for readiness;
 * SMQ_ERR_CLOSED: the peer ended (receive only); SMQ_ERR_NETWORK: the connection failed. */
enum smq_result socket_receive(int descriptor, uint8_t *bytes, size_t size, size_t *length);
enum smq_result socket_send(int descriptor, const uint8_t *bytes, size_t size, size_t *length);

/* Copies up to `size` bytes that have arrived, without taking them; returns how many. 0: none, or the end. */
size_t socket_peek(int descriptor, uint8_t *bytes, size_t size);
/* How many bytes have arrived and were not taken. */
size_t socket_arrived(int descriptor);
/* The socket counts as readable only with so many bytes, or at its end; 1: with any. SMQ_ERR_SYSTEM. */
enum smq_result socket_await_bytes(int descriptor, uint16_t count);

/* Sends what the kernel still keeps because more was announced (tls_write). Errors do not matter. */
void socket_push(int descriptor);
/* No more sending: the peer reads the end after what was sent. Errors do not matter. */
void socket_end_sending(int descriptor);
/* Reads and drops what has arrived, at most 1 MB. SMQ_OK: nothing more for now; SMQ_ERR_CLOSED: the peer ended or the
 * connection failed. */
enum smq_result socket_drain(int descriptor);
/* Closes and sets `*descriptor` to -1; -1 is allowed. */
void socket_close(int *descriptor);
