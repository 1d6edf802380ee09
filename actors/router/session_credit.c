/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Credit, and its limit, are one number, so that reaching the limit and coming back from it are each seen once. */
#include "actors/router/session_credit.h"

#include "actors/smp/client_session.h"

enum { CREDIT_SHIFT = 32 };

void session_credit_init(struct client_session *session) {
    atomic_init(&session->credit, (uint64_t)SESSION_CREDIT << CREDIT_SHIFT);
}

void session_work_begun(struct client_session *session) {
    atomic_fetch_add_explicit(&session->router->batches_in_progress, 1, memory_order_relaxed);
}

void session_work_ended(struct client_session *session) {
    if (atomic_fetch_sub_explicit(&session->router->batches_in_progress, 1, memory_order_acq_rel) == 1)
        waker_wake(&session->router->quiet);
}

/* Whether what is not answered has reached the credit. */
static bool is_used_up(uint64_t credit) {
    return (uint32_t)credit >= credit >> CREDIT_SHIFT;
}

void session_block_admitted(struct client_session *session, uint16_t commands) {
    uint32_t weight = SESSION_BLOCK_WEIGHT + (uint32_t)commands;
    uint64_t before = atomic_fetch_add_explicit(&session->credit, weight, memory_order_relaxed);
    session_work_begun(session);
    if (!is_used_up(before) && is_used_up(before + weight))
        connection_pause(session->connection);
}

void session_block_answered(struct client_session *session, uint16_t commands) {
    uint32_t weight = SESSION_BLOCK_WEIGHT + (uint32_t)commands;
    /* Released for who looks whether something is before it: proxy_forward_received. */
    uint64_t before = atomic_fetch_sub_explicit(&session->credit, weight, memory_order_acq_rel);
    if (is_used_up(before) && !is_used_up(before - weight))
        connection_resume(session->connection);
    session_work_ended(session);
}

bool session_has_unanswered(struct client_session *session) {
    return (uint32_t)atomic_load(&session->credit) > 0;
}

void session_trust_proxy(struct client_session *session) {
    const uint64_t more = (uint64_t)(SESSION_PROXY_CREDIT - SESSION_CREDIT) << CREDIT_SHIFT;
    if (!session->is_proxy)
        return;
    session->is_proxy = false;
    uint64_t before = atomic_fetch_add_explicit(&session->credit, more, memory_order_relaxed);
    if (is_used_up(before) && !is_used_up(before + more))
        connection_resume(session->connection);
}
