/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A connection's state is the identity that it was accepted with. */
#include "actors/router/identity_web.h"

void *identity_web_accept(void *context, struct connection *connection) {
    struct router_identity *identity = identity_current(context);
    if (identity->web_tls == NULL)
        identity_release(&identity);
    else
        connection_use_tls(connection, identity->web_tls);
    return identity;
}

static enum smq_result secured(struct connection *connection, void *state) {
    (void)connection;
    (void)state;
    return SMQ_ERR_PROTOCOL; /* all that is spoken here is HTTP */
}

static void closed(struct connection *connection, void *state, enum smq_result reason) {
    (void)connection;
    (void)state;
    (void)reason;
}

static void released(void *state) {
    struct router_identity *identity = state;
    identity_release(&identity);
}

const struct protocol identity_web_protocol = {
    .name = "web",
    .block_size = BLOCK_SIZE,
    .secured = secured,
    .closed = closed,
    .released = released,
};
