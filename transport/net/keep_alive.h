/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings of TCP keep-alive. */
#pragma once

#include <stdint.h>

/* Zeroes: idle 30 s, interval 15 s, 4 probes, as the reference has them; no time-out of unacknowledged data. */
struct keep_alive {
    uint16_t idle_s;
    uint16_t interval_s;
    uint16_t probes;
    uint16_t
        user_timeout_s; /* how long what was sent, or probed for, may stay without an answer of the peer's kernel */
};
