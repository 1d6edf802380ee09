/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Supervisor: starts the parts of a process in order, learns when one fails, stops them in reverse order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/runtime/actor.h"
#include "smq/result.h"

/* All functions: one thread, the one that made it (main), but supervisor_request_stop: any. */
struct supervisor;

/* SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result supervisor_create(struct supervisor **supervisor);

/* Starts `actor` as the next part, and takes it over, also on an error (what actor_start returned, SMQ_ERR_NO_MEMORY).
 * After an error of this function or the next one nothing more can be added. */
enum smq_result supervisor_start_actor(struct supervisor *supervisor, struct actor *actor);

/* Adds, as the next part, something that is already started and is stopped by `stop(context)`. `name` is a constant
 * text. SMQ_ERR_NO_MEMORY: not added, and the caller stops it. */
enum smq_result supervisor_add(struct supervisor *supervisor, const char *name, void (*stop)(void *context),
                               void *context);

/* A descriptor, readable once a part has failed or a stop was requested: for a poller that also waits for signals. */
int supervisor_fd(const struct supervisor *supervisor);
/* Waits for that, at most `timeout_ms` (-1: no limit). SMQ_OK: a stop was requested; SMQ_ERR_TIMEOUT; else the reason
 * of the first part that failed. */
enum smq_result supervisor_wait(struct supervisor *supervisor, int timeout_ms);
/* Asks the thread in supervisor_wait to stop the process. Any thread; safe in a signal handler. */
void supervisor_request_stop(struct supervisor *supervisor);

/* Stops all parts, the last started first, each drained and joined before the next. Idempotent. Blocks. */
void supervisor_stop(struct supervisor *supervisor);
/* supervisor_stop; then destroys the actors, when none can send to another any more, and waits for all deferred
 * reclaim. */
void supervisor_destroy(struct supervisor **supervisor);
