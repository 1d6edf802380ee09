/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Promise: a result that comes once, from whichever of answer, cancellation and timeout is first. */
#pragma once

#include <stdbool.h>

#include "smq/result.h"

/* Who may call what: everything from any thread that holds a reference; promise_wait only from threads that may block
 * (API threads of the client library, tests), never from an actor, and by at most one thread for one promise. */
struct promise;

struct promise_options {
    /* Instead of waiting: called exactly once, by the thread that decides, with the outcome; `value` is then the
     * callee's. It must not block. May be NULL. A promise with this function is not waited for. */
    void (*completed)(void *context, enum smq_result result, void *value);
    void *context;
    /* Frees a value that was set but never taken by promise_wait. NULL: values need no freeing. */
    void (*discard)(void *value);
};

/* A promise with two references: one for who will decide, one for who waits; each is given up with promise_release.
 * `options` may be NULL and is copied. SMQ_ERR_NO_MEMORY. */
enum smq_result promise_create(const struct promise_options *options, struct promise **promise);
struct promise *promise_reference(struct promise *promise);
/* Gives up one reference and nulls the pointer; the last one frees. NULL inside is allowed. */
void promise_release(struct promise **promise);

/* Decides the promise with `result` (not only SMQ_OK) and `value` (may be NULL). True: this call decided, and the value
 * belongs to the waiting side. False: it was decided before; the caller keeps the value. */
bool promise_set(struct promise *promise, enum smq_result result, void *value);
/* Decides with SMQ_ERR_CANCELLED and no value. Whether this call decided. */
bool promise_cancel(struct promise *promise);
/* Whether the outcome is there. */
bool promise_is_decided(struct promise *promise);

/* Blocks until decided, at most `timeout_ms` (-1: no limit). Returns the outcome and gives its value away (NULL when it
 * has none, or when it was taken before); when the time is up first, decides the promise with SMQ_ERR_TIMEOUT. Not
 * inside a read section. */
enum smq_result promise_wait(struct promise *promise, int timeout_ms, void **value);
