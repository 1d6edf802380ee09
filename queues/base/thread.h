/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Threads. The only place that creates one; every thread that touches queues/ is registered with RCU. */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "smq/result.h"

struct thread;

/* Starts a thread that runs `run(argument)`: named `name` (cut to 15 bytes), all asynchronous signals blocked,
 * registered with RCU until `run` returns. The caller must join it. Any thread. SMQ_ERR_NO_MEMORY, SMQ_ERR_SYSTEM. */
enum smq_result thread_create(struct thread **thread, const char *name, void (*run)(void *argument), void *argument);

/* Waits for the end of the thread, without a deadline, frees it and nulls the pointer. One caller, outside of a read
 * section, not the thread itself. NULL inside is allowed. */
void thread_join(struct thread **thread);

/* For threads that thread_create did not make (main, threads of an application that uses the library): registers the
 * calling thread with RCU. Idempotent; undone by thread_detach or, by itself, at the end of the thread. */
void thread_attach(void);
/* Undoes thread_attach; outside of a read section. Idempotent. */
void thread_detach(void);
/* Whether the calling thread is registered. */
bool thread_is_attached(void);

/* Blocks all asynchronous signals of the calling thread, and puts the former set back: around library calls that start
 * threads of their own. */
void thread_signals_block(sigset_t *former);
void thread_signals_restore(const sigset_t *former);
