/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two futex calls that wakers and promises are made of; private to queues/. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Sleeps while *word is `expected`, until a futex_wake or until the monotonic time `deadline_ns` (UINT64_MAX: none).
 * False when the time is up; true otherwise, which may be for no reason: look at the word. Not inside a read section.
 */
bool futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);
/* Wakes all threads that sleep on `word`. Any thread. */
void futex_wake(_Atomic uint32_t *word);
/* The deadline for futex_wait of a timeout that starts now; -1: none. */
uint64_t futex_deadline(int timeout_ms);
