/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/smp/clients.h"

#include "actors/smp/metrics.h"
#include "queues/map.h"

static struct client_session *session_of(const struct map_node *node) {
    return (struct client_session *)(void *)((char *)(uintptr_t)node - offsetof(struct client_session, place));
}

static struct slice key_of(const struct map_node *node) {
    const struct client_session *session = session_of(node);
    return slice_of(&session->number, sizeof session->number);
}

/* The map's own reference keeps the session until a grace period after it was taken out. */
static bool try_reference(struct map_node *node) {
    connection_reference(session_of(node)->connection);
    return true;
}

static void release(struct map_node *node) {
    connection_release(session_of(node)->connection);
}

enum smq_result clients_create(struct map **clients) {
    return map_create(&(struct map_options){.key = key_of, .try_reference = try_reference, .release = release},
                      clients);
}

void client_enter(struct client_session *session) {
    connection_reference(session->connection);
    session->number = connection_number(session->connection);
    session->is_listed = map_insert(smp_router_of(session)->clients, &session->place) == SMQ_OK;
    if (session->is_listed)
        counters_add(smp_router_of(session)->counters, COUNT_CLIENTS, 1);
    else
        connection_release(session->connection);
}

void client_leave(struct client_session *session) {
    if (!session->is_listed)
        return;
    counters_add(smp_router_of(session)->counters, COUNT_CLIENTS, -1);
    (void)map_remove(smp_router_of(session)->clients, &session->place);
}

struct visit {
    bool (*visit)(void *context, struct client_session *session);
    void *context;
};

static bool visit_node(void *context, struct map_node *node) {
    const struct visit *visit = context;
    return visit->visit(visit->context, session_of(node));
}

void clients_each(struct smp_router *router, bool (*visit)(void *context, struct client_session *session),
                  void *context) {
    struct visit each = {visit, context};
    map_each(router->clients, visit_node, &each);
}
