/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Back-off between attempts. */
#include "actors/client_agent/backoff.h"

void client_agent_backoff_reset(struct client_agent_backoff *backoff) {
    backoff->delay_ms = 0;
    backoff->waited_ms = 0;
}

uint32_t client_agent_backoff_next(struct client_agent_backoff *backoff) {
    if (backoff->delay_ms == 0) {
        backoff->delay_ms = backoff->first_ms;
    } else if (backoff->waited_ms >= backoff->grow_after_ms && backoff->delay_ms < backoff->max_ms) {
        uint64_t longer = (uint64_t)backoff->delay_ms * 3 / 2;
        backoff->delay_ms = longer < backoff->max_ms ? (uint32_t)longer : backoff->max_ms;
    }
    backoff->waited_ms += backoff->delay_ms;
    return backoff->delay_ms;
}
