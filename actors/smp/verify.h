/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Authorization of one SMP command (reference: Server.hs, verifyTransmission): which key, which proof. The same work
 * whether or not the queue exists: actors/router/verify.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "actors/router/verify.h"
#include "actors/smp/command_slot.h"
#include "stores/smp/queue_store.h"
#include "transport/smp/command.h"

/* What is verified. Process lane only. */
struct smp_verification {
    struct verification base;
    struct transmission_form form;
    const struct service_session *service; /* NULL: the command does not speak for a service */
    const struct smp_command *command;
};

/* `scratch`: AUTHORIZED_MAX bytes of the lane. */
void verification_prepare(struct smp_verification *verification, const struct command_slot *slot,
                          const struct transmission *transmission, const struct smp_command *command, uint8_t *scratch,
                          uint32_t *cost_us);

/* The service checks, in the reference's order: the session's role may send the command (else CMD PROHIBITED); the
 * service signature is there exactly when it must be, and verifies (else SERVICE). True: passed. */
bool verify_service(const struct smp_verification *verification, struct smp_error *error);

/* Whether the command is authorised for `record` (of the command's entity; NULL for commands without a queue). For
 * false the answer is AUTH. */
bool verify_command(const struct smp_verification *verification, const struct queue_record *record);
