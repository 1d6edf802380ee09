/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The protocols that clients speak: one row each. */
#include "actors/client/protocol.h"

extern const struct client_protocol smp_client_protocol; /* actors/client/smp */

const struct client_protocol *const client_protocols[CLIENT_PROTOCOLS] = {[CLIENT_PROTOCOL_SMP] = &smp_client_protocol};
