/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* References to an agent, and whether a pointer is one. */
#include "actors/client/context.h"
#include "actors/client/events.h"
#include "actors/client/network.h"
#include "actors/client/smp/service.h"
#include "actors/client_agent/client_agent_private.h"
#include "queues/base/memory.h"

void client_agent_check(const struct smq_client_agent *agent) {
    MAGIC_CHECK(agent, CLIENT_AGENT_MAGIC);
}

bool client_agent_is_valid(const struct smq_client_agent *agent) {
    return MAGIC_IS(agent, CLIENT_AGENT_MAGIC);
}

struct smq_client_agent *client_agent_reference(struct smq_client_agent *agent) {
    atomic_fetch_add_explicit(&agent->references, 1, memory_order_relaxed);
    return agent;
}

/* The last reference is given up when the agent's thread has ended and the maps are gone. */
void client_agent_release(struct smq_client_agent *agent) {
    if (atomic_fetch_sub_explicit(&agent->references, 1, memory_order_acq_rel) != 1)
        return;
    MAGIC_CLEAR(agent);
    if (agent->actor != NULL)
        actor_destroy(&agent->actor);
    smq_batch_release(&agent->closed_event);
    if (agent->options.events != NULL)
        events_release(agent->options.events);
    smq_network_release(&agent->options.client.network);
    smq_service_release(&agent->options.client.service);
    struct smq_context *context = agent->context;
    memory_free(agent);
    context_release(context);
}
