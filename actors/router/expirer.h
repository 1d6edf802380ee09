/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The expirer: has the store writer drop records that are too old, in small steps, at intervals; and warns of the
 * router's own certificate before it ends. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "smq/result.h"
#include "stores/lmdb/store.h"

struct expirer;
struct router;

enum { EXPIRIES_MAX = 8 };

struct expiry_settings {
    uint64_t ttl_s;      /* 0: nothing expires */
    uint32_t interval_s; /* from the end of a round to the next */
    bool waits_at_start; /* the first round begins after an interval */
};

/* One kind of record that expires. */
struct expiry {
    /* As they are now: asked for whenever a round begins or ends. Expirer. */
    struct expiry_settings (*settings)(const struct router *router);
    /* A step: removes at most what `limits` allow. `expired`: how many; `more`: there may be others. Writer. */
    enum smq_result (*step)(struct router *router, struct store_txn *txn, const struct store_expiry *limits,
                            uint64_t *expired, bool *more);
    void (*count)(struct router *router, uint64_t expired); /* after the commit. Expirer */
};

/* Creates and starts the expirer under the router's supervisor. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result expirer_create(struct router *router, struct expirer **expirer);
/* The intervals or the ages have changed: rounds that wait begin at once. Any attached thread. */
void expirer_settings_changed(struct expirer *expirer);
/* After its thread and the writer's have ended. */
void expirer_destroy(struct expirer **expirer);
