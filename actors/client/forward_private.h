/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections of a proxy, for the parts of the client that serve them. */
#pragma once

#include "actors/client/forward.h"
#include "transport/crypto/box.h"

/* What a proxy keeps of a relay's hello; constant once the handshake is done. */
struct client_relay {
    struct version_range versions; /* in common */
    bool has_key;                  /* both sides showed one: `key` is their agreement, a secret */
    struct box_key key;
    struct smp_chain_key chain_key; /* count 0: none; points into `bytes` */
    uint8_t bytes[];
};

/* `chain_key` (copied) may be NULL. SMQ_ERR_NO_MEMORY. Process lane, in the handshake. */
enum smq_result client_relay_create(struct version_range versions, const struct smp_chain_key *chain_key,
                                    struct client_relay **relay);
/* Wipes; NULL inside is allowed. */
void client_relay_destroy(struct client_relay **relay);

/* Process lane: tells the outcome of a RFWD, once. */
void forward_tell(struct request *request, const struct smq_event *outcome);
