/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Authorization of one command (reference: Server.hs, verifyTransmission): which key, which proof, and the same work
 * whether or not the queue exists. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/router/command_batch.h"
#include "stores/smp/queue_store.h"
#include "transport/smp/command.h"
#include "transport/smp/transmission.h"

/* What is verified. Process lane only. */
struct verification {
    struct client_session *session;
    struct smp_envelope envelope;
    const struct service_session *service; /* NULL: the command does not speak for a service */
    const struct smp_transmission *transmission;
    const struct smp_command *command;
    struct smp_authorized authorized; /* what the entity's key signs */
    uint8_t *scratch;                 /* SMP_AUTHORIZED_MAX bytes of the lane */
    uint32_t *cost_us;                /* what the checks cost, about, is added there */
};

void verification_prepare(struct verification *verification, const struct command_slot *slot,
                          const struct smp_transmission *transmission, const struct smp_command *command,
                          uint8_t *scratch, uint32_t *cost_us);

/* The service checks, in the reference's order: the session's role may send the command (else CMD PROHIBITED); the
 * service signature is there exactly when it must be, and verifies (else SERVICE). True: passed. */
bool verify_service(const struct verification *verification, struct smp_error *error);

/* Whether the command is authorised for `record` (of the command's entity; NULL for commands without a queue). For
 * false the answer is AUTH. */
bool verify_command(const struct verification *verification, const struct queue_record *record);

/* The work of a failing check, for a queue that does not exist. */
void verify_nothing(const struct verification *verification);

/* NSUBS, SUBS: the service session key over the command itself. */
bool verify_service_command(const struct verification *verification);
