/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Versions of the agent protocol. */
#include "transport/agent/version.h"

#include "transport/crypto/ratchet/e2e_parameters.h"
#include "transport/wire/padding.h"

enum {
    CONNECTION_INFO_PADDED = 14832,
    CONNECTION_INFO_PADDED_PQ = 11106,
    MESSAGE_PADDED = 15840,
    MESSAGE_PADDED_PQ = 13618,
};

struct version_range agent_versions(void) {
    return (struct version_range){.min = AGENT_VERSION_MIN, .max = AGENT_VERSION_MAX};
}

bool agent_version_accepted(struct version_range own, uint16_t received, uint16_t known) {
    return version_range_contains(own, received) || received <= known;
}

uint16_t agent_version_raised(uint16_t connection, uint16_t envelope) {
    uint16_t common = envelope < AGENT_VERSION_MAX ? envelope : AGENT_VERSION_MAX;
    return common > connection ? common : connection;
}

bool agent_pq_allowed(uint16_t agent, uint16_t end_to_end, bool wanted) {
    return wanted && agent >= AGENT_VERSION_PQ && (end_to_end == 0 || end_to_end >= E2E_VERSION_KEM);
}

bool agent_joiner_may_send(enum queue_mode mode, uint16_t agent) {
    return mode == QUEUE_MODE_MESSAGING && agent >= AGENT_VERSION_RATCHET_ON_CONFIRMATION;
}

static bool has_kem_room(uint16_t agent, bool pq) {
    return pq && agent >= AGENT_VERSION_PQ;
}

size_t agent_connection_info_padded(uint16_t agent, bool pq) {
    return has_kem_room(agent, pq) ? CONNECTION_INFO_PADDED_PQ : CONNECTION_INFO_PADDED;
}

size_t agent_message_padded(uint16_t agent, bool pq) {
    return has_kem_room(agent, pq) ? MESSAGE_PADDED_PQ : MESSAGE_PADDED;
}

size_t agent_message_body_max(uint16_t agent, bool pq) {
    return agent_message_padded(agent, pq) - AGENT_MESSAGE_OVERHEAD;
}

size_t agent_connection_info_max(uint16_t agent, bool pq) {
    return agent_connection_info_padded(agent, pq) - PADDING_HEADER_SIZE - 1;
}
