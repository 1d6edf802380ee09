/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP's part of a process lane: what the kernel asks about a command on its way (commands.h). */
#pragma once

#include "actors/router/commands.h"
#include "actors/smp/execute.h"
#include "actors/smp/queue_lookup.h"
#include "queues/base/owner.h"
#include "transport/block/transmission.h"

struct smp_lane {
    EXTENDS(process_lane);
    /* Of the present command. */
    struct transmission transmission;
    struct smp_command command;
    struct execution execution;
    struct queue_lookup lookup;
    uint8_t scratch[AUTHORIZED_MAX]; /* bytes to be signed, in one piece */
};

extern const struct router_commands smp_commands;
