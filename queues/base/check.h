/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Invariants that are checked in every build: a broken one ends the process, with its place in the log. */
#pragma once

/* Aborts, after one line to stderr, when `condition` does not hold. For errors in this program only, never for input.
 * Any thread. */
#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

/* What CHECK calls; does not return. */
_Noreturn void check_failed(const char *condition, const char *file, int line);
