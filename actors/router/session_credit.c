/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Credit, and its limit, are one number, so that reaching the limit and coming back from it are each seen once. */
#include "actors/router/session_credit.h"

#include "actors/router/session.h"

enum { CREDIT_SHIFT = 32 };

void session_credit_init(struct session *session, uint32_t credit) {
    atomic_init(&session->credit, (uint64_t)credit << CREDIT_SHIFT);
}

void session_work_begun(struct session *session) {
    atomic_fetch_add_explicit(&session->router->batches_in_progress, 1, memory_order_relaxed);
}

void session_work_ended(struct session *session) {
    if (atomic_fetch_sub_explicit(&session->router->batches_in_progress, 1, memory_order_acq_rel) == 1)
        waker_wake(&session->router->quiet);
}

/* Whether what is not answered has reached the credit. */
static bool is_used_up(uint64_t credit) {
    return (uint32_t)credit >= credit >> CREDIT_SHIFT;
}

void session_block_admitted(struct session *session, uint16_t commands) {
    uint32_t weight = SESSION_BLOCK_WEIGHT + (uint32_t)commands;
    uint64_t before = atomic_fetch_add_explicit(&session->credit, weight, memory_order_relaxed);
    session_work_begun(session);
    if (!is_used_up(before) && is_used_up(before + weight))
        connection_pause(session->connection);
}

void session_block_answered(struct session *session, uint16_t commands) {
    uint32_t weight = SESSION_BLOCK_WEIGHT + (uint32_t)commands;
    /* Released for who looks whether something is before it: session_has_unanswered. */
    uint64_t before = atomic_fetch_sub_explicit(&session->credit, weight, memory_order_acq_rel);
    if (is_used_up(before) && !is_used_up(before - weight))
        connection_resume(session->connection);
    session_work_ended(session);
}

bool session_has_unanswered(struct session *session) {
    return (uint32_t)atomic_load(&session->credit) > 0;
}

void session_credit_raise(struct session *session, uint32_t more) {
    uint64_t shifted = (uint64_t)more << CREDIT_SHIFT;
    uint64_t before = atomic_fetch_add_explicit(&session->credit, shifted, memory_order_relaxed);
    if (is_used_up(before) && !is_used_up(before + shifted))
        connection_resume(session->connection);
}
