/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One-time set-up of the process for everything in queues/. */
#pragma once

#include "smq/result.h"

/* Makes libsodium and RCU ready, with signals blocked in the helper threads of liburcu, and arms the fault points that
 * SMQ_FAULT names (in builds that have them). Idempotent; any thread; attaches the calling thread to RCU. Programs call
 * it first in main; map_create, actor_create and the client library call it themselves. SMQ_ERR_SYSTEM, SMQ_ERR_CRYPTO;
 * SMQ_ERR_SYNTAX or SMQ_ERR_NOT_FOUND for SMQ_FAULT. */
enum smq_result base_setup(void);
