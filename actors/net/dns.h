/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* DNS: look-ups of names through c-ares, which only dns.c knows. /etc/hosts counts first, then the servers of
 * /etc/resolv.conf, noticed when it changes, or those that the options name. One actor owns it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/net/net.h"
#include "smq/result.h"
#include "transport/net/address.h"
#include "transport/net/poller.h"

enum { DNS_ADDRESSES_MAX = 16 }; /* of a name that are taken, of whatever its servers answer */

struct dns;

/* A look-up; embedded in the caller's object, and the dns's from dns_look_up until `done`. */
struct dns_query {
    /* SMQ_OK: `addresses` (port 0; IPv6 and IPv4 in turns; freed by the callee with memory_free) hold for `ttl_s`
     * seconds. SMQ_ERR_NOT_FOUND: the name does not exist or has no address; SMQ_ERR_NETWORK: no server knows;
     * SMQ_ERR_NO_MEMORY; SMQ_ERR_CANCELLED: dns_destroy. May be called inside of dns_look_up. */
    void (*done)(struct dns_query *query, enum smq_result result, struct net_address_list *addresses, uint32_t ttl_s);
    /* private */
    struct dns *dns;
    const char *name;
    struct dns_query *next;
};

/* The sockets of look-ups are put in `poller` (borrowed); their subjects are for dns_handle_event. The texts of
 * `options` outlive it. SMQ_ERR_NO_MEMORY, SMQ_ERR_INVALID (the servers), SMQ_ERR_SYSTEM. */
enum smq_result dns_create(const struct net_options *options, struct poller *poller, struct dns **dns);
/* Ends every look-up; waits for no server. */
void dns_destroy(struct dns **dns);

/* Looks `name` up, which lives until `done`. Never blocks for a server; reads files. `now_ms` as of the actor. */
void dns_look_up(struct dns *dns, const char *name, uint64_t now_ms, struct dns_query *query);
void dns_handle_event(struct dns *dns, const struct poll_event *event);
/* How long until dns_check_timeouts is to be called; -1: not needed. */
int dns_next_timeout_ms(struct dns *dns);
void dns_check_timeouts(struct dns *dns);
