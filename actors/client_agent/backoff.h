/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Back-off: how long to wait between attempts (reference: Agent/RetryInterval.hs). Pure. */
#pragma once

#include <stdint.h>

struct client_agent_backoff {
    /* constant */
    uint32_t first_ms;
    uint32_t grow_after_ms;
    uint32_t max_ms;
    /* changing; 0: before the first wait */
    uint32_t delay_ms;
    uint64_t waited_ms;
};

void client_agent_backoff_reset(struct client_agent_backoff *backoff);
/* The next wait: first_ms until the waits add up to grow_after_ms, then half as long again each time, up to max_ms. */
uint32_t client_agent_backoff_next(struct client_agent_backoff *backoff);
