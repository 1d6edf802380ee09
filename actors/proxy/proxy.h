/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The proxy: forwards commands of clients that hide from the relay which keeps the queue (reference: Server.hs, PRXY
 * and PFWD). It is a client agent with lanes of its own: one connection to each relay serves all clients, and a failed
 * one is remembered for some time. */
#pragma once

#include <stdbool.h>

#include "actors/client/smp/forward.h"
#include "actors/client_agent/client_agent.h"
#include "actors/smp/roles.h"
#include "transport/smp/error.h"
#include "transport/smp/response.h"
#include "transport/wire/address.h"

/* Counted for all relays and again for our own ones (the operator's `own_server_domains`): rows of the router's
 * counters, in the order of enum proxy_counter from these on. */
enum proxy_counter {
    PROXY_COUNT_requests,
    PROXY_COUNT_successes,
    PROXY_COUNT_errors_connect, /* the relay could not be reached, or is not connected any more */
    PROXY_COUNT_errors_compat,  /* it does not speak a version that can be proxied, or showed no key */
    PROXY_COUNT_errors_other
};
struct proxy_counter_pair {
    struct counters *counters;
    size_t all, own;
};

/* Immutable; freed a grace period after a reload has replaced it. */
struct proxy_policy {
    struct smq_network *network;
    char own_domains[]; /* separated by spaces or commas */
};

struct proxy {
    struct smp_router *router;
    struct smq_context *context;
    struct smq_client_agent *agent;
    struct proxy_policy *_Atomic policy; /* read in a read section */
    _Atomic uint64_t forward_bytes;      /* of commands under way */
    struct proxy_counter_pair relays;    /* PRXY */
    struct proxy_counter_pair forwards;  /* PFWD */
};

/* Starts it as the next part under the router's supervisor, with what config.proxy says. `error` gets one line when the
 * configuration is at fault. SMQ_ERR_SYNTAX (SOCKS proxy), SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. Blocks. */
enum smq_result proxy_create(struct smp_router *router, struct proxy **proxy, char *error, size_t error_size);
/* After the supervisor has stopped it. */
void proxy_destroy(struct proxy **proxy);

/* Takes over what of the configuration is live, for relays that are connected to from now on. SMQ_ERR_SYNTAX (SOCKS
 * proxy), SMQ_ERR_NO_MEMORY: nothing is taken over. Waits for a grace period. */
enum smq_result proxy_reload(struct proxy *proxy, const struct smp_router_config *config);

/* Whether the relay is one of the operator's own. Any attached thread. */
bool proxy_is_own(const struct proxy *proxy, const char *host);

/* Adds one. Any thread. */
#define PROXY_COUNTER(name) PROXY_COUNT_##name
void proxy_count(const struct proxy_counter_pair *pair, bool own, size_t counter);

/* proxy_address.c: the address of a relay by which its connection is known: the key hash, one host, and the port unless
 * it is the default. Of the hosts that a client lists, the one is taken that `policy` chooses when they are in
 * alphabetical order, in small letters and without dots at the end: the same for every order and spelling, so that a
 * relay has one connection however it is named. The host is part of it, since a key hash alone would let whoever
 * forwards TCP to a relay, or names a wrong host for it, take its place for all clients. SMQ_ERR_NOT_FOUND: no host
 * that the policy allows. */
enum smq_result proxy_relay_address(const struct smq_network *network, const struct server_address *listed,
                                    struct server_address *relay);

/* The same by the policy of now. Any attached thread. */
enum smq_result proxy_choose_address(const struct proxy *proxy, const struct server_address *listed,
                                     struct server_address *relay);

/* Takes `size` of the bytes that commands under way may have; false: there are not so many left. Any thread. */
bool proxy_take_bytes(struct proxy *proxy, size_t size);
void proxy_give_bytes(struct proxy *proxy, size_t size);

/* proxy_error.c: what clients are told. */
/* The relay could not be connected to. `counter`: the one to be counted. */
struct smp_error proxy_error_of_connect(enum smq_result result, const struct smq_error *error, size_t *counter);
/* The command could not be sent. */
struct smp_error proxy_error_of_send(enum smq_result result);
/* It was not answered as it should be; `text` has room for what the error borrows. */
struct smp_error proxy_error_of_answer(const struct forward_answer *answer, char text[SMQ_ERROR_TEXT_SIZE]);
/* PKEY for a relay, or the error that says why it cannot be proxied to. Borrows from `facts`. */
struct smp_response proxy_key_response(const struct relay_facts *facts);
