/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands through a proxy, on the client's side. The client's router, the proxy, forwards to another one, the relay. A
 * relay's session is asked for (PRXY) when the first command for it comes, serves all others, and is asked for anew
 * when the proxy does not know it any more. Owned by the client's process lane. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/client/lane.h"
#include "actors/client/smp/smp_request.h"
#include "transport/crypto/box.h"

enum relay_state {
    RELAY_ASKING, /* PRXY is under way; commands wait */
    RELAY_READY,
    RELAY_STALE, /* the proxy does not know it any more, or the connection is gone; in no list */
};

/* What PKEY told about the relay; constant once it is READY, so that the send lane may read it. */
struct relay_session {
    struct request_owner owner;  /* first; of PRXY */
    _Atomic uint32_t references; /* its client's list; each request that was sent for it; PRXY */
    enum relay_state state;
    struct router_address *address;
    struct relay_session *next; /* of the client */
    struct request *waiting_first, *waiting_last;
    uint64_t number; /* that no other session of the process has */
    uint16_t version;
    struct public_key key;
    uint8_t session_id_length;
    uint8_t session_id[SMP_SESSION_ID_MAX];
};

/* Nulls the pointer, which may point to NULL. Any thread. */
void relay_session_release(struct relay_session **session);

/* The part of a request that goes through a proxy. */
struct request_proxied {
    struct router_address *address; /* the relay's; referenced */
    bool limited;                   /* the caller said how long it may take in all */
    /* process lane */
    bool submitted;
    bool renewed; /* sent again for a new session */
    uint64_t deadline_ms;
    struct relay_session *session; /* that it was sent for, or waits for; referenced */
    struct request *next;          /* waits for the session */
    struct box_key key;            /* send lane, before the request's stage is SENT: for the answer. A secret. */
};

/* Makes `request` go to the relay at `address` (a reference is taken). SMQ_ERR_NO_MEMORY. */
enum smq_result request_go_through_proxy(struct request *request, struct router_address *address, bool limited);
void request_proxied_destroy(struct request_proxied **proxied);
/* The entity id that the proxy answers with. */
struct slice request_answered_entity(const struct request *request);

/* Process lane: what lane_submit does for such a request. */
void through_proxy_submit(struct process_lane *lane, struct request *request);
/* Whether the answer is that the session is unknown, for the first time: then it is asked for again, and the request,
 * which was taken out of the table, has gone back to wait. */
bool through_proxy_is_renewed(struct process_lane *lane, struct request *request, const struct smp_response *response);
/* The client ends: so do requests that wait, with `result`. */
void through_proxy_end(struct process_lane *lane, struct smq_client *client, enum smq_result result);
/* The relay's response inside `response`, opened in the block. Otherwise `outcome` is the failure, and false. */
bool through_proxy_open(struct process_lane *lane, struct request *request, const struct smp_response *response,
                        struct block *block, struct smp_response *inner, struct smq_event *outcome);

/* Send lane. Writes PFWD with the request's command inside: signed, encrypted with a fresh key. Errors as of writing a
 * request. `scratch` has AUTHORIZED_MAX bytes. */
enum smq_result through_proxy_write(const struct smq_client *client, struct request *request, uint8_t *scratch,
                                    struct writer *writer);
