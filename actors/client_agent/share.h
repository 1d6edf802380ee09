/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Shares of an agent's limits: what owners that belong together wait for, and have connections from. Known as long as
 * there is any. The agent's thread only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/client_agent/client_agent.h"

enum { CLIENT_AGENT_SHARE_BUCKETS = 1024 };

struct client_agent_share {
    struct client_agent_share *next; /* in its bucket */
    uint8_t key[CLIENT_AGENT_SHARE_KEY_SIZE];
    uint32_t waits;
    uint32_t sessions; /* attempts and connections that were begun for it */
};

struct client_agent_shares {
    uint8_t hash_key[16];
    struct client_agent_share *buckets[CLIENT_AGENT_SHARE_BUCKETS];
};

/* Of a zeroed table. */
void client_agent_shares_init(struct client_agent_shares *shares);
/* The share with the key; NULL: it has nothing. */
struct client_agent_share *client_agent_share_find(struct client_agent_shares *shares,
                                                   const uint8_t key[CLIENT_AGENT_SHARE_KEY_SIZE]);
/* The same, made when it is new; NULL: out of memory. */
struct client_agent_share *client_agent_share_get(struct client_agent_shares *shares,
                                                  const uint8_t key[CLIENT_AGENT_SHARE_KEY_SIZE]);
/* After one of its counts became less: forgets it when it has nothing. */
void client_agent_share_look(struct client_agent_shares *shares, struct client_agent_share *share);
