/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sessions: what all routers do with a connection, from its acceptance to its end. */
#include "actors/router/session.h"

#include "actors/router/command_batch.h"
#include "actors/router/identity.h"
#include "actors/router/post.h"
#include "actors/router/session_credit.h"
#include "queues/base/magic.h"

static const uint32_t SESSION_MAGIC = MAGIC('S', 'E', 'S', 'S');

void session_init(struct session *session, struct router *router, struct connection *connection, uint32_t credit) {
    session->router = router;
    session->connection = connection;
    session->identity = identity_current(&router->identity);
    connection_use_tls(connection, session->identity->tls);
    session_credit_init(session, credit);
    session->process_lane = pinning_lane(&router->process_pinning, connection_number(connection));
    MAGIC_SET(session, SESSION_MAGIC);
}

void session_finish(struct session *session) {
    MAGIC_CHECK(session, SESSION_MAGIC);
    MAGIC_CLEAR(session);
    command_order_finish(&session->order);
    secret_cache_clear(&session->secrets);
    key_pair_wipe(&session->handshake_key);
    identity_release(&session->identity);
}

void session_receive(struct session *session, struct block *block, uint16_t commands) {
    connection_reference(session->connection);
    session_block_admitted(session, commands);
    if (post_process_block(session, block) != SMQ_OK)
        command_batch_refuse(block);
}

/* Only connections without any subscription are closed for inactivity (reference: disconnectTransport). */
uint32_t session_check(struct connection *connection, void *state, uint64_t now_ms) {
    const struct session *session = state;
    const struct router *router = session->router;
    uint32_t interval_ms =
        atomic_load_explicit(&router->inactivity.check_interval_s, memory_order_relaxed) * (uint32_t)1000;
    uint64_t ttl_ms = atomic_load_explicit(&router->inactivity.ttl_s, memory_order_relaxed) * UINT64_C(1000);
    if (!atomic_load_explicit(&router->inactivity.disconnect, memory_order_relaxed))
        return interval_ms; /* it may be switched on */
    uint64_t received = connection_last_received_ms(connection);
    uint64_t sent = connection_last_sent_ms(connection);
    uint64_t last = received > sent ? received : sent;
    bool subscribed = atomic_load_explicit(&session->subscription_count, memory_order_relaxed) > 0;
    if (!subscribed && now_ms > last && now_ms - last > ttl_ms) {
        connection_close(connection, SMQ_ERR_TIMEOUT, false);
        return 0;
    }
    return interval_ms;
}
