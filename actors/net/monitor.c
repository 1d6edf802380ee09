/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Monitor: one timer a connection, for the earliest of the set-up's budget, the flush's limit and the protocol's next
 * check. */
#include "actors/net/net_private.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"

struct monitor {
    struct net *net;
    struct actor *actor;
};

static uint64_t earlier(uint64_t a, uint64_t b) {
    if (a == 0 || b == 0)
        return a == 0 ? b : a;
    return a < b ? a : b;
}

static void arm(struct monitor *monitor, struct connection *connection) {
    uint64_t due = earlier(atomic_load(&connection->budget_deadline_ms), atomic_load(&connection->close_deadline_ms));
    due = earlier(due, connection->next_check_ms);
    if (due == 0)
        wheel_cancel(actor_wheel(monitor->actor), &connection->timer);
    else
        wheel_add(actor_wheel(monitor->actor), &connection->timer, due);
}

static bool has_passed(uint64_t deadline_ms, uint64_t now_ms) {
    return deadline_ms != 0 && deadline_ms <= now_ms;
}

static void fire(struct wheel_timer *timer) {
    struct connection *connection = caa_container_of(timer, struct connection, timer);
    struct monitor *monitor = connection->net->monitor;
    uint64_t now_ms = actor_now_ms(monitor->actor);
    if (has_passed(atomic_load(&connection->close_deadline_ms), now_ms)) {
        connection_close(connection, SMQ_ERR_TIMEOUT, false);
        return;
    }
    uint64_t budget_end = atomic_load(&connection->budget_deadline_ms);
    if (has_passed(budget_end, now_ms)) {
        /* Unless connection_established was faster. */
        if (atomic_compare_exchange_strong(&connection->budget_deadline_ms, &budget_end, 0))
            connection_close(connection, SMQ_ERR_TIMEOUT, false);
    }
    if (has_passed(connection->next_check_ms, now_ms)) {
        connection->next_check_ms = 0;
        if (connection_is_open(connection)) {
            uint32_t next_ms = connection->protocol->check(connection, connection->state, now_ms);
            connection->next_check_ms = next_ms == 0 ? 0 : now_ms + next_ms;
        }
    }
    arm(monitor, connection);
}

static void attach(struct connection *connection) {
    const struct protocol *protocol = connection->protocol;
    connection->is_watched = true;
    connection->timer.fire = fire;
    if (protocol->check != NULL && protocol->first_check_ms != 0)
        connection->next_check_ms = clock_monotonic_ms() + protocol->first_check_ms;
}

static void receive(void *state, struct message *message) {
    struct monitor *monitor = state;
    struct connection *connection = caa_container_of(message, struct connection, monitor_requests.message);
    uint32_t bits = requests_take(&connection->monitor_requests);
    if ((bits & MONITOR_ATTACH) != 0)
        attach(connection);
    if ((bits & MONITOR_DETACH) != 0) {
        CHECK(connection->is_watched);
        connection->is_watched = false;
        wheel_cancel(actor_wheel(monitor->actor), &connection->timer);
        connection_release(connection);
    } else if (connection->is_watched) {
        arm(monitor, connection);
    }
    connection_release(connection);
}

static const struct actor_ops monitor_ops = {.role = "monitor", .receive = receive};

enum smq_result monitor_create(struct net *net, struct monitor **monitor) {
    struct monitor *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->net = net;
    enum smq_result result = actor_create(&monitor_ops, created, -1, &created->actor);
    if (result != SMQ_OK) {
        memory_free(created);
        return result;
    }
    *monitor = created;
    net->addresses.monitor = created->actor;
    return SMQ_OK;
}

void monitor_destroy(struct monitor **monitor) {
    struct monitor *destroyed = *monitor;
    *monitor = NULL;
    if (destroyed == NULL)
        return;
    actor_destroy(&destroyed->actor);
    memory_free(destroyed);
}
