/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What SMP keeps with each client, and with each process lane. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/client/client.h"
#include "actors/client/lane.h"
#include "actors/client/smp/registry.h"
#include "transport/smp/error.h"
#include "transport/smp/handshake.h"
#include "transport/smp/session.h"

struct client_relay;
struct relay_session;

struct smp_client {
    /* process lane */
    struct subscription *subscriptions;
    struct relay_session *relay_sessions; /* reached through the router as a proxy: see through_proxy.h */

    /* written by the process lane in the handshake, constant once the hello is queued; session.send belongs to the
     * send lane */
    struct smp_session session;
    struct public_key server_key; /* KEY_NONE: the router showed none */
    struct public_key hello_key;  /* KEY_NONE: none is sent */
    bool is_service;              /* the hello shows the service, and commands are signed for it */
    struct key_pair service_key;  /* of this session; when is_service */
    uint8_t service_id_length;
    uint8_t service_id[SMQ_ID_MAX];
    struct client_relay *relay; /* of a proxy's connection: see forward_private.h; else NULL */
};

extern const struct client_protocol smp_client_protocol;

static inline struct smp_client *smp_client(const struct smq_client *client) {
    return client->state;
}

/* What SMP posts to process lanes (actors/client/post.h). */
enum smp_lane_message {
    LANE_FORWARDS = LANE_PROTOCOL +
                    CLIENT_PROTOCOL_SMP *
                        LANE_PROTOCOL_KINDS, /* from whoever forwards: forward_list.message, which holds a reference */
};

struct smp_lane {
    struct registry registry;
};

static inline struct registry *lane_registry(const struct process_lane *lane) {
    return &((struct smp_lane *)lane->states[CLIENT_PROTOCOL_SMP])->registry;
}

/* handshake.c: the calls of the protocol's table. With is_service the router answers once more. */
enum smq_result smp_hello(struct smq_client *client, const uint8_t *bytes);
enum smq_result smp_hello_answer(struct smq_client *client, const uint8_t *bytes);
enum smq_result smp_write_hello(struct smq_client *client, uint8_t *bytes);
/* Whether the command carries the signature of the client's service. Process and send lane, after the handshake. */
bool client_signs_as_service(const struct smq_client *client, enum smp_command_tag tag);

/* receive.c: all that is in a block. */
void smp_received(struct process_lane *lane, struct smq_client *client, struct block *block);

/* error.c */
/* The public code of a router's error. */
enum smq_protocol_error protocol_error_of(const struct smp_error *error);
/* The text of an error, in `lane`; valid until the next delivery. */
const char *lane_error_text(struct process_lane *lane, const struct smp_error *error);
