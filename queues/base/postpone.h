/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Postponing: what an actor owes to others, such as waking them, is gathered during its turn and done at once, so that
 * whoever is woken finds more than one message. */
#pragma once

/* The calling thread postpones from now on. An actor's thread, before its first turn; it must then call postponed_run
 * at the end of every turn. */
void postpone_begin(void);

/* Calls `function(subject)`, at once on a thread that does not postpone, else within the next postponed_run of this
 * thread; the same call is owed once. While something is owed a read section is open, so that a grace period that
 * begins after this call also waits for `function`: `subject` need not live longer. Never blocks, nor may
 * `function`. */
void postpone(void (*function)(void *subject), void *subject);

/* Something was added to what is already owed: after a few of these it is done in the middle of a turn. Any thread. */
void postponed_more(void);

/* Does what is owed. Any thread; every function that waits calls it first (waiting_begins). */
void postponed_run(void);

/* To be called by every function that waits, or works for long, before it does: settles what is owed, and checks that
 * no read section is open. */
void waiting_begins(void);

/* Checks that no read section is open but that of what is owed. By what takes some microseconds and must not be found
 * within one: a step of TLS. Any attached thread. */
void section_check(void);
