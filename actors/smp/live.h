/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings that may change while the router runs (rows of settings with `live`). Roles read
 * each with one load when they need it, and keep no copy. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "actors/smp/router.h"
#include "queues/base/cursor.h"

struct live_password;

struct live_settings {
    _Atomic uint32_t versions; /* the lowest times 65,536, and the highest: they change together */
    _Atomic bool new_queues;
    struct live_password *_Atomic create_password;                    /* NULL: none is needed */
    _Atomic uint32_t new_queues_per_address, new_queues_per_password; /* in an hour; 0: no limit, as below */
    _Atomic uint64_t unused_queues;
    _Atomic uint32_t queue_quota;
    _Atomic uint64_t message_ttl_s; /* 0: never */
    _Atomic uint32_t message_expiry_interval_s;
    _Atomic bool expire_messages_on_send;
    _Atomic uint64_t notification_ttl_s;
    _Atomic uint32_t notification_expiry_interval_s;
    _Atomic uint32_t notification_delivery_interval_ms;
    _Atomic uint32_t client_concurrency;
    _Atomic uint64_t forward_bytes;
    _Atomic uint32_t forward_timeout_ms, relay_connect_timeout_ms;
    _Atomic bool disconnect_inactive;
    _Atomic uint32_t inactive_ttl_s;
    _Atomic uint32_t inactive_check_interval_s;
};

#define live_value(field) atomic_load_explicit(&(field), memory_order_relaxed)

/* Takes over the settings of `config`. Waits for a grace period when there was a password before. SMQ_ERR_NO_MEMORY:
 * nothing is taken over. One thread at a time, no role's. */
enum smq_result live_apply(struct live_settings *live, const struct smp_router_config *config);
/* Wipes the password; nobody reads any more. */
void live_destroy(struct live_settings *live);

/* Whether NEW needs a password. Any attached thread. */
bool live_password_is_needed(const struct live_settings *live);
/* Whether the password allows NEW, or none is needed. Constant time for passwords of the right length. Any attached
 * thread. */
bool live_password_matches(const struct live_settings *live, bool has_password, struct slice password);
